"""The range of fields of view that the two handles of the histogram choose, in decades of nm."""

from __future__ import annotations

from collections.abc import Mapping

HANDLES = ("fov_from", "fov_to", "fov_span")
"""Fields of the form: both handles, and where the histogram ends ("-1,6"). A handle at an end leaves that side open."""
_FARTHEST = 15.0


def chosen_widths(handles: Mapping[str, str]) -> str | None:
    """Return the condition on the field of view ("FROM..TO") that the handles stand for, None where they choose all.

    Raises ValueError for values that are no numbers in a sensible range.
    """
    least, most = (_decades(text) for text in handles.get("fov_span", f"{-_FARTHEST},{_FARTHEST}").split(","))
    ends = _decades(handles.get("fov_from", str(least))), _decades(handles.get("fov_to", str(most)))
    low, high = min(ends), max(ends)
    start = _length(low) if low > least else ""
    end = _length(high) if high < most else ""
    return f"{start}..{end}" if start or end else None


def _length(decades: float) -> str:
    return f"{float(f'{10**decades:.3g}'):.15g}nm"


def _decades(text: str) -> float:
    value = float(text)
    if not abs(value) <= _FARTHEST:  # nan is no number in the range either
        raise ValueError(f"{text[:20]!r} is out of range")
    return value
