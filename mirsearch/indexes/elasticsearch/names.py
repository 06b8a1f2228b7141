"""Find figures on the cluster by their files, and those with corrections."""

from __future__ import annotations

import re
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.corpus import PLANES
from mirsearch.indexes.base import ANY_FOLDER, KnownFigure, folder_start
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import read_known
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.paging import search_pages

_PAGE_SIZE = 1_000
_FIGURES: dict[str, Any] = {"term": {"doc_type": "figure"}}


class FigureNames:
    """The part of an index that finds figures by their files and corrections."""

    _client: Elasticsearch
    _address: Address

    def figures_at(self, location: str) -> list[str]:
        """Return the ids, ascending, of figures whose newest file is at `location`; `*/NAME`: in any folder."""
        name = location.removeprefix(ANY_FOLDER)
        choices: list[dict[str, Any]] = [{"term": {"image": name}}, {"prefix": {"image": {"value": name + PLANES}}}]
        if location.startswith(ANY_FOLDER):
            escaped = re.sub(r"([*?\\])", r"\\\1", name)
            ends = [f"{start}{escaped}{end}" for start in ("/", "\\\\") for end in ("", f"{PLANES}*")]
            choices += [{"wildcard": {"image": {"value": f"*{end}"}}} for end in ends]
        clause = {"bool": {"should": choices, "minimum_should_match": 1}}
        return [figure for figure, _ in self._figure_pages([clause], [])]

    def figures_below(self, folder: str) -> list[KnownFigure]:
        """Return the figures that have an origin in a folder or below it, ordered by id. Looks at every figure."""
        start = folder_start(folder)
        documents = self._figure_pages([], ["figure_state", "figure.caption", "figure.origins", "article.id"])
        with read_answers(self._address):
            known = [read_known(figure, found) for figure, found in documents if found["figure_state"] == "complete"]
        return [figure for figure in known if any(origin.location.startswith(start) for origin in figure.origins)]

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
