"""The contents of an index on Elasticsearch at a point in time: the figures as they were written, and its lists."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mirsearch.corpus import Figure
from mirsearch.corrections import Correction, uncorrected_panel
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureRecord, JsonObject
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import Document, read_figure, read_notes, read_panel
from mirsearch.indexes.elasticsearch.entries import read_entry
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.failures import read_failure
from mirsearch.indexes.elasticsearch.meanings import read_meanings
from mirsearch.indexes.elasticsearch.paging import KEEP_ALIVE, Hit, search_pages
from mirsearch.indexes.own_files import OwnFiles

FIGURES_AT_ONCE = 64
PANELS_AT_ONCE = 250
LISTED_AT_ONCE = 1_000
WAIT_SECONDS = 30.0
"""How long a figure that is being replaced is waited for."""
_COMPLETE = {"term": {"figure_state": "complete"}}


class ElasticsearchSnapshot:
    """What an index has at a point in time. Memory is bounded by the figures of a page.

    `unfinished` counts figures that a writer had begun to replace, and that were not complete in time.
    """

    def __init__(
        self, client: Elasticsearch, address: Address, extractor: ExtractorIdentity, own: OwnFiles, point: str
    ) -> None:
        self._client, self._address, self._dims, self._own = client, address, extractor.dims, own
        self._point = point
        self.unfinished = 0

    def count_figures(self) -> int:
        """Return the number of complete figures."""
        with read_answers(self._address):
            answer = self._client.search(
                pit=self._pit, size=0, track_total_hits=True, query={"bool": {"filter": [_is("figure"), _COMPLETE]}}
            )
            return int(answer["hits"]["total"]["value"])

    @property
    def _pit(self) -> dict[str, str]:
        return {"id": self._point, "keep_alive": KEEP_ALIVE}

    def figures(self) -> Iterator[Figure]:
        """Yield all complete figures by id."""
        for hits in self._pages([_is("figure"), _COMPLETE], ["figure.id"], LISTED_AT_ONCE):
            with read_answers(self._address):
                figures = [self._own.figure(read_figure(hit["_source"])) for hit in hits]
            yield from figures

    def records(self, figure_ids: Sequence[str] | None = None) -> Iterator[FigureRecord]:
        """Yield figures as they were written, without corrections in their panels: all by id, or those of some ids."""
        waiting: list[str] = []
        for documents in self._figure_documents(figure_ids):
            complete = {name: document for name, document in documents.items() if _is_complete(document)}
            waiting += [name for name, document in documents.items() if _is_replaced(document)]
            yield from self._read_records(complete)
        if waiting and figure_ids is None:
            yield from self._replaced_records(waiting)

    def _replaced_records(self, waiting: list[str]) -> Iterator[FigureRecord]:
        """Yield figures that were being replaced at the point in time, as they are once they are complete again."""
        end = time.monotonic() + WAIT_SECONDS
        while waiting and time.monotonic() < end:
            with read_answers(self._address):
                self._client.indices.refresh(index=self._address.name)
            with open_snapshot(self._client, self._address, self._dims_of(), self._own) as later:
                for record in later.records(waiting):
                    waiting.remove(record.figure.id)
                    yield record
            if waiting:
                time.sleep(1.0)
        self.unfinished += len(waiting)

    def _dims_of(self) -> ExtractorIdentity:
        return ExtractorIdentity("", "", self._dims)

    def _figure_documents(self, figure_ids: Sequence[str] | None) -> Iterator[dict[str, Document]]:
        wanted = [None] if figure_ids is None else [
            list(figure_ids[start : start + FIGURES_AT_ONCE]) for start in range(0, len(figure_ids), FIGURES_AT_ONCE)
        ]  # fmt: skip
        for ids in wanted:
            chosen = [] if ids is None else [{"terms": {"figure.id": ids}}]
            for hits in self._pages([_is("figure"), *chosen], ["figure.id"], FIGURES_AT_ONCE):
                with read_answers(self._address):
                    documents = {str(hit["_id"]): hit["_source"] for hit in hits}
                yield documents

    def _read_records(self, figures: dict[str, Document]) -> Iterator[FigureRecord]:
        """Yield the records of figures, whose panels come figure by figure."""
        left = dict(figures)
        for figure_id, pairs in groupby(self._panel_hits(list(figures)), lambda pair: pair[0]):
            with read_answers(self._address):
                record = self._record(left.pop(figure_id), [hit for _, hit in pairs])
            yield record
        for document in left.values():
            with read_answers(self._address):
                record = self._record(document, [])
            yield record

    def _panel_hits(self, figure_ids: list[str]) -> Iterator[tuple[str, Hit]]:
        """Yield the panels of figures, figure by figure, each with the figure's id."""
        if not figure_ids:
            return
        clauses = [_is("panel"), {"terms": {"figure.id": figure_ids}}]
        options: dict[str, Any] = {
            "fields": [{"field": "vector"}, {"field": "meaning"}],
            "source_excludes": ["vector", "meaning", "words", "caption_terms"],
        }
        for hits in self._pages(clauses, ["figure.id", "panel.number", "panel.id"], PANELS_AT_ONCE, **options):
            with read_answers(self._address):
                pairs = [(str(hit["_source"]["figure"]["id"]), hit) for hit in hits]
            yield from pairs

    def _record(self, document: Document, hits: Sequence[Hit]) -> FigureRecord:
        notes = read_notes(document)
        sources = [hit["_source"] for hit in hits]
        if {hit["_id"] for hit in hits} != set(document["panel_ids"]):
            raise ValueError(
                f"figure {document['figure']['id']} has {len(hits)} of {len(document['panel_ids'])} panels"
            )
        vectors = np.array([hit["fields"]["vector"] for hit in hits], dtype=np.float32)
        return FigureRecord(
            self._own.figure(read_figure(document)),
            tuple(uncorrected_panel(read_panel(source).panel, notes.corrections) for source in sources),
            vectors.reshape(len(hits), self._dims),
            tuple(base64.b64decode(source.get("thumbnail") or "") for source in sources),
            notes.analysis_version,
            notes.source_panels,
            notes.corrections,
            read_meanings(hits),
        )

    def failures(self) -> Iterator[Failure]:
        """Yield the inputs that failed."""
        for hits in self._pages([_is("failure")], ["failure.input"], LISTED_AT_ONCE):
            with read_answers(self._address):
                failures = [read_failure(hit["_source"], self._own) for hit in hits]
            yield from failures

    def entries(self) -> dict[str, dict[str, JsonObject]]:
        """Return all lists that the index keeps besides figures, by their names."""
        found: dict[str, dict[str, JsonObject]] = {}
        for hits in self._pages([_is("entry")], ["entry.id"], LISTED_AT_ONCE):
            with read_answers(self._address):
                for hit in hits:
                    name, value = read_entry(hit["_source"])
                    found.setdefault(str(hit["_source"]["entry"]["list"]), {})[name] = value
        return found

    def kept_corrections(self) -> Iterator[tuple[str, tuple[Correction, ...]]]:
        """Yield the corrections of figures that are not in the index now, by the figure's id."""
        clauses = [_is("figure"), {"bool": {"must_not": [_COMPLETE]}}]
        for hits in self._pages(clauses, ["figure.id"], LISTED_AT_ONCE):
            with read_answers(self._address):
                read = [
                    (str(hit["_id"]), read_notes(hit["_source"]).corrections)
                    for hit in hits
                    if not _is_replaced(hit["_source"])
                ]
            yield from ((figure_id, corrections) for figure_id, corrections in read if corrections)

    def _pages(self, clauses: list[dict[str, Any]], order: list[str], size: int, **options: Any) -> Iterator[list[Hit]]:
        return search_pages(
            self._client,
            self._address,
            pit=self._pit,
            size=size,
            query={"bool": {"filter": clauses}},
            sort=[{name: "asc"} for name in order],
            **options,
        )


@contextmanager
def open_snapshot(
    client: Elasticsearch, address: Address, extractor: ExtractorIdentity, own: OwnFiles
) -> Iterator[ElasticsearchSnapshot]:
    """Yield the contents of an index at a point in time, whatever is written meanwhile."""
    with read_answers(address):
        point = str(client.open_point_in_time(index=address.name, keep_alive=KEEP_ALIVE)["id"])
    try:
        yield ElasticsearchSnapshot(client, address, extractor, own, point)
    finally:
        with read_answers(address):
            client.options(ignore_status=404).close_point_in_time(id=point)


def _is(kind: str) -> dict[str, Any]:
    return {"term": {"doc_type": kind}}


def _is_complete(document: Document) -> bool:
    return document.get("figure_state") == "complete"


def _is_replaced(document: Document) -> bool:
    """Return whether a figure was in the index before, and a writer is replacing it: its document has all data."""
    return document.get("figure_state") == "writing" and "width" in (document.get("figure") or {})
