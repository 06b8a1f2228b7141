"""Figures of LaTeX sources: image names, captions as plain text, numbers in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.latex.macros import Macro, expanded, inside, macros_of
from mirsearch.sources.permissions import permission_note

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_INPUT = re.compile(r"\\(?:input|include|subfile)\s*\{([^{}]{1,300})\}")
_ENVIRONMENT = re.compile(
    r"\\begin\{(figure|wrapfigure|SCfigure|floatingfigure|sidewaysfigure)(\*?)\}(.*?)\\end\{\1\2\}", re.DOTALL
)
_GRAPHICS = re.compile(r"\\(?:includegraphics|epsfig|plotone|epsfbox)\*?\s*(?:\[[^\]]*\]\s*)*\{([^{}]{1,300})\}")
_CAPTION = re.compile(r"\\caption\*?\s*(?:\[[^\]]*\]\s*)?\{")
_SUBCAPTION = re.compile(r"\\(?:subcaption|subfloat|subfigure)\*?\s*(?:\[([^\]]*)\])?\s*\{?")
_PATHS = re.compile(r"\\graphicspath\s*\{((?:\s*\{[^{}]*\}\s*)+)\}")
_SUFFIXES = (
    "",
    ".png",
    ".jpg",
    ".jpeg",
    ".pdf",
    ".tif",
    ".tiff",
    ".gif",
    ".PNG",
    ".JPG",
    ".JPEG",
    ".PDF",
    ".eps",
    ".ps",
)
_MOST_FIGURES = 500
_MOST_INPUTS = 200
_MOST_CHARS = 20_000_000


@dataclass(frozen=True, slots=True)
class LatexFigure:
    """A figure: its label ("Figure 2"), caption, the sources' files it shows, and rights of others."""

    label: str
    caption: str
    files: tuple[str, ...]
    missing: int = 0
    permission_note: str | None = None


def latex_figures(sources: Mapping[str, str], files: frozenset[str]) -> list[LatexFigure]:
    """Figures of the article whose sources (path → text) lie among `files` (paths), in order."""
    main = _main(sources)
    if main is None:
        return []
    text = _whole(main, sources)
    macros = macros_of(text)
    folders = [
        "",
        *(part.strip("{} \n") for found in _PATHS.finditer(text) for part in found[1].split("}") if "{" in part),
    ]
    figures = []
    for number, found in enumerate(_ENVIRONMENT.finditer(text), start=1):
        if number > _MOST_FIGURES:
            break
        body = found[3]
        names = [each[1].strip() for each in _GRAPHICS.finditer(body)]
        there = [_resolve(name, folders, files, main) for name in names]
        caption = clean_text(plain_text(" ".join(_captions(body)), macros), LIMITS.caption_chars)
        paths = tuple(dict.fromkeys(each for each in there if each))
        figures.append(LatexFigure(f"Figure {number}", caption, paths, there.count(None), permission_note(caption)))
    return figures


def plain_text(latex: str, macros: Mapping[str, Macro] | None = None) -> str:
    """A piece of LaTeX as one line of text: µ, Å, indices and signs as characters, citations and labels gone."""
    from pylatexenc.latex2text import LatexNodes2Text

    latex = expanded(latex, macros or {})
    latex = re.sub(
        r"~?\\(?:cite[a-z]*|label|vspace|hspace|bibliographystyle)\*?\s*(?:\[[^\]]*\]\s*)*\{[^{}]*\}", "", latex
    )
    latex = re.sub(r"\\(?:num|SI|qty|si|unit)\s*(?:\[[^\]]*\]\s*)?\{([^{}]*)\}(?:\s*\{([^{}]*)\})?", _quantity, latex)
    latex = re.sub(r"\\(?:auto|C|c|eq)?ref\s*\{[^{}]*\}", "", latex)
    try:
        text = LatexNodes2Text(math_mode="text", keep_comments=False).latex_to_text(latex, tolerant_parsing=True)
    except (RecursionError, ValueError, IndexError, KeyError, TypeError, AttributeError):
        text = re.sub(r"\\[A-Za-z]+\*?|[{}$]", " ", latex)  # what its reader trips over is still worth its words
    return re.sub(r"\s+([,.;:)])", r"\1", " ".join(str(text).split()))


_UNITS = {"micro": "µ", "nano": "n", "milli": "m", "pico": "p", "kilo": "k", "centi": "c", "meter": "m", "metre": "m",
          "micrometer": "µm", "micrometre": "µm", "nanometer": "nm", "nanometre": "nm", "um": "µm",
          "nm": "nm", "mm": "mm", "angstrom": "Å", "degreeCelsius": "°C", "celsius": "°C", "electronvolt": "eV",
          "volt": "V", "second": "s", "per": "/"}  # fmt: skip


def _quantity(found: re.Match[str]) -> str:
    """`\\SI{20}{\\micro\\meter}` as `20 µm`."""
    unit = re.sub(r"\\([A-Za-z]+)\s*", lambda each: _UNITS.get(each[1], each[1]), found[2] or "")
    first = re.sub(r"\\([A-Za-z]+)\s*", lambda each: _UNITS.get(each[1], each[1]), found[1])
    return f"{first} {unit}".strip()


def _main(sources: Mapping[str, str]) -> str | None:
    """The file the article begins in: one with \\documentclass and a document, the longest of several."""
    begun = [name for name, text in sources.items() if "\\begin{document}" in text]
    begun = [name for name in begun if re.search(r"\\document(?:class|style)", sources[name])] or begun
    return max(begun or sources, key=lambda name: (len(sources[name]), name), default=None)


def _whole(main: str, sources: Mapping[str, str]) -> str:
    """The main file with the files it takes in, each once; comments are gone."""
    taken = {main}
    left = [_MOST_INPUTS]

    def expand(text: str, folder: PurePosixPath, depth: int) -> str:
        def one(found: re.Match[str]) -> str:
            name = _source(found[1].strip(), folder, sources)
            if name is None or name in taken or depth > 8 or left[0] <= 0:
                return ""
            taken.add(name)
            left[0] -= 1
            return expand(sources[name], folder, depth + 1)

        return _INPUT.sub(one, _COMMENT.sub(r"\1", text))[:_MOST_CHARS]

    return expand(sources[main], PurePosixPath(main).parent, 0)


def _source(name: str, folder: PurePosixPath, sources: Mapping[str, str]) -> str | None:
    for base in (name, f"{name}.tex"):
        for path in (str(folder / base), base):
            plain = path.removeprefix("./")
            if plain in sources:
                return plain
    return None


def _resolve(name: str, folders: list[str], files: frozenset[str], main: str) -> str | None:
    """The file an image's name stands for; None where there is none of it."""
    parent = PurePosixPath(main).parent
    name = name.strip('"').removeprefix("./")
    for suffix in _SUFFIXES:
        for folder in folders:
            for path in (parent / folder / f"{name}{suffix}", PurePosixPath(folder) / f"{name}{suffix}"):
                if str(path) in files:
                    return str(path)
    return None


def _captions(body: str) -> Iterator[str]:
    """The main caption, which stands outside any sub-figure, after those of sub-figures with their letters."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    parts = re.split(r"\\begin\{subfigure\}|\\begin\{minipage\}", body)
    inner = [part.rpartition("\\end{")[0] for part in parts[1:]]
    for part in inner:
        for text in _braced(_CAPTION, part):
            yield f"({next(letters, '?')}) {text}."
    for found in _SUBCAPTION.finditer(body):
        if found[1]:
            yield f"({next(letters, '?')}) {found[1]}."
    nested = {text for part in inner for text in _braced(_CAPTION, part)}
    yield from (text for text in _braced(_CAPTION, body) if text not in nested)


def _braced(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for found in pattern.finditer(text):
        words = inside(text, found.end(), LIMITS.caption_chars)
        if words is not None:
            yield words
