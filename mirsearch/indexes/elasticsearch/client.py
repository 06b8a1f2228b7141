"""A client of an Elasticsearch cluster, made from an address and the credentials in the environment."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elasticsearch import Elasticsearch

from mirsearch import settings
from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch.patience import PatientTransport

# "Node … has failed for 1 times in a row": what failed is told once, by our own error
logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)

QUERY_SECONDS = 60.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
CLOUD = "elasticsearch+cloud://"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an index is: the cluster's address (empty: the cloud id's) and the index's name."""

    cluster: str
    name: str

    def __str__(self) -> str:
        return f"{self.cluster or CLOUD.removesuffix('/')}/{self.name}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client shows who it is; nothing of it is ever printed."""

    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    fingerprint: str | None = None
    cloud_id: str | None = None


def parse(location: str) -> Address:
    """`http(s)://host[:port][/prefix]/NAME`, or `elasticsearch+cloud:///NAME`; UsageError for anything else."""
    if location.lower().startswith(CLOUD):
        return Address("", _checked_name(location[len(CLOUD) :].strip("/"), location))
    parts = urlsplit(location)
    if parts.username is not None or parts.password is not None:
        shown = location.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        raise UsageError(
            f"the address {shown} was given with a user or password in it",
            "take them out, and set MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD, or MIRSEARCH_ES_API_KEY",
        )
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme.lower() not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{location} is no address of an index", "write it as http(s)://HOST:9200/NAME")
    prefix, _, name = parts.path.rstrip("/").rpartition("/")
    shown_host = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme.lower() == "https" else 9200
    return Address(f"{parts.scheme.lower()}://{shown_host}:{port or default}{prefix}", _checked_name(name, location))


def _checked_name(name: str, location: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{location} names no index that Elasticsearch would take",
            "end the address with a name of lower-case letters, digits, - and _: http://HOST:9200/figures",
        )
    return name


def credentials() -> Credentials:
    """Credentials from MIRSEARCH_ES_… variables, else from the settings file; UsageError where they contradict."""
    told = settings.elasticsearch_settings()
    found = Credentials(**{name: told.get(name) for name in Credentials.__dataclass_fields__})
    if found.api_key and (found.user or found.password):
        raise UsageError(
            "both an API key and a user are set for Elasticsearch",
            "keep MIRSEARCH_ES_API_KEY, or MIRSEARCH_ES_USER with MIRSEARCH_ES_PASSWORD",
        )
    if bool(found.user) != bool(found.password):
        raise UsageError(
            "a user for Elasticsearch needs a password, and the other way round",
            "set both MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD",
        )
    if found.ca and not Path(found.ca).is_file():
        raise UsageError(f"MIRSEARCH_ES_CA names {found.ca}, which is no file", "give the CA certificate as a PEM file")
    return found


def connect(address: Address, *, patience: float = 0.0) -> Elasticsearch:
    """A client of the cluster that waits so many seconds for it when it restarts; nothing is sent yet."""
    own = credentials()
    options: dict[str, Any] = {"request_timeout": QUERY_SECONDS, "transport_class": PatientTransport}
    if own.api_key:
        options["api_key"] = own.api_key
    elif own.user and own.password:
        options["basic_auth"] = (own.user, own.password)
    if address.cluster:
        options["hosts"] = [address.cluster]
    elif own.cloud_id:
        options["cloud_id"] = own.cloud_id
    else:
        raise UsageError(f"{address} needs a cloud id", "set MIRSEARCH_ES_CLOUD_ID")
    if not address.cluster or address.cluster.startswith("https"):
        if own.ca:
            options["ca_certs"] = own.ca
        if own.fingerprint:
            options["ssl_assert_fingerprint"] = own.fingerprint.replace(":", "").lower()
            options["verify_certs"] = bool(own.ca)
            options["ssl_show_warn"] = False
    try:
        client = Elasticsearch(**options)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"the settings for {address} can't be used: {error}", "check the MIRSEARCH_ES_… variables"
        ) from error
    client.transport.patience = patience  # type: ignore[attr-defined]
    return client
