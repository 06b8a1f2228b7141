"""Where the files of an ingest are analyzed: in threads of this process, or by an executor (see remote)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from mirsearch.extractors.base import Extractor
from mirsearch.ingest.analyzed import AnalyzedFile, make_records, request_for
from mirsearch.ingest.figure_analysis import Analyzer
from mirsearch.ingest.pending import PreparedFile
from mirsearch.ingest.preparing import FilePreparer
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure

_POLL_SECONDS = 0.2
"""How often a wait for a worker looks whether Ctrl-C came, and whether there are workers still."""


class Work(Protocol):
    """Analyzes files in the background, in any order."""

    @property
    def count(self) -> int:
        """How many files are analyzed at the same time; it may change while workers come and go."""

    def submit(self, found: FoundFigure, identity: str) -> Future[PreparedFile]:
        """Analyze a file, whose first figure has this id. A failure of the file is part of the result."""

    def check(self) -> None:
        """Raise WorkersError if nothing can be analyzed any more. Called while a file is waited for."""

    def take_ready(self, identity: str) -> PreparedFile | None:
        """Return what is ready of a stack in hand after Ctrl-C, and drop the rest; None if that can't be."""

    def close(self, wait: bool) -> None:
        """Drop what was not begun; wait for the rest if `wait`."""


class ThreadWork:
    """Analyzes files in threads of this process, which share one analyzer and one extractor."""

    def __init__(
        self,
        analyzer: Analyzer,
        extractor: Extractor,
        selection: Selection,
        workers: int,
        is_stopped: Callable[[], bool],
        on_plane: Callable[[str, int, int], None],
    ) -> None:
        self.count, self.selection, self.on_plane = workers, selection, on_plane
        self._version = analyzer.version
        self._preparer = FilePreparer(analyzer, extractor, selection, is_stopped, on_plane)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ingest")
        self._stacks: dict[str, FoundFigure] = {}

    def submit(self, found: FoundFigure, identity: str) -> Future[PreparedFile]:
        """Analyze a file in a thread."""
        self._stacks[identity] = found
        return self._pool.submit(self._prepare, found, identity)

    def _prepare(self, found: FoundFigure, identity: str) -> PreparedFile:
        file = self._preparer.prepare(request_for(found), identity)
        prepared = self._records(found, identity, file)
        self._stacks.pop(identity, None)
        return prepared

    def check(self) -> None:
        """Threads are never lost."""

    def take_ready(self, identity: str) -> PreparedFile | None:
        """Return what is ready of a stack that a thread has in hand, and let it drop the rest; None if none is."""
        found, file = self._stacks.get(identity), self._preparer.take_ready(identity)
        return None if found is None or file is None else self._records(found, identity, file)

    def _records(self, found: FoundFigure, identity: str, file: AnalyzedFile) -> PreparedFile:
        return make_records(found, identity, file, self._version)

    def close(self, wait: bool) -> None:
        """Drop what was not begun; wait for the rest if `wait`."""
        self._pool.shutdown(wait=wait, cancel_futures=True)


def wait_for(
    future: Future[PreparedFile], work: Work, identity: str, is_interrupted: Callable[[], bool]
) -> tuple[PreparedFile, bool]:
    """Return what a worker made of a file, and whether the worker was left at work.

    After Ctrl-C, a stack is not waited for: what is ready of it counts. Raises CancelledError for a file that was
    dropped, and WorkersError if there are no workers any more.
    """
    while True:
        with suppress(TimeoutError):
            return future.result(timeout=_POLL_SECONDS), False
        work.check()
        taken = work.take_ready(identity) if is_interrupted() else None
        if taken is not None:
            return taken, True
