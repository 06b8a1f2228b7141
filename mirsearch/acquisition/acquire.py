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
        self, service: ArticleService, query: KeywordQuery, ledger: Ledger, folder: Path, known: FindKnownFigures | None = None
    ) -> None:
        self._service, self._query, self._ledger, self._folder = service, query, ledger, folder
        self._known: FindKnownFigures = known or (lambda _: {})
        self._key = query.key(service.name)
        self._halted: str | None = None
        self._dry = False
        self._emitted: dict[str, tuple[str, str]] = {}
        self._retracted: dict[str, None] = {}
        self.report = AcquisitionReport(query.max_articles, query.max_figures)
        self.failures: list[SourceFailure] = []

    def items(self) -> Iterator[SourceItem]:
        """Figures to take in, in the order of the search, and what failed."""
        remove_partial_files(self._folder / "figures", deep=True)
        for got in map_in_order(self._get, self._jobs(), FIGURES_AT_ONCE, _QUEUED_FIGURES):
            yield from self._count(got)
        if self._retracted:
            yield Retraction(tuple(self._retracted))
        if self._halted:
            yield SourceFailure(self._service.name, self._halted)

    @property
    def halted(self) -> str | None:
        """Why the acquisition ended before its end; None where it did not."""
        return self._halted

    def finish(self) -> None:
        """Note that all of the query was done; the next run searches anew. An incomplete one is gone on with."""
        if self._halted is None:
            self._ledger.complete(self._key)

    def failed_later(self, path: str, reason: str) -> None:
        """Note that a figure of `items` could not be analyzed."""
        if path in self._emitted:
            self._ledger.fail_figure(*self._emitted[path], "content", reason)

    def preview(self) -> Iterator[tuple[Hit, ArticlePlan, list[FigureState]]]:
        """Articles that would be taken, with their wanted figures; none is fetched. `failures` tells what failed."""
        self._dry = True
        for planned in map_in_order(self._plan, self._hits(), ARTICLES_AT_ONCE, ARTICLES_AT_ONCE):
            wanted = list(self._wanted(planned))
            self.failures += [each for each in wanted if isinstance(each, SourceFailure)]
            states = [each for each in wanted if isinstance(each, FigureState)]
            if planned.plan is not None and states:
                yield planned.hit, planned.plan, states
            if self._enough():
                return

    # articles

    def _hits(self) -> Iterator[Hit]:
        """Articles of the search whose figures may be wanted: those noted, then further pages."""
        for hit in self._searched():
            self.report.found += 1
            terms = Terms((hit.license,) if hit.license else (), hit.retracted, hit.closed, partial=True)
            self._heed(hit, terms)
            reason = rejection_reason(terms, self._query)
            if reason:
                self.report.skipped_articles[reason] += 1
            else:
                yield hit

    def _heed(self, hit: Hit, terms: Terms) -> None:
        """Note an article as retracted, also where it was taken before it was."""
        if terms.retracted:
            self._retracted |= dict.fromkeys(filter(None, (hit.doi, hit.id)))
            if not self._dry:
                self._ledger.retract(hit.id)

    def _searched(self) -> Iterator[Hit]:
        state = self._ledger.query(self._key)
        if state is None or state.state == "complete" or time.time() - state.started > _STALE_SECONDS:
            self._ledger.begin(self._key, self._service.name, self._query)
            yield from self._pages(None)
            return
        self.report.hits = state.total
        yield from self._ledger.hits(self._key)
        if state.state == "searching":
            yield from self._pages(state.cursor)

    def _pages(self, cursor: str | None) -> Iterator[Hit]:
        """Hits of page after page, until there is no more, or a cursor comes back."""
        asked: set[str | None] = set()
        while cursor not in asked and not self._halted:
            asked.add(cursor)
            try:
                page = self._service.search(self._query, cursor)
            except SourceError as error:
                self._halted = self._halted or str(error)
                return
            following = page.cursor if page.cursor not in asked else None
            self.report.hits = page.total
            yield from self._ledger.add_page(self._key, page.hits, following, page.total)
            if following is None:
                return
            cursor = following

    def _plan(self, hit: Hit) -> _PlannedArticle:
        """Thread: an article's plan, from the ledger where it is there for these terms."""
        known = self._ledger.article(hit.id)
        if known is not None and known.state != "failed" and known.revision == hit.revision:
            if known.state == "planned" or rejection_reason(known.plan.terms, self._query):
                return _PlannedArticle(hit, known.plan)
        elif known is not None and known.state == "failed" and known.attempts >= MAX_ATTEMPTS:
            return _PlannedArticle(hit, failure=SourceFailure(hit.id, f"given up: {known.reason}", is_note=True))
        if self._halted:
            return _PlannedArticle(hit, halt=self._halted)
        bundled = self._dry and getattr(self._service, "bundled", False)  # its plans bring the figures with them
        try:
            plan = self._service.plan(hit, lambda terms: not bundled and rejection_reason(terms, self._query) is None)
        except SourceError as error:
            cause = error.cause if isinstance(error, FetchError) else "content"
            if cause in _HALTING_CAUSES:
                return _PlannedArticle(hit, halt=str(error))
            self._ledger.fail_article(hit, cause, str(error))
            return _PlannedArticle(hit, failure=SourceFailure.from_error(hit.id, error))
        if not bundled:
            self._ledger.put_plan(hit, plan)
        return _PlannedArticle(hit, plan)

    def _wanted(self, planned: _PlannedArticle) -> Iterator[FigureState | SourceFailure]:
        """Of an article's figures those that are wanted, counted."""
        if planned.halt:
            self._halted = self._halted or planned.halt
        if planned.failure is not None:
            yield planned.failure
        if planned.plan is None:
            return
        self._heed(planned.hit, planned.plan.terms)
        reason = rejection_reason(planned.plan.terms, self._query)
        if reason:
            self.report.skipped_articles[reason] += 1
            return
        self.report.articles += 1
        self.report.unplanned += planned.plan.figures is None and self._dry and not self._ledger.article(planned.hit.id)
        self.report.skipped_figures.update(dict(planned.plan.lost))
        for state in self._ledger.figures(planned.hit.id):
            self.report.figures += 1
            if self._query.micrographs and not is_likely_micrograph(state.figure.caption):
                self.report.skipped_figures["caption speaks of no micrograph"] += 1
                continue
            if self._query.where == "captions" and not matches_keywords(state.figure.caption, self._query.keywords):
                self.report.skipped_figures["caption without the keyword"] += 1
                continue
            if self._query.max_figures is not None and self.report.wanted >= self._query.max_figures:
                return
            self.report.wanted += 1
            yield state

    def _enough(self) -> bool:
        query, report = self._query, self.report
        articles = query.max_articles is not None and report.articles >= query.max_articles
        return articles or (query.max_figures is not None and report.wanted >= query.max_figures)

    # figures

    def _jobs(self) -> Iterator[tuple[FigureState, ArticlePlan] | SourceFailure]:
        for planned in map_in_order(self._plan, self._hits(), ARTICLES_AT_ONCE, ARTICLES_AT_ONCE):
            for each in self._wanted(planned):
                if isinstance(each, SourceFailure):
                    yield each
                elif planned.plan is not None:
                    yield each, planned.plan
            if self._enough() or self._halted:
                return

    def _get(self, job: tuple[FigureState, ArticlePlan] | SourceFailure) -> _FigureResult:
        """Thread: a figure's file, from the workspace where it is there, else from the service."""
        if isinstance(job, SourceFailure):
            return _FigureResult(job, failed=not job.is_note)
        state, plan = job
        if state.attempts >= MAX_ATTEMPTS:
            return _FigureResult(skipped=f"given up after {state.attempts} tries")
        path, done = self.path_of(state), state.fetched
        here = done is not None and path.is_file() and path.stat().st_size == done.size
        if not here:
            if self._halted:
                return _FigureResult(halt=self._halted)
            try:
                done = self._service.fetch(state.figure, path)
            except SourceError as error:
                return self._failed(state, error)
            self._ledger.put_figure(replace(state, state="done", fetched=done, attempts=0, cause=None, reason=None))
        assert done is not None
        size = 0 if here else done.size
        origin = Origin(self._service.origin, state.figure.url, done.retrieved)
        other_origins: tuple[Origin, ...] = (Origin("file", str(path), done.retrieved),)
        twin = self._twin(state, path)
        if twin is not None and twin.fetched is not None:
            # The same figure of the same paper, from another place: one figure with two places.
            done, path, other_origins = twin.fetched, self.path_of(twin), ()
        if self._is_known(figure_id(done.sha256), origin):
            return _FigureResult(size=size, fetched=not here)
        found = FoundFigure(
            path=path, origin=origin, caption=state.figure.caption, label=state.figure.label, article=plan.article,
            permission_note=state.figure.permission_note, other_origins=other_origins,
        )  # fmt: skip
        return _FigureResult(found, state, size=size, fetched=not here)

    def _is_known(self, identity: str, origin: Origin) -> bool:
        there = self._known([identity]).get(identity)
        places = () if there is None else there.origins
        return any((each.source, each.location) == (origin.source, origin.location) for each in places)

    def _twin(self, state: FigureState, path: Path) -> FigureState | None:
        """The same figure as another place has it that the paper was taken from earlier."""
        others = [each for article in self._ledger.twins(state.article) for each in self._ledger.figures(article)]
        there = (each for each in others if each.fetched is not None and each.attempts < MAX_ATTEMPTS)
        return next((each for each in there if show_same_figure(path, self.path_of(each))), None)

    def _failed(self, state: FigureState, error: SourceError) -> _FigureResult:
        cause = error.cause if isinstance(error, FetchError) else "content"
        if cause in _HALTING_CAUSES:
            return _FigureResult(halt=str(error))
        self._ledger.put_figure(
            replace(state, state="failed", attempts=state.attempts + 1, cause=cause, reason=str(error))
        )
        return _FigureResult(SourceFailure.from_error(state.figure.url, error), failed=True)

    def _count(self, got: _FigureResult) -> Iterator[SourceItem]:
        self.report.failed += got.failed
        self.report.fetched += got.fetched
        self.report.bytes += got.size
        if got.halt:
            self._halted = self._halted or got.halt
        if got.skipped:
            self.report.skipped_figures[got.skipped] += 1
        if got.item is None:
            self.report.present += not got.halt and not got.skipped
            return
        if isinstance(got.item, FoundFigure) and got.state is not None:
            self._emitted[str(got.item.path)] = (got.state.article, got.state.figure.name)
        yield got.item

    def path_of(self, state: FigureState) -> Path:
        """Where a figure's file is kept: below the workspace, under its article's id and version."""
        address, _, inside = state.figure.url.partition("#")
        segment = address.split("/")[-1 if inside else -2]
        name = state.article.rpartition(":")[2]
        folder = segment if segment.startswith(name) else name
        return self._folder / "figures" / _safe_file_name(folder) / _safe_file_name(state.figure.name)


def _safe_file_name(name: str) -> str:
    """A name fit for any file system; different names stay different enough."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).lstrip(".")[-120:] or "_"
