"""Positions in SVG plots. Templates draw them, with colors of the page's style, beside a table of the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LABEL_WIDTH, PLOT_WIDTH, ROW_HEIGHT = 150.0, 380.0, 26.0
"""Widths of a row's label and bar, and its height, in units of the plot."""
CURVE_WIDTH, CURVE_HEIGHT = 500.0, 180.0


@dataclass(frozen=True, slots=True)
class BarRow:
    """A value between 0 and 1 with its interval and chance level, and where they are drawn. `chance` may be None."""

    label: str
    value: float
    interval: tuple[float, float]
    chance: float | None
    queries: int | None = None
    top: float = 0.0

    @property
    def width(self) -> float:
        """Return the length of the bar."""
        return PLOT_WIDTH * self.value

    @property
    def ends(self) -> tuple[float, float]:
        """Return where the interval begins and ends, from the left edge of the bars."""
        return PLOT_WIDTH * self.interval[0], PLOT_WIDTH * self.interval[1]

    @property
    def chance_at(self) -> float | None:
        """Return where the chance level is marked."""
        return None if self.chance is None else PLOT_WIDTH * self.chance


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars under each other, and the title of the plot."""

    title: str
    rows: tuple[BarRow, ...]
    label_width: float = LABEL_WIDTH
    plot_width: float = PLOT_WIDTH
    row_height: float = ROW_HEIGHT

    @property
    def width(self) -> float:
        """Return the whole width, with room for the values."""
        return self.label_width + self.plot_width + 60

    @property
    def height(self) -> float:
        """Return the whole height, with the axis."""
        return self.row_height * len(self.rows) + 24


@dataclass(frozen=True, slots=True)
class Curve:
    """Values between 0 and 1 from the largest to the smallest, as points of a line, and some of them in numbers."""

    title: str
    points: str
    quantiles: tuple[tuple[str, float], ...]
    width: float = CURVE_WIDTH
    height: float = CURVE_HEIGHT


def bar_plot(title: str, rows: Sequence[BarRow]) -> BarPlot:
    """Return the plot of some rows, in their order."""
    placed = [
        BarRow(row.label, row.value, row.interval, row.chance, row.queries, ROW_HEIGHT * number)
        for number, row in enumerate(rows)
    ]
    return BarPlot(title, tuple(placed))


def sorted_curve(title: str, values: Sequence[float]) -> Curve:
    """Return the curve of at least one value, the largest at the left."""
    ordered = sorted(values, reverse=True)
    step = CURVE_WIDTH / max(len(ordered) - 1, 1)
    points = " ".join(f"{step * at:.1f},{CURVE_HEIGHT * (1 - value):.1f}" for at, value in enumerate(ordered))
    shares = (("best", 0.0), ("quarter", 0.25), ("middle", 0.5), ("three quarters", 0.75), ("worst", 1.0))
    quantiles = tuple((name, ordered[round(share * (len(ordered) - 1))]) for name, share in shares)
    return Curve(title, points, quantiles)
