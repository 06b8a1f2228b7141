"""Conditions on words, and terms that rank, as clauses of an Elasticsearch query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mirsearch import settings
from mirsearch.indexes.elasticsearch.words import PAIR_SEPARATOR, WORD_REPEATS
from mirsearch.text.matches import has_term
from mirsearch.text.terms import PREFIX_SIGN, Term
from mirsearch.text.tokens import tokens
from mirsearch.text.word_query import WORD_FIELDS, Both, Node, Not, Word

Json = dict[str, Any]
Headings = Callable[[Word], Sequence[str]]
"""Returns the headings of the index that may have a word."""

WORDS_BOOST = (1.2 + 1) / (1.2 * WORD_REPEATS + 1)
"""Boost of single words. It corrects BM25's factor k1 + 1: in `words.all` k1 is 1.2 times the number of repetitions."""
PREFIX_WORDS = 64
"""Most words of a beginning by which a panel is ranked; all panels with one of its words match."""
PREFIX_BOOST = 0.1
"""Score of a panel that matches a beginning by none of these words."""


def word_clause(node: Node, headings: Headings) -> Json:
    """Return the clause that a panel meets a tree of words. `headings` is asked for words of headings."""
    if isinstance(node, Word):
        return _leaf_clause(node, headings)
    if isinstance(node, Not):
        return {"bool": {"must_not": [word_clause(node.part, headings)]}}
    parts = [word_clause(part, headings) for part in node.parts]
    return {"bool": {"filter": parts}} if isinstance(node, Both) else _any_of(parts)


def _leaf_clause(word: Word, headings: Headings) -> Json:
    if word.field == "label":
        return {"term": {"panel.label": {"value": word.letter, "case_insensitive": True}}}
    if word.field == "heading":
        found = [heading for heading in headings(word) if has_term(tokens(heading), word.term)]
        return {"terms": {"panel.heading": found}} if found else {"match_none": {}}
    is_beginning = word.prefix is not None
    if word.field is None and not is_beginning and len(word.term) <= 2:
        return {"term": {"words.all": PAIR_SEPARATOR.join(word.term)}}
    fields = (word.field,) if word.field else WORD_FIELDS
    return _any_of([_field_clause(f"words.{field}", word.term) for field in fields])


def _field_clause(field: str, term: Term) -> Json:
    if term[0].endswith(PREFIX_SIGN):
        return {"prefix": {field: term[0].removesuffix(PREFIX_SIGN)}}
    return {"term": {field: term[0]}} if len(term) == 1 else {"match_phrase": {field: " ".join(term)}}


def _any_of(clauses: list[Json]) -> Json:
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def text_clause(terms: list[Term]) -> Json | None:
    """Return BM25 of any of the terms, over caption, OCR text, title and mentions together; None without terms."""
    fields = [f"words.{name}^{boost:g}" for name, boost in settings.TEXT_BOOSTS.items()]
    beginnings = [term[0].removesuffix(PREFIX_SIGN) for term in terms if term[0].endswith(PREFIX_SIGN)]
    words = [PAIR_SEPARATOR.join(term) for term in terms if len(term) <= 2 and not term[0].endswith(PREFIX_SIGN)]
    clauses: list[Json] = []
    if words:
        clauses.append({"match": {"words.all": {"query": " ".join(words), "boost": round(WORDS_BOOST, 6)}}})
    phrases = [" ".join(term) for term in terms if len(term) > 2]
    clauses += [{"multi_match": {"query": phrase, "type": "phrase", "fields": fields}} for phrase in phrases]
    clauses += [clause for beginning in beginnings for clause in _beginning_clauses(beginning)]
    if not clauses:
        return None
    return {"bool": {"should": clauses, "minimum_should_match": 1, "_name": "text"}}


def _beginning_clauses(beginning: str) -> list[Json]:
    """Return the clauses that rank by the words with a beginning: by the most frequent ones, and by any at all."""
    all_words: list[Json] = [{"prefix": {f"words.{name}": beginning}} for name in settings.TEXT_BOOSTS]
    ranked: list[Json] = [
        {
            "prefix": {
                f"words.{name}": {
                    "value": beginning, "rewrite": f"top_terms_blended_freqs_{PREFIX_WORDS}", "boost": round(boost, 6)
                }
            }
        }
        for name, boost in settings.TEXT_BOOSTS.items()
    ]  # fmt: skip
    return [*ranked, {"constant_score": {"filter": _any_of(all_words), "boost": PREFIX_BOOST}}]


def unnamed_clause(clause: Json) -> Json:
    """Return a bool clause without its `_name`, so that the answer does not report its score."""
    return {"bool": {name: value for name, value in clause["bool"].items() if name != "_name"}}
