"""Checks an index on Elasticsearch, and repairs what can be. Lucene itself keeps checksums of what it stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from mirsearch.indexes.base import ExtractorIdentity, Failure
from mirsearch.indexes.elasticsearch import admin, meanings
from mirsearch.indexes.elasticsearch.bulk import BulkSender, delete_action
from mirsearch.indexes.elasticsearch.client import Address, connect, parse_address
from mirsearch.indexes.elasticsearch.current import existing_index, lock_current_index
from mirsearch.indexes.elasticsearch.documents import TAKEN_OUT, read_notes, read_panel
from mirsearch.indexes.elasticsearch.entries import read_entries, read_entry
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.failures import failure_actions
from mirsearch.indexes.elasticsearch.lock import LOCK_ID, RENEWAL_SECONDS, is_left
from mirsearch.indexes.elasticsearch.paging import snapshot_pages
from mirsearch.indexes.elasticsearch.server import naming_servers
from mirsearch.indexes.faults import COPYING, Fault

PAGE_SIZE = 250
_SHAPE_ERRORS = (LookupError, TypeError, AttributeError, ValueError)
_EXCLUDED = ["thumbnail", "words", "caption_terms"]


@dataclass(slots=True)
class _Contents:
    """What the documents of an index are, as far as a repair needs it."""

    faults: list[Fault] = field(default_factory=list)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    panels: dict[str, str] = field(default_factory=dict)
    """The figure of each panel."""
    damaged: set[str] = field(default_factory=set)
    """Figures that an ingest has to take again."""
    strays: set[str] = field(default_factory=set)
    """Panels that belong to no figure."""
    lost_entries: set[str] = field(default_factory=set)
    """Entries of the index's lists that can't be read."""
    lost_meanings: set[str] = field(default_factory=set)
    """Panels that are whole but for their sentence vectors."""


def find_faults(location: str) -> Iterator[Fault]:
    """Yield all faults of an index. Raises IndexMissingError if there is none."""
    with _open(location) as (client, address, physical):
        with read_answers(address):
            extractor, _, _ = admin.read_meta(client, address, physical)
            faults = list(_find_cluster_faults(client, address, physical))
        faults += _read_contents(client, address, physical, extractor).faults
    yield from faults


def repair(location: str) -> list[str]:
    """Delete panels without a figure, take damaged figures out, and make lost sentence vectors again.

    Returns what was done, one line each. Corrections of a figure that is taken out stay in its document: the next
    ingest of it keeps them.
    """
    done: list[str] = []
    with _open(location) as (client, address, _), read_answers(address):
        lock = lock_current_index(client, address)
        physical = lock.index
        bulk = BulkSender(client, address, lock.ensure_held)
        try:
            extractor, _, _ = admin.read_meta(client, address, physical)
            contents = _read_contents(client, address, physical, extractor)
            bulk.add([delete_action(physical, panel_id) for panel_id in sorted(contents.strays)])
            bulk.add([delete_action(physical, doc_id) for doc_id in sorted(contents.lost_entries)])
            if contents.lost_entries:
                done.append(f"{len(contents.lost_entries)} entries of the index's lists can't be read and were removed")
            if contents.strays:
                done.append(f"{len(contents.strays)} panels without a figure were deleted")
            done += [_take_out(client, bulk, physical, figure_id, contents) for figure_id in sorted(contents.damaged)]
            bulk.flush()
            lost = sorted(each for each in contents.lost_meanings if contents.panels[each] not in contents.damaged)
            if lost:
                done.append(meanings.make_again(client, address, physical, lost, bulk))
            client.indices.refresh(index=physical)
        finally:
            bulk.close()
            lock.release()
    return done


@contextmanager
def _open(location: str) -> Iterator[tuple[Elasticsearch, Address, str]]:
    address = parse_address(location)
    client = connect(address)
    try:
        with naming_servers(client, address), read_answers(address):
            physical = existing_index(client, address)
        yield client, address, physical
    finally:
        client.close()


def _find_cluster_faults(client: Elasticsearch, address: Address, physical: str) -> Iterator[Fault]:
    """Yield faults of the index as a whole: shards, alias, leftovers of a migration, the lock of a dead writer."""
    health = client.cluster.health(index=physical)
    if health["status"] == "red":
        yield Fault("index", physical, "a shard is not available; start its node, or restore it from a snapshot")
    yield from map(Fault.of_copy, read_entries(client, address, COPYING))
    names = admin.physical_indexes(client, address.name)
    for name in names.values():
        mappings = client.indices.get_mapping(index=name)[name]["mappings"]
        filling = ((mappings.get("_meta") or {}).get("mirsearch") or {}).get("filling")
        if filling and name != physical:
            yield Fault("index", name, "a migration or reembed was interrupted; run the same command again")
    if is_left(client, physical, 3 * RENEWAL_SECONDS):
        yield Fault("index", LOCK_ID, "a writer died or hangs, and left its lock; the next writer takes it over")


def _read_contents(client: Elasticsearch, address: Address, physical: str, extractor: ExtractorIdentity) -> _Contents:
    """Read every document, and compare figures with their panels."""
    found = _Contents()
    with read_answers(address):
        client.indices.refresh(index=physical)
        model = meanings.read_model(client, physical)
    for doc_id, document in _documents(client, address, physical, "figure"):
        found.figures[doc_id] = document
        if document.get("figure_state") == TAKEN_OUT:
            continue
        if document.get("figure_state") != "complete":
            found.faults.append(Fault("figure", doc_id, "its ingest was interrupted"))
            found.damaged.add(doc_id)
    for doc_id, document in _documents(client, address, physical, "panel"):
        reason, said = _panel_faults(doc_id, document, extractor, model)
        figure = document.get("figure")
        figure_id = str(figure.get("id")) if isinstance(figure, dict) else ""
        found.panels[doc_id] = figure_id
        if figure_id not in found.figures:
            found.faults.append(Fault("panel", doc_id, "its figure is missing"))
            found.strays.add(doc_id)
        elif reason:
            found.faults.append(Fault("document", doc_id, reason))
            found.damaged.add(figure_id)
        elif said:
            found.faults.append(Fault("meaning", doc_id, said))
            found.lost_meanings.add(doc_id)
    _compare_figures(found)
    for doc_id, document in _documents(client, address, physical, "entry"):
        try:
            read_entry(document)
        except _SHAPE_ERRORS as error:
            found.faults.append(Fault("entry", doc_id, f"it can't be read: {type(error).__name__} {error}"))
            found.lost_entries.add(doc_id)
    return found


def _compare_figures(found: _Contents) -> None:
    counts = Counter(found.panels.values())
    for figure_id, document in found.figures.items():
        if figure_id in found.damaged or document.get("figure_state") == TAKEN_OUT:
            continue
        try:
            read_notes(document)
            missing = [panel_id for panel_id in document["panel_ids"] if found.panels.get(panel_id) != figure_id]
            extra = counts[figure_id] - (len(document["panel_ids"]) - len(missing))
        except _SHAPE_ERRORS as error:
            found.faults.append(Fault("document", figure_id, f"it can't be read: {error}"))
            found.damaged.add(figure_id)
            continue
        if missing or extra:
            listed = len(document["panel_ids"])
            found.faults.append(Fault("figure", figure_id, f"it has {counts[figure_id]} of {listed} panels"))
            found.damaged.add(figure_id)


def _panel_faults(
    doc_id: str, document: dict[str, Any], extractor: ExtractorIdentity, model: ExtractorIdentity | None
) -> tuple[str | None, str | None]:
    """Return what is wrong with the document of a panel, and with its sentence vector; None for nothing."""
    try:
        stored = read_panel(document)
        said = None if model is None else meanings.find_fault(stored, document, model)
    except _SHAPE_ERRORS as error:
        return f"it can't be read: {type(error).__name__} {error}", None
    if stored.panel.id != doc_id:
        return f"it holds the panel {stored.panel.id}", None
    return _vector_fault(document, extractor), said


def _vector_fault(document: dict[str, Any], extractor: ExtractorIdentity) -> str | None:
    """Return what is wrong with the vector of a panel's look, None for nothing."""
    try:
        vector = np.asarray(document["vector"], dtype=np.float32).reshape(-1)
        maker = document["extractor"]
    except _SHAPE_ERRORS as error:
        return f"it can't be read: {type(error).__name__} {error}"
    if vector.shape != (extractor.dims,):
        return f"its vector has {len(vector)} of {extractor.dims} numbers"
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return "its vector is not finite, or all zeros"
    if (maker.get("name"), maker.get("version")) != (extractor.name, extractor.version):
        return f"its vector is of {maker.get('name')} {maker.get('version')}"
    return None


def _documents(
    client: Elasticsearch, address: Address, physical: str, kind: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of one kind with their ids; panels have their vectors as lists."""
    names = ("vector", meanings.FIELD) if kind == "panel" else ()
    vectors: dict[str, Any] = {"fields": [{"field": name} for name in names]} if names else {}
    pages = snapshot_pages(
        client,
        address,
        physical,
        size=PAGE_SIZE,
        query={"term": {"doc_type": kind}},
        sort=["_shard_doc"],
        source_excludes=["vector", meanings.FIELD, *_EXCLUDED],
        **vectors,
    )
    with closing(pages):
        for hits in pages:
            with read_answers(address):
                page = [(str(hit["_id"]), hit["_source"] | hit.get("fields", {})) for hit in hits]
            yield from page


def _take_out(client: Elasticsearch, bulk: BulkSender, physical: str, figure_id: str, contents: _Contents) -> str:
    """Delete the panels of a figure, mark it as not complete, and record it as a failure; return what was done."""
    document = contents.figures[figure_id]
    panels = [panel_id for panel_id, figure in contents.panels.items() if figure == figure_id]
    bulk.add([delete_action(physical, panel_id) for panel_id in panels])
    fields = {"figure_state": TAKEN_OUT, "panel_ids": []}
    client.update(index=physical, id=figure_id, doc=fields)
    location = document.get("image") or f"figure {figure_id}"
    reason = "its data was damaged; ingest it again"
    for action in failure_actions(physical, [Failure(str(location), "verify", reason)], []):
        bulk.add([action])
    return f"figure {figure_id} was taken out for the next ingest"
