"""What an index on Elasticsearch has of words: the headings that may have one, and near spellings of one it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.filters import IS_PANEL
from mirsearch.text.spelling import MIN_LETTERS, as_written, nearest_words
from mirsearch.text.terms import PREFIX_SIGN
from mirsearch.text.word_query import Word

MAX_HEADINGS = 10_000
"""Most different headings among panels that have a word in their text or heading."""
_NEAR = {
    "field": "words.caption", "suggest_mode": "always", "size": 10, "max_edits": 2, "prefix_length": 1,
    "min_word_length": MIN_LETTERS,
}  # fmt: skip
"""The term suggester, over the words of captions."""


class IndexVocabulary:
    """The part of an index that knows its words."""

    _client: Elasticsearch
    _address: Address

    def near_words(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return near spellings for those of some tokens that no panel has. See `SpellingIndex`."""
        with read_answers(self._address):
            return _near_words(self._client, self._address.name, words)

    def _headings(self, word: Word) -> list[str]:
        with read_answers(self._address):
            return headings_with(self._client, self._address.name, word)


def headings_with(client: Elasticsearch, index: str, word: Word) -> list[str]:
    """Return the headings of panels whose text or heading has the first token of a word. UsageError if too many."""
    token = word.term[0]
    kind = "prefix" if token.endswith(PREFIX_SIGN) else "term"
    clause: dict[str, Any] = {kind: {"words.text": token.removesuffix(PREFIX_SIGN)}}
    answer = client.search(
        index=index,
        size=0,
        query={"bool": {"filter": [IS_PANEL, clause]}},
        aggregations={"headings": {"terms": {"field": "panel.heading", "size": MAX_HEADINGS}}},
        allow_partial_search_results=False,
    )
    found = answer["aggregations"]["headings"]
    if found["sum_other_doc_count"]:
        raise UsageError(f"heading:{word.typed}: more than {MAX_HEADINGS:,} headings may have it", "give a rarer word")
    return [str(bucket["key"]) for bucket in found["buckets"]]


def _near_words(client: Elasticsearch, index: str, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each of the tokens that no panel has, near spellings from the captions, as they are written there."""
    found = client.search(
        index=index,
        size=0,
        query={"bool": {"filter": [IS_PANEL]}},
        aggregations={"has": {"filters": {"filters": {word: {"term": {"words.all": word}} for word in words}}}},
        suggest={"near": {"text": " ".join(words), "term": _NEAR}},
        allow_partial_search_results=False,
    )
    counts = found["aggregations"]["has"]["buckets"]
    missing = [word for word in words if not counts[word]["doc_count"]]
    options = {entry["text"]: entry["options"] for entry in found.get("suggest", {}).get("near", [])}
    near = {
        word: nearest_words(word, [(option["text"], option["freq"]) for option in options.get(word, [])])
        for word in missing
    }
    written = _as_written(client, index, list(dict.fromkeys(token for tokens in near.values() for token in tokens)))
    return {word: tuple(written[token] for token in tokens) for word, tokens in near.items()}


def _as_written(client: Elasticsearch, index: str, tokens: Sequence[str]) -> dict[str, str]:
    """Return how a caption writes each token."""
    if not tokens:
        return {}
    searches: list[dict[str, Any]] = []
    for token in tokens:
        query = {"bool": {"filter": [IS_PANEL, {"term": {"words.caption": token}}]}}
        searches += [{}, {"size": 1, "_source": ["caption"], "query": query, "sort": [{"panel.id": "asc"}]}]
    answers = client.msearch(index=index, searches=searches)["responses"]
    captions = [[hit["_source"].get("caption") or "" for hit in answer["hits"]["hits"]] for answer in answers]
    return {
        token: as_written(token, found[0]) if found else token for token, found in zip(tokens, captions, strict=True)
    }
