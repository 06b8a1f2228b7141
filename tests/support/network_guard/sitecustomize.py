"""Refuses the network to every Python process that has this folder on PYTHONPATH, its children included.

What was requested is also noted in the file NETWORK_GUARD_LOG: the code under test may ignore the refusal.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

_ADDRESS_OF = {
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.bind": 1, "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0, "socket.gethostbyaddr": 0, "socket.getnameinfo": 0,
}  # fmt: skip
"""Audit events of the network, each with the position of its address among the event's arguments."""


def _is_local(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("utf-8", "replace")
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    position = _ADDRESS_OF.get(event)
    if position is None:
        return
    address = arguments[position]
    if event.startswith("socket.get"):
        host = address[0] if isinstance(address, tuple) else address
    elif isinstance(address, tuple):
        host = address[0]
    else:  # a Unix socket, or a connected socket that has no address of its own
        return
    if not _is_local(host):
        with open(os.environ["NETWORK_GUARD_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123  pathlib isn't loaded
            log.write(f"{event} {address!r}\n")
        raise OSError(f"a local command asked for the network: {event} {address!r}")


sys.addaudithook(_refuse)
