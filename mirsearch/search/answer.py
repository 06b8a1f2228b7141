"""What a query gets back: the answer with its hits, and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mirsearch.corpus import Article, Box, Panel, ScaleReading, to_json
from mirsearch.query import Filters, Pixels, ScoredPanel, StoredPanel
from mirsearch.ranking import TERMS, Formula


@dataclass(frozen=True, slots=True)
class QueryView:
    """What was asked, as understood. `image` is the file as given, `like` a panel id, `pixels` the part used."""

    image: str | None = None
    like: str | None = None
    panel: str | None = None
    box: Box | None = None
    text: str | None = None
    scale: ScaleReading | None = None
    field_of_view_nm: float | None = None
    filters: Filters = field(default_factory=Filters)
    pixels: Pixels | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One found panel: rank (from 1), score with terms, the panel with its figure, and its small JPEG.

    `also` are panels of other figures of the same article that show the same picture; they get no rank of their own.
    """

    rank: int
    scored: ScoredPanel
    stored: StoredPanel
    thumbnail: bytes | None = None
    also: tuple[StoredPanel, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first. `exact`: no better panel can have been missed; `notes` are lines a person should read."""

    query: QueryView
    hits: tuple[Hit, ...]
    exact: bool
    considered: int
    took_ms: float
    formula: Formula
    notes: tuple[str, ...] = ()


def scale_json(panel: Panel) -> dict[str, Any] | None:
    """A panel's scale reading with its field of view, or None."""
    if panel.scale is None:
        return None
    return {**to_json(panel.scale), "field_of_view_nm": panel.field_of_view_nm}


def panel_json(panel: Panel) -> dict[str, Any]:
    """A panel as `mirsearch analyze` prints it."""
    keys = ("label", "kind", "kind_confidence", "technique", "technique_confidence", "caption", "text")
    return {"box": list(panel.box), **{key: getattr(panel, key) for key in keys}, "scale": scale_json(panel)}


def article_json(article: Article | None) -> dict[str, Any]:
    """An article's data; every key is there, missing is None."""
    return to_json(article or Article(id="")) | ({} if article else {"id": None})


def stored_json(stored: StoredPanel) -> dict[str, Any]:
    """A panel with its figure and article, all fields, as `mirsearch show` and `export` print it."""
    panel, figure = stored.panel, stored.figure
    return {
        "id": panel.id,
        **panel_json(panel),
        "corrected": list(stored.corrected),
        "figure": figure.id,
        "figure_label": figure.label,
        "figure_caption": figure.caption,
        "figure_size": [figure.width, figure.height],
        "page": figure.page,
        "permission_note": figure.permission_note,
        "origins": [to_json(origin) for origin in figure.origins],
        "image": figure.image,
        "article": article_json(figure.article),
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """One hit as `mirsearch query --format json` prints it."""
    panel, figure, scored = hit.stored.panel, hit.stored.figure, hit.scored
    seen = {} if scored.image_text is None else {"image_text": scored.image_text}
    return {
        "rank": hit.rank,
        "id": panel.id,
        "score": scored.score,
        "visual_distance": scored.visual_distance,
        "terms": {"visual": scored.visual, "scale": scored.scale, "text": scored.text} | seen,
        "scale": scale_json(panel),
        "panel": {"label": panel.label, "box": list(panel.box), "kind": panel.kind, "technique": panel.technique},
        "caption": panel.caption,
        "text": panel.text,
        "figure": figure.id,
        "figure_label": figure.label,
        "figure_caption": figure.caption,
        "article": article_json(figure.article),
        "image": figure.image,
        "also": [_place_json(each) for each in hit.also],
    }


def _place_json(stored: StoredPanel) -> dict[str, Any]:
    """Where else a hit's picture is shown."""
    panel, figure = stored.panel, stored.figure
    return {"id": panel.id, "figure": figure.id, "figure_label": figure.label, "panel": panel.label}


def _weights_json(answer: Answer) -> dict[str, float]:
    """The weights of all terms, of image_text where it was asked."""
    seen = any(hit.scored.image_text is not None for hit in answer.hits)
    return {term: answer.formula.weights.of(term) for term in TERMS if term != "image_text" or seen}


def answer_json(answer: Answer) -> dict[str, Any]:
    """The whole answer in plain JSON types."""
    query = answer.query
    return {
        "query": {
            "image": query.image,
            "like": query.like,
            "panel": query.panel,
            "box": None if query.box is None else list(query.box),
            "text": query.text,
            "scale": None if query.scale is None else to_json(query.scale),
            "field_of_view_nm": query.field_of_view_nm,
            "filters": to_json(query.filters),
        },
        "exact": answer.exact,
        "considered": answer.considered,
        "took_ms": answer.took_ms,
        "weights": _weights_json(answer),
        "sigma": answer.formula.sigma,
        "missing": answer.formula.missing,
        "notes": list(answer.notes),
        "hits": [hit_json(hit) for hit in answer.hits],
    }
