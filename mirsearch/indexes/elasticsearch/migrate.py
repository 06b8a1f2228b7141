"""A new physical index behind the same alias while the old one answers: new mapping, or vectors of another extractor.

What was begun and cut short is gone on with by the same call; the switch is one atomic change of the alias.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.errors import IndexAccessError, NotFoundError
from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch import admin, mapping
from mirsearch.indexes.elasticsearch.bulk import Bulk, index_action
from mirsearch.indexes.elasticsearch.client import Address, connect, parse
from mirsearch.indexes.elasticsearch.documents import listed, named, packed, read_panel, searched_anew
from mirsearch.indexes.elasticsearch.errors import told
from mirsearch.indexes.elasticsearch.lock import WriterLock
from mirsearch.indexes.elasticsearch.patience import fetch, waiting
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION
from mirsearch.query import StoredPanel

Progress = Callable[[int, int], None]
Embed = Callable[[Sequence[StoredPanel]], NDArray[np.float32]]
Found = tuple[str, dict[str, Any]]
"""A document with its id."""
POLL_SECONDS = 0.5
PAGE = 64
_NO_LOCK = {"bool": {"must_not": [{"term": {"doc_type": "lock"}}]}}


@dataclass(frozen=True, slots=True)
class Moved:
    """What a migration did: the physical index before and now, and the documents it holds."""

    old: str
    new: str
    documents: int


@dataclass(slots=True)
class _Move:
    """One migration under way."""

    client: Elasticsearch
    address: Address
    old: str
    lock: WriterLock
    server: str

    def target(self, kind: str, extractor: ExtractorIdentity) -> str:
        """The physical index to fill: one that an interrupted call of the same kind left, else a new one."""
        name = self.address.name
        admin.install(self.client, name, extractor.dims, self.server)
        there = admin.numbers(self.client, name)
        filling = {"kind": kind, "from": self.old, "extractor": str(extractor), "schema": SCHEMA_VERSION,
                   "words": WORDS_VERSION}  # fmt: skip
        for index in there.values():
            if index != self.old and self._filling(index) == filling:
                return index
        number = max(there) + 1
        return admin.make_physical(self.client, name, number, extractor, self.server, alias=False, filling=filling)

    def _filling(self, index: str) -> Any:
        mappings = self.client.indices.get_mapping(index=index)[index]["mappings"]
        return (mappings.get("_meta") or {}).get("mirsearch", {}).get("filling")

    def count(self, index: str) -> int:
        """Documents of an index but the lock."""
        self.client.indices.refresh(index=index)
        return int(self.client.count(index=index, query=_NO_LOCK)["count"])

    def switch(self, new: str, extractor: ExtractorIdentity) -> None:
        """The alias leaves the old index and stands for the new one, at once."""
        self.lock.check()
        _point(self.client, self.address, self.old, new)
        self.client.indices.put_mapping(index=new, meta=mapping.meta(extractor, self.server))


def migrate(location: str, progress: Progress | None = None) -> Moved:
    """`mirsearch index migrate`: copy everything into a new index with the present mapping, then switch.

    The server copies; where words are split in another way since, every document is written anew with its vector.
    """
    report = progress or (lambda _done, _all: None)
    with _moving(location) as move:
        extractor, _, _ = admin.read_meta(move.client, move.address, move.old, moving=True)
        new = move.target("migrate", extractor)
        if admin.words_of(move.client, move.old) != WORDS_VERSION:
            _write_anew(move, new, extractor, None, report)
        else:
            new = _copied(move, new, extractor, report)
        move.switch(new, extractor)
        return Moved(move.old, new, move.count(new))


def reembed(location: str, extractor: ExtractorIdentity, embed: Embed, progress: Progress | None = None) -> Moved:
    """`mirsearch reembed`: fill a new index with the vectors that `embed` gives for panels, float32 (n, dims); switch.

    What `embed` raises ends the call; the next one goes on where it was.
    """
    with _moving(location) as move:
        new = move.target("reembed", extractor)
        _write_anew(move, new, extractor, embed, progress or (lambda _done, _all: None))
        move.switch(new, extractor)
        return Moved(move.old, new, move.count(new))


def rollback(location: str) -> Moved:
    """`mirsearch index rollback`: let the alias stand for the index before the present one again."""
    with _moving(location) as move:
        present = mapping.physical(move.address.name, 0)[:-6]
        number = int(move.old.removeprefix(present))
        before = [each for each in admin.numbers(move.client, move.address.name) if each < number]
        if not before:
            raise NotFoundError(f"no older index than {move.old} is kept", "there is nothing to go back to")
        older = mapping.physical(move.address.name, max(before))
        _point(move.client, move.address, move.old, older)
        return Moved(move.old, older, move.count(older))


@contextmanager
def _moving(location: str) -> Iterator[_Move]:
    address = parse(location)
    client = connect(address)
    try:
        with told(address):
            old = admin.current(client, address)
            if old is None:
                raise IndexAccessError(
                    f"there is no index {address.name} at {address.cluster}", "see mirsearch index create"
                )
            lock = WriterLock(client, address, old)
            left = lock.acquire()
            if left:
                client.indices.put_settings(index=old, settings=left)
            try:
                yield _Move(client, address, old, lock, admin.server_version(client))
            finally:
                lock.release()
    finally:
        client.close()


def _point(client: Elasticsearch, address: Address, old: str, new: str) -> None:
    client.indices.update_aliases(
        actions=[
            {"remove": {"index": old, "alias": address.name}},
            {"add": {"index": new, "alias": address.name, "is_write_index": True}},
        ]
    )


def _copied(move: _Move, new: str, extractor: ExtractorIdentity, progress: Progress) -> str:
    """Everything in the new index, copied by the server; the index's name, another where the first was of no use."""
    wanted = move.count(move.old)
    _copy(move, new, progress, wanted)
    if move.count(new) != wanted:  # something was deleted since an earlier, interrupted call
        move.client.indices.delete(index=new)
        new = move.target("migrate", extractor)
        _copy(move, new, progress, wanted)
    held = move.count(new)
    if held != wanted:
        raise IndexAccessError(f"{new} holds {held} of {wanted} documents after the copy", "run the command again")
    return new


def _write_anew(move: _Move, new: str, extractor: ExtractorIdentity, embed: Embed | None, progress: Progress) -> None:
    """Every document written again, its words split anew, with vectors of `embed` or the old ones."""
    wanted, done = move.count(move.old), 0
    pack = admin.pair(move.server) >= mapping.PACKED_FROM
    bulk = Bulk(move.client, move.address, move.lock.check)
    try:
        with waiting(move.client, settings.cluster_patience()):
            for page in _pages(move.client, move.old, vectors=embed is None):
                for doc_id, document in _renewed(_not_there(move.client, new, page), extractor, embed, pack=pack):
                    bulk.add([index_action(new, doc_id, document)])
                done += len(page)
                progress(done, wanted)
            bulk.flush()
    finally:
        bulk.close()
    _drop_extra(move, new)


def _copy(move: _Move, new: str, progress: Progress, wanted: int) -> None:
    """Server-side copy; documents already there in the same version are left alone."""
    task = move.client.reindex(
        source={"index": move.old, "query": _NO_LOCK, "size": 200},
        dest={"index": new, "version_type": "external"},
        conflicts="proceed",
        wait_for_completion=False,
    )["task"]
    try:
        while True:
            state = _task(move.client, str(task))
            status = state["task"]["status"]
            progress(int(status["created"] + status["updated"] + status["version_conflicts"]), wanted)
            if state["completed"]:
                break
            move.lock.check()
            time.sleep(POLL_SECONDS)
    except BaseException:
        move.client.options(ignore_status=404).tasks.cancel(task_id=task)
        raise
    failures = (state.get("response") or {}).get("failures") or []
    if failures or state.get("error"):
        why = failures[0].get("cause", {}) if failures else state["error"]
        raise IndexAccessError(f"copying into {new} failed: {why.get('reason', why)}", "run the command again")


def _task(client: Elasticsearch, task: str) -> dict[str, Any]:
    with warnings.catch_warnings():  # the task API has been "technical preview" since 2016
        warnings.simplefilter("ignore")
        told_of: dict[str, Any] = client.tasks.get(task_id=task).body
    return told_of


def _pages(client: Elasticsearch, index: str, *, vectors: bool) -> Iterator[list[Found]]:
    """All documents but the lock: panels by id, figures, failures; `vector` in them as a list where asked."""
    asked: dict[str, Any] = {"fields": [{"field": "vector"}]} if vectors else {}
    for kind, order in (("panel", "panel.id"), ("figure", "figure.id"), ("failure", "failure.input")):
        after: dict[str, Any] = {}
        while True:
            answer = client.search(
                index=index,
                size=PAGE,
                query={"term": {"doc_type": kind}},
                sort=[{order: "asc"}],
                source_excludes=["vector"],
                track_total_hits=False,
                **asked,
                **after,
            )
            hits = answer["hits"]["hits"]
            if not hits:
                break
            yield [(hit["_id"], hit["_source"] | hit.get("fields", {})) for hit in hits]
            after = {"search_after": hits[-1]["sort"]}


def _not_there(client: Elasticsearch, new: str, page: list[Found]) -> list[Found]:
    """Documents that an earlier call has not written yet, or that changed since."""
    found = fetch(client, new, [doc_id for doc_id, _ in page], source_includes=["ingested_at"])
    there = {item["_id"]: item["_source"]["ingested_at"] for item in found if item.get("found")}
    return [(doc_id, document) for doc_id, document in page if there.get(doc_id) != document["ingested_at"]]


def _renewed(
    documents: list[Found], extractor: ExtractorIdentity, embed: Embed | None, *, pack: bool
) -> Iterator[Found]:
    """Documents as they are to be written: panels with vectors and words anew, figures, failures as they are."""
    made_by = named(extractor)
    panels = [each for each in documents if each[1]["doc_type"] == "panel"]
    if panels:
        told = [document for _, document in panels]
        vectors = (
            embed([read_panel(each) for each in told])
            if embed
            else np.array([each["vector"] for each in told], dtype=np.float32).reshape(len(told), -1)
        )
        if vectors.shape != (len(panels), extractor.dims):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(panels)} panels of {extractor.dims} dims")
        for (doc_id, document), vector in zip(panels, vectors, strict=True):
            value = packed(vector) if pack else listed(vector)
            yield doc_id, {**document, **searched_anew(document), **made_by, "vector": value}
    for doc_id, document in documents:
        if document["doc_type"] != "panel":
            yield doc_id, document if document["doc_type"] == "failure" else document | made_by


def _drop_extra(move: _Move, new: str) -> None:
    """Remove what was deleted from the old index after an earlier, interrupted call had copied it."""
    if move.count(new) == move.count(move.old):
        return
    for page in _pages(move.client, new, vectors=False):
        ids = [doc_id for doc_id, _ in page]
        gone = [item["_id"] for item in fetch(move.client, move.old, ids, source=False) if not item.get("found")]
        if gone:
            move.client.delete_by_query(index=new, query={"ids": {"values": gone}}, refresh=True)
