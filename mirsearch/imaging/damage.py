"""What can be wrong with an image file: damage, too little memory, more pixels than its bytes can mean, warnings."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mirsearch.errors import ImageError, MirsearchError
from mirsearch.settings import Limits

DAMAGE_REMEDY = "get the file again, or save it anew from the program that opens it"
MEMORY_REASON = "memory is short"
MEMORY_REMEDY = "close other programs, or reduce the size of the picture"
_MEMORY_WORDS = ("bad_alloc", "bad allocation", "failed to allocate memory", "insufficient memory")
"""What C++ libraries (OpenCV, onnxruntime) say where Python would raise MemoryError."""
_MOST_WARNINGS = 3
"""Warnings that are told of one file."""

_log = logging.getLogger(__name__)
_collecting = threading.local()
_show_before: Callable[..., Any] = warnings.showwarning

# Pillow and tifffile warn once for a whole run; here each file counts.
warnings.filterwarnings("always", module=r"(PIL|tifffile)\b")


def is_memory_error(error: BaseException) -> bool:
    """Return whether an error of any library says that memory is short."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS)


@contextmanager
def report_damage(path: Path, told: set[str] | None = None) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError that names the file. Log its warnings with the file's name.

    `told` has the warnings of the file that were logged before; those of this block are added.
    """
    try:
        with _collect_warnings() as texts:
            yield
    except MirsearchError:
        raise
    except Exception as error:  # each library raises its own set for damaged bytes, and none documents it
        if is_memory_error(error):
            raise ImageError(f"{path}: {MEMORY_REASON} for this picture", MEMORY_REMEDY) from error
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(f"{path}: damaged or cut short: {cause}", DAMAGE_REMEDY) from error
    told = set() if told is None else told
    for text in dict.fromkeys(texts):
        if text in told or len(told) >= _MOST_WARNINGS:
            continue
        told.add(text)
        _log.warning("%s", "".join(char if char.isprintable() else "?" for char in f"{path}: {text}"))


def check_expansion(name: str, decoded: int, stored: int, limits: Limits) -> None:
    """Raise ImageError if so few stored bytes can't be a picture of so many decoded bytes."""
    if decoded > max(limits.image_free_bytes, stored * limits.image_expansion):
        raise ImageError(
            f"{name}: {stored:,} bytes ask for {decoded:,} bytes of pixels, more than {limits.image_expansion:,} for "
            "each byte",
            DAMAGE_REMEDY,
        )


@contextmanager
def _collect_warnings() -> Iterator[list[str]]:
    """Collect the warnings of this thread. `warnings.catch_warnings` would collect those of all threads."""
    global _show_before
    if warnings.showwarning is not _show_warning:
        _show_before, warnings.showwarning = warnings.showwarning, _show_warning
    outer = getattr(_collecting, "texts", None)
    texts: list[str] = []
    _collecting.texts = texts
    try:
        yield texts
    finally:
        _collecting.texts = outer


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
    texts: list[str] | None = getattr(_collecting, "texts", None)
    if texts is None:
        _show_before(message, category, *where, **options)
    else:
        texts.append(" ".join(str(message).split())[:200])
