"""Cut a figure into panels: one for each single image or drawing, with its letter, part, group and heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.captions.label_order import bare_label, sort_labels
from mirsearch.analysis.panels.boxes import area, bounding_box, is_centered_in, shared_area
from mirsearch.analysis.panels.databars import add_databar
from mirsearch.analysis.panels.drawings import has_tick_labels
from mirsearch.analysis.panels.gutters import reading_order
from mirsearch.analysis.panels.headings import HeadingReader
from mirsearch.analysis.panels.pictures import have_one_size, is_one_of_set
from mirsearch.analysis.panels.piece import Piece
from mirsearch.analysis.panels.separate import Region, separate_regions
from mirsearch.analysis.panels.single_images import find_single_images, is_painted
from mirsearch.analysis.panels.working_size import WorkingFigure
from mirsearch.corpus import Box, Panel

_PICTURE_SHARE = 0.5
"""Least share of a figure without letters that pictures must fill before it is cut."""

_APART_SHARE, _APART_PICTURES, _MOST_COMMON = 0.25, 2, 0.05
"""The same where drawings stand beside the pictures: share, least number of pictures, and greatest share of a picture
that a drawing may cover. Chosen on real figures without letters; a schematic surrounds the pictures in it."""

_TILED_SHARE = 0.9
"""Least share of a tile that pictures of another tile's size fill where it is several of them."""

_LETTERED_SHARE = 0.8
"""Share of a letter's region below which its drawing is told without the letter. The models of kinds were fitted on
panels with their letters."""

_DATABAR_REACH, _DATABAR_WIDTH = 0.16, 0.6
"""Height of the strip below a picture in which a white databar stands, and least width of its texts, as shares of the
picture's sides."""


@dataclass(frozen=True, slots=True)
class CutFigure:
    """The panels of a figure in order, and the insets found in them: box and place of the panel around each.

    `letters` are the boxes of the letters that were read in the figure; of the others, the order told the place.
    """

    panels: list[Panel]
    insets: list[tuple[Box, int]]
    letters: dict[str, Box]


def cut_figure(
    pixels: Pixels,
    ocr: OcrEngine,
    expected_labels: Sequence[str],
    texts: Sequence[TextBox],
    caption_known: bool,
) -> CutFigure:
    """Return the panels of a figure, RGB uint8 (h, w, 3), with box, label, part, group and heading.

    `expected_labels` are the labels that the caption names, `texts` the lines that OCR read in the figure.
    `caption_known` says that the figure has a caption: if it names no labels, the figure has no letters.
    """
    working = WorkingFigure(pixels, texts)
    letters = list(dict.fromkeys(bare_label(label) for label in expected_labels))
    regions = separate_regions(working.pixels, ocr, letters, working.texts, caption_known)
    on_black, side = working.is_on_black, max(working.pixels.shape[:2])
    headings = HeadingReader(pixels, ocr, texts)
    panels: list[Panel] = []
    insets: list[tuple[Box, int]] = []
    for region in regions:
        pieces = find_single_images(working.pixels, region.cell, side, on_black, region.letter)
        is_settled = region.label is None and len(regions) > 1 and not _holds_tiles(pieces, region, regions)
        if is_settled or (region.label is None and not _consists_of_pictures(working.pixels, pieces, region)):
            pieces = [Piece(region.box, "drawing")]
        images = _image_boxes(pieces, region, side)
        if not on_black:
            tops = [*images, *(other.box for other in regions if other is not region)]
            images = [add_databar(working.pixels, box, tops, working.texts) for box in images]
        boxes = [working.original_box(box) for box in images]
        scraps = [working.original_box(piece.box) for piece in pieces if piece.kind == "scrap"]
        is_picture = [piece.kind == "picture" for piece in pieces if piece.kind not in ("inset", "scrap")]
        first = len(panels)
        panels.extend(_make_panels(boxes, region.label, working.original_box(region.box)))
        if len(boxes) > 1 and any(is_picture):
            panels[first:] = headings.add_headings(panels[first:], scraps)
        insets.extend(
            _owners_of_insets([working.original_box(p.box) for p in pieces if p.kind == "inset"], panels, first)
        )
    read = {r.label: working.original_box(r.letter) for r in regions if r.label is not None and r.letter is not None}
    return CutFigure(_label_primes(_label_by_order(panels, expected_labels), expected_labels), insets, read)


def _label_primes(panels: list[Panel], expected_labels: Sequence[str]) -> list[Panel]:
    """Return the panels, with c, c′, c″ for the images of c where the caption names as many of them as c has images."""
    result = list(panels)
    for letter in dict.fromkeys(panel.label for panel in panels if panel.label):
        names = sorted((label for label in expected_labels if bare_label(label) == letter), key=len)
        places = [number for number, panel in enumerate(panels) if panel.label == letter]
        if len(names) < 2 or len(names) != len(places):
            continue
        for number, name in zip(places, names, strict=True):
            result[number] = replace(panels[number], label=name, part=None, group=None)
    return result


def _label_by_order(panels: list[Panel], expected_labels: Sequence[str]) -> list[Panel]:
    """Return the panels with the caption's labels in reading order, if letters are missing and there is one for each.

    The letters that were found must agree: one of their images gets the same label. The order of the panels stays.
    """
    labels = sort_labels(expected_labels)
    found = {panel.label for panel in panels if panel.label is not None}
    if len(panels) != len(labels) or len(panels) < 2 or not found < set(labels):
        return panels
    order = reading_order([panel.box for panel in panels])
    new_labels = dict(zip(order, labels, strict=True))
    kept = {panel.label for number, panel in enumerate(panels) if panel.label == new_labels[number]}
    if kept != found:
        return panels
    return [
        replace(panel, label=new_labels[number], part=None, group=None, heading="")
        for number, panel in enumerate(panels)
    ]


def _image_boxes(pieces: Sequence[Piece], region: Region, figure_side: int) -> list[Box]:
    """Return the boxes of the single images of a region.

    A region with one image keeps its own box where something belongs to the image: at a drawing, at a picture with
    axes, and where no letter tells the image from what stands beside it. The letter itself belongs to none. A picture
    under a letter keeps its databar.
    """
    images = [piece for piece in pieces if piece.kind not in ("inset", "scrap")]
    if len(images) > 1:
        return [piece.box for piece in images]
    if not images or region.label is None:
        return [region.box]
    if images[0].kind != "picture":
        is_smaller = area(images[0].box) < _LETTERED_SHARE * area(region.box)
        return [images[0].box if is_smaller else region.box]
    scraps = [piece.box for piece in pieces if piece.kind == "scrap"]
    if has_tick_labels(images[0].box, scraps, figure_side):
        return [bounding_box([images[0].box, *scraps])]
    return [_with_databar(images[0].box, scraps)]


def _consists_of_pictures(pixels: Pixels, pieces: Sequence[Piece], region: Region) -> bool:
    """Return whether a region without a letter is mostly pictures, or pictures and drawings that stand apart.

    Else nothing tells that it holds several images.
    """
    pictures = [piece.box for piece in pieces if piece.kind == "picture"]
    share = sum(area(box) for box in pictures) / max(1, area(region.box))
    if share < (_APART_SHARE if _stand_apart(pieces, pictures) else _PICTURE_SHARE):
        return False
    return not any(is_painted(pixels, box, on_black=False) for box in pictures if not is_one_of_set(box, pictures))


def _holds_tiles(pieces: Sequence[Piece], region: Region, regions: Sequence[Region]) -> bool:
    """Return whether a tile that the gutters of a figure leave is filled with pictures of another tile's size."""
    pictures = [piece.box for piece in pieces if piece.kind == "picture"]
    if len(pictures) < 2 or sum(area(box) for box in pictures) < _TILED_SHARE * area(region.box):
        return False
    return any(all(have_one_size(box, other.box) for box in pictures) for other in regions if other is not region)


def _stand_apart(pieces: Sequence[Piece], pictures: Sequence[Box]) -> bool:
    """Return whether several pictures are covered by no drawing of a region."""
    drawn = [piece.box for piece in pieces if piece.kind in ("plot", "drawing")]
    return len(pictures) >= _APART_PICTURES and not any(
        shared_area(box, picture) > _MOST_COMMON * area(picture) for box in drawn for picture in pictures
    )


def _with_databar(picture: Box, scraps: Sequence[Box]) -> Box:
    """Return a picture with the strip of texts below it that is about as wide: a databar on white ground."""
    x0, _, x1, y1 = picture
    reach = _DATABAR_REACH * (y1 - picture[1])
    strip = [
        box for box in scraps if y1 - 2 <= box[1] and box[3] <= y1 + reach and x0 - 3 <= box[0] and box[2] <= x1 + 3
    ]
    if not strip:
        return picture
    databar = bounding_box(strip)
    is_wide = databar[2] - databar[0] >= _DATABAR_WIDTH * (x1 - x0)
    return bounding_box([picture, databar]) if is_wide else picture


def _make_panels(boxes: Sequence[Box], label: str | None, group: Box) -> list[Panel]:
    """Return the panels of one region in reading order, with parts where a letter has several."""
    ordered = [boxes[n] for n in reading_order(boxes)]
    if len(boxes) == 1 or label is None:
        return [Panel(box=box, label=label) for box in ordered]
    return [Panel(box=box, label=label, part=part, group=group) for part, box in enumerate(ordered, start=1)]


def _owners_of_insets(insets: Sequence[Box], panels: Sequence[Panel], first: int) -> list[tuple[Box, int]]:
    """Return each inset with the place of the smallest panel around it; `first` is the region's first panel."""
    owned = []
    for inset in insets:
        around = [
            number
            for number, panel in enumerate(panels[first:], start=first)
            if is_centered_in(inset, panel.box) and area(panel.box) > area(inset)
        ]
        if around:
            owned.append((inset, min(around, key=lambda n: area(panels[n].box))))
    return owned
