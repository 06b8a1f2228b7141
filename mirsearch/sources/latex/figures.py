"""Find the figures in LaTeX sources: image names, captions as plain text, numbers in the order of the text."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.latex.macros import Macro, expand_macros, parse_macros
from mirsearch.sources.latex.parser import parse_nodes
from mirsearch.sources.latex.scanner import Braces, drop_unpaired_braces, figure_bodies
from mirsearch.sources.permissions import permission_note

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*+)%[^\n]*+")
_INPUT = re.compile(r"\\(?:input|include|subfile)\s*+\{([^{}]{1,300}+)\}")
_OPTIONS = r"(?:\[[^\]]{0,1000}+\]\s*+)"
"""Optional arguments. The bound keeps brackets that never close from being searched to the end again and again."""
_GRAPHICS = re.compile(rf"\\(?:includegraphics|epsfig|plotone|epsfbox)\*?+\s*+{_OPTIONS}*+\{{([^{{}}]{{1,300}}+)\}}")
_CAPTION = re.compile(rf"\\caption\*?+\s*+{_OPTIONS}?+\{{")
_SUBCAPTION = re.compile(r"\\(?:subcaption|subfloat|subfigure)\*?+\s*+(?:\[([^\]]{0,2000}+)\])?+\s*+\{?+")
_PATHS = re.compile(r"\\graphicspath\s*+\{((?:\s*+\{[^{}]*+\})++\s*+)\}")
_PATH = re.compile(r"\{([^{}]*+)\}")
_PART = re.compile(r"\\begin\{subfigure\}|\\begin\{minipage\}")
_DOCUMENT_CLASS = re.compile(r"\\document(?:class|style)")
_HIDDEN_COMMAND = re.compile(
    rf"~?+\\(?:cite[a-z]*+|label|vspace|hspace|bibliographystyle)\*?+\s*+{_OPTIONS}*+\{{[^{{}}]*+\}}"
)
_QUANTITY = re.compile(rf"\\(?:num|SI|qty|si|unit)\s*+{_OPTIONS}?+\{{([^{{}}]*+)\}}(?:\s*+\{{([^{{}}]*+)\}})?+")
_REFERENCE = re.compile(r"\\(?:auto|C|c|eq)?ref\s*+\{[^{}]*+\}")
_MARKUP = re.compile(r"\\[A-Za-z]++\*?+|[{}$]")
_COMMAND = re.compile(r"\\([A-Za-z]++)\s*+")
_SPACE_BEFORE_MARK = re.compile(r"(?<!\s)\s++([,.;:)])")
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
_MAX_IMAGES = 5_000
"""Images that an article's figures may name, and folders in which they are looked for."""
_MAX_FOLDERS = 20
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
    images = _ImageFinder(text, files, main_file)
    figures = []
    for number, body in enumerate(islice(figure_bodies(text), _MAX_FIGURES), start=1):
        paths_or_none = [images.find(match[1].strip()) for match in _GRAPHICS.finditer(body)]
        caption = clean_text(plain_text(_caption_latex(body), macros), LIMITS.caption_chars)
        paths = tuple(dict.fromkeys(path for path in paths_or_none if path))
        figures.append(
            LatexFigure(f"Figure {number}", caption, paths, paths_or_none.count(None), permission_note(caption))
        )
    return figures


def plain_text(latex: str, macros: Mapping[str, Macro] | None = None) -> str:
    """Return LaTeX as one line of text: µ, Å, indices and signs as characters, without citations and labels."""
    from pylatexenc.latex2text import LatexNodes2Text

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of each damaged command
    latex = expand_macros(latex, macros or {})
    latex = _HIDDEN_COMMAND.sub("", latex)
    latex = _QUANTITY.sub(_format_quantity, latex)
    latex = drop_unpaired_braces(_REFERENCE.sub("", latex))
    try:
        text = LatexNodes2Text(math_mode="text", keep_comments=False).nodelist_to_text(parse_nodes(latex))
    except (RecursionError, ValueError, IndexError, KeyError, TypeError, AttributeError):
        text = _MARKUP.sub(" ", latex)  # if the parser fails, the bare words are still useful
    return _SPACE_BEFORE_MARK.sub(r"\1", " ".join(str(text).split()))


_UNITS = {"micro": "µ", "nano": "n", "milli": "m", "pico": "p", "kilo": "k", "centi": "c", "meter": "m", "metre": "m",
          "micrometer": "µm", "micrometre": "µm", "nanometer": "nm", "nanometre": "nm", "um": "µm",
          "nm": "nm", "mm": "mm", "angstrom": "Å", "degreeCelsius": "°C", "celsius": "°C", "electronvolt": "eV",
          "volt": "V", "second": "s", "per": "/"}  # fmt: skip


def _format_quantity(match: re.Match[str]) -> str:
    r"""Write `\SI{20}{\micro\meter}` as `20 µm`."""
    unit = _COMMAND.sub(lambda command: _UNITS.get(command[1], command[1]), match[2] or "")
    number = _COMMAND.sub(lambda command: _UNITS.get(command[1], command[1]), match[1])
    return f"{number} {unit}".strip()


def _main_file(sources: Mapping[str, str]) -> str | None:
    r"""Return the file in which the article begins: with \documentclass and a document, the longest of several."""
    candidates = [name for name, text in sources.items() if "\\begin{document}" in text]
    candidates = [name for name in candidates if _DOCUMENT_CLASS.search(sources[name])] or candidates
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


class _ImageFinder:
    """Finds the files that images' names stand for, in the folders that an article's source gives."""

    def __init__(self, text: str, files: frozenset[str], main_file: str) -> None:
        self._files, self._parent = files, PurePosixPath(main_file).parent
        named = (path[1].strip() for found in _PATHS.finditer(text) for path in _PATH.finditer(found[1]))
        self._folders = ["", *islice(dict.fromkeys(named), _MAX_FOLDERS)]
        self._found: dict[str, str | None] = {}

    def find(self, name: str) -> str | None:
        """Return the file of an image; None if there is none."""
        if name not in self._found:
            self._found[name] = self._look(name) if len(self._found) < _MAX_IMAGES else None
        return self._found[name]

    def _look(self, name: str) -> str | None:
        name = name.strip('"').removeprefix("./")
        paths = [
            str(folder / name)
            for folder_name in self._folders
            for folder in (self._parent / folder_name, PurePosixPath(folder_name))
        ]
        candidates = (f"{path}{suffix}" for suffix in _SUFFIXES for path in paths)
        return next((path for path in candidates if path in self._files), None)


def _caption_latex(body: str) -> str:
    """Return the LaTeX of a figure's captions, up to the length that is parsed."""
    captions: list[str] = []
    size = 0
    for caption in _figure_captions(body):
        captions.append(caption)
        size += len(caption)
        if size > LIMITS.caption_latex_chars:
            break
    return " ".join(captions)[: LIMITS.caption_latex_chars]


def _figure_captions(body: str) -> Iterator[str]:
    """Yield the captions of subfigures with their letters, then the main caption, which is outside any subfigure."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    subfigures = [part.rpartition("\\end{")[0] for part in _PART.split(body)[1:]]
    nested: set[str] = set()
    for part in subfigures:
        for text in _braced_texts(_CAPTION, part):
            nested.add(text)
            yield f"({next(letters, '?')}) {text}."
    for match in _SUBCAPTION.finditer(body):
        if match[1]:
            yield f"({next(letters, '?')}) {match[1]}."
    yield from (text for text in _braced_texts(_CAPTION, body) if text not in nested)


def _braced_texts(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Yield the text in the braces that each match opens. Matches inside a text that was yielded don't count."""
    braces, position = Braces(text), 0
    for match in pattern.finditer(text):
        braced = braces.inner_text(match.end(), LIMITS.caption_chars) if match.start() >= position else None
        if braced is not None:
            position = match.end() + len(braced)
            yield braced
