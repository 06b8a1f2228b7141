"""Write whole figures to an index on Elasticsearch, and delete them.

A figure's document is written first, with state "writing" and the ids of all its panels; then come its panels; the
commit writes the document again, with state "complete". After a crash an incomplete figure counts as unknown, and the
next ingest writes all of it again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch import settings
from mirsearch.corpus import Figure, panel_ids
from mirsearch.corrections import apply_corrections
from mirsearch.errors import MirsearchError
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, FigureRecord, JsonObject
from mirsearch.indexes.elasticsearch import mapping
from mirsearch.indexes.elasticsearch.admin import add_missing_fields, read_meta
from mirsearch.indexes.elasticsearch.bulk import (
    CHUNK_BYTES,
    Action,
    BulkSender,
    delete_action,
    index_action,
)
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.current import ensure_current, lock_current_index, take_lock
from mirsearch.indexes.elasticsearch.documents import (
    check_vectors,
    figure_document,
    merge_figures,
    opening_document,
    panel_documents,
    read_notes,
)
from mirsearch.indexes.elasticsearch.entries import entry_actions
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.failures import failure_actions
from mirsearch.indexes.elasticsearch.handover import hand_over, is_awaited, wait_for_turn
from mirsearch.indexes.elasticsearch.load import restore_settings, tune_for_load
from mirsearch.indexes.elasticsearch.lock import WriterLock
from mirsearch.indexes.elasticsearch.meanings import read_model, record_meanings
from mirsearch.indexes.elasticsearch.patience import fetch_documents, retry_for
from mirsearch.indexes.elasticsearch.server import parse_version
from mirsearch.indexes.elasticsearch.upkeep import FigureUpkeep
from mirsearch.indexes.meanings import MeaningMaker
from mirsearch.indexes.own_files import own_files

LOOKUP_BATCH = 128
"""Figures that are looked up in one request before they are written."""


class ElasticsearchWriter(FigureUpkeep):
    """One writing session; `open_writer` holds its lock."""

    def __init__(
        self,
        client: Elasticsearch,
        address: Address,
        index: str,
        extractor: ExtractorIdentity,
        lock: WriterLock,
        pack: bool,
        aliased: bool = True,
        maker: MeaningMaker | None = None,
    ) -> None:
        self._client, self._address, self._index, self._is_aliased = client, address, index, aliased
        self._own = own_files(str(address))
        self._extractor, self._lock, self._pack, self._maker = extractor, lock, pack, maker
        self.bulk = BulkSender(client, address, lock.ensure_held)
        self._gathered: dict[str, FigureRecord] = {}
        self._uncommitted: dict[str, tuple[Figure, list[str], bool, FigureNotes]] = {}
        self._deletions: dict[str, list[str]] = {}
        self._needs_refresh = self._is_tuned = self._refreshes_in_background = False

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace it and its panels; ValueError if the vectors don't fit the panels or dims."""
        check_vectors(record, self._extractor.dims)
        figure_id = record.figure.id
        with read_answers(self._address):
            if figure_id in self._deletions:
                self._send_deletions()
            if figure_id in self._gathered or figure_id in self._uncommitted:
                self._complete_figures()
            ids = panel_ids(figure_id, record.panels)
            panels = tuple(
                panel if panel.id else dataclasses.replace(panel, id=panel_id)
                for panel, panel_id in zip(record.panels, ids, strict=True)
            )
            figure = self._own.stored_figure(record.figure)
            self._gathered[figure_id] = dataclasses.replace(record, figure=figure, panels=panels)
            if len(self._gathered) >= LOOKUP_BATCH:
                self._send_gathered()

    def delete_figures(self, figure_ids: Iterable[str]) -> int:
        """Delete figures with their panels; return the number of figures that were in the index."""
        wanted = list(dict.fromkeys(figure_ids))
        with read_answers(self._address):
            if self._gathered or self._uncommitted:
                self._complete_figures()
            found = self._figure_documents([figure_id for figure_id in wanted if figure_id not in self._deletions])
        self._deletions |= {figure_id: list(document.get("panel_ids", [])) for figure_id, document in found.items()}
        return len(found)

    def record_failures(self, failed: Iterable[Failure], resolved: Iterable[str] = ()) -> None:
        """Store inputs that failed, and delete the failures of resolved inputs."""
        with read_answers(self._address):
            stored = (dataclasses.replace(each, input=self._own.to_stored(each.input)) for each in failed)
            for action in failure_actions(self._index, stored, map(self._own.to_stored, resolved)):
                self.bulk.add([action])
                self._needs_refresh = True

    def write_entries(self, kept: str, entries: Mapping[str, JsonObject], removed: Iterable[str] = ()) -> None:
        """Write entries of a list, and remove others by name."""
        with read_answers(self._address):
            for action in entry_actions(self._index, kept, entries, removed):
                self.bulk.add([action])
                self._needs_refresh = True

    def commit(self) -> None:
        """Make everything since the last commit durable and visible; in a large load it is visible a second later.

        Raises IndexAccessError if the alias was moved to another index meanwhile.
        """
        with read_answers(self._address):
            if self._is_aliased:
                ensure_current(self._client, self._address, self._index)
            self._complete_figures()
            self._send_deletions()
            self.bulk.flush()
        if not self._refreshes_in_background:
            self.refresh()

    def give_way(self) -> bool:
        """Let others write who wait for the lock; return whether one did. See `IndexWriter.give_way`."""
        with read_answers(self._address):
            if not is_awaited(self._client, self._index):
                return False
            self.refresh()
            has_given = hand_over(self._client, self._lock)
            if self._is_aliased:
                ensure_current(self._client, self._address, self._index)
        self._is_tuned = self._refreshes_in_background = False
        return has_given

    def refresh(self) -> None:
        """Make everything committed visible now."""
        if self._needs_refresh:
            with read_answers(self._address):
                self._client.indices.refresh(index=self._index)
            self._needs_refresh = False

    def rollback(self) -> None:
        """Delete figures that are new since the last commit. Figures that replace others are completed by a re-run."""
        self._gathered.clear()
        self._deletions.clear()
        self.bulk.discard()
        new = {figure_id: ids for figure_id, (_, ids, known, _) in self._uncommitted.items() if not known}
        self._uncommitted.clear()
        if new and self.bulk.has_sent:
            self._deletions = new
            self.commit()
            self.refresh()

    def _figure_documents(self, figure_ids: list[str]) -> dict[str, dict[str, Any]]:
        if not figure_ids:
            return {}
        documents = fetch_documents(self._client, self._index, figure_ids)
        found = {item["_id"]: item["_source"] for item in documents if item.get("found")}
        return {doc_id: document for doc_id, document in found.items() if document.get("doc_type") == "figure"}

    def _send_gathered(self) -> None:
        records, self._gathered = self._gathered, {}
        stored = self._figure_documents(list(records))
        for figure_id, record in records.items():
            old = stored.get(figure_id)
            figure = merge_figures(record.figure, old) if old else record.figure
            wanted = record.corrections
            if wanted is None:
                wanted = read_notes(old).corrections if old else ()
            panels, settled = apply_corrections(record.panels, wanted)
            self._write(dataclasses.replace(record, figure=figure, panels=panels, corrections=settled), old)
        if self.bulk.sent_bytes > CHUNK_BYTES and not self._is_tuned:
            self._is_tuned = True
            self._refreshes_in_background = tune_for_load(self._client, self._index, self._lock)

    def _write(self, record: FigureRecord, old: dict[str, Any] | None) -> None:
        ids = [panel.id for panel in record.panels]
        stale = [panel_id for panel_id in (old or {}).get("panel_ids", []) if panel_id not in ids]
        notes = FigureNotes(record.analysis_version, record.source_panels, record.corrections or ())
        if old is None:
            opening = opening_document(record.figure.id, ids, self._extractor)
        else:  # the data of the old document must survive a crash
            opening = figure_document(record.figure, ids + stale, "writing", self._extractor, notes)
        actions: list[Action] = [index_action(self._index, record.figure.id, opening)]
        documents = panel_documents(record, self._extractor, pack=self._pack)
        if self._maker is not None:
            said = record_meanings(record, self._maker)
            documents = [document | own for document, own in zip(documents, said, strict=True)]
        actions += (index_action(self._index, *pair) for pair in zip(ids, documents, strict=True))
        actions += [delete_action(self._index, panel_id) for panel_id in stale]
        self._uncommitted[record.figure.id] = (record.figure, ids, old is not None, notes)
        self.bulk.add(actions)

    def _complete_figures(self) -> None:
        """Write the gathered figures; once the cluster has accepted them, mark each as complete."""
        if self._gathered:
            self._send_gathered()
        if not self._uncommitted:
            return
        self.bulk.flush()
        for figure, ids, _, notes in self._uncommitted.values():
            complete = figure_document(figure, ids, "complete", self._extractor, notes)
            self.bulk.add([index_action(self._index, figure.id, complete)])
        self.bulk.flush()
        self._uncommitted.clear()
        self._needs_refresh = True

    def _send_deletions(self) -> None:
        for figure_id, ids in self._deletions.items():
            self.bulk.add([delete_action(self._index, doc_id) for doc_id in (*ids, figure_id)])
        self.bulk.flush()
        self._needs_refresh = self._needs_refresh or bool(self._deletions)
        self._deletions.clear()


@contextmanager
def open_writer(
    client: Elasticsearch, address: Address, extractor: ExtractorIdentity, index: str | None = None
) -> Iterator[ElasticsearchWriter]:
    """Yield a writer that holds the lock of the index behind the alias, or of `index`, which no alias may point to yet.

    Leaving the block normally commits; an error discards. Raises IndexBusyError while another process writes, and
    IndexMismatchError if the index has vectors of another extractor now.
    """
    with retry_for(client, settings.cluster_wait_seconds()):
        with read_answers(address):
            take = partial(take_lock, client, address, index) if index else partial(lock_current_index, client, address)
            lock = wait_for_turn(client, index or address.name, take)
        try:
            with read_answers(address):
                writer = _prepare(client, address, extractor, lock, aliased=index is None)
        except BaseException:
            _finish(client, address, lock, quiet=True)
            raise
        try:
            yield writer
            writer.commit()
            writer.refresh()
        except BaseException:
            with retry_for(client, 0.0):  # report the first error at once
                _try_rollback(writer)
                _finish(client, address, lock, quiet=True)
            raise
        else:
            _finish(client, address, lock, quiet=False)
        finally:
            writer.bulk.close()


def _prepare(
    client: Elasticsearch, address: Address, extractor: ExtractorIdentity, lock: WriterLock, *, aliased: bool
) -> ElasticsearchWriter:
    """Return the writer of the locked index, whose extractor and server are read anew."""
    stored, _, created_on = read_meta(client, address, lock.index)
    if stored != extractor:
        raise mismatch_error(str(address), stored, extractor)
    add_missing_fields(client, lock.index)
    pack = parse_version(created_on) >= mapping.PACKED_VECTORS_SINCE
    model = read_model(client, lock.index)
    maker = None if model is None else MeaningMaker(model)
    if maker is not None:
        maker.check()
    return ElasticsearchWriter(client, address, lock.index, extractor, lock, pack, aliased, maker)


def _try_rollback(writer: ElasticsearchWriter) -> None:
    try:
        writer.rollback()
    except MirsearchError:
        return  # the first error is the one to report; a re-run repairs the rest


def _finish(client: Elasticsearch, address: Address, lock: WriterLock, *, quiet: bool) -> None:
    try:
        with read_answers(address):
            restore_settings(client, lock.index, lock.settings)
            lock.release()
    except MirsearchError:
        lock.abandon()
        if not quiet:
            raise
