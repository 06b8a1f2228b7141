"""Change the form of figures with truth, as a stand-in for figures that nobody has seen."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from benchmarks.analysis.figure_truth import TrueFigure

CHANGES = ("half", "jpeg 50", "0.7x", "gray", "1.4x", "inverted", "double", "jpeg 25", "border")
_FACTORS = {"half": 0.5, "0.7x": 0.7, "1.4x": 1.4, "double": 2.0}
_BORDER = (23, 17, 31, 9)
"""White added on the left, top, right and bottom, in px."""


def change_figure(figure: TrueFigure, pixels: np.ndarray, form: str) -> tuple[TrueFigure, np.ndarray]:
    """Return a figure with its truth and its pixels, RGB uint8, in a form of CHANGES; "" leaves both."""
    if form in _FACTORS:
        factor = _FACTORS[form]
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=method)
        return _transform_truth(figure, factor, 0, 0), pixels
    if form.startswith("jpeg"):
        flags = [cv2.IMWRITE_JPEG_QUALITY, int(form.split()[1])]
        return figure, cv2.imdecode(cv2.imencode(".jpg", pixels, flags)[1], cv2.IMREAD_COLOR)
    if form == "inverted":
        return figure, 255 - pixels
    if form == "gray":
        return figure, np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    if form == "border":
        left, top, right, bottom = _BORDER
        white = (255, 255, 255)
        framed = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=white)
        return _transform_truth(figure, 1.0, left, top), framed
    return figure, pixels


def _transform_truth(figure: TrueFigure, factor: float, dx: int, dy: int) -> TrueFigure:
    """Return a figure with its panels scaled by a factor and then shifted."""
    panels = []
    for panel in figure.panels:
        x0, y0, x1, y1 = (round(edge * factor) for edge in panel.box)
        panels.append(replace(panel, box=(x0 + dx, y0 + dy, x1 + dx, y1 + dy)))
    return replace(figure, panels=tuple(panels))
