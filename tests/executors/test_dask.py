from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirsearch.errors import WorkersError
from mirsearch.executors import dask_cluster
from mirsearch.executors.base import WorkerLostError
from mirsearch.executors.choice import open_executor, worker_count
from tests.executors.test_choice import reverse


def end_worker(task: bytes) -> bytes:
    """Note that it was begun, and end the process."""
    with Path(task.decode()).open("a") as file:
        file.write("begun\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scheduler file of a real scheduler with two workers, in processes of their own."""
    folder = tmp_path_factory.mktemp("dask")
    file, env = folder / "scheduler.json", os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    dask = (
        [sys.executable, "-m", "distributed.cli.dask_scheduler"],
        [sys.executable, "-m", "distributed.cli.dask_worker"],
    )
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    processes = [_start([*dask[0], *common, "--host", "127.0.0.1", "--port", "0"], env)]
    try:
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        worker = [*dask[1], *common, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
        processes += [_start(worker, env) for _ in range(2)]
        yield str(file)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_task_that_ends_its_worker_is_begun_once_and_the_others_go_on(scheduler: str, tmp_path: Path) -> None:
    executor = open_executor(f"dask:{scheduler}")
    try:
        assert 1 <= worker_count(executor) <= 2
        large = os.urandom(1 << 20)
        assert executor.submit(reverse, large).result(timeout=120) == large[::-1]
        executor._client.wait_for_workers(2, timeout=120)  # type: ignore[attr-defined]
        log = tmp_path / "begun"
        lost = executor.submit(end_worker, str(log).encode())
        with pytest.raises(WorkerLostError, match=r"tcp://127\.0\.0\.1:\d+ died"):
            lost.result(timeout=120)
        assert log.read_text() == "begun\n"
        assert executor.submit(reverse, b"abc").result(timeout=120) == b"cba"
        executor.check()  # type: ignore[attr-defined]
    finally:
        executor.shutdown(wait=False)
    with pytest.raises(WorkersError, match="is gone"):
        executor.check()  # type: ignore[attr-defined]


class Surprise:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def answer_pickle(task: bytes) -> Surprise:
    return Surprise(task.decode())


def test_what_a_worker_answers_is_never_unpickled_here(scheduler: str, tmp_path: Path) -> None:
    executor = open_executor(f"dask:{scheduler}")
    try:
        answer = executor.submit(answer_pickle, str(tmp_path / "made").encode())  # type: ignore[arg-type]
        with pytest.raises(WorkerLostError):
            answer.result(timeout=120)
        assert not (tmp_path / "made").exists()
    finally:
        executor.shutdown(wait=False)


def test_a_scheduler_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dask_cluster, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(WorkersError, match=r"no Dask scheduler answers at dask://127\.0\.0\.1:9") as raised:
        open_executor("dask://127.0.0.1:9")
    assert "\n" not in str(raised.value)
    with pytest.raises(WorkersError, match=r"no certificates for dask\+tls://127"):
        open_executor("dask+tls://127.0.0.1:9")
    with pytest.raises(WorkersError, match="there is no such scheduler file"):
        open_executor(f"dask:{tmp_path / 'none.json'}")
