"""Every option, default, limit and environment variable, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {
    "MIRSEARCH_INDEX": "where the index is: a path (default ./mirsearch-index) or an http(s):// address",
    "MIRSEARCH_CACHE": "folder for built models and other things that can be made again",
    "MIRSEARCH_THREADS": "threads for inference and scanning (default: all cores)",
    "MIRSEARCH_ES_API_KEY": "API key for an index on Elasticsearch",
    "MIRSEARCH_ES_USER": "user for an index on Elasticsearch, where there is no API key",
    "MIRSEARCH_ES_PASSWORD": "that user's password",
    "MIRSEARCH_ES_CA": "PEM file of the CA that signed the cluster's certificate",
    "MIRSEARCH_ES_FINGERPRINT": "SHA-256 of the cluster's certificate, instead of a CA",
    "MIRSEARCH_ES_CLOUD_ID": "cloud id, for --index elasticsearch+cloud:///NAME",
    "MIRSEARCH_ES_SETTINGS": "TOML file with api_key, user, password, ca, fingerprint, cloud_id where they are not set",
}
"""Environment variables mirsearch reads, each with what it is for."""

DEFAULT_INDEX = "mirsearch-index"
DEFAULT_EXTRACTOR = "efficientnet"
DEFAULT_OCR = "rapidocr"
DEFAULT_SCALEBARS = "runs"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what comes from outside."""

    image_bytes: int = 1 << 30
    image_pixels: int = 250_000_000
    image_pages: int = 500
    xml_bytes: int = 100 << 20
    json_bytes: int = 500 << 20
    table_bytes: int = 200 << 20
    caption_chars: int = 50_000
    field_chars: int = 2_000
    query_top: int = 10_000
    query_terms: int = 64


LIMITS = Limits()

TEXT_BOOSTS = {"caption": 1.0, "text": 0.7, "title": 0.7}
"""How much a word counts in a panel's caption, in the text OCR read, and in its article's title."""

THUMBNAIL_SIDE = 320
"""Longer side, in px, of the small picture an index keeps of each panel."""


def index_location(given: str | None) -> str:
    """The index to use: the option, else MIRSEARCH_INDEX, else ./mirsearch-index."""
    return given or os.environ.get("MIRSEARCH_INDEX") or DEFAULT_INDEX


def cache_dir() -> Path:
    """Folder for what can be made again; MIRSEARCH_CACHE or the user's cache folder. It may not exist yet."""
    given = os.environ.get("MIRSEARCH_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("mirsearch", appauthor=False)


def threads() -> int:
    """Threads to use: MIRSEARCH_THREADS where it is a whole number ≥ 1, else the cores this process may use."""
    given = os.environ.get("MIRSEARCH_THREADS", "")
    if given.isdigit() and int(given) >= 1:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
SCALE_SIGMA = 0.3
"""Width of the field-of-view match in decades."""


def elasticsearch_settings() -> dict[str, str]:
    """Credentials for Elasticsearch: MIRSEARCH_ES_… variables, and what they lack from the file they may name.

    Keys are api_key, user, password, ca, fingerprint, cloud_id. UsageError for a file that can't be used or that others
    may read.
    """
    names = ("api_key", "user", "password", "ca", "fingerprint", "cloud_id")
    found = {name: os.environ.get(f"MIRSEARCH_ES_{name.upper()}", "") for name in names}
    given = os.environ.get("MIRSEARCH_ES_SETTINGS")
    stored = _secret_file(Path(given)) if given else {}
    if found["api_key"] or found["user"]:
        stored = {name: value for name, value in stored.items() if name not in ("api_key", "user", "password")}
    return {name: found[name] or stored.get(name, "") for name in names if found[name] or stored.get(name)}


def _secret_file(path: Path) -> dict[str, str]:
    import tomllib

    from mirsearch.errors import UsageError

    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise UsageError(f"others may read {path}", f"chmod 600 {path}")
        with path.open("rb") as stream:
            told = tomllib.load(stream)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a TOML file"
        raise UsageError(f"the settings file {path} can't be used: {reason}", "check MIRSEARCH_ES_SETTINGS") from None
    return {name: str(value) for name, value in told.items()}
