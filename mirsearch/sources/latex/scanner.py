"""Find braces, brackets and arguments in LaTeX, in a time that grows like the text, whatever the text is."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BRACE = re.compile(r"(?<!\\)[{}]")
_BRACE_OR_BRACKET = re.compile(r"(?<!\\)[{}\[\]]")
_SPACE = re.compile(r"\s*+")


class Braces:
    """The pairs of braces and of brackets of a text. Those after a backslash are characters and don't count.

    A bracket pairs with one at the same depth of braces, so "[TEM, [001] zone]" is one pair with a pair in it.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: dict[int, int] = {}
        open_marks: list[tuple[str, int]] = []
        for match in _BRACE_OR_BRACKET.finditer(text):
            mark = match[0]
            if mark in "{[":
                open_marks.append((mark, match.end()))
            elif mark == "]":
                if open_marks and open_marks[-1][0] == "[":
                    self._ends[open_marks.pop()[1]] = match.start()
            else:
                while open_marks and open_marks[-1][0] == "[":
                    open_marks.pop()  # a bracket that doesn't close before its group does
                if open_marks:
                    self._ends[open_marks.pop()[1]] = match.start()

    def inner_text(self, start: int, limit: int) -> str | None:
        """Return the text from `start`, just after a brace or bracket, to the closing one.

        Return None if none closes, or only after more than `limit` characters.
        """
        end = self._ends.get(start)
        return self._text[start:end] if end is not None and end - start < limit else None

    def braced(self, position: int, limit: int) -> tuple[str | None, int]:
        """Return the argument in braces at a position, after white space, and where it ends; None if there is none."""
        return self._enclosed("{", position, limit)

    def optional(self, position: int, limit: int) -> tuple[str | None, int]:
        """Return the argument in brackets at a position, after white space, and where it ends; None without one."""
        return self._enclosed("[", position, limit)

    def skip_options(self, position: int) -> int:
        """Return where the arguments in brackets at a position end."""
        while (following := self.optional(position, len(self._text) + 1))[0] is not None:
            position = following[1]
        return position

    def _enclosed(self, mark: str, position: int, limit: int) -> tuple[str | None, int]:
        space = _SPACE.match(self._text, position)
        start = space.end() if space else position
        if not self._text.startswith(mark, start):
            return None, position
        value = self.inner_text(start + 1, limit)
        return (None, position) if value is None else (value, start + len(value) + 2)


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


def cut_spans(text: str, spans: Iterable[tuple[int, int]], start: int = 0, joint: str = "") -> str:
    """Return the text from `start` on without the spans in it, which may overlap; what is left is joined by `joint`."""
    pieces, position = [], start
    for span_start, span_end in sorted(spans):
        if span_start >= position:
            pieces.append(text[position:span_start])
        position = max(position, span_end)
    return joint.join([*pieces, text[position:]])
