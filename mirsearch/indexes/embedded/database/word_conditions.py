"""Conditions on words as SQL on panels (p): matches in the FTS5 table, joined by AND, OR and NOT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mirsearch.indexes.embedded.database.headings import HEADING_HAS
from mirsearch.text.terms import PREFIX_SIGN, Term
from mirsearch.text.word_query import Both, Either, Node, Not, Word

Condition = tuple[str, list[Any]]
"""SQL, with its values in order."""
_MATCH = "p.key IN (SELECT rowid FROM words WHERE words MATCH ?)"
_LABEL = "(p.label IS NOT NULL AND p.label = ? COLLATE NOCASE)"
_OWN_COLUMNS = ("heading", "label")
"""Fields that are columns of panels."""


def word_condition(node: Node) -> Condition:
    """Return the condition that a panel meets a tree of words; never NULL."""
    expression = _fts5(node)
    if expression is not None:
        return _MATCH, [expression]
    if isinstance(node, Word):
        return _own_column_condition(node)
    if isinstance(node, Not):
        condition, values = word_condition(node.part)
        return f"NOT ({condition})", values
    parts = [word_condition(part) for part in _grouped(node)]
    joined = (" AND " if isinstance(node, Both) else " OR ").join(f"({condition})" for condition, _ in parts)
    return joined, [value for _, values in parts for value in values]


def _grouped(node: Both | Either) -> Sequence[Node]:
    """Return the parts of a node; those that one match can answer stand together."""
    matched = tuple(part for part in node.parts if _fts5(part) is not None)
    rest = tuple(part for part in node.parts if part not in matched)
    return (type(node)(matched), *rest) if len(matched) > 1 else node.parts


def _fts5(node: Node) -> str | None:
    """Return a tree as one expression of FTS5, whose NOT takes two sides; None if there is none."""
    if isinstance(node, Word):
        return None if node.field in _OWN_COLUMNS else (f"{node.field} : " if node.field else "") + fts5_term(node.term)
    if isinstance(node, Not):
        return None
    is_both = isinstance(node, Both)
    excluded = [_fts5(part.part) for part in node.parts if is_both and isinstance(part, Not)]
    wanted = [_fts5(part) for part in node.parts if not (is_both and isinstance(part, Not))]
    if not wanted or None in (*wanted, *excluded):
        return None
    joined = (" AND " if is_both else " OR ").join(str(expression) for expression in wanted)
    return f"(({joined}) NOT ({' OR '.join(map(str, excluded))}))" if excluded else f"({joined})"


def _own_column_condition(word: Word) -> Condition:
    if word.field == "label":
        return _LABEL, [word.letter]
    in_text, values = word_condition(Word(word.term, "text"))  # a heading is searched with the text of its panel
    return f"{in_text} AND {HEADING_HAS}(p.heading, ?)", [*values, " ".join(word.term)]


def fts5_term(term: Term) -> str:
    """Return a term as an FTS5 string, with a star for a beginning. Tokens contain neither quotes nor operators."""
    beginning = term[-1].endswith(PREFIX_SIGN)
    text = " ".join(term).removesuffix(PREFIX_SIGN if beginning else "").replace('"', '""')
    return f'"{text}"' + " *" * beginning
