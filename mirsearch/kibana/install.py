"""Import the dashboards into a running Kibana over its saved-objects API."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlsplit

from mirsearch.errors import IndexAccessError, UsageError
from mirsearch.indexes.elasticsearch.client import read_credentials
from mirsearch.kibana.objects import dashboards_ndjson
from mirsearch.text.foreign import parse_integer, parse_json
from mirsearch.text.masking import mask

OLDEST_VERSION = (8, 15)
TIMEOUT_SECONDS = 60
MAX_ANSWER_BYTES = 10 << 20


def install_dashboards(kibana: str, name: str, space: str | None = None) -> int:
    """Import the dashboards of the index `name`, in place of earlier ones; return the number of objects.

    The credentials are those for Elasticsearch. Raises IndexAccessError if Kibana does not answer, is too old or
    refuses.
    """
    base = _base_url(kibana, space)
    version = _kibana_version(base, kibana)
    if version < OLDEST_VERSION:
        raise IndexAccessError(
            f"Kibana at {kibana} is {version[0]}.{version[1]}",
            f"use version {OLDEST_VERSION[0]}.{OLDEST_VERSION[1]} or later",
        )
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="mirsearch.ndjson"\r\n'
        f"Content-Type: application/ndjson\r\n\r\n{dashboards_ndjson(name)}\r\n--{boundary}--\r\n"
    ).encode()
    answer = _request_json(
        f"{base}/api/saved_objects/_import?overwrite=true", kibana, body, f"multipart/form-data; boundary={boundary}"
    )
    if not answer.get("success"):
        raise IndexAccessError(
            f"Kibana at {kibana} refused the dashboards: {_describe_errors(answer)}", "see Kibana's log"
        )
    return parse_integer(answer.get("successCount")) or 0


def _base_url(kibana: str, space: str | None) -> str:
    parts = urlsplit(kibana)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the address of Kibana must not contain a user or password", "set the MIRSEARCH_ES_… variables instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{kibana} is not the address of a Kibana", "write it as http(s)://HOST:5601")
    base = kibana.rstrip("/")
    return f"{base}/s/{quote(space, safe='')}" if space else base


def _kibana_version(base: str, kibana: str) -> tuple[int, int]:
    status = _request_json(f"{base}/api/status", kibana)
    found = re.match(r"(\d{1,9})\.(\d{1,9})", str(_object(status.get("version")).get("number", "")))
    if not found:
        raise IndexAccessError(f"what answers at {kibana} is not Kibana", "Kibana's port is 5601 by default")
    return int(found[1]), int(found[2])


def _request_json(url: str, kibana: str, body: bytes | None = None, content_type: str = "") -> dict[str, Any]:
    request = urllib.request.Request(url, data=body, headers={"kbn-xsrf": "true"})  # noqa: S310 - checked in _base
    if content_type:
        request.add_header("Content-Type", content_type)
    login = read_credentials()
    if login.api_key:
        request.add_unredirected_header("Authorization", f"ApiKey {login.api_key}")
    elif login.user:
        user_and_password = b64encode(f"{login.user}:{login.password}".encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {user_and_password}")
    context = ssl.create_default_context(cafile=login.ca) if url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as response:  # noqa: S310
            answer = parse_json(response.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise _http_error(error, kibana) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise IndexAccessError(f"the certificate of {kibana} is not trusted", "set MIRSEARCH_ES_CA") from None
        raise IndexAccessError(f"nothing answers at {kibana}", "start Kibana there, or correct --kibana") from None
    except ValueError:
        raise IndexAccessError(f"what answers at {kibana} is not Kibana", "Kibana's port is 5601 by default") from None
    return _object(answer)


def _http_error(error: urllib.error.HTTPError, kibana: str) -> IndexAccessError:
    with error:
        raw = error.read(MAX_ANSWER_BYTES)
    try:
        message = str(_object(parse_json(raw)).get("message", ""))
    except ValueError:
        message = ""
    if error.code in (401, 403):
        return IndexAccessError(
            f"Kibana at {kibana} does not allow this ({error.code})",
            "give the key or user the privileges Saved Objects Management, Dashboard and Data View Management",
        )
    if error.code == 503:
        return IndexAccessError(f"Kibana at {kibana} is not ready yet", "wait until it has started")
    return IndexAccessError(
        f"Kibana at {kibana} answered {error.code}: {mask(message)[:300]}", "check that it is a Kibana of 8.15 or later"
    )


def _describe_errors(answer: dict[str, Any]) -> str:
    lines = []
    for failed in _objects(answer.get("errors")):
        error = _object(failed.get("error"))
        missing = ", ".join(f"{ref.get('type')} {ref.get('id')}" for ref in _objects(error.get("references")))
        reason = error.get("message") or missing
        name = f"{failed.get('type')} {failed.get('id')}"
        lines.append(f"{name}: {error.get('type', 'unknown')}" + (f" ({reason})" if reason else ""))
    return mask("; ".join(lines))[:500] or "no reason was given"


def _object(value: Any) -> dict[str, Any]:
    """Return an object of an answer; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list of an answer, whatever else is in it."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
