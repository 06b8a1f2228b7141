"""From a figure's pixels and panels to scale readings: bars, the labels beside them, values told by the caption."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, ScaleBarDetector
from mirsearch.analysis.captions.scales import CaptionScale, caption_scales
from mirsearch.analysis.scalebars.insets import find_insets, lies_in_any
from mirsearch.analysis.scalebars.labels import find_labelled_bar
from mirsearch.analysis.scalebars.pairing import Pair
from mirsearch.analysis.scalebars.sharing import share_scale
from mirsearch.corpus import Box, ScaleReading

_MIN_PAIR_SCORE = 0.38
"""Pair score below which a label and a bar are taken not to belong together."""

_MIN_PLAUSIBILITY = 0.45
"""Plausibility below which a label is more likely a spacing, a roughness or a size than a bar's length."""

_MIN_READING = 0.42
"""Plausibility times OCR's confidence: a repaired label must at least have been read clearly."""

_MIN_LONE_BAR_SCORE = 0.55
"""Score a bar without a label must have to be given the caption's length."""

_MIN_SIDE = 24
_MAX_MARGIN, _MAX_BLANK_SPREAD, _MIN_GROUND_SHARE = 8, 20, 0.3
"""Most px by which a panel's box is grown, how far levels may differ in a blank row, and the share of a panel's edge
that must be of its tone.
"""

_MAX_RATIO = 1.06


@dataclass(frozen=True, slots=True)
class _CaptionFacts:
    """What the caption says of one panel."""

    bar: CaptionScale | None = None
    width: CaptionScale | None = None
    certain: bool = True


def read_scales(
    pixels: Pixels,
    boxes: Sequence[Box],
    captions: Sequence[str],
    detector: ScaleBarDetector,
    ocr: OcrEngine,
    nm_per_px: float | None = None,
    *,
    labels: Sequence[str | None] = (),
    figure_caption: str = "",
) -> list[ScaleReading | None]:
    """The scale of each panel (boxes in px of the figure), or None where the figure does not tell it.

    `captions` are the panels' own parts with what speaks of all, `labels` their letters, `nm_per_px` the pixel size
    from the file's metadata. A panel that is too small, or lies outside the image, has no scale.
    """
    letters = list(labels) + [None] * (len(boxes) - len(labels))
    parts = list(captions) + [figure_caption] * (len(boxes) - len(captions))
    readings: list[ScaleReading | None] = []
    for box, part, letter in zip(boxes, parts, letters, strict=False):
        told = _find_caption_facts(part, figure_caption, letter, letters)
        inside = _clip_box(box, pixels)
        found = None if inside is None else _read_panel(pixels, inside, told, detector, ocr)
        readings.append(found)
    if figure_caption:
        readings = share_scale(readings, boxes, letters, figure_caption)
    return [_combine_with_metadata(reading, nm_per_px) for reading in readings]


def _clip_box(box: Box, pixels: Pixels) -> Box | None:
    """The part of a box that lies in the image, or None where it is too small to hold a bar."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    return (x0, y0, x1, y1) if x1 - x0 >= _MIN_SIDE and y1 - y0 >= _MIN_SIDE else None


def _find_caption_facts(part: str, figure_caption: str, letter: str | None, letters: Sequence[str | None]) -> _CaptionFacts:
    """The caption's length for a panel: said of its letter, else of all, else the only one that is said."""
    for text in (part, figure_caption):
        scales = caption_scales(text, letters) if text else {}
        bars = {key: scale for key, scale in scales.items() if scale.kind == "bar" and scale.nm}
        widths = {key: scale for key, scale in scales.items() if scale.kind == "width"}
        own = letter.lower() if letter else None
        bar, width = bars.get(own) or bars.get(None), widths.get(own) or widths.get(None)
        if bar is None and own is None and len({scale.nm for scale in bars.values()}) == 1:
            return _CaptionFacts(next(iter(bars.values())), width, certain=False)
        if bar is not None or width is not None:
            return _CaptionFacts(bar, width)
    return _CaptionFacts()


def _read_panel(
    pixels: Pixels, box: Box, told: _CaptionFacts, detector: ScaleBarDetector, ocr: OcrEngine
) -> ScaleReading | None:
    """The scale of one panel whose box lies in the image."""
    width = box[2] - box[0]
    box = _grow_by_margin(pixels, box)
    panel = np.ascontiguousarray(pixels[box[1] : box[3], box[0] : box[2]])
    bars, pair = _find_labelled_bar(panel, detector.detect(panel), ocr, told.bar.nm if told.bar is not None else None)
    if pair is not None and _is_believable(pair, told):
        return _shift_bar(_reading_from_label(pair, told), box)
    if told.bar is not None:
        alone = _find_lone_bar(bars)
        if alone is not None:
            return _shift_bar(_reading_from_caption(alone, told), box)
    if told.width is not None and told.width.nm:
        return ScaleReading(told.width.nm / width, source="caption", confidence=0.5 * told.width.confidence)
    return None


def _find_labelled_bar(
    panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine, expected: float | None
) -> tuple[Sequence[BarCandidate], Pair | None]:
    """The bars of the panel itself and the best of them with its label; an inset's only where the caption tells it."""
    frames = find_insets(np.asarray(cv2.cvtColor(panel, cv2.COLOR_RGB2GRAY), np.uint8), bars)
    own = [bar for bar in bars if not lies_in_any(bar.box, frames)]
    pair = find_labelled_bar(panel, own, ocr, expected)
    if frames and expected is not None and (pair is None or not _lengths_agree(pair.label.length.nm, expected)):
        within = find_labelled_bar(panel, [bar for bar in bars if lies_in_any(bar.box, frames)], ocr, expected)
        if within is not None and _lengths_agree(within.label.length.nm, expected):
            return own, within
    return own, pair


def _grow_by_margin(pixels: Pixels, box: Box) -> Box:
    """The box grown by the blank rows and columns around it that its ground goes on in.

    A bar at the edge of a white databar needs them; gutters beside a picture are none.
    """
    x0, y0, x1, y1 = box
    y1 += _count_blank_lines(pixels[y1:, x0:x1], pixels[y1 - 3 : y1, x0:x1])
    y0 -= _count_blank_lines(pixels[:y0, x0:x1][::-1], pixels[y0 : y0 + 3, x0:x1])
    columns = pixels[y0:y1].transpose(1, 0, 2)
    x1 += _count_blank_lines(columns[x1:], columns[x1 - 3 : x1])
    x0 -= _count_blank_lines(columns[:x0][::-1], columns[x0 : x0 + 3])
    return x0, y0, x1, y1


def _count_blank_lines(lines: Pixels, edge: Pixels) -> int:
    """How many of the nearest lines beyond a box its ground goes on in."""
    near = lines[:_MAX_MARGIN]
    return next((number for number, line in enumerate(near) if not _continues_ground(line, edge)), len(near))


def _continues_ground(beyond: Pixels, edge: Pixels) -> bool:
    """Whether a line (n, 3) beyond a box is blank and its tone is found at the box's edge (3, n, 3) as well."""
    if np.ptp(beyond, axis=0).max() > _MAX_BLANK_SPREAD:
        return False
    off = np.abs(edge.astype(np.int16) - np.median(beyond, axis=0)).max(axis=2)
    return bool((off <= _MAX_BLANK_SPREAD).mean(axis=1).max() >= _MIN_GROUND_SHARE)


def _is_believable(pair: Pair, told: _CaptionFacts) -> bool:
    """Whether a pair is good enough to answer with: an unusual length needs the caption to say the same."""
    length = pair.label.length
    read_as = length.plausibility * pair.label.confidence
    usual = length.plausibility >= _MIN_PLAUSIBILITY and read_as >= _MIN_READING
    return pair.score >= _MIN_PAIR_SCORE and (usual or (told.bar is not None and _lengths_agree(length.nm, told.bar.nm)))


def _lengths_agree(one: float, other: float | None) -> bool:
    return other is not None and max(one, other) / min(one, other) < _MAX_RATIO


def _find_lone_bar(bars: Sequence[BarCandidate]) -> BarCandidate | None:
    """The bar that stands for the caption's length where no label was found."""
    return next((bar for bar in bars if bar.score >= _MIN_LONE_BAR_SCORE and not bar.broken), None)


def _reading_from_label(pair: Pair, told: _CaptionFacts) -> ScaleReading:
    """The reading a bar and its label make; a caption that says otherwise makes it less sure."""
    length = pair.label.length
    confidence = min(0.99, pair.score)
    if told.bar is not None and told.bar.nm:
        if _lengths_agree(length.nm, told.bar.nm):
            confidence = 1 - (1 - confidence) * 0.3
        elif told.certain:
            confidence *= 0.5
    return ScaleReading(
        nm_per_px=length.nm / pair.bar.length_px, length_nm=length.nm, length_px=pair.bar.length_px, bar=pair.bar.box,
        label_text=length.text, source="label", confidence=round(confidence, 4),
    )  # fmt: skip


def _reading_from_caption(bar: BarCandidate, told: _CaptionFacts) -> ScaleReading | None:
    if told.bar is None or not told.bar.nm:
        return None
    confidence = bar.score * told.bar.confidence * (0.9 if told.certain else 0.6)
    return ScaleReading(
        nm_per_px=told.bar.nm / bar.length_px, length_nm=told.bar.nm, length_px=bar.length_px, bar=bar.box,
        label_text=None, source="caption", confidence=round(min(0.99, confidence), 4),
    )  # fmt: skip


def _shift_bar(reading: ScaleReading | None, box: Box) -> ScaleReading | None:
    """The reading with its bar in px of the figure."""
    if reading is None or reading.bar is None:
        return reading
    x0, y0, x1, y1 = reading.bar
    return replace(reading, bar=(x0 + box[0], y0 + box[1], x1 + box[0], y1 + box[1]))


def _combine_with_metadata(reading: ScaleReading | None, nm_per_px: float | None) -> ScaleReading | None:
    """Pixel size from metadata beside what the pixels say: they confirm each other, or the surer one stays."""
    if nm_per_px is None or not (math.isfinite(nm_per_px) and nm_per_px > 0):
        return reading
    if reading is None or reading.source == "caption":
        return ScaleReading(nm_per_px=nm_per_px, source="metadata", confidence=0.9)
    ratio = max(reading.nm_per_px, nm_per_px) / min(reading.nm_per_px, nm_per_px)
    if ratio < _MAX_RATIO:
        return replace(reading, nm_per_px=nm_per_px, source="metadata", confidence=0.99)
    if reading.confidence >= 0.6:
        return replace(reading, confidence=round(reading.confidence * 0.7, 4))
    return ScaleReading(nm_per_px=nm_per_px, source="metadata", confidence=0.7)
