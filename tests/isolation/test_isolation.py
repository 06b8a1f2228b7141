"""Whatever a task in a bounded process does, the main process goes on with a clear line."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirsearch.corpus import Article
from mirsearch.errors import ImageError, SourceError
from mirsearch.isolation import pool, process, worker
from mirsearch.isolation.messages import BrokenMessageError, read_message, write_message
from mirsearch.isolation.plain_data import decode, encode
from mirsearch.isolation.pool import close_workers, run_isolated
from tests.support import isolated_tasks as tasks

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def new_workers() -> Iterator[None]:
    close_workers()
    yield
    close_workers()


def failure(function, *arguments, seconds=30.0) -> SourceError:
    with pytest.raises(SourceError) as caught:
        run_isolated(function, *arguments, name="a.xml", seconds=seconds, remedy="get another")
    return caught.value


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def wait_until(condition, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not condition():
        time.sleep(0.02)
    return bool(condition())


# what goes and comes


def told() -> tasks.Told:
    article = Article("doi:10.1/x", title="T\0", authors=("A", "µ"), year=2020)
    return tasks.Told(
        "€" * 9, -(2**62), 0.5, (b"", b"\0" * 9), Path(os.fsdecode(b"/a/\xff.tif")), (1, 2, 3, 4), [article, article],
        {"x": 1}, frozenset("ab"),
    )  # fmt: skip


def test_every_kind_of_value_goes_and_comes_back_the_same():
    assert run_isolated(tasks.give_back, told(), name="x") == told()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True), (int, 1.0), (int, "1"), (int, 2**63), (float, float("nan")), (float, float("inf")),
        (float, 10**400), (str, None), (str, 1), (bytes, 1), (bytes, -1), (Path, "x"), (tuple[int, int], [1]),
        (tuple[int, ...], "12"), (tuple[int, ...], {"0": 1}), (list[str], ["a", 1]), (dict[str, int], {"a": "b"}),
        (int | None, "x"), (Article, {}), (Article, []), (Article, {"id": "x", "__class__": "y"}),
        (frozenset[str], [[]]),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused(kind, value):
    with pytest.raises(ValueError, match=r"\w"):
        decode(kind, value, [b"only one"])


def test_an_article_comes_back_the_same_and_not_with_a_field_more():
    article = Article("doi:10.1/x", title="T", authors=("A", "B"), year=2020)
    plain = json.loads(json.dumps(encode(article, [])))
    assert decode(Article, plain) == article
    with pytest.raises(ValueError, match="fields"):
        decode(Article, {**plain, "more": 1})


@pytest.mark.parametrize("data", [
    b"\0", b"\0\0\0\0", b"\xff" * 12, b"\0\0\0\1" + b"\xff" * 8, b"\0\0\0\1\0\0\0\0\0\0\0\5abcd",
    b"\0\0\0\2" + b"\0" * 9,
])  # fmt: skip
def test_a_message_that_is_cut_short_or_too_large_is_refused(data):
    with pytest.raises(BrokenMessageError):
        read_message(io.BytesIO(data), 1000)


def test_messages_keep_their_parts():
    stream = io.BytesIO()
    write_message(stream, b"{}", [b"", b"x" * 3_000_000])
    stream.seek(0)
    assert read_message(stream, 4_000_000) == (b"{}", [b"", b"x" * 3_000_000])
    assert read_message(stream, 4_000_000) is None


# what goes wrong


def test_a_task_that_holds_the_interpreter_s_lock_is_ended_and_the_next_one_runs():
    started = time.monotonic()
    error = failure(tasks.hold_the_lock, seconds=0.5)
    assert (error.message, error.remedy) == ("a.xml: reading it took more than 0.5 s", "get another")
    assert time.monotonic() - started < 60  # it would take for ever
    assert run_isolated(tasks.sleep, 0.0, name="x") == 0.0


def test_the_system_ends_a_task_at_its_time_even_if_the_main_process_does_not(monkeypatch):
    monkeypatch.setattr(worker, "_GRACE_SECONDS", 1e6)
    assert "took more than" in failure(tasks.hold_the_lock, seconds=0.3).message
    assert "took more than" in failure(tasks.sleep, 1e6, seconds=0.3).message


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (tasks.crash, "a.xml: damaged, or too much for its reader (SIGSEGV)"),
        (tasks.leave, "a.xml: damaged, or too much for its reader (exit code 3)"),
        (tasks.nest, "a.xml: its contents can't be used (RecursionError"),
        (tasks.stumble, "a.xml: its contents can't be used (ZeroDivisionError: of ? nothing)"),
        (tasks.say_something_else, "a.xml: its reader gave no usable answer (str instead of int)"),
    ],
)
def test_whatever_a_task_does_is_the_failure_of_its_input(task, reason):
    assert failure(task).message.startswith(reason)


def test_too_much_memory_is_told():
    assert failure(tasks.take_memory, 3 << 30).message == "a.xml: reading it takes more than 2 GB of memory"
    assert run_isolated(tasks.take_memory, 1 << 20, name="x") == 1 << 20


def test_an_answer_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(worker, "LIMITS", dataclasses.replace(worker.LIMITS, worker_bytes=1 << 20))
    assert len(run_isolated(tasks.give_much, 1 << 19, name="x")) == 1 << 19
    assert "no usable answer" in failure(tasks.give_much, 1 << 21).message


def test_errors_that_are_told_on_purpose_come_as_they_are():
    with pytest.raises(ImageError, match="too large") as caught:
        run_isolated(tasks.refuse, name="a.xml")
    assert caught.value.remedy == "make it smaller"
    with pytest.raises(OSError, match="No space left") as full:
        run_isolated(tasks.fill_the_disk, name="a.xml")
    assert full.value.errno == errno.ENOSPC


def test_what_libraries_print_is_no_answer(capfd):
    assert run_isolated(tasks.print_much, name="x") == "done"
    assert run_isolated(tasks.print_much, name="x") == "done"
    assert capfd.readouterr() == ("", "")


# processes


def test_a_process_is_used_again_and_not_for_ever(monkeypatch):
    first = run_isolated(tasks.process_id, name="x")
    assert {run_isolated(tasks.process_id, name="x") for _ in range(20)} == {first}
    run_isolated(tasks.take_memory, process._MOST_KEPT_BYTES + (1 << 20), name="x")
    assert run_isolated(tasks.process_id, name="x") != first
    assert not is_alive(first)


def test_a_process_of_a_large_parent_is_used_again():
    held = bytearray(b"x") * (process._MOST_KEPT_BYTES + (1 << 20))
    close_workers()
    first = run_isolated(tasks.process_id, name="x")
    assert run_isolated(tasks.process_id, name="x") == first
    assert held


def test_a_process_that_died_while_it_waited_is_replaced():
    first = run_isolated(tasks.process_id, name="x")
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(first))
    assert run_isolated(tasks.process_id, name="x") not in (first, os.getpid())


def test_no_process_stays_behind():
    pids = [run_isolated(tasks.process_id, name="x")]
    failure(tasks.crash)
    failure(tasks.hold_the_lock, seconds=0.2)
    close_workers()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert pool._POOL._pop() is None


def test_programs_that_a_task_started_end_with_it(tmp_path):
    note = tmp_path / "pid"
    run_isolated(tasks.process_id, name="x")  # so that the process has begun on a busy machine, too
    assert "took more than" in failure(tasks.start_and_hold_the_lock, note, seconds=3.0).message
    assert wait_until(lambda: not is_alive(int(note.read_text())))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do it")
def test_a_program_ends_with_the_process_that_started_it_however_that_is_ended():
    code = (
        "import subprocess, sys, time; from mirsearch.isolation.bounds import bound_to_parent; "
        "program = subprocess.Popen(['sleep', '60'], preexec_fn=bound_to_parent()); "
        "print(program.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        program = int(starter.stdout.readline())
        assert is_alive(program)
        starter.kill()
        assert wait_until(lambda: not is_alive(program))


def test_credentials_are_kept_from_it(monkeypatch):
    monkeypatch.setenv("MIRSEARCH_ES_PASSWORD", "secret")
    assert "secret" not in json.dumps(run_isolated(tasks.variables, name="x"))


def test_modules_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    for name in ("json", "lxml", "struct", "mirsearch", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert run_isolated(tasks.sleep, 0.0, name="x") == 0.0
    assert not (tmp_path / "imported").exists()


SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
from mirsearch.files.interrupts import DeferredInterrupt
from mirsearch.isolation.pool import run_isolated
from tests.support import isolated_tasks as tasks
print(run_isolated(tasks.process_id, name="x"), flush=True)
"""


def start(script: str) -> tuple[subprocess.Popen, int]:
    command = [sys.executable, "-c", SCRIPT + script]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return child, int(child.stdout.readline())


@pytest.mark.parametrize("task", ["hold_the_lock", "sleep, 1000.0"])
def test_a_task_ends_with_the_main_process_however_that_is_ended(task):
    child, pid = start(f"run_isolated(tasks.{task}, name='x', seconds=1000)")
    time.sleep(0.3)
    assert is_alive(pid)
    child.kill()
    child.communicate()
    assert wait_until(lambda: not is_alive(pid))


def test_a_process_that_waits_ends_with_the_main_process():
    child, pid = start("import time; time.sleep(1000)")
    assert is_alive(pid)
    child.kill()
    child.communicate()
    assert wait_until(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    "block",
    [
        "if True:",
        "with DeferredInterrupt(lambda: None):",
        "with DeferredInterrupt(lambda: time.sleep(.5)):",  # longer than one wait for an answer
    ],
)
def test_ctrl_c_ends_a_long_task_at_once(block):
    child, pid = start(
        f"try:\n    {block}\n        print('ready', flush=True)\n"
        "        run_isolated(tasks.hold_the_lock, name='x', seconds=1000)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)"
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    told, errors = child.communicate(timeout=60)
    assert (told, errors) == ("interrupted\n", "")
    assert wait_until(lambda: not is_alive(pid))


def test_a_forked_process_starts_its_own():
    child, pid = start(
        "child = os.fork()\n"
        "if not child:\n    print(run_isolated(tasks.process_id, name='x'), flush=True); os._exit(0)\n"
        "os.waitpid(child, 0); print(run_isolated(tasks.process_id, name='x'))"
    )
    of_the_child, of_the_parent = map(int, child.communicate(timeout=60)[0].split())
    assert of_the_parent == pid != of_the_child
