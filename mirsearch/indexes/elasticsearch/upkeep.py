"""Change some fields of figures that an index on Elasticsearch has: origins, retractions, kept corrections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.corpus import Origin
from mirsearch.corrections import Correction, correction_to_json
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.elasticsearch.bulk import BulkSender, index_action, update_action
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import TAKEN_OUT, opening_document, origin_fields, read_origins
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.own_files import OwnFiles

RETRACTION_BATCH = 1_000
"""Documents of retracted articles that are marked in one request."""


class FigureUpkeep(ABC):
    """The part of a writer that changes figures without writing them anew."""

    _client: Elasticsearch
    _address: Address
    _index: str
    _extractor: ExtractorIdentity
    _own: OwnFiles
    _gathered: dict[str, Any]
    _uncommitted: dict[str, Any]
    _needs_refresh: bool
    bulk: BulkSender

    @abstractmethod
    def _complete_figures(self) -> None: ...

    @abstractmethod
    def _figure_documents(self, figure_ids: list[str]) -> dict[str, dict[str, Any]]: ...

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Add an origin to a figure; does nothing if the index has no such figure."""
        stored = self._own.stored_origin(origin)
        place = _place(stored)
        self._change_origins(figure_id, lambda known: known if place in map(_place, known) else (*known, stored))

    def remove_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Remove origins of a figure; does nothing for those that it has not."""
        gone = {_place(self._own.stored_origin(origin)) for origin in origins}
        self._change_origins(figure_id, lambda known: tuple(origin for origin in known if _place(origin) not in gone))

    def replace_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Give a figure these origins in place of those that it has."""
        stored = tuple(map(self._own.stored_origin, origins))
        self._change_origins(figure_id, lambda known: stored)

    def keep_corrections(self, figure_id: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections for a figure that is not in the index: its document has no panels until it is ingested."""
        with read_answers(self._address):
            if figure_id in self._gathered or figure_id in self._uncommitted:
                return
            document = self._figure_documents([figure_id]).get(figure_id)
            if document is not None and document.get("figure_state") != TAKEN_OUT:
                return
            kept = opening_document(figure_id, [], self._extractor) | {
                "figure_state": TAKEN_OUT,
                "corrections": [correction_to_json(correction) for correction in corrections],
            }
            self.bulk.add([index_action(self._index, figure_id, kept)])
            self._needs_refresh = True

    def _change_origins(self, figure_id: str, change: Callable[[tuple[Origin, ...]], tuple[Origin, ...]]) -> None:
        with read_answers(self._address):
            if self._gathered or figure_id in self._uncommitted:
                self._complete_figures()
            document = self._figure_documents([figure_id]).get(figure_id)
            if document is None:
                return
            origins = read_origins(document)
            changed = change(origins)
            if changed == origins:
                return
            ids = [figure_id, *document.get("panel_ids", [])]
            self.bulk.add([update_action(self._index, doc_id, origin_fields(changed)) for doc_id in ids])
            self.bulk.flush()
            self._needs_refresh = True

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Mark articles as retracted; ids of articles that are not in the index are ignored."""
        wanted = {"terms": {"article.id": list(dict.fromkeys(article_ids))}}
        with read_answers(self._address):
            self._complete_figures()
            self.bulk.flush()
            self._client.indices.refresh(index=self._index)
            unmarked = {"bool": {"filter": [wanted], "must_not": [{"term": {"article.retracted": True}}]}}
            while found := self._search_ids(unmarked):  # a marked document no longer matches
                mark = {"article": {"retracted": True}}
                self.bulk.add([update_action(self._index, doc_id, mark) for doc_id in found])
                self.bulk.flush()
                self._client.indices.refresh(index=self._index)

    def _search_ids(self, query: dict[str, Any]) -> list[str]:
        answer = self._client.search(
            index=self._index, query=query, size=RETRACTION_BATCH, source=False, allow_partial_search_results=False
        )
        return [str(hit["_id"]) for hit in answer["hits"]["hits"]]


def _place(origin: Origin) -> tuple[str, str]:
    return origin.source, origin.location
