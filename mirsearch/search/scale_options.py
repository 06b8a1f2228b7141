"""What is given for the scale of a question."""

from __future__ import annotations

from dataclasses import dataclass

from mirsearch.errors import UsageError


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """What the user gave for the scale of the query, in nm and px. `read` False: do not look for a scale bar."""

    length_nm: float | None = None
    bar_px: float | None = None
    nm_per_px: float | None = None
    field_of_view_nm: float | None = None
    read: bool = True

    def __post_init__(self) -> None:
        scales = [self.length_nm, self.nm_per_px, self.field_of_view_nm]
        if sum(value is not None for value in scales) > 1:
            raise UsageError("the scale is given twice", "give one of --scale, --nm-per-px and --field-of-view")
        if not self.read and any(value is not None for value in scales):
            raise UsageError("--no-scale and a scale can't be combined", "give one of them")
        if self.bar_px is not None and self.length_nm is None:
            raise UsageError(
                "--bar-px gives the bar's length in px, but not the length it stands for", 'add --scale "500 nm"'
            )
