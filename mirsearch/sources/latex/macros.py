"""Commands that a LaTeX article defines, with and without arguments, and their meaning put in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NEW = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?\s*\{?\\([A-Za-z]+)\}?\s*"
    r"(?:\[([0-9])\])?\s*(?:\[([^\[\]]*)\])?\s*\{"
)
_DEF = re.compile(r"\\def\s*\\([A-Za-z]+)\s*((?:#[1-9])*)\s*\{")
_SEARCHED = 2_000_000
_MOST = 200
_LONGEST = 500
_ROUNDS = 4
_GROWN = 200_000
"""Characters a piece of text may grow to: commands that call each other need no end."""


@dataclass(frozen=True, slots=True)
class Macro:
    """What a command stands for: its text with #1, #2 …, how many arguments, and the first one's default."""

    text: str
    arguments: int = 0
    default: str | None = None


def inside(text: str, start: int, limit: int) -> str | None:
    """Text from `start`, just after a brace, up to the brace that closes it; None where none does in time."""
    depth = 1
    for place in range(start, min(len(text), start + limit)):
        if text[place] in "{}" and text[place - 1] != "\\":
            depth += 1 if text[place] == "{" else -1
            if depth == 0:
                return text[start:place]
    return None


def macros_of(text: str) -> dict[str, Macro]:
    """Commands an article defines; those that are too long, or call themselves, are left out."""
    found: dict[str, Macro] = {}
    for pattern in (_NEW, _DEF):
        for match in pattern.finditer(text[:_SEARCHED]):
            meaning = inside(text, match.end(), _LONGEST)
            if meaning is None or re.search(rf"\\{match[1]}(?![A-Za-z])", meaning) or len(found) >= _MOST:
                continue
            if pattern is _DEF:
                found[match[1]] = Macro(meaning, match[2].count("#"))
            else:
                found[match[1]] = Macro(meaning, int(match[2] or 0), match[3])
    return found


def expanded(text: str, macros: Mapping[str, Macro]) -> str:
    """The text with every command's meaning in its place; what lacks its arguments stays as it is."""
    used = [name for name in macros if f"\\{name}" in text or any(f"\\{name}" in each.text for each in macros.values())]
    if not used:
        return text
    call = re.compile(rf"\\({'|'.join(sorted(map(re.escape, used), key=len, reverse=True))})(?![A-Za-z])\s?")
    for _ in range(_ROUNDS):
        text, count = _replaced(text, call, macros)
        if not count or len(text) > _GROWN:
            break
    return text[:_GROWN]


def _replaced(text: str, call: re.Pattern[str], macros: Mapping[str, Macro]) -> tuple[str, int]:
    """One round: the text, and how many calls were replaced."""
    out: list[str] = []
    place = count = 0
    for found in call.finditer(text):
        if found.start() < place:
            continue  # an argument of the call before, which the next round reaches
        macro = macros[found[1]]
        values, end = _arguments(text, found.end(), macro)
        if values is None:
            continue
        out += [text[place : found.start()], _filled(macro.text, values)]
        out.append(" " if macro.arguments == 0 and found[0][-1].isspace() and text[end : end + 1].isalnum() else "")
        place, count = end, count + 1
    return "".join([*out, text[place:]]), count


def _arguments(text: str, start: int, macro: Macro) -> tuple[list[str] | None, int]:
    """The arguments of a call and where it ends; None where there are too few."""
    values: list[str] = []
    place = start
    if macro.arguments == 0:
        return values, place + 2 if text.startswith("{}", place) else place
    if macro.default is not None:
        given = re.compile(r"\s*\[([^\[\]]*)\]").match(text, place)
        values.append(given[1] if given else macro.default)
        place = given.end() if given else place
    while len(values) < macro.arguments:
        opening = re.compile(r"\s*(?:\{|(\\[A-Za-z]+|[^\s{}\\]))").match(text, place)
        if opening is None:
            return None, start
        if opening[1]:
            values.append(opening[1])
            place = opening.end()
            continue
        value = inside(text, opening.end(), _LONGEST * 20)
        if value is None:
            return None, start
        values.append(value)
        place = opening.end() + len(value) + 1
    return values, place


def _filled(text: str, values: Iterable[str]) -> str:
    given = list(values)
    return re.sub(r"#([1-9])", lambda found: given[int(found[1]) - 1] if int(found[1]) <= len(given) else "", text)
