"""A cache of built models on disk: written in one step, checked when read, optional where it can't be written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import zlib
from collections.abc import Callable
from pathlib import Path

from mirsearch.files.partial import replace_file
from mirsearch.settings import cache_dir

_LOG = logging.getLogger(__name__)
_FOLDER = "models"
_MAGIC = b"mirsearch-model "
_warned: set[Path] = set()


def cached_model(name: str, key: str, build: Callable[[], bytes]) -> bytes:
    """Return the cached model with this key, or build, cache and return it.

    The file has one line (magic, key, CRC-32 of the model) and the model. A damaged copy, or one with another key, is
    replaced. Several processes may do this at once: each writes its own file and renames it into place.
    """
    path = cache_dir() / _FOLDER / f"{name}.onnx"
    found = _read(path, key)
    if found is not None:
        return found
    model = build()
    _write(path, _header(key, model) + model)
    return model


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a large file. The cache keeps it as long as the file's size and time stay the same."""
    status = path.stat()
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns]
    record = cache_dir() / _FOLDER / f"{path.name}.sha256.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(record.read_bytes())
        if known["file"] == identity and len(known["sha256"]) == 64:
            return str(known["sha256"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _write(record, json.dumps({"file": identity, "sha256": digest}).encode())
    return digest


def _header(key: str, model: bytes) -> bytes:
    return _MAGIC + f"{key} {zlib.crc32(model):08x}\n".encode()


def _read(path: Path, key: str) -> bytes | None:
    """Return the model in a cache file, or None if the file is missing, damaged or has another key."""
    try:
        with path.open("rb") as file:
            head, model = file.readline(), file.read()  # apart, since splitting the content would copy the model
    except OSError:
        return None
    return model if head == _header(key, model) else None


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step; if that fails, warn once and go on without the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        if path.parent not in _warned:
            _warned.add(path.parent)
            _LOG.warning(
                "%s can't be written (%s), so each run builds the model; set MIRSEARCH_CACHE to a writable folder",
                path.parent,
                error.strerror or error,
            )
