"""The index on an Elasticsearch cluster, with the same protocol as the embedded index."""

from __future__ import annotations

import base64
import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any
from urllib.parse import urlencode

from elasticsearch import Elasticsearch

from mirsearch import settings
from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, IndexWriter, JsonObject, KnownFigure
from mirsearch.indexes.elasticsearch import admin, names
from mirsearch.indexes.elasticsearch import query as queries
from mirsearch.indexes.elasticsearch.client import Address, connect, parse_address
from mirsearch.indexes.elasticsearch.current import existing_index
from mirsearch.indexes.elasticsearch.documents import (
    HEAVY_FIELDS,
    NOTE_FIELDS,
    read_notes,
    read_panel,
)
from mirsearch.indexes.elasticsearch.entries import read_entries
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.extent import ExtentReader
from mirsearch.indexes.elasticsearch.failures import read_failures
from mirsearch.indexes.elasticsearch.fields import sort_clauses
from mirsearch.indexes.elasticsearch.filters import article_clause, filter_clauses
from mirsearch.indexes.elasticsearch.meanings import MeaningOnCluster
from mirsearch.indexes.elasticsearch.paging import snapshot_pages
from mirsearch.indexes.elasticsearch.patience import fetch_documents
from mirsearch.indexes.elasticsearch.search import read_result
from mirsearch.indexes.elasticsearch.server import naming_servers
from mirsearch.indexes.elasticsearch.stats import count_values, read_counts, stored_bytes
from mirsearch.indexes.elasticsearch.vectors import VectorReads
from mirsearch.indexes.elasticsearch.writer import open_writer
from mirsearch.query import Filters, Order, SearchRequest, SearchResult, StoredPanel

PAGE_SIZE = 500
MAX_CACHED_THUMBNAILS = 128
_MIN_PREFIX_DIGITS = 6
_HEAVY_BUT_THUMBNAIL = tuple(name for name in HEAVY_FIELDS if name != "thumbnail")


class ElasticsearchIndex(names.FigureNames, VectorReads, MeaningOnCluster):
    """An index on a cluster. It allows any number of readers and one writer at once; several threads can share it."""

    def __init__(self, address: Address, client: Elasticsearch, physical: str) -> None:
        self.location = str(address)
        self._address, self._client, self._physical = address, client, physical
        self._extractor, self._schema, _ = admin.read_meta(client, address, physical)
        self._extent = ExtentReader(client, address.name, self._extractor.dims)
        self._thumbnails: OrderedDict[str, bytes | None] = OrderedDict()

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> ElasticsearchIndex:
        """Open the index at the address `location`; with `create`, create it if absent and refuse another extractor's.

        With `create`, requests are repeated while the cluster restarts.
        """
        address = parse_address(location)
        client = connect(address, patience=0.0 if create is None else settings.cluster_wait_seconds())
        try:
            with naming_servers(client, address), read_answers(address):
                if create is not None and admin.current_physical_index(client, address) is None:
                    admin.create_index(location, create)
                index = cls(address, client, existing_index(client, address))
            if create is not None and index.extractor != create:
                raise mismatch_error(location, index.extractor, create)
        except BaseException:
            client.close()
            raise
        return index

    @property
    def extractor(self) -> ExtractorIdentity:
        """The extractor this index was built with."""
        return self._extractor

    def writer(self) -> AbstractContextManager[IndexWriter]:
        """Return the writing session; entering it raises IndexBusyError while another process writes."""
        self._thumbnails.clear()
        return open_writer(self._client, self._address, self._extractor)

    def failures(self) -> list[Failure]:
        """Return the failures of ingests that no later ingest settled, ordered by input; at most 10,000."""
        with read_answers(self._address):
            return read_failures(self._client, self._address.name, self._own)

    def entries(self, kept: str) -> dict[str, JsonObject]:
        """Return the entries, by name, of a list that the index keeps."""
        return read_entries(self._client, self._address, kept)

    def known_figures(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Return the given figures that are completely in the index."""
        known: dict[str, KnownFigure] = {}
        for figure_id, document in self._figure_documents(figure_ids):
            with read_answers(self._address):
                if document["figure_state"] == "complete":
                    known[figure_id] = self._known(figure_id, document)
        return known

    def figure_notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """Return how each figure was read and what was corrected; figures that are not in the index are left out."""
        documents = self._figure_documents(figure_ids, source_includes=["doc_type", *NOTE_FIELDS])
        with read_answers(self._address):
            return {figure_id: read_notes(document) for figure_id, document in documents}

    def _figure_documents(self, figure_ids: Sequence[str], **options: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        for start in range(0, len(figure_ids), PAGE_SIZE):
            ids = list(dict.fromkeys(figure_ids[start : start + PAGE_SIZE]))
            with read_answers(self._address):
                documents = fetch_documents(self._client, self._address.name, ids, **options)
                sources = [(item["_id"], item.get("_source") or {}) for item in documents]
                figures = [pair for pair in sources if pair[1].get("doc_type") == "figure"]
            yield from figures

    def search(self, request: SearchRequest) -> SearchResult:
        """Return the best panels for a request. The result tells whether it is exact."""
        parts = (request.vector, request.field_of_view_nm, request.text or None, request.text_vector)
        if request.meaning_vector is None and all(part is None for part in parts):
            raise UsageError("the query is empty", "give an image, words or a field of view")
        if request.vector is not None and request.vector.shape != (self._extractor.dims,):
            raise IndexMismatchError(
                f"the query vector has shape {request.vector.shape}, but the index has {self._extractor.dims} dims",
                "embed the query with the extractor of the index",
            )
        plan = self._plan(request)
        if not (plan.has_vector or plan.has_scale or plan.terms or plan.has_text_vector or plan.has_meaning):
            return SearchResult([], exact=True, considered=0, detail={"words": []})
        with read_answers(self._address):
            answer = self._client.search(
                index=self._address.name,
                body=plan.body(),
                include_named_queries_score=True,
                allow_partial_search_results=False,
                **plan.options,
            )
            result = read_result(plan, answer.body)
        if not plan.is_exhaustive:
            result.detail["searched"] = self._extent.read().documents
        result.detail["words"] = [" ".join(term) for term in plan.terms]
        return result

    def show_request(self, request: SearchRequest) -> tuple[str, dict[str, Any]]:
        """Return the path and JSON body of the search, which any client can POST; neither contains a secret."""
        plan = self._plan(request)
        options = urlencode({"include_named_queries_score": "true", **plan.options})
        return f"{self._address.name}/_search?{options}", plan.body()

    def _plan(self, request: SearchRequest) -> queries.QueryPlan:
        """Return the plan of a request; in a small index it scores all panels."""
        with read_answers(self._address):
            extent = self._extent.read()
        if extent.documents <= queries.exact_documents(self._extractor.dims):
            request = dataclasses.replace(request, exact=True)
        return queries.QueryPlan(request, self._headings, extent)

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Return panels by id, in the order of the ids; NotFoundError names the first that is missing."""
        found: dict[str, StoredPanel] = {}
        few = len(panel_ids) <= MAX_CACHED_THUMBNAILS
        for start in range(0, len(panel_ids), PAGE_SIZE):
            ids = list(dict.fromkeys(panel_ids[start : start + PAGE_SIZE]))
            with read_answers(self._address):
                excluded = list(_HEAVY_BUT_THUMBNAIL if few else HEAVY_FIELDS)
                documents = fetch_documents(self._client, self._address.name, ids, source_excludes=excluded)
                for item in documents:
                    document = item.get("_source") or {}
                    if document.get("doc_type") == "panel":
                        found[item["_id"]] = self._own.panel(read_panel(document))
                        if few:
                            self._cache_thumbnail(item["_id"], document)
        missing = next((panel_id for panel_id in panel_ids if panel_id not in found), None)
        if missing is not None:
            raise self._not_found(missing)
        return [found[panel_id] for panel_id in panel_ids]

    def _cache_thumbnail(self, panel_id: str, document: dict[str, Any]) -> None:
        encoded = document.get("thumbnail")
        self._thumbnails[panel_id] = base64.b64decode(encoded) if encoded else None
        while len(self._thumbnails) > MAX_CACHED_THUMBNAILS:
            self._thumbnails.popitem(last=False)

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """Return all panels of a figure in reading order; empty if there is no such figure."""
        return list(self._panels_matching([{"term": {"figure.id": figure_id}}], {"panel.number": "asc"}))

    def find_panels(self, some_id: str) -> list[StoredPanel]:
        """Find panels by panel id, figure id (or a unique prefix of 6 or more digits), article id, DOI or PMC id."""
        some_id = some_id.strip()
        if not some_id:
            return []
        by_id: list[dict[str, Any]] = [{"term": {name: some_id}} for name in (queries.PANEL_ID_FIELD, "figure.id")]
        for clause in (*by_id, article_clause(some_id)):
            found = list(self._panels_matching([clause], {"figure.id": "asc"}, {"panel.number": "asc"}))
            if found:
                return found
        figure = self._figure_with_prefix(some_id.lower())
        return self.figure_panels(figure) if figure else []

    def _figure_with_prefix(self, prefix: str) -> str | None:
        if len(prefix) < _MIN_PREFIX_DIGITS or not all(digit in "0123456789abcdef" for digit in prefix):
            return None
        with read_answers(self._address):
            answer = self._client.search(
                index=self._address.name,
                size=2,
                source=False,
                query={"bool": {"filter": [{"term": {"doc_type": "figure"}}, {"prefix": {"figure.id": prefix}}]}},
            )
            return str(answer["hits"]["hits"][0]["_id"]) if len(answer["hits"]["hits"]) == 1 else None

    def thumbnail(self, panel_id: str) -> bytes | None:
        """Return the panel's small JPEG; None if it has none or there is no such panel."""
        if panel_id in self._thumbnails:
            return self._thumbnails.pop(panel_id)
        with read_answers(self._address):
            (item,) = fetch_documents(self._client, self._address.name, [panel_id], source_includes=["thumbnail"])
            encoded = (item.get("_source") or {}).get("thumbnail")
            return base64.b64decode(encoded) if encoded else None

    def select_panels(self, filters: Filters, order: Order | None = None) -> Iterator[StoredPanel]:
        """Yield the panels that match, in this order (None: by panel id), from one snapshot, in bounded memory."""
        return self._panels_matching(filter_clauses(filters, self._headings), *sort_clauses(order))

    def _panels_matching(self, clauses: list[dict[str, Any]], *order: dict[str, Any]) -> Iterator[StoredPanel]:
        """Yield the panels that match the clauses, page by page of a point in time."""
        pages = snapshot_pages(
            self._client,
            self._address,
            self._address.name,
            size=PAGE_SIZE,
            query={"bool": {"filter": [{"term": {"doc_type": "panel"}}, *clauses]}},
            sort=list(order),
            source_excludes=list(HEAVY_FIELDS),
        )
        with closing(pages):
            for hits in pages:
                with read_answers(self._address):
                    panels = [self._own.panel(read_panel(hit["_source"])) for hit in hits]
                yield from panels

    def count_values(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Count the panels that pass the filters by their values. See `Index.count_values`."""
        with read_answers(self._address):
            return count_values(self._client, self._address.name, filter_clauses(filters, self._headings))

    def stats(self) -> dict[str, Any]:
        """Return counts, the extractor, the schema version, the physical index and its bytes on disk."""
        with read_answers(self._address):
            physical = existing_index(self._client, self._address)
            counts = read_counts(self._client, self._address.name)
            counts["bytes"] = stored_bytes(self._client, physical)
        extractor, model = self._extractor, self.meaning()
        return counts | {
            "extractor": extractor.name,
            "extractor_version": extractor.version,
            "dims": extractor.dims,
            **({} if model is None else {"meaning": str(model)}),
            "schema_version": self._schema,
            "physical_index": physical,
        }

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> ElasticsearchIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
