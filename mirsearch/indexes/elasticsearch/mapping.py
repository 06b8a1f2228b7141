"""Read the files of mappings/ (index template, component templates, stored script) and fill them in for one index."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch.quantization import BINARY_KIND, DEFAULT_KIND, OVERSAMPLE, bytes_per_number
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION

SCRIPT_ID = f"mirsearch-hybrid-score-v{SCHEMA_VERSION}"
EXCLUDED_VECTORS_SINCE = (9, 2)
"""The first server version that can leave vectors out of `_source`."""
PACKED_VECTORS_SINCE = (9, 3)
"""The first server version that accepts a vector as packed bytes in base64."""
FLAT_SEGMENTS_SINCE = (9, 4)
"""The first server version whose mapping can set up to which size a segment gets no graph."""
FLAT_SEGMENT_BYTES = 32 << 20
FLAT_SEGMENT_PANELS = 500_000
"""Limits up to which a segment gets no graph: bytes of its rounded vectors, and its panels.

Scanning such a segment takes a few milliseconds and misses no panel; building a graph takes long.
"""


def mappings_folder() -> Path:
    """Return the folder of the files: inside an installed package, or beside the package in a source tree."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "mappings"
    return inside if inside.is_dir() else package.parent / "mappings"


@cache
def _read_text(name: str) -> str:
    return (mappings_folder() / name).read_text(encoding="utf-8")


def _fill_template(file: str, **values: object) -> dict[str, Any]:
    text = Template(_read_text(file).replace('"${dims}"', "${dims}")).substitute(values)
    filled: dict[str, Any] = json.loads(text)
    return filled


def script_body() -> dict[str, Any]:
    """Return the body of `PUT _scripts/SCRIPT_ID`."""
    return {"script": {"lang": "painless", "source": _read_text("hybrid-score.painless")}}


def component_templates(dims: int, version: tuple[int, int]) -> dict[str, dict[str, Any]]:
    """Return the component templates by name, for vectors of `dims` on a server of `version`."""
    panels, articles = json.loads(_read_text("panels.json")), json.loads(_read_text("articles.json"))
    for component in (panels, articles):  # the server checks each component alone, so both must define the analyzers
        component["template"].setdefault("settings", {}).update(json.loads(_read_text("analysis.json")))
    if version >= EXCLUDED_VECTORS_SINCE:
        panels["template"]["settings"]["index"]["mapping.exclude_source_vectors"] = True
    vectors = _fill_template("vectors.json", dims=dims)
    vectors["template"]["mappings"]["properties"]["vector"] = vector_field(dims, version)
    return {"mirsearch-panels": panels, "mirsearch-articles": articles, f"mirsearch-vectors-{dims}": vectors}


def vector_field(dims: int, version: tuple[int, int], kind: str = DEFAULT_KIND) -> dict[str, Any]:
    """Return the definition of the field of vectors of `dims`, rounded in one of the kinds of `quantization`."""
    template = _fill_template("vectors.json", dims=dims)
    field: dict[str, Any] = template["template"]["mappings"]["properties"]["vector"]
    options = field["index_options"]
    options["type"] = kind
    if kind == BINARY_KIND:
        options["rescore_vector"] = {"oversample": OVERSAMPLE}
    if version >= FLAT_SEGMENTS_SINCE:
        options["flat_index_threshold"] = flat_threshold(dims, kind)
    return field


def flat_threshold(dims: int, kind: str = DEFAULT_KIND) -> int:
    """Return the k with which Lucene builds no graph within `FLAT_SEGMENT_…`: it builds one where n > k ln n."""
    panels = min(FLAT_SEGMENT_PANELS, int(FLAT_SEGMENT_BYTES / (dims * bytes_per_number(kind))))
    return round(panels / math.log(panels))


def index_template(name: str, dims: int) -> dict[str, Any]:
    """Return the index template of the index `name`; it covers the physical indexes NAME-000001, NAME-000002, …"""
    filled: dict[str, Any] = json.loads(
        Template(_read_text("index-template.json")).substitute(name=json.dumps(name)[1:-1], dims=dims)
    )
    return filled


def index_meta(
    extractor: ExtractorIdentity, server: str, came_from: str | None = None, layout: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return `_meta` of an index's mapping: its extractor, the version of its words and that of its schema.

    `came_from` names the physical index that it was made from: a rollback goes back there. `layout` is what was chosen
    for it, as JSON.
    """
    return {
        "mirsearch": {
            "schema_version": SCHEMA_VERSION,
            "words": WORDS_VERSION,
            "extractor": {"name": extractor.name, "version": extractor.version, "dims": extractor.dims},
            "created_on": server,
            **({"came_from": came_from} if came_from else {}),
            **({"layout": layout} if layout else {}),
        }
    }


def physical_name(name: str, number: int) -> str:
    """Return the name of the n-th physical index behind the alias `name`."""
    return f"{name}-{number:06d}"


def field_types() -> dict[str, str]:
    """Return the type of every field of the mapping, by dotted name."""
    found: dict[str, str] = {}

    def walk(properties: dict[str, Any], prefix: str) -> None:
        for name, definition in properties.items():
            if "properties" in definition:
                walk(definition["properties"], f"{prefix}{name}.")
                continue
            found[prefix + name] = definition["type"]
            walk(definition.get("fields", {}), f"{prefix}{name}.")

    for template in component_templates(3, EXCLUDED_VECTORS_SINCE).values():
        walk(template["template"]["mappings"]["properties"], "")
    return found
