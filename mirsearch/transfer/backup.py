"""Writes an index into one archive, and puts one back: an embedded index or one on Elasticsearch, either way."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from mirsearch import __version__, indexes
from mirsearch.errors import IndexAccessError, UsageError
from mirsearch.files.partial import remove_partial_files, replace_file, temporary_file, temporary_folder
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.indexes.own_files import ACQUIRED
from mirsearch.text.foreign import parse_json
from mirsearch.transfer.archive import ABOUT, DATABASE, ArchiveError, ArchiveWriter, unpack
from mirsearch.transfer.copying import CopySummary, copy_index, require_snapshots
from mirsearch.transfer.ledgers import ledger_path, save_ledger
from mirsearch.transfer.places import LEDGER, picture_files, pictures_folder

FORMAT = 1
"""Version of the layout of a backup."""
_SHOWN_FAULTS = 3
Progress = Callable[[str, int, int], None]
"""Called with what is done, how far, and how far it goes (bytes, pages or figures; 0: not known)."""


def ignore_progress(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup tells of itself."""

    format: int
    created: str
    mirsearch: str
    index: str
    extractor: str
    extractor_version: str
    dims: int
    figures: int
    panels: int
    pictures: int

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    @property
    def identity(self) -> ExtractorIdentity:
        """Return the extractor of the vectors."""
        return ExtractorIdentity(self.extractor, self.extractor_version, self.dims)


def back_up(index: Index, path: Path, progress: Progress = ignore_progress) -> tuple[About, int]:
    """Write all that an index has, as of one moment, into an archive; return what it is of, and its bytes.

    Others may read and write meanwhile. An archive of this name is replaced when the new one is complete.
    """
    require_snapshots(index)
    path = path.absolute()
    _check_target(index.location, path)
    remove_partial_files(path.parent, "")
    with _database_of(index, path.parent, progress) as database, replace_file(path) as part:
        size = database.stat().st_size
        pictures = list(picture_files(pictures_folder(index.location)))
        about = _describe(index, database, len(pictures))
        total, done = size + sum(_size(file) for _, file in pictures), 0

        def add(count: int) -> None:
            nonlocal done
            done += count
            progress("archived", done, max(total, done))

        with part.open("wb") as stream:
            writer = ArchiveWriter(stream, add)
            writer.add_bytes(ABOUT, json.dumps(about.as_json(), indent=2).encode())
            writer.add_file(DATABASE, database)
            _add_pictures(index.location, path.parent, writer, pictures)
            writer.finish()
            stream.flush()
            os.fsync(stream.fileno())
    return about, path.stat().st_size


def _check_target(location: str, path: Path) -> None:
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} can't be written", "give a file in a folder that exists")
    if "://" not in location and path.resolve().is_relative_to(Path(location).resolve()):
        raise UsageError(f"{path} is inside the index", "give a file elsewhere, best on another disk")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _database_of(index: Index, folder: Path, progress: Progress) -> Iterator[Path]:
    """Yield a file with the database of an embedded index as of now; one on a cluster is copied into such an index."""
    if indexes.backend_name(index.location) == "embedded":
        from mirsearch.indexes.embedded.whole import copy_database

        with temporary_file(folder) as database:
            copy_database(index.location, database, lambda done, all_: progress("read", done, all_))
            yield database
        return
    with temporary_folder(folder) as place:
        with closing(indexes.open_index(str(place), create=index.extractor)) as copy:
            copy_index(index, copy, lambda done, all_: progress("read", done, all_), pictures=False)
        yield place / DATABASE


def _describe(index: Index, database: Path, pictures: int) -> About:
    from mirsearch.indexes.embedded.whole import count_rows

    figures, panels = count_rows(database)
    extractor = index.extractor
    return About(
        FORMAT, datetime.now(UTC).isoformat(timespec="seconds"), __version__, index.location, extractor.name,
        extractor.version, extractor.dims, figures, panels, pictures,
    )  # fmt: skip


def _add_pictures(location: str, folder: Path, writer: ArchiveWriter, pictures: list[tuple[str, Path]]) -> None:
    ledger = ledger_path(location)
    if ledger is not None:
        with temporary_file(folder) as copy:
            save_ledger(ledger, copy)
            writer.add_file(f"{ACQUIRED}/{LEDGER}", copy)
    for inside, file in pictures:
        writer.add_file(f"{ACQUIRED}/{inside}", file)


@contextmanager
def _unpacked(path: Path, folder: Path, progress: Progress) -> Iterator[tuple[Path, About]]:
    """Yield a folder in `folder` with a backup as an embedded index that was checked as `mirsearch verify` does."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file", "give a file that `mirsearch index backup` wrote")
    total, done = path.stat().st_size, 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress("unpacked", done, total)

    with temporary_folder(folder) as place:
        unpack(path, place, add)
        about = _read_about(path, (place / ABOUT).read_bytes())
        (place / ABOUT).unlink()
        progress("checked", 0, 0)
        _check(path, place, about)
        yield place, about


def _read_about(path: Path, content: bytes) -> About:
    try:
        told = parse_json(content)
        about = About(**{name: told[name] for name in About.__dataclass_fields__})
        is_known = isinstance(about.format, int) and about.format <= FORMAT
        whole = all(isinstance(value, int) for value in (about.dims, about.figures, about.panels, about.pictures))
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{path} does not tell what it is of", "take another backup") from error
    if not is_known or not whole:
        raise ArchiveError(f"{path} has another layout than this mirsearch knows", "install a later mirsearch")
    return about


def _check(path: Path, place: Path, about: About) -> None:
    from mirsearch.indexes.embedded import verify
    from mirsearch.indexes.embedded.database.access import ensure_index
    from mirsearch.indexes.embedded.whole import check_foreign_database

    try:
        check_foreign_database(place / DATABASE)
        ensure_index(str(place), None)
        faults = [str(fault) for fault in islice(verify.find_faults(str(place)), _SHOWN_FAULTS)]
        if verify.stored_extractor(str(place)) != about.identity:
            faults.append("it has another extractor than it tells")
    except IndexAccessError as error:
        faults = [error.message]
    if faults:
        raise ArchiveError(f"{path} is not restored: {'; '.join(faults)}", "take another backup")


def restore(path: Path, location: str, *, force: bool = False, progress: Progress = ignore_progress) -> About:
    """Put a backup back at a location: a new folder or address, or with `force` in place of the index there.

    An index that answers goes on to answer; its contents change in one step. Raises ArchiveError for a file that is no
    whole backup, UsageError where an index is in the way.
    """
    if indexes.backend_name(location) == "embedded":
        return _restore_folder(path, Path(location).absolute(), force, progress)
    if indexes.backend_name(location) != "elasticsearch":
        raise UsageError(f"{location} is of a plug-in, which can't take a backup", "give a folder or an address")
    with (
        tempfile.TemporaryDirectory(prefix="mirsearch-") as scratch,
        _unpacked(path, Path(scratch), progress) as (place, about),
    ):
        _fill_address(place, location, about, force, progress)
    return about


def _fill_address(place: Path, location: str, about: About, force: bool, progress: Progress) -> None:
    """Copy an unpacked backup into an index on a cluster: an empty one, or with `force` beside the present one."""
    name = f"the backup of {about.index} of {about.created}"

    def tell(done: int, total: int) -> None:
        progress("copied", done, total)

    with closing(indexes.open_index(str(place))) as source:
        if not force:
            with closing(indexes.open_index(location, create=about.identity)) as target:
                copy_index(source, target, tell, name=name)
            return
        from mirsearch.indexes.elasticsearch.refill import refill
        from mirsearch.transfer.copying import fill_index

        summary = CopySummary()
        refill(location, about.identity, name, lambda writer: fill_index(source, location, writer, summary, tell))


def _restore_folder(path: Path, target: Path, force: bool, progress: Progress) -> About:
    from mirsearch.indexes.embedded.database.access import refuse_foreign_folder

    refuse_foreign_folder(target, str(target))
    is_free = not target.exists() or not any(target.iterdir())
    if not is_free and not force:
        raise UsageError(
            f"{target} has an index", "add --force to put the backup in its place, or give another --index"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _unpacked(path, target.parent, progress) as (place, about):
        if is_free:
            place.replace(target)
        else:
            _replace_contents(place, target)
    return about


def _replace_contents(place: Path, target: Path) -> None:
    """Put an unpacked backup in place of an index: first the pictures, which hurt nobody, then the database."""
    from mirsearch.indexes.embedded.whole import replace_database

    folder = pictures_folder(str(target)) or target / ACQUIRED
    for inside, file in picture_files(place / ACQUIRED):
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        file.replace(folder / inside)
    ledger = place / ACQUIRED / LEDGER
    if ledger.is_file():
        save_ledger(ledger, folder / LEDGER)
    replace_database(str(target), place / DATABASE)
