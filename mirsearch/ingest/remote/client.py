"""The ingest's side of workers elsewhere: it sends files, takes answers, and tries a lost file once more."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import mirsearch
from mirsearch.errors import MirsearchError, WorkersError
from mirsearch.executors.base import WorkerExecutor
from mirsearch.executors.choice import open_executor, worker_count
from mirsearch.extractors.base import Extractor
from mirsearch.imaging.beside import sidecars
from mirsearch.ingest.analyzed import make_records
from mirsearch.ingest.figure_analysis import Analyzer
from mirsearch.ingest.pending import PreparedFile
from mirsearch.ingest.remote.messages import MOST_BYTES, FileAnswer, FileTask, WorkerSetup, pack, unpack
from mirsearch.ingest.remote.taking import take_answer
from mirsearch.ingest.remote.worker import analyze_file
from mirsearch.ingest.work import ThreadWork
from mirsearch.sources.base import FoundFigure

_MOST_TRIES = 2
"""A file whose worker is lost is tried once more; then it is a failure. It may be what ended both."""
_PROBE_SECONDS = 300.0
"""Longest time in which the first worker loads its models."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class RemoteWorkers:
    """Workers that an executor has, and the parts that each of them loads. Files in `shared` folders are not sent."""

    executor: str
    extractor_spec: str
    ocr: str
    scalebars: str
    weights: Path | None = None
    device: str | None = None
    shared: tuple[Path, ...] = ()

    def open(self, analyzer: Analyzer, extractor: Extractor, make_local: Callable[[int], ThreadWork]) -> RemoteWork:
        """Reach the workers, and find out whether one has the same models. WorkersError if not, or if there is none.

        `make_local(1)` makes what analyzes the files here that are too large to be sent.
        """
        setup = WorkerSetup(
            mirsearch.__version__, analyzer.version, extractor.name, extractor.version, extractor.dims,
            self.extractor_spec, None if self.weights is None else str(self.weights.resolve()), self.device,
            self.ocr, self.scalebars,
        )  # fmt: skip
        work = RemoteWork(self, setup, make_local)
        try:
            work.probe()
        except BaseException:
            work.close(wait=False)
            raise
        return work


@dataclass(slots=True, eq=False)
class _Job:
    """A file that was asked for: how often a worker had it, and why it had to be tried again."""

    found: FoundFigure
    identity: str
    future: Future[PreparedFile] = field(default_factory=Future)
    task: FileTask | None = None
    tries: int = 0
    sends_bytes: bool = False


class RemoteWork:
    """Sends files to workers, never more at once than these can begin: a lost worker takes only its own file along."""

    def __init__(self, workers: RemoteWorkers, setup: WorkerSetup, make_local: Callable[[int], ThreadWork]) -> None:
        self._workers, self._setup, self._local = workers, setup, make_local(1)
        self._executor: WorkerExecutor = open_executor(workers.executor)
        self._shared = [folder.resolve() for folder in workers.shared]
        self._waiting: deque[_Job] = deque()
        self._running = 0
        self._error: MirsearchError | None = None
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many files the workers analyze at the same time now."""
        return worker_count(self._executor)

    def probe(self) -> None:
        """Raise WorkersError if the first worker that answers can't do the work, or none does."""
        name = self._workers.executor
        future = self._executor.submit(analyze_file, pack(FileTask(self._setup)))
        try:
            for _ in range(round(_PROBE_SECONDS / _POLL_SECONDS)):
                self.check()
                with suppress(TimeoutError):
                    answer = unpack(FileAnswer, future.result(timeout=_POLL_SECONDS))
                    break
            else:
                raise WorkersError(f"no worker of {name} answers", "look at its workers' logs")
        except MirsearchError:
            raise
        except Exception as error:
            raise WorkersError(
                f"the workers of {name} can't run mirsearch: {type(error).__name__}: {_first_line(error)}",
                f"install mirsearch {mirsearch.__version__} where they run, and the same extras",
            ) from error
        self._check_refusal(answer)

    def _check_refusal(self, answer: FileAnswer) -> None:
        if answer.refusal:
            raise WorkersError(
                answer.refusal[:1_000], "install the same version of mirsearch and the same models there"
            )

    def submit(self, found: FoundFigure, identity: str) -> Future[PreparedFile]:
        """Analyze a file as soon as a worker is free; one that is too large to be sent, here."""
        if not self._is_shared(found.path) and _size(found.path) > MOST_BYTES:
            return self._local.submit(found, identity)
        job = _Job(found, identity)
        with self._lock:
            self._waiting.append(job)
        self._send_more()
        return job.future

    def check(self) -> None:
        """Raise WorkersError if the workers are lost for good, or one of them has other models."""
        if self._error is not None:
            raise self._error
        check = getattr(self._executor, "check", None)
        if check is not None:
            check()
        self._send_more()  # workers may have come

    def take_ready(self, identity: str) -> PreparedFile | None:
        """Workers elsewhere finish what they have begun."""
        return self._local.take_ready(identity)

    def close(self, wait: bool) -> None:
        """Drop what was not begun, and leave the workers."""
        with self._lock:
            self._waiting.clear()
        self._local.close(wait)
        self._executor.shutdown(wait=wait, cancel_futures=True)

    def _send_more(self) -> None:
        """Send files that wait to the workers that are free."""
        while True:
            with self._lock:
                if self._error is not None or not self._waiting or self._running >= self.count:
                    return
                job = self._waiting.popleft()
                if job.tries == 0 and not job.sends_bytes and not job.future.set_running_or_notify_cancel():
                    continue
                self._running += 1
            self._send(job)

    def _send(self, job: _Job) -> None:
        try:
            job.task = job.task or self._task(job)
        except OSError as error:
            self._settle(job, PreparedFile(failures=[("read", f"can't be read: {error.strerror or error}")]))
            return
        job.tries += 1
        if job.tries == 1:
            self._local.on_plane(job.found.path.name, 0, 1)
        try:
            future = self._submit(pack(job.task))
        except Exception as error:  # noqa: BLE001  an executor of anybody's may fail in any way; the run ends with its words
            self._break_down(job, WorkersError(f"{self._workers.executor} takes no more files: {error}", _KEPT))
            return
        future.add_done_callback(partial(self._finish, job))

    def _submit(self, message: bytes) -> Future[bytes]:
        try:
            return self._executor.submit(analyze_file, message)
        except BrokenExecutor:  # as a pool of processes is once one of them died
            self._executor = open_executor(self._workers.executor)
            return self._executor.submit(analyze_file, message)

    def _task(self, job: _Job) -> FileTask:
        """Return what to send: the path of a file in a shared folder, else its bytes and those of text files beside."""
        found, path = job.found, job.found.path
        content = job.identity.partition(".")[0]
        is_shared = not job.sends_bytes and self._is_shared(path)
        shared = str(path.resolve()) if is_shared else None
        data = None if is_shared else path.read_bytes()
        beside = {} if is_shared else {each.name: each.read_bytes() for each in sidecars(path)}
        return FileTask(
            self._setup, self._local.selection, str(path), path.name, content, found.caption, found.panels, found.page,
            shared, data, beside,
        )  # fmt: skip

    def _is_shared(self, path: Path) -> bool:
        return any(path.resolve().is_relative_to(folder) for folder in self._shared)

    def _finish(self, job: _Job, future: Future[bytes]) -> None:
        """Take an answer. A lost worker, or one that answers nonsense, has its file tried once more."""
        assert job.task is not None
        try:
            answer = unpack(FileAnswer, future.result())
            self._check_refusal(answer)
            if answer.wants_file and job.task.shared is not None:
                job.sends_bytes, job.task = True, None
                job.tries -= 1
                self._again(job)
                return
            file = take_answer(answer, job.task)
        except MirsearchError as error:
            self._break_down(job, error)
        except BaseException as error:  # noqa: BLE001  whatever an executor raises: the worker is lost
            if job.tries < _MOST_TRIES:
                self._again(job)
                return
            cause = f"its worker was lost {job.tries} times: {_first_line(error)}"
            self._settle(job, PreparedFile(failures=[("analyze", f"{cause} (ingest it alone to see why)")]))
        else:
            self._settle(job, make_records(job.found, job.identity, file, self._setup.analysis))

    def _again(self, job: _Job) -> None:
        with self._lock:
            self._running -= 1
            self._waiting.appendleft(job)
        self._send_more()

    def _settle(self, job: _Job, prepared: PreparedFile) -> None:
        with self._lock:
            self._running -= 1
        job.task = None
        job.future.set_result(prepared)
        self._send_more()

    def _break_down(self, job: _Job, error: MirsearchError) -> None:
        with self._lock:
            self._running -= 1
            self._error = self._error or error
        job.future.set_exception(error)


_KEPT = "finished work is kept; run the same command again when they are there"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # reading it tells why


def _first_line(error: BaseException) -> str:
    lines: Sequence[str] = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
