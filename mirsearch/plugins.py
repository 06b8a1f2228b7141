"""Parts found through Python entry points; the built-in ones register in pyproject.toml like anyone else's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mirsearch import extras
from mirsearch.errors import MirsearchError, PluginError, UsageError

GROUPS = {
    "sources": "source",
    "services": "service",
    "extractors": "extractor",
    "ocr": "OCR engine",
    "scalebars": "scale-bar detector",
    "indexes": "index",
}
"""What plug-ins are for, and what one of them is called."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A registered part: its group, name, the package that brings it, and why it does not load (None if it does)."""

    group: str
    name: str
    package: str
    target: str
    error: str | None = None


def _points(group: str) -> dict[str, EntryPoint]:
    if group not in GROUPS:
        raise PluginError(f"no plug-in group {group!r}", f"groups are {', '.join(GROUPS)}")
    return {point.name: point for point in entry_points(group=f"mirsearch.{group}")}


def names(group: str) -> list[str]:
    """Names registered in a group, sorted."""
    return sorted(_points(group))


def load(group: str, name: str) -> Any:
    """The class or factory registered as `name`; PluginError tells what is there instead.

    MissingDependencyError where what it needs is one of its package's extras, which is then named.
    """
    point = _points(group).get(name)
    if point is None:
        there = ", ".join(names(group)) or "none"
        raise PluginError(f"no {GROUPS[group]} named {name!r} is installed", f"installed: {there}")
    try:
        return point.load()
    except MirsearchError:
        raise
    except ModuleNotFoundError as error:
        raise _missing(point, group, error) from error
    except Exception as error:  # a third party's module may fail in any way; say whose it is
        raise _broken(point, error) from error


def _broken(point: EntryPoint, error: Exception) -> PluginError:
    package = point.dist.name if point.dist else "?"
    return PluginError(
        f"plug-in {point.name!r} of package {package} fails to load: {type(error).__name__}: {error}",
        f"reinstall or remove {package}",
    )


def _missing(point: EntryPoint, group: str, error: ModuleNotFoundError) -> MirsearchError:
    """The error that names the extra which brings the module, where the plug-in's package has such a one."""
    named = extras.missing(f"the {GROUPS[group]} {point.name!r}", error, point.dist.name) if point.dist else None
    return named or _broken(point, error)


def create(group: str, spec: str) -> Any:
    """The part of a name, or of `NAME:ARGUMENT` where its class says `takes_argument = True`."""
    name, _, argument = spec.partition(":")
    factory = load(group, name)
    if argument and not getattr(factory, "takes_argument", False):
        raise UsageError(f"{name} of {group} takes nothing after a colon, not {argument!r}", f"give {name}")
    return factory(argument) if argument else factory()


def installed(check: bool = False) -> list[PluginInfo]:
    """Every registered part; with `check` each is loaded, and its failure told or what it is missing."""
    found = []
    for group in GROUPS:
        for name, point in sorted(_points(group).items()):
            error = None
            if check:
                try:
                    missing = getattr(load(group, name), "missing", None)
                    error = missing() if missing else None
                except MirsearchError as failure:
                    error = str(failure)
            found.append(PluginInfo(group, name, point.dist.name if point.dist else "?", point.value, error))
    return found
