"""Tasks for a bounded process that go wrong in all the ways that foreign files make readers go wrong."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mirsearch.corpus import Article
from mirsearch.errors import ImageError
from mirsearch.sources.pdf.extraction import ExtractedPdf


@dataclass(frozen=True)
class Told:
    """Values of every kind that may come back."""

    text: str
    count: int
    size: float
    pieces: tuple[bytes, ...]
    place: Path
    box: tuple[int, int, int, int] | None
    article: list[Article]
    by_name: dict[str, int]
    names: frozenset[str]


def give_back(told: Told) -> Told:
    return told


def process_id() -> int:
    return os.getpid()


def variables() -> dict[str, str]:
    return dict(os.environ)


def hold_the_lock() -> int:
    """Search with a pattern that takes for ever and lets no other thread run."""
    return len(re.findall("(a+)+b", "a" * 64))


def start_and_hold_the_lock(note: Path) -> int:
    """Start a program, note its process id, and hold the lock."""
    note.write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
    return hold_the_lock()


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def crash() -> int:
    ctypes.string_at(0)
    return 0


def crash_as_a_reader_of_pdf(path: Path, folder: Path) -> ExtractedPdf:
    ctypes.string_at(0)
    raise AssertionError


def take_memory(size: int) -> int:
    return len(bytearray(size))


def nest() -> int:
    return nest()


def refuse() -> int:
    raise ImageError("x.tif: too large", "make it smaller")


def fill_the_disk() -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def stumble() -> int:
    raise ZeroDivisionError("of \ud800 nothing")


def print_much() -> str:
    print("x" * 100_000)
    os.write(1, b"y" * 100_000)
    sys.stderr.write("z" * 100_000)
    return "done"


def leave() -> int:
    os._exit(3)


def say_something_else() -> int:
    return "no number"  # type: ignore[return-value]


def give_much(size: int) -> bytes:
    return bytes(size)
