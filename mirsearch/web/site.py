"""What all pages share: the corpus, the kept uploads, the pictures, and the queues of work."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mirsearch.errors import ImageError, MirsearchError
from mirsearch.query import ScoredPanel
from mirsearch.search.answer import Answer, Hit, QueryView
from mirsearch.settings import thread_count
from mirsearch.web.access import Access
from mirsearch.web.access_log import AccessLog
from mirsearch.web.corpus import Corpus
from mirsearch.web.csrf import FormTokens
from mirsearch.web.fields import SearchFields, make_question
from mirsearch.web.jobs.jobs import open_jobs
from mirsearch.web.kept_answers import Content, KeptAnswers, make_content
from mirsearch.web.metrics import Metrics
from mirsearch.web.pictures import FigurePictures
from mirsearch.web.queues import WorkQueue
from mirsearch.web.review_queue import ReviewQueue
from mirsearch.web.shared import Shared
from mirsearch.web.uploads import ReadPictures, Upload, UploadStore

if TYPE_CHECKING:
    from mirsearch.ranking import Formula
    from mirsearch.search.search import Question


_MOST_YOUNG = 10_000
"""Objects that are made before Python looks for garbage among them; a page makes some thousand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer, as others may see it: no path of this machine is in it.

    `own` is the formula of the index.
    """

    question: Question
    answer: Answer
    own: Formula


class Site:
    """The served corpus with what answers requests. `ingest`: options with which figures may be added."""

    def __init__(
        self, corpus: Corpus, access: Access, shared: Shared, allow_corrections: bool = False,
        ingest: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.corpus, self.access, self.shared, self.allow_corrections = corpus, access, shared, allow_corrections
        self.access_log: AccessLog | None = None
        self.metrics = Metrics(shared.folder if shared.workers > 1 else None)
        corpus.last_change, corpus.note_embedding = shared.last_change, self.metrics.note_embedding
        self.uploads = UploadStore(shared.folder / "queries")
        self.read_pictures = ReadPictures(corpus.reader)
        self.pictures = FigurePictures(corpus)
        workers = thread_count()
        self.searches = WorkQueue(workers, "searches")
        self.image_searches = WorkQueue(1, "searches with images")
        self.picture_work = WorkQueue(workers, "pictures")
        self.writes = WorkQueue(1, "corrections")
        self.checks = WorkQueue(1, "checks")
        self.form_tokens = FormTokens(shared.secret)
        self.review_queue = ReviewQueue(corpus)
        self._kept = KeptAnswers(corpus.commit)
        self.is_stopping = False
        self.jobs = None if ingest is None else open_jobs(self, ingest)

    async def tell(
        self, form: str, fields: SearchFields, uploads: Sequence[Upload], tell: Callable[[Answer], bytes],
        shown: int | None = None,
    ) -> Content:  # fmt: skip
        """Answer a search in a form, such as JSON. `tell` makes its bytes, which are kept, except for images.

        `shown` is the rank of the last hit of a page, whose answer is told; None: a program asks.
        """
        return await self.search_queue(bool(uploads)).run(self._tell, form, fields, uploads, tell, shown)

    def search_queue(self, has_image: bool) -> WorkQueue:
        """Return the queue of a search. Those with images have one of their own: they take the processor for long."""
        return self.image_searches if has_image else self.searches

    def _tell(
        self, form: str, fields: SearchFields, uploads: Sequence[Upload], tell: Callable[[Answer], bytes],
        shown: int | None,
    ) -> Content:  # fmt: skip
        def make(commit: Hashable | None) -> Content:
            top, for_people = (fields.top, False) if shown is None else (shown, True)
            return make_content(tell(self.ask(fields, uploads, top, for_people, commit).answer))

        return make(None) if uploads else self.keep((form, fields.key, shown), asked_with(fields, ()), make)

    def keep(self, key: Hashable, asked: str | None, make: Callable[[Hashable | None], Content]) -> Content:
        """Return a content that is kept under a key, or make it. Where it is kept, a search `asked` with is counted."""
        began, is_made = time.perf_counter(), False

        def note_and_make(commit: Hashable | None) -> Content:
            nonlocal is_made
            is_made = True
            return make(commit)

        content = self._kept.get(key, note_and_make)
        if asked is not None and not is_made:
            self.metrics.note_search(asked, time.perf_counter() - began)
        return content

    def ask(
        self, fields: SearchFields, uploads: Sequence[Upload], top: int, for_people: bool = False,
        commit: Hashable | None = None,
    ) -> Asked:  # fmt: skip
        """Answer a search. Call it in a thread of the search's queue.

        `commit`: the index was there a moment ago, so what was read of it then need not be read again.
        """
        began = time.perf_counter()
        try:
            own = self.corpus.own_formula(commit)
            question = make_question(fields, uploads, self.read_pictures, top, for_people, own)
            answer = self.corpus.ask(question)
            self.metrics.note_search(asked_with(fields, uploads), time.perf_counter() - began)
        except MirsearchError as error:
            if uploads and isinstance(error, ImageError):
                self.metrics.note_refused_upload("unreadable")
            error.message, error.remedy = self.hide(error.message, uploads), self.hide(error.remedy, uploads)
            raise
        notes = tuple(self.hide(note, uploads) for note in answer.notes)
        return Asked(question, dataclasses.replace(answer, notes=notes), own)

    def browse(self, fields: SearchFields, start: int, last: int) -> Answer:
        """List the panels that pass the filters, in the order of their ids, from one place to another."""
        question = make_question(fields, (), self.read_pictures, 1, for_people=True)
        retracted = question.filters.retracted if fields.retracted else False
        filters = dataclasses.replace(question.filters, retracted=retracted, doubtful=fields.doubtful)
        panels = islice(self.corpus.index.select_panels(filters), start - 1, last)
        hits = tuple(
            Hit(rank, ScoredPanel(stored.panel.id, 0.0), stored) for rank, stored in enumerate(panels, start=start)
        )
        return Answer(QueryView(filters=filters), hits, True, len(hits), 0.0, question.formula)

    def warm_up(self) -> None:
        """Load what the first image needs. From then on Python looks for no garbage in all that is loaded, which took a
        tenth of a second once in a hundred pages, and seldom among what is new."""
        self.corpus.load_parts()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_MOST_YOUNG, *gc.get_threshold()[1:])

    def changed(self) -> None:
        """Let all processes count the corpus again when its counts are asked for next: something was written."""
        self.shared.tell_change()

    def hide(self, text: str, uploads: Sequence[Upload] = ()) -> str:
        """Return a message without paths of this machine."""
        return self.corpus.hide_paths(text, {str(upload.path): upload.name for upload in uploads})

    def stop(self) -> None:
        """Let streams of events end: the server is about to stop."""
        self.is_stopping = True

    def close(self) -> None:
        """End the jobs and close the index. The uploads stay, for other processes may still need them."""
        if self.jobs is not None:
            self.jobs.close()
        self.corpus.close()
        self.shared.close()


def asked_with(fields: SearchFields, uploads: Sequence[Upload]) -> str:
    """Return what a search is asked with, as the metrics tell it."""
    if uploads:
        return "image"
    if fields.alike or fields.not_alike:
        return "marks"
    if fields.like:
        return "panel"
    return "words" if fields.text else "filters"
