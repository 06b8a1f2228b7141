"""Run a real Elasticsearch for the tests: one node, on a free port, not as root. It ends with the tests.

As a script, this module is the keeper of a node: it stops the node when its own input closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.es_release import DEFAULT_RELEASE, RELEASES, Release, ensure_home, find_jdk

HEAP = "768m"
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-AlwaysPreTouch")
"""With these options a node starts in half the time on a busy machine, and takes only the memory it uses. A benchmark
leaves them out.
"""
START_SECONDS = 180


def free_port() -> int:
    """Return a port of the loopback address that is free, below those that systems give to whoever asks for any.

    It stays free until it is opened, also while a node restarts: other tests open any port.
    """
    while True:
        port = random.SystemRandom().randint(10_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Node:
    """One Elasticsearch node. `kill` ends it like a crash, `start` restarts it on its data, `stop` deletes the data."""

    release: Release = RELEASES[DEFAULT_RELEASE]
    password: str | None = None
    certificate: tuple[Path, Path] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    java_options: tuple[str, ...] = QUICK_START
    port: int = 0
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mirsearch-es-", dir="/var/tmp")))
    keeper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Base address."""
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self.port}"

    def start(self) -> Node:
        """Start the node and wait until it answers; otherwise raise RuntimeError with the end of its log."""
        home, jdk = ensure_home(self.release), find_jdk(self.release.jdk)
        if not self.port:
            self.port = free_port()
            self._configure(home)
        command, environment = self._command(home, jdk)
        if self.password and not (self.folder / "config" / "elasticsearch.keystore").exists():
            self._make_keystore(home, jdk, environment)
        log = (self.folder / "out.log").open("ab")
        self.keeper = subprocess.Popen(
            [sys.executable, __file__, str(self.uid()), *command],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=home,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        self._wait()
        return self

    @staticmethod
    def uid() -> int:
        """Return the user that the node runs as; Elasticsearch refuses root."""
        import pwd

        return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()

    def _configure(self, home: Path) -> None:
        config = self.folder / "config"
        shutil.copytree(home / "config", config)
        options = (config / "jvm.options").read_text().splitlines()
        kept = [line for line in options if not re.search("Xlog|HeapDump|ErrorFile|UseG1GC", line)]
        (config / "jvm.options").write_text("\n".join([*kept, f"-Xms{HEAP}", f"-Xmx{HEAP}", *self.java_options, ""]))
        lines = {
            "cluster.name": "mirsearch-tests", "node.name": "node-1", "discovery.type": "single-node",
            "http.host": "127.0.0.1", "transport.host": "127.0.0.1", "http.port": str(self.port),
            "transport.port": str(free_port()), "path.data": str(self.folder / "data"),
            "path.logs": str(self.folder / "logs"), "xpack.security.enabled": "true" if self.password else "false",
            "xpack.security.enrollment.enabled": "false", "cluster.routing.allocation.disk.threshold_enabled": "false",
            "action.destructive_requires_name": "false", **self._disk_settings(), **self.settings,
        }  # fmt: skip
        if self.certificate:
            for name, source in zip(("certificate", "key"), self.certificate, strict=True):
                shutil.copy(source, config / f"http.{name}.pem")
                lines[f"xpack.security.http.ssl.{name}"] = f"http.{name}.pem"
            lines["xpack.security.http.ssl.enabled"] = "true"
        (config / "elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        for name in ("data", "logs", "tmp"):
            (self.folder / name).mkdir()
        if os.geteuid() == 0:
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, self.uid(), -1)

    def _disk_settings(self) -> dict[str, str]:
        """From 9.1 on, a node merges nothing on a disk that is 95 % full: there, a forced merge would never end."""
        major, minor = (int(each) for each in self.release.version.split(".")[:2])
        return {"indices.merge.disk.check_interval": "0s"} if (major, minor) >= (9, 1) else {}

    def _command(self, home: Path, jdk: Path) -> tuple[list[str], dict[str, str]]:
        java, config = str(jdk / "bin" / "java"), str(self.folder / "config")
        environment = {
            "PATH": os.environ.get("PATH", ""), "ES_JAVA_HOME": str(jdk), "ES_HOME": str(home), "ES_PATH_CONF": config,
            "ES_DISTRIBUTION_TYPE": "zip", "JAVA": java, "JAVA_TYPE": "ES_JAVA_HOME",
            "ES_TMPDIR": str(self.folder / "tmp"), "HOSTNAME": "localhost", "HOME": str(self.folder),
        }  # fmt: skip
        new = (home / "lib/tools/server-launcher").is_dir()
        classes = f"{home}/lib/tools/server-launcher/*" if new else f"{home}/lib/*:{home}/lib/cli-launcher/*"
        main = (
            "org.elasticsearch.server.launcher.ServerLauncher" if new else "org.elasticsearch.launcher.CliToolLauncher"
        )
        return [java, *self._properties(home, config, "server"), "-cp", classes, main], environment

    @staticmethod
    def _properties(home: Path, config: str, tool: str) -> list[str]:
        return [
            "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", f"-Dcli.name={tool}", f"-Dcli.script=bin/elasticsearch-{tool}",
            f"-Dcli.libs=lib/tools/{tool}-cli", f"-Des.path.home={home}", f"-Des.path.conf={config}",
            "-Des.distribution.type=zip", "-Des.java.type=ES_JAVA_HOME",
        ]  # fmt: skip

    def _make_keystore(self, home: Path, jdk: Path, environment: dict[str, str]) -> None:
        base = [
            str(jdk / "bin" / "java"), *self._properties(home, environment["ES_PATH_CONF"], "keystore"),
            "-cp", f"{home}/lib/*:{home}/lib/cli-launcher/*", "org.elasticsearch.launcher.CliToolLauncher",
        ]  # fmt: skip
        user = {"user": self.uid()} if os.geteuid() == 0 else {}
        for words, stdin in (
            (["create"], b""),
            (["add", "-x", "-f", "bootstrap.password"], str(self.password).encode()),
        ):
            subprocess.run(
                [*base, *words], input=stdin, env=environment, cwd=home, check=True, capture_output=True, **user
            )

    def _wait(self) -> None:
        assert self.keeper is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.keeper.poll() is not None:
                break
            try:
                self.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=30s")
            except (OSError, ssl.SSLError):
                time.sleep(0.3)
            else:
                return
        log_tail = (self.folder / "out.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"Elasticsearch {self.release.version} did not start:\n{log_tail}")

    def call(self, method: str, path: str, body: object = None, user: str = "elastic") -> dict[str, object]:
        """Send one request as the superuser, without a client. urllib's HTTPError is an OSError."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Content-Type", "application/json")
        if self.password:
            request.add_header("Authorization", "Basic " + b64encode(f"{user}:{self.password}".encode()).decode())
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            parsed = json.load(answer)
        return parsed if isinstance(parsed, dict) else {"answer": parsed}

    def kill(self) -> None:
        """End the node at once, as a crash or the kernel's out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the node and delete its data."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, sign: signal.Signals) -> None:
        if self.keeper is None:
            return
        assert self.keeper.stdin is not None
        try:
            self.keeper.stdin.write(b"K" if sign is signal.SIGKILL else b"T")
            self.keeper.stdin.close()
        except BrokenPipeError:
            pass
        self.keeper.wait(timeout=60)
        self.keeper = None


def _descendants(process: int) -> Iterator[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    for child, parent in parents:
        if parent == process:
            yield from _descendants(child)
            yield child


def _keep(uid: int, command: list[str]) -> int:
    """Run a node until our input says so or closes, or until the node ends by itself."""
    user = {"user": uid} if os.geteuid() == 0 else {}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **user)  # type: ignore[call-overload]
    order = b""
    while server.poll() is None:
        if select.select([sys.stdin], [], [], 0.2)[0]:
            order = os.read(sys.stdin.fileno(), 1)
            break
    family = [*_descendants(server.pid), server.pid]
    sign = signal.SIGTERM if order == b"T" else signal.SIGKILL
    if sign is signal.SIGTERM:
        server.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=20)
    for each in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    server.wait()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(_keep(int(sys.argv[1]), sys.argv[2:]))
