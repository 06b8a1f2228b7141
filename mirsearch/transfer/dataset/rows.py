"""The rows of a dataset: COCO's pictures and annotations, and one flat row for each panel."""

from __future__ import annotations

import hashlib
from typing import Any

from mirsearch.corpus import KINDS, Box
from mirsearch.indexes.comparison import known_technique
from mirsearch.licenses import license_address
from mirsearch.query import StoredPanel
from mirsearch.transfer.dataset.pictures import Picture
from mirsearch.transfer.dataset.rights import license_name

CATEGORIES = {kind: number for number, kind in enumerate(KINDS, start=1)}
"""Numbers of the kinds, as COCO's categories."""
IMAGES = "images"
"""The folder of the pictures."""


def file_name(picture: Picture) -> str:
    """Return the place of a picture in the dataset: pictures are spread over folders by their first two digits."""
    return f"{IMAGES}/{picture.name[:2]}/{picture.name}{picture.suffix}"


def image_row(picture: Picture, number: int, licenses: dict[str, int]) -> dict[str, Any]:
    """Return a picture as COCO lists it, with its figure and article. Licences that are new get a number."""
    figure = picture.annotations[0][0].figure
    article = figure.article
    name = license_name(figure)
    return {
        "id": number,
        "file_name": file_name(picture),
        "width": picture.size[0],
        "height": picture.size[1],
        "license": licenses.setdefault(name, len(licenses) + 1),
        "sha256": hashlib.sha256(picture.content).hexdigest(),
        "made_from": picture.made_from,
        "figure": figure.id,
        "figure_label": figure.label,
        "caption": figure.caption,
        "permission_note": figure.permission_note,
        "article": article.id if article else None,
        "doi": article.doi if article else None,
        "title": article.title if article else None,
        "authors": list(article.authors) if article else [],
        "year": article.year if article else None,
        "url": article.url if article else None,
        "retracted": article.retracted if article else False,
    }


def annotation_row(stored: StoredPanel, box: Box, picture: Picture, image: int, number: int) -> dict[str, Any]:
    """Return a panel as an annotation of COCO. Lengths in px are those of the picture."""
    panel, (x0, y0, x1, y1) = stored.panel, box
    factor = panel.width / (x1 - x0) if x1 > x0 else 1.0
    scale = panel.scale
    return {
        "id": number,
        "image_id": image,
        "category_id": CATEGORIES.get(panel.kind, CATEGORIES["unknown"]),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "iscrowd": 0,
        "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
        "panel": panel.id,
        "label": panel.label,
        "part": panel.part,
        "caption": panel.caption,
        "text": panel.text,
        "technique": known_technique(panel),
        "nm_per_px": None if scale is None else scale.nm_per_px * factor,
        "field_of_view_nm": panel.field_of_view_nm,
        "scale_source": None if scale is None else scale.source,
        "scale_confidence": None if scale is None else scale.confidence,
        "corrected": list(stored.corrected_fields),
        "made_from": picture.made_from,
    }


PANEL_COLUMNS = {
    "panel": "sc:Text", "image": "sc:Text", "x": "sc:Integer", "y": "sc:Integer", "width": "sc:Integer",
    "height": "sc:Integer", "kind": "sc:Text", "technique": "sc:Text", "label": "sc:Text", "caption": "sc:Text",
    "nm_per_px": "sc:Float", "field_of_view_nm": "sc:Float", "scale_source": "sc:Text", "figure": "sc:Text",
    "article": "sc:Text", "license": "sc:Text", "made_from": "sc:Text",
}  # fmt: skip
"""The columns of panels.jsonl, with their types in Croissant."""


def panel_row(annotation: dict[str, Any], image: dict[str, Any], kind: str, license_: str) -> dict[str, Any]:
    """Return an annotation with what its picture tells, as one flat row."""
    x, y, width, height = annotation["bbox"]
    values = {
        "panel": annotation["panel"], "image": image["file_name"], "x": x, "y": y, "width": width, "height": height,
        "kind": kind, "figure": image["figure"], "article": image["article"], "license": license_ or None,
    }  # fmt: skip
    return {name: values.get(name, annotation.get(name)) for name in PANEL_COLUMNS}


def license_rows(licenses: dict[str, int]) -> list[dict[str, Any]]:
    """Return the licences as COCO lists them."""
    return [
        {"id": number, "name": name or "unknown", "url": license_address(name) or ""}
        for name, number in licenses.items()
    ]


def category_rows() -> list[dict[str, Any]]:
    """Return the kinds of panels as COCO's categories."""
    return [{"id": number, "name": kind, "supercategory": "panel"} for kind, number in CATEGORIES.items()]
