"""Acquisition: a query's articles and their figures, fetched in the background, each step noted in the ledger."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirsearch.acquisition.caption_query import matches_keywords
from mirsearch.acquisition.ledger import MAX_ATTEMPTS, FigureState, Ledger
from mirsearch.acquisition.micrographs import is_likely_micrograph
from mirsearch.acquisition.report import AcquisitionReport
from mirsearch.acquisition.services.base import ArticlePlan, ArticleService, Hit, KeywordQuery, Terms, rejection_reason
from mirsearch.corpus import Origin, figure_id
from mirsearch.errors import FetchError, SourceError
from mirsearch.files.partial import remove_partial_files
from mirsearch.indexes.base import KnownFigure
from mirsearch.ingest.pipeline import map_in_order
from mirsearch.sources.base import FoundFigure, Retraction, SourceFailure, SourceItem
from mirsearch.sources.image_comparison import show_same_figure

ARTICLES_AT_ONCE = 3
FIGURES_AT_ONCE = 6
_QUEUED_FIGURES = 12
_STALE_SECONDS = 86_400.0
_HALTING_CAUSES = ("stopped", "left alone")

FindKnownFigures = Callable[[Sequence[str]], Mapping[str, KnownFigure]]


@dataclass(frozen=True, slots=True)
class _PlannedArticle:
    hit: Hit
    plan: ArticlePlan | None = None
    failure: SourceFailure | None = None
    halt: str | None = None


@dataclass(frozen=True, slots=True)
class _FigureResult:
    item: SourceItem | None = None
    state: FigureState | None = None
    failed: bool = False
    skipped: str | None = None
    size: int = 0
    fetched: bool = False
    halt: str | None = None


class Acquisition:
    """One query of one service. `known` tells which figures the index has; those are not given to it again."""

    def __init__(
        self,
        service: ArticleService,
        query: KeywordQuery,
        ledger: Ledger,
        folder: Path,
        find_known: FindKnownFigures | None = None,
    ) -> None:
        self._service, self._query, self._ledger, self._folder = service, query, ledger, folder
        self._find_known: FindKnownFigures = find_known or (lambda _: {})
        self._key = query.key(service.name)
        self._halt_reason: str | None = None
        self._is_dry_run = False
        self._figures_by_path: dict[str, tuple[str, str]] = {}
        self._retracted_names: dict[str, None] = {}
        self.report = AcquisitionReport(query.max_articles, query.max_figures)
        self.failures: list[SourceFailure] = []

    def items(self) -> Iterator[SourceItem]:
        """Figures to take in, in the order of the search, and what failed."""
        remove_partial_files(self._folder / "figures", deep=True)
        for result in map_in_order(self._get_figure, self._figure_jobs(), FIGURES_AT_ONCE, _QUEUED_FIGURES):
            yield from self._count_result(result)
        if self._retracted_names:
            yield Retraction(tuple(self._retracted_names))
        if self._halt_reason:
            yield SourceFailure(self._service.name, self._halt_reason)

    @property
    def halt_reason(self) -> str | None:
        """Why the acquisition ended before its end; None where it did not."""
        return self._halt_reason

    def mark_complete(self) -> None:
        """Note that all of the query was done; the next run searches anew. An incomplete one is gone on with."""
        if self._halt_reason is None:
            self._ledger.complete_query(self._key)

    def record_failure(self, path: str, reason: str) -> None:
        """Note that a figure of `items` could not be analyzed."""
        if path in self._figures_by_path:
            self._ledger.fail_figure(*self._figures_by_path[path], "content", reason)

    def preview(self) -> Iterator[tuple[Hit, ArticlePlan, list[FigureState]]]:
        """Articles that would be taken, with their wanted figures; none is fetched. `failures` tells what failed."""
        self._is_dry_run = True
        for planned in map_in_order(self._plan_article, self._wanted_hits(), ARTICLES_AT_ONCE, ARTICLES_AT_ONCE):
            figures = list(self._wanted_figures(planned))
            self.failures += [figure for figure in figures if isinstance(figure, SourceFailure)]
            states = [figure for figure in figures if isinstance(figure, FigureState)]
            if planned.plan is not None and states:
                yield planned.hit, planned.plan, states
            if self._reached_limits():
                return

    # articles

    def _wanted_hits(self) -> Iterator[Hit]:
        """Articles of the search whose figures may be wanted: those noted, then further pages."""
        for hit in self._found_hits():
            self.report.hits_seen += 1
            terms = Terms((hit.license,) if hit.license else (), hit.retracted, hit.closed, partial=True)
            self._note_retraction(hit, terms)
            reason = rejection_reason(terms, self._query)
            if reason:
                self.report.skipped_articles[reason] += 1
            else:
                yield hit

    def _note_retraction(self, hit: Hit, terms: Terms) -> None:
        """Note an article as retracted, also where it was taken before it was."""
        if terms.retracted:
            self._retracted_names |= dict.fromkeys(filter(None, (hit.doi, hit.id)))
            if not self._is_dry_run:
                self._ledger.mark_retracted(hit.id)

    def _found_hits(self) -> Iterator[Hit]:
        state = self._ledger.query_state(self._key)
        if state is None or state.state == "complete" or time.time() - state.started > _STALE_SECONDS:
            self._ledger.begin_query(self._key, self._service.name, self._query)
            yield from self._search_pages(None)
            return
        self.report.total_hits = state.total
        yield from self._ledger.hits(self._key)
        if state.state == "searching":
            yield from self._search_pages(state.cursor)

    def _search_pages(self, cursor: str | None) -> Iterator[Hit]:
        """Hits of page after page, until there is no more, or a cursor comes back."""
        used_cursors: set[str | None] = set()
        while cursor not in used_cursors and not self._halt_reason:
            used_cursors.add(cursor)
            try:
                page = self._service.search(self._query, cursor)
            except SourceError as error:
                self._halt_reason = self._halt_reason or str(error)
                return
            next_cursor = page.cursor if page.cursor not in used_cursors else None
            self.report.total_hits = page.total
            yield from self._ledger.add_page(self._key, page.hits, next_cursor, page.total)
            if next_cursor is None:
                return
            cursor = next_cursor

    def _plan_article(self, hit: Hit) -> _PlannedArticle:
        """Thread: an article's plan, from the ledger where it is there for these terms."""
        state = self._ledger.article_state(hit.id)
        if state is not None and state.state != "failed" and state.revision == hit.revision:
            if state.state == "planned" or rejection_reason(state.plan.terms, self._query):
                return _PlannedArticle(hit, state.plan)
        elif state is not None and state.state == "failed" and state.attempts >= MAX_ATTEMPTS:
            return _PlannedArticle(hit, failure=SourceFailure(hit.id, f"given up: {state.reason}", is_note=True))
        if self._halt_reason:
            return _PlannedArticle(hit, halt=self._halt_reason)
        skip_figures = self._is_dry_run and getattr(
            self._service, "bundles_figures", False
        )  # its plans bring the figures with them
        try:
            plan = self._service.plan_article(
                hit, lambda terms: not skip_figures and rejection_reason(terms, self._query) is None
            )
        except SourceError as error:
            cause = error.cause if isinstance(error, FetchError) else "content"
            if cause in _HALTING_CAUSES:
                return _PlannedArticle(hit, halt=str(error))
            self._ledger.fail_article(hit, cause, str(error))
            return _PlannedArticle(hit, failure=SourceFailure.from_error(hit.id, error))
        if not skip_figures:
            self._ledger.save_plan(hit, plan)
        return _PlannedArticle(hit, plan)

    def _wanted_figures(self, planned: _PlannedArticle) -> Iterator[FigureState | SourceFailure]:
        """Of an article's figures those that are wanted, counted."""
        if planned.halt:
            self._halt_reason = self._halt_reason or planned.halt
        if planned.failure is not None:
            yield planned.failure
        if planned.plan is None:
            return
        self._note_retraction(planned.hit, planned.plan.terms)
        reason = rejection_reason(planned.plan.terms, self._query)
        if reason:
            self.report.skipped_articles[reason] += 1
            return
        self.report.articles_taken += 1
        self.report.articles_unplanned += (
            planned.plan.figures is None and self._is_dry_run and not self._ledger.article_state(planned.hit.id)
        )
        self.report.skipped_figures.update(dict(planned.plan.lost))
        for state in self._ledger.figure_states(planned.hit.id):
            self.report.figures_seen += 1
            if self._query.micrographs and not is_likely_micrograph(state.figure.caption):
                self.report.skipped_figures["caption speaks of no micrograph"] += 1
                continue
            if self._query.where == "captions" and not matches_keywords(state.figure.caption, self._query.keywords):
                self.report.skipped_figures["caption without the keyword"] += 1
                continue
            if self._query.max_figures is not None and self.report.figures_wanted >= self._query.max_figures:
                return
            self.report.figures_wanted += 1
            yield state

    def _reached_limits(self) -> bool:
        query, report = self._query, self.report
        has_articles = query.max_articles is not None and report.articles_taken >= query.max_articles
        return has_articles or (query.max_figures is not None and report.figures_wanted >= query.max_figures)

    # figures

    def _figure_jobs(self) -> Iterator[tuple[FigureState, ArticlePlan] | SourceFailure]:
        for planned in map_in_order(self._plan_article, self._wanted_hits(), ARTICLES_AT_ONCE, ARTICLES_AT_ONCE):
            for figure in self._wanted_figures(planned):
                if isinstance(figure, SourceFailure):
                    yield figure
                elif planned.plan is not None:
                    yield figure, planned.plan
            if self._reached_limits() or self._halt_reason:
                return

    def _get_figure(self, job: tuple[FigureState, ArticlePlan] | SourceFailure) -> _FigureResult:
        """Thread: a figure's file, from the workspace where it is there, else from the service."""
        if isinstance(job, SourceFailure):
            return _FigureResult(job, failed=not job.is_note)
        state, plan = job
        if state.attempts >= MAX_ATTEMPTS:
            return _FigureResult(skipped=f"given up after {state.attempts} tries")
        path, fetched = self.figure_path(state), state.fetched
        is_present = fetched is not None and path.is_file() and path.stat().st_size == fetched.size
        if not is_present:
            if self._halt_reason:
                return _FigureResult(halt=self._halt_reason)
            try:
                fetched = self._service.fetch_figure(state.figure, path)
            except SourceError as error:
                return self._record_fetch_failure(state, error)
            self._ledger.save_figure(replace(state, state="done", fetched=fetched, attempts=0, cause=None, reason=None))
        assert fetched is not None
        size = 0 if is_present else fetched.size
        origin = Origin(self._service.origin, state.figure.url, fetched.retrieved)
        other_origins: tuple[Origin, ...] = (Origin("file", str(path), fetched.retrieved),)
        twin = self._find_twin(state, path)
        if twin is not None and twin.fetched is not None:
            # The same figure of the same paper, from another place: one figure with two places.
            fetched, path, other_origins = twin.fetched, self.figure_path(twin), ()
        if self._is_known(figure_id(fetched.sha256), origin):
            return _FigureResult(size=size, fetched=not is_present)
        figure = FoundFigure(
            path=path, origin=origin, caption=state.figure.caption, label=state.figure.label, article=plan.article,
            permission_note=state.figure.permission_note, other_origins=other_origins,
        )  # fmt: skip
        return _FigureResult(figure, state, size=size, fetched=not is_present)

    def _is_known(self, content_id: str, origin: Origin) -> bool:
        known = self._find_known([content_id]).get(content_id)
        origins = () if known is None else known.origins
        return any((place.source, place.location) == (origin.source, origin.location) for place in origins)

    def _find_twin(self, state: FigureState, path: Path) -> FigureState | None:
        """The same figure as another place has it that the paper was taken from earlier."""
        states = [
            each
            for article in self._ledger.earlier_twins(state.article)
            for each in self._ledger.figure_states(article)
        ]
        candidates = (each for each in states if each.fetched is not None and each.attempts < MAX_ATTEMPTS)
        return next((each for each in candidates if show_same_figure(path, self.figure_path(each))), None)

    def _record_fetch_failure(self, state: FigureState, error: SourceError) -> _FigureResult:
        cause = error.cause if isinstance(error, FetchError) else "content"
        if cause in _HALTING_CAUSES:
            return _FigureResult(halt=str(error))
        self._ledger.save_figure(
            replace(state, state="failed", attempts=state.attempts + 1, cause=cause, reason=str(error))
        )
        return _FigureResult(SourceFailure.from_error(state.figure.url, error), failed=True)

    def _count_result(self, result: _FigureResult) -> Iterator[SourceItem]:
        self.report.failed += result.failed
        self.report.figures_fetched += result.fetched
        self.report.bytes += result.size
        if result.halt:
            self._halt_reason = self._halt_reason or result.halt
        if result.skipped:
            self.report.skipped_figures[result.skipped] += 1
        if result.item is None:
            self.report.figures_present += not result.halt and not result.skipped
            return
        if isinstance(result.item, FoundFigure) and result.state is not None:
            self._figures_by_path[str(result.item.path)] = (result.state.article, result.state.figure.name)
        yield result.item

    def figure_path(self, state: FigureState) -> Path:
        """Where a figure's file is kept: below the workspace, under its article's id and version."""
        url, _, inner_path = state.figure.url.partition("#")
        segment = url.split("/")[-1 if inner_path else -2]
        name = state.article.rpartition(":")[2]
        folder = segment if segment.startswith(name) else name
        return self._folder / "figures" / _safe_file_name(folder) / _safe_file_name(state.figure.name)


def _safe_file_name(name: str) -> str:
    """A name fit for any file system; different names stay different enough."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).lstrip(".")[-120:] or "_"
