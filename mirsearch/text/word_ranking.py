"""What a text looks for, and the terms by which it ranks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mirsearch.settings import LIMITS
from mirsearch.text.terms import Term
from mirsearch.text.tokens import query_terms
from mirsearch.text.word_query import Both, Either, Node, Word, leaves, parse_words


def wanted_words(text: str | None) -> list[Word]:
    """Return the words that a text looks for: all but those under NOT. Empty for no text."""
    return list(leaves(parse_words(text).tree, negated=False)) if text else []


def wanted_text(text: str) -> str:
    """Return a text without operators, fields and excluded words: what a model that reads sentences should be given."""
    query = parse_words(text)
    return " ".join(word.typed.rstrip("*") for word in wanted_words(text)) if query.binds else text


def rank_terms(text: str | None) -> list[Term]:
    """Return the terms by which a text ranks. Plain words have those of `query_terms`: words, pairs and phrases.

    An expression has the words that it looks for; pairs are neighbors that both must be there.
    """
    if not text:
        return []
    query = parse_words(text)
    words = wanted_words(text)
    if not query.binds and not any(word.prefix for word in words):
        return query_terms(text)
    ranked = [word for word in words if word.field != "label"]
    pairs = [pair for run in _runs(query.tree) for pair in pairwise(run)]
    terms = [word.term for word in ranked if len(word.term) > 1]
    terms += [word.term for word in ranked if len(word.term) == 1]
    return list(dict.fromkeys([*terms, *pairs]))[: LIMITS.query_terms]


def _runs(node: Node | None) -> Iterator[list[str]]:
    """Yield the single words that stand beside each other, all of which must be there."""
    if not isinstance(node, Both):
        for part in node.parts if isinstance(node, Either) else ():
            yield from _runs(part)
        return
    run: list[str] = []
    for part in node.parts:
        if isinstance(part, Word) and len(part.term) == 1 and part.prefix is None and part.field != "label":
            run.append(part.term[0])
            continue
        yield run
        run = []
        yield from _runs(part)
    yield run
