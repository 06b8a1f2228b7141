"""The bounds that the operating system keeps for a process that reads foreign data, whatever its code does.

A native library or a regular expression that holds the interpreter's lock can't be stopped from within. So the kernel
ends the process: at the limits of CPU time and of wall time, and when its parent dies while it is at work.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MAX_FILE_BYTES = 2 << 30
_MAX_OPEN_FILES = 256
_PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when its parent dies (prctl(2))."""
_NICE = 5
"""How much work in the background gives way to what somebody waits for (nice(1))."""


def limit_process(memory: int) -> None:
    """Limit this process's address space in bytes, its files and its core dumps."""
    if sys.platform == "win32":  # has no such limits; the parent's timeout remains
        return
    import resource

    for kind, limit in (
        (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, _MAX_FILE_BYTES), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):  # fmt: skip
        _lower_limit(kind, limit)


@contextmanager
def limit_task(seconds: float, pipe: int) -> Iterator[None]:
    """Let the kernel end this process after so many seconds, or as soon as the other end of `pipe` is closed."""
    if sys.platform == "win32":
        yield
        return
    import fcntl
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower_limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
    can_watch = hasattr(os, "O_ASYNC")
    if can_watch:
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        if can_watch:
            fcntl.fcntl(pipe, fcntl.F_SETFL, flags)
        signal.setitimer(signal.ITIMER_REAL, 0)


def bound_to_parent() -> Callable[[], None] | None:
    """Return what a program that this process starts calls first (`preexec_fn`), so that it ends when this one does.

    None where the system can't do that: only Linux can. Call it from a process with one thread.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    libc, parent = ctypes.CDLL(None), os.getpid()

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended in between
            os._exit(1)

    return bind


def follow_parent(parent: int) -> None:
    """Let this process get Ctrl-C when its parent ends, and take less of the processor than others. Linux: at once."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        os.nice(_NICE)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:  # it has ended in between
        raise KeyboardInterrupt


def limit_memory(memory: int) -> None:
    """Limit the memory in bytes that this process may write to. What is only mapped, or shared, counts nothing."""
    if sys.platform == "linux":  # elsewhere, the limit of data does not count what libraries map
        import resource

        _lower_limit(resource.RLIMIT_DATA, memory)


def peak_memory() -> int:
    """Return the most bytes that this process has held in memory; 0 where that is unknown.

    On Linux, `ru_maxrss` of a new program begins with what its parent held, so the kernel's own mark is read instead.
    """
    if sys.platform == "win32":
        return 0
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) << 10
    except (OSError, IndexError, ValueError):  # another system
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _lower_limit(kind: int, limit: int) -> None:
    import resource

    _, hard_limit = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit), hard_limit))
