"""Ask an index judged queries, and rank all that it finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mirsearch.corpus import figure_id
from mirsearch.errors import MirsearchError, NotFoundError, UsageError
from mirsearch.evaluation.judgments import JudgedQuery
from mirsearch.evaluation.measures import Ranking
from mirsearch.evaluation.results import Evaluation, QueryResult, evaluate_rankings
from mirsearch.evaluation.term_pools import TermPool, make_pool
from mirsearch.extractors.base import Extractor
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import SearchRequest, StoredPanel
from mirsearch.ranking import TERMS, Formula
from mirsearch.search.naming import named_panel, named_panels
from mirsearch.search.query_image import ImageQuestion
from mirsearch.search.question import OWN_ARTICLE, Question
from mirsearch.search.search import prepare_question

LeaveOut = Literal["none", "figure", "article"]
DEPTH = 1_000
"""Panels of a ranking that are measured, as in TREC. What is found later counts as not found."""
_MAX_TOLD = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """How queries are asked: the question that all share, and what must not answer a query.

    `leave_out`: panels of the query's figure or article. `groups`: the group by name of a panel, figure or file;
    panels of the query's group are left out.
    """

    question: Question = field(default_factory=Question)
    leave_out: LeaveOut = "none"
    groups: Mapping[str, str] = field(default_factory=dict)
    depth: int = DEPTH


@dataclass(frozen=True, slots=True, eq=False)
class PreparedQuery:
    """A judged query as a request to the index, with the grades of panels, its group, and its traits."""

    id: str
    request: SearchRequest
    relevant: Mapping[str, int]
    group: str
    traits: Mapping[str, str]


ReadImage = Callable[[str], ImageQuestion]
Progress = Callable[[int, int], None]


class JudgedRun:
    """Judged queries, prepared once for an index, to be asked with any formula. `notes` tell what was left out."""

    def __init__(
        self, index: Index, queries: Sequence[JudgedQuery], setting: Setting, extractor: Callable[[], Extractor],
        read_image: ReadImage, progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self._index, self._setting, self._extractor, self._read = index, setting, extractor, read_image
        self._members: dict[str, list[str]] = {}
        for name, group in setting.groups.items():
            self._members.setdefault(group, []).append(name)
        self._group_panels: dict[str, frozenset[str]] = {}
        self._known: dict[str, list[StoredPanel]] = {}
        self._unknown: dict[str, None] = {}
        self.prepared: list[PreparedQuery] = []
        self.left_out = 0
        for number, query in enumerate(queries, start=1):
            prepared = self._prepare(query)
            if any(grade > 0 for grade in prepared.relevant.values()):
                self.prepared.append(prepared)
            else:
                self.left_out += 1
            if progress is not None:
                progress(number, len(queries))
        if not self.prepared:
            raise UsageError("none of the queries has a relevant panel in the index", "check the ids of the judgments")

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader should know of the judgments."""
        notes = []
        if self._unknown:
            shown = ", ".join(list(self._unknown)[:_MAX_TOLD]) + (" …" if len(self._unknown) > _MAX_TOLD else "")
            notes.append(f"{len(self._unknown):,} judged ids are not in the index: {shown}")
        if self.left_out:
            notes.append(f"{self.left_out:,} queries have nothing to find, and were left out")
        return tuple(notes)

    def rankings(self, formula: Formula, numbers: Iterable[int] | None = None) -> Iterator[Ranking]:
        """Yield what each query, or each of some of them by number, finds with a formula."""
        for query in self.prepared if numbers is None else (self.prepared[number] for number in numbers):
            response = query.request.formula.response
            request = dataclasses.replace(query.request, formula=dataclasses.replace(formula, response=response))
            result = self._index.search(request)
            found = [scored.panel_id for scored in result.panels]
            yield Ranking(query.id, found, query.relevant, result.considered)

    def evaluate(self, formula: Formula, settings: Mapping[str, object] | None = None) -> Evaluation:
        """Return the evaluation with a formula."""
        return self.evaluation(self.results(formula), formula_settings(formula) | dict(settings or {}))

    def results(self, formula: Formula, numbers: Iterable[int] | None = None) -> list[QueryResult]:
        """Return the results of all queries, or of some by number, with a formula."""
        groups = {query.id: query.group for query in self.prepared}
        traits = {query.id: query.traits for query in self.prepared}
        return evaluate_rankings(self.rankings(formula, numbers), groups, traits)

    def evaluation(self, results: Sequence[QueryResult], settings: Mapping[str, object]) -> Evaluation:
        """Return the evaluation that has these results, asked with these settings."""
        told = dict(settings) | {"leave_out": self._setting.leave_out}
        return Evaluation(self._index.location, told, tuple(results), self.left_out, self.notes)

    def pool(self, number: int) -> TermPool:
        """Return the terms of what a query finds by all its terms and by each alone."""
        query = self.prepared[number]
        return make_pool(self._index, query.request, query.relevant)

    def _prepare(self, judged: JudgedQuery) -> PreparedQuery:
        try:
            question, stored = self._question(judged)
            prepared = prepare_question(self._index, question, self._extractor)
        except MirsearchError as error:
            raise type(error)(f"query {judged.id}: {error.message}", error.remedy) from error
        excluded = prepared.request.exclude | self._left_out_panels(judged, question, stored)
        request = dataclasses.replace(
            prepared.request, exclude=excluded, top=self._setting.depth, exact=True,
        )  # fmt: skip
        relevant = {panel: grade for panel, grade in self._grades(judged).items() if panel not in excluded}
        scale = "known" if request.field_of_view_nm is not None else "not known"
        traits = {"scale": scale} if request.vector is not None else {}
        technique = None if stored is None else known_technique(stored.panel)
        traits |= {"technique": technique} if technique else {}
        group = judged.group or self._group_of(judged, stored) or self._article_of(stored) or judged.id
        return PreparedQuery(judged.id, request, relevant, group, traits)

    def _question(self, judged: JudgedQuery) -> tuple[Question, StoredPanel | None]:
        """Return a query as a question, and the panel of the index that it asks with."""
        image, like = judged.image, judged.like
        if image is not None and like is None and not Path(image).is_file():
            image, like = None, image
        stored = None if like is None else named_panel(self._index, like)
        view = self._setting.question.field_of_view_nm
        if judged.field_of_view is not None:
            from mirsearch.text.lengths import parse_user_length

            view = parse_user_length(judged.field_of_view)
        question = dataclasses.replace(
            self._setting.question,
            image=None if image is None else self._read(image),
            like=None if stored is None else stored.panel.id,
            text=judged.text,
            field_of_view_nm=view,
            not_articles=(OWN_ARTICLE,) if self._setting.leave_out == "article" and (image or stored) else (),
        )
        return question, stored

    def _left_out_panels(self, judged: JudgedQuery, question: Question, stored: StoredPanel | None) -> frozenset[str]:
        """Return the panels of the query's figure and group, where they must not answer."""
        panels = set(self._panels_of_group(self._group_of(judged, stored)))
        if self._setting.leave_out == "figure":
            panels |= {other.panel.id for figure in _own_figures(question, stored)
                       for other in self._index.figure_panels(figure)}  # fmt: skip
        return frozenset(panels)

    def _group_of(self, judged: JudgedQuery, stored: StoredPanel | None) -> str | None:
        """Return the group of a query in the table of groups."""
        names = [name for name in (judged.like, judged.image, judged.image and Path(judged.image).name) if name]
        if stored is not None:
            names += [stored.panel.id, stored.figure.id, *(Path(each.location).name for each in stored.figure.origins)]
        return next((self._setting.groups[name] for name in names if name in self._setting.groups), None)

    def _panels_of_group(self, group: str | None) -> frozenset[str]:
        if group is None:
            return frozenset()
        if group not in self._group_panels:
            found = {stored.panel.id for name in self._members[group] for stored in self._panels_named(name)}
            self._group_panels[group] = frozenset(found)
        return self._group_panels[group]

    def _grades(self, judged: JudgedQuery) -> dict[str, int]:
        """Return the grades of panels: a figure or an article stands for all its panels."""
        grades: dict[str, int] = {}
        for name, grade in (judged.relevant or {}).items():
            panels = self._panels_named(name)
            if not panels:
                self._unknown[name] = None
            for stored in panels:
                grades[stored.panel.id] = max(grade, grades.get(stored.panel.id, 0))
        return grades

    def _panels_named(self, name: str) -> list[StoredPanel]:
        if name not in self._known:
            try:
                self._known[name] = named_panels(self._index, name)
            except NotFoundError:
                self._known[name] = []
        return self._known[name]

    @staticmethod
    def _article_of(stored: StoredPanel | None) -> str | None:
        return stored.figure.article.id if stored is not None and stored.figure.article is not None else None


def _own_figures(question: Question, stored: StoredPanel | None) -> list[str]:
    """Return the figures of the index that have the pictures of a question."""
    from mirsearch.imaging.images import content_hash

    figures = [] if stored is None else [stored.figure.id]
    return figures + [figure_id(content_hash(image.path), image.page) for image in question.images]


def formula_settings(formula: Formula) -> dict[str, object]:
    """Return the parameters of the score, for a report."""
    weights = {term: formula.weights.of(term) for term in TERMS}
    return {"weights": weights, "sigma": formula.sigma, "k": formula.text_k, "missing": formula.missing}
