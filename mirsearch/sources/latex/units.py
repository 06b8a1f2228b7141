"""The figures of a LaTeX article in the making, and which images and captions belong together."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Image:
    """A picture that the source names, and where."""

    name: str
    position: int


@dataclass(slots=True, eq=False)
class Subcaption:
    """The caption of a part of a figure. `letter` is empty for words that belong to no part."""

    latex: str
    has_letter: bool = True


@dataclass(slots=True, eq=False)
class Unit:
    """A figure in the making: number (None without one), caption, images, subcaptions, labels for references."""

    number: str | None
    kind: str = "figure"
    name: str = "Figure"
    latex: str = ""
    images: list[Image] = field(default_factory=list)
    subcaptions: list[Subcaption] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    is_drawn: bool = False
    start: int = 0
    end: int = 0


Item = Image | Subcaption | Unit
"""What stands in a float, in order."""


def merge_items(items: list[Item]) -> list[Item]:
    """Give images and subcaptions to the figures among them. Without a figure, return the items as they are.

    One figure takes them all. Of several, each takes those before its caption, or those behind it where captions stand
    above the images.
    """
    units = [item for item in items if isinstance(item, Unit)]
    if not units:
        return items
    is_above = isinstance(items[0], Unit) and not isinstance(items[-1], Unit)
    pending: list[Item] = []
    last = units[0]
    for item in reversed(items) if is_above else items:
        if isinstance(item, Unit):
            last = item
            _absorb(item, pending[::-1] if is_above else pending)
            pending = []
        else:
            pending.append(item)
    _absorb(last, pending[::-1] if is_above else pending)
    for unit in units:
        unit.images.sort(key=lambda image: image.position)
    return list(units)


def _absorb(unit: Unit, items: list[Item]) -> None:
    unit.images += [item for item in items if isinstance(item, Image)]
    unit.subcaptions += [item for item in items if isinstance(item, Subcaption)]


def demote_unnumbered(items: list[Item]) -> list[Item]:
    r"""Take captions without a number (\caption*) beside numbered ones for words about parts of the figure."""
    if not any(isinstance(item, Unit) and item.number for item in items):
        return items
    result: list[Item] = []
    for item in items:
        if isinstance(item, Unit) and item.number is None:
            result += [*item.images, *item.subcaptions, Subcaption(item.latex, has_letter=False)]
        else:
            result.append(item)
    return result
