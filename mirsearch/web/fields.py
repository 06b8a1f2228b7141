"""The fields of a search, named as the options of `mirsearch query`, and the question that they ask."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mirsearch import settings
from mirsearch.query import Filters
from mirsearch.ranking import Formula
from mirsearch.search.option_values import (
    IMAGE_OPTIONS,
    add_filters,
    check_image_options,
    hits_per_article,
    parse_box,
    parse_filters,
    parse_formula,
    parse_scale_options,
)
from mirsearch.search.search import Question
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.uploads import ReadPictures, Upload

_NULLABLE = frozenset(("bar_px", "nm_per_px", "per_article", "min_score", "has_scale", "sigma"))
_CONFIG = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)
_MAX_VALUES = 32
"""Most values of one field that may be repeated."""

Text = Annotated[str, StringConstraints(max_length=settings.LIMITS.field_chars)]
Word = Annotated[str, StringConstraints(max_length=200)]
Words = Annotated[list[Word], Field(max_length=_MAX_VALUES)]


class _QuestionFields(BaseModel):
    """The question and how it is answered."""

    model_config = _CONFIG

    text: Text | None = Field(default=None, description='Words, "phrases" and nano*. AND, OR, NOT or title:word bind.')
    require: bool = Field(default=False, description="Find only panels that have the words of the text.")
    like: Word | None = Field(default=None, description="Id of a panel of the index.")
    alike: Words = Field(default=[], description="Id of a panel that is marked as alike: the looks follow it.")
    not_alike: Words = Field(default=[], description="Id of a panel that is marked as not alike.")
    panel: Word | None = Field(default=None, description="Panel of the image, e.g. b.")
    crop: Word | None = Field(default=None, description="Region of the image, in px: x0,y0,x1,y1.")
    page: int = Field(default=0, ge=0, le=1_000_000, description="Page of a file with several, counted from 1.")
    scale: Word | None = Field(default=None, description='Length that the scale bar stands for: "500 nm".')
    bar_px: float | None = Field(default=None, description="Length of the bar in px, with scale.")
    nm_per_px: float | None = Field(default=None, description="Size of a pixel in nm.")
    field_of_view: Word | None = Field(default=None, description='Width of the image: "2 um".')
    no_scale: bool = Field(default=False, description="Ignore the scale.")
    weight: Words = Field(default=[], description="Weight of a term: visual=0.6, scale=0.3, text=0.3, meaning=0.06.")
    missing: Literal["neutral", "penalize", "exclude"] = Field(
        default="neutral", description="Rule for panels without a scale."
    )
    sigma: float | None = Field(
        default=None, description="Width of the scale term in decades (default: the index's own, else 0.3)."
    )
    top: int = Field(default=10, ge=1, le=SERVE_LIMITS.top, description="Number of hits.")
    each: bool = Field(default=False, description="Each image under one letter of a figure is a hit of its own.")
    diverse: bool = Field(default=False, description="Hits that are also unlike each other.")
    per_article: int | None = Field(default=None, ge=0, le=1_000, description="Most hits of an article; 0: any number.")
    min_score: float | None = Field(default=None, description="Least score of a hit, 0 to 1.")
    doubtful: bool = Field(default=False, description="Also rank and filter by scale readings that are not sure.")
    exact: bool = Field(default=False, description="Score every panel that passes the filters.")


class FilterFields(BaseModel):
    """Filters of panels."""

    model_config = _CONFIG

    kind: Words = Field(default=[], description="micrograph, diffraction, map, gel, plot, …")
    technique: Words = Field(default=[], description="SEM, TEM, AFM, …")
    year: Word | None = Field(default=None, description="2021, 2015-2020, 2015- or -2020.")
    journal: Words = Field(default=[], description="Full name of the journal.")
    license: Words = Field(default=[], description="cc-by, cc0, …")
    has_scale: bool | None = Field(default=None, description="Only panels with (true) or without (false) a scale.")
    fov: Word | None = Field(default=None, description='Field of view: "100nm..5um".')
    article: Words = Field(default=[], description="DOI, PMC id or article id.")
    label_text: Text | None = Field(default=None, description="Words that were read inside the panel.")
    filter: Words = Field(default=[], description="Condition on any field: scale.source=caption.")


class SearchFields(FilterFields, _QuestionFields):  # the fields of _QuestionFields come first, also in addresses
    """What a search asks for: the options of `mirsearch query`, with `_` in place of `-`."""

    not_article: Words = Field(default=[], description="Article to leave out; own: that of the image or panel.")
    all_kinds: bool = Field(default=False, description="Also find plots and schematics for an image.")
    retracted: bool = Field(default=False, description="Also find panels of retracted articles. They are marked.")

    @property
    def given(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        fields, given = type(self).model_fields, self.model_fields_set
        values = ((name, getattr(self, name)) for name in fields if name in given)
        return {name: value for name, value in values if value != fields[name].default}

    @property
    def key(self) -> Hashable:
        """Return what stands for what is asked: it is the same for fields that differ in nothing from each other."""
        return tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in self.given.items())

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, values: Any) -> Any:
        """Take "null" for a number or flag that is not given, as some programs write it in a form."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != "null" or name not in _NULLABLE}


LIST_FIELDS = frozenset(name for name, field in SearchFields.model_fields.items() if isinstance(field.default, list))


def make_filters(fields: FilterFields) -> Filters:
    """Return the filters. UsageError for values that are none."""
    if fields.model_fields_set.isdisjoint(FilterFields.model_fields):
        return Filters()
    filters = parse_filters(fields.kind, fields.technique, fields.year, fields.journal, fields.license, fields.article)
    return add_filters(filters, fields.has_scale, fields.fov, fields.label_text, fields.filter)


def make_question(
    fields: SearchFields,
    uploads: Sequence[Upload],
    pictures: ReadPictures,
    top: int,
    for_people: bool,
    own: Formula | None = None,
) -> Question:
    """Return the question, with the checks and the words of the command line.

    People see few hits of an article, unless they ask otherwise. `own` is the formula of the index.
    """
    of_image = {name: getattr(fields, name) for name in IMAGE_OPTIONS}
    check_image_options(len(uploads), of_image | {"page": fields.page or None})
    scale = parse_scale_options(fields.scale, fields.bar_px, fields.nm_per_px, fields.field_of_view, fields.no_scale)
    crop = None if fields.crop is None else parse_box(fields.crop)
    images = [pictures.question(upload, fields.panel, crop, scale, fields.page) for upload in uploads]
    return Question(
        image=images[0] if images else None,
        more_images=tuple(images[1:]),
        like=fields.like,
        text=fields.text,
        require=fields.require and bool(fields.text),
        field_of_view_nm=scale.field_of_view_nm,
        use_scale=not fields.no_scale,
        every_kind=fields.all_kinds,
        retracted=fields.retracted,
        filters=make_filters(fields),
        formula=parse_formula(fields.weight, fields.missing, fields.sigma, own),
        top=top,
        exact=fields.exact,
        doubtful=fields.doubtful,
        each=fields.each,
        per_article=hits_per_article(fields.per_article, for_people, bool(fields.article)),
        not_articles=tuple(fields.not_article),
        min_score=fields.min_score,
        diverse=fields.diverse,
        alike=tuple(fields.alike),
        not_alike=tuple(fields.not_alike),
    )
