"""Name the process that holds a write lock, and tell whether it has ended. Only its own machine can tell that.

A machine is known by its boot id: two machines may have one name, and even one machine id if they were cloned. No
clocks are compared.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_SPACE = Path("/proc/self/ns/pid")
_START_FIELD = 19
"""Field of /proc/PID/stat, counted after the name, with the time when the process started."""
ended_tokens: set[str] = set()
"""Tokens of this process's sessions that ended but could not release their lock."""


def this_machine() -> dict[str, str]:
    """Name this machine, its start, and its space of process ids: a container has processes of its own.

    `boot` is empty where the system has no boot id; then nobody can tell whether a process here has ended.
    """
    return {"host": socket.gethostname(), "boot": _read(_BOOT_ID), "space": _pid_space()}


def this_process() -> dict[str, Any]:
    """Name this process, so that others on the same machine can tell whether it still runs."""
    return {**this_machine(), "pid": os.getpid(), "started": _start_time(os.getpid())}


def has_ended(owner: dict[str, Any]) -> bool:
    """Return whether the owner of a lock has surely ended. Of a process of another machine that is not known."""
    if owner.get("token") in ended_tokens:
        return True
    here = this_machine()
    if not here["boot"] or any(owner.get(name) != here[name] for name in ("boot", "space")):
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return owner.get("started") != _start_time(int(owner["pid"]))  # its id may belong to a later process


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _pid_space() -> str:
    try:
        return str(_PID_SPACE.readlink())
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Return when a process started, in ticks since the machine did; None where the system does not tell."""
    _, _, fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")
    values = fields.split()
    return values[_START_FIELD] if len(values) > _START_FIELD else None
