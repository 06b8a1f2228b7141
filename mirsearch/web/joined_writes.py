"""The head of an answer and what follows it, sent at once."""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD_BYTES = 4 << 10
"""Most bytes that wait for what follows; heads have fewer."""


class JoinedWrites:
    """A transport that holds a short write until the next one, or until the loop has nothing else to do at that moment.

    The HTTP protocol writes the head of an answer and its body one after the other. Sent together, they take one call
    of the system, and the client wakes up once. All else goes to the `transport` as it is.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._held = transport, loop, b""

    def write(self, data: bytes) -> None:
        """Send bytes, soon."""
        if self._held:
            data, self._held = self._held + data, b""
        elif 0 < len(data) <= _HEAD_BYTES:
            self._held = data
            self._loop.call_soon(self._send_held)
            return
        if data:
            self._transport.write(data)

    def _send_held(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection after what is held."""
        self._send_held()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
