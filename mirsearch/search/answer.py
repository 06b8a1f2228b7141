"""The answer to a question, with its hits, and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mirsearch.corpus import Article, Box, Panel, ScaleReading, to_json
from mirsearch.query import Filters, Pixels, ScoredPanel, StoredPanel
from mirsearch.ranking import OPTIONAL_TERMS, TERMS, Formula


@dataclass(frozen=True, slots=True, eq=False)
class QueryImage:
    """One picture of a question: its file (or the id of a panel), and the part, scale and pixels that were used."""

    image: str
    panel: str | None
    box: Box
    scale: ScaleReading | None
    field_of_view_nm: float | None
    pixels: Pixels | None


@dataclass(frozen=True, slots=True)
class QueryView:
    """The question as it was understood. `image` is the file, `like` a panel id, `pixels` the part that was used.

    `images` has all pictures that are asked with; of several, the first has the fields above. `not_articles`: articles
    that are left out. `per_article`: most hits of one article (0: any number). `alike` and `not_alike`: ids of panels
    that were marked, and that the looks follow.
    """

    image: str | None = None
    like: str | None = None
    panel: str | None = None
    box: Box | None = None
    text: str | None = None
    scale: ScaleReading | None = None
    field_of_view_nm: float | None = None
    filters: Filters = field(default_factory=Filters)
    pixels: Pixels | None = None
    images: tuple[QueryImage, ...] = ()
    not_articles: tuple[str, ...] = ()
    per_article: int = 0
    min_score: float | None = None
    diverse: bool = False
    alike: tuple[str, ...] = ()
    not_alike: tuple[str, ...] = ()

    @property
    def has_looks(self) -> bool:
        """Return whether the question has a picture, or marked panels in place of one."""
        pictures = (self.image, self.like, self.pixels)
        return any(each is not None for each in pictures) or bool(self.alike or self.not_alike)


@dataclass(frozen=True, slots=True)
class Match:
    """How likely a hit shows the same kind of thing as the picture: as a word, and as a probability (search/match.py).

    "strong": likely; "weak": it may or may not; "none": nothing like it.
    """

    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One found panel: rank (from 1), score with its terms, the panel with its figure, and its thumbnail (JPEG).

    `repeats` are panels of other figures of the same article that show the same picture. `parts` are the other images
    under the same letter that were found, best first, with their scores. `others` are further panels of the article
    that would have ranked among the hits; the last hit of an article has them. None of these has a rank. `match` is
    None where the distances of the extractor are not calibrated.
    """

    rank: int
    scored: ScoredPanel
    stored: StoredPanel
    thumbnail: bytes | None = None
    repeats: tuple[StoredPanel, ...] = ()
    parts: tuple[tuple[ScoredPanel, StoredPanel], ...] = ()
    others: tuple[tuple[ScoredPanel, StoredPanel], ...] = ()
    match: Match | None = None

    @property
    def more(self) -> int:
        """Return how many other images under the same letter were found."""
        return len(self.parts)


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first. `exact`: no better panel was missed. `considered`: panels that were scored. `notes` are for
    the reader.
    """

    query: QueryView
    hits: tuple[Hit, ...]
    exact: bool
    considered: int
    took_ms: float
    formula: Formula
    notes: tuple[str, ...] = ()

    @property
    def match(self) -> Match | None:
        """Return the judgment of the hit that looks most like the picture; None if none is judged."""
        return max((hit.match for hit in self.hits if hit.match), key=lambda match: match.probability, default=None)


def scale_json(panel: Panel) -> dict[str, Any] | None:
    """Return a panel's scale reading with its field of view, or None."""
    return _reading_json(panel, panel.scale)


def _reading_json(panel: Panel, reading: ScaleReading | None) -> dict[str, Any] | None:
    return None if reading is None else {**to_json(reading), "field_of_view_nm": panel.width * reading.nm_per_px}


def panel_json(panel: Panel) -> dict[str, Any]:
    """Return a panel as `mirsearch analyze` prints it."""
    keys = ("label", "kind", "kind_confidence", "technique", "technique_confidence", "caption", "text")
    return {
        "box": list(panel.box),
        **{key: getattr(panel, key) for key in keys},
        "scale": scale_json(panel),
        "part": panel.part,
        "group": None if panel.group is None else list(panel.group),
        "heading": panel.heading,
        "inset_of": panel.inset_of,
        "doubtful_scale": _reading_json(panel, panel.doubtful_scale),
        "bar": None if panel.bar is None else to_json(panel.bar),
    }


def article_json(article: Article | None) -> dict[str, Any]:
    """Return an article with all keys; a missing value is None."""
    return to_json(article or Article(id="")) | ({} if article else {"id": None})


def stored_json(stored: StoredPanel) -> dict[str, Any]:
    """Return a panel with its figure and article, all fields, as `mirsearch show` and `export` print it."""
    panel, figure = stored.panel, stored.figure
    return {
        "id": panel.id,
        **panel_json(panel),
        "corrected": list(stored.corrected_fields),
        "figure": figure.id,
        "figure_label": figure.label,
        "figure_caption": figure.caption,
        "figure_size": [figure.width, figure.height],
        "page": figure.page,
        "permission_note": figure.permission_note,
        "mentions": list(figure.mentions),
        "origins": [to_json(origin) for origin in figure.origins],
        "image": figure.image,
        "article": article_json(figure.article),
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as `mirsearch query --format json` prints it."""
    panel, figure, scored = hit.stored.panel, hit.stored.figure, hit.scored
    asked = {term: value for term in OPTIONAL_TERMS if (value := getattr(scored, term)) is not None}
    return {
        "rank": hit.rank,
        "id": panel.id,
        "score": scored.score,
        "visual_distance": scored.visual_distance,
        "terms": {"visual": scored.visual, "scale": scored.scale, "text": scored.text} | asked,
        "scale": scale_json(panel),
        "panel": {
            "label": panel.label,
            "box": list(panel.box),
            "kind": panel.kind,
            "technique": panel.technique,
            "part": panel.part,
            "group": None if panel.group is None else list(panel.group),
            "heading": panel.heading,
        },
        "caption": panel.caption,
        "text": panel.text,
        "figure": figure.id,
        "figure_label": figure.label,
        "figure_caption": figure.caption,
        "article": article_json(figure.article),
        "image": figure.image,
        "also": [_repeat_json(repeat) for repeat in hit.repeats],
        "doubtful_scale": _reading_json(panel, panel.doubtful_scale),
        "more": [
            {"id": stored.panel.id, "part": stored.panel.part, "score": scored.score} for scored, stored in hit.parts
        ],
        "more_of_article": [{"id": stored.panel.id, "score": scored.score} for scored, stored in hit.others],
        "match": _match_json(hit.match),
    }


def _match_json(match: Match | None) -> dict[str, Any] | None:
    return None if match is None else to_json(match)


def _repeat_json(stored: StoredPanel) -> dict[str, Any]:
    """Return another place where the picture of a hit is shown."""
    panel, figure = stored.panel, stored.figure
    return {"id": panel.id, "figure": figure.id, "figure_label": figure.label, "panel": panel.label}


def _image_json(image: QueryImage) -> dict[str, Any]:
    return {
        "image": image.image,
        "panel": image.panel,
        "box": list(image.box),
        "scale": None if image.scale is None else to_json(image.scale),
        "field_of_view_nm": image.field_of_view_nm,
    }


def _weights_json(answer: Answer) -> dict[str, float]:
    """Return the weights of all terms; those of OPTIONAL_TERMS only where the query used them."""
    used = {term for term in OPTIONAL_TERMS if any(getattr(hit.scored, term) is not None for hit in answer.hits)}
    return {term: answer.formula.weights.of(term) for term in TERMS if term not in OPTIONAL_TERMS or term in used}


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return the whole answer in plain JSON types."""
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
            "images": [_image_json(image) for image in query.images] if query.like is None else [],
            "not_articles": list(query.not_articles),
            "per_article": query.per_article,
            "min_score": query.min_score,
            "diverse": query.diverse,
            "alike": list(query.alike),
            "not_alike": list(query.not_alike),
        },
        "exact": answer.exact,
        "considered": answer.considered,
        "took_ms": answer.took_ms,
        "weights": _weights_json(answer),
        "sigma": answer.formula.sigma,
        "missing": answer.formula.missing,
        "notes": list(answer.notes),
        "hits": [hit_json(hit) for hit in answer.hits],
        "match": _match_json(answer.match),
    }
