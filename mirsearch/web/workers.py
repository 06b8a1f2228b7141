"""Several worker processes on one port: their start, their replacement when one dies, and their end.

Where the system spreads connections among sockets of one port (Linux, SO_REUSEPORT), each worker has a socket of its
own that the main process keeps open: what waits in it while a worker is replaced is answered by the next one. Elsewhere
they share one.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Thread
from types import FrameType

from mirsearch.errors import MirsearchError
from mirsearch.files.interrupts import leave_now
from mirsearch.settings import SERVE_LIMITS, thread_count
from mirsearch.web.app import create_app
from mirsearch.web.metrics import forget_process, share_metrics
from mirsearch.web.plan import ServePlan
from mirsearch.web.server import open_socket, serve_forever

log = logging.getLogger(__name__)

_WATCH_SECONDS = 0.5
_YOUNG_SECONDS = 5.0
"""Age below which a worker that ends counts as one that could not start."""
_MOST_FAILED_STARTS = 3
_MARGIN_SECONDS = 2.0
"""Time beyond that for requests in hand after which a worker is ended by force."""


def open_sockets(host: str, port: int, workers: int) -> list[socket.socket]:
    """Return the listening sockets of so many workers, of one port; one for all where the system spreads nothing."""
    first = open_socket(host, port)
    if workers == 1 or not sys.platform.startswith("linux"):
        return [first]
    chosen: int = first.getsockname()[1]
    first.close()  # it was opened for itself, so that no other program has the port
    return [open_socket(host, chosen, spreads=True) for _ in range(workers)]


class Workers:
    """The worker processes of a server, each with a number that its replacement takes over."""

    def __init__(self, plan: ServePlan, sockets: Sequence[socket.socket]) -> None:
        self._plan, self._sockets = plan, sockets
        self._processes: dict[int, BaseProcess] = {}
        self._started: dict[int, float] = {}
        self._failed_starts = 0
        self._signals = 0

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM. Raises MirsearchError if workers end as soon as they start."""
        with self._caught_signals():
            try:
                for number in range(self._plan.place.workers):
                    self._start(number)
                while not self._signals:
                    wait([process.sentinel for process in self._processes.values()], _WATCH_SECONDS)
                    self._replace_dead()
            finally:
                self._stop()

    def _start(self, number: int) -> None:
        own = self._sockets[number % len(self._sockets)]
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(self._plan, number, own), name=f"worker {number}", daemon=True
        )
        process.start()
        self._processes[number], self._started[number] = process, time.monotonic()

    def _replace_dead(self) -> None:
        for number, process in list(self._processes.items()):
            if process.is_alive() or self._signals:
                continue
            process.join()
            forget_process(self._plan.place.folder, process.pid or 0)
            is_young = time.monotonic() - self._started[number] < _YOUNG_SECONDS
            self._failed_starts = self._failed_starts + 1 if is_young else 0
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise MirsearchError("the worker processes end as soon as they start", "see the messages above")
            log.warning("worker %d ended (exit code %s); another one takes its place", number, process.exitcode)
            self._start(number)

    def _stop(self) -> None:
        """Let the workers finish what is in hand; a second signal ends them at once."""
        for listening in self._sockets:
            listening.close()
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + SERVE_LIMITS.stop_seconds + _MARGIN_SECONDS
        alive = list(self._processes.values())
        while (alive := [process for process in alive if process.is_alive()]) and time.monotonic() < deadline:
            if self._signals > 1:
                break
            wait([process.sentinel for process in alive], _WATCH_SECONDS)
        for process in alive:
            process.kill()
            process.join()

    @contextlib.contextmanager
    def _caught_signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self._signals += 1

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _work(plan: ServePlan, number: int, listening: socket.socket) -> None:
    """Serve in a worker process until SIGTERM, or until the main process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the main process, which asks this one to stop
    os.environ["MIRSEARCH_THREADS"] = str(max(1, thread_count() // plan.place.workers))
    plan.prepare()
    share_metrics(plan.place.folder)
    Thread(target=_end_with_main, daemon=True).start()
    code = 0
    try:
        site = plan.open_site(number)
        Thread(target=site.warm_up, daemon=True).start()
        serve_forever(create_app(site), listening, SERVE_LIMITS.connections // plan.place.workers, site.stop)
        site.close()
    except MirsearchError as error:
        log.error("worker %d: %s", number, error)
        code = 1
    leave_now(code)  # a search that was in hand may still run in its thread


def _end_with_main() -> None:
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os.kill(os.getpid(), signal.SIGTERM)
