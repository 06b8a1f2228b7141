"""Find the commands that a LaTeX article defines, and replace them by their definitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mirsearch.settings import LIMITS
from mirsearch.sources.latex.scanner import Braces, cut_spans

_NEW = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?+\s*+\{?+\s*+\\([A-Za-z]++)\s*+\}?+\s*+"
    r"(?:\[([0-9])\])?+\s*+(?:\[([^\[\]]*+)\])?+\s*+\{"
)
_DEF = re.compile(r"\\[egx]?def\s*+\\([A-Za-z]++)\s*+((?:#[1-9])*+)\s*+\{")
_DOCUMENT_COMMAND = re.compile(
    r"\\(?:New|Renew|Provide|Declare)DocumentCommand\s*+\{?+\s*+\\([A-Za-z]++)\s*+\}?+\s*+"
    r"\{\s*+((?:O\{[^{}]*+\}|o)?+)\s*+((?:m\s*+)*+)\}\s*+\{"
)
_COMMAND = re.compile(r"\\([A-Za-z]++)\s?")
_OPTIONAL_ARGUMENT = re.compile(r"\s*+\[([^\[\]]*+)\]")
_ARGUMENT = re.compile(r"\s*+(?:\{|(\\[A-Za-z]++|[^\s{}\\]))")
_SEARCHED_CHARS = 2_000_000
"""Characters of the source that are searched for definitions."""
_MAX_MACROS = 400
_MAX_MACRO_CHARS = 3_000
"""Longest definition that is used, in characters."""
_MAX_ARGUMENT_CHARS = 10_000
_MAX_DEFINITION_CHARS = 200_000
"""Longest definition that is taken out of the text, in characters."""
_MAX_ROUNDS = 4
"""Rounds of replacement: deeper nesting stays as it is."""
_MAX_EXPANDED_CHARS = LIMITS.caption_latex_chars
"""Largest length of an expanded text: commands that call each other could expand forever."""
KEPT_IN_PLACE = frozenset(("thefigure", "figurename", "thesubfigure"))
"""Commands whose definitions count from where they stand on."""


@dataclass(frozen=True, slots=True)
class Macro:
    """The definition of a command: its text with #1, #2 …, the number of arguments, and the default of the first."""

    text: str
    arguments: int = 0
    default: str | None = None


def take_definitions(text: str) -> tuple[dict[str, Macro], str]:
    """Return the commands that an article defines, and the article's text without their definitions.

    Definitions that are too long or call themselves are taken out of the text, but not returned.
    """
    searched = text[:_SEARCHED_CHARS]
    braces = Braces(searched)
    macros: dict[str, Macro] = {}
    spans: list[tuple[int, int]] = []
    for pattern in (_NEW, _DEF, _DOCUMENT_COMMAND):
        for match in pattern.finditer(searched):
            body = braces.inner_text(match.end(), _MAX_DEFINITION_CHARS)
            if body is None or match[1] in KEPT_IN_PLACE:
                continue
            spans.append((match.start(), match.end() + len(body) + 1))
            if len(macros) < _MAX_MACROS and len(body) < _MAX_MACRO_CHARS and match[1] not in _commands(body):
                macros[match[1]] = _make_macro(pattern, match, body)
    return macros, cut_spans(text, spans, joint=" ")


def _make_macro(pattern: re.Pattern[str], match: re.Match[str], body: str) -> Macro:
    if pattern is _DEF:
        return Macro(body, match[2].count("#"))
    if pattern is _NEW:
        return Macro(body, int(match[2] or 0), match[3])
    default = match[2].removeprefix("O").strip("{}") if match[2].startswith("O") else ("" if match[2] else None)
    return Macro(body, match[3].count("m") + (default is not None), default)


def _commands(text: str) -> set[str]:
    return {match[1] for match in _COMMAND.finditer(text)}


def expand_macros(text: str, macros: Mapping[str, Macro], max_chars: int = _MAX_EXPANDED_CHARS) -> str:
    """Return the text with the definition in place of each command, up to `max_chars`.

    Calls without their arguments stay unchanged.
    """
    if macros.keys().isdisjoint(_commands(text)):
        return text
    for _ in range(_MAX_ROUNDS):
        text, count = _replace_calls(text, macros, max_chars)
        if not count or len(text) > max_chars:
            break
    return text[:max_chars]


def _replace_calls(text: str, macros: Mapping[str, Macro], max_chars: int) -> tuple[str, int]:
    """Do one round of replacement. Return the text and the number of replaced calls."""
    braces = Braces(text)
    pieces: list[str] = []
    position = count = size = 0
    for match in _COMMAND.finditer(text):
        macro = macros.get(match[1])
        if macro is None or match.start() < position:
            continue  # inside an argument of the previous call; the next round replaces it
        values, end = _parse_arguments(text, match.end(), macro, braces)
        if values is None:
            continue
        pieces += [text[position : match.start()], _fill_arguments(macro.text, values)]
        pieces.append(" " if macro.arguments == 0 and match[0][-1].isspace() and text[end : end + 1].isalnum() else "")
        position, count = end, count + 1
        size += sum(map(len, pieces[-3:]))
        if size > max_chars:
            break
    return "".join([*pieces, text[position:]]), count


def _parse_arguments(text: str, start: int, macro: Macro, braces: Braces) -> tuple[list[str] | None, int]:
    """Return the arguments of a call and where it ends; None if there are too few."""
    values: list[str] = []
    position = start
    if macro.arguments == 0:
        return values, position + 2 if text.startswith("{}", position) else position
    if macro.default is not None:
        optional = _OPTIONAL_ARGUMENT.match(text, position)
        values.append(optional[1] if optional else macro.default)
        position = optional.end() if optional else position
    while len(values) < macro.arguments:
        opening = _ARGUMENT.match(text, position)
        if opening is None:
            return None, start
        if opening[1]:
            values.append(opening[1])
            position = opening.end()
            continue
        value = braces.inner_text(opening.end(), _MAX_ARGUMENT_CHARS)
        if value is None:
            return None, start
        values.append(value)
        position = opening.end() + len(value) + 1
    return values, position


def _fill_arguments(text: str, values: Iterable[str]) -> str:
    arguments = list(values)
    return re.sub(
        r"#([1-9])", lambda match: arguments[int(match[1]) - 1] if int(match[1]) <= len(arguments) else "", text
    )
