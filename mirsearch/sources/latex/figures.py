"""Find the figures in LaTeX sources: image names, captions as plain text, numbers in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.latex.macros import Macro, braced_text, expand_macros, parse_macros
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
_MAX_FIGURES = 500
_MAX_INPUTS = 200
_MAX_CHARS = 20_000_000


@dataclass(frozen=True, slots=True)
class LatexFigure:
    """A figure: its label ("Figure 2"), its caption, the files it shows, and notes of others' rights.

    `missing` counts named images that are not among the files.
    """

    label: str
    caption: str
    files: tuple[str, ...]
    missing: int = 0
    permission_note: str | None = None


def latex_figures(sources: Mapping[str, str], files: frozenset[str]) -> list[LatexFigure]:
    """Return the article's figures in order. `sources` maps paths to texts; `files` are the paths of all files."""
    main_file = _main_file(sources)
    if main_file is None:
        return []
    text = _full_text(main_file, sources)
    macros = parse_macros(text)
    folders = [
        "",
        *(part.strip("{} \n") for found in _PATHS.finditer(text) for part in found[1].split("}") if "{" in part),
    ]
    figures = []
    for number, found in enumerate(_ENVIRONMENT.finditer(text), start=1):
        if number > _MAX_FIGURES:
            break
        body = found[3]
        names = [match[1].strip() for match in _GRAPHICS.finditer(body)]
        paths_or_none = [_find_image(name, folders, files, main_file) for name in names]
        caption = clean_text(plain_text(" ".join(_figure_captions(body)), macros), LIMITS.caption_chars)
        paths = tuple(dict.fromkeys(path for path in paths_or_none if path))
        figures.append(
            LatexFigure(f"Figure {number}", caption, paths, paths_or_none.count(None), permission_note(caption))
        )
    return figures


def plain_text(latex: str, macros: Mapping[str, Macro] | None = None) -> str:
    """Return LaTeX as one line of text: µ, Å, indices and signs as characters, without citations and labels."""
    from pylatexenc.latex2text import LatexNodes2Text

    latex = expand_macros(latex, macros or {})
    latex = re.sub(
        r"~?\\(?:cite[a-z]*|label|vspace|hspace|bibliographystyle)\*?\s*(?:\[[^\]]*\]\s*)*\{[^{}]*\}", "", latex
    )
    latex = re.sub(
        r"\\(?:num|SI|qty|si|unit)\s*(?:\[[^\]]*\]\s*)?\{([^{}]*)\}(?:\s*\{([^{}]*)\})?", _format_quantity, latex
    )
    latex = re.sub(r"\\(?:auto|C|c|eq)?ref\s*\{[^{}]*\}", "", latex)
    try:
        text = LatexNodes2Text(math_mode="text", keep_comments=False).latex_to_text(latex, tolerant_parsing=True)
    except (RecursionError, ValueError, IndexError, KeyError, TypeError, AttributeError):
        text = re.sub(r"\\[A-Za-z]+\*?|[{}$]", " ", latex)  # if the parser fails, the bare words are still useful
    return re.sub(r"\s+([,.;:)])", r"\1", " ".join(str(text).split()))


_UNITS = {"micro": "µ", "nano": "n", "milli": "m", "pico": "p", "kilo": "k", "centi": "c", "meter": "m", "metre": "m",
          "micrometer": "µm", "micrometre": "µm", "nanometer": "nm", "nanometre": "nm", "um": "µm",
          "nm": "nm", "mm": "mm", "angstrom": "Å", "degreeCelsius": "°C", "celsius": "°C", "electronvolt": "eV",
          "volt": "V", "second": "s", "per": "/"}  # fmt: skip


def _format_quantity(match: re.Match[str]) -> str:
    r"""Write `\SI{20}{\micro\meter}` as `20 µm`."""
    unit = re.sub(r"\\([A-Za-z]+)\s*", lambda command: _UNITS.get(command[1], command[1]), match[2] or "")
    number = re.sub(r"\\([A-Za-z]+)\s*", lambda command: _UNITS.get(command[1], command[1]), match[1])
    return f"{number} {unit}".strip()


def _main_file(sources: Mapping[str, str]) -> str | None:
    r"""Return the file in which the article begins: with \documentclass and a document, the longest of several."""
    candidates = [name for name, text in sources.items() if "\\begin{document}" in text]
    candidates = [name for name in candidates if re.search(r"\\document(?:class|style)", sources[name])] or candidates
    return max(candidates or sources, key=lambda name: (len(sources[name]), name), default=None)


def _full_text(main_file: str, sources: Mapping[str, str]) -> str:
    """Return the main file with the files that it includes, each once, without comments."""
    included = {main_file}
    inputs_left = [_MAX_INPUTS]

    def expand(text: str, folder: PurePosixPath, depth: int) -> str:
        def include(match: re.Match[str]) -> str:
            name = _find_source(match[1].strip(), folder, sources)
            if name is None or name in included or depth > 8 or inputs_left[0] <= 0:
                return ""
            included.add(name)
            inputs_left[0] -= 1
            return expand(sources[name], folder, depth + 1)

        return _INPUT.sub(include, _COMMENT.sub(r"\1", text))[:_MAX_CHARS]

    return expand(sources[main_file], PurePosixPath(main_file).parent, 0)


def _find_source(name: str, folder: PurePosixPath, sources: Mapping[str, str]) -> str | None:
    for file_name in (name, f"{name}.tex"):
        for path in (str(folder / file_name), file_name):
            plain = path.removeprefix("./")
            if plain in sources:
                return plain
    return None


def _find_image(name: str, folders: list[str], files: frozenset[str], main_file: str) -> str | None:
    """Return the file that an image's name stands for; None if there is none."""
    parent = PurePosixPath(main_file).parent
    name = name.strip('"').removeprefix("./")
    for suffix in _SUFFIXES:
        for folder in folders:
            for path in (parent / folder / f"{name}{suffix}", PurePosixPath(folder) / f"{name}{suffix}"):
                if str(path) in files:
                    return str(path)
    return None


def _figure_captions(body: str) -> Iterator[str]:
    """Yield the captions of subfigures with their letters, then the main caption, which is outside any subfigure."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    parts = re.split(r"\\begin\{subfigure\}|\\begin\{minipage\}", body)
    subfigures = [part.rpartition("\\end{")[0] for part in parts[1:]]
    for part in subfigures:
        for text in _braced_texts(_CAPTION, part):
            yield f"({next(letters, '?')}) {text}."
    for match in _SUBCAPTION.finditer(body):
        if match[1]:
            yield f"({next(letters, '?')}) {match[1]}."
    nested = {text for part in subfigures for text in _braced_texts(_CAPTION, part)}
    yield from (text for text in _braced_texts(_CAPTION, body) if text not in nested)


def _braced_texts(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        braced = braced_text(text, match.end(), LIMITS.caption_chars)
        if braced is not None:
            yield braced
