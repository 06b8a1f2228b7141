"""What is asked of an index and what it answers: filters, requests, scored panels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Figure, Panel
from mirsearch.field_filters import FieldFilter
from mirsearch.ranking import Formula

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions a panel must meet, all of them; within a tuple any one. Empty or None: no condition.

    Words are compared without case. `articles` holds article ids, DOIs or PMC ids; `journals` whole names;
    `licenses` in any spelling ("cc-by" takes CC BY 4.0 and its URL, but not CC BY-NC) or the beginning of a name
    ("cc"); `label_text` words of the text OCR read; fields of view are in nm, ends included; `fields` are conditions
    on single fields, each of which must be met; `retracted` False leaves retracted articles out, True takes no others.
    """

    kinds: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    label_text: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    has_scale: bool | None = None
    fov_min_nm: float | None = None
    fov_max_nm: float | None = None
    fields: tuple[FieldFilter, ...] = ()
    retracted: bool | None = None

    @property
    def empty(self) -> bool:
        """True where no condition is set."""
        return self == Filters()


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One question. `vector` is (dims,), of unit length; `field_of_view_nm` the query's; any may be missing.

    `text_vector`, (dims,) too, is the text in the space of the panels' vectors, where the extractor has a text tower.
    """

    vector: Vector | None = None
    field_of_view_nm: float | None = None
    text: str | None = None
    formula: Formula = field(default_factory=Formula)
    filters: Filters = field(default_factory=Filters)
    top: int = 10
    exact: bool = False
    exclude: frozenset[str] = frozenset()
    text_vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class ScoredPanel:
    """A panel's id with its score and terms; None where the query or the panel lacks the term."""

    panel_id: str
    score: float
    visual_distance: float | None = None
    visual: float | None = None
    scale: float | None = None
    text: float | None = None
    image_text: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Scored panels, best first (ties by panel id); `exact` tells whether no better panel can have been missed."""

    panels: list[ScoredPanel]
    exact: bool
    considered: int
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredPanel:
    """A panel as an index holds it, with its figure (and, through it, its article), and which fields were corrected."""

    panel: Panel
    figure: Figure
    corrected: tuple[str, ...] = ()
