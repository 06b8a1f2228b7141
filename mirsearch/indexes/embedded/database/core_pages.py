"""Sums of the pages of a database that lists, counts and filters read, kept in a file beside it.

Checking every row takes seconds in a large index. So a process that has done it keeps the sums of the pages that it
read, for the present commit. Until the next commit, other processes compare these sums, at the speed of memory. Only
pages of articles, figures, origins, corrections and panels are in it; texts, vectors and thumbnails have checksums that
are compared when they are read. Pages are found as https://www.sqlite.org/fileformat2.html tells.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded.database.held_maps import map_file

FILE = "corpus.sums"
_MAGIC = b"mirsearch sums 1\n"
_BATCH_PAGES = 2048
_HEADER_BYTES = 100
_TABLE_INTERIOR, _INDEX_INTERIOR, _TABLE_LEAF, _INDEX_LEAF = 5, 2, 13, 10
Commit = tuple[int, str]
Pages = NDArray[np.uint8]


def keep_sums(database: Path, connection: sqlite3.Connection, commit: Commit, tables: tuple[str, ...]) -> None:
    """Keep the sums of the pages of some tables and their indexes, as far as the file can be written.

    The connection's transaction has just checked all their rows, at this commit.
    """
    pages = _open_pages(database, connection)
    if pages is None:
        return
    try:
        numbers = np.array(sorted(_find_pages(pages, connection, tables)), dtype="<u4")
        sums = _sums(pages, numbers)
    except (ValueError, IndexError, struct.error):
        return
    header = {"generation": commit[0], "token": commit[1], "pages": len(numbers), "page_bytes": pages.shape[1]}
    with suppress(OSError):
        derived_files.write_table(database.with_name(FILE), _MAGIC, header, numbers.tobytes() + sums.tobytes())


def match_sums(database: Path, connection: sqlite3.Connection, commit: Commit) -> bool:
    """Return whether there are sums for this commit, and every page still matches its sum."""
    try:
        contents = derived_files.read_table(database.with_name(FILE), _MAGIC)
        if contents is None or (contents[0]["generation"], contents[0]["token"]) != commit:
            return False
        header, columns = contents
        pages, count = _open_pages(database, connection), int(header["pages"])
        if pages is None or pages.shape[1] != header["page_bytes"]:
            return False
        numbers = np.frombuffer(columns, dtype="<u4", count=count)
        sums = np.frombuffer(columns, dtype="<u8", offset=4 * count)
        return np.array_equal(_sums(pages, numbers), sums)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


def _open_pages(database: Path, connection: sqlite3.Connection) -> Pages | None:
    """Return the pages of a connection's database as an array (pages, bytes). None if a log holds newer ones.

    They are read beside SQLite, in a way that leaves it its locks.
    """
    try:
        log = database.with_name(f"{database.name}-wal")
        if log.exists() and log.stat().st_size:
            return None
        contents = map_file(connection, database)
        if contents is None:
            return None
        data = np.frombuffer(contents, dtype=np.uint8)
        page_bytes = int(data[16:18].view(">u2")[0])
        page_bytes = 1 << 16 if page_bytes == 1 else page_bytes
        if page_bytes < 512 or len(data) % page_bytes:
            return None
        return data.reshape(-1, page_bytes)
    except (OSError, ValueError):
        return None


def _sums(pages: Pages, numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the sum of each page with one of the numbers, which begin at 1."""
    parts = [np.zeros(0, dtype="<u8")]
    for start in range(0, len(numbers), _BATCH_PAGES):
        words = pages[numbers[start : start + _BATCH_PAGES].astype(np.intp) - 1].view("<u8")
        parts.append(np.add.reduce(words, axis=1, dtype=np.uint64))
    return np.concatenate(parts)


def _find_pages(pages: Pages, connection: sqlite3.Connection, tables: tuple[str, ...]) -> set[int]:
    """Return the numbers of all pages of some tables, of their indexes, and of the schema."""
    marks = ", ".join("?" * len(tables))
    query = f"SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ({marks}) AND rootpage > 0"
    waiting, found = [1, *(row[0] for row in connection.execute(query, tables))], set[int]()
    while waiting:
        number = waiting.pop()
        if number in found or not 1 <= number <= len(pages):
            raise ValueError("a page is in two places")
        found.add(number)
        children, overflows = _read_tree_page(pages[number - 1].tobytes(), _HEADER_BYTES if number == 1 else 0)
        waiting += children
        for first in overflows:
            found.update(_chain(pages, first))
    return found


def _chain(pages: Pages, number: int) -> Iterator[int]:
    """Yield the numbers of the overflow pages that begin with one."""
    for _ in range(len(pages)):
        if number == 0:
            return
        yield number
        (number,) = struct.unpack(">I", pages[number - 1, :4].tobytes())
    raise ValueError("a chain of pages does not end")


def _read_tree_page(page: bytes, start: int) -> tuple[list[int], list[int]]:
    """Return the numbers of the children of a page of a tree, and of the first overflow pages of its cells."""
    kind, cells = page[start], int.from_bytes(page[start + 3 : start + 5], "big")
    is_interior = kind in (_TABLE_INTERIOR, _INDEX_INTERIOR)
    if not is_interior and kind not in (_TABLE_LEAF, _INDEX_LEAF):
        raise ValueError("no page of a tree")
    at = start + (12 if is_interior else 8)
    pointers = struct.unpack(f">{cells}H", page[at : at + 2 * cells])
    children = [int.from_bytes(page[start + 8 : start + 12], "big")] if is_interior else []
    overflows: list[int] = []
    if is_interior:
        children += [int.from_bytes(page[pointer : pointer + 4], "big") for pointer in pointers]
    if kind != _TABLE_INTERIOR:
        begins = [pointer + 4 * is_interior for pointer in pointers]
        # a cell whose size has one byte has no overflow page
        firsts = [_overflow(page, begin, kind == _TABLE_LEAF) for begin in begins if page[begin] & 0x80]
        overflows = [first for first in firsts if first]
    return children, overflows


def _overflow(page: bytes, pointer: int, is_table: bool) -> int:
    """Return the number of the first overflow page of a cell, 0 if it has none."""
    size, at = _varint(page, pointer)
    if is_table:
        _, at = _varint(page, at)
    usable = len(page)
    most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return 0
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    at += local if local <= most else least
    return int.from_bytes(page[at : at + 4], "big")


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        byte = page[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | page[at + 8], at + 9
