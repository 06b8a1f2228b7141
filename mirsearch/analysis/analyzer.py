"""Analyze a whole figure: find its panels and give each its label, caption, kind, text, and scale."""

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
"""Version of the analysis. It changes whenever the analysis may read a figure differently.

Figures that an older version read can then be read again.
"""

_KINDS_WITH_SCALE = ("micrograph", "map", "photo", "unknown")
"""Kinds of panel in which a scale bar is looked for."""

_MAX_TEXT_CHARS = 2_000
"""Longest text, in characters, that is kept of a panel. A bound on size, not fitted to data."""


class FigureAnalyzer:
    """Analyzes figures. Threads may share an analyzer if they may share its OCR engine and its detector."""

    def __init__(self, ocr: OcrEngine, detector: ScaleBarDetector) -> None:
        self._ocr = ocr
        self._detector = detector

    @property
    def version(self) -> str:
        """What analyzes the figures: version of the analysis, OCR engine, detector."""
        return f"{ANALYSIS_VERSION} {self._ocr.name} {self._detector.name}"

    def analyze(
        self,
        pixels: Pixels,
        caption: str = "",
        *,
        nm_per_px: float | None = None,
        known_panels: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:
        """Return the panels of a figure in reading order; `pixels` are RGB, uint8, (h, w, 3).

        `nm_per_px` is the pixel size from the file's metadata. `known_panels` are panels that a source knows; what they
        state (box, label, caption, kind, scale, …) is kept.
        """
        parts = split_caption(caption)
        texts = self._ocr.read(pixels, longest=QUICK_SIDE)
        panels = (
            self._clip_panels(pixels, known_panels)
            if known_panels
            else self._separate_panels(pixels, parts, texts, bool(caption.strip()))
        )
        panels = _add_captions(panels, parts, pixels)
        panels = [self._classify(pixels, panel, texts) for panel in panels]
        return self._add_scales(pixels, panels, caption, nm_per_px)

    def _separate_panels(
        self, pixels: Pixels, parts: CaptionParts, texts: Sequence[TextBox], has_caption: bool
    ) -> list[Panel]:
        """Return the panels that are found in the pixels, with their labels."""
        boxes_and_labels = separate_panels(pixels, self._ocr, parts.labels, texts, has_caption)
        return [Panel(box=box, label=label) for box, label in boxes_and_labels]

    @staticmethod
    def _clip_panels(pixels: Pixels, known_panels: tuple[Panel, ...]) -> list[Panel]:
        """Return a source's panels with boxes clipped to the figure. Panels outside the figure are dropped."""
        height, width = pixels.shape[:2]
        clipped = []
        for panel in known_panels:
            x0, y0, x1, y1 = panel.box
            box = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
            if box[2] > box[0] and box[3] > box[1]:
                clipped.append(dataclasses.replace(panel, box=box))
        return clipped or [Panel(box=(0, 0, width, height))]

    @staticmethod
    def _classify(pixels: Pixels, panel: Panel, texts: Sequence[TextBox]) -> Panel:
        """Return the panel with its kind, technique, and text. What the panel already states is kept."""
        x0, y0, x1, y1 = panel.box
        judgment = classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), panel.caption)
        has_kind, has_technique = panel.kind != "unknown", panel.technique is not None
        return dataclasses.replace(
            panel,
            kind=panel.kind if has_kind else judgment.kind,
            kind_confidence=panel.kind_confidence if has_kind else judgment.kind_confidence,
            technique=panel.technique if has_technique else judgment.technique,
            technique_confidence=panel.technique_confidence if has_technique else judgment.technique_confidence,
            text=panel.text or panel_text(texts, panel.box),
        )

    def _add_scales(self, pixels: Pixels, panels: list[Panel], caption: str, nm_per_px: float | None) -> list[Panel]:
        """Read the scale of each panel that has none yet and whose kind can have one."""
        unscaled = [n for n, panel in enumerate(panels) if panel.scale is None and panel.kind in _KINDS_WITH_SCALE]
        if not unscaled:
            return panels
        readings: list[ScaleReading | None] = read_scales(
            pixels,
            [panels[n].box for n in unscaled],
            [panels[n].caption for n in unscaled],
            self._detector,
            self._ocr,
            nm_per_px,
            labels=[panels[n].label for n in unscaled],
            figure_caption=caption,
        )
        result = list(panels)
        for n, reading in zip(unscaled, readings, strict=True):
            result[n] = dataclasses.replace(panels[n], scale=reading)
        return result


def panel_text(texts: Sequence[TextBox], box: Box) -> str:
    """Return the text lines whose center lies in `box`, from top to bottom, without control characters."""
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
    """Give each panel without a caption its part of the figure's caption."""
    return [
        panel if panel.caption else dataclasses.replace(panel, caption=_find_caption(panel, len(panels), parts, pixels))
        for panel in panels
    ]


def _find_caption(panel: Panel, count: int, parts: CaptionParts, pixels: Pixels) -> str:
    """Return the part of the caption that describes a panel.

    The panel's position decides if the panel has no label and the caption names places such as left and right.
    """
    if count > 1 and parts.places and panel.label is None:
        height, width = pixels.shape[:2]
        x, y = (panel.box[0] + panel.box[2]) / 2 / width, (panel.box[1] + panel.box[3]) / 2 / height
        is_at = {"left": x < 0.4, "right": x > 0.6, "top": y < 0.4, "bottom": y > 0.6, "middle": 0.4 <= x <= 0.6}
        for name, text in parts.places.items():
            if is_at.get(name):
                return text
    if count == 1 and panel.label is None:
        return parts.caption
    return parts.words_for(panel.label)
