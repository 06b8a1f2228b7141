"""Where panels live, and how the place is chosen by its location."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirsearch.errors import IndexMismatchError, MissingDependencyError
from mirsearch.plugins import load, names

if TYPE_CHECKING:
    from mirsearch.indexes.base import ExtractorIdentity, Index

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]+)\+.*://")


def backend(location: str) -> str:
    """Name of the plug-in that keeps `location`: http(s):// is elasticsearch, NAME+….:// is NAME, else embedded."""
    if location.lower().startswith(("http://", "https://")):
        return "elasticsearch"
    scheme = _SCHEME.match(location)
    return scheme[1] if scheme else "embedded"


def open_index(location: str, create: ExtractorIdentity | None = None) -> Index:
    """Open the index at `location`, a folder or an address; with `create` make it there when absent.

    Raises what `Index.open` raises, and PluginError or MissingDependencyError where no plug-in keeps such a place.
    """
    name = backend(location)
    if name == "elasticsearch" and name not in names("indexes"):
        raise MissingDependencyError(
            f"the index at {location} needs the Elasticsearch back-end, which is not installed",
            "install it with: pip install 'mirsearch[elasticsearch]'",
        )
    index: Index = load("indexes", name).open(location, create=create)
    return index


def mismatch(location: str, stored: ExtractorIdentity, wanted: ExtractorIdentity) -> IndexMismatchError:
    """The error for vectors that can't be compared."""
    if stored.name != wanted.name:
        remedy = f"use --extractor {stored.name}, or ingest into another --index"
    else:
        remedy = f"install the mirsearch that has {stored}, or ingest into another --index"
    return IndexMismatchError(f"the index at {location} was built with {stored}, not {wanted}", remedy)
