"""Panels and figures as documents of Elasticsearch, and back. No requests here."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading, to_json
from mirsearch.corrections import as_json, fields_of, from_json, panel_from_json
from mirsearch.indexes.base import ExtractorIdentity, FigureNotes, FigureRecord
from mirsearch.indexes.elasticsearch.words import searched
from mirsearch.indexes.embedded.database.filters import folded, short_license
from mirsearch.query import StoredPanel, Vector

Document = dict[str, Any]

HEAVY = ("vector", "thumbnail", "words", "caption_terms")
"""Fields of a panel that are not read back with it."""
NOTES = ("analysis", "given", "corrections")
"""Fields of a figure beside its readings."""


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def packed(vector: Vector) -> bytes:
    """A vector as base64 of big-endian float32, the form Elasticsearch takes from 9.3 on."""
    return base64.b64encode(np.asarray(vector, dtype=">f4").tobytes())


def listed(vector: Vector) -> list[float]:
    """A vector as numbers of 8 decimals, for servers that take no packed ones."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), 8).tolist()
    return numbers


def figure_document(
    figure: Figure,
    panel_ids: list[str],
    state: str,
    extractor: ExtractorIdentity,
    notes: FigureNotes | None = None,
) -> Document:
    """The document of a figure; `state` is "writing" until all of its panels are in, then "complete"."""
    notes = notes or FigureNotes()
    return {
        **_opened(panel_ids, state, extractor),
        "analysis": notes.analysis,
        "given": [to_json(panel) for panel in notes.given] or None,
        "corrections": [as_json(each) for each in notes.corrections] or None,
        **_figure_fields(figure),
    }


def opening_document(figure_id: str, panel_ids: list[str], extractor: ExtractorIdentity) -> Document:
    """The document of a new figure while its panels go in: all that a later call must know of one that was cut off."""
    return _opened(panel_ids, "writing", extractor) | {"figure": {"id": figure_id}}


def _opened(panel_ids: list[str], state: str, extractor: ExtractorIdentity) -> Document:
    return {
        "doc_type": "figure",
        "figure_state": state,
        "panel_ids": panel_ids,
        "ingested_at": now(),
        **named(extractor),
    }


def named(extractor: ExtractorIdentity) -> Document:
    """The field that says which extractor a document's vector is of."""
    return {"extractor": {"name": extractor.name, "version": extractor.version}}


def panel_documents(record: FigureRecord, extractor: ExtractorIdentity, *, pack: bool) -> list[Document]:
    """The documents of a figure's panels, in reading order; vectors packed, or as lists for older servers."""
    shared = _figure_fields(record.figure)
    title = record.figure.article.title if record.figure.article else None
    made = []
    for number, (panel, vector, thumbnail) in enumerate(
        zip(record.panels, record.vectors, record.thumbnails, strict=True)
    ):
        document = {
            "doc_type": "panel",
            "ingested_at": now(),
            "caption": panel.caption,
            "text": panel.text,
            **searched(panel, title),
            "panel": _panel_fields(panel, number),
            "scale": _scale_fields(panel),
            "corrected": list(fields_of(panel.id, record.corrections or ())),
            "thumbnail": base64.b64encode(thumbnail),
            "vector": packed(vector) if pack else listed(vector),
            **named(extractor),
            **shared,
        }
        made.append(document)
    return made


def searched_anew(document: Document) -> Document:
    """What of a panel's document follows from its texts by the present rules."""
    stored = read_panel(document)
    return searched(stored.panel, stored.figure.article.title if stored.figure.article else None)


def _panel_fields(panel: Panel, number: int) -> Document:
    return {
        "id": panel.id,
        "label": panel.label,
        "number": number,
        "kind": panel.kind,
        "kind_confidence": panel.kind_confidence,
        "technique": panel.technique,
        "technique_confidence": panel.technique_confidence,
        "width_px": panel.width,
        "height_px": panel.height,
        "box": list(panel.box),
    }


def _scale_fields(panel: Panel) -> Document:
    scale, fov = panel.scale, panel.field_of_view_nm
    if scale is None or fov is None or not (math.isfinite(fov) and fov > 0):
        return {"known": False}
    return {
        "known": True,
        "nm_per_px": scale.nm_per_px,
        "length_nm": scale.length_nm,
        "log10_length": math.log10(scale.length_nm) if scale.length_nm else None,
        "length_px": scale.length_px,
        "bar": list(scale.bar) if scale.bar else None,
        "label_text": scale.label_text,
        "source": scale.source,
        "confidence": scale.confidence,
        "field_of_view_nm": fov,
        "log10_field_of_view": math.log10(fov),
    }


def _figure_fields(figure: Figure) -> Document:
    return {
        "figure": {
            "id": figure.id,
            "label": figure.label,
            "caption": figure.caption,
            "width": figure.width,
            "height": figure.height,
            "page": figure.page,
            "permission_note": figure.permission_note,
            **origin_fields(figure.origins).pop("figure"),
        },
        **_article_fields(figure.article),
        **{key: value for key, value in origin_fields(figure.origins).items() if key != "figure"},
    }


def origin_fields(origins: tuple[Origin, ...]) -> Document:
    """What depends on a figure's origins: the list itself, sources, the image's place, its address if it has one."""
    newest = origins[-1].location if origins else None
    return {
        "figure": {
            "origins": [{"source": o.source, "location": o.location, "retrieved": o.retrieved} for o in origins]
        },
        "source": sorted({origin.source for origin in origins}),
        "image": newest,
        "image_url": newest if newest and newest.startswith(("http://", "https://")) else None,
    }


def _article_fields(article: Article | None) -> Document:
    if article is None:
        return {}
    return {
        "article": {
            "id": article.id,
            "title": article.title,
            "doi": article.doi,
            "pmcid": article.pmcid,
            "journal": article.journal,
            "journal_folded": folded(article.journal) if article.journal else None,
            "year": article.year,
            "license": article.license,
            "license_code": short_license(article.license),
            "url": article.url,
            "authors": list(article.authors),
            "retracted": article.retracted,
        }
    }


def read_origins(document: Document) -> tuple[Origin, ...]:
    """The origins a figure's or panel's document holds."""
    told = document["figure"].get("origins") or []
    return tuple(Origin(each["source"], each["location"], each.get("retrieved")) for each in told)


def read_article(document: Document) -> Article | None:
    """The article a figure's or panel's document holds."""
    told = document.get("article")
    if not told:
        return None
    names = ("id", "title", "doi", "pmcid", "journal", "year", "license", "url")
    plain = {name: told.get(name) for name in names}
    return Article(**plain, authors=tuple(told.get("authors") or ()), retracted=bool(told.get("retracted")))


def read_panel(document: Document) -> StoredPanel:
    """A panel's document as the panel with its figure."""
    own, figure = document["panel"], document["figure"]
    panel = Panel(
        box=tuple(own["box"]),
        label=own.get("label"),
        kind=own["kind"],
        kind_confidence=own["kind_confidence"],
        technique=own.get("technique"),
        technique_confidence=own["technique_confidence"],
        caption=document["caption"],
        text=document["text"],
        scale=_read_scale(document["scale"]),
        id=own["id"],
        figure_id=figure["id"],
    )
    return StoredPanel(
        panel,
        Figure(
            id=figure["id"],
            width=figure["width"],
            height=figure["height"],
            label=figure.get("label"),
            caption=figure.get("caption") or "",
            article=read_article(document),
            origins=read_origins(document),
            page=figure["page"],
            permission_note=figure.get("permission_note"),
        ),
        tuple(document.get("corrected") or ()),
    )


def read_notes(document: Document) -> FigureNotes:
    """What a figure's document holds beside its readings."""
    return FigureNotes(
        document.get("analysis"),
        tuple(panel_from_json(each) for each in document.get("given") or ()),
        tuple(from_json(each) for each in document.get("corrections") or ()),
    )


def _read_scale(told: Document) -> ScaleReading | None:
    if not told.get("known"):
        return None
    bar = told.get("bar")
    return ScaleReading(
        nm_per_px=told["nm_per_px"],
        length_nm=told.get("length_nm"),
        length_px=told.get("length_px"),
        bar=tuple(bar) if bar else None,
        label_text=told.get("label_text"),
        source=told["source"],
        confidence=told["confidence"],
    )
