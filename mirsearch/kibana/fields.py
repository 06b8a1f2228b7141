"""How Kibana shows fields, and fields that it computes when it asks: what stands in for data that a corpus lacks.

A folder of figures has no year, journal or license. Charts by these would be empty. So they show the year of the
ingest, the source, and that no license is known.
"""

from __future__ import annotations

from mirsearch.kibana.lens import Json

_LINK: Json = {"type": "a", "urlTemplate": "", "labelTemplate": "", "openLinkInCurrentTab": False}
_IMAGE: Json = {"type": "img", "width": "160", "height": "120", "urlTemplate": "", "labelTemplate": ""}
_THUMBNAIL = _IMAGE | {"urlTemplate": "data:image/jpeg;base64,{{rawValue}}", "labelTemplate": "picture of the panel"}
"""The small picture lies in the document: Kibana's format of pictures takes any address, also one with data in it."""
_DOI = _LINK | {"urlTemplate": "https://doi.org/{{rawValue}}", "labelTemplate": "{{rawValue}}"}

FORMATS: dict[str, Json] = {
    "thumbnail": {"id": "url", "params": _THUMBNAIL},
    "image_url": {"id": "url", "params": _IMAGE},
    "article.url": {"id": "url", "params": _LINK},
    "article.doi": {"id": "url", "params": _DOI},
    "article.year": {"id": "number", "params": {"pattern": "0"}},
    "shown_year": {"id": "number", "params": {"pattern": "0"}},
    "scale.field_of_view_nm": {"id": "number", "params": {"pattern": "0,0.[00]"}},
    "scale.log10_field_of_view": {"id": "number", "params": {"pattern": "0.0"}},
    "scale.confidence": {"id": "number", "params": {"pattern": "0.00"}},
}

_SHOWN_YEAR = """if (doc['article.year'].size() > 0) { emit(doc['article.year'].value) }
else if (doc['ingested_at'].size() > 0) { emit(doc['ingested_at'].value.getYear()) }"""
_SHOWN_JOURNAL = """if (doc['article.journal'].size() > 0) { emit(doc['article.journal'].value) }
else { for (def source : doc['source']) { emit(source) } }"""
_SHOWN_LICENSE = """if (doc['article.license_code'].size() > 0) { emit(doc['article.license_code'].value) }
else { emit('not known') }"""

COMPUTED: dict[str, Json] = {
    "shown_year": {"type": "long", "script": {"source": _SHOWN_YEAR}},
    "shown_journal": {"type": "keyword", "script": {"source": _SHOWN_JOURNAL}},
    "shown_license": {"type": "keyword", "script": {"source": _SHOWN_LICENSE}},
}
"""Runtime fields of the data view, as Elasticsearch takes them in `runtime_mappings`."""

ROW_COLUMNS = (
    "thumbnail", "caption", "panel.technique", "scale.field_of_view_nm", "article.doi", "shown_license", "corrected",
)  # fmt: skip
"""Columns of the table of single panels."""
HIDDEN = ("vector", "words.*")
"""Fields that Kibana does not load."""
