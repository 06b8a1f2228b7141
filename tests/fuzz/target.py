"""What a target of the fuzzer is, and how its inputs are found wrong."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mirsearch.errors import MirsearchError

MOST_SECONDS = 5.0
"""CPU time of one input after which it counts as a hang; the system ends the process then."""
MOST_BYTES = 1 << 30
"""Memory that one input may take."""
MOST_INPUT = 1 << 20
CORPUS = Path(__file__).parent / "corpus"


class MemoryTakenError(Exception):
    """An input took more memory than MOST_BYTES."""


@dataclass(frozen=True)
class Target:
    """A parser under attack: `parse` takes an input; `seeds` are inputs of its kind, `words` are put into them.

    Further seeds are the files of corpus/NAME; inputs that were once parsed wrong are among them.
    """

    name: str
    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...] = ()
    words: tuple[bytes, ...] = ()
    seconds: float = MOST_SECONDS

    def all_seeds(self) -> list[bytes]:
        """Return the seeds and the files of corpus/NAME."""
        folder = CORPUS / self.name
        kept = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
        return [*self.seeds, *kept]


def is_refused(target: Target, data: bytes) -> bool:
    """Parse an input; return whether it was refused. Whatever else is raised is a fault of the parser."""
    try:
        target.parse(data)
    except MirsearchError:
        return True
    return False


def check(target: Target, data: bytes) -> bool:
    """Do the same in a process of its own: the system ends it if the input takes too long."""
    before = _peak()
    signal.setitimer(signal.ITIMER_PROF, target.seconds)
    try:
        refused = is_refused(target, data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if _peak() - before > MOST_BYTES:
        raise MemoryTakenError(f"{(_peak() - before) >> 20} MiB for {len(data)} bytes")
    return refused


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
