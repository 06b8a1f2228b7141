"""An index on an Elasticsearch cluster: the same protocol as the embedded one, behind an address."""

from __future__ import annotations

import base64
import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.errors import IndexAccessError, IndexMismatchError, NotFoundError, UsageError
from mirsearch.indexes import mismatch
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, IndexWriter, KnownFigure
from mirsearch.indexes.elasticsearch import admin, mapping
from mirsearch.indexes.elasticsearch import query as queries
from mirsearch.indexes.elasticsearch.client import Address, connect, parse
from mirsearch.indexes.elasticsearch.documents import HEAVY, NOTES, read_article, read_notes, read_origins, read_panel
from mirsearch.indexes.elasticsearch.errors import told
from mirsearch.indexes.elasticsearch.failures import noted
from mirsearch.indexes.elasticsearch.patience import fetch
from mirsearch.indexes.elasticsearch.search import result
from mirsearch.indexes.elasticsearch.stats import Size, counts, stored_bytes
from mirsearch.indexes.elasticsearch.writer import session
from mirsearch.query import Filters, SearchRequest, SearchResult, StoredPanel

PAGE = 500
KEPT_THUMBNAILS = 128
_PREFIX_DIGITS = 6
_LIGHT = tuple(name for name in HEAVY if name != "thumbnail")


class ElasticsearchIndex:
    """An index on a cluster. Any number of readers and one writer at once; one object serves several threads."""

    def __init__(self, address: Address, client: Elasticsearch, physical: str) -> None:
        self.location = str(address)
        self._address, self._client, self._physical = address, client, physical
        self._extractor, self._schema, self._made_on = admin.read_meta(client, address, physical)
        self._size = Size(client, address.name)
        self._thumbnails: OrderedDict[str, bytes | None] = OrderedDict()

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> ElasticsearchIndex:
        """Open the index at the address `location`; with `create` make it when absent, refuse another extractor's.

        What is opened to be filled waits for a cluster that restarts.
        """
        address = parse(location)
        client = connect(address, patience=0.0 if create is None else settings.cluster_patience())
        try:
            with told(address):
                physical = admin.current(client, address)
                if physical is None and create is not None:
                    admin.create(location, create)
                    physical = admin.current(client, address)
                if physical is None:
                    raise IndexAccessError(
                        f"there is no index {address.name} at {address.cluster}",
                        "make it with: mirsearch ingest or mirsearch index create",
                    )
                index = cls(address, client, physical)
            if create is not None and index.extractor != create:
                raise mismatch(location, index.extractor, create)
        except BaseException:
            client.close()
            raise
        return index

    @property
    def extractor(self) -> ExtractorIdentity:
        """The extractor this index was built with."""
        return self._extractor

    def writer(self) -> AbstractContextManager[IndexWriter]:
        """The writing session; IndexBusyError where another process has it."""
        pack = admin.pair(self._made_on) >= mapping.PACKED_FROM
        self._thumbnails.clear()
        return session(self._client, self._address, self._physical, self._extractor, pack=pack)

    def failures(self) -> list[Failure]:
        """What ingests could not take, and have not taken since, by input; at most 10,000."""
        with told(self._address):
            return noted(self._client, self._address.name)

    def known(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Those of the figures that are in the index, whole."""
        found: dict[str, KnownFigure] = {}
        for figure_id, document in self._figures(figure_ids):
            if document["figure_state"] == "complete":
                article = read_article(document)
                caption = document["figure"].get("caption") or ""
                found[figure_id] = KnownFigure(
                    figure_id, caption, article.id if article else None, read_origins(document)
                )
        return found

    def notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """How each of the figures was read and what was corrected; those that are not there are left out."""
        documents = self._figures(figure_ids, source_includes=["doc_type", *NOTES])
        return {figure_id: read_notes(document) for figure_id, document in documents}

    def _figures(self, figure_ids: Sequence[str], **how: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        for start in range(0, len(figure_ids), PAGE):
            ids = list(dict.fromkeys(figure_ids[start : start + PAGE]))
            with told(self._address):
                documents = fetch(self._client, self._physical, ids, **how)
            for item in documents:
                document = item.get("_source") or {}
                if document.get("doc_type") == "figure":
                    yield item["_id"], document

    def search(self, request: SearchRequest) -> SearchResult:
        """The best panels for a request; the result says whether it is exact."""
        if (
            request.vector is None
            and request.field_of_view_nm is None
            and not request.text
            and request.text_vector is None
        ):
            raise UsageError("nothing to look for", "give an image, words or a field of view")
        if request.vector is not None and request.vector.shape != (self._extractor.dims,):
            raise IndexMismatchError(
                f"a query vector of shape {request.vector.shape}, where the index holds {self._extractor.dims} dims",
                "embed the query with the extractor of the index",
            )
        asked = self._asked(request)
        if not (asked.vector or asked.scale or asked.words or asked.said):
            return SearchResult([], exact=True, considered=0, detail={"words": []})
        with told(self._address):
            answer = self._client.search(
                index=self._address.name,
                body=asked.body(),
                include_named_queries_score=True,
                allow_partial_search_results=False,
            )
        found = result(asked, answer.body)
        found.detail["words"] = [" ".join(term) for term in asked.words]
        return found

    def show_request(self, request: SearchRequest) -> tuple[str, dict[str, Any]]:
        """Path and JSON body of the search, as any client may POST it; nothing secret is in either."""
        return f"{self._address.name}/_search?include_named_queries_score=true", self._asked(request).body()

    def _asked(self, request: SearchRequest) -> queries.Asked:
        """A request as it is sent: of a small index all panels are scored."""
        with told(self._address):
            small = self._size.documents() <= queries.EXACT_DOCUMENTS
        return queries.Asked(dataclasses.replace(request, exact=True) if small else request)

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Panels by id, in the order asked; NotFoundError names the first that is missing."""
        found: dict[str, StoredPanel] = {}
        few = len(panel_ids) <= KEPT_THUMBNAILS
        for start in range(0, len(panel_ids), PAGE):
            ids = list(dict.fromkeys(panel_ids[start : start + PAGE]))
            with told(self._address):
                left_out = list(_LIGHT if few else HEAVY)
                documents = fetch(self._client, self._address.name, ids, source_excludes=left_out)
            for item in documents:
                document = item.get("_source") or {}
                if document.get("doc_type") == "panel":
                    found[item["_id"]] = read_panel(document)
                    if few:
                        self._keep_thumbnail(item["_id"], document)
        missing = next((each for each in panel_ids if each not in found), None)
        if missing is not None:
            raise self._absent(missing)
        return [found[each] for each in panel_ids]

    def _keep_thumbnail(self, panel_id: str, document: dict[str, Any]) -> bytes | None:
        told_of = document.get("thumbnail")
        picture = base64.b64decode(told_of) if told_of else None
        self._thumbnails[panel_id] = picture
        while len(self._thumbnails) > KEPT_THUMBNAILS:
            self._thumbnails.popitem(last=False)
        return picture

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """All panels of a figure in reading order; empty where there is no such figure."""
        return list(self._select([{"term": {"figure.id": figure_id}}], "panel.number"))

    def find(self, some_id: str) -> list[StoredPanel]:
        """Panels of a panel id, figure id (or a unique prefix of 6 or more digits) or article id, DOI or PMC id."""
        some_id = some_id.strip()
        if not some_id:
            return []
        named: list[dict[str, Any]] = [{"term": {name: some_id}} for name in (queries.PANEL, "figure.id")]
        for clause in (*named, queries.article_clause(some_id)):
            found = list(self._select([clause], "figure.id", "panel.number"))
            if found:
                return found
        figure = self._figure_of_prefix(some_id.lower())
        return self.figure_panels(figure) if figure else []

    def _figure_of_prefix(self, prefix: str) -> str | None:
        if len(prefix) < _PREFIX_DIGITS or not all(letter in "0123456789abcdef" for letter in prefix):
            return None
        with told(self._address):
            answer = self._client.search(
                index=self._address.name,
                size=2,
                source=False,
                query={"bool": {"filter": [{"term": {"doc_type": "figure"}}, {"prefix": {"figure.id": prefix}}]}},
            )
        hits = answer["hits"]["hits"]
        return str(hits[0]["_id"]) if len(hits) == 1 else None

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """The stored vector of a panel, float32 (dims,); NotFoundError."""
        with told(self._address):
            answer = self._client.search(
                index=self._address.name,
                size=1,
                source=False,
                fields=[{"field": "vector"}],
                query={"bool": {"filter": [{"term": {"doc_type": "panel"}}, {"ids": {"values": [panel_id]}}]}},
            )
        hits = answer["hits"]["hits"]
        if not hits:
            raise self._absent(panel_id)
        return np.asarray(hits[0]["fields"]["vector"], dtype=np.float32).reshape(-1)

    def thumbnail(self, panel_id: str) -> bytes | None:
        """The panel's small JPEG, None where there is none or no such panel."""
        if panel_id in self._thumbnails:
            return self._thumbnails.pop(panel_id)
        with told(self._address):
            (item,) = fetch(self._client, self._address.name, [panel_id], source_includes=["thumbnail"])
        kept = (item.get("_source") or {}).get("thumbnail")
        return base64.b64decode(kept) if kept else None

    def select(self, filters: Filters) -> Iterator[StoredPanel]:
        """Every panel the filters leave, ordered by panel id, as of one moment, in bounded memory."""
        return self._select(queries.filter_clauses(filters), "panel.id")

    def _select(self, clauses: list[dict[str, Any]], *order: str) -> Iterator[StoredPanel]:
        """Panels that meet the clauses, page by page of a point in time."""
        with told(self._address):
            point = self._client.open_point_in_time(index=self._address.name, keep_alive="5m")["id"]
        query = {"bool": {"filter": [{"term": {"doc_type": "panel"}}, *clauses]}}
        after: dict[str, Any] = {}
        try:
            while True:
                with told(self._address):
                    answer = self._client.search(
                        size=PAGE,
                        query=query,
                        pit={"id": point, "keep_alive": "5m"},
                        sort=[{name: "asc"} for name in order],
                        source_excludes=list(HEAVY),
                        track_total_hits=False,
                        allow_partial_search_results=False,
                        **after,
                    )
                hits = answer["hits"]["hits"]
                yield from (read_panel(hit["_source"]) for hit in hits)
                if len(hits) < PAGE:
                    return
                after = {"search_after": hits[-1]["sort"]}
        finally:
            with told(self._address):
                self._client.options(ignore_status=404).close_point_in_time(id=point)

    def stats(self) -> dict[str, Any]:
        """Counts, what made the vectors, the schema, and bytes on disk."""
        with told(self._address):
            found = counts(self._client, self._address.name)
            found["bytes"] = stored_bytes(self._client, self._physical)
        extractor = self._extractor
        return found | {
            "extractor": extractor.name,
            "extractor_version": extractor.version,
            "dims": extractor.dims,
            "schema_version": self._schema,
            "physical_index": self._physical,
        }

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def __enter__(self) -> ElasticsearchIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _absent(self, panel_id: str) -> NotFoundError:
        return NotFoundError(
            f"no panel {panel_id!r} in the index at {self.location}",
            "see ids with: mirsearch export or mirsearch query",
        )
