"""Find the source that reads each folder and file, and collect all their figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mirsearch import plugins
from mirsearch.errors import MirsearchError
from mirsearch.imaging.damage import MEMORY_REASON, is_memory_error
from mirsearch.readers.find import why_unreadable
from mirsearch.sources.base import FoundFigure, NothingFound, Source, SourceFailure, SourceRequest
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.skipped import is_unreadable

_REMEDY = "give image files, a folder of images, JATS XML with its images, a PDF, or an exsclaim.json"


def discover_sources(path: Path | str) -> list[tuple[str, Path]]:
    """Return (source name, folder or file) for everything at or below `path` that a source reads, in a stable order."""
    sources, _ = _load_sources()
    found = _SourceMatcher(sources).match(Path(path))
    return [item for item in found if not isinstance(item, SourceFailure)]


def find_figures(
    paths: Iterable[Path | str],
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the figures of all paths. `source` names the source; without it, each path's source is detected.

    Failures are yielded as well, and the run continues. A path without any figure is a failure.
    Raises PluginError if `source` is unknown.
    """
    all_paths = [Path(path) for path in paths]
    columns, options = dict(columns or {}), dict(options or {})
    if source is not None:
        chosen: Source = plugins.load("sources", source)()
        groups = [[path] for path in all_paths] if _claims_subfolders(chosen) else [all_paths]
        for group in groups:
            yield from _run_source(chosen, SourceRequest(tuple(group), columns, options))
        return
    sources, broken = _load_sources()
    yield from broken
    yield from _discovered_figures(all_paths, sources, columns, options)


def _discovered_figures(
    paths: list[Path], sources: list[Source], columns: Mapping[str, str], options: Mapping[str, str]
) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the figures of sources that own whole folder trees, one folder at a time; then those of the other sources.

    The table of a plain folder may name files below it, so all plain folders go into one request.
    """
    matcher = _SourceMatcher(sources)
    by_name = {source.name: source for source in sources}
    shared: dict[str, list[Path]] = {}
    for path in paths:
        matches = matcher.match(path)
        first_match = next(matches, None)
        if first_match is None:
            yield NothingFound(str(path), f"no source finds figures here; {_remedy(path)}")
            continue
        for match in itertools.chain((first_match,), matches):
            if isinstance(match, SourceFailure):
                yield match
            elif _claims_subfolders(by_name[match[0]]):
                yield from _run_source(by_name[match[0]], SourceRequest((match[1],), columns, options))
            else:
                shared.setdefault(match[0], []).append(match[1])
    for name, folders in shared.items():
        yield from _run_source(by_name[name], SourceRequest(tuple(folders), columns, {**options, "recursive": "no"}))


def _remedy(path: Path) -> str:
    """Return what to give instead of a path without figures; for a picture of another kind, what would read it."""
    return why_unreadable(path) if is_unreadable(path) else _REMEDY


def _run_source(source: Source, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
    """Yield a source's figures. An error becomes a failure, so that the other sources still run."""
    location = str(request.paths[0]) if request.paths else source.name
    try:
        yield from source.find_figures(request)
    except MirsearchError as error:
        yield SourceFailure.from_error(location, error)
    except Exception as error:  # noqa: BLE001  a plug-in may raise anything; the run must continue
        reason = f"source {source.name!r} failed: {type(error).__name__}: {error}; report it to the source's author"
        if is_memory_error(error):
            reason = f"{MEMORY_REASON} for source {source.name!r}; close other programs, or give fewer files at once"
        yield SourceFailure(location, " ".join(reason.split()))


def _load_sources() -> tuple[list[Source], list[SourceFailure]]:
    """Return the sources that load, highest priority first, and a failure for each of the others."""
    loaded, errors = plugins.load_all("sources")
    broken = [SourceFailure.from_error(name, error) for name, error in errors.items()]
    return sorted(loaded, key=lambda source: (-source.priority, source.name)), broken


def _claims_subfolders(source: Source) -> bool:
    """Return whether a folder of this source belongs to it with everything below; a source sets `claims_subfolders`."""
    return bool(getattr(source, "claims_subfolders", True))


class _SourceMatcher:
    """Asks the sources in turn about each folder and file."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._walker = FolderWalker()

    def match(self, path: Path) -> Iterator[tuple[str, Path] | SourceFailure]:
        """Yield (source name, path) for everything at and below `path`."""
        try:
            is_folder = path.is_dir()
            exists = is_folder or path.exists()
        except (OSError, ValueError):
            exists = is_folder = False
        if not exists:
            yield SourceFailure(str(path), "no such file or folder; check the path")
        elif is_folder:
            yield from self._match_folder(path, 0)
        else:
            yield from self._match_file(path, self._sources)

    def _match_file(self, path: Path, sources: Iterable[Source]) -> Iterator[tuple[str, Path] | SourceFailure]:
        for source in sources:
            recognized = _recognizes(source, path)
            if isinstance(recognized, SourceFailure):
                yield recognized
            elif recognized:
                yield source.name, path
                return

    def _match_folder(self, path: Path, depth: int) -> Iterator[tuple[str, Path] | SourceFailure]:
        listing = self._walker.visit(path, depth)
        if listing is None:
            return
        if isinstance(listing, SourceFailure):
            yield listing
            return
        for source in self._sources:
            recognized = _recognizes(source, path)
            if isinstance(recognized, SourceFailure):
                yield recognized
            elif recognized:
                yield source.name, path
                if _claims_subfolders(source):
                    return
                break
        yield from self._match_contents(listing, depth)

    def _match_contents(self, listing: FolderListing, depth: int) -> Iterator[tuple[str, Path] | SourceFailure]:
        tree_sources = [source for source in self._sources if _claims_subfolders(source)]
        for file in listing.files:
            yield from self._match_file(file, tree_sources)
        for folder in listing.folders:
            yield from self._match_folder(folder, depth + 1)


def _recognizes(source: Source, path: Path) -> bool | SourceFailure:
    try:
        return source.recognizes(path)
    except Exception as error:  # noqa: BLE001  an error in one source must not hide the figures of the others
        reason = MEMORY_REASON if is_memory_error(error) else str(error)
        return SourceFailure(str(path), f"source {source.name!r} failed to check this path: {reason}")
