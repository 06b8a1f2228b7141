"""Recognize the line below a title or between the titles of columns, where a panel's box holds it."""

from __future__ import annotations

import numpy as np

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.label_lines import find_label_lines
from mirsearch.corpus import Box

_MAX_TOP_SHARE = 0.25
"""Greatest distance from the panel's top of a title's line, as a share of the panel's height."""

_GROUND_REACH = 4
"""Rows above and below a line that must be page ground."""

_MIN_PAGE_SHARE, _PAGE_SLACK = 0.9, 12
"""Least share of their pixels that are white or black to this many levels. Letters may reach down to the line."""

_MIN_TITLE_SHARE = 0.15
"""Least share of the line's length that the title above it has."""


def underlines_title(gray: Gray, bar: BarCandidate) -> bool:
    """Return whether a line near the top stands on the page's ground and lettering stands above it."""
    x0, y0, x1, y1 = bar.box
    if bar.vertical or y1 > _MAX_TOP_SHARE * gray.shape[0]:
        return False
    below, above = gray[y1 + 1 : y1 + 1 + _GROUND_REACH, x0:x1], gray[max(0, y0 - 1 - _GROUND_REACH) : y0 - 1, x0:x1]
    if not (_is_page(below) and _is_page(above)):
        return False
    return any(_is_title(line, bar.box) for line in find_label_lines(gray, bar))


def _is_page(rows: Gray) -> bool:
    """Return whether rows are white or black, but for a few pixels."""
    if not rows.size:
        return False
    return bool(max(np.mean(rows >= 255 - _PAGE_SLACK), np.mean(rows <= _PAGE_SLACK)) >= _MIN_PAGE_SHARE)


def _is_title(line: Box, bar: Box) -> bool:
    """Return whether a line of lettering stands above a bar, within its ends, and is long enough to be its title."""
    within = min(line[2], bar[2]) - max(line[0], bar[0])
    return line[3] <= bar[1] + 2 and within >= max(0.7 * (line[2] - line[0]), _MIN_TITLE_SHARE * (bar[2] - bar[0]))
