"""Connect to an Elasticsearch cluster: parse the index's address, read the credentials, make the client."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import SerializationError, TransportApiResponse
from elasticsearch import Elasticsearch, UnsupportedProductError

from mirsearch import settings
from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch.patience import PatientTransport
from mirsearch.text import masking

# The client logs "Node … has failed for 1 times in a row"; our own error already reports that failure.
logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)

QUERY_TIMEOUT_SECONDS = 60.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
CLOUD_PREFIX = "elasticsearch+cloud://"


@dataclass(frozen=True, slots=True)
class Address:
    """Location of an index: the cluster's address and the index's name. `cluster` is empty for a cloud id.

    `cluster` may name several nodes: https://a:9200,b:9200.
    """

    cluster: str
    name: str

    @property
    def nodes(self) -> list[str]:
        """The addresses of the nodes."""
        scheme, _, rest = self.cluster.partition("://")
        hosts, slash, prefix = rest.partition("/")
        return [f"{scheme}://{host}{slash}{prefix}" for host in hosts.split(",")]

    def __str__(self) -> str:
        return f"{self.cluster or CLOUD_PREFIX.removesuffix('/')}/{self.name}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client logs in with. Secrets are never printed."""

    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    fingerprint: str | None = None
    cloud_id: str | None = None


class _JsonTransport(PatientTransport):
    """Refuses an answer that is no JSON object: something else than Elasticsearch sent it, with status 200."""

    def perform_request(self, method: str, target: str, **options: Any) -> TransportApiResponse:
        answer = super().perform_request(method, target, **options)
        meta, body = answer.meta, answer.body
        if method == "HEAD" or meta.status >= 300 or isinstance(body, dict):
            return answer
        if "x-elastic-product" not in meta.headers:
            raise UnsupportedProductError("not Elasticsearch", meta=meta, body=body)
        raise SerializationError(f"it is {meta.mimetype or 'of no type'}, and no JSON object")


def parse_address(location: str) -> Address:
    """Parse `http(s)://host[:port],…[/prefix]/NAME` or `elasticsearch+cloud:///NAME`; raise UsageError otherwise."""
    if location.lower().startswith(CLOUD_PREFIX):
        return Address("", _check_name(location[len(CLOUD_PREFIX) :].strip("/"), location))
    parts = urlsplit(location)
    if parts.username is not None or parts.password is not None:
        shown = location.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        raise UsageError(
            f"the address {shown} must not contain a user or password",
            "remove them, and set MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD, or MIRSEARCH_ES_API_KEY",
        )
    scheme = parts.scheme.lower()
    nodes = [_parse_node(scheme, node) for node in parts.netloc.split(",")]
    if scheme not in ("http", "https") or "" in nodes or parts.query or parts.fragment:
        raise UsageError(
            f"{location} is not the address of an index",
            "write it as http(s)://HOST:9200/NAME, or http(s)://HOST:9200,HOST:9200/NAME for several nodes",
        )
    prefix, _, name = parts.path.rstrip("/").rpartition("/")
    return Address(f"{scheme}://{','.join(dict.fromkeys(nodes))}{prefix}", _check_name(name, location))


def _parse_node(scheme: str, node: str) -> str:
    """Return `host:port` of a node, with the default port where it has none; empty if it is no such thing."""
    try:
        parts = urlsplit(f"{scheme}://{node}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not host:
        return ""
    return f"{f'[{host}]' if ':' in host else host}:{port or (443 if scheme == 'https' else 9200)}"


def _check_name(name: str, location: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{location} does not end with an index name that Elasticsearch accepts",
            "end the address with a name of lower-case letters, digits, - and _: http://HOST:9200/figures",
        )
    return name


def read_credentials() -> Credentials:
    """Read the credentials from MIRSEARCH_ES_… variables or the settings file; raise UsageError if they contradict."""
    values = settings.elasticsearch_settings()
    found = Credentials(**{name: values.get(name) for name in Credentials.__dataclass_fields__})
    masking.remember_secret(found.api_key or "")
    masking.remember_secret(found.password or "", found.user or "")
    if found.api_key and (found.user or found.password):
        raise UsageError(
            "both an API key and a user are set for Elasticsearch",
            "set only MIRSEARCH_ES_API_KEY, or only MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD",
        )
    if bool(found.user) != bool(found.password):
        raise UsageError(
            "a user for Elasticsearch needs a password, and a password needs a user",
            "set both MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD",
        )
    if found.ca and not Path(found.ca).is_file():
        raise UsageError(
            f"MIRSEARCH_ES_CA names {found.ca}, which is not a file", "give the path of the CA certificate in PEM form"
        )
    return found


def connect(address: Address, *, patience: float = 0.0) -> Elasticsearch:
    """Return a client of the cluster; nothing is sent yet.

    When the cluster restarts, the client repeats its requests for `patience` seconds.
    """
    login = read_credentials()
    options: dict[str, Any] = {"request_timeout": QUERY_TIMEOUT_SECONDS, "transport_class": _JsonTransport}
    if login.api_key:
        options["api_key"] = login.api_key
    elif login.user and login.password:
        options["basic_auth"] = (login.user, login.password)
    if address.cluster:
        options["hosts"] = address.nodes
    elif login.cloud_id:
        options["cloud_id"] = login.cloud_id
    else:
        raise UsageError(f"{address} needs a cloud id", "set MIRSEARCH_ES_CLOUD_ID")
    if not address.cluster or address.cluster.startswith("https"):
        if login.ca:
            options["ca_certs"] = login.ca
        if login.fingerprint:
            options["ssl_assert_fingerprint"] = login.fingerprint.replace(":", "").lower()
            options["verify_certs"] = bool(login.ca)
            options["ssl_show_warn"] = False
    try:
        client = Elasticsearch(**options)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"the client of {address} can't be made with these settings: {error}", "check the MIRSEARCH_ES_… variables"
        ) from error
    client.transport.patience = patience  # type: ignore[attr-defined]
    client.transport.other_nodes = len(address.nodes) - 1  # type: ignore[attr-defined]
    return client
