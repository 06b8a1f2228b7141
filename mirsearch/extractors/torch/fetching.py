"""Lets another library fetch weights, from its cache if possible. If the host does not answer within seconds, the error
names the host and what to do instead."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from mirsearch.errors import MissingDependencyError

CONNECT_TIMEOUT_S = 3.0
"""How long to wait for a host, in seconds. The libraries themselves retry for a minute or longer."""
REMEDY = "give --extractor-weights FILE, or run it once with a network"
_HUB = "https://huggingface.co"
_FAILURES = (OSError, RuntimeError, ValueError)
"""What libraries raise when they can't get a file."""

Result = TypeVar("Result")


def fetch(
    load: Callable[[], Result], what: str, address: str | None = None, cached: Path | None = None, remedy: str = REMEDY
) -> Result:
    """Return what a library's own `load` returns; MissingDependencyError if `what` is neither cached nor reachable.

    `address` is where it comes from (None: the model hub). `cached` is the file of the library's cache, if known.
    A file in the cache is used without a request.
    """
    if address is None:
        with suppress(*_FAILURES), hub_offline():
            return load()
    address = address or _hub_address()
    host = urlsplit(address).hostname or address
    reason = None if cached is not None and cached.is_file() else connection_problem(address)
    if reason is not None:
        raise MissingDependencyError(f"{what} are not on this machine, and {host} can't be reached: {reason}", remedy)
    try:
        return load()
    except _FAILURES as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise MissingDependencyError(
            f"{what} are not on this machine, and {host} does not provide them: {first_line}", remedy
        ) from None


def connection_problem(address: str) -> str | None:
    """Return why the host of an address can't be reached; None if it answers, or if requests go through a proxy."""
    parts = urlsplit(address)
    if getproxies().get(parts.scheme):
        return None
    outcome: list[str | None] = []
    port = parts.port or (80 if parts.scheme == "http" else 443)
    thread = Thread(target=_connect, args=(parts.hostname or "", port, outcome), daemon=True)
    thread.start()
    thread.join(CONNECT_TIMEOUT_S)  # the look-up of a host's name has no time limit itself
    return outcome[0] if outcome else f"no answer in {CONNECT_TIMEOUT_S:g} s"


def _connect(host: str, port: int, outcome: list[str | None]) -> None:
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
        outcome.append(None)
    except OSError as error:
        outcome.append(error.strerror or str(error))


def _hub_address() -> str:
    constants = _hub_constants()
    return str(getattr(constants, "ENDPOINT", None) or _HUB)


def _hub_constants() -> Any | None:
    try:
        from huggingface_hub import constants
    except ImportError:
        return None
    return constants


@contextmanager
def hub_offline() -> Iterator[None]:
    """Let the hub's client use its cache alone, without requests."""
    constants = _hub_constants()
    if constants is None:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
