"""The JSON of the API's answers, for its OpenAPI description. docs/json.md tells what all fields mean."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

Box = tuple[int, int, int, int]


class _Answer(BaseModel):
    """Later versions may add fields."""

    model_config = ConfigDict(extra="allow")


class ProblemDetails(_Answer):
    """What went wrong, as RFC 9457 defines it. `remedy` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str = ""


class PanelScale(_Answer):
    """A panel's scale reading, with its field of view."""

    nm_per_px: float
    length_nm: float | None
    length_px: float | None
    bar: Box | None
    label_text: str | None
    source: str
    confidence: float
    field_of_view_nm: float


class ArticleData(_Answer):
    """An article; what is not known is null."""

    id: str | None
    title: str | None
    doi: str | None
    pmcid: str | None
    journal: str | None
    year: int | None
    license: str | None
    url: str | None
    authors: list[str]
    retracted: bool


class MatchData(_Answer):
    """How likely a hit shows the same kind of thing: strong, weak or none, and the probability."""

    word: str
    probability: float


class HitData(_Answer):
    """A hit, as `mirsearch query --format json` prints it."""

    rank: int
    id: str
    score: float
    visual_distance: float | None
    terms: dict[str, float | None]
    scale: PanelScale | None
    panel: dict[str, Any]
    caption: str
    text: str
    figure: str
    figure_label: str | None
    figure_caption: str
    article: ArticleData
    image: str | None
    also: list[dict[str, Any]]
    more: list[dict[str, Any]]
    match: MatchData | None = None


class AnswerData(_Answer):
    """An answer, as `mirsearch query --format json` prints it."""

    query: dict[str, Any]
    exact: bool
    considered: int
    took_ms: float
    weights: dict[str, float]
    sigma: float
    missing: str
    notes: list[str]
    hits: list[HitData]
    match: MatchData | None = None


class PanelData(_Answer):
    """A panel with its figure and article, as `mirsearch show --format json` prints it."""

    id: str
    box: Box
    label: str | None
    kind: str
    technique: str | None
    caption: str
    text: str
    scale: PanelScale | None
    figure: str
    figure_label: str | None
    figure_caption: str
    figure_size: tuple[int, int]
    image: str | None
    article: ArticleData


class FigureData(_Answer):
    """A figure with its panels. `iiif` is the base of its image addresses."""

    id: str
    label: str | None
    caption: str
    size: tuple[int, int]
    page: int
    permission_note: str | None
    iiif: str
    article: ArticleData
    panels: list[PanelData]


class ArticleFigures(_Answer):
    """An article with the ids of its figures and panels."""

    article: ArticleData
    figures: list[str]
    panels: list[str]


class FacetCounts(_Answer):
    """Panels by value of each filter; `sources` counts figures, `fields_of_view` panels by decade in nm."""

    techniques: dict[str, int]
    kinds: dict[str, int]
    years: dict[str, int]
    journals: dict[str, int]
    licenses: dict[str, int]
    sources: dict[str, int]
    fields_of_view: dict[str, int]


class ReviewItemData(_Answer):
    """A panel whose reading wants a look: why (a key of `reasons`), and what is wrong in a sentence."""

    reason: str
    detail: str
    panel: PanelData


class ReviewData(_Answer):
    """The panels that most want a look, the most urgent first; `counts` has all of each reason."""

    counts: dict[str, int]
    reasons: dict[str, str]
    items: list[ReviewItemData]


class CorrectionData(_Answer):
    """A correction: the panel that it applies to (null: none now), and the changes of its fields."""

    figure: str | None
    panel: str | None
    box: Box
    label: str | None
    changes: dict[str, Any]


class CorrectionList(_Answer):
    """All corrections."""

    corrections: list[CorrectionData]


class JobData(_Answer):
    """A job that adds figures. `state`: waiting, running, done, failed, cancelled or interrupted.

    `asked` has the fields that it was asked with, `progress` the numbers of the ingest while it runs, `counts` and
    `panels` those at its end. `figures` lists ids of the figures that came in, `added` says how many they are.
    """

    id: str
    title: str
    state: str
    asked: dict[str, Any]
    files: int
    bytes: int
    created: str | None
    started: str | None
    finished: str | None
    stopping: bool
    progress: dict[str, Any]
    failures: list[dict[str, str]]
    failed: int
    figures: list[str]
    added: int
    counts: dict[str, int]
    panels: dict[str, int]
    message: str


class JobList(_Answer):
    """All jobs that are kept, the newest first."""

    jobs: list[JobData]
