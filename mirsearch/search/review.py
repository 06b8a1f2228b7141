"""The readings that most want a look by a person: contradictions, impossible values, doubts, bars without a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mirsearch.analysis.scalebars.caption_lengths import caption_lengths
from mirsearch.errors import MirsearchError
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import Filters, StoredPanel
from mirsearch.text.lengths import format_length

REASONS = {
    "caption": "the label and the caption disagree",
    "metadata": "the label and the file's own pixel size disagree",
    "view": "the field of view is not one of this technique",
    "doubtful": "the reading is doubtful",
    "bar": "the bar has no value",
    "unsure": "the reading is used, but not very sure",
}
"""Why a reading wants a look, the most urgent first: a wrong value that counts does more harm than a missing one."""

_MAX_RATIO = 1.06
"""Ratio above which two scales disagree: bars are measured to a few percent, and the next round length is 1.2 times."""
_MAX_WIDTH_RATIO = 1.25
"""The same for a width that a caption gives in round numbers."""
_UNSURE = 0.7
"""Confidence below which a used reading wants a look: of such readings, at least three in ten are wrong."""
_VIEWS_NM = {
    "TEM": (1.0, 2e5), "HRTEM": (1.0, 2e3), "STEM": (0.5, 1e5), "Cryo-TEM": (10.0, 1e5), "STM": (0.5, 1e4),
    "AFM": (5.0, 2e5), "SEM": (50.0, 2e7), "EBSD": (500.0, 2e7), "optical": (5e3, 1e9), "fluorescence": (2e3, 1e9),
}  # fmt: skip
"""Fields of view in nm that a technique can have, wide on either side: what the instruments can resolve and reach."""
_DRAWN_KINDS = ("plot", "schematic")
_TIFF_SUFFIXES = (".tif", ".tiff")
"""Files whose own pixel size is asked for: that of other formats is hardly ever a microscope's."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A panel whose reading wants a look: why (a key of REASONS), and what is wrong, in one sentence."""

    stored: StoredPanel
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Review:
    """The panels to look at, the most urgent first, and how many there are of each reason (also those left out)."""

    items: tuple[ReviewItem, ...]
    counts: dict[str, int]


def find_review(index: Index, top: int, progress: Callable[[int], None] = lambda count: None) -> Review:
    """Return the `top` panels that most want a look. `progress` gets the number of panels that were looked at.

    Each panel is there once, with its most urgent reason. What a person corrected is left out.
    """
    found: list[tuple[int, float, str, ReviewItem]] = []
    counts: Counter[str] = Counter()
    order = {reason: rank for rank, reason in enumerate(REASONS)}
    for seen, item in _review_items(index.select_panels(Filters())):
        progress(seen)
        if item is not None:
            counts[item.reason] += 1
            found.append((order[item.reason], _rank(item), item.stored.panel.id, item))
    found.sort(key=lambda entry: entry[:3])
    items = tuple(item for *_, item in found[:top])
    return Review(items, {reason: counts[reason] for reason in REASONS if counts[reason]})


def _rank(item: ReviewItem) -> float:
    """Return the order among items of one reason: of doubtful readings the surest first, they are quickly confirmed."""
    panel = item.stored.panel
    reading = panel.doubtful_scale if item.reason == "doubtful" else panel.scale
    confidence = 0.0 if reading is None else reading.confidence
    return -confidence if item.reason == "doubtful" else confidence


def _review_items(panels: Iterable[StoredPanel]) -> Iterator[tuple[int, ReviewItem | None]]:
    """Yield for each panel how many were seen and the item, if it wants a look."""
    seen = 0
    for _, group in groupby(panels, key=lambda stored: stored.figure.id):
        figure_panels = list(group)
        captions = _caption_details(figure_panels)
        for stored, caption in zip(figure_panels, captions, strict=True):
            seen += 1
            yield seen, _review_panel(stored, caption)


def _review_panel(stored: StoredPanel, caption: str) -> ReviewItem | None:
    panel = stored.panel
    if "scale" in stored.corrected_fields:
        return None
    if panel.scale is None:
        if panel.doubtful_scale is not None:
            return ReviewItem(stored, "doubtful", f"{panel.doubtful_scale.confidence:.0%} sure")
        return None if panel.bar is None else ReviewItem(stored, "bar", f"a bar of {panel.bar.length_px:.1f} px")
    for reason, detail in (
        ("caption", caption),
        ("metadata", _metadata_detail(stored)),
        ("view", _view_detail(stored)),
    ):
        if detail:
            return ReviewItem(stored, reason, detail)
    if panel.scale.confidence < _UNSURE:
        return ReviewItem(stored, "unsure", f"{panel.scale.confidence:.0%} sure")
    return None


def _caption_details(panels: list[StoredPanel]) -> list[str]:
    """Return for each panel of a figure how its label and the caption disagree; empty where they don't."""
    caption = panels[0].figure.caption
    is_read = [stored.panel.scale is not None and stored.panel.scale.source == "label" for stored in panels]
    if not any(is_read) or not any(char.isdigit() for char in caption):
        return [""] * len(panels)
    only = [stored.panel for stored in panels]
    stated = caption_lengths(only, caption, [panel.kind in _DRAWN_KINDS for panel in only])
    details = []
    for stored, read, length in zip(panels, is_read, stated, strict=True):
        scale, detail = stored.panel.scale, ""
        if read and scale is not None and length.certain:
            if length.bar is not None and _differ(scale.length_nm, length.bar.nm, _MAX_RATIO):
                detail = f"label {format_length(scale.length_nm or 0)}, caption {format_length(length.bar.nm)}"
            elif length.width is not None and _differ(stored.panel.field_of_view_nm, length.width.nm, _MAX_WIDTH_RATIO):
                width = format_length(stored.panel.field_of_view_nm or 0)
                detail = f"width {width} by the label, {format_length(length.width.nm)} by the caption"
        details.append(detail)
    return details


def _metadata_detail(stored: StoredPanel) -> str:
    """Return how the label and the pixel size in the file disagree; empty where they don't or the file has none."""
    scale, location = stored.panel.scale, stored.figure.image or ""
    if scale is None or scale.source != "label" or not location.lower().endswith(_TIFF_SUFFIXES):
        return ""
    from mirsearch.imaging.pixel_sizes.reading import pixel_size_nm
    from mirsearch.readers.originals import compare_file

    try:
        if compare_file(location, stored.figure) != "same":
            return ""
        size = pixel_size_nm(Path(location), stored.figure.page)
    except (MirsearchError, OSError, ValueError):
        return ""
    if size is None or not _differ(scale.nm_per_px, size, _MAX_RATIO):
        return ""
    return f"{scale.nm_per_px:.4g} nm/px by the label, {size:.4g} nm/px in the file"


def _view_detail(stored: StoredPanel) -> str:
    technique, view = known_technique(stored.panel), stored.panel.field_of_view_nm
    if technique not in _VIEWS_NM or view is None:
        return ""
    low, high = _VIEWS_NM[technique]
    return "" if low <= view <= high else f"{technique}, but {format_length(view)} wide"


def _differ(one: float | None, other: float | None, ratio: float) -> bool:
    if not one or not other:
        return False
    return max(one / other, other / one) > ratio
