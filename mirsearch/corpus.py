"""The nouns: Article → Figure → Panel, and the ScaleReading of a panel. No I/O, imports nothing of ours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the image file; x1 and y1 are exclusive."""

ScaleSource = Literal["label", "caption", "metadata", "user"]

KINDS = ("micrograph", "diffraction", "map", "plot", "schematic", "photo", "unknown")
"""What a panel shows, in the widest sense."""

TECHNIQUES = (
    "SEM", "TEM", "HRTEM", "STEM", "Cryo-TEM", "AFM", "STM", "optical", "fluorescence", "EDX", "EBSD", "diffraction",
)  # fmt: skip
"""Imaging techniques a panel can be assigned to."""


@dataclass(frozen=True, slots=True)
class Article:
    """Where figures were published. `id` is `doi:…` (lower case), `pmcid:…`, or another scheme's own prefix."""

    id: str
    title: str | None = None
    doi: str | None = None
    pmcid: str | None = None
    journal: str | None = None
    year: int | None = None
    license: str | None = None
    url: str | None = None
    authors: tuple[str, ...] = ()
    retracted: bool = False


@dataclass(frozen=True, slots=True)
class ScaleReading:
    """A scale bar and what it says: lengths in nm and px, the bar's box in the file's pixels, confidence in [0, 1].

    `bar` and `length_px` are None where the scale came from metadata or a user without a bar.
    """

    nm_per_px: float
    length_nm: float | None = None
    length_px: float | None = None
    bar: Box | None = None
    label_text: str | None = None
    source: ScaleSource = "label"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Panel:
    """A region of a figure: what is embedded, indexed and found.

    `caption` is the panel's own part of the figure's caption plus what speaks of all panels;
    `text` is what OCR read inside `box`. `id` is made by :func:`panel_id` and empty before a figure is known.
    """

    box: Box
    label: str | None = None
    kind: str = "unknown"
    kind_confidence: float = 0.0
    technique: str | None = None
    technique_confidence: float = 0.0
    caption: str = ""
    text: str = ""
    scale: ScaleReading | None = None
    id: str = ""
    figure_id: str = ""

    @property
    def width(self) -> int:
        """Width in px of the file."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        """Height in px of the file."""
        return self.box[3] - self.box[1]

    @property
    def field_of_view_nm(self) -> float | None:
        """Panel width in nm, or None without a scale."""
        return None if self.scale is None else self.width * self.scale.nm_per_px


@dataclass(frozen=True, slots=True)
class Origin:
    """One place a figure came from: the source's name and a path or address, and when it was taken (ISO 8601, UTC)."""

    source: str
    location: str
    retrieved: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One image (a page of one file) with one caption. `id` is the content hash of :func:`figure_id`."""

    id: str
    width: int
    height: int
    label: str | None = None
    caption: str = ""
    article: Article | None = None
    origins: tuple[Origin, ...] = ()
    page: int = 0
    permission_note: str | None = None

    @property
    def image(self) -> str | None:
        """Where the image lies: the location of the newest origin."""
        return self.origins[-1].location if self.origins else None


def figure_id(content_sha256: str, page: int = 0) -> str:
    """Id of a page of a file: 16 hex digits of the content hash, with `.page` appended after the first page."""
    head = content_sha256[:16].lower()
    return head if page == 0 else f"{head}.{page}"


def panel_ids(figure: str, labels: list[str | None]) -> list[str]:
    """Ids of panels in order: `FIGURE-LABEL` where the label is plain and unique, else `FIGURE-N` (from 1)."""
    lowered = [None if label is None else label.lower() for label in labels]
    ids = []
    for number, label in enumerate(lowered, start=1):
        unique = label is not None and label.isascii() and label.isalnum() and not label.isdigit()
        ids.append(f"{figure}-{label}" if unique and lowered.count(label) == 1 else f"{figure}-{number}")
    return ids


def to_json(item: Any) -> dict[str, Any]:
    """A dataclass of this module as plain JSON types (tuples become lists)."""
    return {key: _plain(value) for key, value in dataclasses.asdict(item).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value
