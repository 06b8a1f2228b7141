"""`--workers processes:N`: processes of this machine. One that dies is replaced, and takes only its own task along."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import Any

import mirsearch
from mirsearch.errors import UsageError
from mirsearch.executors.base import BytesFunction, WorkerLostError
from mirsearch.isolation.messages import BrokenMessageError, read_message, write_message
from mirsearch.settings import LIMITS, thread_count

_START = "import sys; sys.path.append(sys.argv.pop(1)); from mirsearch.executors.child import main; main()"
_SECRETS = "MIRSEARCH_ES_"
"""Beginning of the variables that hold credentials, which an analysis needs none of."""
_MOST = 1_024
_END_SECONDS = 5.0


class ProcessExecutor:
    """Calls functions of bytes in processes that are kept. Only bytes pass, so nothing of an answer is ever run."""

    def __init__(self, argument: str = "") -> None:
        count = int(argument) if argument.isdecimal() else 0
        if argument and not 1 <= count <= _MOST:
            raise UsageError(f"--workers processes:{argument} is no number of processes", f"give 1 to {_MOST}")
        self.count = count or thread_count()
        self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="workers")
        self._own = threading.local()
        self._all: list[_Process] = []
        self._lock = threading.Lock()

    def submit(self, function: BytesFunction, task: bytes, /) -> Future[bytes]:
        """Call a function in a process. The future raises WorkerLostError if that ends before it answers."""
        return self._pool.submit(self._ask, function, task)

    def _ask(self, function: BytesFunction, task: bytes) -> bytes:
        process: _Process | None = getattr(self._own, "process", None)
        if process is None or process.has_ended:
            process = self._own.process = _Process(max(1, thread_count() // self.count))
            with self._lock:
                self._all.append(process)
        return process.ask(f"{function.__module__}:{function.__qualname__}", task)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: at once unless `wait`."""
        if not wait:
            self._end_all()
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        self._end_all()

    def _end_all(self) -> None:
        with self._lock:
            for process in self._all:
                process.close()


class _Process:
    """One process, which does one task at a time. It ends when its standard input does."""

    def __init__(self, threads: int) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
        own: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}  # Ctrl-C is for the main process
        # -P: modules that lie in the current folder, which may be anybody's, are not imported.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, str(Path(mirsearch.__file__).parent.parent)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept | {"MIRSEARCH_THREADS": str(threads)}, **own,
        )  # fmt: skip

    @property
    def has_ended(self) -> bool:
        """Return whether the process is gone."""
        return self._process.poll() is not None

    def ask(self, function: str, task: bytes) -> bytes:
        """Return what a function gives for a task. Raises WorkerLostError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            write_message(self._process.stdin, function.encode(), [task])
            answer = read_message(self._process.stdout, LIMITS.worker_bytes)
        except (BrokenMessageError, OSError, ValueError) as error:
            self.close()
            raise WorkerLostError(f"its process gave no usable answer ({self._cause()})") from error
        if answer is None or len(answer[1]) != 1:
            self.close()
            raise WorkerLostError(f"its process ended ({self._cause()})")
        return answer[1][0]

    def _cause(self) -> str:
        code = self._process.poll()
        if code is None:
            return "broken message"
        return Signals(-code).name if code < 0 and -code in set(Signals) else f"exit code {code}"

    def close(self) -> None:
        """End the process, and wait for that."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if self._process.poll() is None else _END_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._process.stdout.close()
