"""Find the figures in LaTeX sources: images, captions as plain text, numbers, and sentences that speak of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.latex.floats import collect_figures
from mirsearch.sources.latex.image_files import ImageFinder
from mirsearch.sources.latex.joining import join_sources
from mirsearch.sources.latex.macros import Macro
from mirsearch.sources.latex.mentions import text_mentions
from mirsearch.sources.latex.plain import plain_text
from mirsearch.sources.latex.structure import expand_structure
from mirsearch.sources.latex.units import Unit
from mirsearch.sources.permissions import permission_note

_MAX_FIGURES = 500
_ENDS = tuple(".!?:;,")
_OTHER_NAME = re.compile(r"suppl|support|extended|appendix|online", re.IGNORECASE)
"""Words with which a figure of another series is called; "Fig." and the like mean the usual one."""


@dataclass(frozen=True, slots=True)
class LatexFigure:
    """A figure: its label ("Figure 2"; None without a number), its caption, the files it shows, others' rights.

    `missing` counts named images that are not among the files. `is_drawn` tells that TeX draws it (TikZ, PSTricks), so
    there is no file. `mentions` are sentences of the text that speak of it.
    """

    label: str | None
    caption: str
    files: tuple[str, ...]
    missing: int = 0
    permission_note: str | None = None
    is_drawn: bool = False
    mentions: tuple[str, ...] = ()


def latex_figures(sources: Mapping[str, str], files: frozenset[str]) -> list[LatexFigure]:
    """Return the article's figures in order. `sources` maps paths to texts; `files` are the paths of all files."""
    joined = join_sources(sources)
    if joined is None:
        return []
    text, macros = expand_structure(joined.text)
    units, spans = collect_figures(text, _MAX_FIGURES)
    images = ImageFinder(replace(joined, text=text), files, macros)
    numbers = {label: unit.number for unit in units for label in unit.labels if unit.number}
    figures = [_make_figure(unit, images, macros, numbers) for unit in units]
    mentions = text_mentions(
        text, spans, [figure.label for figure in figures], [unit.labels for unit in units], numbers, macros
    )
    return [replace(figure, mentions=found) for figure, found in zip(figures, mentions, strict=True)]


def _make_figure(
    unit: Unit, images: ImageFinder, macros: Mapping[str, Macro], numbers: Mapping[str, str]
) -> LatexFigure:
    paths = [images.find(image.name) for image in unit.images]
    parts = [(letter, plain_text(latex, macros, numbers)) for letter, latex in _caption_parts(unit)]
    caption = clean_text(_join_parts(parts), LIMITS.caption_chars)
    found = tuple(dict.fromkeys(path for path in paths if path))
    is_drawn = unit.is_drawn and not unit.images
    return LatexFigure(_label(unit, macros), caption, found, paths.count(None), permission_note(caption), is_drawn)


def _label(unit: Unit, macros: Mapping[str, Macro]) -> str | None:
    if unit.number is None:
        return None
    name = unit.kind.capitalize()
    if unit.kind == "figure" and _OTHER_NAME.search(unit.name):
        name = clean_text(plain_text(unit.name, macros), 40).rstrip(" .")
    return f"{name} {unit.number}"


def _caption_parts(unit: Unit) -> Iterator[tuple[str, str]]:
    """Yield a figure's caption and those of its parts, with their letters, up to the length that is parsed."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    chars_left = LIMITS.caption_latex_chars
    yield "", unit.latex[:chars_left]
    chars_left -= len(unit.latex)
    for part in unit.subcaptions:
        letter = next(letters, "?") if part.has_letter else ""
        if chars_left > 0 and part.latex.strip():
            yield letter, part.latex[:chars_left]
            chars_left -= len(part.latex)


def _join_parts(parts: Sequence[tuple[str, str]]) -> str:
    """Return "Main caption. (a) First. (b) Second."; with parts, each ends like a sentence."""
    texts = [f"({letter}) {text}" if letter else text for letter, text in parts if text]
    if len(texts) > 1:
        texts = [text if text.endswith(_ENDS) else f"{text}." for text in texts]
    return " ".join(texts)
