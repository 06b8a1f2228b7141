"""Reads users' annotations of scale bars and labels: JSON of COCO or of EXSCLAIM!."""

from __future__ import annotations

import hashlib
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
from mirsearch.text.foreign import parse_json
from mirsearch.training.detection_data import AnnotatedPictures, Sample, make_sample

_LOG = logging.getLogger(__name__)
_CLASS_NAMES = {
    "bar": BAR, "scale bar": BAR, "scalebar": BAR, "scale label": LABEL, "label": LABEL, "scale bar label": LABEL,
    "scalebar label": LABEL, "text": LABEL,
}  # fmt: skip
_MAX_WARNINGS = 3
_MIN_SIDE = 32
"""Panels with a side shorter than this, in px, are not used."""


@dataclass(frozen=True)
class PictureAnnotations:
    """The annotations of one picture: file name, boxes (x0, y0, x1, y1) in px with their classes, panels' boxes."""

    file: str
    boxes: tuple[tuple[float, float, float, float], ...]
    classes: tuple[int, ...]
    panels: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationSet:
    """The samples of an annotation file, the number of its pictures, and the problems with unusable ones."""

    samples: AnnotatedPictures
    pictures: int
    problems: tuple[str, ...]


def read_annotations(path: Path, images: Path | None = None) -> AnnotationSet:
    """Return the samples of an annotation file. Pictures are found by name in `images` (default: the file's folder).

    Missing and unreadable pictures are reported and left out. Raises SourceError if none is left, or if the file's
    format is neither COCO's nor EXSCLAIM!'s.
    """
    annotated = parse_annotations(_read_json(path), str(path))
    folder = images or path.parent
    samples: list[tuple[str, Sample]] = []
    problems: list[str] = []
    for picture in annotated:
        try:
            pixels = _read_pixels(folder, picture.file)
            samples += [(picture.file, sample) for sample in _panel_samples(picture, pixels)]
        except (ImageError, SourceError) as error:
            problems.append(str(error))
    if not samples:
        raise SourceError(
            f"none of the {len(annotated)} pictures of {path} can be used" + (f"; {problems[0]}" if problems else ""),
            f"give their folder with --images (now {folder})",
        )
    for problem in problems[:_MAX_WARNINGS]:
        _LOG.warning("%s", problem)
    if len(problems) > _MAX_WARNINGS:
        _LOG.warning("… and %d more pictures that can't be used", len(problems) - _MAX_WARNINGS)
    samples.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    return AnnotationSet(AnnotatedPictures(tuple(sample for _, sample in samples)), len(annotated), tuple(problems))


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > LIMITS.json_bytes:
            raise SourceError(f"{path} is larger than {LIMITS.json_bytes} bytes", "split it")
        return parse_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}", "give an annotation file") from None
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}", "give an annotation file of COCO or EXSCLAIM!") from None


def parse_annotations(content: Any, name: str) -> list[PictureAnnotations]:
    """Return the annotations in a file's JSON; SourceError if its format is unknown or its values are impossible."""
    try:
        if isinstance(content, Mapping) and isinstance(content.get("annotations"), list):
            return _parse_coco(content)
        if isinstance(content, Mapping) and any(_is_exsclaim(entry) for entry in content.values()):
            return [_parse_exsclaim(str(key), entry) for key, entry in content.items() if _is_exsclaim(entry)]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SourceError(
            f"{name}: its annotations can't be used: {type(error).__name__}: {error}", "correct the file"
        ) from None
    raise SourceError(
        f"{name} is not an annotation file that mirsearch can read",
        "give a file of COCO (images, annotations, categories) or of EXSCLAIM! (scale_bars)",
    )


def _parse_coco(content: Mapping[str, Any]) -> list[PictureAnnotations]:
    categories = content["categories"]
    kinds = {entry["id"]: _CLASS_NAMES.get(str(entry["name"]).lower().replace("_", " ")) for entry in categories}
    if BAR not in kinds.values():
        names = ", ".join(str(entry["name"]) for entry in categories) or "none"
        raise ValueError(f"no category is called bar or scale bar (the categories are: {names})")
    files = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
    boxes: dict[Any, list[tuple[tuple[float, float, float, float], int]]] = {key: [] for key in files}
    for entry in content["annotations"]:
        kind = kinds.get(entry["category_id"])
        if kind is not None and entry["image_id"] in boxes:
            x, y, width, height = (float(value) for value in entry["bbox"])
            boxes[entry["image_id"]].append((_check_box(x, y, x + width, y + height), kind))
    return [
        PictureAnnotations(files[key], tuple(box for box, _ in items), tuple(kind for _, kind in items))
        for key, items in boxes.items()
    ]


def _is_exsclaim(content: Any) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("scale_bars"), list)


def _parse_exsclaim(key: str, content: Mapping[str, Any]) -> PictureAnnotations:
    bars = [_bounding_box(each["geometry"]) for each in content["scale_bars"]]
    labels = [_bounding_box(each["geometry"]) for each in content.get("scale_labels", ())]
    panels = [
        tuple(round(edge) for edge in _bounding_box(each["geometry"])) for each in content.get("master_images", ())
    ]
    classes = (BAR,) * len(bars) + (LABEL,) * len(labels)
    return PictureAnnotations(str(content.get("figure_name") or key), (*bars, *labels), classes, tuple(panels))  # type: ignore[arg-type]


def _bounding_box(points: Sequence[Mapping[str, Any]]) -> tuple[float, float, float, float]:
    xs, ys = [float(each["x"]) for each in points], [float(each["y"]) for each in points]
    return _check_box(min(xs), min(ys), max(xs), max(ys))


def _check_box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    if not all(math.isfinite(edge) and abs(edge) < 1e6 for edge in (x0, y0, x1, y1)) or x1 < x0 or y1 < y0:
        raise ValueError(f"a box can't have the corners {x0:g},{y0:g},{x1:g},{y1:g}")
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _read_pixels(folder: Path, name: str) -> Pixels:
    """Return the pixels of a picture inside the folder; SourceError for a name that leads out of the folder."""
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or not plain.parts or "\0" in name:
        raise SourceError(f"{name!r} is not the name of a file in {folder}", "correct the annotation file")
    return open_picture(folder / plain).pixels


def _panel_samples(picture: PictureAnnotations, pixels: Pixels) -> Iterable[Sample]:
    """Yield a sample of each panel, or of the whole picture if it has no panels."""
    height, width = pixels.shape[:2]
    for panel in picture.panels or ((0, 0, width, height),):
        x0, y0, x1, y1 = max(0, panel[0]), max(0, panel[1]), min(width, panel[2]), min(height, panel[3])
        if min(x1 - x0, y1 - y0) < _MIN_SIDE:
            continue
        inside = [
            (box, kind)
            for box, kind in zip(picture.boxes, picture.classes, strict=True)
            if x0 <= (box[0] + box[2]) / 2 < x1 and y0 <= (box[1] + box[3]) / 2 < y1
        ]
        lengths = [max(box[2] - box[0], box[3] - box[1]) if kind == BAR else math.nan for box, kind in inside]
        yield make_sample(
            pixels[y0:y1, x0:x1], [box for box, _ in inside], [kind for _, kind in inside], lengths, (x0, y0)
        )
