"""The server process: its socket, its bounds on slow and idle connections, and its end."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.access import EVERY_ADDRESS
from mirsearch.web.observer import Observer
from mirsearch.web.protocol import KEEP_ALIVE_SECONDS, BoundedProtocol, ServeConfig

_BACKLOG = 256


def open_socket(host: str, port: int, spreads: bool = False) -> socket.socket:
    """Return a listening socket. UsageError says what is wrong with the host or the port.

    Several that spread their connections may have one port.
    """
    address = host.strip("[]")
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port {port} is no port", "give a number from 0 to 65535")
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        return _listen(family, address, port, spreads)
    except socket.gaierror as error:
        raise UsageError(
            f"--host {host} is not known on this machine", "give 127.0.0.1, or an address of it"
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise MirsearchError(
                f"port {port} of {host} is in use", f"give another one, such as --port {port + 1}, or stop that program"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise MirsearchError(f"port {port} may not be opened", "give a --port from 1024 to 65535") from error
        raise UsageError(f"--host {host}: {error.strerror}", "give 127.0.0.1, or an address of this machine") from error


def _listen(family: int, address: str, port: int, spreads: bool) -> socket.socket:
    # asyncio turns Nagle's delay of 40 ms off only for sockets that name their protocol, which create_server's don't.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spreads:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address == "::" else 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def server_address(listening: socket.socket, host: str) -> str:
    """Return the address to type into a browser."""
    port = listening.getsockname()[1]
    name = socket.gethostname() if host in EVERY_ADDRESS else host.strip("[]")
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


class Server(uvicorn.Server):
    """uvicorn that ends in peace at the first Ctrl-C or SIGTERM, and at once at the second.

    It tells `note_connections` once a second how many connections are open, and calls `on_stop` when it has to end.
    """

    def __init__(
        self, config: uvicorn.Config, note_connections: Callable[[int], None], on_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._note_connections, self._on_stop = note_connections, on_stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the server runs. Unlike uvicorn's own, they are not raised again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after the requests in hand; at the second signal, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._on_stop()

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once a second."""
        if counter % 10 == 0:
            now = time.monotonic()
            self._note_connections(len(self.server_state.connections))
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.end_if_stalled(now)
        return await super().on_tick(counter)


def serve_forever(
    app: Observer, listening: socket.socket, connections: int | None = None, on_stop: Callable[[], None] = lambda: None
) -> None:
    """Answer requests until Ctrl-C or SIGTERM, on so many connections at most.

    `on_stop` is called when the end is asked for, before requests in hand are finished.
    """
    for name in ("uvicorn.error", "python_multipart"):  # whoever sends rubbish fills no log
        logging.getLogger(name).setLevel(logging.ERROR)
    config = ServeConfig(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SERVE_LIMITS.stop_seconds,
        backlog=_BACKLOG,
    )
    config.most_connections = SERVE_LIMITS.connections if connections is None else connections
    Server(config, app.metrics.tell_connections, on_stop).run(sockets=[listening])
