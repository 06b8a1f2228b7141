"""What an Elasticsearch client may raise, as one line with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import elastic_transport
from elasticsearch import ApiError, UnsupportedProductError

from mirsearch.errors import IndexAccessError, MirsearchError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.patience import BUSY, ShardError

CREDENTIALS = "set MIRSEARCH_ES_API_KEY, or MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD"
PRIVILEGES = "give it the privileges that docs/security.md names"


@contextmanager
def told(address: Address) -> Iterator[None]:
    """Raise anything the client raises inside as an IndexAccessError that says what to do."""
    try:
        yield
    except (ApiError, elastic_transport.TransportError, UnsupportedProductError) as error:
        raise translated(error, address) from None
    except ShardError as error:
        raise _not_now(address, str(error)) from None


def translated(error: Exception, address: Address) -> MirsearchError:
    """The one error for what went wrong between us and the cluster."""
    if isinstance(error, ApiError):
        return _answered(error, address)
    where = address.cluster or str(address)
    if isinstance(error, UnsupportedProductError):
        return IndexAccessError(f"what answers at {where} is not Elasticsearch", "check the address and port")
    if isinstance(error, elastic_transport.TlsError):
        return _tls(error, where)
    if isinstance(error, elastic_transport.ConnectionTimeout):
        return IndexAccessError(
            f"{where} did not answer in time", "see whether the cluster is overloaded, and try again"
        )
    if isinstance(error, elastic_transport.ConnectionError):
        return _unreachable(error, where)
    return IndexAccessError(f"the answer of {where} can't be used: {_short(_message(error))}", "is a proxy in between?")


def _message(error: Exception) -> str:
    return str(getattr(error, "message", error))


def _tls(error: Exception, where: str) -> IndexAccessError:
    words = _message(error)
    if "WRONG_VERSION_NUMBER" in words or "record layer failure" in words:
        return IndexAccessError(f"{where} does not speak TLS", "write http:// instead of https://")
    if "ingerprint" in words:
        return IndexAccessError(
            f"the certificate of {where} has another fingerprint than MIRSEARCH_ES_FINGERPRINT",
            "take the fingerprint anew from the cluster's administrator",
        )
    return IndexAccessError(
        f"the certificate of {where} is not trusted",
        "set MIRSEARCH_ES_CA to its CA's PEM file, or MIRSEARCH_ES_FINGERPRINT to the certificate's SHA-256",
    )


def _unreachable(error: Exception, where: str) -> IndexAccessError:
    words = _message(error)
    if "RemoteDisconnected" in words or "Connection aborted" in words:
        return IndexAccessError(
            f"{where} closed the connection", "is it https:// there, or did the node just go down? try again"
        )
    return IndexAccessError(f"nothing answers at {where}", "start Elasticsearch there, or correct --index")


def _reason(error: ApiError) -> tuple[str, str]:
    body: Any = error.body
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return "", _short(str(told or body or error.message))
    causes = told.get("root_cause") or [told]
    first = causes[0] if isinstance(causes[0], dict) else told
    return str(first.get("type") or told.get("type") or ""), _short(
        str(first.get("reason") or told.get("reason") or "")
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."


def _answered(error: ApiError, address: Address) -> MirsearchError:
    status = error.meta.status
    kind, reason = _reason(error)
    where = address.cluster or str(address)
    if kind == "media_type_header_exception" or (status == 400 and "compatible-with" in reason):
        return IndexAccessError(
            f"{where} runs an older Elasticsearch than the client here can talk to",
            "install the client of its major version, for 8.x: pip install 'elasticsearch>=8.19,<9'",
        )
    if "block" in kind or "blocked by" in reason:
        return blocked(address, reason)
    if status in BUSY or "no_shard_available" in kind or "all shards failed" in reason:
        return _not_now(address, str(reason or kind or status))
    if kind == "search_context_missing_exception":
        return IndexAccessError(f"{where} forgot what was being read: it restarted", "run the same command again")
    plain = {
        401: (f"{where} does not accept who you are", CREDENTIALS),
        403: (f"the key or user may not do this with {address.name}: {reason}", PRIVILEGES),
        404: (f"there is no index {address.name} at {where}", "ingest something into it, or correct --index"),
        413: (f"{where} refuses a request of this size", "raise http.max_content_length there, or drop that figure"),
    }
    otherwise = (f"{where} answered {status} for {address.name}: {reason or kind}", "see the cluster's log")
    return IndexAccessError(*plain.get(status, otherwise))


def _not_now(address: Address, reason: str) -> IndexAccessError:
    return IndexAccessError(
        f"{address.name} at {address.cluster or address} can't answer now: {reason}",
        "see GET _cluster/health?level=indices; a red index needs its node back",
    )


def blocked(address: Address, reason: str) -> IndexAccessError:
    """The error for a write that a block of the index refuses."""
    if "flood" in reason or "disk usage" in reason:
        remedy = "free disk space on the node; the block then goes by itself"
    else:
        remedy = (
            f'lift it with PUT {address.name}/_settings {{"index.blocks.write": null, "index.blocks.read_only": null}}'
        )
    return IndexAccessError(f"the index {address} is read-only: {reason}", remedy)
