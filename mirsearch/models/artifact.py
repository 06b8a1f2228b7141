"""Artifacts: one file that holds a model's payloads and its card; the version is a hash of what decides its output.

The file is a zip of `card.json` and the payloads the card names, each with its SHA-256. What changes a result (kind,
base, settings, payloads) goes into the version; what is only told (metrics, data, licence, notes) does not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirsearch.errors import MirsearchError, PluginError, UsageError
from mirsearch.files.partial import replace_file
from mirsearch.settings import LIMITS, models_dir

SUFFIX = ".mirmodel"
FORMAT = 1
_CARD = "card.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every zip entry, so that the same model is the same file."""


class ArtifactError(MirsearchError):
    """A model file that can't be read, is damaged, or is of another kind than asked."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a model file says of itself; `base` and `settings` decide its output, the rest tells where it comes from.

    `base` names the extractor a trained one wraps: name, version, dims. `files` maps payloads to SHA-256.
    """

    name: str
    kind: str
    base: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    license: str = ""
    notes: str = ""
    created: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model file whose card was read and whose version was checked; payloads are checked as they are read."""

    path: Path
    card: Card

    def payload(self, name: str) -> bytes:
        """The bytes of a payload; ArtifactError where it is missing or not what the card says."""
        expected = self.card.files.get(name)
        if expected is None:
            raise ArtifactError(f"{self.path} holds no {name}", f"it holds {', '.join(sorted(self.card.files))}")
        content = _read_member(self.path, name, LIMITS.model_bytes)
        if hashlib.sha256(content).hexdigest() != expected:
            raise ArtifactError(f"{self.path}: {name} is damaged", "copy or train it again")
        return content


def write_artifact(path: Path, card: Card, payloads: Mapping[str, bytes]) -> Card:
    """Write a model file, whole or not at all; the card as written, with its files and version."""
    for name in (card.name, card.kind, *payloads):
        if not _NAME.fullmatch(name) or name == _CARD:
            raise UsageError(f"{name!r} can't be a name in a model file", "letters, digits, dots, _ and -, at most 80")
    files = {name: hashlib.sha256(content).hexdigest() for name, content in payloads.items()}
    card = dataclasses.replace(card, files=files)
    card = dataclasses.replace(card, version=card_version(card))
    told = {"format": FORMAT} | dataclasses.asdict(card)
    content = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in [(_CARD, content), *sorted(payloads.items())]:
            archive.writestr(zipfile.ZipInfo(name, _DATE), member, zipfile.ZIP_DEFLATED)
    return card


def card_version(card: Card) -> str:
    """Twelve hex digits of SHA-256 over kind, base, settings and payloads."""
    decisive = {"kind": card.kind, "base": dict(card.base), "settings": dict(card.settings), "files": dict(card.files)}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def read_artifact(path: Path, kind: str | None = None) -> Artifact:
    """A model file with its card; ArtifactError where it is none, was tampered with, or is not of `kind`."""
    try:
        told = json.loads(_read_member(path, _CARD, LIMITS.card_bytes))
        card = _parse_card(told)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactError(f"{path}: its card can't be read: {error}", "copy or train it again") from None
    if card_version(card) != card.version:
        raise ArtifactError(f"{path}: it is not the version {card.version} its card says", "copy or train it again")
    if kind is not None and card.kind != kind:
        raise ArtifactError(f"{path} is a model of kind {card.kind}, not {kind}", "mirsearch models list tells kinds")
    return Artifact(path, card)


def verify_artifact(artifact: Artifact) -> None:
    """Read every payload against the card; ArtifactError names the first that is damaged."""
    for name in artifact.card.files:
        artifact.payload(name)


def list_installed(folder: Path | None = None) -> list[Artifact | ArtifactError]:
    """What lies in the models folder, by name; what can't be read is told in its place."""
    found: list[Artifact | ArtifactError] = []
    for path in sorted((folder or models_dir()).glob(f"*{SUFFIX}")):
        try:
            found.append(read_artifact(path))
        except ArtifactError as error:
            found.append(error)
    return found


def installed_path(name: str, folder: Path | None = None) -> Path:
    """Where a model of this name is, or would be, installed; UsageError for what is no name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't be a model's name", "letters, digits, dots, _ and -, at most 80")
    return (folder or models_dir()) / f"{name}{SUFFIX}"


def find_artifact(given: str, kind: str | None = None) -> Artifact:
    """The model of a file's path or an installed name; PluginError where there is none."""
    if given.endswith(SUFFIX) or "/" in given or Path(given).is_file():
        if not Path(given).is_file():
            raise PluginError(f"{given}: no such model file", "give a file, or the name of an installed model")
        return read_artifact(Path(given), kind)
    path = installed_path(given)
    if not path.is_file():
        names = sorted(each.stem for each in path.parent.glob(f"*{SUFFIX}"))
        there = f"installed: {', '.join(names)}" if names else f"put {given}{SUFFIX} into {path.parent}"
        raise PluginError(f"no model named {given!r} is installed", f"{there}; or give the path of its file")
    return read_artifact(path, kind)


def _parse_card(told: Any) -> Card:
    """A card from its JSON; ValueError, TypeError or KeyError where it is none."""
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else None
        raise ValueError(f"it is of format {found}, this mirsearch reads {FORMAT}")
    values: dict[str, Any] = {}
    for item in dataclasses.fields(Card):
        value = told[item.name]
        wanted = str if item.type == "str" else dict
        if not isinstance(value, wanted):
            raise TypeError(f"{item.name} is no {wanted.__name__}")
        values[item.name] = value
    if not all(_NAME.fullmatch(name) for name in (values["name"], values["kind"], *values["files"])):
        raise ValueError("a name in it is none")
    return Card(**values)


def _read_member(path: Path, name: str, limit: int) -> bytes:
    """One entry of a model file, no larger than `limit` bytes whatever its header claims."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            content = stream.read(limit + 1)
    except KeyError:
        raise ArtifactError(f"{path} holds no {name}", "it is no model of mirsearch, or cut short") from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArtifactError(f"{path} can't be read as a model: {reason}", "copy or train it again") from None
    if len(content) > limit:
        raise ArtifactError(f"{path}: {name} is larger than {limit} bytes", "no model needs that much")
    return content
