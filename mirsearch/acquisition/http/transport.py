"""Connections to checked addresses only, which end if an answer's headers take too long."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from mirsearch.acquisition.http.policy import UrlPolicy
from mirsearch.errors import FetchError

_Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""What a look-up finds: family, kind, protocol, canonical name, numeric address."""


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

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy)

        def getresponse(self) -> Any:
            with _TimeLimit(seconds, lambda: abort(self)):
                return super().getresponse()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy)

        def getresponse(self) -> Any:
            with _TimeLimit(seconds, lambda: abort(self)):
                return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connect(connection: HTTPConnection, policy: UrlPolicy) -> socket.socket:
    """Return a socket to the first address of a host that the policy allows and that answers.

    The name is looked up once, and its addresses are connected to as numbers: a name that leads elsewhere a moment
    later (DNS rebinding) changes nothing. TLS still checks the certificate against the name. Raises FetchError, before
    anything is sent, if no address is allowed.
    """
    failure: Exception | None = None
    for family, kind, protocol, _, address in _look_up(connection):
        try:
            policy.check_peer(connection.host, connection.port or 0, str(address[0]))
            return _open_socket(connection, family, kind, protocol, address)
        except TimeoutError:
            failure = ConnectTimeoutError(connection, f"Connection to {address[0]} timed out")
        except OSError as error:
            failure = NewConnectionError(connection, f"Failed to establish a new connection: {error}")
            failure.__cause__ = error
        except FetchError as error:
            failure = failure or error
    raise failure or NewConnectionError(connection, "its name has no address")


def _look_up(connection: HTTPConnection) -> Sequence[_Found]:
    try:
        return socket.getaddrinfo(connection.host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except UnicodeError as error:
        no_name = socket.gaierror(socket.EAI_NONAME, "not a valid name")
        raise NameResolutionError(connection.host, connection, no_name) from error


def _open_socket(
    connection: HTTPConnection, family: int, kind: int, protocol: int, address: tuple[Any, ...]
) -> socket.socket:
    """Return a socket to a numeric address, with the connection's time limit and options."""
    opened = socket.socket(family, kind, protocol)
    try:
        for option in connection.socket_options or ():
            opened.setsockopt(*option)
        opened.settimeout(connection.timeout)
        if connection.source_address:
            opened.bind(connection.source_address)
        opened.connect(address)
    except BaseException:
        opened.close()
        raise
    return opened


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
