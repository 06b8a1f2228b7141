"""`mirsearch config`: the config file, and where each value comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from mirsearch import configuration, settings
from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import console, print_json, print_message
from mirsearch.configuration import KEYS, PREFIX, SECRETS, Value
from mirsearch.errors import UsageError

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="A key that `mirsearch config` lists.")]
_DEFAULTS: dict[str, Value] = {
    "index": settings.DEFAULT_INDEX, "device": "auto", "top": 10, "per_article": settings.PER_ARTICLE,
    "weights.visual": 0.6, "weights.scale": 0.3, "weights.text": 0.3, "missing": "neutral",
    "sigma": settings.SCALE_SIGMA,
    "ocr": settings.DEFAULT_OCR, "scalebars": settings.DEFAULT_SCALEBARS, "http_cache_mb": 2048, "http_backoff": 1,
    "es_patience": 180,
}  # fmt: skip
"""Defaults that are simple values. Others depend on the machine; their meaning tells them."""


def list_(
    output: Annotated[TableFormat, typer.Option("--format", "-f", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List all values, with where each comes from."""
    path = configuration.config_path()
    rows = [_row(name, configuration.configured()) for name in (*KEYS, *SECRETS)]
    if output is TableFormat.JSON:
        print_json({"file": str(path), "exists": path.exists(), "values": rows})
        return
    from rich.table import Table

    screen = console()
    screen.print(f"config file: {path}{'' if path.exists() else ' (there is none yet)'}", soft_wrap=True, markup=False)
    table = Table("key", "value", "from", "means", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        value = "" if row["value"] is None else str(row["value"])
        table.add_row(row["key"], value, row["from"], row["means"])
    screen.print(table)


def get(key: KeyArgument) -> None:
    """Print the value of a key: that of the environment, the config file, or the default."""
    row = _row(_known(key), configuration.configured())
    if row["value"] is None:
        raise UsageError(f"{key} has no value", f"mirsearch config set {key} VALUE")
    typer.echo(row["value"])


def set_(
    key: KeyArgument, value: Annotated[str, typer.Argument(metavar="VALUE", help="The value, as in the table.")]
) -> None:
    """Write a value into the config file."""
    from mirsearch.configuration.writing import write_value

    name = _known(key)
    checked = configuration.check_value(name, _typed(name, value))
    if KEYS[name].is_path and "://" not in str(checked):
        checked = str(Path(str(checked)).absolute())  # else it would mean another place in another folder
    path = configuration.config_path()
    write_value(path, name, checked)
    print_message(f"{name} = {checked!r} in {path}")
    if KEYS[name].is_variable and os.environ.get(PREFIX + name.upper()):
        print_message(f"{PREFIX}{name.upper()} is set, and comes before the file")


def unset(key: KeyArgument) -> None:
    """Remove a key from the config file, also one that is not known."""
    from mirsearch.configuration.writing import remove_value

    path = configuration.config_path()
    if not path.exists() or not remove_value(path, key):
        raise UsageError(f"{path} has no {key}", "`mirsearch config` tells where each value comes from")
    print_message(f"removed {key} from {path}")


def path() -> None:
    """Print where the config file lies. It may not exist."""
    typer.echo(configuration.config_path())


def _known(key: str) -> str:
    """Return the name of a key, also where it is given as an environment variable. Raises UsageError."""
    name = key.removeprefix(PREFIX).lower() if key.startswith(PREFIX) else key
    if name in SECRETS:
        raise UsageError(f"{name} is a secret, and the config file is no place for secrets", SECRETS[name])
    if name not in KEYS:
        configuration.check_value(name, "")
    return name


def _typed(name: str, text: str) -> Value:
    """Return a text as a number where the key holds one."""
    for kind in (int, float):
        try:
            number = kind(text)
            KEYS[name].check(number)
        except ValueError:
            continue
        return number
    return text


def _row(name: str, configured: dict[str, Value]) -> dict[str, Any]:
    variable = PREFIX + name.upper()
    given = os.environ.get(variable) if name in SECRETS or KEYS[name].is_variable else None
    means = settings.ENVIRONMENT.get(variable, "") if name in SECRETS or KEYS[name].is_variable else KEYS[name].meaning
    value: Value | None = _DEFAULTS.get(name)
    source = "default"
    if given:
        value, source = ("(set)" if name in SECRETS else given), f"environment: {variable}"
    elif name in configured:
        value, source = configured[name], "file"
    return {"key": name, "value": value, "from": source, "means": means}
