"""Corrections that people make in the browser or through the API: off unless allowed, one at a time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from mirsearch.corpus import Box, Panel, ScaleReading, to_json
from mirsearch.errors import UsageError
from mirsearch.ingest.correcting import correct_panel, undo_corrections
from mirsearch.ingest.correction_values import parse_changes
from mirsearch.query import StoredPanel
from mirsearch.search.option_values import parse_scale_options
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.settings import LIMITS
from mirsearch.settings.waiting import waiting
from mirsearch.web.fields import Word
from mirsearch.web.problems import Problem, ProblemError

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_MIN_BAR_PX = 2
"""Shortest bar that a person draws, px: a shorter one is a click."""
SHORT_WAIT_SECONDS = 5.0
"""How long a correction waits for its turn: a long load lets it in after a second or two."""
Edge = Annotated[int, Field(ge=0, le=1_000_000)]


class CorrectionFields(BaseModel):
    """What is corrected of a panel: the options of `mirsearch correct`, with `_` in place of `-`.

    `bar` is the bar that a person drew, in px of the panel's figure; it stands for `scale`. `confirm` says that the
    scale that was read is right.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    scale: Word | None = Field(default=None, description='Length that the scale bar stands for: "500 nm".')
    bar: tuple[Edge, Edge, Edge, Edge] | None = Field(
        default=None, description="Box of the scale bar in px of the figure: x0, y0, x1, y1."
    )
    bar_px: float | None = Field(default=None, description="Length of the bar in px, with scale.")
    nm_per_px: float | None = Field(default=None, description="Size of a pixel in nm.")
    no_scale: bool = Field(default=False, description="The panel has no scale.")
    confirm: bool = Field(default=False, description="The scale that was read is right.")
    label: Word | None = Field(default=None, description="Letter of the panel.")
    kind: Word | None = Field(default=None, description="Kind, or technique, of the panel.")
    technique: Word | None = Field(default=None, description="SEM, TEM, AFM, …")
    caption: Annotated[str, Field(max_length=LIMITS.caption_chars)] | None = Field(
        default=None, description="Caption of the panel."
    )


def check_allowed(site: Site) -> None:
    """Raise ProblemError (403) where the operator has not allowed corrections."""
    if not site.allow_corrections:
        raise ProblemError(
            Problem(403, "corrections are off on this server", "start it with mirsearch serve --allow-corrections")
        )


def write_correction(site: Site, panel_id: str, fields: CorrectionFields) -> StoredPanel:
    """Correct a panel, and return it as it is afterwards.

    NotFoundError, UsageError or IndexBusyError if it can't be.
    """
    index = site.corpus.index
    panel = index.panels([panel_id])[0].panel
    options = parse_scale_options(fields.scale, fields.bar_px, fields.nm_per_px, None, fields.no_scale)
    changes = parse_changes(fields.label, fields.kind, fields.technique, fields.caption)
    reading = _scale_reading(panel, fields, options)
    if reading is not None:
        changes, options = changes | {"scale": to_json(reading)}, ScaleOptions()
    is_scale_told = not options.read or options.length_nm is not None or options.nm_per_px is not None
    if not changes and not is_scale_told:
        raise UsageError("nothing is corrected", "give a length, a kind, or another value")
    with site.shared.writing(), waiting(SHORT_WAIT_SECONDS):
        corrected = correct_panel(index, panel_id, changes, options)
    site.changed()
    return corrected


def undo_correction(site: Site, panel_id: str) -> StoredPanel:
    """Take the corrections of a panel back, and return it as it was read."""
    index = site.corpus.index
    index.panels([panel_id])
    with site.shared.writing(), waiting(SHORT_WAIT_SECONDS):
        undo_corrections(index, [panel_id])
    site.changed()
    site.review_queue.forget()
    return index.panels([panel_id])[0]


def _scale_reading(panel: Panel, fields: CorrectionFields, options: ScaleOptions) -> ScaleReading | None:
    """Return the reading of a drawn bar, or the one that is confirmed; None where neither is asked for."""
    if fields.confirm:
        read = panel.scale or panel.doubtful_scale
        if read is None:
            raise UsageError("no scale was read that could be right", "give its length")
        if fields.bar is not None or not options.read or fields.scale or fields.nm_per_px:
            raise UsageError("the scale is said to be right, and corrected", "give one of them")
        return dataclasses.replace(read, source="user", confidence=1.0)
    if fields.bar is None:
        return None
    if options.length_nm is None:
        raise UsageError("the length of the drawn bar is missing", "give what it stands for, such as 500 nm")
    length_px = _bar_length(fields.bar, panel.box)
    return ScaleReading(options.length_nm / length_px, options.length_nm, length_px, fields.bar, None, "user")


def _bar_length(bar: Box, box: Box) -> float:
    """Return the length of a drawn bar in px. UsageError for one that is not in the panel or too short."""
    x0, y0, x1, y1 = bar
    length = max(x1 - x0, y1 - y0)
    is_inside = box[0] <= x0 <= x1 <= box[2] and box[1] <= y0 <= y1 <= box[3]
    if not is_inside or length < _MIN_BAR_PX:
        raise UsageError(f"the bar {x0},{y0},{x1},{y1} is not one of this panel", "draw it from end to end")
    return float(length)
