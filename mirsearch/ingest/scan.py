"""What a scan of folders found: the figures at each place, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mirsearch.corpus import figure_id
from mirsearch.errors import MirsearchError
from mirsearch.ingest.contents import ContentHashes
from mirsearch.ingest.inputs import InputOptions, absolute_path, collect_inputs
from mirsearch.readers.selection import split_location
from mirsearch.sources.base import FoundFigure, NothingFound, SkippedFiles, SourceFailure
from mirsearch.sources.exclusions import Exclusions


@dataclass(slots=True)
class Scan:
    """What was found in paths, which are absolute: the items of the sources, and the figures at each place, by id.

    A place is the location of an origin without the planes of a stack. `failed` has the places that could not be read;
    `opened` the archives and documents that were, also those without a picture.
    """

    paths: tuple[Path, ...]
    items: list[FoundFigure | SourceFailure]
    exclusions: Exclusions
    hashes: ContentHashes
    found: dict[str, dict[str, FoundFigure]] = field(default_factory=dict)
    contents: dict[str, list[FoundFigure]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)
    """Files that a source named, and that can't be read."""

    def find(self, figure: str) -> list[FoundFigure]:
        """Return the files that have a figure, by its id; a file that is taken with all its pages has all of them."""
        content, _, page = figure.partition(".")
        return [item for item in self.contents.get(content, ()) if item.page is None or item.page == int(page or 0)]

    def is_unread(self, place: str) -> bool:
        """Return whether a place, or a folder or an archive around it, could not be read."""
        ends = [at for at, char in enumerate(place) if char in "/\\#"]
        return any(place[:end] in self.failed for end in (*ends, len(place)))

    def add(self, item: FoundFigure | SourceFailure) -> None:
        """Take note of an item of a source, and read the hash of its file."""
        if isinstance(item, SkippedFiles):
            return
        if isinstance(item, SourceFailure):
            (self.opened if item.is_note else self.failed).add(item.location)
            return
        place = split_location(item.origin.location)[0]
        self.opened.add(place.rpartition("#")[0])
        try:
            content = self.hashes.read(item.path)
        except MirsearchError:
            self.failed.add(place)
            self.unreadable.append(place)
            return
        self.found.setdefault(place, {})[figure_id(content, item.page or 0)] = item
        self.contents.setdefault(figure_id(content), []).append(item)


def scan_paths(
    paths: Sequence[Path], options: InputOptions, workspace: Path, progress: Callable[[int], None] = lambda done: None
) -> Scan:
    """Find the figures of paths, and read the hash of each file. A path that does not exist has none.

    `progress` is called with the number of files that were read.
    """
    absolute = tuple(map(absolute_path, paths))
    found, exclusions = collect_inputs([path for path in absolute if path.exists()], options, workspace)
    items = [replace(item, is_note=True) if isinstance(item, NothingFound) else item for item in found]
    scan = Scan(absolute, items, exclusions, ContentHashes())
    scan.failed.update(str(path.parent) for path in exclusions.problems)
    for done, item in enumerate(items):
        progress(done)
        scan.add(item)
    return scan
