"""The surface on which the parts of one letter are drawn, with the truth of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.fields import Image, Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import fill_rect, shift_box
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

STEP_PX = 400
"""Rows that a board grows by, in px, where a part is drawn below its end. For speed."""


@dataclass(frozen=True, slots=True)
class TileBar:
    """The truth of a bar: box in px, lengths, whose words say its length (label, caption, shared or unknown)."""

    box: Box
    region: Box
    length_px: float
    length_nm: float
    value: str
    label_text: str | None = None

    def shift(self, dx: int, dy: int) -> TileBar:
        """Return the bar shifted by (dx, dy)."""
        box, region = shift_box(self.box, dx, dy), shift_box(self.region, dx, dy)
        return TileBar(box, region, self.length_px, self.length_nm, self.value, self.label_text)


@dataclass(slots=True)
class Tile:
    """One image or drawing: `kinds` and `techniques` are joined by | where either is right.

    `mark` counts the letters of its board from 0; `prime` is the number of primes behind the letter. `magnification`
    names tiles of equal scale. `role` is what a caption calls it: main, inset, left, top.
    """

    box: Box
    kinds: str
    techniques: str | None = None
    heading: str = ""
    nm_per_px: float | None = None
    bar: TileBar | None = None
    mark: int = 0
    prime: int = 0
    magnification: int = 0
    inset_of: int | None = None
    role: str = ""

    def shift(self, dx: int, dy: int) -> None:
        """Shift the tile by (dx, dy), in place."""
        self.box = shift_box(self.box, dx, dy)
        self.bar = None if self.bar is None else self.bar.shift(dx, dy)


@dataclass(frozen=True, slots=True)
class FigureLook:
    """What the blocks of one figure have in common: the height of its letters and words in px, faces, gutter, ground.

    `letter_place`: outside, inside, mixed, below, none. `letter_tag`: none, white, black. `bars`: whether bars have a
    label, or the caption states them, by default.
    """

    words: float
    letters: float
    face: str
    gutter: int
    ground: Color
    letter_place: str
    letter_tag: str
    capital: bool
    bracket: str
    bars: str
    bar_ink: str
    caption_nm: float | None = None

    @property
    def ink(self) -> Color:
        """Return the color of words on the ground."""
        return BLACK if sum(self.ground) > 380 else WHITE


@lru_cache(maxsize=512)
def _mask(words: str, height: float, face: str) -> Image:
    return text_mask(words, height, face)


@dataclass(slots=True)
class Board:
    """A board of a width in px, its tiles, and what its caption says. Draw downwards and call :meth:`finish`.

    `words` are those of all its letters, `words_of` those of single marks.
    """

    width: int
    look: FigureLook
    rng: Random
    form: str = ""
    words: str = ""
    words_of: dict[int, str] = field(default_factory=dict)
    tiles: list[Tile] = field(default_factory=list)
    pixels: Pixels = field(init=False)
    bottom: int = 0

    def __post_init__(self) -> None:
        self.pixels = np.full((STEP_PX, self.width, 3), self.look.ground[0], np.uint8)

    def _reach(self, bottom: int) -> None:
        """Grow the board so that it has a row above `bottom` px, and remember its lowest part."""
        height = self.pixels.shape[0]
        if bottom > height:
            more = np.full((bottom - height + STEP_PX, self.width, 3), self.look.ground[0], np.uint8)
            self.pixels = np.concatenate([self.pixels, more])
        self.bottom = max(self.bottom, bottom)

    def paste(self, picture: Pixels, x: int, y: int) -> Box:
        """Paste a picture with its corner at (x, y); return its box."""
        box = (x, y, x + picture.shape[1], y + picture.shape[0])
        self._reach(box[3])
        self.pixels[box[1] : box[3], box[0] : box[2]] = picture
        return box

    def text(
        self, words: str, x: float, y: float, height: float = 0, color: Color | None = None, face: str = "",
        align: str = "left", turned: bool = False,
    ) -> Box:  # fmt: skip
        """Write words with the upper left corner at (x, y), or with their middle or right end at x; return the box."""
        mask = _mask(words, round(height or self.look.words, 1), face or self.look.face)
        if turned:
            mask = np.ascontiguousarray(np.rot90(mask))
        left = round(x - {"left": 0.0, "middle": 0.5, "right": 1.0}[align] * mask.shape[1])
        box = (left, round(y), left + mask.shape[1], round(y) + mask.shape[0])
        self._reach(box[3])
        paint_mask(self.pixels, mask, left, round(y), self.look.ink if color is None else color)
        return box

    def text_size(self, words: str, height: float = 0, face: str = "") -> tuple[int, int]:
        """Return the width and height in px of words."""
        mask = _mask(words, round(height or self.look.words, 1), face or self.look.face)
        return mask.shape[1], mask.shape[0]

    def rule(self, x0: float, y0: float, x1: float, y1: float, thick: float = 2, color: Color | None = None) -> None:
        """Draw a line from (x0, y0) to the right or downwards."""
        color = self.look.ink if color is None else color
        self._reach(round(max(y1, y0 + thick)))
        fill_rect(self.pixels, x0, y0, max(x1, x0 + thick), max(y1, y0 + thick), color)

    def finish(self) -> Pixels:
        """Return the pixels down to the lowest part."""
        self.pixels = self.pixels[: max(self.bottom + 2, 8)]
        return self.pixels
