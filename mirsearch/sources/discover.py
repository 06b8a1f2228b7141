"""Which source each folder and file belongs to, and all their figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mirsearch import plugins
from mirsearch.errors import MirsearchError
from mirsearch.sources.base import FoundFigure, Source, SourceFailure, SourceRequest
from mirsearch.sources.walking import Listing, Walker

_GIVE = "give image files, a folder of images, JATS XML with its images, a PDF, or an exsclaim.json"


def discover(path: Path | str) -> list[tuple[str, Path]]:
    """(source's name, folder or file) of everything below `path` that a source claims, in a stable order."""
    sources, _ = _sources()
    found = _Claims(sources).claims(Path(path))
    return [item for item in found if not isinstance(item, SourceFailure)]


def figures(
    paths: Iterable[Path | str],
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[FoundFigure | SourceFailure]:
    """Figures of all paths, each path's source found out or, with `source`, given. PluginError for an unknown one.

    What fails is told and the rest goes on; a path without any figure is a failure.
    """
    given = [Path(path) for path in paths]
    columns, options = dict(columns or {}), dict(options or {})
    if source is not None:
        chosen: Source = plugins.load("sources", source)()
        groups = [(chosen, given)] if not _claims_tree(chosen) else [(chosen, [path]) for path in given]
        for each, where in groups:
            yield from _run(each, SourceRequest(tuple(where), columns, options))
        return
    sources, broken = _sources()
    yield from broken
    yield from _discovered(given, sources, columns, options)


def _discovered(
    paths: list[Path], sources: list[Source], columns: Mapping[str, str], options: Mapping[str, str]
) -> Iterator[FoundFigure | SourceFailure]:
    """Sources that own whole trees first, each folder by itself; then those of single folders, all at once.

    A plain folder's table may name files below it, so all plain folders are one request.
    """
    claims = _Claims(sources)
    by_name = {each.name: each for each in sources}
    shared: dict[str, list[Path]] = {}
    for path in paths:
        found = claims.claims(path)
        first = next(found, None)
        if first is None:
            yield SourceFailure(str(path), f"nothing to take figures from; {_GIVE}")
            continue
        for item in itertools.chain((first,), found):
            if isinstance(item, SourceFailure):
                yield item
            elif _claims_tree(by_name[item[0]]):
                yield from _run(by_name[item[0]], SourceRequest((item[1],), columns, options))
            else:
                shared.setdefault(item[0], []).append(item[1])
    for name, where in shared.items():
        yield from _run(by_name[name], SourceRequest(tuple(where), columns, {**options, "recursive": "no"}))


def _run(source: Source, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
    """A source's figures; what it raises becomes a failure, for the other sources' sake."""
    where = str(request.paths[0]) if request.paths else source.name
    try:
        yield from source.find(request)
    except MirsearchError as error:
        yield SourceFailure.of(where, error)
    except Exception as error:  # noqa: BLE001  a third party's source may fail in any way; the run goes on
        reason = f"source {source.name!r} failed: {type(error).__name__}: {error}; report it to the source's author"
        yield SourceFailure(where, " ".join(reason.split()))


def _sources() -> tuple[list[Source], list[SourceFailure]]:
    """Every source that loads, those of higher priority first, and what was wrong with the others."""
    good: list[Source] = []
    broken = []
    for name in plugins.names("sources"):
        try:
            good.append(plugins.load("sources", name)())
        except MirsearchError as error:
            broken.append(SourceFailure.of(name, error))
    return sorted(good, key=lambda each: (-each.priority, each.name)), broken


def _claims_tree(source: Source) -> bool:
    """Whether a folder the source claims is its own with all below it; sources say otherwise by `claims_tree`."""
    return bool(getattr(source, "claims_tree", True))


class _Claims:
    """Asks the sources, in order, about each folder and file."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._walker = Walker()

    def claims(self, path: Path) -> Iterator[tuple[str, Path] | SourceFailure]:
        """What the sources claim at and below `path`."""
        try:
            folder = path.is_dir()
            there = folder or path.exists()
        except (OSError, ValueError):
            there = folder = False
        if not there:
            yield SourceFailure(str(path), "no such file or folder; check the path")
        elif folder:
            yield from self._folder(path, 0)
        else:
            yield from self._file(path, self._sources)

    def _file(self, path: Path, sources: Iterable[Source]) -> Iterator[tuple[str, Path] | SourceFailure]:
        for source in sources:
            answer = _recognizes(source, path)
            if isinstance(answer, SourceFailure):
                yield answer
            elif answer:
                yield source.name, path
                return

    def _folder(self, path: Path, depth: int) -> Iterator[tuple[str, Path] | SourceFailure]:
        found = self._walker.enter(path, depth)
        if found is None:
            return
        if isinstance(found, SourceFailure):
            yield found
            return
        for source in self._sources:
            answer = _recognizes(source, path)
            if isinstance(answer, SourceFailure):
                yield answer
            elif answer:
                yield source.name, path
                if _claims_tree(source):
                    return
                break
        yield from self._below(found, depth)

    def _below(self, found: Listing, depth: int) -> Iterator[tuple[str, Path] | SourceFailure]:
        alone = [source for source in self._sources if _claims_tree(source)]
        for file in found.files:
            yield from self._file(file, alone)
        for folder in found.folders:
            yield from self._folder(folder, depth + 1)


def _recognizes(source: Source, path: Path) -> bool | SourceFailure:
    try:
        return source.recognizes(path)
    except Exception as error:  # noqa: BLE001  one source's slip must not hide the others' figures
        return SourceFailure(str(path), f"source {source.name!r} can't tell whether it is its own: {error}")
