r"""Number figures as LaTeX does: \setcounter, \thefigure, numbers within sections, appendices."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field, replace

from mirsearch.sources.latex.scanner import Braces

_LEVELS = ("chapter", "section")
OTHER_KINDS = ("scheme", "chart", "plate")
"""Floats with numbers of their own that hold images, as figures do."""
_COUNTERS = (*_LEVELS, "figure", *OTHER_KINDS)
COUNTER_COMMANDS = (
    *_LEVELS, "appendix", "setcounter", "addtocounter", "stepcounter", "refstepcounter", "numberwithin",
    "counterwithin", "renewcommand", "newcommand", "def", "gdef", "xdef",
)  # fmt: skip
"""Commands that change how figures are numbered."""
_NAMED_COMMAND = re.compile(r"\*?+\s*+\{?+\s*+\\(thefigure|figurename)(?![A-Za-z])\s*+\}?+")
_INTEGER = re.compile(r"\s*+[+-]?+\d{1,6}\s*+")
_VALUE = re.compile(r"\\(?:@?(arabic|alph|Alph|roman|Roman))\s*+(?:\{\s*+([A-Za-z@]++)\s*+\}|\\c@([A-Za-z]++))")
_THE = re.compile(r"\\the(chapter|section|figure)(?![A-Za-z])")
_MARKUP = re.compile(r"\\[A-Za-z]++\*?+\s*+|[{}$\\]")
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MAX_NUMBER = 9_999
_MAX_CHARS = 20
_BOOKS = re.compile(r"\\documentclass\s*+(?:\[[^\]]{0,500}+\])?+\s*+\{(?:book|report|memoir|scrbook|scrreprt|thesis)\}")


@dataclass(frozen=True, slots=True)
class FigureFormat:
    r"""How a number is written: the text of \thefigure and of \figurename. Both end with the group they stand in."""

    number: str = r"\arabic{figure}"
    name: str = "Figure"


@dataclass(slots=True)
class FigureCounter:
    """The counters of an article at a place in it."""

    values: dict[str, int] = field(default_factory=dict)
    format: FigureFormat = field(default_factory=FigureFormat)
    within: str | None = None
    in_appendix: bool = False

    @classmethod
    def of_article(cls, text: str) -> FigureCounter:
        """Return the counters at the beginning of an article. Books count figures within chapters."""
        counter = cls()
        if _BOOKS.search(text[:20_000]) and "\\chapter" in text:
            counter.number_within("chapter")
        return counter

    def step(self, name: str) -> None:
        """Count one more figure, section or chapter."""
        self.set(name, self.values.get(name, 0) + 1)
        if name == self.within:
            self.values = {key: value for key, value in self.values.items() if key in _LEVELS}
        if name == "chapter":
            self.values["section"] = 0

    def set(self, name: str, value: int) -> None:
        """Set a counter."""
        self.values[name] = max(-1, min(value, _MAX_NUMBER))

    def number_within(self, level: str) -> None:
        """Number figures within sections or chapters: "2.1"."""
        if level in _LEVELS:
            self.within = level
            self.format = replace(self.format, number=rf"\the{level}.\arabic{{figure}}")

    def start_appendix(self) -> None:
        """Count sections (in books, chapters) by letters from here on."""
        self.in_appendix = True
        self.set("chapter" if self.values.get("chapter") else "section", 0)

    def obey(self, command: str, is_starred: bool, position: int, text: str, braces: Braces) -> int:
        """Change the counters as one of COUNTER_COMMANDS says. `position` is behind its name. Return where it ends."""
        if command in _LEVELS:
            if not is_starred:
                self.step(command)
            return position
        if command == "appendix":
            self.start_appendix()
            return position
        if command in ("numberwithin", "counterwithin"):
            name, position = braces.braced(position, 40)
            level, end = braces.braced(position, 40)
            if name == "figure" and level is not None:
                old_format = self.format
                self.number_within(level.strip())
                self.format = old_format if is_starred else self.format
            return end
        if command.endswith("counter"):
            return self._obey_set(command, position, braces)
        return self._obey_definition(position, text, braces)

    def _obey_set(self, command: str, position: int, braces: Braces) -> int:
        name, position = braces.braced(position, 40)
        name = (name or "").strip()
        value, end = braces.braced(position, 20)
        if name not in _COUNTERS:
            return position
        if command in ("stepcounter", "refstepcounter"):
            self.step(name)
            return position
        if value is not None and _INTEGER.fullmatch(value):
            old = self.values.get(name, 0) if command == "addtocounter" else 0
            self.set(name, old + int(value))
        return end

    def _obey_definition(self, position: int, text: str, braces: Braces) -> int:
        r"""Take a new \thefigure or \figurename. Other definitions are left to the macros."""
        named = _NAMED_COMMAND.match(text, position)
        latex, end = braces.braced(named.end(), 1_000) if named else (None, position)
        if named is None or latex is None:
            return position
        changed = {"number": latex} if named[1] == "thefigure" else {"name": latex}
        self.format = replace(self.format, **changed)
        return end

    def number(self, kind: str = "figure") -> str:
        """Return the number of the last figure as it is printed: "3", "S1", "A2", "2.1"."""
        value = self.values.get(kind, 0)
        if kind != "figure":
            return str(value)
        text = _THE.sub(lambda match: self._the(match[1]), self.format.number[:500])
        text = _VALUE.sub(lambda match: _write(match[1], self.values.get(match[2] or match[3], 0)), text)
        return "".join(_MARKUP.sub("", text).split()).lstrip(".")[:_MAX_CHARS] or str(value)

    def _the(self, name: str) -> str:
        value = self.values.get(name, 0)
        level = "chapter" if self.values.get("chapter") else "section"
        if name != "figure" and value == 0:
            return ""
        return _write("Alph" if self.in_appendix and name == level else "arabic", value)


def _write(style: str, value: int) -> str:
    if style in ("alph", "Alph"):
        letters = string.ascii_lowercase if style == "alph" else string.ascii_uppercase
        return letters[value - 1] if 1 <= value <= len(letters) else str(value)
    if style in ("roman", "Roman") and 0 < value < 40:
        text = ""
        for amount, sign in _ROMAN:
            text += sign * (value // amount)
            value %= amount
        return text if style == "roman" else text.upper()
    return str(value)
