"""Create, describe and delete an index on a cluster: script, templates, numbered physical indexes, alias."""

from __future__ import annotations

import re
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from mirsearch.errors import IndexAccessError, IndexMismatchError
from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch import mapping
from mirsearch.indexes.elasticsearch.client import Address, connect, parse_address
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.layout import Layout
from mirsearch.indexes.elasticsearch.server import check_version, naming_servers, parse_version
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION

_AS_TEMPLATES = Layout()
_PHYSICAL_NUMBER = re.compile(r"-(\d{6})$")
_FIRST_WORDS_VERSION = "2"
"""Words version of an index whose `_meta` has none: it was created before the version was stored."""


def server_version(client: Elasticsearch) -> str:
    """Return the server's version, such as "9.4.3"."""
    return str(client.info()["version"]["number"])


def install_templates(client: Elasticsearch, name: str, dims: int, version: str) -> None:
    """Put the stored script, the component templates and the index template of `name`. Repeating it does no harm."""
    client.put_script(id=mapping.SCRIPT_ID, **mapping.script_body())
    for component, body in mapping.component_templates(dims, parse_version(version)).items():
        client.cluster.put_component_template(name=component, **body)
    body = mapping.index_template(name, dims)
    client.indices.put_index_template(
        name=f"mirsearch-{name}",
        index_patterns=body["index_patterns"],
        composed_of=body["composed_of"],
        ignore_missing_component_templates=body["ignore_missing_component_templates"],
        priority=body["priority"],
        template=body["template"],
        meta=body["_meta"],
    )


def create_index(location: str, extractor: ExtractorIdentity, layout: Layout = _AS_TEMPLATES) -> bool:
    """Install script and templates and create the index, as `mirsearch index create`; False if it existed already.

    Raises UsageError if the server can't lay out an index so.
    """
    address = parse_address(location)
    client = connect(address)
    try:
        with naming_servers(client, address), read_answers(address):
            version = server_version(client)
            check_version(version, address)
            layout.check(extractor.dims, parse_version(version))
            install_templates(client, address.name, extractor.dims, version)
            if current_physical_index(client, address) is not None:
                return False
            create_physical_index(client, address.name, 1, extractor, version, alias=True, layout=layout)
            return True
    finally:
        client.close()


def create_physical_index(
    client: Elasticsearch,
    name: str,
    number: int,
    extractor: ExtractorIdentity,
    version: str,
    *,
    alias: bool,
    filling: dict[str, Any] | None = None,
    layout: Layout = _AS_TEMPLATES,
) -> str:
    """Create NAME-00000n with its `_meta`, and with `alias` the alias NAME. An existing index stays as it is."""
    index = mapping.physical_name(name, number)
    meta = mapping.index_meta(extractor, version, layout=layout.to_json())
    if filling:
        meta["mirsearch"]["filling"] = filling
    body = layout.index_body(extractor.dims, parse_version(version))
    body["mappings"] = {**body.get("mappings", {}), "_meta": meta}
    if alias:
        body["aliases"] = {name: {"is_write_index": True}}
    try:
        client.indices.create(index=index, **body)
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
    client.cluster.health(index=index, wait_for_status="yellow", timeout="30s")
    return index


def current_physical_index(client: Elasticsearch, address: Address) -> str | None:
    """Return the physical index behind the alias, None if there is none; IndexAccessError if NAME is no such alias."""
    try:
        answer = client.indices.get_alias(name=address.name)
    except NotFoundError:
        if client.indices.exists(index=address.name):
            raise IndexAccessError(
                f"mirsearch did not create the index {address}", "choose another name in --index"
            ) from None
        return None
    indices = sorted(answer.body)
    if len(indices) > 1:
        raise IndexAccessError(
            f"the alias {address} points to {len(indices)} indexes: {', '.join(indices[:4])}",
            "let it point to one of them with POST _aliases",
        )
    return str(indices[0])


def read_meta(
    client: Elasticsearch, address: Address, index: str, *, migrating: bool = False
) -> tuple[ExtractorIdentity, int, str]:
    """Return the extractor of an index, its schema version and the version of the server that created it.

    Raises IndexAccessError if mirsearch did not create the index. Raises IndexMismatchError if its schema is newer or,
    unless `migrating`, if its words were made by other rules than those of queries.
    """
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    own = (mappings.get("_meta") or {}).get("mirsearch")
    if not isinstance(own, dict) or "extractor" not in own:
        raise IndexAccessError(
            f"{address} points to {index}, which mirsearch did not create", "choose another name in --index"
        )
    if int(own["schema_version"]) > SCHEMA_VERSION:
        raise IndexMismatchError(
            f"{address} has schema {own['schema_version']}; this mirsearch reads up to {SCHEMA_VERSION}",
            "install the version of mirsearch that created it, or a later one",
        )
    if not migrating:
        _check_words_version(address, str(own.get("words", _FIRST_WORDS_VERSION)))
    extractor = ExtractorIdentity(own["extractor"]["name"], own["extractor"]["version"], int(own["extractor"]["dims"]))
    return extractor, int(own["schema_version"]), str(own.get("created_on", ""))


def read_words_version(client: Elasticsearch, index: str) -> str:
    """Return the version of the rules that made the words of an index."""
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    return str(((mappings.get("_meta") or {}).get("mirsearch") or {}).get("words", _FIRST_WORDS_VERSION))


def _check_words_version(address: Address, words: str) -> None:
    if words == WORDS_VERSION:
        return
    message = f"the words in {address} were made by rules {words}, those of queries are made by rules {WORDS_VERSION}"
    theirs, ours = (version.partition(".")[0] for version in (words, WORDS_VERSION))
    if theirs.isdigit() and int(theirs) > int(ours):
        raise IndexMismatchError(message, "install the version of mirsearch that created it, or a later one")
    raise IndexMismatchError(message, f"make them again with: mirsearch index migrate --index {address}")


def add_missing_fields(client: Elasticsearch, index: str) -> None:
    """Add to an index of an earlier mirsearch the fields that were introduced later."""
    wanted: dict[str, Any] = mapping.component_templates(1, (0, 0))["mirsearch-panels"]["template"]["mappings"]
    present = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]
    missing = _missing_fields(wanted["properties"], present)
    if missing:
        client.indices.put_mapping(index=index, properties=missing)


def _missing_fields(wanted: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of the fields that `present` lacks, at any depth."""
    missing: dict[str, Any] = {}
    for name, definition in wanted.items():
        if name not in present:
            missing[name] = definition
        elif "properties" in definition:
            inner = _missing_fields(definition["properties"], present[name].get("properties", {}))
            missing |= {name: {"properties": inner}} if inner else {}
    return missing


def physical_indexes(client: Elasticsearch, name: str) -> dict[int, str]:
    """Return the names of the existing physical indexes of NAME, by number."""
    answer = client.indices.get(index=f"{name}-0*", allow_no_indices=True, filter_path="*.aliases").body or {}
    found = {index: _PHYSICAL_NUMBER.search(index.removeprefix(name)) for index in answer}
    return {int(match[1]): index for index, match in sorted(found.items()) if match and match.start() == 0}


def drop_index(location: str) -> None:
    """Delete an index with all its physical indexes and its template. Script and component templates stay."""
    address = parse_address(location)
    client = connect(address)
    try:
        with read_answers(address):
            for index in physical_indexes(client, address.name).values():
                client.indices.delete(index=index)
            client.options(ignore_status=404).indices.delete_index_template(name=f"mirsearch-{address.name}")
    finally:
        client.close()
