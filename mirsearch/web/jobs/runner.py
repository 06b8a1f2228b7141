"""Runs the jobs, one at a time: in the one process of the server, and of all servers of an index, that holds a lock."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirsearch.errors import IndexAccessError, MirsearchError
from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.base import Index, folder_start
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.jobs.files import JobFiles
from mirsearch.web.jobs.job import MAX_FAILURES, MAX_FIGURES, Job
from mirsearch.web.jobs.process import IngestProcess
from mirsearch.web.jobs.store import JobStore

log = logging.getLogger(__name__)

LOCK = "jobs.lock"
_POLL_SECONDS = 0.3
_IDLE_SECONDS = 1.0
_STOP_SECONDS = 8.0
"""Seconds that a running job has to finish what is in hand when the server stops; then it ends at once."""
_CLEAN_SECONDS = 3_600.0
_FRAGMENT = re.compile(r"(?:#.*|:\d+)$")
"""What stands behind a file's name where a failure is of a part of it: a picture in an archive, a row of a table."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the jobs know of the server: where its index is, the index itself, and whom to tell that it changed."""

    location: str
    index: Callable[[], Index]
    changed: Callable[[], None]


@dataclass(slots=True)
class _Progress:
    """What a running ingest has told so far."""

    numbers: dict[str, Any] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed: int = 0
    figures: dict[str, None] = field(default_factory=dict)

    def take(self, event: dict[str, Any], folder: str) -> bool:
        """Note an event; return whether it says anything new. Names of files are those below the job's folder."""
        kind = event.pop("event", None)
        if kind == "failure":
            self.failed += 1
            if len(self.failures) < MAX_FAILURES:
                self.failures.append((_named(str(event.get("file")), folder), _named(str(event.get("reason")), folder)))
        elif kind == "figures":
            self.figures.update(dict.fromkeys(map(str, event.get("ids", ()))))
        elif kind in ("progress", "phase", "file"):
            self.numbers.update(event)
        return kind is not None


class JobRunner:
    """The thread that runs jobs. `stop` lets the running one finish what it has in hand."""

    def __init__(self, workspace: Path, store: JobStore, files: JobFiles, serving: Serving) -> None:
        self._workspace, self._store, self._files, self._serving = workspace, store, files, serving
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look for a job at once."""
        self._woken.set()

    def stop(self) -> None:
        """Stop, and wait until the running job has ended. It is then interrupted."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS + 5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with FileLock(self._workspace / LOCK):
                    self._run_jobs()
            except LockHeldError:  # another process of the server runs the jobs
                self._stopping.wait(_IDLE_SECONDS)
            except (MirsearchError, OSError) as error:
                log.warning("jobs: %s", error)
                self._stopping.wait(5 * _IDLE_SECONDS)

    def _run_jobs(self) -> None:
        self._store.end_orphans()
        self._files.remove_strays(job.id for job in self._store.all())
        cleaned = -_CLEAN_SECONDS
        while not self._stopping.is_set():
            if time.monotonic() - cleaned > _CLEAN_SECONDS:
                cleaned = time.monotonic()
                self._drop_old()
            self._woken.clear()
            job = self._store.take_next()
            if job is None:
                self._woken.wait(_IDLE_SECONDS)
                continue
            try:
                self._run_job(job)
            except Exception as error:  # one job that can't run must not end those after it
                log.warning("job %s failed", job.id, exc_info=True)
                reason = str(error) if isinstance(error, MirsearchError | OSError) else "the server failed on this job"
                self._store.update(job.id, state="failed", finished=time.time(), message=reason)

    def _run_job(self, job: Job) -> None:
        folder = self._files.settle(job.id, job.content) if job.content else None
        words = (*job.words, *(("--", str(folder)) if folder is not None else ()))
        process = IngestProcess(words, self._serving.location)
        progress = _Progress()
        try:
            is_late = self._follow(job, process, progress, "" if folder is None else str(folder))
        finally:
            process.end()
        self._finish(job, process, progress, is_late)
        self._serving.changed()

    def _follow(self, job: Job, process: IngestProcess, progress: _Progress, folder: str) -> bool:
        """Keep what the ingest tells until it has ended; return whether it took too long."""
        began = asked = time.monotonic()
        is_late, is_new, ends = False, False, None
        while (event := process.next_event(_POLL_SECONDS)) is not None:
            is_new |= progress.take(event, folder)
            now = time.monotonic()
            if now - asked < _POLL_SECONDS:
                continue
            asked = now
            told = {"progress": dict(progress.numbers), "failures": tuple(progress.failures),
                    "failed": progress.failed} if is_new else {}  # fmt: skip
            current = self._store.update(job.id, **told) if told else self._store.get(job.id)
            is_new = False
            is_late |= now - began > SERVE_LIMITS.job_seconds
            if current.is_stopping or is_late or self._stopping.is_set():
                process.stop()
                ends = ends or now + _STOP_SECONDS
                if self._stopping.is_set() and now > ends:
                    process.end()
        return is_late

    def _finish(self, job: Job, process: IngestProcess, progress: _Progress, is_late: bool) -> None:
        is_stopping = self._store.get(job.id).is_stopping
        summary, state, message = process.summary, "done", ""
        was_stopped = is_stopping or is_late or self._stopping.is_set()
        if summary is None or summary.get("interrupted"):
            state = ("cancelled" if is_stopping else "interrupted") if was_stopped else "failed"
            message = _why(process, state, is_stopping, is_late)
        elif halted := [str(each["halted"]) for each in summary.get("acquisitions", ()) if each.get("halted")]:
            state, message = "failed", halted[0]  # the service did not answer to the end; what came in stays
        folder = str(self._files.folder(job.content)) if job.content else ""
        if summary is not None:
            listed = [(str(each["file"]), str(each["reason"])) for each in summary.get("failures", ())]
            progress.failures = [tuple(_named(text, folder) for text in each) for each in listed[:MAX_FAILURES]]  # type: ignore[misc]
            progress.failed = len(listed)
            summary = _without(summary, folder)
        figures = list(dict.fromkeys((*job.figures, *progress.figures)))
        if folder:
            figures = [figure.id for figure in self._serving.index().figures_below(folder)]
        if state == "done" and job.content:
            self._clean(job)  # before it is told: whoever reads "done" finds all as it stays
        self._store.update(
            job.id, state=state, finished=time.time(), message=_named(message, folder), summary=summary,
            progress=progress.numbers, failures=tuple(progress.failures), failed=progress.failed,
            figures=tuple(figures[:MAX_FIGURES]), added=len(figures),
        )  # fmt: skip

    def _clean(self, job: Job) -> None:
        """Remove the files that the index took nothing from. What failed is told by the job, no longer by the index."""
        index = self._serving.index()
        self._files.clean(job.content, index)
        start = folder_start(str(self._files.folder(job.content)))
        gone = [
            failure.input for failure in index.failures()
            if failure.input.startswith(start) and not Path(_FRAGMENT.sub("", failure.input)).exists()
        ]  # fmt: skip
        if gone:
            with suppress(IndexAccessError), index.writer() as writer:
                writer.record_failures((), resolved=gone)
                writer.commit()

    def _drop_old(self) -> None:
        """Forget old jobs, and remove the files that they left."""
        for job in self._store.drop_old():
            self._files.forget(job.id)
            if job.content and all(other.content != job.content for other in self._store.all()):
                self._clean(job)


def _why(process: IngestProcess, state: str, is_stopping: bool, is_late: bool) -> str:
    """Return why a job did not run to its end."""
    if state == "cancelled" or is_stopping:
        return ""
    if is_late:
        return f"it took more than {SERVE_LIMITS.job_seconds:,} s; what was done is kept"
    if state == "interrupted":
        return "the server stopped while it ran; what was done is kept"
    own = [line.removeprefix("mirsearch: ") for line in process.messages if line.startswith("mirsearch: ")]
    if own:
        return own[-1]
    code = process.code or 0
    cause = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"its process {cause}; what was done is kept (memory may be short; run it again, with fewer files)"


def _named(text: str, folder: str) -> str:
    """Return a text with names of files below the job's folder in place of their paths."""
    return text.replace(f"{folder}/", "").replace(folder, "the files") if folder else text


def _without(summary: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return what is kept of an ingest's summary: all but its failures, and no path."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return _named(value, folder)
        if isinstance(value, list):
            return [clean(item) for item in value[:MAX_FAILURES]]
        return {key: clean(item) for key, item in value.items()} if isinstance(value, dict) else value

    return {key: clean(value) for key, value in summary.items() if key not in ("failures", "dismissed")}
