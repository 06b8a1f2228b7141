"""Acquire a query's articles and figures in the background, and record each step in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mirsearch.acquisition.caption_query import matches_keywords
from mirsearch.acquisition.ledger import MAX_ATTEMPTS, FigureState, Ledger
from mirsearch.acquisition.micrographs import is_likely_micrograph
from mirsearch.acquisition.paging import PageCounter
from mirsearch.acquisition.report import AcquisitionReport
from mirsearch.acquisition.services.base import ArticlePlan, ArticleService, Hit, KeywordQuery, Terms, rejection_reason
from mirsearch.acquisition.steps import FigureResult, PlannedArticle, figure_path, foreign_error, stored_file
from mirsearch.corpus import Origin, figure_id
from mirsearch.errors import FetchError, SourceError
from mirsearch.files.partial import remove_partial_files
from mirsearch.indexes.base import KnownFigure
from mirsearch.settings.threads import map_in_order
from mirsearch.sources.base import FoundFigure, Retraction, SourceFailure, SourceItem
from mirsearch.sources.image_comparison import show_same_figure

ARTICLES_AT_ONCE = 3
"""Articles that are planned in parallel."""
FIGURES_AT_ONCE = 6
"""Figures that are downloaded in parallel."""
_QUEUED_FIGURES = 12
_STALE_SECONDS = 86_400.0
"""An interrupted search older than this starts again from the first page."""
_HALTING_CAUSES = ("stopped", "left alone")
"""Causes of a FetchError that end the whole acquisition."""

FindKnownFigures = Callable[[Sequence[str]], Mapping[str, KnownFigure]]
"""Maps the ids of figures to what the index knows about them."""


class Acquisition:
    """One query to one service. `find_known` returns figures that the index has, by id: those are not yielded again.

    `has_origin` tells whether it has one from a source and an address, fetched anywhere: that is not fetched again."""

    def __init__(
        self,
        service: ArticleService,
        query: KeywordQuery,
        ledger: Ledger,
        folder: Path,
        find_known: FindKnownFigures | None = None,
        has_origin: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._service, self._query, self._ledger, self._folder = service, query, ledger, folder
        self._find_known: FindKnownFigures = find_known or (lambda _: {})
        self._has_origin: Callable[[str, str], bool] = has_origin or (lambda _source, _address: False)
        self._key, self._is_dry_run = query.key(service.name), False
        self._halt_reason: str | None = None
        self._figures_by_path: dict[str, tuple[str, str]] = {}
        self._retracted_names: dict[str, None] = {}
        self.report = AcquisitionReport(query.max_articles, query.max_figures)
        self.failures: list[SourceFailure] = []

    def items(self) -> Iterator[SourceItem]:
        """Yield the figures to ingest, in the order of the search, and the failures."""
        remove_partial_files(self._folder / "figures", deep=True)
        for result in map_in_order(self._get_figure, self._figure_jobs(), FIGURES_AT_ONCE, _QUEUED_FIGURES):
            yield from self._count_result(result)
        if self._retracted_names:
            yield Retraction(tuple(self._retracted_names))
        if self._halt_reason:
            yield SourceFailure(self._service.name, self._halt_reason)

    @property
    def halt_reason(self) -> str | None:
        """Why the acquisition ended early; None if it did not."""
        return self._halt_reason

    def mark_complete(self) -> None:
        """Record that the query is complete, so the next run searches again. A halted query stays open."""
        if self._halt_reason is None:
            self._ledger.complete_query(self._key)

    def record_failure(self, path: str, reason: str) -> None:
        """Record that a figure from `items` could not be analyzed."""
        if path in self._figures_by_path:
            self._ledger.fail_figure(*self._figures_by_path[path], "content", reason)

    def preview(self) -> Iterator[tuple[Hit, ArticlePlan, list[FigureState]]]:
        """Yield the articles that would be taken and their wanted figures; download none. Fills `failures`."""
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
        """Yield the articles of the search whose figures may be wanted: recorded hits first, then further pages."""
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
        """Note a retracted article, even if it was taken before its retraction."""
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
        """Yield the hits of page after page, until there is no next page or a cursor repeats."""
        used_cursors: set[str | None] = set()
        counter = PageCounter()
        while cursor not in used_cursors and not self._halt_reason:
            used_cursors.add(cursor)
            try:
                page = self._service.search(self._query, cursor)
                next_cursor = page.cursor if page.cursor not in used_cursors else None
                new_hits = self._ledger.add_page(self._key, page.hits, next_cursor, page.total)
            except Exception as error:  # noqa: BLE001  no page's contents may end the run with a traceback
                self._halt_reason = self._halt_reason or str(foreign_error(self._service.name, error))
                return
            self.report.total_hits = page.total
            yield from new_hits
            if counter.is_endless(page, new_hits):
                self._halt_reason = f"{self._service.name} lists page after page without an end; narrow the search"
                return
            if next_cursor is None:
                return
            cursor = next_cursor

    def _plan_article(self, hit: Hit) -> PlannedArticle:
        """Return an article's plan, from the ledger if it has one for these terms. Runs in a thread."""
        state = self._ledger.article_state(hit.id)
        if state is not None and state.state != "failed" and state.revision == hit.revision:
            if state.state == "planned" or rejection_reason(state.plan.terms, self._query):
                return PlannedArticle(hit, state.plan)
        elif state is not None and state.state == "failed" and state.attempts >= MAX_ATTEMPTS:
            return PlannedArticle(hit, failure=SourceFailure(hit.id, f"given up: {state.reason}", is_note=True))
        if self._halt_reason:
            return PlannedArticle(hit, halt=self._halt_reason)
        # The plans of such a service download the figures, which a dry run must not do.
        skip_figures = self._is_dry_run and getattr(self._service, "bundles_figures", False)
        try:
            plan = self._service.plan_article(
                hit, lambda terms: not skip_figures and rejection_reason(terms, self._query) is None
            )
            if not skip_figures:
                self._ledger.save_plan(hit, plan)
        except Exception as raised:  # noqa: BLE001  one article's contents must not end the run
            error = foreign_error(hit.id, raised)
            cause = error.cause if isinstance(error, FetchError) else "content"
            if cause in _HALTING_CAUSES:
                return PlannedArticle(hit, halt=str(error))
            self._ledger.fail_article(hit, cause, str(error))
            return PlannedArticle(hit, failure=SourceFailure.from_error(hit.id, error))
        return PlannedArticle(hit, plan)

    def _wanted_figures(self, planned: PlannedArticle) -> Iterator[FigureState | SourceFailure]:
        """Yield the wanted figures of an article, and count them."""
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

    def _get_figure(self, job: tuple[FigureState, ArticlePlan] | SourceFailure) -> FigureResult:
        """Return a figure's file, from the workspace if it is there, else from the service. Runs in a thread."""
        if isinstance(job, SourceFailure):
            return FigureResult(job, failed=not job.is_note)
        state, plan = job
        if state.attempts >= MAX_ATTEMPTS:
            return FigureResult(skipped=f"given up after {state.attempts} tries")
        stored, fetched = stored_file(self._folder, state), state.fetched
        path, is_present = stored or figure_path(self._folder, state), stored is not None
        if not is_present:
            # what another machine fetched is present as well
            if self._halt_reason or self._has_origin(self._service.origin, state.figure.url):
                return FigureResult(halt=self._halt_reason)
            try:
                fetched = self._service.fetch_figure(state.figure, path)
            except Exception as error:  # noqa: BLE001  one figure's contents must not end the run
                return self._record_fetch_failure(state, foreign_error(state.figure.url, error))
            self._ledger.save_figure(replace(state, state="done", fetched=fetched, attempts=0, cause=None, reason=None))
        assert fetched is not None
        size = 0 if is_present else fetched.size
        origin = Origin(self._service.origin, state.figure.url, fetched.retrieved)
        other_origins: tuple[Origin, ...] = (Origin("file", str(path), fetched.retrieved),)
        twin = self._find_twin(state, path)
        twin_path = None if twin is None else stored_file(self._folder, twin)
        if twin is not None and twin.fetched is not None and twin_path is not None:
            # The same figure of the same article from another service: one figure with two origins.
            fetched, path, other_origins = twin.fetched, twin_path, ()
        if self._is_known(figure_id(fetched.sha256), origin):
            return FigureResult(size=size, fetched=not is_present)
        figure = FoundFigure(
            path=path, origin=origin, caption=state.figure.caption, label=state.figure.label, article=plan.article,
            permission_note=state.figure.permission_note, other_origins=other_origins, mentions=state.figure.mentions,
        )  # fmt: skip
        return FigureResult(figure, state, size=size, fetched=not is_present)

    def _is_known(self, content_id: str, origin: Origin) -> bool:
        known = self._find_known([content_id]).get(content_id)
        origins = () if known is None else known.origins
        return any((place.source, place.location) == (origin.source, origin.location) for place in origins)

    def _find_twin(self, state: FigureState, path: Path) -> FigureState | None:
        """Return the same figure from another service that gave the same article earlier; None if there is none."""
        articles = self._ledger.earlier_twins(state.article)
        states = [other for article in articles for other in self._ledger.figure_states(article)]
        candidates = (other for other in states if other.fetched is not None and other.attempts < MAX_ATTEMPTS)
        located = ((other, stored_file(self._folder, other)) for other in candidates)
        return next((other for other, file in located if file is not None and show_same_figure(path, file)), None)

    def _record_fetch_failure(self, state: FigureState, error: SourceError) -> FigureResult:
        cause = error.cause if isinstance(error, FetchError) else "content"
        if cause in _HALTING_CAUSES:
            return FigureResult(halt=str(error))
        self._ledger.save_figure(
            replace(state, state="failed", attempts=state.attempts + 1, cause=cause, reason=str(error))
        )
        return FigureResult(SourceFailure.from_error(state.figure.url, error), failed=True)

    def _count_result(self, result: FigureResult) -> Iterator[SourceItem]:
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
