"""Read the scales of a figure's panels from bars, the labels beside them, and lengths in the caption."""

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
"""Plausibility below which a label is more likely a spacing, a roughness, or a size than a bar's length."""

_MIN_READING = 0.42
"""Least product of plausibility and OCR's confidence: a repaired label must have been read clearly."""

_MIN_LONE_BAR_SCORE = 0.55
"""Least score of a bar without a label that is given the caption's length."""

_MIN_SIDE = 24
"""Least side in px of a panel in which a bar is looked for."""

_MAX_MARGIN = 8
"""Greatest distance in px by which a panel's box is extended."""

_MAX_BLANK_SPREAD = 20
"""Greatest difference between the levels of a blank row, in any channel."""

_MIN_GROUND_SHARE = 0.3
"""Least share of a panel's edge that must have the color of the blank row beyond it."""

_MAX_RATIO = 1.06
"""Ratio below which two lengths, or two pixel sizes, agree."""


@dataclass(frozen=True, slots=True)
class _CaptionFacts:
    """What the caption states about one panel: the length of its bar and the width of its field of view.

    `certain` is false if the length is the only one in the caption and the panel has no letter.
    """

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
    """Return the scale of each panel (boxes in px of the figure), or None if the figure does not show it.

    `captions` are the panels' own parts of the caption, with what it states about all panels. `labels` are the panels'
    letters, and `nm_per_px` is the pixel size from the file's metadata. A panel that is too small or lies outside the
    image has no scale.
    """
    panel_letters = list(labels) + [None] * (len(boxes) - len(labels))
    panel_captions = list(captions) + [figure_caption] * (len(boxes) - len(captions))
    readings: list[ScaleReading | None] = []
    for box, panel_caption, letter in zip(boxes, panel_captions, panel_letters, strict=False):
        facts = _find_caption_facts(panel_caption, figure_caption, letter, panel_letters)
        clipped = _clip_box(box, pixels)
        reading = None if clipped is None else _read_panel(pixels, clipped, facts, detector, ocr)
        readings.append(reading)
    if figure_caption:
        readings = share_scale(readings, boxes, panel_letters, figure_caption)
    return [_combine_with_metadata(panel_reading, nm_per_px) for panel_reading in readings]


def _clip_box(box: Box, pixels: Pixels) -> Box | None:
    """Return the part of a box that lies in the image, or None if it is too small to hold a bar."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    return (x0, y0, x1, y1) if x1 - x0 >= _MIN_SIDE and y1 - y0 >= _MIN_SIDE else None


def _find_caption_facts(
    panel_caption: str, figure_caption: str, letter: str | None, letters: Sequence[str | None]
) -> _CaptionFacts:
    """Return what the caption states about a panel.

    A statement about its letter comes before one about all panels. The only length in the caption is taken if the panel
    has no letter.
    """
    for text in (panel_caption, figure_caption):
        scales = caption_scales(text, letters) if text else {}
        bars = {key: scale for key, scale in scales.items() if scale.kind == "bar" and scale.nm}
        widths = {key: scale for key, scale in scales.items() if scale.kind == "width"}
        own_letter = letter.lower() if letter else None
        bar, width = bars.get(own_letter) or bars.get(None), widths.get(own_letter) or widths.get(None)
        if bar is None and own_letter is None and len({scale.nm for scale in bars.values()}) == 1:
            return _CaptionFacts(next(iter(bars.values())), width, certain=False)
        if bar is not None or width is not None:
            return _CaptionFacts(bar, width)
    return _CaptionFacts()


def _read_panel(
    pixels: Pixels, box: Box, facts: _CaptionFacts, detector: ScaleBarDetector, ocr: OcrEngine
) -> ScaleReading | None:
    """Return the scale of one panel whose box lies in the image."""
    width = box[2] - box[0]
    box = _grow_by_margin(pixels, box)
    panel = np.ascontiguousarray(pixels[box[1] : box[3], box[0] : box[2]])
    bars, pair = _find_labelled_bar(panel, detector.detect(panel), ocr, facts.bar.nm if facts.bar is not None else None)
    if pair is not None and _is_believable(pair, facts):
        return _shift_bar(_reading_from_label(pair, facts), box)
    if facts.bar is not None:
        lone_bar = _find_lone_bar(bars)
        if lone_bar is not None:
            return _shift_bar(_reading_from_caption(lone_bar, facts), box)
    if facts.width is not None and facts.width.nm:
        return ScaleReading(facts.width.nm / width, source="caption", confidence=0.5 * facts.width.confidence)
    return None


def _find_labelled_bar(
    panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine, expected_nm: float | None
) -> tuple[Sequence[BarCandidate], Pair | None]:
    """Return the panel's own bars, and the best bar with its label.

    A bar in an inset is taken only if its label gives the caption's length and the best other bar's does not.
    """
    frames = find_insets(np.asarray(cv2.cvtColor(panel, cv2.COLOR_RGB2GRAY), np.uint8), bars)
    panel_bars = [bar for bar in bars if not lies_in_any(bar.box, frames)]
    pair = find_labelled_bar(panel, panel_bars, ocr, expected_nm)
    if frames and expected_nm is not None and (pair is None or not _lengths_agree(pair.label.length.nm, expected_nm)):
        inset_pair = find_labelled_bar(panel, [bar for bar in bars if lies_in_any(bar.box, frames)], ocr, expected_nm)
        if inset_pair is not None and _lengths_agree(inset_pair.label.length.nm, expected_nm):
            return panel_bars, inset_pair
    return panel_bars, pair


def _grow_by_margin(pixels: Pixels, box: Box) -> Box:
    """Return the box extended by the blank rows and columns around it that continue its ground.

    A bar at the edge of a white databar needs them. Gutters beside a picture do not continue its ground.
    """
    x0, y0, x1, y1 = box
    y1 += _count_blank_lines(pixels[y1:, x0:x1], pixels[y1 - 3 : y1, x0:x1])
    y0 -= _count_blank_lines(pixels[:y0, x0:x1][::-1], pixels[y0 : y0 + 3, x0:x1])
    columns = pixels[y0:y1].transpose(1, 0, 2)
    x1 += _count_blank_lines(columns[x1:], columns[x1 - 3 : x1])
    x0 -= _count_blank_lines(columns[:x0][::-1], columns[x0 : x0 + 3])
    return x0, y0, x1, y1


def _count_blank_lines(lines: Pixels, edge: Pixels) -> int:
    """Return how many of the nearest lines beyond a box continue its ground."""
    nearest = lines[:_MAX_MARGIN]
    return next((number for number, line in enumerate(nearest) if not _continues_ground(line, edge)), len(nearest))


def _continues_ground(line: Pixels, edge: Pixels) -> bool:
    """Return whether a line (n, 3) beyond a box is blank and its color is also found at the box's edge (3, n, 3)."""
    if np.ptp(line, axis=0).max() > _MAX_BLANK_SPREAD:
        return False
    difference = np.abs(edge.astype(np.int16) - np.median(line, axis=0)).max(axis=2)
    return bool((difference <= _MAX_BLANK_SPREAD).mean(axis=1).max() >= _MIN_GROUND_SHARE)


def _is_believable(pair: Pair, facts: _CaptionFacts) -> bool:
    """Return whether a pair is good enough for an answer. An unusual length must agree with the caption."""
    length = pair.label.length
    reading_quality = length.plausibility * pair.label.confidence
    is_usual = length.plausibility >= _MIN_PLAUSIBILITY and reading_quality >= _MIN_READING
    return pair.score >= _MIN_PAIR_SCORE and (
        is_usual or (facts.bar is not None and _lengths_agree(length.nm, facts.bar.nm))
    )


def _lengths_agree(one: float, other: float | None) -> bool:
    """Return whether two lengths agree. None agrees with nothing."""
    return other is not None and max(one, other) / min(one, other) < _MAX_RATIO


def _find_lone_bar(bars: Sequence[BarCandidate]) -> BarCandidate | None:
    """Return the bar that gets the caption's length if no label was found."""
    return next((bar for bar in bars if bar.score >= _MIN_LONE_BAR_SCORE and not bar.broken), None)


def _reading_from_label(pair: Pair, facts: _CaptionFacts) -> ScaleReading:
    """Return the reading from a bar and its label. Its confidence is lower if the caption gives another length."""
    length = pair.label.length
    confidence = min(0.99, pair.score)
    if facts.bar is not None and facts.bar.nm:
        if _lengths_agree(length.nm, facts.bar.nm):
            confidence = 1 - (1 - confidence) * 0.3
        elif facts.certain:
            confidence *= 0.5
    return ScaleReading(
        nm_per_px=length.nm / pair.bar.length_px, length_nm=length.nm, length_px=pair.bar.length_px, bar=pair.bar.box,
        label_text=length.text, source="label", confidence=round(confidence, 4),
    )  # fmt: skip


def _reading_from_caption(bar: BarCandidate, facts: _CaptionFacts) -> ScaleReading | None:
    """Return the reading from a bar without a label and the caption's length."""
    if facts.bar is None or not facts.bar.nm:
        return None
    confidence = bar.score * facts.bar.confidence * (0.9 if facts.certain else 0.6)
    return ScaleReading(
        nm_per_px=facts.bar.nm / bar.length_px, length_nm=facts.bar.nm, length_px=bar.length_px, bar=bar.box,
        label_text=None, source="caption", confidence=round(min(0.99, confidence), 4),
    )  # fmt: skip


def _shift_bar(reading: ScaleReading | None, box: Box) -> ScaleReading | None:
    """Return the reading with its bar in px of the figure."""
    if reading is None or reading.bar is None:
        return reading
    x0, y0, x1, y1 = reading.bar
    return replace(reading, bar=(x0 + box[0], y0 + box[1], x1 + box[0], y1 + box[1]))


def _combine_with_metadata(reading: ScaleReading | None, nm_per_px: float | None) -> ScaleReading | None:
    """Return the reading combined with the pixel size from metadata.

    If they agree, the confidence rises. If not, the surer one stays. A reading from the caption alone is replaced.
    """
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
