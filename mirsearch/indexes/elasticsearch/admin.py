"""Making and removing an index on a cluster: script, templates, versioned physical index, alias."""

from __future__ import annotations

import re
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from mirsearch.errors import IndexAccessError, IndexMismatchError
from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch import mapping
from mirsearch.indexes.elasticsearch.client import Address, connect, parse
from mirsearch.indexes.elasticsearch.errors import told
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION

_NUMBER = re.compile(r"-(\d{6})$")
_FIRST_WORDS = "2"
"""The version of the words of an index made before it was noted."""


def server_version(client: Elasticsearch) -> str:
    """The server's version, as "9.4.3"."""
    return str(client.info()["version"]["number"])


def pair(version: str) -> tuple[int, int]:
    """Major and minor of a version; (0, 0) where there is none."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install(client: Elasticsearch, name: str, dims: int, version: str) -> None:
    """Put the stored script, the component templates and the index template of `name`; the same again is harmless."""
    client.put_script(id=mapping.SCRIPT_ID, **mapping.script())
    for component, body in mapping.component_templates(dims, pair(version)).items():
        client.cluster.put_component_template(name=component, **body)
    body = mapping.index_template(name, dims)
    client.indices.put_index_template(
        name=f"mirsearch-{name}",
        index_patterns=body["index_patterns"],
        composed_of=body["composed_of"],
        priority=body["priority"],
        template=body["template"],
        meta=body["_meta"],
    )


def create(location: str, extractor: ExtractorIdentity) -> bool:
    """`mirsearch index create`: install what the index needs and make it; False where it was there already."""
    address = parse(location)
    client = connect(address)
    try:
        with told(address):
            version = server_version(client)
            install(client, address.name, extractor.dims, version)
            if current(client, address) is not None:
                return False
            make_physical(client, address.name, 1, extractor, version, alias=True)
            return True
    finally:
        client.close()


def make_physical(
    client: Elasticsearch,
    name: str,
    number: int,
    extractor: ExtractorIdentity,
    version: str,
    *,
    alias: bool,
    filling: dict[str, Any] | None = None,
) -> str:
    """Make NAME-00000n, with its `_meta`; as the alias NAME too where asked. One that is there is left alone."""
    index = mapping.physical(name, number)
    meta = mapping.meta(extractor, version)
    if filling:
        meta["mirsearch"]["filling"] = filling
    body: dict[str, Any] = {"mappings": {"_meta": meta}}
    if alias:
        body["aliases"] = {name: {"is_write_index": True}}
    try:
        client.indices.create(index=index, **body)
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
    client.cluster.health(index=index, wait_for_status="yellow", timeout="30s")
    return index


def current(client: Elasticsearch, address: Address) -> str | None:
    """The physical index behind the alias; None where there is none. IndexAccessError where NAME is something else."""
    try:
        answer = client.indices.get_alias(name=address.name)
    except NotFoundError:
        if client.indices.exists(index=address.name):
            raise IndexAccessError(
                f"{address} is an index of its own, not one that mirsearch made", "choose another name in --index"
            ) from None
        return None
    indices = sorted(answer.body)
    if len(indices) > 1:
        raise IndexAccessError(
            f"the alias {address} stands for {len(indices)} indexes: {', '.join(indices[:4])}",
            "let it point to one of them: POST _aliases",
        )
    return str(indices[0])


def read_meta(
    client: Elasticsearch, address: Address, index: str, *, moving: bool = False
) -> tuple[ExtractorIdentity, int, str]:
    """What an index says of itself: extractor, schema, server it was made on; refuses what is newer or not ours.

    Also one whose words were split in another way than a query's now are, but when it is `moving` to a new index.
    """
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    own = (mappings.get("_meta") or {}).get("mirsearch")
    if not isinstance(own, dict) or "extractor" not in own:
        raise IndexAccessError(
            f"{address} stands for {index}, which mirsearch did not make", "choose another name in --index"
        )
    if int(own["schema_version"]) > SCHEMA_VERSION:
        raise IndexMismatchError(
            f"{address} has schema {own['schema_version']}; this mirsearch reads up to {SCHEMA_VERSION}",
            "install the mirsearch that made it, or a later one",
        )
    if not moving:
        _check_words(address, str(own.get("words", _FIRST_WORDS)))
    extractor = ExtractorIdentity(own["extractor"]["name"], own["extractor"]["version"], int(own["extractor"]["dims"]))
    return extractor, int(own["schema_version"]), str(own.get("created_on", ""))


def words_of(client: Elasticsearch, index: str) -> str:
    """The version of the splitting of texts into words that filled an index."""
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    return str(((mappings.get("_meta") or {}).get("mirsearch") or {}).get("words", _FIRST_WORDS))


def _check_words(address: Address, words: str) -> None:
    if words == WORDS_VERSION:
        return
    message = f"the words in {address} were made by rules of version {words}, those of queries are by {WORDS_VERSION}"
    theirs, ours = (each.partition(".")[0] for each in (words, WORDS_VERSION))
    if theirs.isdigit() and int(theirs) > int(ours):
        raise IndexMismatchError(message, "install the mirsearch that made it, or a later one")
    raise IndexMismatchError(message, f"make them anew with: mirsearch index migrate --index {address}")


def bring_up(client: Elasticsearch, index: str) -> None:
    """Add to an index that an earlier version made the fields that came since."""
    wanted: dict[str, Any] = mapping.component_templates(1, (0, 0))["mirsearch-panels"]["template"]["mappings"]
    there = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]
    missing = {name: what for name, what in wanted["properties"].items() if name not in there}
    if missing:
        client.indices.put_mapping(index=index, properties=missing)


def numbers(client: Elasticsearch, name: str) -> dict[int, str]:
    """The physical indexes of NAME that are there, by number."""
    there = client.indices.get(index=f"{name}-0*", allow_no_indices=True, filter_path="*.aliases").body or {}
    found = {index: _NUMBER.search(index.removeprefix(name)) for index in there}
    return {int(match[1]): index for index, match in sorted(found.items()) if match and match.start() == 0}


def drop(location: str) -> None:
    """Remove an index with all its physical indexes and its template; script and component templates stay."""
    address = parse(location)
    client = connect(address)
    try:
        with told(address):
            for index in numbers(client, address.name).values():
                client.indices.delete(index=index)
            client.options(ignore_status=404).indices.delete_index_template(name=f"mirsearch-{address.name}")
    finally:
        client.close()
