"""Read the scale of each image of a figure: from bars and labels, the caption, and other images of the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, ScaleBarDetector
from mirsearch.analysis.panels.boxes import distance_from_corner
from mirsearch.analysis.scalebars.caption_lengths import CaptionLength, caption_lengths
from mirsearch.analysis.scalebars.confidence import MIN_TOLD
from mirsearch.analysis.scalebars.file_sizes import weigh_file_size
from mirsearch.analysis.scalebars.images import ImageBars, SeenBar, clip_box, find_image_bars
from mirsearch.analysis.scalebars.readings import Observation, confidence_of_bar, read_label, read_lone_bar
from mirsearch.analysis.scalebars.sharing import doubt_odd_bars, share_in_letters, share_scale
from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading, panel_keys

_WIDTH_CONFIDENCE = 0.9
"""Confidence of a scale from the width of the field of view that the caption gives."""

_DRAWN_KINDS = ("plot", "schematic", "gel")
"""Kinds of panels in which bars are looked for, but fewer texts are read."""

_MIN_DOUBTFUL = 0.05
"""Least confidence of a doubtful reading: what is less likely is not worth a person's look."""

_MIN_SURE_SCORE, _MIN_SURE_CONFIDENCE = 0.8, 0.8
"""Least score of a bar that is told although its length is not known, and its least probability of being one."""

_MAX_SURE_CORNER, _MIN_SURE_ASPECT, _MIN_SURE_THICKNESS = 0.2, 5.0, 2
"""Greatest distance from a corner of such a bar, as a share of the image's sides, its least length to thickness, and
its least thickness in px: plots are full of thinner lines."""


@dataclass(frozen=True, slots=True)
class PanelScale:
    """What was read of one panel: a scale that is sure enough to be told, or a doubtful one, or a bar without a length.

    At most one of the three is not None, but where the file's metadata and what was read disagree: then `doubtful` is
    what contradicts `scale`.
    """

    scale: ScaleReading | None = None
    doubtful: ScaleReading | None = None
    bar: LoneBar | None = None


@dataclass(frozen=True, slots=True)
class SeenPanel:
    """What is seen of a panel: bars (None if none are looked for), the length of the caption, the likeliest reading."""

    image: ImageBars | None
    length: CaptionLength
    observation: Observation | None


def read_panel_scales(
    pixels: Pixels,
    panels: Sequence[Panel],
    detector: ScaleBarDetector,
    ocr: OcrEngine,
    *,
    caption: str = "",
    nm_per_px: float | None = None,
    drawn: Sequence[bool] = (),
    places: Mapping[str, Box] | None = None,
) -> list[PanelScale]:
    """Return the scale of each panel of a figure; `pixels` are RGB, uint8, (h, w, 3).

    `caption` is the figure's caption; where it gives no length of a bar, the panel's own is read. `nm_per_px` is the
    pixel size from the file's metadata. No bar is looked for in panels that are `drawn`, except where the caption gives
    one for a letter that has only drawings. A scale that a panel states already is kept, and may be shared. `places`
    are where the letters were read; None if the panels are not all of the figure.
    """
    is_drawn = [*drawn, *[False] * (len(panels) - len(drawn))]
    seen = observe_panels(pixels, panels, detector, ocr, caption=caption, drawn=is_drawn, places=places)
    readings = [panel.scale or _first_reading(panel, each) for panel, each in zip(panels, seen, strict=True)]
    images, lengths = [each.image for each in seen], [each.length for each in seen]
    shareable = [images[n] is not None and not is_drawn[n] for n in range(len(panels))]
    windows = [image is not None and image.has_window for image in images]
    readings = doubt_odd_bars(readings, panels)
    readings = share_in_letters(readings, panels, shareable, lengths, windows)
    if caption:
        readings = share_scale(readings, [panel.box for panel in panels], [panel.label for panel in panels], caption)
    results = []
    for panel, image, reading in zip(panels, images, readings, strict=True):
        of_file = None if panel.inset_of is not None else nm_per_px  # an inset enlarges, or shows something else
        told, other = (panel.scale, None) if panel.scale is not None else weigh_file_size(reading, of_file)
        results.append(_tell(told, image, other, is_stated=panel.scale is not None))
    return results


def observe_panels(
    pixels: Pixels,
    panels: Sequence[Panel],
    detector: ScaleBarDetector,
    ocr: OcrEngine,
    *,
    caption: str,
    drawn: Sequence[bool],
    places: Mapping[str, Box] | None = None,
) -> list[SeenPanel]:
    """Return what is seen of the scale of each panel before images of one letter are compared.

    `places` are as in `read_panel_scales`.
    """
    lengths = caption_lengths(panels, caption, drawn, places)
    images = [
        None
        if panel.scale is not None or (drawn[n] and not _has_own_bar(panels, n, lengths[n], drawn))
        else _find_bars(pixels, panels, n, lengths[n], detector, ocr)
        for n, panel in enumerate(panels)
    ]
    lengths = _count_bars_only(panels, images, lengths, caption, places)
    observations = [_observe_panel(panels, images, n, length) for n, length in enumerate(lengths)]
    return [SeenPanel(*each) for each in zip(images, lengths, observations, strict=True)]


def _count_bars_only(
    panels: Sequence[Panel],
    images: Sequence[ImageBars | None],
    lengths: Sequence[CaptionLength],
    caption: str,
    places: Mapping[str, Box] | None,
) -> list[CaptionLength]:
    """Return the lengths, with those of panels that have none found anew among the images with bars only.

    A caption that lists a letter's images in order may leave out those without a bar.
    """
    if all(length.bar is not None for length in lengths):
        return list(lengths)
    others = caption_lengths(panels, caption, [_sure_bar(image) is None for image in images], places)
    return [length if length.bar is not None else other for length, other in zip(lengths, others, strict=True)]


def _has_own_bar(panels: Sequence[Panel], number: int, length: CaptionLength, drawn: Sequence[bool]) -> bool:
    """Return whether the caption gives a drawing a bar: its letter has no image, or the figure is all drawings."""
    if all(drawn):
        return length.bar is not None
    label = panels[number].label
    same = [drawn[n] for n, panel in enumerate(panels) if panel.label == label]
    return label is not None and length.own and all(same)


def _find_bars(
    pixels: Pixels,
    panels: Sequence[Panel],
    number: int,
    length: CaptionLength,
    detector: ScaleBarDetector,
    ocr: OcrEngine,
) -> ImageBars | None:
    """Return the bars of a panel without those of its insets, or None if the panel is too small."""
    box = clip_box(panels[number].box, pixels)
    if box is None:
        return None
    expected = () if length.bar is None else (length.bar.nm,)
    thorough = panels[number].kind not in _DRAWN_KINDS
    return find_image_bars(pixels, box, _inset_boxes(panels, number), detector, ocr, expected, thorough)


def _inset_boxes(panels: Sequence[Panel], number: int) -> list[Box]:
    """Return the boxes of the panels that are insets of a panel."""
    key = panel_keys(panels)[number] if any(panel.inset_of for panel in panels) else None
    return [panel.box for panel in panels if panel.inset_of is not None and panel.inset_of == key]


def _first_reading(panel: Panel, seen: SeenPanel) -> ScaleReading | None:
    """Return the likeliest reading of a panel's bars, sure or not, or the width that the caption gives."""
    if seen.observation is not None:
        return seen.observation.reading
    width = seen.length.width
    if seen.image is not None and width is not None and width.nm:
        confidence = _WIDTH_CONFIDENCE * min(1.0, 2 * width.confidence)
        return ScaleReading(width.nm / panel.width, source="caption", confidence=confidence)
    return None


def _observe_panel(
    panels: Sequence[Panel], images: Sequence[ImageBars | None], number: int, length: CaptionLength
) -> Observation | None:
    """Return the likeliest reading of a panel's bars with its evidence: of a label first, else of the caption."""
    image = images[number]
    if image is None:
        return None
    label = panels[number].label
    siblings = [
        other
        for n, other in enumerate(images)
        if other is not None and n != number and label is not None and panels[n].label == label
    ]
    labelled = read_label(image, length)
    if labelled is not None and labelled.believable:
        return labelled
    lone = read_lone_bar(image, length, siblings)
    return lone if lone is not None else labelled


def _tell(
    reading: ScaleReading | None, image: ImageBars | None, other: ScaleReading | None, *, is_stated: bool
) -> PanelScale:
    """Return a reading as told or as doubtful by its confidence, or the bar if there is no reading.

    `other` is what contradicts it.
    """
    if reading is not None and (is_stated or reading.confidence >= _MIN_DOUBTFUL):
        is_told = is_stated or reading.confidence >= MIN_TOLD
        return PanelScale(scale=reading, doubtful=other) if is_told else PanelScale(doubtful=reading)
    bar = _sure_bar(image)
    return PanelScale() if bar is None else PanelScale(bar=LoneBar(bar.box, bar.length_px))


def _sure_bar(image: ImageBars | None) -> BarCandidate | None:
    """Return the best line of an image that surely is a bar, or None."""
    if image is None:
        return None
    return next((seen.bar for seen in image.lone if _is_surely_bar(seen, image)), None)


def _is_surely_bar(seen: SeenBar, image: ImageBars) -> bool:
    """Return whether a line without a length surely is a bar: it looks and lies like one."""
    bar, (left, top, right, bottom) = seen.bar, image.box
    x0, y0, x1, y1 = bar.box
    box = (x0 - left, y0 - top, x1 - left, y1 - top)
    near_corner = distance_from_corner(box, (bottom - top, right - left)) <= _MAX_SURE_CORNER
    thickness = min(x1 - x0, y1 - y0)
    is_slender = thickness >= _MIN_SURE_THICKNESS and bar.length_px >= _MIN_SURE_ASPECT * thickness
    is_plain = near_corner and is_slender and not bar.vertical
    return is_plain and bar.score >= _MIN_SURE_SCORE and confidence_of_bar(seen, image) >= _MIN_SURE_CONFIDENCE
