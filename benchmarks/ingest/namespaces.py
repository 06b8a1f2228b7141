"""Networks of their own on one machine, joined by a bridge, in which a folder is hidden by an empty disk: as root."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_NET = "10.213.77"
_BRIDGE = "mirbench0"


class Namespaces:
    """Some network namespaces. `host` is this machine's address for them; `prefixes` start a program in each.

    Each program has a mount table of its own, too: an empty disk lies over `hidden`.
    """

    def __init__(self, count: int, hidden: Path) -> None:
        self._names = [f"mirbench{number}" for number in range(count)]
        self.host = f"{_NET}.1"
        hide = f'mount -t tmpfs none "{hidden}" && exec "$@"'
        self.prefixes = [
            ("ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", hide, "sh") for name in self._names
        ]
        self._hidden = hidden

    def __enter__(self) -> Namespaces:
        self._remove()
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{self.host}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for number, name in enumerate(self._names):
            _ip("netns", "add", name)
            _ip("link", "add", f"mirv{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"mirv{number}", "master", _BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{_NET}.{number + 2}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def _remove(self) -> None:
        for name in self._names:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", _BRIDGE)

    def count_files(self, number: int) -> int:
        """Return how many files a program there sees in the hidden folder."""
        command = [*self.prefixes[number], "ls", "-A", str(self._hidden)]
        return len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
