"""Users' annotations of bars and labels: COCO's JSON, and that of EXSCLAIM!."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.scalebars.faster_rcnn import BAR, LABEL
from mirsearch.corpus import Box
from mirsearch.errors import ImageError, SourceError
from mirsearch.imaging.images import open_picture
from mirsearch.settings import LIMITS
from mirsearch.training.detection_data import AnnotatedPictures, Sample, make_sample

_LOG = logging.getLogger(__name__)
_CLASS_NAMES = {
    "bar": BAR, "scale bar": BAR, "scalebar": BAR, "scale label": LABEL, "label": LABEL, "scale bar label": LABEL,
    "scalebar label": LABEL, "text": LABEL,
}  # fmt: skip
_MAX_WARNINGS = 3
_MIN_SIDE = 32
"""Panels smaller than this, in px, are not learned from."""


@dataclass(frozen=True)
class PictureAnnotations:
    """The annotations of one picture: its file's name, (x0, y0, x1, y1) in px with their class, and panels' boxes."""

    file: str
    boxes: tuple[tuple[float, float, float, float], ...]
    classes: tuple[int, ...]
    panels: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationSet:
    """What came of reading annotations: the samples, how many pictures there were, and what could not be used."""

    samples: AnnotatedPictures
    pictures: int
    problems: tuple[str, ...]


def read_annotations(path: Path, images: Path | None = None) -> AnnotationSet:
    """The pictures of an annotation file, found by name in a folder (that of the file where none is given).

    Pictures that are not there or can't be read are told and left out; SourceError where none is left, or where the
    file is neither COCO's nor EXSCLAIM!'s.
    """
    drawn = parse_annotations(_read_json(path), str(path))
    folder = images or path.parent
    samples: list[tuple[str, Sample]] = []
    problems: list[str] = []
    for each in drawn:
        try:
            samples += [(each.file, sample) for sample in _panel_samples(each, _read_pixels(folder, each.file))]
        except (ImageError, SourceError) as error:
            problems.append(str(error))
    if not samples:
        raise SourceError(
            f"none of the {len(drawn)} pictures of {path} can be used" + (f"; {problems[0]}" if problems else ""),
            f"give the folder they lie in with --images (now {folder})",
        )
    for problem in problems[:_MAX_WARNINGS]:
        _LOG.warning("%s", problem)
    if len(problems) > _MAX_WARNINGS:
        _LOG.warning("… and %d more pictures that can't be used", len(problems) - _MAX_WARNINGS)
    samples.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    return AnnotationSet(AnnotatedPictures(tuple(sample for _, sample in samples)), len(drawn), tuple(problems))


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > LIMITS.json_bytes:
            raise SourceError(f"{path} is larger than {LIMITS.json_bytes} bytes", "split it")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}", "give an annotation file") from None
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no JSON: {error}", "give COCO's or EXSCLAIM!'s annotation file") from None


def parse_annotations(told: Any, name: str) -> list[PictureAnnotations]:
    """The annotations in a file's JSON; SourceError where it is of neither kind, or says what can't be."""
    try:
        if isinstance(told, Mapping) and isinstance(told.get("annotations"), list):
            return _parse_coco(told)
        if isinstance(told, Mapping) and any(_is_exsclaim(each) for each in told.values()):
            return [_parse_exsclaim(str(key), each) for key, each in told.items() if _is_exsclaim(each)]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SourceError(
            f"{name}: its annotations can't be used: {type(error).__name__}: {error}", "mend it"
        ) from None
    raise SourceError(
        f"{name} is no annotation file mirsearch knows",
        "COCO's has images, annotations, categories; EXSCLAIM!'s scale_bars",
    )


def _parse_coco(told: Mapping[str, Any]) -> list[PictureAnnotations]:
    kinds = {each["id"]: _CLASS_NAMES.get(str(each["name"]).lower().replace("_", " ")) for each in told["categories"]}
    if BAR not in kinds.values():
        names = ", ".join(str(each["name"]) for each in told["categories"]) or "none"
        raise ValueError(f"no category is called bar or scale bar (they are: {names})")
    files = {each["id"]: str(each["file_name"]) for each in told["images"]}
    found: dict[Any, list[tuple[tuple[float, float, float, float], int]]] = {each: [] for each in files}
    for each in told["annotations"]:
        kind = kinds.get(each["category_id"])
        if kind is not None and each["image_id"] in found:
            x, y, wide, high = (float(value) for value in each["bbox"])
            found[each["image_id"]].append((_check_box(x, y, x + wide, y + high), kind))
    return [
        PictureAnnotations(files[key], tuple(box for box, _ in items), tuple(kind for _, kind in items))
        for key, items in found.items()
    ]


def _is_exsclaim(told: Any) -> bool:
    return isinstance(told, Mapping) and isinstance(told.get("scale_bars"), list)


def _parse_exsclaim(key: str, told: Mapping[str, Any]) -> PictureAnnotations:
    bars = [_bounding_box(each["geometry"]) for each in told["scale_bars"]]
    labels = [_bounding_box(each["geometry"]) for each in told.get("scale_labels", ())]
    panels = [tuple(round(edge) for edge in _bounding_box(each["geometry"])) for each in told.get("master_images", ())]
    classes = (BAR,) * len(bars) + (LABEL,) * len(labels)
    return PictureAnnotations(str(told.get("figure_name") or key), (*bars, *labels), classes, tuple(panels))  # type: ignore[arg-type]


def _bounding_box(points: Sequence[Mapping[str, Any]]) -> tuple[float, float, float, float]:
    xs, ys = [float(each["x"]) for each in points], [float(each["y"]) for each in points]
    return _check_box(min(xs), min(ys), max(xs), max(ys))


def _check_box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    if not all(math.isfinite(edge) and abs(edge) < 1e6 for edge in (x0, y0, x1, y1)) or x1 < x0 or y1 < y0:
        raise ValueError(f"a box of {x0:g},{y0:g},{x1:g},{y1:g} is none")
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _read_pixels(folder: Path, name: str) -> Pixels:
    """The picture of a name inside the folder; a name that climbs out of it is refused."""
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or not plain.parts or "\0" in name:
        raise SourceError(f"{name!r} is no file's name inside {folder}", "mend the annotation file")
    return open_picture(folder / plain).pixels


def _panel_samples(drawn: PictureAnnotations, pixels: Pixels) -> Iterable[Sample]:
    """A sample for each panel, or one of the whole picture where no panels are told."""
    height, width = pixels.shape[:2]
    for panel in drawn.panels or ((0, 0, width, height),):
        x0, y0, x1, y1 = max(0, panel[0]), max(0, panel[1]), min(width, panel[2]), min(height, panel[3])
        if min(x1 - x0, y1 - y0) < _MIN_SIDE:
            continue
        inside = [
            (box, kind)
            for box, kind in zip(drawn.boxes, drawn.classes, strict=True)
            if x0 <= (box[0] + box[2]) / 2 < x1 and y0 <= (box[1] + box[3]) / 2 < y1
        ]
        lengths = [max(box[2] - box[0], box[3] - box[1]) if kind == BAR else math.nan for box, kind in inside]
        yield make_sample(
            pixels[y0:y1, x0:x1], [box for box, _ in inside], [kind for _, kind in inside], lengths, (x0, y0)
        )
