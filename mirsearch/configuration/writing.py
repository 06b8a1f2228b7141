"""Change single values of a TOML file of plain values and one level of tables; comments and order stay."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mirsearch.errors import UsageError
from mirsearch.files.partial import write_output

_TABLE = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
_REMEDY = "change it with an editor"


def write_value(path: Path, name: str, value: str | float) -> None:
    """Set a key (`table.key` in a table) to a value; the file and its folder are made if they do not exist.

    Raises UsageError if the file can't be read, or is written in a way that this module does not change.
    """
    text = _read(path)
    table, _, key = name.rpartition(".")
    lines = _without(text.splitlines(), table, key)
    start, end = _section(lines, table)
    if table and start is None:
        lines += [*([""] if lines else []), f"[{table}]"]
        end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    lines.insert(end, f"{key} = {_toml(value)}")
    _write(path, lines, name, value)


def remove_value(path: Path, name: str) -> bool:
    """Remove a key. Return False if the file does not have it. Raises UsageError as `write_value`."""
    text = _read(path)
    table, _, key = name.rpartition(".")
    if _value(text, name) is None:
        return False
    _write(path, _without(text.splitlines(), table, key), name, None)
    return True


def _toml(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = "".join(
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\u{ord(letter):04x}"
        for letter in value
    )
    return f'"{escaped}"'


def _section(lines: list[str], table: str) -> tuple[int | None, int]:
    """Return where a table begins (None: nowhere), and where its lines end; the empty name is the top of the file."""
    start, end = (0 if not table else None), len(lines)
    for number, line in enumerate(lines):
        found = _TABLE.fullmatch(line)
        if found and start is not None:
            return start, number
        if found and found[1].strip() == table:
            start = number + 1
    return start, end


def _without(lines: list[str], table: str, key: str) -> list[str]:
    """Return the lines without those that set a key of a table."""
    start, end = _section(lines, table)
    setting = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    kept = [] if start is None else [line for line in lines[start:end] if not setting.match(line)]
    return lines if start is None else [*lines[:start], *kept, *lines[end:]]


def _value(text: str, name: str) -> object | None:
    table, _, key = name.rpartition(".")
    values = tomllib.loads(text)
    if table:
        values = values.get(table, {})
    return values.get(key) if isinstance(values, dict) else None


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "check its rights") from None
    except ValueError as error:
        raise UsageError(f"{path} is no TOML: {error}", _REMEDY) from None
    return text


def _write(path: Path, lines: list[str], name: str, value: str | float | None) -> None:
    text = "\n".join(lines) + "\n" * bool(lines)
    try:
        is_right = _value(text, name) == value
    except ValueError:
        is_right = False
    if not is_right:
        raise UsageError(f"{path} sets {name} in a way that can't be changed here", _REMEDY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_output(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}", "check the rights of its folder") from None
