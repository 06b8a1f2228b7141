"""The whole analysis of a figure: panels with their labels, captions, kinds, texts and scales."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, ScaleBarDetector, TextBox
from mirsearch.analysis.captions.split import CaptionParts, split_caption
from mirsearch.analysis.kinds.kind import classify_panel
from mirsearch.analysis.panels.separate import QUICK_SIDE, separate_panels
from mirsearch.analysis.scalebars.reader import read_scales
from mirsearch.corpus import Box, Panel, ScaleReading

ANALYSIS_VERSION = "4"
"""Changes whenever the analysis may read a figure differently: what an older one read can be read again."""

_KINDS_WITH_SCALE = ("micrograph", "map", "photo", "unknown")
_MAX_TEXT_CHARS = 2_000


class FigureAnalyzer:
    """Reads figures. One may be shared by threads as far as its OCR engine and detector may be."""

    def __init__(self, ocr: OcrEngine, detector: ScaleBarDetector) -> None:
        self._ocr = ocr
        self._detector = detector

    @property
    def version(self) -> str:
        """What read a figure: version of the analysis, OCR engine, detector."""
        return f"{ANALYSIS_VERSION} {self._ocr.name} {self._detector.name}"

    def analyze(
        self,
        pixels: Pixels,
        caption: str = "",
        *,
        nm_per_px: float | None = None,
        given: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:
        """The panels of a figure, RGB uint8 (h, w, 3), in reading order.

        `nm_per_px` is the pixel size the file's metadata tells; `given` panels a source knows: what they say is kept.
        """
        parts = split_caption(caption)
        texts = self._ocr.read(pixels, longest=QUICK_SIDE)
        panels = self._given(pixels, given) if given else self._found(pixels, parts, texts, bool(caption.strip()))
        panels = _add_captions(panels, parts, pixels)
        panels = [self._judged(pixels, panel, texts) for panel in panels]
        return self._scaled(pixels, panels, caption, nm_per_px)

    def _found(self, pixels: Pixels, parts: CaptionParts, texts: Sequence[TextBox], captioned: bool) -> list[Panel]:
        found = separate_panels(pixels, self._ocr, parts.labels, texts, captioned)
        return [Panel(box=box, label=label) for box, label in found]

    @staticmethod
    def _given(pixels: Pixels, given: tuple[Panel, ...]) -> list[Panel]:
        """Panels of a source, boxes clipped to the figure; those outside it are dropped."""
        height, width = pixels.shape[:2]
        kept = []
        for panel in given:
            x0, y0, x1, y1 = panel.box
            box = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
            if box[2] > box[0] and box[3] > box[1]:
                kept.append(dataclasses.replace(panel, box=box))
        return kept or [Panel(box=(0, 0, width, height))]

    @staticmethod
    def _judged(pixels: Pixels, panel: Panel, texts: Sequence[TextBox]) -> Panel:
        x0, y0, x1, y1 = panel.box
        judgment = classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), panel.caption)
        known_kind, known_technique = panel.kind != "unknown", panel.technique is not None
        return dataclasses.replace(
            panel,
            kind=panel.kind if known_kind else judgment.kind,
            kind_confidence=panel.kind_confidence if known_kind else judgment.kind_confidence,
            technique=panel.technique if known_technique else judgment.technique,
            technique_confidence=panel.technique_confidence if known_technique else judgment.technique_confidence,
            text=panel.text or panel_text(texts, panel.box),
        )

    def _scaled(self, pixels: Pixels, panels: list[Panel], caption: str, nm_per_px: float | None) -> list[Panel]:
        """Read the scale of every panel that can have one and has none yet."""
        wanted = [n for n, panel in enumerate(panels) if panel.scale is None and panel.kind in _KINDS_WITH_SCALE]
        if not wanted:
            return panels
        readings: list[ScaleReading | None] = read_scales(
            pixels,
            [panels[n].box for n in wanted],
            [panels[n].caption for n in wanted],
            self._detector,
            self._ocr,
            nm_per_px,
            labels=[panels[n].label for n in wanted],
            figure_caption=caption,
        )
        result = list(panels)
        for n, reading in zip(wanted, readings, strict=True):
            result[n] = dataclasses.replace(panels[n], scale=reading)
        return result


def panel_text(texts: Sequence[TextBox], box: Box) -> str:
    """The lines whose middle lies in `box`, top to bottom, one a line, without control characters."""
    x0, y0, x1, y1 = box
    inside = [
        text
        for text in texts
        if x0 <= (text.box[0] + text.box[2]) / 2 < x1 and y0 <= (text.box[1] + text.box[3]) / 2 < y1
    ]
    inside.sort(key=lambda text: (text.box[1], text.box[0]))
    lines = ["".join(char for char in text.text if char.isprintable()).strip() for text in inside]
    return "\n".join(line for line in lines if line)[:_MAX_TEXT_CHARS]


def _add_captions(panels: list[Panel], parts: CaptionParts, pixels: Pixels) -> list[Panel]:
    """Give each panel without a caption its part; by place where the caption names left and right, not letters."""
    return [
        panel if panel.caption else dataclasses.replace(panel, caption=_find_caption(panel, len(panels), parts, pixels))
        for panel in panels
    ]


def _find_caption(panel: Panel, count: int, parts: CaptionParts, pixels: Pixels) -> str:
    if count > 1 and parts.places and panel.label is None:
        height, width = pixels.shape[:2]
        x, y = (panel.box[0] + panel.box[2]) / 2 / width, (panel.box[1] + panel.box[3]) / 2 / height
        place = {"left": x < 0.4, "right": x > 0.6, "top": y < 0.4, "bottom": y > 0.6, "middle": 0.4 <= x <= 0.6}
        for name, words in parts.places.items():
            if place.get(name):
                return words
    if count == 1 and panel.label is None:
        return parts.whole
    return parts.part_for(panel.label)
