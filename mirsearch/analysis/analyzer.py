"""Analyze a whole figure: find its panels and give each its label, caption, kind, text, and scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, ScaleBarDetector, TextBox
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.kind import Classification, classify_panel
from mirsearch.analysis.panels.boxes import is_centered_in
from mirsearch.analysis.panels.cut import cut_figure
from mirsearch.analysis.panels.working_size import QUICK_SIDE
from mirsearch.analysis.parts import add_captions, add_insets
from mirsearch.analysis.scalebars.panel_scales import read_panel_scales
from mirsearch.corpus import Box, Panel
from mirsearch.text.lengths import parse_length

ANALYSIS_VERSION = "10"
"""Version of the analysis. It changes whenever the analysis may read a figure differently.

Figures that an older version read can then be read again.
"""

_SURE_PLOT = 0.85
"""Confidence from which a plot is not searched for bars; on real figures no micrograph was told a plot so surely."""

_MIN_LABEL_PLAUSIBILITY = 0.8
"""Least plausibility of a length that is the label of a drawing's bar: its bars are round."""

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
        if known_panels:
            panels, inset_boxes, letters = self._clip_panels(pixels, known_panels), [], None
        else:
            cut = cut_figure(pixels, self._ocr, parts.labels, texts, bool(caption.strip()))
            panels, inset_boxes, letters = cut.panels, cut.insets, cut.letters
        panels = add_captions(panels, parts, pixels)
        judgments = [self._judge(pixels, panel, texts) for panel in panels]
        panels = [_add_judgment(panel, judgment, texts) for panel, judgment in zip(panels, judgments, strict=True)]
        is_drawn = [
            _is_surely_drawn(judgment) and not _has_bar_label(judgment, panel, texts)
            for judgment, panel in zip(judgments, panels, strict=True)
        ]
        panels, added = add_insets(pixels, panels, inset_boxes, parts)
        drawn = [*is_drawn, *[False] * added]
        return self._add_scales(pixels, panels, drawn, caption, nm_per_px, letters)

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
    def _judge(pixels: Pixels, panel: Panel, texts: Sequence[TextBox]) -> Classification:
        """Return what a panel shows and how it was imaged."""
        x0, y0, x1, y1 = panel.box
        words = f"{panel.heading}\n{panel_text(texts, panel.box)}"
        return classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), panel.caption, words)

    def _add_scales(
        self,
        pixels: Pixels,
        panels: list[Panel],
        drawn: Sequence[bool],
        caption: str,
        nm_per_px: float | None,
        letters: Mapping[str, Box] | None,
    ) -> list[Panel]:
        """Return the panels with their scales, doubtful scales, and bars without a length.

        `letters` are the places of the letters that were read; None if a source gave the panels.
        """
        scales = read_panel_scales(
            pixels,
            panels,
            self._detector,
            self._ocr,
            caption=caption,
            nm_per_px=nm_per_px,
            drawn=drawn,
            places=letters,
        )
        return [
            dataclasses.replace(panel, scale=scale.scale, doubtful_scale=scale.doubtful, bar=scale.bar)
            for panel, scale in zip(panels, scales, strict=True)
        ]


def _is_surely_drawn(judgment: Classification) -> bool:
    """Return whether a panel need not be searched for scale bars: a drawing for sure, or very likely a plot."""
    return judgment.surely_drawn or (judgment.kind == "plot" and judgment.kind_confidence >= _SURE_PLOT)


def _has_bar_label(judgment: Classification, panel: Panel, texts: Sequence[TextBox]) -> bool:
    """Return whether a line of text in a drawing is a length, as beside the bar of a rendering."""
    if judgment.kind != "schematic":
        return False
    lengths = [parse_length(text.text, repair=False) for text in texts if is_centered_in(text.box, panel.box)]
    return any(length is not None and length.plausibility >= _MIN_LABEL_PLAUSIBILITY for length in lengths)


def _add_judgment(panel: Panel, judgment: Classification, texts: Sequence[TextBox]) -> Panel:
    """Return the panel with its kind, technique, and text. What the panel already states is kept."""
    has_kind, has_technique = panel.kind != "unknown", panel.technique is not None
    return dataclasses.replace(
        panel,
        kind=panel.kind if has_kind else judgment.kind,
        kind_confidence=panel.kind_confidence if has_kind else judgment.kind_confidence,
        technique=panel.technique if has_technique else judgment.technique,
        technique_confidence=(panel.technique_confidence or 1.0) if has_technique else judgment.technique_confidence,
        text=panel.text or panel_text(texts, panel.box),
    )


def panel_text(texts: Sequence[TextBox], box: Box) -> str:
    """Return the text lines whose center lies in `box`, from top to bottom, without control characters."""
    inside = [text for text in texts if is_centered_in(text.box, box)]
    inside.sort(key=lambda text: (text.box[1], text.box[0]))
    lines = ["".join(char for char in text.text if char.isprintable()).strip() for text in inside]
    return "\n".join(line for line in lines if line)[:_MAX_TEXT_CHARS]
