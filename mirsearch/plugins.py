"""Finds and loads plug-ins through Python entry points. Built-in plug-ins register in the same way as others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mirsearch import extras
from mirsearch.errors import MirsearchError, PluginError, UsageError

GROUPS = {
    "sources": "source",
    "services": "service",
    "readers": "reader",
    "extractors": "extractor",
    "sentences": "model of sentences",
    "ocr": "OCR engine",
    "scalebars": "scale-bar detector",
    "indexes": "index",
    "executors": "executor",
}
"""The plug-in groups, each with the name of one plug-in of the group in messages."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A registered plug-in: its group, name, package, and target. `error` says why it can't be used, or is None."""

    group: str
    name: str
    package: str
    target: str
    error: str | None = None


def _entry_points(group: str) -> dict[str, EntryPoint]:
    if group not in GROUPS:
        raise PluginError(f"no plug-in group {group!r}", f"groups are {', '.join(GROUPS)}")
    registered = _registered()
    known = _selected.get(group)
    if known is None or known[0] is not registered:  # each question with words asks for a group: to select takes long
        points = {point.name: point for point in registered.select(group=f"mirsearch.{group}")}
        known = _selected[group] = (registered, points)
    return known[1]


_selected: dict[str, tuple[Any, dict[str, EntryPoint]]] = {}
"""The entry points by group, each with all of those that they were selected from."""


@cache
def _registered() -> Any:
    """Return all entry points (EntryPoints, or on Python 3.11 what selects like it).

    Finding them opens a file of every installed package, so a process does it once.
    """
    return entry_points()


def names(group: str) -> list[str]:
    """Return the names of the plug-ins in a group, sorted."""
    return sorted(_entry_points(group))


def load(group: str, name: str) -> Any:
    """Return the class or factory registered as `name`.

    Raises PluginError if it is not installed (the remedy lists those that are) or fails to load, and
    MissingDependencyError if it needs an extra of its package; the remedy names the extra.
    """
    point = _entry_points(group).get(name)
    if point is None:
        installed = ", ".join(names(group)) or "none"
        raise PluginError(f"no {GROUPS[group]} named {name!r} is installed", f"installed: {installed}")
    try:
        return point.load()
    except MirsearchError:
        raise
    except ModuleNotFoundError as error:
        raise _missing_module_error(point, group, error) from error
    except Exception as error:  # a third-party module may fail in any way; the error names its package
        raise _load_error(point, error) from error


def load_all(group: str) -> tuple[list[Any], dict[str, MirsearchError]]:
    """Return an instance of each plug-in of a group that loads, sorted by name, and the errors of the others."""
    loaded: list[Any] = []
    errors: dict[str, MirsearchError] = {}
    for name in names(group):
        try:
            loaded.append(load(group, name)())
        except MirsearchError as error:
            errors[name] = error
    return loaded, errors


def _load_error(point: EntryPoint, error: Exception) -> PluginError:
    package = point.dist.name if point.dist else "?"
    return PluginError(
        f"plug-in {point.name!r} of package {package} fails to load: {type(error).__name__}: {error}",
        f"reinstall or remove {package}",
    )


def _missing_module_error(point: EntryPoint, group: str, error: ModuleNotFoundError) -> MirsearchError:
    """Return the error that names the extra with the missing module, or a load error if no extra has it."""
    extra_error = (
        extras.missing_extra_error(f"the {GROUPS[group]} {point.name!r}", error, point.dist.name)
        if point.dist
        else None
    )
    return extra_error or _load_error(point, error)


def create(group: str, spec: str) -> Any:
    """Create the plug-in `spec` of a group: `NAME`, or `NAME:ARGUMENT` if its class has `takes_argument = True`."""
    name, _, argument = spec.partition(":")
    factory = load(group, name)
    if argument and not getattr(factory, "takes_argument", False):
        raise UsageError(f"{name} of {group} takes no argument, but got {argument!r} after the colon", f"give {name}")
    return factory(argument) if argument else factory()


def list_plugins(try_loading: bool = False) -> list[PluginInfo]:
    """Return all registered plug-ins. With `try_loading`, load each; `error` then says what fails or is missing.

    A class may have a class method `missing_requirement()`, which returns what it lacks in one line, or None.
    """
    plugins = []
    for group in GROUPS:
        for name, point in sorted(_entry_points(group).items()):
            error = None
            if try_loading:
                try:
                    find_missing = getattr(load(group, name), "missing_requirement", None)
                    error = find_missing() if find_missing else None
                except MirsearchError as failure:
                    error = str(failure)
            plugins.append(PluginInfo(group, name, point.dist.name if point.dist else "?", point.value, error))
    return plugins
