"""Turn panels and figures into documents of Elasticsearch, and back. This module sends no requests."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mirsearch.corpus import Article, Figure, Origin, Panel, to_json
from mirsearch.corrections import corrected_fields, correction_from_json, correction_to_json, panel_from_json
from mirsearch.indexes.base import ExtractorIdentity, FigureNotes, FigureRecord, KnownFigure
from mirsearch.indexes.comparison import MIN_TECHNIQUE_CONFIDENCE, fold_name, known_technique, license_key
from mirsearch.indexes.elasticsearch.scales import read_scales, scale_fields
from mirsearch.indexes.elasticsearch.words import text_fields
from mirsearch.query import StoredPanel, Vector

Document = dict[str, Any]

HEAVY_FIELDS = ("vector", "meaning", "meaning_key", "thumbnail", "words", "caption_terms")
"""Large fields of a panel's document that are not read back with the panel."""
TAKEN_OUT = "taken out"
"""State of a figure that an ingest takes again. Its document keeps the corrections."""
NOTE_FIELDS = ("analysis", "given", "corrections")
"""Fields of a figure's document that hold its FigureNotes."""


def utc_timestamp() -> str:
    """Return the present time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_vectors(record: FigureRecord, dims: int) -> None:
    """Raise ValueError if the vectors of a record don't fit its panels or `dims`, or are not finite."""
    vectors = np.asarray(record.vectors)
    if vectors.shape != (len(record.panels), dims):
        raise ValueError(f"vectors of shape {vectors.shape} for {len(record.panels)} panels of {dims} dims")
    if not np.isfinite(vectors).all():
        raise ValueError(f"vectors of figure {record.figure.id} are not finite")


def pack_vector(vector: Vector) -> bytes:
    """Return a vector as base64 of big-endian float32, a form that Elasticsearch accepts since 9.3."""
    return base64.b64encode(np.asarray(vector, dtype=">f4").tobytes())


def round_vector(vector: Vector) -> list[float]:
    """Return a vector as numbers of 8 decimals, for servers that accept no packed vectors."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), 8).tolist()
    return numbers


def figure_document(
    figure: Figure,
    panel_ids: list[str],
    state: str,
    extractor: ExtractorIdentity,
    notes: FigureNotes | None = None,
) -> Document:
    """Return the document of a figure; `state` is "writing" until all of its panels are stored, then "complete"."""
    notes = notes or FigureNotes()
    return {
        **_figure_state_fields(panel_ids, state, extractor),
        "analysis": notes.analysis_version,
        "given": [to_json(panel) for panel in notes.source_panels] or None,
        "corrections": [correction_to_json(correction) for correction in notes.corrections] or None,
        **_figure_fields(figure),
    }


def opening_document(figure_id: str, panel_ids: list[str], extractor: ExtractorIdentity) -> Document:
    """Return the document of a new figure while its panels are written: all that a later call needs after a crash."""
    return _figure_state_fields(panel_ids, "writing", extractor) | {"figure": {"id": figure_id}}


def _figure_state_fields(panel_ids: list[str], state: str, extractor: ExtractorIdentity) -> Document:
    return {
        "doc_type": "figure",
        "figure_state": state,
        "panel_ids": panel_ids,
        "ingested_at": utc_timestamp(),
        **extractor_fields(extractor),
    }


def extractor_fields(extractor: ExtractorIdentity) -> Document:
    """Return the field that names the extractor of a document's vector."""
    return {"extractor": {"name": extractor.name, "version": extractor.version}}


def panel_documents(record: FigureRecord, extractor: ExtractorIdentity, *, pack: bool) -> list[Document]:
    """Return the documents of a figure's panels, in reading order; vectors packed, or as lists for older servers."""
    shared = _figure_fields(record.figure)
    documents = []
    for number, (panel, vector, thumbnail) in enumerate(
        zip(record.panels, record.vectors, record.thumbnails, strict=True)
    ):
        document = {
            "doc_type": "panel",
            "ingested_at": utc_timestamp(),
            "caption": panel.caption,
            "text": panel.text,
            **text_fields(panel, record.figure),
            "panel": _panel_fields(panel, number),
            **scale_fields(panel),
            "corrected": list(corrected_fields(panel.id, record.corrections or ())),
            "thumbnail": base64.b64encode(thumbnail),
            "vector": pack_vector(vector) if pack else round_vector(vector),
            **extractor_fields(extractor),
            **shared,
        }
        documents.append(document)
    return documents


def rebuilt_fields(document: Document) -> Document:
    """Return the fields of a panel's document by the present rules: from its texts and origins, and the technique."""
    stored = read_panel(document)
    panel = document["panel"] | {"technique": stored.panel.technique}
    return text_fields(stored.panel, stored.figure) | rebuilt_origin_fields(document) | {"panel": panel}


def rebuilt_origin_fields(document: Document) -> Document:
    """Return the fields of a figure's or panel's document that are made from the origins, by the present rules."""
    fields = origin_fields(read_origins(document))
    return fields | {"figure": document["figure"] | fields["figure"]}


def _panel_fields(panel: Panel, number: int) -> Document:
    return {
        "id": panel.id,
        "label": panel.label,
        "number": number,
        "kind": panel.kind,
        "kind_confidence": panel.kind_confidence,
        "technique": known_technique(panel),
        "technique_confidence": panel.technique_confidence,
        "width_px": panel.width,
        "height_px": panel.height,
        "box": list(panel.box),
        "part": panel.part,
        "group": None if panel.group is None else list(panel.group),
        "heading": panel.heading or None,
        "inset_of": panel.inset_of,
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
            "mentions": list(figure.mentions),
            **origin_fields(figure.origins).pop("figure"),
        },
        **_article_fields(figure.article),
        **{key: value for key, value in origin_fields(figure.origins).items() if key != "figure"},
    }


def origin_fields(origins: tuple[Origin, ...]) -> Document:
    """Return the fields made from a figure's origins: origins, sources, newest location and newest web address."""
    locations = [origin.location for origin in origins]
    return {
        "figure": {
            "origins": [{"source": o.source, "location": o.location, "retrieved": o.retrieved} for o in origins],
            "locations": list(dict.fromkeys(locations)),
        },
        "source": sorted({origin.source for origin in origins}),
        "image": locations[-1] if locations else None,
        "image_url": next((each for each in reversed(locations) if each.startswith(("http://", "https://"))), None),
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
            "journal_folded": fold_name(article.journal) if article.journal else None,
            "year": article.year,
            "license": article.license,
            "license_code": license_key(article.license),
            "url": article.url,
            "authors": list(article.authors),
            "retracted": article.retracted,
        }
    }


def read_origins(document: Document) -> tuple[Origin, ...]:
    """Return the origins stored in a figure's or panel's document."""
    origins = document["figure"].get("origins") or []
    return tuple(Origin(origin["source"], origin["location"], origin.get("retrieved")) for origin in origins)


def read_article(document: Document) -> Article | None:
    """Return the article stored in a figure's or panel's document, None if there is none."""
    stored = document.get("article")
    if not stored:
        return None
    names = ("id", "title", "doi", "pmcid", "journal", "year", "license", "url")
    plain = {name: stored.get(name) for name in names}
    return Article(**plain, authors=tuple(stored.get("authors") or ()), retracted=bool(stored.get("retracted")))


def read_known(figure_id: str, document: Document) -> KnownFigure:
    """Return what an ingest needs of a figure, from the figure's document."""
    article, figure = read_article(document), document["figure"]
    return KnownFigure(
        figure_id, figure.get("caption") or "", article.id if article else None, read_origins(document),
        tuple(figure.get("mentions") or ()),
    )  # fmt: skip


def merge_figures(figure: Figure, old: Document) -> Figure:
    """Return a figure with the data that only the stored one has: earlier origins, and fields that are empty now."""
    known = {(origin.source, origin.location) for origin in read_origins(old)}
    fresh = tuple(origin for origin in figure.origins if (origin.source, origin.location) not in known)
    return dataclasses.replace(
        figure,
        origins=(*read_origins(old), *fresh),
        article=figure.article or read_article(old),
        label=figure.label or old["figure"].get("label"),
        permission_note=figure.permission_note or old["figure"].get("permission_note"),
        mentions=figure.mentions or tuple(old["figure"].get("mentions") or ()),
    )


def read_panel(document: Document) -> StoredPanel:
    """Return the panel of a document, with its figure."""
    own, figure = document["panel"], document["figure"]
    panel = Panel(
        box=tuple(own["box"]),
        label=own.get("label"),
        kind=own["kind"],
        kind_confidence=own["kind_confidence"],
        technique=own.get("technique") if own["technique_confidence"] >= MIN_TECHNIQUE_CONFIDENCE else None,
        technique_confidence=own["technique_confidence"],
        caption=document["caption"],
        text=document["text"],
        **read_scales(document),
        id=own["id"],
        figure_id=figure["id"],
        part=own.get("part"),
        group=tuple(own["group"]) if own.get("group") else None,
        heading=own.get("heading") or "",
        inset_of=own.get("inset_of"),
    )
    return StoredPanel(panel, read_figure(document), tuple(document.get("corrected") or ()))


def read_figure(document: Document) -> Figure:
    """Return the figure of a figure's or panel's document."""
    figure = document["figure"]
    return Figure(
        id=figure["id"],
        width=figure["width"],
        height=figure["height"],
        label=figure.get("label"),
        caption=figure.get("caption") or "",
        article=read_article(document),
        origins=read_origins(document),
        page=figure["page"],
        permission_note=figure.get("permission_note"),
        mentions=tuple(figure.get("mentions") or ()),
    )


def read_notes(document: Document) -> FigureNotes:
    """Return the notes stored in a figure's document."""
    return FigureNotes(
        document.get("analysis"),
        tuple(panel_from_json(panel) for panel in document.get("given") or ()),
        tuple(correction_from_json(correction) for correction in document.get("corrections") or ()),
    )
