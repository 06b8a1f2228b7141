"""Find the sentences of a LaTeX article's text that speak of its figures, by number and by reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mirsearch.settings import LIMITS
from mirsearch.sources.latex.macros import Macro, expand_macros
from mirsearch.sources.latex.plain import plain_text
from mirsearch.sources.latex.scanner import cut_spans
from mirsearch.sources.mentions import figure_mentions, figures_by_name, link_mark, linked_sentences

_REFERENCE = re.compile(r"\\(?:auto|[Cc]|full|v|page|name|h)?(?:page)?ref(?:range)?\*?+\s*+\{([^{}]{1,300}+)\}")
_PREFIXED = re.compile(r"\\(?:autoref|[Cc]ref)\*?+\s*+\{")
_PARAGRAPH_END = re.compile(
    r"\n[ \t]*+\n\s*+|\\(?:par|item)(?![A-Za-z])"
    r"|\\(?:(?:sub)*section|paragraph|chapter|begin|end)(?![A-Za-z])\*?+\s*+(?:\{[^{}]{0,300}+\})?+"
)
_SPEAKS_OF_FIGURES = re.compile(r"fig|scheme|ref", re.IGNORECASE)
_MAX_PARAGRAPHS = 1_000
_MAX_CHARS = 400_000
"""Characters of paragraphs that are read: they are parsed, which takes time."""


def text_mentions(
    text: str, floats: Sequence[tuple[int, int]], labels: Sequence[str | None], names: Sequence[Sequence[str]],
    numbers: Mapping[str, str], macros: Mapping[str, Macro],
) -> list[tuple[str, ...]]:  # fmt: skip
    r"""Return for each figure the sentences that speak of it. `names` are what \label calls each figure.

    `floats` are the places of figures in the text, which are left out. `numbers` are the figures' numbers by name.
    """
    if not labels:
        return []
    # A float on lines of its own leaves an empty line, which ends a paragraph.
    body = cut_spans(text, floats, start=max(text.find("\\begin{document}"), 0))
    return figure_mentions(labels, _sentences(body, figures_by_name(names), numbers, macros))


def _sentences(
    text: str, figures: Mapping[str, list[int]], numbers: Mapping[str, str], macros: Mapping[str, Macro]
) -> Iterator[tuple[str, list[int]]]:
    links: list[list[int]] = []

    def mark(match: re.Match[str]) -> str:
        found = [name.strip() for name in match[1].split(",")]
        known = [name for name in found if name in figures]
        if not known:
            return match[0]
        links.append([figure for name in known for figure in figures[name]])
        words = ("Figs. " if len(known) > 1 else "Fig. ") if _PREFIXED.match(match[0]) else ""
        return f"{words}{link_mark(len(links) - 1)}{', '.join(numbers.get(name, '') for name in known)}"

    for paragraph in _paragraphs(text):
        plain = plain_text(_REFERENCE.sub(mark, expand_macros(paragraph, macros)))
        yield from linked_sentences(plain, links)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs that may speak of figures, up to a number and size."""
    count = chars = position = 0
    for end in (*(match.span() for match in _PARAGRAPH_END.finditer(text)), (len(text), len(text))):
        paragraph = text[position : end[0]]
        position = end[1]
        if not _SPEAKS_OF_FIGURES.search(paragraph):
            continue
        count, chars = count + 1, chars + len(paragraph)
        if count > _MAX_PARAGRAPHS or chars > _MAX_CHARS:
            return
        yield paragraph[: LIMITS.caption_latex_chars]
