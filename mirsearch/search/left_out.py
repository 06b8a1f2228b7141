"""What a question leaves out of its answer: articles, and hits with a low score."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mirsearch.corpus import figure_id
from mirsearch.errors import MirsearchError
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, StoredPanel
from mirsearch.search.answer import Hit
from mirsearch.search.question import OWN_ARTICLE, Question


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Ids of articles and of their panels, which no answer may have, and notes for the reader."""

    articles: tuple[str, ...] = ()
    panels: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def find_left_out(index: Index, question: Question, stored: StoredPanel | None) -> LeftOut:
    """Return the articles that a question leaves out; `stored` is the panel that it asks with, if it asks with one.

    OWN_ARTICLE is the article of that panel, or of the index's figure that has the same file as an image of the
    question. Where no article is known of it, its figure is left out.
    """
    articles: dict[str, None] = {}
    panels: set[str] = set()
    notes = []
    for name in question.not_articles:
        found = _own_panels(index, question, stored) if name == OWN_ARTICLE else _article_panels(index, name)
        if not found:
            notes.append(
                "the image is no figure of the index: no article of its own is left out"
                if name == OWN_ARTICLE
                else f"the index has no article {name}: nothing of it is left out"
            )
        panels |= {panel.panel.id for panel in found}
        articles |= {(panel.figure.article.id if panel.figure.article else panel.figure.id): None for panel in found}
    return LeftOut(tuple(articles), frozenset(panels), tuple(notes))


def _article_panels(index: Index, name: str) -> list[StoredPanel]:
    return list(index.select_panels(Filters(articles=(name,))))


def _own_panels(index: Index, question: Question, stored: StoredPanel | None) -> list[StoredPanel]:
    """Return the panels of the articles of the pictures that are asked with, or of their figures without an article."""
    from mirsearch.imaging.images import content_hash

    figures = [stored.figure.id] if stored else []
    for image in question.images:
        try:
            figures.append(figure_id(content_hash(image.path), image.page))
        except MirsearchError:
            continue  # a folder of slices, or a file of a kind that has no single content
    found: list[StoredPanel] = []
    for figure in figures:
        own = index.figure_panels(figure)
        article = own[0].figure.article if own else None
        found += own if article is None else _article_panels(index, article.id)
    return found


def drop_low_scores(hits: tuple[Hit, ...], least: float) -> tuple[tuple[Hit, ...], str]:
    """Return the hits that score at least `least`, and a note where none does."""
    kept = tuple(
        replace(hit, others=tuple(pair for pair in hit.others if pair[0].score >= least))
        for hit in hits
        if hit.scored.score >= least
    )
    if kept or not hits:
        return kept, ""
    return kept, f"no panel scores {least:g} or more; the best has {hits[0].scored.score:.3f}"
