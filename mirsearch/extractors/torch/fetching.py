"""Weights that another library fetches: from its cache where they are there, and a host that can't be reached is told
in seconds, by name, with what to do instead."""

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
"""How long a host has to answer. The libraries themselves ask again for a minute and more."""
REMEDY = "give --extractor-weights FILE, or run it once with a network"
_HUB = "https://huggingface.co"
_FAILURES = (OSError, RuntimeError, ValueError)
"""What libraries raise where a file can't be had."""

Loaded = TypeVar("Loaded")


def fetch(
    load: Callable[[], Loaded], what: str, address: str | None = None, cached: Path | None = None, remedy: str = REMEDY
) -> Loaded:
    """What a library's own `load` gives; MissingDependencyError where `what` is neither here nor can be had.

    `address` is where it comes from (None: the model hub), `cached` the file it is kept in, where that is known.
    Nobody is asked for what is in a cache.
    """
    if address is None:
        with suppress(*_FAILURES), hub_offline():
            return load()
    address = address or _hub_address()
    host = urlsplit(address).hostname or address
    reason = None if cached is not None and cached.is_file() else connection_problem(address)
    if reason is not None:
        raise MissingDependencyError(f"{what} are not here, and {host} can't be reached: {reason}", remedy)
    try:
        return load()
    except _FAILURES as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise MissingDependencyError(f"{what} are not here, and {host} does not give them: {first}", remedy) from None


def connection_problem(address: str) -> str | None:
    """Why the host of an address can't be reached; None where it answers, or where a proxy is asked in its stead."""
    parts = urlsplit(address)
    if getproxies().get(parts.scheme):
        return None
    found: list[str | None] = []
    port = parts.port or (80 if parts.scheme == "http" else 443)
    asking = Thread(target=_connect, args=(parts.hostname or "", port, found), daemon=True)
    asking.start()
    asking.join(CONNECT_TIMEOUT_S)  # looking a name up knows no time limit of its own
    return found[0] if found else f"no answer in {CONNECT_TIMEOUT_S:g} s"


def _connect(host: str, port: int, found: list[str | None]) -> None:
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
        found.append(None)
    except OSError as error:
        found.append(error.strerror or str(error))


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
    """The hub's client takes what it has in its cache and asks nobody."""
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
