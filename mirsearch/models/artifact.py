"""Model files: one file with a model's payloads and its card. The version is a hash of all that decides its output.

The file is a zip of `card.json` and the payloads that the card names, each with its SHA-256. The version covers what
changes a result (kind, base, settings, payloads), not what only describes the model (metrics, data, licence, notes).
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
from mirsearch.models import SUFFIX
from mirsearch.settings import LIMITS, models_dir

FORMAT = 1
_CARD = "card.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every zip entry, so that the same model gives the same file."""


class ArtifactError(MirsearchError):
    """A model file can't be read, is damaged, or is of another kind than expected."""


@dataclass(frozen=True, slots=True)
class Card:
    """The description of a model file: `base` and `settings` decide its output, the rest is its origin.

    `base` identifies the extractor that a trained model builds on: name, version, dims. `files` maps payloads to
    SHA-256.
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
    """A model file with its card read and its version checked. Payloads are checked when they are read."""

    path: Path
    card: Card

    def payload(self, name: str) -> bytes:
        """Return the bytes of a payload; ArtifactError if it is missing or has another hash than the card says."""
        expected = self.card.files.get(name)
        if expected is None:
            raise ArtifactError(f"{self.path} holds no {name}", f"it holds {', '.join(sorted(self.card.files))}")
        content = _read_member(self.path, name, LIMITS.model_bytes)
        if hashlib.sha256(content).hexdigest() != expected:
            raise ArtifactError(f"{self.path}: {name} is damaged", "copy or train it again")
        return content


def write_artifact(path: Path, card: Card, payloads: Mapping[str, bytes]) -> Card:
    """Write a model file in one step. Return the card as written, with its files and version."""
    for name in (card.name, card.kind, *payloads):
        if not _NAME.fullmatch(name) or name == _CARD:
            raise UsageError(
                f"{name!r} can't be a name in a model file", "use at most 80 letters, digits, dots, _ and -"
            )
    files = {name: hashlib.sha256(content).hexdigest() for name, content in payloads.items()}
    card = dataclasses.replace(card, files=files)
    card = dataclasses.replace(card, version=card_version(card))
    values = {"format": FORMAT} | dataclasses.asdict(card)
    content = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in [(_CARD, content), *sorted(payloads.items())]:
            archive.writestr(zipfile.ZipInfo(name, _DATE), member, zipfile.ZIP_DEFLATED)
    return card


def card_version(card: Card) -> str:
    """Return twelve hex digits of a SHA-256 over kind, base, settings and payloads."""
    decisive = {"kind": card.kind, "base": dict(card.base), "settings": dict(card.settings), "files": dict(card.files)}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def read_artifact(path: Path, kind: str | None = None) -> Artifact:
    """Return a model file with its card; ArtifactError if it is no model, was changed, or is not of `kind`."""
    try:
        card = _parse_card(json.loads(_read_member(path, _CARD, LIMITS.card_bytes)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactError(f"{path}: its card can't be read: {error}", "copy or train it again") from None
    if card_version(card) != card.version:
        raise ArtifactError(
            f"{path}: its contents are not the version {card.version} that its card names", "copy or train it again"
        )
    if kind is not None and card.kind != kind:
        raise ArtifactError(
            f"{path} is a model of kind {card.kind}, not {kind}", "mirsearch models list shows the kinds"
        )
    return Artifact(path, card)


def verify_artifact(artifact: Artifact) -> None:
    """Check every payload's hash; ArtifactError names the first damaged one."""
    for name in artifact.card.files:
        artifact.payload(name)


def list_installed(folder: Path | None = None) -> list[Artifact | ArtifactError]:
    """Return the models in the models folder, sorted by name, with an error in place of each unreadable one."""
    artifacts: list[Artifact | ArtifactError] = []
    for path in sorted((folder or models_dir()).glob(f"*{SUFFIX}")):
        try:
            artifacts.append(read_artifact(path))
        except ArtifactError as error:
            artifacts.append(error)
    return artifacts


def installed_path(name: str, folder: Path | None = None) -> Path:
    """Return the path where a model with this name is or would be installed; UsageError for an invalid name."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't be a model's name", "use at most 80 letters, digits, dots, _ and -")
    return (folder or models_dir()) / f"{name}{SUFFIX}"


def find_artifact(name: str, kind: str | None = None) -> Artifact:
    """Return the model with a file's path or an installed name; PluginError if there is none."""
    if name.endswith(SUFFIX) or "/" in name or Path(name).is_file():
        if not Path(name).is_file():
            raise PluginError(f"{name}: there is no such model file", "give a file, or the name of an installed model")
        return read_artifact(Path(name), kind)
    path = installed_path(name)
    if not path.is_file():
        names = sorted(model.stem for model in path.parent.glob(f"*{SUFFIX}"))
        remedy = f"installed: {', '.join(names)}" if names else f"put {name}{SUFFIX} into {path.parent}"
        raise PluginError(f"no model named {name!r} is installed", f"{remedy}; or give the path of its file")
    return read_artifact(path, kind)


def _parse_card(content: Any) -> Card:
    """Return a card from its JSON; ValueError, TypeError or KeyError if it is no card."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ValueError(f"it is of format {found}, but this mirsearch reads format {FORMAT}")
    values: dict[str, Any] = {}
    for item in dataclasses.fields(Card):
        value = content[item.name]
        expected = str if item.type == "str" else dict
        if not isinstance(value, expected):
            raise TypeError(f"{item.name} is not a {expected.__name__}")
        values[item.name] = value
    if not all(_NAME.fullmatch(name) for name in (values["name"], values["kind"], *values["files"])):
        raise ValueError("it has an invalid name")
    return Card(**values)


def _read_member(path: Path, name: str, limit: int) -> bytes:
    """Return one entry of a model file, of at most `limit` bytes whatever its header says."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            content = stream.read(limit + 1)
    except KeyError:
        raise ArtifactError(f"{path} holds no {name}", "give a complete model file of mirsearch") from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArtifactError(f"{path} can't be read as a model: {reason}", "copy or train it again") from None
    if len(content) > limit:
        raise ArtifactError(f"{path}: {name} is larger than {limit} bytes", "no model needs that much")
    return content
