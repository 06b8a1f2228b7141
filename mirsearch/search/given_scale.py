"""Give a scale bar the length that a person knows."""

from __future__ import annotations

import dataclasses

from mirsearch.corpus import Panel, ScaleReading


def give_length(panel: Panel, length_nm: float) -> Panel:
    """Return the panel with `length_nm` for a bar whose length is not known; any other panel as it is."""
    if panel.scale is not None or panel.doubtful_scale is not None or panel.bar is None:
        return panel
    bar = panel.bar
    reading = ScaleReading(length_nm / bar.length_px, length_nm, bar.length_px, bar.box, source="user")
    return dataclasses.replace(panel, scale=reading, bar=None)
