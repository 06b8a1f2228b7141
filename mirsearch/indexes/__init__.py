"""Indexes store panels and answer queries. This module opens the index at a location."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirsearch import plugins
from mirsearch.errors import IndexMismatchError, IndexMissingError, MissingDependencyError

if TYPE_CHECKING:
    from mirsearch.indexes.base import ExtractorIdentity, Index

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]+)\+.*://")


def backend_name(location: str) -> str:
    """Return the name of the index plug-in for a location.

    It is elasticsearch for http(s)://…, NAME for NAME+…://…, else embedded.
    """
    if location.lower().startswith(("http://", "https://")):
        return "elasticsearch"
    scheme = _SCHEME.match(location)
    return scheme[1] if scheme else "embedded"


def open_index(location: str, create: ExtractorIdentity | None = None) -> Index:
    """Open the index at `location`, a folder or an address. With `create`, create it if absent.

    Raises the errors of `Index.open`, and PluginError or MissingDependencyError if no plug-in supports the location.
    """
    name = backend_name(location)
    if name == "elasticsearch" and name not in plugins.names("indexes"):
        raise MissingDependencyError(
            f"the index at {location} needs the Elasticsearch back-end, which is not installed",
            "install it with: pip install 'mirsearch[elasticsearch]'",
        )
    index: Index = plugins.load("indexes", name).open(location, create=create)
    return index


def open_existing(location: str) -> Index | None:
    """Open the index at a location; None if there is none. Raises what `open_index` raises for other reasons."""
    try:
        return open_index(location)
    except IndexMissingError:
        return None


def mismatch_error(location: str, stored: ExtractorIdentity, wanted: ExtractorIdentity) -> IndexMismatchError:
    """Return the error for an index whose vectors can't be compared with those of the wanted extractor."""
    if stored.name != wanted.name:
        remedy = f"use --extractor {stored.name}, or ingest into another --index"
    else:
        remedy = f"install the version of mirsearch with {stored}, or ingest into another --index"
    return IndexMismatchError(f"the index at {location} was built with {stored}, not {wanted}", remedy)
