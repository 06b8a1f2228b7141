"""Writing to an index on Elasticsearch: figures in and out, whole figures only.

A figure's document is written first, as "writing", with the ids of all its panels; then its panels; at the commit it
is written again, as "complete". After a crash a figure that is not complete is unknown, and taken in again as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mirsearch import settings
from mirsearch.corpus import Figure, Origin, panel_ids
from mirsearch.corrections import applied
from mirsearch.errors import MirsearchError
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, FigureRecord
from mirsearch.indexes.elasticsearch.admin import bring_up
from mirsearch.indexes.elasticsearch.bulk import CHUNK_BYTES, Action, Bulk, delete_action, index_action, update_action
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import (
    figure_document,
    opening_document,
    origin_fields,
    panel_documents,
    read_article,
    read_notes,
    read_origins,
)
from mirsearch.indexes.elasticsearch.errors import told
from mirsearch.indexes.elasticsearch.failures import failure_actions
from mirsearch.indexes.elasticsearch.load import put_back, tuned
from mirsearch.indexes.elasticsearch.lock import WriterLock
from mirsearch.indexes.elasticsearch.patience import fetch, waiting

GATHERED = 128
"""Figures looked up in one request before they are written."""
MARKED = 1_000
"""Documents of retracted articles marked at once."""


class ElasticsearchWriter:
    """One writing session; :func:`session` holds its lock."""

    def __init__(
        self,
        client: Elasticsearch,
        address: Address,
        index: str,
        extractor: ExtractorIdentity,
        lock: WriterLock,
        pack: bool,
    ) -> None:
        self._client, self._address, self._index = client, address, index
        self._extractor, self._lock, self._pack = extractor, lock, pack
        self.bulk = Bulk(client, address, lock.check)
        self._gathered: dict[str, FigureRecord] = {}
        self._uncommitted: dict[str, tuple[Figure, list[str], bool, FigureNotes]] = {}
        self._deleted: dict[str, list[str]] = {}
        self._changed = self._tuned = self._shown_beside = False

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace it and its panels; ValueError where vectors don't fit panels or dims."""
        _check(record, self._extractor.dims)
        figure_id = record.figure.id
        with told(self._address):
            if figure_id in self._deleted:
                self._send_deletes()
            if figure_id in self._gathered or figure_id in self._uncommitted:
                self._complete()
            ids = panel_ids(figure_id, [panel.label for panel in record.panels])
            named = tuple(
                panel if panel.id else dataclasses.replace(panel, id=name)
                for panel, name in zip(record.panels, ids, strict=True)
            )
            self._gathered[figure_id] = dataclasses.replace(record, panels=named)
            if len(self._gathered) >= GATHERED:
                self._send_gathered()

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Note one more place of a figure; nothing happens where the figure is not there."""
        with told(self._address):
            if self._gathered or figure_id in self._uncommitted:
                self._complete()
            there = self._documents([figure_id]).get(figure_id)
            if there is None:
                return
            old = read_origins(there)
            if any((each.source, each.location) == (origin.source, origin.location) for each in old):
                return
            fields = origin_fields((*old, origin))
            ids = [figure_id, *there.get("panel_ids", [])]
            self.bulk.add([update_action(self._index, each, fields) for each in ids])
            self.bulk.flush()
            self._changed = True

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Note that articles were retracted; nothing happens where one is not there."""
        wanted = {"terms": {"article.id": list(dict.fromkeys(article_ids))}}
        with told(self._address):
            self._complete()
            self.bulk.flush()
            self._client.indices.refresh(index=self._index)
            sound = {"bool": {"filter": [wanted], "must_not": [{"term": {"article.retracted": True}}]}}
            while found := self._found(sound):  # those that are marked are no longer among them
                marked = {"article": {"retracted": True}}
                self.bulk.add([update_action(self._index, each, marked) for each in found])
                self.bulk.flush()
                self._client.indices.refresh(index=self._index)

    def delete(self, figure_ids: Iterable[str]) -> int:
        """Remove figures with their panels; how many were there."""
        wanted = list(dict.fromkeys(figure_ids))
        with told(self._address):
            if self._gathered or self._uncommitted:
                self._complete()
            there = self._documents([each for each in wanted if each not in self._deleted])
        self._deleted |= {each: list(document.get("panel_ids", [])) for each, document in there.items()}
        return len(there)

    def note_failures(self, failed: Iterable[Failure], settled: Iterable[str] = ()) -> None:
        """Note inputs that failed, and forget those that are settled."""
        with told(self._address):
            for action in failure_actions(self._index, failed, settled):
                self.bulk.add([action])
                self._changed = True

    def commit(self) -> None:
        """Make everything since the last commit durable, and visible, in a large load a second later."""
        with told(self._address):
            self._complete()
            self._send_deletes()
            self.bulk.flush()
        if not self._shown_beside:
            self.show()

    def show(self) -> None:
        """Make all that is committed visible now."""
        if self._changed:
            with told(self._address):
                self._client.indices.refresh(index=self._index)
            self._changed = False

    def rollback(self) -> None:
        """Take back figures that are new since the last commit; those that replace others are left to a re-run."""
        self._gathered.clear()
        self._deleted.clear()
        self.bulk.drop()
        new = {each: ids for each, (_, ids, known, _) in self._uncommitted.items() if not known}
        self._uncommitted.clear()
        if new and not self.bulk.untouched:
            self._deleted = new
            self.commit()
            self.show()

    def _documents(self, figure_ids: list[str]) -> dict[str, dict[str, Any]]:
        if not figure_ids:
            return {}
        documents = fetch(self._client, self._index, figure_ids)
        found = {item["_id"]: item["_source"] for item in documents if item.get("found")}
        return {each: document for each, document in found.items() if document.get("doc_type") == "figure"}

    def _found(self, query: dict[str, Any]) -> list[str]:
        answer = self._client.search(
            index=self._index, query=query, size=MARKED, source=False, allow_partial_search_results=False
        )
        return [str(hit["_id"]) for hit in answer["hits"]["hits"]]

    def _send_gathered(self) -> None:
        records, self._gathered = self._gathered, {}
        there = self._documents(list(records))
        for figure_id, record in records.items():
            old = there.get(figure_id)
            figure = _merged(record.figure, old) if old else record.figure
            wanted = record.corrections
            if wanted is None:
                wanted = read_notes(old).corrections if old else ()
            panels, settled = applied(record.panels, wanted)
            self._write(dataclasses.replace(record, figure=figure, panels=panels, corrections=settled), old)
        if self.bulk.sent_bytes > CHUNK_BYTES and not self._tuned:
            self._tuned = True
            self._shown_beside = tuned(self._client, self._index, self._lock)

    def _write(self, record: FigureRecord, old: dict[str, Any] | None) -> None:
        ids = [panel.id for panel in record.panels]
        stale = [each for each in (old or {}).get("panel_ids", []) if each not in ids]
        notes = FigureNotes(record.analysis, record.given, record.corrections or ())
        if old is None:
            opening = opening_document(record.figure.id, ids, self._extractor)
        else:  # what the old one says must outlive a crash
            opening = figure_document(record.figure, ids + stale, "writing", self._extractor, notes)
        actions: list[Action] = [index_action(self._index, record.figure.id, opening)]
        for panel_id, document in zip(ids, panel_documents(record, self._extractor, pack=self._pack), strict=True):
            actions.append(index_action(self._index, panel_id, document))
        actions += [delete_action(self._index, each) for each in stale]
        self._uncommitted[record.figure.id] = (record.figure, ids, old is not None, notes)
        self.bulk.add(actions)

    def _complete(self) -> None:
        """Write all that is gathered, and once it is accepted say of each figure that it is whole."""
        if self._gathered:
            self._send_gathered()
        if not self._uncommitted:
            return
        self.bulk.flush()
        for figure, ids, _, notes in self._uncommitted.values():
            closing = figure_document(figure, ids, "complete", self._extractor, notes)
            self.bulk.add([index_action(self._index, figure.id, closing)])
        self.bulk.flush()
        self._uncommitted.clear()
        self._changed = True

    def _send_deletes(self) -> None:
        for figure_id, ids in self._deleted.items():
            self.bulk.add([delete_action(self._index, each) for each in (*ids, figure_id)])
        self.bulk.flush()
        self._changed = self._changed or bool(self._deleted)
        self._deleted.clear()


@contextmanager
def session(
    client: Elasticsearch, address: Address, index: str, extractor: ExtractorIdentity, *, pack: bool
) -> Iterator[ElasticsearchWriter]:
    """A writer behind the index's lock; leaving normally commits."""
    with waiting(client, settings.cluster_patience()):
        lock = WriterLock(client, address, index)
        with told(address):
            left = lock.acquire()
            put_back(client, index, left)
            bring_up(client, index)
        writer = ElasticsearchWriter(client, address, index, extractor, lock, pack)
        try:
            yield writer
            writer.commit()
            writer.show()
        except BaseException:
            with waiting(client, 0.0):  # the first error is to be told at once
                _try_rollback(writer)
                _finish(client, address, index, lock, quiet=True)
            raise
        else:
            _finish(client, address, index, lock, quiet=False)
        finally:
            writer.bulk.close()


def _try_rollback(writer: ElasticsearchWriter) -> None:
    try:
        writer.rollback()
    except MirsearchError:
        return  # the first error is the one to tell; a re-run repairs what is left


def _finish(client: Elasticsearch, address: Address, index: str, lock: WriterLock, *, quiet: bool) -> None:
    try:
        with told(address):
            put_back(client, index, lock.settings)
            lock.release()
    except MirsearchError:
        lock.abandon()
        if not quiet:
            raise


def _check(record: FigureRecord, dims: int) -> None:
    vectors = np.asarray(record.vectors)
    if vectors.shape != (len(record.panels), dims):
        raise ValueError(f"vectors of shape {vectors.shape} for {len(record.panels)} panels of {dims} dims")
    if not np.isfinite(vectors).all():
        raise ValueError(f"vectors of figure {record.figure.id} are not finite")


def _merged(figure: Figure, old: dict[str, Any]) -> Figure:
    """A figure with what only the one in the index knows: earlier origins, and fields that are empty now."""
    there = {(each.source, each.location) for each in read_origins(old)}
    fresh = tuple(each for each in figure.origins if (each.source, each.location) not in there)
    return dataclasses.replace(
        figure,
        origins=(*read_origins(old), *fresh),
        article=figure.article or read_article(old),
        label=figure.label or old["figure"].get("label"),
        permission_note=figure.permission_note or old["figure"].get("permission_note"),
    )
