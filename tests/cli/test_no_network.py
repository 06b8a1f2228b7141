"""Local commands ask nobody: no connection, no datagram and no look-up of a name, from Python or from native code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirsearch.synthetic.corpus import write_corpus

GUARD = Path(__file__).parents[1] / "support" / "network_guard"
FOREIGN_SYSTEM_CALL = re.compile(r"sa_family=AF_INET|systemd/resolve")
"""What a system call of the network names: an internet address (local commands need none), or the resolver."""


@dataclass(frozen=True)
class Home:
    """A user's empty home, where commands run without a network."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "network.log"

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("MIRSEARCH_", "XDG_", "ORT_"))
        }
        own = {"HOME": self.folder, "PYTHONPATH": GUARD, "NETWORK_GUARD_LOG": self.log}
        return kept | {name: str(value) for name, value in own.items()} | {"USERPROFILE": str(self.folder)}

    def run(self, *words: object, before: tuple[str, ...] = ()) -> None:
        command = [*before, sys.executable, "-m", "mirsearch", *map(str, words)]
        done = subprocess.run(
            command, check=False, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def requests(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def foreign_files(self) -> list[str]:
        """Return files outside the folders of mirsearch and of the test."""
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return [name for name in found if name.startswith(".") and "mirsearch" not in name.split("/")[:3]]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """A home with a few drawn figures in it."""
    made = Home(tmp_path_factory.mktemp("home"))
    write_corpus(made.folder / "figures", 3)
    return made


def test_the_guard_sees_connections_datagrams_and_look_ups(tmp_path):
    attempts = """
import socket
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 9), 1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9)),
    lambda: socket.gethostbyname("reports.example"),
    lambda: socket.getaddrinfo("reports.example", 443),
):
    try:
        attempt()
    except OSError:
        pass
socket.getaddrinfo("127.0.0.1", 80)
"""
    home = Home(tmp_path)
    subprocess.run([sys.executable, "-c", attempts], env=home.environment, check=True)
    assert len(home.requests()) >= 4
    assert not [line for line in home.requests() if "127.0.0.1" in line]


def test_no_local_command_asks_anybody(home):
    """The demonstration is the same: figures are ingested, asked for by picture and words, and shown on a page."""
    first, second = sorted((home.folder / "figures").glob("*.png"))[:2]
    home.run("ingest", first, second, "--index", "index")
    home.run("query", first, "--index", "index", "--format", "html", "--output", "answers.html")
    home.run("query", "--text", "nanowires", "--index", "index")
    home.run("analyze", first, "--overlay", "overlay.png")
    home.run("stats", "--index", "index")
    home.run("export", "--index", "index", "--output", "panels.jsonl")
    assert home.requests() == []
    assert home.foreign_files() == []  # such as the device id that onnxruntime keeps


def test_native_code_asks_nobody_either(home):
    """onnxruntime speaks to the network from C++, where Python's audit sees nothing."""
    trace, calls = home.folder / "calls.txt", "connect,sendto,sendmsg,sendmmsg"
    before = ("strace", "-f", "-qq", "-e", f"trace={calls}", "-o", str(trace))
    if shutil.which("strace") is None or subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace is not installed, or may not trace here")
    figure = next((home.folder / "figures").glob("*.png"))
    for words in (("ingest", figure), ("query", figure)):
        home.run(*words, "--index", "traced", before=before)
        assert [line for line in trace.read_text().splitlines() if FOREIGN_SYSTEM_CALL.search(line)] == []
