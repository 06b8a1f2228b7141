"""Drawn scale bars: their styles, databars, and pictures with one bar each."""
