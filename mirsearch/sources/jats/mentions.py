"""Find the sentences of a JATS article's text that speak of its figures, by their numbers and by <xref>."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from mirsearch.sources.jats.text import Element, child, element_text, local_name
from mirsearch.sources.mentions import figure_mentions, split_sentences

_MARK = re.compile("\ue000(\\d{1,6})\ue001")
"""Stands in a paragraph's text where a link to figures is: its number among the links."""
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
    numbers_by_id: dict[str, list[int]] = {}
    for number, own_ids in enumerate(ids):
        for own_id in own_ids:
            numbers_by_id.setdefault(own_id, []).append(number)
    return figure_mentions(labels, _sentences(article, numbers_by_id))


def _sentences(article: Element, numbers_by_id: dict[str, list[int]]) -> Iterator[tuple[str, list[int]]]:
    """Yield the sentences of the text, each with the figures that it links to."""
    links = _mark_links(article, numbers_by_id)
    for paragraph in islice(_paragraphs(article), _MAX_PARAGRAPHS):
        for sentence in split_sentences(element_text(paragraph)):
            marks = [int(mark[1]) for mark in _MARK.finditer(sentence)]
            linked = [number for mark in marks if mark < len(links) for number in links[mark]]
            yield _MARK.sub("", sentence), linked


def _mark_links(article: Element, numbers_by_id: dict[str, list[int]]) -> list[list[int]]:
    """Write a mark before the text of each link to figures. Return the figures of each."""
    links: list[list[int]] = []
    for link in article.iter("{*}xref"):
        targets = link.get("rid", "").split()[:_MAX_IDS]
        numbers = [number for target in targets for number in numbers_by_id.get(target, ())][:_MAX_IDS]
        if numbers and len(links) < _MAX_LINKS:
            link.text = f"\ue000{len(links)}\ue001{link.text or ''}"
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
