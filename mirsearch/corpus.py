"""The data classes of a corpus: an Article has Figures, a Figure has Panels, a Panel may have a ScaleReading.

This module does no I/O and imports no other module of mirsearch.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the image file; x1 and y1 are exclusive."""

ScaleSource = Literal["label", "caption", "shared", "metadata", "user"]
"""Where a scale comes from. `shared` is the bar of another panel under the same letter."""

KINDS = ("micrograph", "diffraction", "map", "plot", "schematic", "photo", "gel", "unknown")
"""The kinds of content a panel can show."""

TECHNIQUES = (
    "SEM", "TEM", "HRTEM", "STEM", "Cryo-TEM", "AFM", "STM", "optical", "fluorescence", "EDX", "EBSD", "diffraction",
)  # fmt: skip
"""The imaging techniques a panel can have."""

PLANES = "#planes="
"""What follows the path in an origin's location if the figure shows planes of the file."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article with figures. `id` is `doi:…` (lower case), `pmcid:…`, or starts with the prefix of another scheme."""

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
    """The scale of a panel: lengths in nm and px, the box of the scale bar in px of the file, confidence in [0, 1].

    `bar` and `length_px` are None if the scale comes from metadata or from a user, without a bar.
    """

    nm_per_px: float
    length_nm: float | None = None
    length_px: float | None = None
    bar: Box | None = None
    label_text: str | None = None
    source: ScaleSource = "label"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class LoneBar:
    """A scale bar whose length in nm is not known: its box in px of the file, and its length in px."""

    box: Box
    length_px: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One single image or drawing of a figure. Panels are what mirsearch embeds, indexes and finds.

    `caption` is the part of the figure's caption about this panel, plus the parts about all panels.
    `text` is the text that OCR read inside `box`. `id` comes from :func:`panel_ids`; it is empty until then.

    Panels under one letter share `label`. Each has a `part` (from 1 in reading order), and `group` is the box of all of
    them; both are None where the letter has one panel. `heading` holds the words printed at the panel's row and column.
    `inset_of` is the key (see :func:`panel_keys`) of the panel in which this one is an inset.

    `scale` is a reading that is sure enough to be told. `doubtful_scale` is one that is not; a panel has at most one of
    the two, but where the file's metadata and what was read disagree: then it is what contradicts `scale`. `bar` is a
    bar that was seen without a length.
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
    part: int | None = None
    group: Box | None = None
    heading: str = ""
    inset_of: str | None = None
    doubtful_scale: ScaleReading | None = None
    bar: LoneBar | None = None

    @property
    def width(self) -> int:
        """Return the width in px of the file."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        """Return the height in px of the file."""
        return self.box[3] - self.box[1]

    @property
    def field_of_view_nm(self) -> float | None:
        """Return the width of the panel in nm, or None without a scale."""
        return None if self.scale is None else self.width * self.scale.nm_per_px


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin of a figure: the name of the source, a path or address, and the time of retrieval (ISO 8601, UTC)."""

    source: str
    location: str
    retrieved: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One image (one page of a file) with one caption. `id` is the content hash from :func:`figure_id`.

    `mentions` are sentences of the article's text that speak of the figure.
    """

    id: str
    width: int
    height: int
    label: str | None = None
    caption: str = ""
    article: Article | None = None
    origins: tuple[Origin, ...] = ()
    page: int = 0
    permission_note: str | None = None
    mentions: tuple[str, ...] = ()

    @property
    def image(self) -> str | None:
        """Return the path or address of the image: the location of the newest origin, or None."""
        return self.origins[-1].location if self.origins else None


def figure_id(content_sha256: str, page: int = 0) -> str:
    """Return the id of a page of a file: 16 hex digits of the content hash, plus `.PAGE` for all but the first page."""
    prefix = content_sha256[:16].lower()
    return prefix if page == 0 else f"{prefix}.{page}"


def panel_keys(panels: Sequence[Panel]) -> list[str]:
    """Return a key for each panel that no other panel of the figure has: the end of its id.

    It is the letter in lower case for a letter with one panel ("b"), letter and part where it has several ("b2"), and
    the panel's place in the figure (from 1) where no plain letter tells it from the others.
    """
    keys = [_own_key(panel) for panel in panels]
    counts = Counter(keys)
    return [key if key is not None and counts[key] == 1 else str(number) for number, key in enumerate(keys, start=1)]


def _own_key(panel: Panel) -> str | None:
    """Return a panel's letter and part, or None if it has no letter that an id can hold."""
    label = (panel.label or "").lower()
    if not (label.isascii() and label.isalnum()) or label.isdigit():
        return None
    return label if panel.part is None else f"{label}{panel.part}"


def panel_ids(figure: str, panels: Sequence[Panel]) -> list[str]:
    """Return the ids of a figure's panels in order: the figure's id and the panel's key (see :func:`panel_keys`)."""
    return [f"{figure}-{key}" for key in panel_keys(panels)]


def name_panels(figure: str, panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """Return a figure's panels, in order, with their ids (see :func:`panel_ids`) and that of the figure."""
    ids = panel_ids(figure, panels)
    return tuple(
        dataclasses.replace(panel, id=panel_id, figure_id=figure) for panel, panel_id in zip(panels, ids, strict=True)
    )


def to_json(item: Any) -> dict[str, Any]:
    """Return a dataclass of this module as plain JSON types (tuples become lists)."""
    # Not by dataclasses.asdict, which copies every value deeply: that took half the time of an answer's JSON.
    told = {name: getattr(item, name) for name in _field_names(item)}
    for name, value in told.items():
        if type(value) not in _PLAIN:
            told[name] = _to_plain_types(value)
    return told


_known_fields: dict[type, tuple[str, ...]] = {}


def _field_names(item: Any) -> tuple[str, ...]:
    names = _known_fields.get(type(item))
    if names is None:
        names = _known_fields[type(item)] = tuple(field.name for field in dataclasses.fields(item))
    return names


_PLAIN = frozenset((str, type(None), int, float, bool))


def _to_plain_types(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [item if type(item) in _PLAIN else _to_plain_types(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, dict):
        return {key: _to_plain_types(item) for key, item in value.items()}
    return value
