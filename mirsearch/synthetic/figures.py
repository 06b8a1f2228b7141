"""Draws a figure from a seed: panels with bars, letters and insets, the caption, and the complete truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.corpus import Article, Box, Panel, ScaleReading
from mirsearch.synthetic.captions import Caption, describe_image, write_caption
from mirsearch.synthetic.fields import Random, View, make_rng
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.layouts import COMMON_LAYOUTS, LAYOUT_STYLES, LayoutStyle, Sheet, lay_out
from mirsearch.synthetic.panel_letters import (
    COMMON_LETTERS,
    LETTER_STYLES,
    LetterStyle,
    draw_letter,
    is_capital,
    printed_label,
)
from mirsearch.synthetic.plots import draw_plot, draw_schematic, ink_box
from mirsearch.synthetic.scalebars.bars import DrawnBar, draw_bar, shift_box
from mirsearch.synthetic.scalebars.databars import databar_height, draw_databar
from mirsearch.synthetic.scalebars.styles import BAR_STYLES, BLACK, LABELED_STYLES, UNLABELED_STYLES, WHITE, BarStyle
from mirsearch.synthetic.specimens.families import FAMILIES, Specimen, specimen

MICROGRAPHS = tuple(name for name, family in FAMILIES.items() if family.kind == "micrograph")
BIOLOGICAL_FAMILIES = ("fluorescent_cells", "stained_tissue", "vesicles")
INSTRUMENT_TECHNIQUES = ("SEM",)
"""Techniques whose instruments add a databar to the picture."""


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """Choices by name (None: the seed chooses): layout, bar, letters, and whether the caption states bar lengths.

    Panels show the `specimens` in turn, at the `zooms` in turn, from 0 (wide) to 1 (close).
    """

    layout: str | None = None
    bar: str | None = None
    letters: str | None = None
    scale_in_caption: bool | None = None
    specimens: tuple[Specimen, ...] = ()
    zooms: tuple[float, ...] = ()
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class SyntheticFigure:
    """A drawn figure with its truth: panels with scales and captions, bars, boxes of letters, insets, words."""

    pixels: Pixels
    caption: str
    panels: tuple[Panel, ...]
    bars: tuple[DrawnBar | None, ...]
    letters: tuple[Box | None, ...]
    insets: tuple[Box, ...]
    parts: tuple[str, ...]
    specimens: tuple[Specimen | None, ...]
    layout: str
    letter_style: str | None
    seed: int
    article: Article | None = None


@dataclass(frozen=True, slots=True)
class _DrawnPanel:
    """A drawn panel, before the caption is written: box, kind, words, specimen, bar and inset."""

    box: Box
    kind: str
    words: str
    specimen: Specimen | None = None
    bar: DrawnBar | None = None
    inset: Box | None = None


def _choose_bar_style(
    style: FigureStyle, shown: Specimen, in_caption: bool, preferred: BarStyle, rng: Random
) -> BarStyle:
    """Choose a panel's bar style: the required one, else mostly the figure's, else another that suits the panel."""
    if style.bar is not None:
        return BAR_STYLES[style.bar]
    suits = preferred.databar is None or shown.technique in INSTRUMENT_TECHNIQUES
    if (preferred.label == "none") == in_caption and suits and rng.uniform() < 0.8:
        return preferred
    names = UNLABELED_STYLES if in_caption else LABELED_STYLES
    fitting = [name for name in names if BAR_STYLES[name].databar is None or shown.technique in INSTRUMENT_TECHNIQUES]
    return BAR_STYLES[str(rng.choice(fitting))]


def _add_inset(picture: Pixels, shown: Specimen, nm_per_px: float, rng: Random) -> Box:
    """Draw a closer view into the upper right corner, framed, sometimes with a bar; return its box."""
    height, width = picture.shape[:2]
    side = int(0.36 * min(height, width))
    view = View(side, side, nm_per_px / float(rng.uniform(1.6, 2.4)))
    inner = shown.micrograph(view, rng)
    if side >= 120 and rng.uniform() < 0.3:
        draw_bar(inner, view.nm_per_px, BAR_STYLES["white-medium"], rng)
    edge = WHITE if rng.uniform() < 0.6 else BLACK
    box = (width - side - 6, 6, width - 6, 6 + side)
    picture[box[1] : box[3], box[0] : box[2]] = inner
    cv2.rectangle(picture, (box[0], box[1]), (box[2] - 1, box[3] - 1), edge, 2)
    return box


def draw_micrograph(
    shown: Specimen,
    width: int,
    height: int,
    zoom: float,
    bar: BarStyle,
    rng: Random,
    inset: bool = False,
    length_nm: float | None = None,
) -> tuple[Pixels, DrawnBar, Box | None]:
    """Draw a micrograph of width × height px with its scale bar; return picture, bar and box of the inset."""
    nm_per_px = shown.nm_per_px(zoom)
    strip = databar_height(height) if bar.databar else 0
    picture: Pixels = np.zeros((height, width, 3), np.uint8)
    picture[: height - strip] = shown.micrograph(View(width, height - strip, nm_per_px), rng)
    inset_box = _add_inset(picture, shown, nm_per_px, rng) if inset else None
    if bar.databar:
        return picture, draw_databar(picture, nm_per_px, bar, rng, length_nm), inset_box
    if inset_box is not None and any("top" in corner for corner in bar.corners):
        bar = replace(bar, corners=("bottom-left", "bottom-right"))
    return picture, draw_bar(picture, nm_per_px, bar, rng, length_nm=length_nm), inset_box


def _draw_diffraction(width: int, height: int, rng: Random) -> Pixels:
    """Draw a diffraction pattern with a bar in 1/nm, which is not a length."""
    shown = specimen(int(rng.integers(1 << 30)), "diffraction")
    picture = shown.micrograph(View(width, height, shown.nm_per_px(float(rng.uniform()))), rng)
    draw_bar(picture, 0.02, BAR_STYLES["white-medium"], rng, text=str(rng.choice(("5 1/nm", "10 1/nm", "2 1/nm"))))
    return picture


def _draw_extra(name: str, canvas: Pixels, box: Box, shown: Specimen, rng: Random) -> _DrawnPanel:
    """Draw a plot, schematic, diffraction pattern or map. The box of a plot or schematic is that of its ink."""
    width, height = box[2] - box[0], box[3] - box[1]
    if name == "map":
        crystalline = shown.family in ("polished_grains", "sintered_grains", "layers")
        family = str(rng.choice(("element_map", "orientation_map"))) if crystalline else "element_map"
        other = specimen(int(rng.integers(1 << 30)), family)
        canvas[box[1] : box[3], box[0] : box[2]] = other.micrograph(View(width, height, other.nm_per_px(0.5)), rng)
        return _DrawnPanel(box, "map", describe_image(replace(other, subject=shown.subject), rng), other)
    if name == "diffraction":
        canvas[box[1] : box[3], box[0] : box[2]] = _draw_diffraction(width, height, rng)
        other = replace(specimen(0, "diffraction"), subject=shown.subject)
        return _DrawnPanel(box, "diffraction", describe_image(other, rng), other)
    picture, words = (draw_plot if name == "plot" else draw_schematic)(width, height, rng)
    canvas[box[1] : box[3], box[0] : box[2]] = picture
    inked = shift_box(ink_box(picture), box[0], box[1])
    return _DrawnPanel(inked, name, words.format(subject=shown.subject))


def _choose_layout(style: FigureStyle, rng: Random) -> LayoutStyle:
    return LAYOUT_STYLES[style.layout or str(rng.choice(COMMON_LAYOUTS))]


def _choose_specimens(style: FigureStyle, count: int, seed: int, rng: Random) -> list[Specimen]:
    """Choose each panel's specimen: the style's specimens in turn, else one or two that the seed chooses."""
    if style.specimens:
        return [style.specimens[number % len(style.specimens)] for number in range(count)]
    needs_sem = style.bar is not None and BAR_STYLES[style.bar].databar is not None
    pool = [name for name in MICROGRAPHS if not needs_sem or FAMILIES[name].technique in INSTRUMENT_TECHNIQUES]
    first = str(rng.choice(pool))
    similar = [name for name in pool if (name in BIOLOGICAL_FAMILIES) == (first in BIOLOGICAL_FAMILIES)]
    own = [specimen(seed * 7, first), *([specimen(seed * 7 + 1, str(rng.choice(similar)))] if count > 2 else [])]
    return sorted((own[int(rng.integers(len(own)))] for _ in range(count)), key=own.index)


def _draw_panels(
    style: FigureStyle, layout: LayoutStyle, sheet: Sheet, canvas: Pixels, rng: Random, seed: int
) -> tuple[list[_DrawnPanel], bool]:
    """Draw every panel onto the canvas; also return whether the caption states the bars' lengths."""
    count = len(sheet.boxes)
    shown = _choose_specimens(style, count, seed, rng)
    in_caption = bool(rng.uniform() < 0.3) if style.scale_in_caption is None else style.scale_in_caption
    if style.bar is not None:
        in_caption = BAR_STYLES[style.bar].label == "none"
    preferred = BAR_STYLES[str(rng.choice(UNLABELED_STYLES if in_caption else LABELED_STYLES))]
    drawn = []
    for number, box in enumerate(sheet.boxes):
        extra = number - (count - len(layout.extras))
        if extra >= 0:
            drawn.append(_draw_extra(layout.extras[extra], canvas, box, shown[number], rng))
            continue
        zoom = style.zooms[number % len(style.zooms)] if style.zooms else float(rng.uniform())
        inset = layout.insets and (number == 0 or bool(rng.uniform() < 0.5))
        bar = _choose_bar_style(style, shown[number], in_caption, preferred, rng)
        size = (box[2] - box[0], box[3] - box[1])
        picture, truth, inset_box = draw_micrograph(shown[number], *size, zoom, bar, rng, inset)
        canvas[box[1] : box[3], box[0] : box[2]] = picture
        words = _repeat_words(drawn, shown[number]) or describe_image(shown[number], rng)
        moved = None if inset_box is None else shift_box(inset_box, box[0], box[1])
        drawn.append(_DrawnPanel(box, shown[number].kind, words, shown[number], truth.shift(box[0], box[1]), moved))
    return drawn, in_caption


def _repeat_words(drawn: Sequence[_DrawnPanel], shown: Specimen) -> str | None:
    """Return the previous panel's words if it shows the same specimen, so that the caption describes both at once."""
    return drawn[-1].words if drawn and drawn[-1].specimen == shown else None


def _scale_reading(bar: DrawnBar, in_caption: bool) -> ScaleReading:
    return ScaleReading(
        bar.nm_per_px, bar.length_nm, bar.length_px, bar.box, bar.label_text, "caption" if in_caption else "label", 1.0
    )  # fmt: skip


def _panel_truths(drawn: Sequence[_DrawnPanel], labels: Sequence[str | None], caption: Caption) -> tuple[Panel, ...]:
    panels = []
    for item, label, text in zip(drawn, labels, caption.panel_texts, strict=True):
        scale = None if item.bar is None else _scale_reading(item.bar, item.bar.label_text is None)
        technique = None if item.specimen is None else item.specimen.technique
        panels.append(Panel(item.box, label, item.kind, 1.0, technique, 1.0 if technique else 0.0, text, scale=scale))
    return tuple(panels)


def draw_figure(seed: int, style: FigureStyle | None = None, article: Article | None = None) -> SyntheticFigure:
    """Draw the figure of a seed, RGB, with its truth. `style` fixes choices that the seed would make."""
    style = style or FigureStyle()
    rng = make_rng(seed, 0xF16)
    layout = _choose_layout(style, rng)
    sheet = lay_out(layout, rng)
    canvas: Pixels = np.empty((sheet.height, sheet.width, 3), np.uint8)
    canvas[:] = layout.background
    drawn, in_caption = _draw_panels(style, layout, sheet, canvas, rng, seed)
    letters = LETTER_STYLES[style.letters or str(rng.choice(COMMON_LETTERS))] if layout.has_letters else None
    labels, boxes = _draw_letters(canvas, sheet, layout, letters)
    drawn = [_extend_to_letter(item, box) for item, box in zip(drawn, boxes, strict=True)]
    subject = next((item.specimen.subject for item in drawn if item.specimen), "the specimen")
    leads = ("", f"Morphology of {subject}.", f"Characterization of {subject}.")
    lead = str(rng.choice(leads)) if style.lead is None else style.lead
    lengths = [item.bar.length_nm if item.bar and in_caption else None for item in drawn]
    caption_labels = _caption_labels(labels, letters)
    caption = write_caption([item.words for item in drawn], caption_labels, lengths, lead, rng)
    return SyntheticFigure(
        canvas, caption.text, _panel_truths(drawn, labels, caption), tuple(item.bar for item in drawn), tuple(boxes),
        tuple(item.inset for item in drawn if item.inset), caption.parts, tuple(item.specimen for item in drawn),
        layout.name, letters.name if letters else None, seed, article,
    )  # fmt: skip


def _draw_letters(
    canvas: Pixels, sheet: Sheet, layout: LayoutStyle, letters: LetterStyle | None
) -> tuple[list[str | None], list[Box | None]]:
    """Draw the letters; return the labels as a reader understands them, and the letters' boxes."""
    if letters is None:
        return [None] * len(sheet.boxes), [None] * len(sheet.boxes)
    labels: list[str | None] = []
    boxes: list[Box | None] = []
    sides = sorted(min(box[2] - box[0], box[3] - box[1]) for box in sheet.boxes)
    side = None if layout.common else sides[len(sides) // 2]
    for letter, box in zip("abcdefghij", sheet.boxes, strict=False):
        labels.append(printed_label(letters, letter))
        boxes.append(draw_letter(canvas, box, letter, letters, layout.letters_outside, side))
    return labels, boxes


def _extend_to_letter(item: _DrawnPanel, letter: Box | None) -> _DrawnPanel:
    """Extend the box of a plot or schematic to include its letter."""
    if letter is None or item.kind not in ("plot", "schematic"):
        return item
    (x0, y0, x1, y1), (a0, b0, a1, b1) = item.box, letter
    return replace(item, box=(min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1)))


def _caption_labels(labels: Sequence[str | None], letters: LetterStyle | None) -> list[str | None]:
    """Return the labels as the caption writes them: in capitals if the figure does."""
    capitals = letters is not None and is_capital(letters)
    return [None if label is None else label.upper() if capitals else label for label in labels]
