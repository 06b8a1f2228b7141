"""Analyze a figure: its panels, captions, kinds, texts, and scale bars."""
