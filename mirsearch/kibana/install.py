"""Importing the dashboards into a running Kibana by its saved-objects API."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlsplit

from mirsearch.errors import IndexAccessError, UsageError
from mirsearch.indexes.elasticsearch.client import credentials
from mirsearch.kibana.objects import ndjson

OLDEST = (8, 15)
SECONDS = 60
LONGEST_ANSWER = 10 << 20


def install(kibana: str, name: str, space: str | None = None) -> int:
    """Import the dashboards of the index `name`, in place of earlier ones; how many objects there are.

    Credentials are those for Elasticsearch. IndexAccessError where Kibana is not there, too old, or refuses.
    """
    base = _base(kibana, space)
    version = _version(base, kibana)
    if version < OLDEST:
        raise IndexAccessError(
            f"Kibana at {kibana} is {version[0]}.{version[1]}", f"it must be {OLDEST[0]}.{OLDEST[1]} or later"
        )
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="mirsearch.ndjson"\r\n'
        f"Content-Type: application/ndjson\r\n\r\n{ndjson(name)}\r\n--{boundary}--\r\n"
    ).encode()
    told = _call(
        f"{base}/api/saved_objects/_import?overwrite=true", kibana, body, f"multipart/form-data; boundary={boundary}"
    )
    if not told.get("success"):
        raise IndexAccessError(f"Kibana at {kibana} did not take the dashboards: {_errors(told)}", "see Kibana's log")
    return int(told.get("successCount", 0))


def _base(kibana: str, space: str | None) -> str:
    parts = urlsplit(kibana)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the address of Kibana was given with a user or password in it", "set the MIRSEARCH_ES_… variables instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{kibana} is no address of a Kibana", "write it as http(s)://HOST:5601")
    base = kibana.rstrip("/")
    return f"{base}/s/{quote(space, safe='')}" if space else base


def _version(base: str, kibana: str) -> tuple[int, int]:
    told = _call(f"{base}/api/status", kibana)
    found = re.match(r"(\d+)\.(\d+)", str((told.get("version") or {}).get("number", "")))
    if not found:
        raise IndexAccessError(f"what answers at {kibana} is not Kibana", "Kibana's port is 5601 by default")
    return int(found[1]), int(found[2])


def _call(url: str, kibana: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
    request = urllib.request.Request(url, data=body, headers={"kbn-xsrf": "true"})  # noqa: S310 - checked in _base
    if kind:
        request.add_header("Content-Type", kind)
    own = credentials()
    if own.api_key:
        request.add_unredirected_header("Authorization", f"ApiKey {own.api_key}")
    elif own.user:
        pair = b64encode(f"{own.user}:{own.password}".encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {pair}")
    context = ssl.create_default_context(cafile=own.ca) if url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:  # noqa: S310
            told = json.loads(answer.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        raise _refused(error, kibana) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise IndexAccessError(f"the certificate of {kibana} is not trusted", "set MIRSEARCH_ES_CA") from None
        raise IndexAccessError(f"nothing answers at {kibana}", "start Kibana there, or correct --kibana") from None
    except ValueError:
        raise IndexAccessError(f"what answers at {kibana} is not Kibana", "Kibana's port is 5601 by default") from None
    return told if isinstance(told, dict) else {}


def _refused(error: urllib.error.HTTPError, kibana: str) -> IndexAccessError:
    with error:
        raw = error.read(LONGEST_ANSWER)
    try:
        message = str(json.loads(raw).get("message", ""))
    except (ValueError, AttributeError):
        message = ""
    if error.code in (401, 403):
        return IndexAccessError(
            f"Kibana at {kibana} does not allow it ({error.code})",
            "the key or user needs the privileges Saved Objects Management, Dashboard and Data View Management",
        )
    if error.code == 503:
        return IndexAccessError(f"Kibana at {kibana} is not ready yet", "wait until it has started")
    return IndexAccessError(
        f"Kibana at {kibana} answered {error.code}: {message[:300]}", "is it a Kibana of 8.15 or later?"
    )


def _errors(told: dict[str, Any]) -> str:
    words = []
    for each in told.get("errors") or []:
        error = each.get("error") or {}
        missing = ", ".join(f"{ref.get('type')} {ref.get('id')}" for ref in error.get("references") or [])
        reason = error.get("message") or missing
        words.append(
            f"{each.get('type')} {each.get('id')}: {error.get('type', 'unknown')}" + (f" ({reason})" if reason else "")
        )
    return "; ".join(words)[:500] or "no reason was given"
