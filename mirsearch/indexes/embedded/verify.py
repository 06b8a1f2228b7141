"""Checks an embedded index as a whole, and repairs it: the database, and the files that are made from it."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from itertools import pairwise
from pathlib import Path

from mirsearch.errors import IndexAccessError, IndexBusyError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded.database import checking, core_pages, log, schema
from mirsearch.indexes.embedded.database.access import (
    connect,
    damaged_error,
    find_database,
    open_reader,
    translate_errors,
    write_lock,
)
from mirsearch.indexes.embedded.database.checksums import DamagedRowError
from mirsearch.indexes.embedded.database.meaning_facts import read_meaning
from mirsearch.indexes.embedded.database.salvage import Mend, Salvage
from mirsearch.indexes.embedded.derived_files import DamagedFileError
from mirsearch.indexes.embedded.vectors import matrix_file, rounded_file
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.vectors.meaning import FOLDER, MeaningMatrices
from mirsearch.indexes.embedded.words import words_file
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.indexes.faults import Fault

_DERIVED = (matrix_file.TABLE, "matrix-*.f16", rounded_file.TABLE, "coarse-*.i8", "words-*.postings", core_pages.FILE,
            f"{FOLDER}/*")  # fmt: skip


def find_faults(location: str) -> Iterator[Fault]:
    """Yield all faults of an index. Raises IndexAccessError if there is none, or none that can be read at all."""
    path = find_database(location)
    if log.is_damaged(path.with_name(f"{path.name}-wal")):
        yield Fault("log", path.name + "-wal", "it has wrong bits, and commits after them are lost")
    with translate_errors(location), closing(open_reader(path)) as connection:
        if schema.read_version(connection) < schema.CURRENT_VERSION:
            raise IndexAccessError(
                f"the index at {location} is of an earlier mirsearch and has no checksums yet",
                f"open it once: mirsearch stats --index {location}",
            )
        connection.execute("BEGIN")
        yield from checking.find_faults(connection)
        with suppress(KeyError, ValueError, DamagedRowError, sqlite3.Error):
            yield from _find_file_faults(path.parent, schema.read_extractor(connection).dims)
            if (model := read_meaning(connection)) is not None:
                yield from _find_file_faults(path.parent / FOLDER, model.dims)
    yield from _find_text_index_faults(location, path)


def _find_text_index_faults(location: str, path: Path) -> Iterator[Fault]:
    """Yield what the full-text index has that the words have not. Left out while somebody writes."""
    with suppress(IndexBusyError, OSError), write_lock(location), closing(connect(path, "rw")) as connection:
        try:
            connection.execute("BEGIN")
            connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            if "readonly" not in str(error):
                yield Fault("words", "", f"the full-text index does not fit the words: {error}")
        finally:
            connection.rollback()


def _find_file_faults(folder: Path, dims: int) -> Iterator[Fault]:
    """Yield faults of the files that are made from the database. What is absent or outdated is no fault."""
    matrix = matrix_file.load(folder, dims)
    if matrix is None and (folder / matrix_file.TABLE).exists():
        yield Fault("file", matrix_file.TABLE, "it can't be read, or does not fit its rows")
    rounded = None if matrix is None else rounded_file.read(matrix)
    if rounded is None and matrix is not None and (folder / rounded_file.TABLE).exists():
        yield Fault("file", rounded_file.TABLE, "it can't be read, or does not fit its rows")
    checkers = [None if matrix is None else matrix.map_rows()[1]]
    checkers.append(None if rounded is None or not len(rounded) else rounded.map_rows().checker)
    for checker in checkers:
        try:
            if checker is not None:
                checker.check_all()
        except DamagedFileError as error:
            yield Fault("file", error.name, "it does not match its checksums")
    for path in sorted(folder.glob("words-*.postings")):
        if not _is_words_file_whole(path):
            yield Fault("file", path.name, "it does not match its checksums")


def _is_words_file_whole(path: Path) -> bool:
    contents = words_file.load(path)
    if contents is None:
        return False
    words = contents[0]
    positions = (zlib.crc32(words.positions[low:high].data) for low, high in pairwise(words.begin.tolist()))
    panels = (
        zlib.crc32(words.pattern[low:high].data, zlib.crc32(words.panel[low:high].data))
        for low, high in pairwise(words.first.tolist())
    )
    return bool(list(positions) == words.crc.tolist() and list(panels) == words.panel_crc.tolist())


def stored_extractor(location: str) -> ExtractorIdentity:
    """Return the extractor of an index, even if the facts about the index don't match their checksum.

    Raises IndexAccessError if they name none.
    """
    path = find_database(location)
    with translate_errors(location), closing(open_reader(path)) as connection:
        try:
            meta = schema.read_meta(connection)
            return ExtractorIdentity(meta["extractor"], meta["extractor_version"], int(meta["dims"]))
        except (KeyError, ValueError) as error:
            raise damaged_error(location, f"its metadata has no valid {error}") from error


def repair(location: str, mend: Mend) -> list[str]:
    """Repair what can be repaired, and return what was done, one line each. `mend` mends figures; see Salvage."""
    path = find_database(location)
    with ExitStack() as resources:
        resources.enter_context(translate_errors(location))
        resources.enter_context(write_lock(location))
        extractor = stored_extractor(location)
        salvage = Salvage(path.parent, extractor)
        salvage.run(mend)
        derived_files.remove_others(path.parent, None, *_DERIVED)
        with closing(open_reader(path)) as connection:
            connection.execute("BEGIN")
            Matrix(path.parent, extractor.dims).update_files(connection)
            Postings(path.parent).update_file(connection)
            MeaningMatrices(path.parent).update_files(connection)
        salvage.done.append("the files that queries scan were made again")
    return salvage.done
