"""Read the names of images that LaTeX commands show."""

from __future__ import annotations

import re
from collections.abc import Callable

from mirsearch.sources.latex.scanner import Braces

_MAX_NAME_CHARS = 300
_OVERLAY = re.compile(r"\s*+<[^<>]{0,50}+>")
_KEY = re.compile(r"(?:file|figure)\s*+=\s*+([^,]++)")

ArgumentReader = Callable[[Braces, int], tuple[list[str], int]]
"""Reads the arguments at a position: names of images, and where they end."""


def _one(braces: Braces, position: int) -> tuple[list[str], int]:
    r"""Read \includegraphics[…]{name}, also with two arguments in brackets."""
    name, end = braces.braced(braces.skip_options(position), _MAX_NAME_CHARS)
    return ([] if name is None else [name]), end


def _two(braces: Braces, position: int) -> tuple[list[str], int]:
    first, position = _one(braces, position)
    second, position = _one(braces, position)
    return first + second, position


def _second(braces: Braces, position: int) -> tuple[list[str], int]:
    r"""Read \adjustimage{options}{name}."""
    return _one(braces, braces.braced(position, 1_000)[1])


def _by_key(braces: Braces, position: int) -> tuple[list[str], int]:
    r"""Read \epsfig{file=name,…} and \psfig{figure=name,…}."""
    options, end = braces.braced(braces.skip_options(position), 1_000)
    if options is None:
        return [], position
    key = _KEY.search(options)
    name = key[1] if key else ("" if "=" in options else options)
    return ([name] if name else []), end


IMAGE_COMMANDS: dict[str, ArgumentReader] = {
    **dict.fromkeys(("includegraphics", "adjincludegraphics", "epsfbox", "epsffile", "plotone", "pgfimage",
                     "includestandalone", "includesvg", "includepdf"), _one),
    "plottwo": _two,
    **dict.fromkeys(("epsfig", "psfig", "epsfile"), _by_key),
    "adjustimage": _second,
}  # fmt: skip
"""How the arguments of each command are read."""
GRID_COMMANDS = {**dict.fromkeys(("fig", "leftfig", "rightfig", "boxedfig"), _one), "rotatefig": _second}
r"""Commands of AASTeX that show images where an article has a \gridline."""


def read_images(reader: ArgumentReader, text: str, braces: Braces, position: int) -> tuple[list[str], int]:
    """Return the names of the images that a command shows, and where it ends. `position` is behind its name."""
    overlay = _OVERLAY.match(text, position)
    names, end = reader(braces, overlay.end() if overlay else position)
    return [" ".join(name.split()) for name in names if name.strip()], max(end, position)
