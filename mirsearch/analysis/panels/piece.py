"""What a region of a figure is cut into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mirsearch.corpus import Box

PieceKind = Literal["picture", "plot", "drawing", "inset", "frame", "tinted", "cutout", "scrap"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a region: its box in px, and what it looks like.

    An inset is a picture in a picture or in a plot. A scrap is text, a line, or another small thing.
    """

    box: Box
    kind: PieceKind
