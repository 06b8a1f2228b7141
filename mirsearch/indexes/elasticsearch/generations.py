"""The physical indexes behind one name: list them, go back to the one before, delete those that nobody needs.

A migration fills a new one and keeps the old one. Each remembers which one it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.errors import NotFoundError, UsageError
from mirsearch.indexes.elasticsearch import admin
from mirsearch.indexes.elasticsearch.client import Address, connect, parse_address
from mirsearch.indexes.elasticsearch.current import existing_index
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.lock import read_lock
from mirsearch.indexes.elasticsearch.migrate import MigrationResult, move_alias, start_migration
from mirsearch.indexes.elasticsearch.server import naming_servers
from mirsearch.indexes.elasticsearch.stats import stored_bytes

_KINDS = {"panels": {"term": {"doc_type": "panel"}}, "figures": {"term": {"doc_type": "figure"}}}


@dataclass(frozen=True, slots=True)
class Generation:
    """A physical index. `state` is "answers", "before" (a rollback goes there), "filling" (unfinished) or "old".

    `bytes` is None where the key may not read it, `extractor` where the index has no such note. `writer` names the
    process that has the write lock.
    """

    name: str
    state: str
    panels: int
    figures: int
    bytes: int | None
    shards: int
    replicas: int
    vectors: str | None
    extractor: str | None
    came_from: str | None
    writer: str | None

    def to_json(self) -> dict[str, Any]:
        """Return all fields by name."""
        return asdict(self)


def list_generations(location: str) -> list[Generation]:
    """Return the physical indexes of an index, oldest first, as `mirsearch index list`."""
    address = parse_address(location)
    client = connect(address)
    try:
        with naming_servers(client, address), read_answers(address):
            return _generations(client, address)
    finally:
        client.close()


def _generations(client: Elasticsearch, address: Address) -> list[Generation]:
    present = existing_index(client, address)
    names = list(admin.physical_indexes(client, address.name).values())
    metas = {name: _read_own_meta(client, name) for name in names}
    before = _origin_of(present, metas)
    return [_describe(client, name, metas[name], _state(name, present, before, metas[name])) for name in names]


def _state(name: str, present: str, before: str | None, meta: dict[str, Any]) -> str:
    if name == present:
        return "answers"
    if "filling" in meta:
        return "filling"
    return "before" if name == before else "old"


def _describe(client: Elasticsearch, name: str, meta: dict[str, Any], state: str) -> Generation:
    found = client.search(
        index=name, size=0, aggs={kind: {"filter": clause} for kind, clause in _KINDS.items()}
    )["aggregations"]  # fmt: skip
    settings = client.indices.get_settings(index=name)[name]["settings"]["index"]
    options = client.indices.get_mapping(index=name)[name]["mappings"]["properties"].get("vector", {})
    extractor, lock = meta.get("extractor"), read_lock(client, name)
    return Generation(
        name=name,
        state=state,
        panels=int(found["panels"]["doc_count"]),
        figures=int(found["figures"]["doc_count"]),
        bytes=stored_bytes(client, name),
        shards=int(settings["number_of_shards"]),
        replicas=int(settings["number_of_replicas"]),
        vectors=(options.get("index_options") or {}).get("type"),
        extractor=f"{extractor['name']} {extractor['version']}" if extractor else None,
        came_from=_noted_origin(meta),
        writer=f"process {lock.owner.get('pid')} on {lock.owner.get('host')}" if lock else None,
    )


def _read_own_meta(client: Elasticsearch, name: str) -> dict[str, Any]:
    mappings = client.indices.get_mapping(index=name)[name]["mappings"]
    own: dict[str, Any] = (mappings.get("_meta") or {}).get("mirsearch") or {}
    return own


def _noted_origin(meta: dict[str, Any]) -> str | None:
    """Return the index that one was made from. A crash right after the alias moved leaves it in another note."""
    noted = meta.get("came_from") or (meta.get("filling") or {}).get("from")
    return str(noted) if noted else None


def _origin_of(present: str, metas: dict[str, dict[str, Any]]) -> str | None:
    """Return the index to roll back to, None if there is none or if nothing tells which of several it is.

    An index of an earlier mirsearch has no note: then it is the only lower one.
    """
    noted = _noted_origin(metas[present])
    if noted:
        return noted if noted in metas else None
    lower = [name for name in metas if name < present and "filling" not in metas[name]]
    return lower[0] if len(lower) == 1 else None


def rollback(location: str, target: str | None = None) -> MigrationResult:
    """Move the alias back to the index that the present one was made from, or to `target`, one of its physical indexes.

    Raises NotFoundError if there is no such index, UsageError if there are several and nothing tells which.
    """
    with start_migration(location) as migration:
        client, present = migration.client, migration.old
        names = admin.physical_indexes(client, migration.address.name).values()
        metas = {name: _read_own_meta(client, name) for name in names}
        goal = target or _origin_of(present, metas)
        others = [name for name, meta in metas.items() if name != present and "filling" not in meta]
        if target is not None and target not in others:
            known = f"choose one of: {', '.join(others)}" if others else "there is no other index to go back to"
            raise NotFoundError(f"{target} is no finished index of {migration.address} that waits", known)
        if goal is None and not [name for name in others if name < present]:
            raise NotFoundError(f"there is no older index than {present}", "migrate the index before a rollback")
        if goal is None:
            raise UsageError(
                f"the index that {present} was made from is not known, or is gone",
                f"choose with --to one of: {', '.join(others)}",
            )
        migration.lock.ensure_held()
        move_alias(client, migration.address, present, goal)
        return MigrationResult(present, goal, migration.count_documents(goal))


def prune(
    location: str, names: Sequence[str] | None = None, *, everything: bool = False, dry_run: bool = False
) -> list[Generation]:
    """Delete the physical indexes that neither answer nor wait for a rollback; with `everything` the latter, too.

    `names` are those that may be deleted (None: all of these). Returns those deleted, or with `dry_run` those that
    would be. It holds the write lock: so an unfinished index is one
    whose migration was interrupted, and is deleted as well.
    """
    with start_migration(location) as migration:
        client = migration.client
        kept = {"answers"} if everything else {"answers", "before"}
        gone = [each for each in _generations(client, migration.address) if each.state not in kept]
        gone = [each for each in gone if names is None or each.name in names]
        for each in [] if dry_run else gone:
            migration.lock.ensure_held()
            client.indices.delete(index=each.name)
        return gone
