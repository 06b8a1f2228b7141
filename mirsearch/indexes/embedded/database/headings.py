"""The SQL function that looks for words in the headings of panels. Every connection has it, so it loads no patterns."""

from __future__ import annotations

import sqlite3

HEADING_HAS = "heading_has"


def register(connection: sqlite3.Connection) -> None:
    """Add the function that tells whether a heading has a term (its tokens, with spaces between)."""
    connection.create_function(HEADING_HAS, 2, _has_term, deterministic=True)


def _has_term(heading: str | None, term: str) -> bool:
    from mirsearch.text.matches import has_term
    from mirsearch.text.tokens import tokens

    return heading is not None and has_term(tokens(heading), tuple(term.split()))
