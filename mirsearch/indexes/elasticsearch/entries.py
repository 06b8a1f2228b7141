"""The lists that an index keeps besides figures: one document for each entry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from elasticsearch import Elasticsearch

from mirsearch.indexes.base import JsonObject
from mirsearch.indexes.elasticsearch.bulk import Action, delete_action, index_action
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import Document, utc_timestamp
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.paging import search_pages

_PAGE_SIZE = 500


def entry_actions(index: str, kept: str, entries: Mapping[str, JsonObject], removed: Iterable[str]) -> Iterator[Action]:
    """Write one document for each entry of a list, in place of an earlier one; delete others by name."""
    for name in removed:
        yield delete_action(index, _document_id(kept, name))
    for name, value in entries.items():
        doc_id = _document_id(kept, name)
        entry = {"id": doc_id, "list": kept, "content": {"name": name, "value": value}}
        yield index_action(index, doc_id, {"doc_type": "entry", "ingested_at": utc_timestamp(), "entry": entry})


def read_entries(client: Elasticsearch, address: Address, kept: str) -> dict[str, JsonObject]:
    """Return the entries of a list by name, in the order of names."""
    pages = search_pages(
        client,
        address,
        index=address.name,
        size=_PAGE_SIZE,
        query={"bool": {"filter": [{"term": {"doc_type": "entry"}}, {"term": {"entry.list": kept}}]}},
        sort=[{"entry.id": {"order": "asc", "unmapped_type": "keyword"}}],
        source_includes=["entry"],
    )
    with read_answers(address):
        return dict(sorted(read_entry(hit["_source"]) for hits in pages for hit in hits))


def read_entry(document: Document) -> tuple[str, JsonObject]:
    """Return the name and the value of an entry. Raises LookupError or TypeError for a document that is none."""
    content = document["entry"]["content"]
    return str(content["name"]), dict(content["value"])


def _document_id(kept: str, name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
    return f"entry:{kept}:{digest}"
