"""What goes to a worker and comes back: plain data in one message of bytes, which is checked value by value."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mirsearch.corpus import Panel
from mirsearch.isolation.messages import BrokenMessageError, read_message, write_message
from mirsearch.isolation.plain_data import decode, encode
from mirsearch.readers.selection import Selection
from mirsearch.settings import LIMITS
from mirsearch.text.foreign import parse_json

Kind = TypeVar("Kind")
MOST_BYTES = 256 << 20
"""Largest file that is sent, in bytes. A larger one is analyzed where the ingest runs."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker loads, and what it then must be: versions and models as those of the ingest."""

    mirsearch: str
    analysis: str
    extractor: str
    extractor_version: str
    dims: int
    extractor_spec: str
    weights: str | None
    device: str | None
    ocr: str
    scalebars: str


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to analyze. `content` is how the sha256 of its bytes begins, and `place` its path, for messages alone.

    Its bytes are in `file` with those of the text files beside it in `beside`, by name; or it is read at `shared`, a
    path that the workers see, too. With neither, the worker only loads its models and tells whether they fit.
    """

    setup: WorkerSetup
    selection: Selection = field(default_factory=Selection)
    place: str = ""
    name: str = ""
    content: str = ""
    caption: str = ""
    panels: tuple[Panel, ...] | None = None
    page: int | None = None
    shared: str | None = None
    file: bytes | None = None
    beside: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """An image of a figure; `vectors` are float32, little-endian, one of `dims` numbers for each panel."""

    panels: tuple[Panel, ...]
    vectors: bytes
    thumbnails: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FigureAnswer:
    """A figure of a file; see ReadyFigure."""

    number: int
    width: int
    height: int
    fragment: str
    description: str
    total: int
    images: tuple[ImageAnswer, ...]


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What a worker made of a file.

    `refusal`: why it can do none of this ingest's files. `wants_file`: the shared path is not there, or has another
    content, and the bytes are to be sent.
    """

    refusal: str = ""
    wants_file: bool = False
    figures: tuple[FigureAnswer, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def pack(value: Any) -> bytes:
    """Return a dataclass of this module as one message."""
    blobs: list[bytes] = []
    text = json.dumps(encode(value, blobs))
    stream = io.BytesIO()
    write_message(stream, text.encode(), blobs)
    return stream.getvalue()


def unpack(kind: type[Kind], message: bytes) -> Kind:
    """Return a message as a dataclass of this module. Raises ValueError for anything else."""
    try:
        read = read_message(io.BytesIO(message), 2 * MOST_BYTES + LIMITS.worker_bytes)
    except BrokenMessageError as error:
        raise ValueError(f"a broken message: {error}") from error
    if read is None:
        raise ValueError("an empty message")
    text, blobs = read
    value: Kind = decode(kind, parse_json(text), blobs)
    return value
