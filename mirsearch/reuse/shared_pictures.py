"""A picture that is shown twice: the two panels, how sure it is, what was changed, and where they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mirsearch.query import StoredPanel
from mirsearch.reuse.agreement import Agreement
from mirsearch.reuse.matching import Alignment, Matrix

Region = tuple[tuple[float, float], ...]
"""Corners of a polygon, px."""


@dataclass(frozen=True, slots=True, eq=False)
class SharedPicture:
    """The same picture in panel `a` and panel `b`. `a` is None for a picture that is no panel of the index.

    `matrix` (3, 3) takes px of a's picture to px of b's; `region_a` and `region_b` are what both show, in px of each.
    """

    a: StoredPanel | None
    b: StoredPanel
    confidence: float
    matrix: Matrix
    alignment: Alignment
    agreement: Agreement
    region_a: Region
    region_b: Region
    name: str = ""

    @property
    def where(self) -> str:
        """Return whether both are in one figure, in one article, or in two articles; "query" for a query's picture."""
        if self.a is None:
            return "query"
        if self.a.figure.id == self.b.figure.id:
            return "figure"
        articles = [stored.figure.article.id for stored in (self.a, self.b) if stored.figure.article]
        return "article" if len(articles) == 2 and articles[0] == articles[1] else "articles"

    @property
    def scale(self) -> float:
        """Return how many px of b's picture a px of a's becomes."""
        return float(abs(np.linalg.det(self.matrix[:2, :2])) ** 0.5)

    @property
    def turned(self) -> float:
        """Return by how many degrees b's picture is turned clockwise against a's (after mirroring left and right)."""
        linear = self.matrix[:2, :2] @ np.diag([-1.0 if self.alignment.is_mirrored else 1.0, 1.0])
        return math.degrees(math.atan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch reuse --format json` prints them."""
        return {
            "a": self.name if self.a is None else self.a.panel.id,
            "b": self.b.panel.id,
            "confidence": round(self.confidence, 4),
            "where": self.where,
            "mirrored": self.alignment.is_mirrored,
            "turned": round(self.turned, 1) + 0.0,
            "scale": round(self.scale, 4),
            "overlap": round(self.agreement.overlap, 3),
            "correlation": round(self.agreement.correlation, 3),
            "matches": self.alignment.inliers,
            "region_a": [list(corner) for corner in self.region_a],
            "region_b": [list(corner) for corner in self.region_b],
            "figure_a": None if self.a is None else self.a.figure.id,
            "figure_b": self.b.figure.id,
            "article_a": _article(self.a),
            "article_b": _article(self.b),
        }


def shared_regions(matrix: Matrix, size_a: tuple[int, int], size_b: tuple[int, int]) -> tuple[Region, Region]:
    """Return what both of two pictures of these sizes (width, height) show, in px of each."""
    laid = cv2.perspectiveTransform(_corners(size_a)[None], matrix)[0].astype(np.float32)
    _, common = cv2.intersectConvexConvex(laid, _corners(size_b).astype(np.float32))
    if common is None or len(common) < 3:
        return (), ()
    in_b = common.reshape(-1, 2).astype(np.float64)
    in_a = cv2.perspectiveTransform(in_b[None], np.linalg.inv(matrix))[0]
    return _region(in_a), _region(in_b)


def rescale(matrix: Matrix, of_a: float, of_b: float) -> Matrix:
    """Return a homography between two pictures for these pictures `of_a` and `of_b` times as large."""
    return np.diag([of_b, of_b, 1.0]) @ matrix @ np.diag([1 / of_a, 1 / of_a, 1.0])


def _corners(size: tuple[int, int]) -> Matrix:
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _region(corners: Matrix) -> Region:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners)


def _article(stored: StoredPanel | None) -> str | None:
    return stored.figure.article.id if stored is not None and stored.figure.article is not None else None
