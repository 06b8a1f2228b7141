"""The protocol of a reader of image files, and what a reader tells about each plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from mirsearch.settings import Limits

HEAD_BYTES = 4096
"""First bytes of a file that a reader is shown to recognize it."""

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

BeforePlane = Callable[[int], None]
"""Is called before each plane that is decoded, with the number of planes read for this image so far."""


def ignore_plane(plane: int) -> None:
    """Take no note of a plane that is read."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a file: its size in px, and what the file says about it. Nothing of it is decoded yet.

    `channel`, `z`, `t` and `position` are its places along these axes, from 0; None where the file has no such axis.
    Planes that differ in `position` show different fields, or different images of the file. `title` names the image.
    """

    width: int
    height: int
    nm_per_px: float | None = None
    channel: int | None = None
    channel_name: str = ""
    color: Color | None = None
    z: int | None = None
    t: int | None = None
    position: int | None = None
    title: str = ""
    kind: str = "unknown"
    technique: str | None = None


class ImageFile(Protocol):
    """An open file. `planes` has all its planes in the order of the file, `description` a line about it or ""."""

    @property
    def planes(self) -> Sequence[Plane]:
        """The planes. Their order is the one in which a person counts them."""

    @property
    def description(self) -> str:
        """What the file says about itself: instrument, detector, voltage, sample."""

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of plane `index` (from 0): gray (h, w) of any number type, or colors (h, w, 3)."""


class Reader(Protocol):
    """A reader of one kind of file. A plug-in implements these members; it inherits nothing.

    `suffixes` are in lower case, with the dot. Whatever `open` and `samples` raise is reported as damage of the file.
    """

    name: str
    suffixes: frozenset[str]

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return what the reader lacks and how to install it, in one line; None if it can read."""

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file is of this reader's kind, by its first bytes."""

    def open(self, path: Path, limits: Limits) -> AbstractContextManager[ImageFile]:
        """Open a file. Nothing is decoded before `samples` is called."""
