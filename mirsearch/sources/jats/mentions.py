"""Find the sentences of a JATS article's text that speak of its figures, by their numbers and by <xref>."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from mirsearch.sources.jats.text import Element, child, element_text, local_name
from mirsearch.sources.mentions import figure_mentions, figures_by_name, link_mark, linked_sentences

_MAX_PARAGRAPHS = 50_000
_MAX_LINKS = 100_000
_MAX_IDS = 50
"""Figures that one link may name."""
_NO_TEXT = frozenset(("fig", "fig-group", "table-wrap", "ref-list", "supplementary-material"))


def article_mentions(
    article: Element, labels: Sequence[str | None], ids: Sequence[frozenset[str]]
) -> list[tuple[str, ...]]:
    """Return for each figure the sentences that speak of it. `ids` are the ids under which links name the figure.

    The article's links are marked in it, so its text must not be read afterwards.
    """
    return figure_mentions(labels, _sentences(article, figures_by_name(ids)))


def _sentences(article: Element, numbers_by_id: dict[str, list[int]]) -> Iterator[tuple[str, list[int]]]:
    """Yield the sentences of the text, each with the figures that it links to."""
    links = _mark_links(article, numbers_by_id)
    for paragraph in islice(_paragraphs(article), _MAX_PARAGRAPHS):
        yield from linked_sentences(element_text(paragraph), links)


def _mark_links(article: Element, numbers_by_id: dict[str, list[int]]) -> list[list[int]]:
    """Write a mark before the text of each link to figures. Return the figures of each."""
    links: list[list[int]] = []
    for link in article.iter("{*}xref"):
        targets = link.get("rid", "").split()[:_MAX_IDS]
        numbers = [number for target in targets for number in numbers_by_id.get(target, ())][:_MAX_IDS]
        if numbers and len(links) < _MAX_LINKS:
            link.text = link_mark(len(links)) + (link.text or "")
            links.append(numbers)
    return links


def _paragraphs(article: Element) -> Iterator[Element]:
    """Yield the outermost paragraphs of the body and of the appendices, without those of figures and tables."""
    homes = (child(article, "body"), child(article, "back", "app-group"), child(article, "back", "app"))
    pending = [home for home in reversed(homes) if home is not None]
    while pending:
        element = pending.pop()
        name = local_name(element)
        if name == "p":
            yield element
        elif name and name not in _NO_TEXT:
            pending.extend(reversed(element))
