"""What the short names of a hit's values mean, for the line under the table and on the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mirsearch.corpus import Panel
from mirsearch.report.wording import has_lone_bar


@dataclass(frozen=True, slots=True)
class Meaning:
    """A meaning in a few words for the terminal, and in full for the page."""

    short: str
    full: str


MEANINGS = {
    "vd": Meaning("visual distance (0: same picture)", "visual distance: 0 is the same picture, 1 an unrelated one"),
    "s": Meaning("scale-bar label", "label of the panel's scale bar"),
    "view": Meaning("field of view", "field of view: the real width of what the panel shows"),
    "seen": Meaning("match of words and picture", "how well the words fit what the picture shows"),
}
"""The name that a table or a card shows → its meaning; names that explain themselves are not here."""


def legend_line(names: Iterable[str]) -> str:
    """Return the meanings of those names that need one: "vd: visual distance (0: same picture) · s: …"."""
    return " · ".join(f"{name}: {MEANINGS[name].short}" for name in names if name in MEANINGS)


def scale_marks(panels: Iterable[Panel], doubtful_counts: bool) -> dict[str, str]:
    """Return the marks on these panels' scale labels with what they mean: "?" and "px".

    `doubtful_counts`: the question asks that doubtful readings count.
    """
    shown = [panel for panel in panels if panel.scale is None]
    marks = {}
    if any(panel.doubtful_scale is not None for panel in shown):
        marks["?"] = "doubtful" if doubtful_counts else "doubtful, not used for ranking"
    if any(has_lone_bar(panel) for panel in shown):
        marks["px"] = "bar whose length is unknown"
    return marks
