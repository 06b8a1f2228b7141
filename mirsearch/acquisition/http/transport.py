"""Connections that check the address they reached, and end if an answer's headers take too long."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mirsearch.acquisition.http.policy import UrlPolicy


class GuardedAdapter(HTTPAdapter):
    """An adapter whose connections keep to a policy. An answer's headers must be complete within `seconds`."""

    def __init__(self, policy: UrlPolicy, seconds: float, connections: int) -> None:
        self._pools = _pool_classes(policy, seconds)
        super().__init__(pool_connections=8, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager with connections that check their peer."""
        super().init_poolmanager(*args, **kwargs)  # type: ignore[no-untyped-call,unused-ignore]
        self.poolmanager.pool_classes_by_scheme = self._pools


def _pool_classes(policy: UrlPolicy, seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Return the pool classes by scheme, bound to one policy."""

    def abort(connection: HTTPConnection) -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # the reading thread then gets the end of the stream

    def check_peer(connection: HTTPConnection, peer_socket: socket.socket) -> socket.socket:
        try:
            policy.check_peer(connection.host, connection.port or 0, str(peer_socket.getpeername()[0]))
        except BaseException:
            peer_socket.close()
            raise
        return peer_socket

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return check_peer(self, super()._new_conn())

        def getresponse(self) -> Any:
            with _TimeLimit(seconds, lambda: abort(self)):
                return super().getresponse()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return check_peer(self, super()._new_conn())

        def getresponse(self) -> Any:
            with _TimeLimit(seconds, lambda: abort(self)):
                return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _TimeLimit:
    """Calls `action` if a block takes longer than `seconds`; the block then raises TimeoutError."""

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self._action, self._late = action, False
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def _fire(self) -> None:
        self._late = True
        self._action()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._late:  # otherwise truncated headers look like an empty answer
            raise TimeoutError("headers did not end in time")
