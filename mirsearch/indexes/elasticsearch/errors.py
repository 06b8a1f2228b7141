"""Translate the errors of an Elasticsearch client to one line with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import elastic_transport
from elasticsearch import ApiError, UnsupportedProductError

from mirsearch.errors import IndexAccessError, MirsearchError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.patience import BUSY_STATUSES, ShardUnavailableError
from mirsearch.text import masking

CREDENTIALS_REMEDY = "set MIRSEARCH_ES_API_KEY, or MIRSEARCH_ES_USER and MIRSEARCH_ES_PASSWORD"
_ODD_ANSWER = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""What reading an answer raises that is not formed as Elasticsearch's are: fields that are missing, of other types."""
PRIVILEGES_REMEDY = "grant the privileges listed in docs/security.md"


@contextmanager
def read_answers(address: Address) -> Iterator[None]:
    """Raise the client's errors inside a block that sends requests and reads answers as one that says what to do.

    An answer may be JSON of any shape: another program may answer at the address, or a proxy. So an error in reading
    one means that it has not the shape of an answer of Elasticsearch.
    """
    try:
        yield
    except (ApiError, elastic_transport.TransportError, UnsupportedProductError) as error:
        raise translate_error(error, address) from None
    except ShardUnavailableError as error:
        raise _unavailable_error(address, str(error)) from None
    except _ODD_ANSWER as error:
        raise _shape_error(error, address) from error


def _shape_error(error: Exception, address: Address) -> IndexAccessError:
    where, cause = address.cluster or str(address), _shorten(f"{type(error).__name__} {error}")
    return IndexAccessError(
        f"the answer of {where} for {address.name} is not what Elasticsearch answers: {cause}",
        "check the address, and for a proxy in between; then check the index: mirsearch verify",
    )


def translate_error(error: Exception, address: Address) -> MirsearchError:
    """Return our error for an error of the client."""
    where = address.cluster or str(address)
    if isinstance(error, UnsupportedProductError):  # an ApiError, too
        return IndexAccessError(f"what answers at {where} is not Elasticsearch", "check the address and port")
    if isinstance(error, ApiError):
        return _api_error(error, address)
    if isinstance(error, elastic_transport.TlsError):
        return _tls_error(error, where)
    if isinstance(error, elastic_transport.ConnectionTimeout):
        return IndexAccessError(
            f"{where} did not answer in time", "check whether the cluster is overloaded, and try again"
        )
    if isinstance(error, elastic_transport.ConnectionError):
        return _connection_error(error, where)
    return IndexAccessError(
        f"the answer of {where} can't be read: {_shorten(_message(error))}", "check for a proxy in between"
    )


def _message(error: Exception) -> str:
    return str(getattr(error, "message", error))


def _tls_error(error: Exception, where: str) -> IndexAccessError:
    message = _message(error)
    if "WRONG_VERSION_NUMBER" in message or "record layer failure" in message:
        return IndexAccessError(f"{where} does not speak TLS", "write http:// instead of https://")
    if "ingerprint" in message:
        return IndexAccessError(
            f"the certificate of {where} has another fingerprint than MIRSEARCH_ES_FINGERPRINT",
            "ask the cluster's administrator for its present fingerprint",
        )
    return IndexAccessError(
        f"the certificate of {where} is not trusted",
        "set MIRSEARCH_ES_CA to its CA's PEM file, or MIRSEARCH_ES_FINGERPRINT to the certificate's SHA-256",
    )


def _connection_error(error: Exception, where: str) -> IndexAccessError:
    message = _message(error)
    if "RemoteDisconnected" in message or "Connection aborted" in message:
        return IndexAccessError(
            f"{where} closed the connection", "try https:// in the address; if the node just went down, try again"
        )
    return IndexAccessError(f"nothing answers at {where}", "start Elasticsearch there, or correct --index")


def _type_and_reason(error: ApiError) -> tuple[str, str]:
    body: Any = error.body
    details = body.get("error") if isinstance(body, dict) else None
    if not isinstance(details, dict):
        return "", _shorten(str(details or body or error.message))
    causes = details.get("root_cause") or [details]
    first = causes[0] if isinstance(causes[0], dict) else details
    return _shorten(str(first.get("type") or details.get("type") or "")), _shorten(
        str(first.get("reason") or details.get("reason") or "")
    )


def _shorten(text: str) -> str:
    """Return one line of limited length. Secrets are masked first: half of one would not be recognized later."""
    line = " ".join(masking.mask(text).split())
    return line if len(line) <= 300 else f"{line[:297]}..."


def _api_error(error: ApiError, address: Address) -> MirsearchError:
    status = error.meta.status
    kind, reason = _type_and_reason(error)
    where = address.cluster or str(address)
    if kind == "media_type_header_exception" or (status == 400 and "compatible-with" in reason):
        return IndexAccessError(
            f"{where} runs an older Elasticsearch than the client here supports",
            "install the client of the server's major version, for 8.x: pip install 'elasticsearch>=8.19,<9'",
        )
    if "block" in kind or "blocked by" in reason:
        return read_only_error(address, reason)
    if status in BUSY_STATUSES or "no_shard_available" in kind or "all shards failed" in reason:
        return _unavailable_error(address, str(reason or kind or status))
    if kind == "search_context_missing_exception":
        return IndexAccessError(
            f"{where} restarted during the command and lost its place", "run the same command again"
        )
    by_status = {
        401: (f"{where} does not accept your credentials", CREDENTIALS_REMEDY),
        403: (f"the key or user lacks a privilege on {address.name}: {reason}", PRIVILEGES_REMEDY),
        404: (f"there is no index {address.name} at {where}", "ingest something into it, or correct --index"),
        413: (
            f"{where} refuses a request of this size",
            "raise http.max_content_length there, or leave that figure out",
        ),
    }
    otherwise = (f"{where} answered {status} for {address.name}: {reason or kind}", "see the cluster's log")
    return IndexAccessError(*by_status.get(status, otherwise))


def _unavailable_error(address: Address, reason: str) -> IndexAccessError:
    return IndexAccessError(
        f"{address.name} at {address.cluster or address} can't answer now: {_shorten(reason)}",
        "check GET _cluster/health?level=indices; if the index is red, start its node again",
    )


def read_only_error(address: Address, reason: str) -> IndexAccessError:
    """Return the error for a write that a block on the index refuses."""
    if "flood" in reason or "disk usage" in reason:
        remedy = "free disk space on the node; Elasticsearch then lifts the block"
    else:
        blocks = '{"index.blocks.write": null, "index.blocks.read_only": null}'
        remedy = f"lift the block with PUT {address.name}/_settings {blocks}"
    return IndexAccessError(f"the index {address} is read-only: {_shorten(reason)}", remedy)
