"""The process that reads foreign data for the main process. It ends when its standard input does."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

from mirsearch.errors import MirsearchError
from mirsearch.isolation.bounds import limit_process, limit_task, peak_memory
from mirsearch.isolation.messages import read_message, write_message
from mirsearch.isolation.plain_data import decode, encode, function_types

_MOST_TASKS = 500
"""Tasks of one process: native libraries leak."""
_MOST_KEPT_BYTES = 400 << 20
"""Memory with which a process is not used again. It is not given back to the system otherwise."""


def main() -> None:
    """Perform tasks until there are no more. Arguments: the limit of memory, and that of one task's input, in bytes."""
    memory, most_bytes = int(sys.argv[1]), int(sys.argv[2])
    limit_process(memory)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the main process, which ends this one
    tasks, answers = sys.stdin.buffer, _take_output()
    count = 0
    while (task := read_message(tasks, most_bytes)) is not None:
        count += 1
        answer, blobs = _perform(*task, tasks.fileno())
        answer["last"] = count >= _MOST_TASKS or peak_memory() > _MOST_KEPT_BYTES
        write_message(answers, json.dumps(answer).encode(), blobs)
        if answer["last"]:
            break
    os._exit(0)


def _take_output() -> IO[bytes]:
    """Return the standard output for answers. What libraries print goes to the standard error from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _perform(text: bytes, blobs: list[bytes], pipe: int) -> tuple[dict[str, Any], list[bytes]]:
    """Return the answer to a task: its value, or what went wrong."""
    answered: list[bytes] = []
    try:
        task = json.loads(text)
        function: Callable[..., Any] = getattr(importlib.import_module(task["module"]), task["function"])
        kinds, _ = function_types(function)
        arguments = [decode(kind, value, blobs) for kind, value in zip(kinds, task["arguments"], strict=False)]
        with limit_task(task["seconds"], pipe):
            return {"value": encode(function(*arguments), answered)}, answered
    except MirsearchError as error:
        return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}, []
    except MemoryError:
        return {"error": "MemoryError", "message": ""}, []
    except OSError as error:
        return {"error": "OSError", "message": str(error.strerror or error), "number": error.errno or 0}, []
    except Exception as error:  # noqa: BLE001  whatever a file makes go wrong is that file's failure
        return {"error": "", "message": f"{type(error).__name__}: {error}"[:1_000]}, []
