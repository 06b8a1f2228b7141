"""Which planes of a file are shown, and how the planes of a depth become one image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mirsearch.corpus import PLANES
from mirsearch.errors import UsageError

PROJECTIONS = ("max", "mean", "min", "middle")
"""How the planes of a z-stack become one image. `middle` takes the plane in the middle."""

_FRAGMENT = re.compile(PLANES + r"([a-z0-9,]{1,4000})&projection=([a-z]{3,6})(?:&images=(\d{1,5}))?\Z")
_MOST_PAGES = 500
"""Most pages that one option may name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The planes to show: their numbers in the file from 0, "all", or None for a choice; and the projection.

    `images` is None, or how many of the images were made before an interruption.
    """

    pages: tuple[int, ...] | Literal["all"] | None = None
    projection: str = "max"
    images: int | None = None

    @property
    def fragment(self) -> str:
        """Return the selection as the end of an origin's location: "#planes=auto&projection=max"."""
        named = self.pages if isinstance(self.pages, str) else ",".join(str(page + 1) for page in self.pages or ())
        done = "" if self.images is None else f"&images={self.images}"
        return f"{PLANES}{named or 'auto'}&projection={self.projection}{done}"


def parse_selection(pages: str | None, projection: str = "max") -> Selection:
    """Return the selection of --pages (numbers from 1, or all) and --projection. UsageError if they can't be used."""
    if projection not in PROJECTIONS:
        raise UsageError(f"--projection {projection!r} is not known", f"give {', '.join(PROJECTIONS)}")
    if pages is None:
        return Selection(projection=projection)
    if pages.strip().lower() == "all":
        return Selection("all", projection)
    numbers = [part.strip() for part in pages.split(",")]
    if not all(re.fullmatch(r"\d{1,6}", number) and int(number) > 0 for number in numbers):
        raise UsageError(f"--pages {pages!r} is no list of pages", "give numbers from 1, as in 1,5,10, or all")
    if len(numbers) > _MOST_PAGES:
        raise UsageError(f"--pages names {len(numbers)} pages, more than {_MOST_PAGES}", "name fewer, or give all")
    return Selection(tuple(dict.fromkeys(int(number) - 1 for number in numbers)), projection)


def split_location(location: str) -> tuple[str, Selection | None]:
    """Return the path of an origin's location and the selection behind it; None if the location has none."""
    found = _FRAGMENT.search(location)
    if found is None:
        return location, None
    named, projection, done = found.groups()
    pages: tuple[int, ...] | Literal["all"] | None = None
    if named == "all":
        pages = "all"
    elif named != "auto":
        pages = tuple(int(number) - 1 for number in named.split(",") if number.isdigit())
    return location[: found.start()], Selection(pages, projection, None if done is None else int(done))


def first_middle_last(values: Sequence[int], most: int = 3) -> list[int]:
    """Return the first, the middle and the last value; with `most` below three, fewer of them; more, evenly spread."""
    count = min(len(values), most)
    if count <= 0:
        return []
    if count == 1:
        return [values[0]]
    return [values[round(at * (len(values) - 1) / (count - 1))] for at in range(count)]
