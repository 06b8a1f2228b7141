"""A process of `--workers processes:N`: it calls functions of bytes by name until its standard input ends."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable

from mirsearch.isolation.messages import read_message, write_message
from mirsearch.settings import LIMITS


def main() -> None:
    """Do tasks until there are no more. What libraries print goes to the standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which lets this one finish
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    most_bytes = LIMITS.worker_bytes + LIMITS.image_bytes
    while (task := read_message(tasks, most_bytes)) is not None:
        module, _, name = task[0].decode().partition(":")
        function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), name)
        write_message(answers, b"", [function(task[1][0])])
    os._exit(0)
