"""Tell what answers at an address if it is not an Elasticsearch that mirsearch can use: by its start page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elastic_transport import TransportError
from elasticsearch import Elasticsearch

from mirsearch.errors import IndexAccessError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.patience import PatientTransport
from mirsearch.text.masking import mask

OLDEST = (8, 16)
"""The oldest version of Elasticsearch that mirsearch works with."""
_NEEDED = f"mirsearch needs Elasticsearch {OLDEST[0]}.{OLDEST[1]} or later"
_CHECK_ADDRESS = "check the address and port: Elasticsearch listens on 9200 unless told otherwise"
_TAGLINE = "You Know, for Search"
_TITLE = re.compile(r"<title[^>]*>([^<]{1,500})", re.IGNORECASE)
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})")
_MAX_NAME = 60


def parse_version(version: str) -> tuple[int, int]:
    """Return the major and minor number of a version; (0, 0) for a text that is not a version."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def check_version(version: str, address: Address) -> None:
    """Raise IndexAccessError for a version of Elasticsearch that is too old."""
    if parse_version(version) < OLDEST:
        where = address.cluster or str(address)
        raise IndexAccessError(f"Elasticsearch {_one_line(version)} at {where} is too old", _NEEDED)


@contextmanager
def naming_servers(client: Elasticsearch, address: Address) -> Iterator[None]:
    """Raise an error inside the block as one that names the server, if the server is a wrong one."""
    try:
        yield
    except IndexAccessError as error:
        wrong = find_wrong_server(client, address)
        if wrong is None:
            raise
        raise wrong from error


def find_wrong_server(client: Elasticsearch, address: Address) -> IndexAccessError | None:
    """Ask what answers at an address. Return the error that names it; None if it is right, or does not tell."""
    transport: Any = client.transport
    headers = {**client._headers, "accept": "application/json"}  # an old version refuses the client's own type
    try:
        answer = PatientTransport.perform_request(transport, "GET", "/", headers=headers, max_retries=0)
    except (TransportError, ValueError):
        return None
    where, body = address.cluster or str(address), answer.body
    if answer.meta.headers.get("kbn-name"):
        return IndexAccessError(f"Kibana answers at {where}, not Elasticsearch", _CHECK_ADDRESS)
    if isinstance(body, str | bytes):
        return _page_error(where, body, answer.meta.status)
    if not isinstance(body, dict) or answer.meta.status >= 300:
        return None
    version = body.get("version")
    if not isinstance(version, dict) or not isinstance(version.get("number"), str):
        return IndexAccessError(f"what answers at {where} is not Elasticsearch", _CHECK_ADDRESS)
    is_elastic = "x-elastic-product" in answer.meta.headers or body.get("tagline") == _TAGLINE
    return _version_error(where, version, is_elastic=is_elastic)


def _version_error(where: str, version: dict[str, Any], *, is_elastic: bool) -> IndexAccessError | None:
    number = _one_line(version["number"])
    product = _one_line(str(version.get("distribution") or ""))
    if product or not is_elastic:
        name = {"opensearch": "OpenSearch"}.get(product.lower(), product or "something else")
        return IndexAccessError(f"{name} {number} answers at {where}, not Elasticsearch", _NEEDED)
    if parse_version(number) < OLDEST:
        return IndexAccessError(f"Elasticsearch {number} at {where} is too old", _NEEDED)
    return None


def _page_error(where: str, body: str | bytes, status: int) -> IndexAccessError | None:
    page = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    title = _TITLE.search(page)
    if title:
        name = _one_line(html.unescape(title[1]))
        return IndexAccessError(f"a web page answers at {where}, not Elasticsearch: {name}", _CHECK_ADDRESS)
    if status >= 300:
        return None
    return IndexAccessError(f"what answers at {where} is not Elasticsearch: {_one_line(page)}", _CHECK_ADDRESS)


def _one_line(text: str) -> str:
    """Return the printable part of what a server tells of itself, shortened. Secrets are masked."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in mask(text)).split())
    return line if len(line) <= _MAX_NAME else f"{line[: _MAX_NAME - 1]}…"
