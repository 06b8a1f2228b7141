r"""Walk through an article's LaTeX and collect its figures: images and captions in floats and boxes, with numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mirsearch.settings import LIMITS
from mirsearch.sources.latex.graphics import GRID_COMMANDS, IMAGE_COMMANDS, ArgumentReader, read_images
from mirsearch.sources.latex.numbering import COUNTER_COMMANDS, OTHER_KINDS, FigureCounter, FigureFormat
from mirsearch.sources.latex.scanner import Braces
from mirsearch.sources.latex.units import Image, Item, Subcaption, Unit, demote_unnumbered, merge_items

_COMMAND = re.compile(r"\\(?:(begin|end)\s*+\{([A-Za-z]{1,40})\*?\}|([A-Za-z@]++)(\*?+))")
_OTHER_FLOATS = (*OTHER_KINDS, "figwindow", "graphicalabstract")
_NO_FIGURES = frozenset(
    ("table", "wraptable", "sidewaystable", "longtable", "deluxetable", "algorithm", "listing", "program")
)
_SUBFIGURES = frozenset(("subfigure", "subcaptionblock", "subfigures", "subcaptiongroup"))
_BOXES = frozenset(
    ("minipage", "center", "tabular", "tabularx", "floatrow", "flushleft", "flushright", "tcolorbox", "mdframed",
     "framed", "adjustbox", "strip", "widetext", "multicols", "columns", "column", "centering")
)  # fmt: skip
_DRAWINGS = frozenset(("tikzpicture", "pspicture", "picture", "circuitikz", "forest", "feynman", "asy", "chemfig"))
_CAPTIONS = frozenset(
    ("caption", "captionof", "captionabove", "captionbelow", "topcaption", "bottomcaption", "bicaption", "figcaption",
     "captionbox")
)  # fmt: skip
_SUBCAPTIONS = frozenset(
    ("subcaption", "subfloat", "subfigure", "subcaptionbox", "sidesubfloat", "subtop", "subbottom")
)
_MAX_BOX_DEPTH = 40
"""Environments inside each other whose images and captions are grouped."""
_MAX_LOOSE_IMAGES = 20
_MAX_LOOSE_CHARS = 3_000
"""Farthest image outside any environment that belongs to a caption outside any environment, in characters."""
_SEARCHED_FRAMES = 60
"""Open environments that are searched for the float around a caption."""
_LABEL_COMMAND = re.compile(r"\\label\s*+\{([^{}]{1,200}+)\}")
_NAME_KEY = re.compile(r"(?<![A-Za-z])name\s*+=\s*+(?:\{([^{}]*+)\}|([^,]*+))")
_FILE = re.compile(r"[^\s\\]{1,200}\.(?:e?ps|pdf|png|jpe?g)", re.IGNORECASE)


@dataclass(slots=True)
class _Frame:
    """An open environment: what it is, where its items begin, and the format of numbers before it."""

    name: str
    role: str
    first_item: int
    format: FigureFormat
    start: int
    labels: list[str] = field(default_factory=list)
    is_drawn: bool = False
    continues: bool = False
    has_type: bool = False


def collect_figures(text: str, max_figures: int) -> tuple[list[Unit], list[tuple[int, int]]]:
    """Return the figures of an article's text in order, and the places of all floats in it."""
    walk = _Walk(text, max_figures)
    walk.run()
    return walk.found, walk.spans


class _Walk:
    """One pass over an article's text."""

    def __init__(self, text: str, max_figures: int) -> None:
        self._text, self._braces, self._max_figures = text, Braces(text), max_figures
        self._counter = FigureCounter.of_article(text)
        self._frames = [_Frame("", "document", 0, self._counter.format, 0)]
        self._open_names: dict[str, int] = {}
        self._items: list[Item] = []
        self._last_unit: Unit | None = None
        self._holders = self._boxes = self._position = 0
        self.found: list[Unit] = []
        self.spans: list[tuple[int, int]] = []
        self._images = {**IMAGE_COMMANDS, **(GRID_COMMANDS if "\\gridline" in text else {})}
        self._handlers = self._make_handlers()

    def run(self) -> None:
        """Read all commands. Environments that never end are closed at the end."""
        for match in _COMMAND.finditer(self._text):
            if match.start() < self._position:
                continue
            if len(self.found) >= self._max_figures:
                return
            if match[1]:
                (self._begin if match[1] == "begin" else self._end)(match)
            elif match[3] in self._images:
                self._add_images(self._images[match[3]], match)
            elif match[3] in self._handlers:
                self._handlers[match[3]](match)
        while len(self._frames) > 1:
            self._close(self._frames.pop(), len(self._text))

    def _make_handlers(self) -> dict[str, Callable[[re.Match[str]], None]]:
        return {
            **dict.fromkeys(_CAPTIONS, self._caption),
            **dict.fromkeys(_SUBCAPTIONS, self._subcaption),
            **dict.fromkeys(COUNTER_COMMANDS, self._count),
            "label": self._label,
            "captionsetup": self._caption_setup,
            "ContinuedFloat": lambda _: setattr(self._nearest("float") or self._frames[0], "continues", True),
            "phantomsubcaption": lambda _: self._items.append(Subcaption("")),
        }

    def _add_images(self, reader: ArgumentReader, match: re.Match[str]) -> None:
        names, self._position = read_images(reader, self._text, self._braces, match.end())
        self._items += [Image(name, match.start()) for name in names]

    def _nearest(self, *roles: str) -> _Frame | None:
        frames = self._frames[: -_SEARCHED_FRAMES - 1 : -1]
        return next((frame for frame in frames if frame.role in roles), None)

    def _begin(self, match: re.Match[str]) -> None:
        name = match[2]
        role = self._role(name)
        self._frames.append(_Frame(name, role, len(self._items), self._counter.format, match.start()))
        self._open_names[name] = self._open_names.get(name, 0) + 1
        self._holders += role in ("float", "other")
        self._boxes += role == "box"
        if role == "float":
            self._last_unit = None
        if name.lower() == "overpic":
            self._add_images(IMAGE_COMMANDS["plotone"], match)
        elif name in _DRAWINGS and (frame := self._nearest("float")) is not None:
            frame.is_drawn = True
        elif name == "appendices":
            self._counter.start_appendix()

    def _role(self, name: str) -> str:
        lower_name = name.lower()
        if ("figure" in lower_name and not lower_name.startswith("sub")) or name in _OTHER_FLOATS:
            return "float"
        if name in _NO_FIGURES:
            return "other"
        if name in _SUBFIGURES:
            return "sub"
        return "box" if name in _BOXES and self._boxes < _MAX_BOX_DEPTH else "plain"

    def _end(self, match: re.Match[str]) -> None:
        """Close an environment, and those in it that did not end."""
        if not self._open_names.get(match[2]):
            return
        while len(self._frames) > 1:
            frame = self._frames.pop()
            self._close(frame, match.end())
            if frame.name == match[2]:
                return

    def _close(self, frame: _Frame, end: int) -> None:
        self._counter.format = frame.format
        self._open_names[frame.name] -= 1
        self._holders -= frame.role in ("float", "other")
        self._boxes -= frame.role == "box"
        if frame.role == "float":
            self._finish_float(frame, end)
        elif frame.role in ("box", "other"):
            own = self._items[frame.first_item :]
            units = [item for item in own if isinstance(item, Unit)]
            if frame.role == "box" or not all(unit.images for unit in units):
                own = merge_items(own)  # the other images of a table with a figure in it are the table's
            if frame.role == "other" or (units and not self._holders):
                self._emit(units, frame.start, end)
                own = [] if units or frame.role == "other" else own
            self._items[frame.first_item :] = own
        if len(self._frames) == 1:
            del self._items[:-_MAX_LOOSE_IMAGES]

    def _finish_float(self, frame: _Frame, end: int) -> None:
        own = demote_unnumbered(self._items[frame.first_item :])
        del self._items[frame.first_item :]
        if not any(isinstance(item, Unit) for item in own) and (own or frame.is_drawn):
            own.append(Unit(None))
        units = [item for item in merge_items(own) if isinstance(item, Unit)]
        if units:
            units[0].labels += frame.labels
            units[0].is_drawn = frame.is_drawn and len(units) == 1
        self._emit(units, frame.start, end)
        self._last_unit = None

    def _emit(self, units: list[Unit], start: int, end: int) -> None:
        self.found += units
        self.spans.append((start, end))

    def _caption(self, match: re.Match[str]) -> None:
        kind, position = "figure", match.end()
        if match[3] == "captionof":
            named, position = self._braces.braced(position, 40)
            kind = (named or "").strip()
        file, _ = self._braces.optional(position, 300)
        latex, end = self._braces.braced(self._braces.skip_options(position), LIMITS.caption_chars)
        if latex is None:
            return
        self._position = end
        is_own = match[3] in ("captionof", "figcaption")
        frame = self._nearest("sub", "float", "other")
        if frame is not None and frame.role == "sub" and not is_own:
            self._add_subcaption(latex, has_letter=not match[4])
        elif frame is not None and frame.role == "float" and not is_own:
            self._add_unit(latex, frame.name if frame.name in OTHER_KINDS else "figure", match, frame.continues)
        elif kind == "figure" and (is_own or (frame is None and any(each.has_type for each in self._frames[-3:]))):
            unit = self._add_unit(latex, "figure", match, continues=False)
            if match[3] == "figcaption" and file and _FILE.fullmatch(file.strip()):
                unit.images.append(Image(file.strip(), match.start()))
            if not self._holders and not self._boxes:
                self._finish_alone(unit)

    def _add_unit(self, latex: str, kind: str, match: re.Match[str], continues: bool) -> Unit:
        number = None
        if not match[4]:
            if not continues:
                self._counter.step(kind)
            number = self._counter.number(kind)
        unit = Unit(number, kind, self._counter.format.name, latex, start=match.start(), end=self._position)
        unit.labels += [label[1] for label in _LABEL_COMMAND.finditer(latex)]
        self._items.append(unit)
        self._last_unit = unit
        return unit

    def _finish_alone(self, unit: Unit) -> None:
        """End a figure that stands in no environment. The images just before its caption are its own."""
        self._items.pop()
        near: list[Item] = []
        while self._items and isinstance(self._items[-1], Image) and (
            unit.start - self._items[-1].position <= _MAX_LOOSE_CHARS
        ):  # fmt: skip
            near.insert(0, self._items.pop())
        merge_items([*near, unit])
        self._emit([unit], unit.start, unit.end)

    def _subcaption(self, match: re.Match[str]) -> None:
        r"""Read \subcaption{…}, \subfloat[…]{images}, \subfigure[…]{images}, \subcaptionbox{…}{images}."""
        position = match.end()
        if match[3] in ("subcaption", "subcaptionbox"):
            latex, end = self._braces.braced(self._braces.skip_options(position), LIMITS.caption_chars)
        else:
            latex, end = self._braces.optional(position, LIMITS.caption_chars)
            second, second_end = self._braces.optional(end, LIMITS.caption_chars)
            latex, end = (second, second_end) if second is not None else (latex, end)
        if latex is not None:
            self._position = end
            self._add_subcaption(latex, has_letter=not match[4])

    def _add_subcaption(self, latex: str, has_letter: bool) -> None:
        self._items.append(Subcaption(latex, has_letter))
        for label in _LABEL_COMMAND.finditer(latex):
            self._add_label(label[1])

    def _label(self, match: re.Match[str]) -> None:
        name, self._position = self._braces.braced(match.end(), 200)
        if name is not None:
            self._add_label(name)

    def _add_label(self, name: str) -> None:
        frame = self._nearest("float")
        if self._last_unit is not None and frame is not None:
            self._last_unit.labels.append(name)
        elif frame is not None:
            frame.labels.append(name)
        elif self._last_unit is not None and self._position - self._last_unit.end < 200:
            self._last_unit.labels.append(name)

    def _count(self, match: re.Match[str]) -> None:
        self._position = self._counter.obey(match[3], bool(match[4]), match.end(), self._text, self._braces)

    def _caption_setup(self, match: re.Match[str]) -> None:
        scope, _ = self._braces.optional(match.end(), 100)
        options, end = self._braces.braced(self._braces.skip_options(match.end()), 2_000)
        if options is None:
            return
        self._position = end
        self._frames[-1].has_type = re.search(r"type\s*+=\s*+figure", options) is not None
        if (name := _NAME_KEY.search(options)) and scope in (None, "figure"):
            self._counter.format = replace(self._counter.format, name=name[1] or name[2])
