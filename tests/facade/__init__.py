"""Tests of `mirsearch.facade`."""
