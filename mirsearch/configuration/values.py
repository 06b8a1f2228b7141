"""The user's config file: defaults for settings and options. An option and an environment variable come before it.

The file is TOML. It is read only if it exists, when a value is needed, and again when it has changed. It holds no
secrets: a key or a password belongs into an environment variable or a file of its own.
"""

from __future__ import annotations

import difflib
import math
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mirsearch.errors import UsageError

Value = str | int | float
PREFIX = "MIRSEARCH_"
SECRETS = {
    "es_api_key": "set MIRSEARCH_ES_API_KEY, or name a file that only you can read with es_settings",
    "es_password": "set MIRSEARCH_ES_PASSWORD, or name a file that only you can read with es_settings",
}
"""Keys that the file never holds, and where they belong."""
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file: what it holds (in words), its check, and what it means where no variable tells that.

    `check` returns the value as it is used, or raises ValueError. `is_variable`: an environment variable has this name.
    """

    holds: str
    check: Callable[[Any], Value]
    is_variable: bool = True
    meaning: str = ""
    is_path: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError
    return value.strip()


def _path(value: Any) -> str:
    text = _text(value)
    return text if "://" in text else str(Path(text).expanduser())


def _index(value: Any) -> str:
    text = _path(value)
    parts = urlsplit(text) if "://" in text else None
    if parts is not None and (parts.username is not None or parts.password is not None):
        raise ValueError("an address in the config file must not have a user or a password")
    return text


def _number(low: float, high: float, *, whole: bool = False, above: bool = False) -> Callable[[Any], Value]:
    def check(value: Any) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError
        if (whole and value != int(value)) or not low <= value <= high or (above and value == low):
            raise ValueError
        return int(value) if whole else value

    return check


def _one_of(*names: str) -> Callable[[Any], Value]:
    def check(value: Any) -> Value:
        if value not in names:
            raise ValueError
        return str(value)

    return check


_MOST = 1e9
_SECONDS = Key("a number of seconds from 0", _number(0, _MOST))
_ADDRESS = Key("a web address", _index)
_FOLDER = Key("a folder", _path, is_path=True)
_WEIGHT = _number(0, _MOST)


def _option(holds: str, check: Callable[[Any], Value], meaning: str) -> Key:
    return Key(holds, check, is_variable=False, meaning=meaning)


KEYS: Mapping[str, Key] = {
    "index": Key("a path or an address", _index, is_path=True),
    "contact": Key("an e-mail or web address", _text),
    "workspace": _FOLDER, "cache": _FOLDER, "models": _FOLDER,
    "threads": Key("a whole number from 1", _number(1, 4096, whole=True)),
    "device": Key("auto, cpu, mps, cuda or cuda:N", _text),
    "europepmc_url": _ADDRESS, "pmc_url": _ADDRESS, "arxiv_url": _ADDRESS, "arxiv_oai_url": _ADDRESS,
    "http_cache_mb": Key("a number of MB from 0", _number(0, _MOST)),
    "http_rate": Key("a number of requests per second", _number(0, _MOST)),
    "http_backoff": _SECONDS, "http_timeout": _SECONDS,
    "es_user": Key("a user's name", _text),
    "es_ca": Key("a file", _path, is_path=True), "es_settings": Key("a file", _path, is_path=True),
    "es_fingerprint": Key("a SHA-256 fingerprint", _text), "es_cloud_id": Key("a cloud id", _text),
    "es_patience": _SECONDS, "wait": _SECONDS,
    "top": _option("a whole number from 1", _number(1, 10_000, whole=True), "hits of a query"),
    "per_article": _option("a whole number from 0", _number(0, 10_000, whole=True),
                           "most hits of one article in tables and pages; 0: any number"),
    "weights.visual": _option("a number from 0", _WEIGHT, "weight of the looks in a query's score"),
    "weights.scale": _option("a number from 0", _WEIGHT, "weight of the scale in a query's score"),
    "weights.text": _option("a number from 0", _WEIGHT, "weight of the words in a query's score"),
    "weights.meaning": _option("a number from 0", _WEIGHT, "weight of the words' meaning; default: a fifth of text"),
    "weights.image_text": _option("a number from 0", _WEIGHT, "weight of words against pictures; default: as text"),
    "missing": _option("neutral, penalize or exclude", _one_of("neutral", "penalize", "exclude"),
                       "rule for panels without a scale"),
    "sigma": _option("a number above 0", _number(0, 100, above=True), "width of the scale term in decades"),
    "ocr": _option("the name of an OCR engine", _text, "OCR engine"),
    "scalebars": _option("the name of a detector", _text, "scale-bar detector"),
}  # fmt: skip
"""All keys. A dot stands for a table: weights.visual is `visual` in `[weights]`."""
_OPTIONS_OF_COMMANDS = {
    "query": ("top", "missing", "sigma", "ocr", "scalebars"),
    **dict.fromkeys(("ingest", "analyze", "serve", "verify", "reanalyze"), ("ocr", "scalebars")),
}
"""Keys that are the default of a command's option of the same name."""


def config_path() -> Path:
    """Return the place of the config file: MIRSEARCH_CONFIG, else in the user's config folder. It may not exist."""
    given = os.environ.get("MIRSEARCH_CONFIG")
    if given:
        return Path(given).expanduser()
    if os.name == "posix" and sys.platform != "darwin":  # as platformdirs has it, without importing that at each start
        base = os.environ.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
        return Path(base).expanduser() / "mirsearch" / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("mirsearch", appauthor=False) / "config.toml"


_read: tuple[tuple[str, int, int], dict[str, Value]] | None = None


def configured() -> dict[str, Value]:
    """Return the values of the config file by key; empty if there is no file. Raises UsageError for a bad file."""
    global _read  # noqa: PLW0603  one file, read once while it does not change
    path = config_path()
    try:
        found = path.stat()
    except (OSError, ValueError):
        return {}
    identity = (str(path), found.st_mtime_ns, found.st_size)
    if _read is None or _read[0] != identity:
        _read = identity, check_values(read_table(path), path)
    return _read[1]


def read_table(path: Path) -> dict[str, Any]:
    """Return what the file holds, by key, unchecked. Raises UsageError if it can't be read."""
    import tomllib

    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise UsageError(f"the config file {path} has {len(data):,} bytes", "it is no config file of mirsearch")
        table = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"the config file {path} can't be read: {error.strerror}", "check its rights") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the config file {path} is no TOML: {error}", "correct or remove it") from None
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= {f"{name}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def check_values(table: Mapping[str, Any], path: Path) -> dict[str, Value]:
    """Return the checked values. Raises UsageError that names the file, the key and what to do."""
    return {name: check_value(name, value, f"the config file {path}: ") for name, value in table.items()}


def check_value(name: str, value: Any, place: str = "") -> Value:
    """Return a value of a key as it is used. Raises UsageError that names the key and what it holds."""
    if name in SECRETS:
        raise UsageError(f"{place}{name} is a secret, and the config file is no place for secrets", SECRETS[name])
    if name not in KEYS:
        near = difflib.get_close_matches(name, KEYS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"{place}no key is named {name!r}", f"{hint}`mirsearch config` lists all keys")
    try:
        return KEYS[name].check(value)
    except ValueError as error:
        told = str(error) or f"{name} is {value!r}, but holds {KEYS[name].holds}"
        raise UsageError(f"{place}{told}", f"mirsearch config set {name} VALUE, or: config unset {name}") from None


def value_of(variable: str) -> str:
    """Return the value of an environment variable, else that of the config file as a text, else ""."""
    return os.environ.get(variable) or str(configured().get(variable.removeprefix(PREFIX).lower(), ""))


def option_defaults(command: str) -> dict[str, Value]:
    """Return the defaults that the config file gives to options of a command, by the names of the options."""
    names = _OPTIONS_OF_COMMANDS.get(command, ())
    return {name: value for name, value in configured().items() if name in names} if names else {}


def configured_count(name: str, default: int) -> int:
    """Return the number that the config file gives to a key, else the default."""
    return int(configured().get(name, default))


def configured_weights() -> list[str]:
    """Return the weights of the config file, as `--weight` takes them: visual=0.6."""
    values = configured()
    return [f"{name.removeprefix('weights.')}={values[name]}" for name in values if name.startswith("weights.")]


def read_secret_file(path: Path) -> dict[str, str]:
    """Return the texts of a TOML file that only its owner can read. Raises UsageError."""
    import tomllib

    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise UsageError(f"others may read {path}", f"chmod 600 {path}")
        with path.open("rb") as stream:
            values = tomllib.load(stream)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a TOML file"
        raise UsageError(f"the settings file {path} can't be used: {reason}", "check MIRSEARCH_ES_SETTINGS") from None
    return {name: str(value) for name, value in values.items()}
