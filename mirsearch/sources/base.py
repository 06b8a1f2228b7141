"""The protocol of a source of figures, and what a source yields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mirsearch.corpus import Article, Origin, Panel
from mirsearch.errors import MirsearchError


@dataclass(frozen=True, slots=True)
class FoundFigure:
    """A figure that a source found: an image file on this machine and what is known about it.

    `panels` holds what the source already knows (boxes, letters, captions, scale bars); the analysis keeps it.
    `page` selects one page of the file; None means every page. `other_origins` are further places of the same bytes.
    `mentions` are sentences of the article's text that speak of the figure.
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
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """Something that a source could not use; the run continues. `reason` is one line and ends with the remedy.

    `is_note` marks a remark that is no failure, for example a figure whose image was never there.
    """

    location: str
    reason: str
    is_note: bool = False

    @classmethod
    def from_error(cls, location: Path | str, error: MirsearchError, is_note: bool = False) -> SourceFailure:
        """Make a failure from an error. The location is removed from the beginning of the error's message."""
        return cls(str(location), str(error).removeprefix(f"{location}: "), is_note)


@dataclass(frozen=True, slots=True)
class SkippedFiles(SourceFailure):
    """Files of a `kind` (".dm3 files") that were left out: how many, the first as `location`, and what reads them."""

    kind: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class NothingFound(SourceFailure):
    """A path in which no source finds figures. A folder that an index follows may be empty."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """Articles that a source reports as retracted, by id or DOI. The index may contain them already."""

    articles: tuple[str, ...]


SourceItem = FoundFigure | SourceFailure | Retraction
"""What a source or an acquisition gives to the ingest."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What a source is asked for: paths, column names of a table (our name → the table's name), and further options."""

    paths: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A source of figures. A plug-in implements these members; it inherits nothing.

    `recognizes` is asked about each folder and file. Sources with a higher `priority` are asked first.
    """

    name: str
    priority: int

    def recognizes(self, path: Path) -> bool:
        """Return whether this source reads the file or folder `path`, without a look into the folder's subfolders."""

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures of a request in a stable order. Raise SourceError if nothing in the request is usable."""
