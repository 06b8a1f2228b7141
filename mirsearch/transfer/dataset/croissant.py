"""The description of a dataset in Croissant 1.0, a form of JSON-LD: https://docs.mlcommons.org/croissant/."""

from __future__ import annotations

from typing import Any

from mirsearch.transfer.dataset.rows import IMAGES, PANEL_COLUMNS
from mirsearch.transfer.dataset.shards import SHARDS

_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
_DESCRIPTIONS = {
    "panel": "Id of the panel.", "image": "File of the picture.", "x": "Left edge of the box in px.",
    "y": "Upper edge of the box in px.", "width": "Width of the box in px.", "height": "Height of the box in px.",
    "kind": "What the panel shows.", "technique": "How a micrograph was made.", "label": "Letter of the panel.",
    "caption": "Caption of the panel.", "nm_per_px": "Size of a pixel of the picture in nm.",
    "field_of_view_nm": "Width of the panel in nm.", "scale_source": "Where the scale comes from.",
    "figure": "Id of the figure.", "article": "Id of the article.", "license": "Licence of the article.",
    "made_from": "What the picture is: the file, its pixels, a crop of it, or a thumbnail.",
}  # fmt: skip


def describe(name: str, created: str, files: dict[str, tuple[str, str]], licenses: list[str], shards: bool) -> Any:
    """Return the description. `files`: hash (SHA-256) and MIME type of each file; `licenses`: addresses."""
    distribution = [
        {"@type": "cr:FileObject", "@id": path, "name": path, "contentUrl": path, "encodingFormat": kind, "sha256": sha}
        for path, (sha, kind) in files.items()
    ]
    pictures = {"@type": "cr:FileSet", "@id": IMAGES, "name": IMAGES, "description": "The pictures.",
                "encodingFormat": ["image/jpeg", "image/png"], "includes": f"{IMAGES}/*/*"}  # fmt: skip
    sets = [pictures]
    if shards:
        sets.append({"@type": "cr:FileSet", "@id": SHARDS, "name": SHARDS, "description": "The same as WebDataset.",
                     "encodingFormat": "application/x-tar", "includes": f"{SHARDS}/*.tar"})  # fmt: skip
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": "Panels of microscopy figures, with kind, technique, scale and caption as mirsearch read them.",
        "datePublished": created,
        "version": "1.0.0",
        "url": "https://schema.org/Dataset",
        "license": licenses,
        "citeAs": "The authors in CREDITS.txt.",
        "distribution": [*distribution, *sets],
        "recordSet": [_panels()],
    }


def _panels() -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field", "@id": f"panels/{column}", "name": column, "description": _DESCRIPTIONS[column],
            "dataType": kind,
            "source": {"fileObject": {"@id": "panels.jsonl"}, "extract": {"column": column}},
        }
        for column, kind in PANEL_COLUMNS.items()
    ]  # fmt: skip
    return {"@type": "cr:RecordSet", "@id": "panels", "name": "panels", "description": "One record for each panel.",
            "key": {"@id": "panels/panel"}, "field": fields}  # fmt: skip
