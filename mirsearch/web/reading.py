"""What was read from the image of a question: its images, its bars and its scale, for a drawing with links."""

from __future__ import annotations

from dataclasses import dataclass

from mirsearch.corpus import Box, Panel, panel_keys
from mirsearch.indexes.comparison import known_technique
from mirsearch.report.overlay_style import shown_bar
from mirsearch.report.wording import clean_text, format_length, scale_sentence
from mirsearch.search.query_image import QueryPart
from mirsearch.web.state import SCALE_FIELDS, PageState
from mirsearch.web.uploads import Upload, UploadQuestion

_MAX_OUTLINED = 200
"""Most images of a figure that are outlined and listed."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A box on a picture in px of it, its role (image, chosen, bar, doubtful), name and link; both may be empty."""

    role: str
    x: int
    y: int
    width: int
    height: int
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class MissingLength:
    """A length that was not read and that a person may give: its field, what to call it, and the rest of the search."""

    field: str
    title: str
    example: str
    rest: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PictureReading:
    """The whole picture with outlines, and sentences. `images` are the choices, the whole picture first.

    `unscaled` are the fields of the search without those of the scale, for a bar that a person measures.
    """

    address: str
    width: int
    height: int
    outlines: tuple[Outline, ...]
    images: tuple[tuple[str, str, bool], ...]
    sentences: tuple[str, ...]
    has_scale: bool = False
    missing: MissingLength | None = None
    unscaled: tuple[tuple[str, str], ...] = ()


def read_picture(question: UploadQuestion, upload: Upload, state: PageState) -> PictureReading:
    """Return what was read. The question has been answered, so nothing is read twice."""
    part = question.resolve()
    height, width = question.open_page().pixels.shape[:2]
    found = question.readings.images
    panels = (found[0] if found else [])[:_MAX_OUTLINED]
    keys = panel_keys(panels)
    names = [key if key not in map(str, range(len(keys) + 1)) else f"image {key}" for key in keys]
    addresses = [state.changed(panel=key, crop=None).address() for key in keys]
    is_part = part.box != (0, 0, width, height)
    outlines = [
        make_outline("chosen" if panel.box == part.box and is_part else "image", panel.box, name, address)
        for panel, name, address in zip(panels, names, addresses, strict=True)
        if len(panels) > 1 or is_part
    ]
    if is_part and all(outline.role != "chosen" for outline in outlines):
        outlines.append(make_outline("chosen", part.box))
    outlines += bar_outlines([_as_panel(part), *(panel for panel in panels if panel.box != part.box)])
    choices = []
    if len(panels) > 1 or is_part:
        choices = [("all of it", state.changed(panel=None, crop=None).address(), not is_part)]
    if len(panels) > 1:
        choices += [
            (_choice(panel, name), address, panel.box == part.box)
            for panel, name, address in zip(panels, names, addresses, strict=True)
        ]
    return PictureReading(
        f"/queries/{upload.id}.jpg?page={state.fields.page}", width, height, tuple(outlines), tuple(choices),
        tuple(_sentences(part)), part.scale is not None, _missing_length(part, state),
        tuple(state.changed(**dict.fromkeys(SCALE_FIELDS)).pairs()),
    )  # fmt: skip


def make_outline(role: str, box: Box, name: str = "", address: str = "") -> Outline:
    """Return the outline of a box."""
    return Outline(role, box[0], box[1], box[2] - box[0], box[3] - box[1], name, address)


def bar_outlines(panels: list[Panel]) -> list[Outline]:
    """Return the outlines of the panels' bars, each named by what it stands for."""
    outlines: dict[Box, Outline] = {}
    for panel in panels:
        bar = shown_bar(panel)
        if bar is not None:
            role = "doubtful" if bar.is_doubtful else "bar"
            outlines.setdefault(bar.box, make_outline(role, bar.box, scale_sentence(panel)))
    return list(outlines.values())


def _missing_length(part: QueryPart, state: PageState) -> MissingLength | None:
    """Return what to ask for where no scale is known: the length of the bar that was seen, else the image's width."""
    if part.scale is not None or part.field_of_view_nm is not None or state.fields.no_scale:
        return None
    has_bar = part.bar is not None or (part.doubtful_scale is not None and part.doubtful_scale.bar is not None)
    rest = tuple(state.changed(scale=None, field_of_view=None).pairs())
    if has_bar:
        return MissingLength("scale", "Length of the bar", "500 nm", rest)
    return MissingLength("field_of_view", "Width of the image", "2 µm", rest)


def _as_panel(part: QueryPart) -> Panel:
    return Panel(part.box, part.label, part.kind, scale=part.scale, doubtful_scale=part.doubtful_scale, bar=part.bar)


def _choice(panel: Panel, name: str) -> str:
    facts = [known_technique(panel) or (panel.kind if panel.kind != "unknown" else "")]
    facts.append("" if panel.field_of_view_nm is None else f"{format_length(panel.field_of_view_nm)} across")
    told = ", ".join(fact for fact in facts if fact)
    return f"{clean_text(name, 24)} ({told})" if told else clean_text(name, 24)


def _sentences(part: QueryPart) -> list[str]:
    panel = _as_panel(part)
    sentences = []
    if part.field_of_view_nm is not None:
        sentences.append(f"{format_length(part.field_of_view_nm)} across")
    sentences.append(f"scale: {scale_sentence(panel)}")
    if part.kind != "unknown":
        sentences.append(f"kind: {part.kind}")
    return sentences
