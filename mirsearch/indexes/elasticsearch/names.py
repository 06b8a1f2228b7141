"""Find figures on the cluster by their files, and those with corrections."""

from __future__ import annotations

import dataclasses
import re
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.corpus import PLANES
from mirsearch.indexes.base import ANY_FOLDER, ExtractorIdentity, KnownFigure, Snapshot, folder_start
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import read_known, read_origins
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.paging import search_pages
from mirsearch.indexes.elasticsearch.snapshot import open_snapshot
from mirsearch.indexes.own_files import OwnFiles, own_files

_PAGE_SIZE = 1_000
_FIGURES: dict[str, Any] = {"term": {"doc_type": "figure"}}
_KNOWN_FIELDS = ["figure_state", "figure.caption", "figure.origins", "figure.mentions", "article.id"]


class FigureNames:
    """The part of an index that finds figures by their files and corrections."""

    _client: Elasticsearch
    _address: Address
    _extractor: ExtractorIdentity

    @cached_property
    def _own(self) -> OwnFiles:
        return own_files(str(self._address))

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Return all contents at a point in time, whatever is written meanwhile."""
        return open_snapshot(self._client, self._address, self._extractor, self._own)

    def _known(self, figure_id: str, document: dict[str, Any]) -> KnownFigure:
        known = read_known(figure_id, document)
        return dataclasses.replace(known, origins=self._own.origins(known.origins))

    def figures_at(self, location: str) -> list[str]:
        """Return the ids, ascending, of figures whose newest file is at `location`; `*/NAME`: in any folder."""
        name = self._own.to_stored(location).removeprefix(ANY_FOLDER)
        choices: list[dict[str, Any]] = [{"term": {"image": name}}, {"prefix": {"image": {"value": name + PLANES}}}]
        if location.startswith(ANY_FOLDER):
            escaped = re.sub(r"([*?\\])", r"\\\1", name)
            ends = [f"{start}{escaped}{end}" for start in ("/", "\\\\") for end in ("", f"{PLANES}*")]
            choices += [{"wildcard": {"image": {"value": f"*{end}"}}} for end in ends]
        clause = {"bool": {"should": choices, "minimum_should_match": 1}}
        return [figure for figure, _ in self._figure_pages([clause], [])]

    def has_origin(self, source: str, location: str) -> bool:
        """Return whether a complete figure has this origin, whichever machine brought it. See `SharedIndex`."""
        clauses: list[dict[str, Any]] = [
            {"term": {"figure.locations": self._own.to_stored(location)}}, {"term": {"figure_state": "complete"}}
        ]  # fmt: skip
        with read_answers(self._address):
            found = [document for _, document in self._figure_pages(clauses, ["figure.origins"])]
            origins = [origin for document in found for origin in self._own.origins(read_origins(document))]
        return any((origin.source, origin.location) == (source, location) for origin in origins)

    def figures_below(self, folder: str) -> list[KnownFigure]:
        """Return the figures that have an origin in a folder or below it, ordered by id. Looks at every figure."""
        start = self._own.to_stored(folder_start(folder))
        documents = self._figure_pages([], _KNOWN_FIELDS)
        with read_answers(self._address):
            below = [
                (figure, found)
                for figure, found in documents
                if found["figure_state"] == "complete"
                and any(origin.location.startswith(start) for origin in read_origins(found))
            ]
            return [self._known(figure, found) for figure, found in below]

    def corrected_figures(self) -> list[str]:
        """Return the ids, ascending, of the figures that have corrections. Looks at every figure."""
        return [figure for figure, document in self._figure_pages([], ["corrections"]) if document.get("corrections")]

    def _figure_pages(self, clauses: list[dict[str, Any]], fields: list[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return ids with these fields of the figures that match the clauses, ordered by id."""
        pages = search_pages(
            self._client,
            self._address,
            index=self._address.name,
            size=_PAGE_SIZE,
            query={"bool": {"filter": [_FIGURES, *clauses]}},
            sort=[{"figure.id": "asc"}],
            source_includes=["figure.id", *fields],
        )
        with read_answers(self._address):
            return [(str(hit["_id"]), hit["_source"]) for hits in pages for hit in hits]
