"""Find the sentences of an article's text that speak of its figures ("Fig. 2b shows …", "Figs 2–4", "Figure S1")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.articles import clean_text
from mirsearch.text.figure_references import FIGURE_WORD, WHOLE, FigureKey, find_references

_MAX_FIGURES_OF_NUMBER = 100
"""Figures of one number, as parts of a group have, that mentions are given to."""
_MAX_SENTENCES = 200_000
_END = re.compile(r"[.!?](?:(?<=[a-z)\]][.])\[?\d{1,3}(?:[,–-]\d{1,3}){0,10}\]?)?[\"'”’)\]]{0,3}(?=\s)")
"""The end of a sentence, also with a citation behind it ("… grown.12,13 The")."""
_LAST_TOKEN = re.compile(r"(?:^|(?<=[\s(\[]))[\w.]*+$")
_TOKEN_CHARS = 12
_LINK = re.compile("\ue000(\\d{1,6})\ue001")
"""Stands in a text where a link to figures is: its number among the links."""
_ABBREVIATIONS = frozenset((
    "fig", "figs", "ref", "refs", "eq", "eqs", "eqn", "al", "e.g", "i.e", "eg", "ie", "vs", "cf", "ca", "approx",
    "no", "nos", "dr", "prof", "tab", "tabs", "sec", "sect", "suppl", "supp", "resp", "vol", "pp", "p", "st", "abb",
    "viz", "sp", "spp", "var", "conc", "max", "min", "temp", "esp", "ed", "eds", "incl",
))  # fmt: skip


def figure_mentions(
    labels: Sequence[str | None], sentences: Iterable[tuple[str, Iterable[int]]], limits: Limits = LIMITS
) -> list[tuple[str, ...]]:
    """Return for each figure the sentences that speak of it, in order and each once, up to a number and length.

    `labels` are the figures' labels. Each sentence comes with the numbers of the figures that it links to.
    """
    parts: list[set[str]] = []
    by_key: dict[FigureKey, list[int]] = {}
    for number, label in enumerate(labels):
        key, letters = next(iter(find_references(label or "").items()), (None, {WHOLE}))
        parts.append(letters)
        if key is not None and len(by_key.setdefault(key, [])) < _MAX_FIGURES_OF_NUMBER:
            by_key[key].append(number)
    found: list[dict[str, None]] = [{} for _ in labels]
    for sentence, linked in islice(sentences, _MAX_SENTENCES):
        named = dict.fromkeys(linked)
        for key, letters in find_references(sentence).items():
            for number in by_key.get(key, ()):
                if WHOLE in letters or WHOLE in parts[number] or letters & parts[number]:
                    named[number] = None
        text = _shorten(sentence, limits.mention_chars) if named else ""
        for number in named:
            if text and len(found[number]) < limits.mentions:
                found[number][text] = None
    return [tuple(texts) for texts in found]


def figures_by_name(names: Sequence[Iterable[str]]) -> dict[str, list[int]]:
    """Return the numbers of the figures that each name links to. `names` are the names of each figure."""
    figures: dict[str, list[int]] = {}
    for figure, own_names in enumerate(names):
        for name in own_names:
            figures.setdefault(name, []).append(figure)
    return figures


def link_mark(number: int) -> str:
    """Return what stands in a text for a link to figures. `number` is its place among the text's links."""
    return f"\ue000{number}\ue001"


def linked_sentences(text: str, links: Sequence[Sequence[int]]) -> Iterator[tuple[str, list[int]]]:
    """Yield the sentences of a paragraph without link marks, each with the figures that its links name."""
    for sentence in split_sentences(text):
        marks = [int(mark[1]) for mark in _LINK.finditer(sentence)]
        yield _LINK.sub("", sentence), [figure for mark in marks if mark < len(links) for figure in links[mark]]


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph. No sentence ends after "Fig.", "et al." or an initial."""
    start = 0
    for match in _END.finditer(text):
        following = text[match.end() : match.end() + 2].strip()
        token = _LAST_TOKEN.search(text[max(0, match.start() - _TOKEN_CHARS) : match.start()])
        word = token[0].lower() if token else ""
        is_short = match[0][0] == "." and (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
        if following[:1].islower() or is_short:
            continue
        yield text[start : match.end()].strip()
        start = match.end()
    if rest := text[start:].strip():
        yield rest


def _shorten(sentence: str, limit: int) -> str:
    """Return a sentence, or of a longer one what stands around the first figure that it names."""
    if len(sentence) > limit:
        word = FIGURE_WORD.search(sentence)
        start = max(0, (word.start() if word else 0) - limit // 2)
        sentence = ("…" if start else "") + sentence[start : start + limit - 1]
    return clean_text(sentence, limit)
