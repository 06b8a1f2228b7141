"""Expand the article's own commands and environments that stand for parts of figures, so that figures are seen."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from mirsearch.sources.latex.conditionals import drop_environments
from mirsearch.sources.latex.macros import Macro, expand_macros, take_definitions
from mirsearch.sources.latex.scanner import Braces

_NEW_ENVIRONMENT = re.compile(
    r"\\(?:re)?newenvironment\*?+\s*+\{([A-Za-z]{1,40}\*?)\}\s*+(?:\[([0-9])\])?+\s*+(?:\[([^\[\]]*+)\])?+\s*+\{"
)
_PARTS_OF_FIGURES = re.compile(
    r"\\(?:begin|end)\s*+(?:\{[^{}]*(?:fig|minipage|overpic|comment)[^{}]*\}|$)|\\(?:includegraphics|epsf|psfig|plot(?:one|two)"
    r"|caption|sub(?:float|figure|caption)|setcounter\s*+\{figure|thefigure|figurename|ContinuedFloat|gridline|import|input)"
)
"""What makes a command worth expanding everywhere in the article."""
_ENVIRONMENT_CALL = re.compile(r"\\(begin|end)\s*+\{([A-Za-z]{1,40}\*?)\}")
_LETTERS = string.ascii_letters
"""Tell the article's own environments apart; more of them are not expanded."""
_GROUP = "ownenvironment"
"""Stands around what an own environment becomes: numbers that are changed in it count only there."""
_MAX_DEFINITION_CHARS = 3_000
_MAX_GROWTH_CHARS = 2_000_000
"""Characters that the expansion may add to an article."""
_ROUNDS = 4


def expand_structure(text: str) -> tuple[str, dict[str, Macro]]:
    """Return the text with the commands expanded that stand for parts of figures, and all commands of the article."""
    macros, text = take_definitions(text)
    text, environments = _take_environments(text)
    wanted = {**_structural({**macros, **environments}), **environments}
    if wanted:
        text = drop_environments(expand_macros(text, wanted, len(text) + _MAX_GROWTH_CHARS))
    return text, macros


def _structural(macros: Mapping[str, Macro]) -> dict[str, Macro]:
    """Return the commands that stand for parts of figures, also through others, or that drop what they enclose."""
    wanted = {
        name: macro
        for name, macro in macros.items()
        if _PARTS_OF_FIGURES.search(macro.text) or (macro.arguments and not macro.text.strip())
    }
    for _ in range(_ROUNDS if wanted else 0):
        calls = re.compile(r"\\(?:" + "|".join(map(re.escape, wanted)) + r")(?![A-Za-z])")
        more = {name: macro for name, macro in macros.items() if name not in wanted and calls.search(macro.text)}
        if not more:
            break
        wanted.update(more)
    return wanted


def _take_environments(text: str) -> tuple[str, dict[str, Macro]]:
    r"""Return the text with commands in place of \begin and \end of own environments, and these commands."""
    braces = Braces(text)
    letters: dict[str, str] = {}
    macros: dict[str, Macro] = {}
    pieces: list[str] = []
    position = 0
    for match in _NEW_ENVIRONMENT.finditer(text):
        begin = braces.inner_text(match.end(), _MAX_DEFINITION_CHARS)
        if begin is None or match.start() < position:
            continue
        end, end_position = braces.braced(match.end() + len(begin) + 1, _MAX_DEFINITION_CHARS)
        pieces.append(text[position : match.start()])
        position = end_position
        if end is not None and len(letters) < len(_LETTERS) and _PARTS_OF_FIGURES.search(f"{begin}\n{end}"):
            letter = letters.setdefault(match[1], _LETTERS[len(letters)])
            macros[f"BeginOwnEnvironment{letter}"] = Macro(rf"\begin{{{_GROUP}}}{begin}", int(match[2] or 0), match[3])
            macros[f"EndOwnEnvironment{letter}"] = Macro(rf"{end}\end{{{_GROUP}}}")
    text = "".join([*pieces, text[position:]])

    def call(match: re.Match[str]) -> str:
        letter = letters.get(match[2])
        return match[0] if letter is None else f"\\{match[1].capitalize()}OwnEnvironment{letter} "

    return (_ENVIRONMENT_CALL.sub(call, text) if letters else text), macros
