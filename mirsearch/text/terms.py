"""What a search term is, and the version of the words: for code that only handles them, without their patterns."""

from __future__ import annotations

ANALYSIS = "2"
"""Version of :func:`mirsearch.text.tokens.tokens`. Raise it whenever the words change: indexes then rebuild theirs."""

Term = tuple[str, ...]
"""Consecutive tokens: one for a word, several for a quoted phrase. One that ends in PREFIX_SIGN is a beginning."""
PREFIX_SIGN = "*"
"""The end of a term that stands for all words that begin with it. No token has it."""
