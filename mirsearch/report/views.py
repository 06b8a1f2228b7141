"""What the templates of the page show: small typed objects of plain values, without markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mirsearch.report.reasons import Reason


@dataclass(frozen=True, slots=True)
class Fact:
    """A name with its value; `meaning` explains the name (empty: it explains itself)."""

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of a text, and whether it is a word of the query."""

    text: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Ruler:
    """A bar of a round length under a picture: `length` in units of the frame, `label` what it stands for ("2 µm")."""

    length: float
    label: str


@dataclass(frozen=True, slots=True)
class MapBox:
    """A rectangle of a small map, in units of the frame. `role` is its class: figure, letter, other or panel."""

    role: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FramedPicture:
    """A picture in a frame of fixed size with room for a ruler under it.

    `address` is a data URL or another address (None: no picture is available). `width` and `height` are those of the
    panel in px of its file, as is `nm_per_px`. `no_scale` stands in place of the ruler where there is none. `map` shows
    where the panel lies in its figure. `note` tells why the picture is not cut from the file of the figure.
    """

    description: str
    address: str | None
    width: int
    height: int
    nm_per_px: float | None
    ruler: Ruler | None
    no_scale: str
    map: tuple[MapBox, ...] = ()
    note: str = ""

    FRAME_WIDTH: ClassVar[int] = 400
    FRAME_HEIGHT: ClassVar[int] = 300
    RULER_HEIGHT: ClassVar[int] = 34
    """Size of the frame, and height of the strip under it, in units of the drawing; page.js knows them too."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another page of the same server."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class ArticleCard:
    """An article as a card shows it. The links are None or have passed `safe_link`."""

    title: str
    link: str | None
    source: str
    license: str
    license_text: str
    license_link: str | None
    retracted: bool


@dataclass(frozen=True, slots=True)
class QueryCard:
    """The question: its picture (None: asked without one), the picture's name, the words, scale and filters.

    `more` are the other pictures of a question with several, with their names.
    """

    picture: FramedPicture | None
    name: str
    text: str
    facts: tuple[Fact, ...]
    more: tuple[tuple[FramedPicture, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HitCard:
    """One hit: everything a person needs to judge it.

    `heading` are the words printed at the picture; `parts` tells how many more images of its letter were found, and
    `repeats` where else the article shows it; `others` are further hits of its article, and `others_title` counts them;
    `explanation` are the sentences of "Why this rank". On a server, `links` lead to more about it; the
    first is that of its name. `marks` are links that mark it as alike or not.
    """

    rank: int
    name: str
    heading: str
    score: float
    badges: tuple[str, ...]
    picture: FramedPicture
    reasons: tuple[Reason, ...]
    facts: tuple[Fact, ...]
    caption: tuple[TextPart, ...]
    parts: str
    repeats: str
    article: ArticleCard | None
    permission: str
    explanation: tuple[str, ...]
    panel_id: str
    box: str
    image: str
    field_of_view_nm: float | None
    year: int | None
    links: tuple[Link, ...] = ()
    marks: tuple[Link, ...] = ()
    others_title: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortOption:
    """An order that the page can put its hits into: the key that the script knows, and its name."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class AnswerSection:
    """One answer on the page; `number` counts from 1."""

    number: int
    heading: str
    outcome: str
    notes: tuple[str, ...]
    legend: tuple[Fact, ...]
    query: QueryCard
    hits: tuple[HitCard, ...]
    sort_options: tuple[SortOption, ...]
    field_of_view_nm: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page: its title, the answers, and the formula of the score (empty without an answer)."""

    title: str
    answers: tuple[AnswerSection, ...]
    formula: str
    version: str
