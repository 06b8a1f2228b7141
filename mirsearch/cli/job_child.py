"""The process of a server's job: `mirsearch` with bounds. It stops as after Ctrl-C when its server ends.

Arguments: the server's process id, the most bytes of memory, and the words of a command.
"""

from __future__ import annotations

import signal
import sys

from mirsearch.cli import main
from mirsearch.isolation.bounds import follow_parent, limit_memory


def run() -> None:
    """Bound this process, and run the command."""
    parent, memory = int(sys.argv[1]), int(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server may have been started with Ctrl-C ignored
    limit_memory(memory)
    follow_parent(parent)
    main()


if __name__ == "__main__":
    run()
