"""The protocol of a source: where figures come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mirsearch.corpus import Article, Origin, Panel
from mirsearch.errors import MirsearchError


@dataclass(frozen=True, slots=True)
class FoundFigure:
    """A figure a source found: an image file on this machine and what is known about it.

    `panels` holds what the source already knows (boxes, letters, captions, scale bars): analysis keeps it.
    `page` picks one page of the file; None means every page. `copies` are more places where the same bytes lie.
    """

    path: Path
    origin: Origin
    caption: str = ""
    label: str | None = None
    article: Article | None = None
    panels: tuple[Panel, ...] | None = None
    page: int | None = None
    permission_note: str | None = None
    other_origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """One thing that could not be used; the rest goes on. `reason` is one line with the remedy.

    `note` marks what is worth telling but is no failed work (a figure whose image was never there, say).
    """

    location: str
    reason: str
    is_note: bool = False

    @classmethod
    def from_error(cls, location: Path | str, error: MirsearchError, is_note: bool = False) -> SourceFailure:
        """An error as a failure; the location, where the error's message begins with it, is told once."""
        return cls(str(location), str(error).removeprefix(f"{location}: "), is_note)


@dataclass(frozen=True, slots=True)
class Retraction:
    """A source's word that an article was retracted, which may be in the index already; its names, as ids or DOIs."""

    articles: tuple[str, ...]


SourceItem = FoundFigure | SourceFailure | Retraction
"""What may come to an ingest."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What is asked of a source: paths, a column mapping for tables (ours → theirs), and options of its own."""

    paths: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Finds figures. `recognizes` is asked of each folder or file, sources with a higher `priority` first."""

    name: str
    priority: int

    def recognizes(self, path: Path) -> bool:
        """Whether `path`, a folder (looked at without descending) or a file, is this source's."""

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Figures in a stable order. SourceError where nothing of the request can be used."""
