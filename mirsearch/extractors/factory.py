"""Opens extractors: by name, or by the identity that an index records. Cheap to import."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirsearch import plugins
from mirsearch.errors import UsageError
from mirsearch.files.partial import replace_file
from mirsearch.settings import cache_dir

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor, Identity

_RECORD_FILE = "located.json"
_MAX_RECORDS = 200


def open_extractor(spec: str, weights: Path | None = None, device: str | None = None) -> Extractor:
    """Return the extractor NAME, or `NAME:ARGUMENT` where it takes an argument, with local weights, on a device.

    Raises UsageError for an argument, weights or a device that the extractor does not take. An extractor without a
    choice of devices ignores `device`.
    """
    name, _, argument = spec.partition(":")
    factory = plugins.load("extractors", name)
    if getattr(factory, "takes_options", False):
        configured: Extractor = factory(argument, weights=weights, device=device)
        return configured
    if weights is not None:
        raise UsageError(f"the extractor {name} takes no weights", "leave --extractor-weights out")
    extractor: Extractor = plugins.create("extractors", spec)
    return extractor


def open_recorded_extractor(identity: Identity, weights: Path | None = None, device: str | None = None) -> Extractor:
    """Return the extractor that made an index's vectors: an installed ONNX model of it, else its plug-in.

    Weights that were given at ingest are read from where they were then.
    """
    from mirsearch.extractors.onnx.installed import find_installed_model

    if weights is None:
        model = find_installed_model(identity, device)
        if model is not None:
            return model
    factory = plugins.load("extractors", identity.name) if weights is None and ":" not in identity.name else None
    if identity.version in getattr(factory, "versions", ()):
        of_version: Extractor = factory(identity.version)  # type: ignore[misc]
        return of_version
    spec, recorded_weights = find_recorded(identity)
    return open_extractor(spec, weights or recorded_weights, device)


def remember_weights(extractor: Extractor) -> None:
    """Record where the weights of an extractor are, so that a query of its index needs no --extractor-weights."""
    weights, spec = getattr(extractor, "weights", None), getattr(extractor, "spec", None)
    if not isinstance(weights, Path) and spec is None:
        return
    records = _read_records()
    records.pop(key := _record_key(extractor.name, extractor.version), None)
    records[key] = [spec or extractor.name, str(weights.resolve()) if isinstance(weights, Path) else None]
    path = _record_path()
    with contextlib.suppress(OSError):  # without the record, the next query needs --extractor-weights
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as part:
            part.write_text(json.dumps(dict(list(records.items())[-_MAX_RECORDS:])), encoding="utf-8")


def find_recorded(identity: Identity) -> tuple[str, Path | None]:
    """Return the recorded spec and weights if their files still exist, else the name without weights."""
    match _read_records().get(_record_key(identity.name, identity.version)):
        case [str(spec), None] if Path(spec.partition(":")[2]).is_file():
            return spec, None
        case [str(spec), str(weights)] if Path(weights).is_file():
            return spec, Path(weights)
    return identity.name, None


def _record_key(name: str, version: str) -> str:
    return f"{name} {version}"


def _record_path() -> Path:
    return cache_dir() / "models" / _RECORD_FILE


def _read_records() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        records = json.loads(_record_path().read_bytes())
        if isinstance(records, dict):
            return records
    return {}
