"""Conditions on words as SQL on panels (p). Words come from the words file, whose parts have checksums.

FTS5 would answer them, too, but nothing tells when its index is damaged. So it is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.database.headings import HEADING_HAS
from mirsearch.indexes.embedded.words.words_file import WORD_COLUMNS, Words
from mirsearch.text.word_query import Both, Either, Node, Not, Word

Condition = tuple[str, list[Any]]
"""SQL, with its values in order."""
_ONE_OF = "p.key {}IN (SELECT value FROM json_each(?))"
_LABEL = "(p.label IS NOT NULL AND p.label = ? COLLATE NOCASE)"
_OWN_COLUMNS = ("heading", "label")
"""Fields that are columns of panels."""
_ANY_FIELD = np.ones(len(WORD_COLUMNS), dtype=np.float32)


def word_condition(node: Node, words: Sequence[Words]) -> Condition:
    """Return the condition that a panel meets a tree of words; never NULL. `words` are those of all panels.

    Raises DamagedWordsError.
    """
    if not _has_own_column(node):
        return _keys_condition(node, words)
    if isinstance(node, Word):
        return _own_column_condition(node, words)
    if isinstance(node, Not):
        condition, values = word_condition(node.part, words)
        return f"NOT ({condition})", values
    parts = [word_condition(part, words) for part in _grouped(node)]
    joined = (" AND " if isinstance(node, Both) else " OR ").join(f"({condition})" for condition, _ in parts)
    return joined, [value for _, values in parts for value in values]


def _has_own_column(node: Node) -> bool:
    if isinstance(node, Word):
        return node.field in _OWN_COLUMNS
    return any(map(_has_own_column, (node.part,) if isinstance(node, Not) else node.parts))


def _grouped(node: Both | Either) -> Sequence[Node]:
    """Return the parts of a node; those that one list of panels can answer stand together."""
    listed = tuple(part for part in node.parts if not _has_own_column(part))
    rest = tuple(part for part in node.parts if _has_own_column(part))
    return (type(node)(listed), *rest) if len(listed) > 1 else node.parts


def _keys_condition(node: Node, words: Sequence[Words]) -> Condition:
    """Return the condition that a panel is one of those that meet a tree, or none of the others if they are fewer."""
    masks = [find_panels(node, part) for part in words]
    is_most = sum(map(np.count_nonzero, masks)) > sum(map(len, masks)) // 2
    keys = [key for part, mask in zip(words, masks, strict=True) for key in part.key[mask ^ is_most].tolist()]
    return _ONE_OF.format("NOT " if is_most else ""), [json.dumps(keys, separators=(",", ":"))]


def find_panels(node: Node, words: Words) -> NDArray[np.bool_]:
    """Return whether each panel meets a tree without columns of panels, (panels,)."""
    if isinstance(node, Word):
        boosts = np.array([name == node.field for name in WORD_COLUMNS], dtype=np.float32) if node.field else _ANY_FIELD
        panels, frequency = words.find_term(node.term, boosts)
        found = np.zeros(len(words), dtype=bool)
        found[panels[frequency > 0]] = True
        return found
    if isinstance(node, Not):
        return ~find_panels(node.part, words)
    combine = np.logical_and if isinstance(node, Both) else np.logical_or
    masks = iter(node.parts)
    found = find_panels(next(masks), words)
    for part in masks:
        combine(found, find_panels(part, words), out=found)
    return found


def _own_column_condition(word: Word, words: Sequence[Words]) -> Condition:
    if word.field == "label":
        return _LABEL, [word.letter]
    in_text, values = word_condition(Word(word.term, "text"), words)  # headings are searched with the panel's text
    return f"{in_text} AND {HEADING_HAS}(p.heading, ?)", [*values, " ".join(word.term)]
