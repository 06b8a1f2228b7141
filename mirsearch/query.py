"""Requests to an index and its answers: filters, search requests, scored panels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Figure, Panel
from mirsearch.field_filters import FieldFilter, check_field
from mirsearch.ranking import Formula

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on panels. A panel must meet all of them; of the values in a tuple, it must have one.

    Empty or None means no condition. Case is ignored. `articles` has article ids, DOIs or PMC ids. `journals` has
    whole names. `licenses` has any spelling ("cc-by" matches CC BY 4.0 and its URL, but not CC BY-NC) or the beginning
    of a name ("cc"). `text` has words that a panel must have, and `label_text` words of the text that OCR read; both
    are in the language of `text.word_query`. Fields of view are in nm, ends included.
    `fields` are conditions on single fields; a panel must meet each. `retracted`: False leaves retracted articles out,
    True finds only these. `doubtful`: a doubtful scale reading counts as the panel's scale, in conditions on the scale
    and in the ranking.
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
    doubtful: bool = False
    text: str | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether no condition is set."""
        return dataclasses.replace(self, doubtful=False) == Filters()


@dataclass(frozen=True, slots=True)
class Order:
    """An order of panels: by the values of a field of `field_filters.FIELDS`, then by panel id.

    Panels without a value come last in either direction. Of several values (authors, sources), the first counts. Words
    are compared by their characters' numbers, capitals before small letters.
    """

    field: str
    descending: bool = False

    def __post_init__(self) -> None:
        check_field(self.field)


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One query. `vector` has shape (dims,) and unit length; `field_of_view_nm` is that of the query image.

    `text_vector`, shape (dims,), embeds the text in the space of the panel vectors, if the extractor has a text tower.
    `meaning_vector` is the text's sentence vector, if the index has sentence vectors.
    Each of these may be None. `exclude` has ids of panels that must not be found.
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
    meaning_vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class ScoredPanel:
    """The id of a panel with its score and terms. A term is None if the query or the panel lacks it."""

    panel_id: str
    score: float
    visual_distance: float | None = None
    visual: float | None = None
    scale: float | None = None
    text: float | None = None
    image_text: float | None = None
    meaning: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Scored panels, best first (ties by panel id), out of `considered` panels.

    `exact` is True if no better panel can have been missed. `detail` may have "searched": how many panels were compared
    by their looks, where not all of these are among the `considered`.
    """

    panels: list[ScoredPanel]
    exact: bool
    considered: int
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredPanel:
    """A panel from an index, with its figure (and the figure's article) and the names of its corrected fields."""

    panel: Panel
    figure: Figure
    corrected_fields: tuple[str, ...] = ()
