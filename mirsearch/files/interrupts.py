"""Ctrl-C: the first ends the work after what is in hand, the second ends the process at once, whatever it waits for."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ClassVar, NoReturn

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""

_AGAIN_SECONDS = 0.02
"""Time after which an interrupt that was lost is raised again; a destructor or callback has ended by then."""


def is_interrupted() -> bool:
    """Return whether a DeferredInterrupt caught Ctrl-C and its block has not ended yet: nothing long should go on."""
    return DeferredInterrupt.is_pending


def handle_interrupts() -> None:
    """Let the first Ctrl-C raise KeyboardInterrupt and the second end the process; not if Ctrl-C is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _raise_interrupt)
        sys.unraisablehook = _raise_lost


def leave_now(code: int) -> NoReturn:
    """End the process without waiting for its threads: a host or a native library may hold them for long.

    The destructors of native libraries would end the process with an error of their own while their threads run.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


class DeferredInterrupt:
    """Within its block, Ctrl-C only sets `requested` and calls `tell`, so that no item is left half-done.

    `tell` runs at once, in the main thread, between any two of its steps. In other threads, and where somebody else
    handles Ctrl-C, nothing changes.
    """

    is_pending: ClassVar[bool] = False

    def __init__(self, tell: Callable[[], None]) -> None:
        self.requested = False
        self._tell = tell
        self._before: Any = None

    def __enter__(self) -> DeferredInterrupt:
        before = signal.getsignal(signal.SIGINT)
        is_ours = before in (signal.default_int_handler, _raise_interrupt)
        if is_ours and threading.current_thread() is threading.main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        DeferredInterrupt.is_pending = False
        if self._before is signal.default_int_handler or (self._before is not None and not self.requested):
            signal.signal(signal.SIGINT, self._before)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        DeferredInterrupt.is_pending = True
        _end_at_next()
        self._tell()


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    _end_at_next()
    raise KeyboardInterrupt


def _raise_lost(lost: sys.UnraisableHookArgs) -> None:
    """Raise an interrupt again that came within a destructor or a callback: what these raise, Python only prints.

    Each import has such a callback.
    """
    if lost.exc_type is not KeyboardInterrupt or threading.current_thread() is not threading.main_thread():
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGINT, _raise_interrupt)
    again = threading.Timer(_AGAIN_SECONDS, _interrupt, (threading.get_ident(),))
    again.daemon = True
    again.start()


def _interrupt(thread: int) -> None:
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:
        signal.pthread_kill(thread, signal.SIGINT)  # which also ends what the thread waits for


def _end_at_next() -> None:
    """Let the next Ctrl-C end the process, even while a native library holds the main thread."""
    # The first process of a container ignores signals that it does not handle itself.
    signal.signal(signal.SIGINT, _leave if os.getpid() == 1 else signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
