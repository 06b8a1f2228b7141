"""The files of mappings/: index template, component templates and the stored script, filled in for one index."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from mirsearch.indexes.base import SCHEMA_VERSION, ExtractorIdentity
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION

SCRIPT_ID = f"mirsearch-hybrid-score-v{SCHEMA_VERSION}"
VECTORS_LEFT_OUT_FROM = (9, 2)
PACKED_FROM = (9, 3)
"""The first version that takes a vector as packed bytes in base64."""
UNGRAPHED_FROM = (9, 4)
"""The first version where a mapping says up to which size a segment goes without a graph."""
SCANNED_BYTES = 32 << 20
SCANNED_PANELS = 500_000
"""Up to so many bytes of rounded vectors, and so many panels, a segment is scanned: that takes a few milliseconds and
misses nothing, and a graph takes long to build.
"""


def folder() -> Path:
    """Where the files lie: inside an installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "mappings"
    return inside if inside.is_dir() else package.parent / "mappings"


@cache
def _text(name: str) -> str:
    return (folder() / name).read_text(encoding="utf-8")


def _filled(file: str, **values: object) -> dict[str, Any]:
    filled = Template(_text(file).replace('"${dims}"', "${dims}")).substitute(values)
    told: dict[str, Any] = json.loads(filled)
    return told


def script() -> dict[str, Any]:
    """Body of `PUT _scripts/SCRIPT_ID`."""
    return {"script": {"lang": "painless", "source": _text("hybrid-score.painless")}}


def component_templates(dims: int, version: tuple[int, int]) -> dict[str, dict[str, Any]]:
    """Component templates by name, for vectors of `dims` on a server of `version`."""
    panels, articles = json.loads(_text("panels.json")), json.loads(_text("articles.json"))
    for each in (panels, articles):  # the server checks each component by itself, so both must bring the analyzers
        each["template"].setdefault("settings", {}).update(json.loads(_text("analysis.json")))
    if version >= VECTORS_LEFT_OUT_FROM:
        panels["template"]["settings"]["index"]["mapping.exclude_source_vectors"] = True
    vectors = _filled("vectors.json", dims=dims)
    if version >= UNGRAPHED_FROM:
        options = vectors["template"]["mappings"]["properties"]["vector"]["index_options"]
        options["flat_index_threshold"] = flat_threshold(dims)
    return {"mirsearch-panels": panels, "mirsearch-articles": articles, f"mirsearch-vectors-{dims}": vectors}


def flat_threshold(dims: int) -> int:
    """The k by which Lucene builds no graph of a segment of up to `SCANNED_…`: it builds one from n > k ln n on."""
    panels = min(SCANNED_PANELS, SCANNED_BYTES // dims)
    return round(panels / math.log(panels))


def index_template(name: str, dims: int) -> dict[str, Any]:
    """The index template of an index called `name`; it covers its physical indexes NAME-000001 and on."""
    filled: dict[str, Any] = json.loads(
        Template(_text("index-template.json")).substitute(name=json.dumps(name)[1:-1], dims=dims)
    )
    return filled


def meta(extractor: ExtractorIdentity, server: str) -> dict[str, Any]:
    """`_meta` of an index's mapping: what its vectors and words are, and the version of what it holds."""
    return {
        "mirsearch": {
            "schema_version": SCHEMA_VERSION,
            "words": WORDS_VERSION,
            "extractor": {"name": extractor.name, "version": extractor.version, "dims": extractor.dims},
            "created_on": server,
        }
    }


def physical(name: str, number: int) -> str:
    """Name of the n-th physical index behind the alias `name`."""
    return f"{name}-{number:06d}"


def fields() -> dict[str, str]:
    """Every field of the mapping with its type, by dotted name."""
    found: dict[str, str] = {}

    def walk(properties: dict[str, Any], before: str) -> None:
        for name, what in properties.items():
            if "properties" in what:
                walk(what["properties"], f"{before}{name}.")
                continue
            found[before + name] = what["type"]
            walk(what.get("fields", {}), f"{before}{name}.")

    for template in component_templates(3, VECTORS_LEFT_OUT_FROM).values():
        walk(template["template"]["mappings"]["properties"], "")
    return found
