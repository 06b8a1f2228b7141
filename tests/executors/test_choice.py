from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mirsearch.errors import UsageError
from mirsearch.executors.base import WorkerLostError
from mirsearch.executors.choice import check_executor, open_executor, parse_thread_count, worker_count
from mirsearch.executors.processes import ProcessExecutor


def reverse(task: bytes) -> bytes:
    return task[::-1]


def end(task: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def name(task: bytes) -> bytes:
    return b"%d %d" % (os.getpid(), "MIRSEARCH_ES_API_KEY" in os.environ)


@pytest.mark.parametrize("text", ["nonsense", "dusk://host:1", "processes-2", "1.5", "-2", ""])
def test_what_is_neither_a_number_nor_an_executor_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a number nor a known executor"):
        check_executor(text)


def test_numbers_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_thread_count("3") == 3
    for wrong in ("0", "5000"):
        with pytest.raises(UsageError, match="not in the range"):
            parse_thread_count(wrong)
    for text in ("dask://host", "dask+tls://host:8786", "tcp://host:8786", "processes", "processes:4", "dask:/file"):
        assert check_executor(text) == text
    with pytest.raises(UsageError, match="no number of processes"):
        open_executor("processes:many")


def test_processes_are_kept_and_one_that_dies_takes_only_its_own_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_ES_API_KEY", "secret")
    executor = ProcessExecutor("2")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    try:
        assert worker_count(executor) == 2
        told = [future.result().split() for future in [executor.submit(name, b"") for _ in range(6)]]
        assert 1 <= len({process for process, _ in told}) <= 2
        assert {has_secret for _, has_secret in told} == {b"0"}
        lost, kept = executor.submit(end, b""), executor.submit(reverse, b"abc")
        assert kept.result() == b"cba"
        with pytest.raises(WorkerLostError, match=r"its process ended \(SIGKILL\)"):
            lost.result()
        assert [executor.submit(reverse, b"%d" % 12).result() for _ in range(3)] == [b"21"] * 3
    finally:
        executor.shutdown(wait=True)
