"""One process that reads foreign data, as the main process sees it: start, ask, end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import mirsearch
from mirsearch.files.interrupts import is_interrupted
from mirsearch.isolation.messages import BrokenMessageError, read_message, write_message
from mirsearch.settings import LIMITS
from mirsearch.text.foreign import clean_surrogates, parse_json

_START = "import sys; sys.path.append(sys.argv.pop(1)); from mirsearch.isolation.process import main; main()"
_SECRETS = "MIRSEARCH_ES_"
"""Beginning of the variables that hold credentials, which a process that reads foreign data must not have."""
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 2.0
"""Time beyond its limit after which a task is ended from outside, where the system has not done so."""
_TIME_SIGNALS = ("SIGALRM", "SIGXCPU")
_UNUSABLE = "its reader gave no usable answer"


class WorkerLostError(Exception):
    """The process ended without an answer. The text says why, as the end of a sentence about the input."""


class Worker:
    """A process that performs one task at a time. `is_usable` is False as soon as it has ended or is about to."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process
        root = str(Path(mirsearch.__file__).parent.parent)
        # -P: modules that lie in the current folder, which may be anybody's, are not imported.
        command = [sys.executable, "-P", "-c", _START, root, str(LIMITS.worker_memory_bytes), str(LIMITS.worker_bytes)]
        own_group: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=_environment(), **own_group
        )
        # No SimpleQueue: where a signal's handler runs past the end of its timeout, its `get` waits for ever.
        self._answers: queue.Queue[tuple[bytes, list[bytes]] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read_answers, name="worker", daemon=True)
        self._reader.start()
        self.is_usable = True

    def ask(self, task: dict[str, Any], blobs: list[bytes], seconds: float) -> tuple[dict[str, Any], list[bytes]]:
        """Return the answer to a task and its pieces of bytes.

        Raises WorkerLostError if there is none in time, and KeyboardInterrupt at Ctrl-C. The process has ended then.
        """
        try:
            self._errors.seek(0)
            self._errors.truncate()
            with suppress(OSError):  # it has ended; its last words tell why
                write_message(self._input, json.dumps({**task, "seconds": seconds}).encode(), blobs)
            answer = self._wait(seconds)
            if answer is None:
                raise WorkerLostError(self._cause(seconds))
            told = _parse_answer(answer[0])
        except BaseException:
            self.close()
            raise
        if told["last"]:
            self.close()
        return told, answer[1]

    def close(self) -> None:
        """End the process and those that it started, and wait for that."""
        self.is_usable = False
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._input.close()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    @property
    def _input(self) -> Any:
        return self._process.stdin

    def has_ended(self) -> bool:
        """Return whether the process has ended while it had nothing to do."""
        return self._process.poll() is not None

    def _read_answers(self) -> None:
        with suppress(BrokenMessageError, OSError, ValueError, MemoryError):
            assert self._process.stdout is not None
            while (answer := read_message(self._process.stdout, LIMITS.worker_bytes)) is not None:
                self._answers.put(answer)
        self._answers.put(None)

    def _wait(self, seconds: float) -> tuple[bytes, list[bytes]] | None:
        deadline = time.monotonic() + seconds + _GRACE_SECONDS
        while time.monotonic() < deadline:
            if is_interrupted():
                raise KeyboardInterrupt
            with suppress(queue.Empty):
                return self._answers.get(timeout=_POLL_SECONDS)
        raise WorkerLostError(_too_long(seconds))

    def _cause(self, seconds: float) -> str:
        """Return why the process ended: its signal, or its last words."""
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # it goes on, but what it says can't be read
            return _UNUSABLE
        name = signal.Signals(-code).name if code < 0 and -code in set(signal.Signals) else f"exit code {code}"
        if name in _TIME_SIGNALS:
            return _too_long(seconds)
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 1_000))
        words = self._errors.read().decode("utf-8", "replace").split("\n")
        last_words = next((line.strip() for line in reversed(words) if line.strip()), name)
        shown = "".join(character for character in clean_surrogates(last_words) if character.isprintable())
        return f"damaged, or too much for its reader ({shown[:200]})"


def _too_long(seconds: float) -> str:
    return f"reading it took more than {seconds:g} s"


def _environment() -> dict[str, str]:
    """Return the variables for the process: no credentials, and one thread for libraries that would start many."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _parse_answer(text: bytes) -> dict[str, Any]:
    try:
        told = parse_json(text)
    except ValueError as error:
        raise WorkerLostError(f"{_UNUSABLE} ({error})") from error
    if not isinstance(told, dict) or not isinstance(told.get("last"), bool) or not {"value", "error"} & told.keys():
        raise WorkerLostError(_UNUSABLE)
    return told
