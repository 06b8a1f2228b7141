"""Fill a new physical index while the old one answers, then switch the alias: new mapping, or another extractor.

After an interruption the same call continues the work. The switch is one atomic change of the alias.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.errors import IndexAccessError
from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch import admin, documents, mapping
from mirsearch.indexes.elasticsearch.bulk import BulkSender, index_action
from mirsearch.indexes.elasticsearch.client import Address, connect, parse_address
from mirsearch.indexes.elasticsearch.copying import ALL_BUT_LOCK, copy_documents
from mirsearch.indexes.elasticsearch.current import lock_current_index
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.layout import Layout, read_layout
from mirsearch.indexes.elasticsearch.lock import WriterLock
from mirsearch.indexes.elasticsearch.meanings import FIELD as MEANING_FIELD
from mirsearch.indexes.elasticsearch.meanings import add_fields, read_model, write_model
from mirsearch.indexes.elasticsearch.paging import search_pages
from mirsearch.indexes.elasticsearch.patience import fetch_documents, retry_for
from mirsearch.indexes.elasticsearch.rebuilding import DocumentWithId, Embed, comparable, rebuild_documents
from mirsearch.indexes.elasticsearch.server import naming_servers, parse_version
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION
from mirsearch.indexes.own_files import own_files
from mirsearch.query import StoredPanel

Progress = Callable[[int, int], None]
PAGE_SIZE = 64
_ORDERS = {"panel": "panel.id", "figure": "figure.id", "failure": "failure.input", "entry": "entry.id"}
"""Kinds of documents, and the field that they are ordered by."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """Result of a migration: the physical index before and after, and the number of documents in the new one."""

    old: str
    new: str
    documents: int


@dataclass(slots=True)
class Migration:
    """A migration in progress."""

    client: Elasticsearch
    address: Address
    old: str
    lock: WriterLock
    server: str
    layout: Layout
    """That of the old index, and of the new one unless another is chosen."""
    meaning: ExtractorIdentity | None = None
    """The model of the sentence vectors, which are copied."""

    def prepare_target(self, kind: str, extractor: ExtractorIdentity) -> str:
        """Return the physical index to fill: one that an interrupted call of the same kind left, else a new one."""
        name = self.address.name
        admin.install_templates(self.client, name, extractor.dims, self.server)
        with read_answers(self.address):
            existing = admin.physical_indexes(self.client, name)
        self.layout.check(extractor.dims, parse_version(self.server))
        with read_answers(self.address):
            self.meaning = read_model(self.client, self.old)
        filling = {"kind": kind, "from": self.old, "extractor": str(extractor), "schema": SCHEMA_VERSION,
                   "words": WORDS_VERSION, "layout": self.layout.to_json()}  # fmt: skip
        for index in existing.values():
            if index != self.old and self._read_filling(index) == filling:
                return index
        new = admin.create_physical_index(
            self.client, name, max(existing) + 1, extractor, self.server, alias=False, filling=filling,
            layout=self.layout,
        )  # fmt: skip
        if self.meaning is not None:
            add_fields(self.client, new, self.meaning)
            write_model(self.client, new, self.meaning)  # what writes to it makes those that are not copied
        return new

    def _read_filling(self, index: str) -> Any:
        with read_answers(self.address):
            mappings = self.client.indices.get_mapping(index=index)[index]["mappings"]
            return (mappings.get("_meta") or {}).get("mirsearch", {}).get("filling")

    def count_documents(self, index: str) -> int:
        """Return the number of documents of an index, without the lock."""
        with read_answers(self.address):
            self.client.indices.refresh(index=index)
            return int(self.client.count(index=index, query=ALL_BUT_LOCK)["count"])

    def switch(self, new: str, extractor: ExtractorIdentity) -> MigrationResult:
        """Move the alias from the old index to the new one in one step; return the result of the migration."""
        self.lock.ensure_held()
        move_alias(self.client, self.address, self.old, new)
        meta = mapping.index_meta(extractor, self.server, self.old, self.layout.to_json())
        self.client.indices.put_mapping(index=new, meta=meta)
        if self.meaning is not None:
            write_model(self.client, new, self.meaning)
        return MigrationResult(self.old, new, self.count_documents(new))


def migrate(location: str, progress: Progress | None = None, layout: Layout | None = None) -> MigrationResult:
    """Copy everything into a new index with the present mapping, then switch, as `mirsearch index migrate`.

    `layout` chooses other shards, copies or vectors. The server copies. If the rules that split words have changed,
    mirsearch writes every document again instead.
    """
    report = progress or (lambda _done, _all: None)
    with start_migration(location) as migration:
        migration.layout = (layout or Layout()).or_else(migration.layout)
        with read_answers(migration.address):
            extractor, _, _ = admin.read_meta(migration.client, migration.address, migration.old, migrating=True)
            words = admin.read_words_version(migration.client, migration.old)
        new = migration.prepare_target("migrate", extractor)
        if words != WORDS_VERSION:
            _rewrite_documents(migration, new, extractor, None, report)
        else:
            new = _copy_all(migration, new, extractor, report)
        return migration.switch(new, extractor)


def reembed(
    location: str, extractor: ExtractorIdentity, embed: Embed, progress: Progress | None = None
) -> MigrationResult:
    """Fill a new index with the vectors that `embed` returns, float32 (n, dims), then switch, as `mirsearch reembed`.

    An error of `embed` ends the call; the next call continues.
    """
    with start_migration(location) as migration:
        new = migration.prepare_target("reembed", extractor)
        own = own_files(location)

        def embed_files(panels: Sequence[StoredPanel]) -> NDArray[np.float32]:
            return embed([own.panel(stored) for stored in panels])

        _rewrite_documents(migration, new, extractor, embed_files, progress or (lambda _done, _all: None))
        return migration.switch(new, extractor)


@contextmanager
def start_migration(location: str) -> Iterator[Migration]:
    """Yield a migration of the index at a location, which holds the lock of its writer."""
    address = parse_address(location)
    client = connect(address)
    try:
        with naming_servers(client, address), read_answers(address):
            server = admin.server_version(client)
            lock = lock_current_index(client, address)
            try:
                yield Migration(client, address, lock.index, lock, server, read_layout(client, lock.index))
            finally:
                lock.release()
    finally:
        client.close()


def move_alias(client: Elasticsearch, address: Address, old: str, new: str) -> None:
    """Let the alias point to another physical index, in one step."""
    client.indices.update_aliases(
        actions=[
            {"remove": {"index": old, "alias": address.name}},
            {"add": {"index": new, "alias": address.name, "is_write_index": True}},
        ]
    )


def _copy_all(migration: Migration, new: str, extractor: ExtractorIdentity, progress: Progress) -> str:
    """Let the server copy everything. Return the filled index: `new`, or another if `new` had to be deleted."""
    wanted = migration.count_documents(migration.old)

    def copy() -> None:
        ensure_lock = migration.lock.ensure_held
        copy_documents(migration.client, migration.old, new, ensure_lock, lambda done: progress(done, wanted))

    copy()
    if migration.count_documents(new) != wanted:  # something was deleted since an earlier, interrupted call
        migration.client.indices.delete(index=new)
        new = migration.prepare_target("migrate", extractor)
        copy()
    held = migration.count_documents(new)
    if held != wanted:
        raise IndexAccessError(f"{new} has {held} of {wanted} documents after the copy", "run the command again")
    return new


def _rewrite_documents(
    migration: Migration, new: str, extractor: ExtractorIdentity, embed: Embed | None, progress: Progress
) -> None:
    """Write every document again: words by the present rules, vectors of `embed` or the old ones."""
    wanted, done = migration.count_documents(migration.old), 0
    pack = parse_version(migration.server) >= mapping.PACKED_VECTORS_SINCE
    bulk = BulkSender(migration.client, migration.address, migration.lock.ensure_held)
    try:
        with retry_for(migration.client, settings.cluster_wait_seconds()):
            for page in _document_pages(migration, migration.old, vectors=embed is None):
                outdated = _missing_or_changed(migration, new, page)
                for doc_id, document in rebuild_documents(outdated, extractor, embed, pack=pack):
                    bulk.add([index_action(new, doc_id, document)])
                done += len(page)
                progress(done, wanted)
            bulk.flush()
    finally:
        bulk.close()
    _delete_extra_documents(migration, new)


def _document_pages(migration: Migration, index: str, *, vectors: bool) -> Iterator[list[DocumentWithId]]:
    """Yield pages of panels, figures, failures and entries, each ordered by id; panels with `vector` if asked for."""
    wanted = ["vector", MEANING_FIELD] if vectors else [MEANING_FIELD]
    for kind, order in _ORDERS.items():
        pages = search_pages(
            migration.client,
            migration.address,
            index=index,
            size=PAGE_SIZE,
            query={"term": {"doc_type": kind}},
            sort=[{order: {"order": "asc", "unmapped_type": "keyword"}}],
            source_excludes=["vector", MEANING_FIELD],
            fields=[{"field": name} for name in wanted],
        )
        for hits in pages:
            with read_answers(migration.address):
                page = [(hit["_id"], hit["_source"] | hit.get("fields", {})) for hit in hits]
            if page:
                yield page


def _missing_or_changed(migration: Migration, new: str, page: list[DocumentWithId]) -> list[DocumentWithId]:
    """Return the documents that an earlier call has not written yet, or that changed since.

    The contents are compared: the index may have been put back from a snapshot meanwhile, and times have whole seconds.
    """
    excluded = list(documents.HEAVY_FIELDS)
    with read_answers(migration.address):
        found = fetch_documents(migration.client, new, [doc_id for doc_id, _ in page], source_excludes=excluded)
        written = {item["_id"]: comparable(item["_source"]) for item in found if item.get("found")}
        return [(doc_id, document) for doc_id, document in page if written.get(doc_id) != comparable(document)]


def _delete_extra_documents(migration: Migration, new: str) -> None:
    """Delete documents that the old index no longer has, after an interrupted call had copied them."""
    if migration.count_documents(new) == migration.count_documents(migration.old):
        return
    for page in _document_pages(migration, new, vectors=False):
        ids = [doc_id for doc_id, _ in page]
        gone = [
            item["_id"]
            for item in fetch_documents(migration.client, migration.old, ids, source=False)
            if not item.get("found")
        ]
        if gone:
            migration.client.delete_by_query(index=new, query={"ids": {"values": gone}}, refresh=True)
