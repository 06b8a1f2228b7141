"""Find braces and environments in LaTeX, in a time that grows like the text, whatever the text is."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

_BRACE = re.compile(r"(?<!\\)[{}]")
_ENVIRONMENT_MARK = re.compile(r"\\(begin|end)\{((?:figure|wrapfigure|SCfigure|floatingfigure|sidewaysfigure)\*?)\}")


class Braces:
    """The pairs of braces of a text. Braces after a backslash are characters and don't count."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: dict[int, int] = {}
        open_braces: list[int] = []
        for match in _BRACE.finditer(text):
            if match[0] == "{":
                open_braces.append(match.end())
            elif open_braces:
                self._ends[open_braces.pop()] = match.start()

    def inner_text(self, start: int, limit: int) -> str | None:
        """Return the text from `start`, just after a brace, to the closing brace.

        Return None if no brace closes, or only after more than `limit` characters.
        """
        end = self._ends.get(start)
        return self._text[start:end] if end is not None and end - start < limit else None


def drop_unpaired_braces(text: str) -> str:
    """Return a text without the braces that don't close or were never opened."""
    unpaired: list[int] = []
    for match in _BRACE.finditer(text):
        if match[0] == "}" and unpaired and text[unpaired[-1]] == "{":
            unpaired.pop()
        else:
            unpaired.append(match.start())
    starts = [0, *(place + 1 for place in unpaired)]
    return "".join(text[start:end] for start, end in zip(starts, [*unpaired, len(text)], strict=True))


def figure_bodies(text: str) -> Iterator[str]:
    r"""Yield what stands between \begin{figure} and the next \end{figure}, also for the other kinds of figures."""
    marks = list(_ENVIRONMENT_MARK.finditer(text))
    ends_by_name: dict[str, list[re.Match[str]]] = {}
    for mark in marks:
        if mark[1] == "end":
            ends_by_name.setdefault(mark[2], []).append(mark)
    starts_by_name = {name: [end.start() for end in ends] for name, ends in ends_by_name.items()}
    position = 0
    for mark in marks:
        if mark[1] == "end" or mark.start() < position:
            continue
        number = bisect_left(starts_by_name.get(mark[2], []), mark.end())
        if number < len(starts_by_name.get(mark[2], [])):
            end = ends_by_name[mark[2]][number]
            position = end.end()
            yield text[mark.end() : end.start()]
