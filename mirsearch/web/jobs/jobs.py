"""The jobs of a server: taken in, listed, watched, cancelled; off unless the operator allows them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from starlette.datastructures import FormData, UploadFile

from mirsearch import settings
from mirsearch.errors import UsageError
from mirsearch.extractors.factory import find_recorded
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.forms import read_form
from mirsearch.web.jobs.fields import DEFAULT_SERVICE, JobFields
from mirsearch.web.jobs.files import IncomingFiles, JobFiles, safe_name
from mirsearch.web.jobs.job import Job, job_title, new_id
from mirsearch.web.jobs.runner import JobRunner, Serving
from mirsearch.web.jobs.store import JobStore
from mirsearch.web.problems import Problem, ProblemError

if TYPE_CHECKING:
    from mirsearch.web.site import Site

FILES = "files"
_LISTS = ("keyword", "id", "exclude")
_WATCH_SECONDS = 0.4
_QUIET_SECONDS = 10.0
"""Silence after which a watcher is told that the server is still there."""


class Jobs:
    """What pages and the API ask. `words` are the options that every ingest of this server is run with."""

    def __init__(self, serving: Serving, words: Sequence[str]) -> None:
        workspace = settings.workspace(serving.location)
        self._store, self._files = JobStore(workspace), JobFiles(workspace)
        self._words = tuple(words)
        self._runner = JobRunner(workspace, self._store, self._files, serving)
        self._runner.start()

    async def create(self, form: FormData, client: str, own_fields: Sequence[str] = ()) -> Job:
        """Keep a job of a form: files, or a keyword. Raises UsageError or ProblemError where it can't be."""
        uploads = [file for file in form.getlist(FILES) if isinstance(file, UploadFile) and file.filename]
        fields = read_form(JobFields, form, _LISTS, FILES, (FILES, *own_fields))
        words = await to_thread.run_sync(fields.words)
        if uploads and fields.asks_service:
            raise UsageError("files and a keyword are two jobs", "give one of them")
        if not uploads and not fields.asks_service:
            raise UsageError("nothing to add", "give files, or a keyword")
        job_id, names = new_id(), [safe_name(str(file.filename)) for file in uploads]
        title = job_title(names, (*fields.keyword, *fields.id), fields.source or DEFAULT_SERVICE)
        job = Job(
            job_id, title, client=client, words=(*self._words, *words), asked=fields.asked, created=time.time()
        )  # fmt: skip
        if uploads:
            return await self._with_files(job, uploads)
        return await self._add(job)

    async def _with_files(self, job: Job, uploads: Sequence[UploadFile]) -> Job:
        size = sum(file.size or 0 for file in uploads)
        await to_thread.run_sync(self._store.check_room, job.client, size)
        incoming = await to_thread.run_sync(self._files.begin, job.id)
        try:
            for file in uploads:
                await self._files.receive(incoming, file, str(file.filename))
            if not incoming.size:
                raise UsageError("the files are empty, or hidden", "choose others")
            return await self._add(job, incoming)
        except BaseException:
            self._files.drop(incoming)
            raise

    async def _add(self, job: Job, incoming: IncomingFiles | None = None) -> Job:
        if incoming is not None:
            job = replace(job, content=incoming.content, files=len(incoming.hashes), size=incoming.size)
        added = await to_thread.run_sync(self._store.add, job)
        self._runner.wake()
        return added

    def get(self, job_id: str) -> Job:
        """Return a job. NotFoundError if there is none."""
        return self._store.get(job_id)

    def all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return self._store.all()

    def cancel(self, job_id: str) -> Job:
        """Cancel a job. What it has done stays."""
        return self._store.cancel(job_id)

    def run_again(self, job_id: str, client: str) -> Job:
        """Let a job go on that ended early."""
        job = self._store.queue_again(job_id, client)
        self._runner.wake()
        return job

    async def watch(self, job_id: str, is_stopping: Callable[[], bool]) -> AsyncIterator[Job | None]:
        """Yield a job each time it changes, until it has ended; None now and then while nothing happens."""
        last, told = None, time.monotonic()
        while not is_stopping():
            job = await to_thread.run_sync(self._store.get, job_id)
            if job != last:
                last, told = job, time.monotonic()
                yield job
                if not job.is_open:
                    return
            elif time.monotonic() - told > _QUIET_SECONDS:
                told = time.monotonic()
                yield None
            await anyio.sleep(_WATCH_SECONDS)

    def close(self) -> None:
        """Let the running job finish what it has in hand."""
        self._runner.stop()
        self._store.close()


def open_jobs(site: Site, words: Sequence[str]) -> Jobs:
    """Return the jobs of a site. The figures that they add are found at once."""
    corpus = site.corpus
    spec, weights = find_recorded(corpus.index.extractor)
    extractor = [f"--extractor={spec}", *([] if weights is None else [f"--extractor-weights={weights}"])]
    return Jobs(Serving(corpus.location, lambda: corpus.index, site.changed), [*extractor, *words])


def jobs_of(site: Site) -> Jobs:
    """Return the jobs of a site. ProblemError (403) where the operator has not allowed them."""
    if site.jobs is None:
        raise ProblemError(
            Problem(403, "adding figures is off on this server", "start it with mirsearch serve --allow-ingest")
        )
    return site.jobs


def form_limits() -> dict[str, int]:
    """Return the bounds of a form of a job."""
    return {"max_files": SERVE_LIMITS.job_files, "max_fields": 200, "max_part_size": SERVE_LIMITS.form_bytes}
