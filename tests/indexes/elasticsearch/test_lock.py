"""The write lock between machines, on a real node: who is alive is seen without comparing clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("elasticsearch")
from mirsearch.errors import IndexAccessError, IndexBusyError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.indexes.elasticsearch import lock, lock_owner
from mirsearch.indexes.elasticsearch.admin import create_physical_index
from mirsearch.indexes.elasticsearch.migrate import migrate, move_alias
from mirsearch.query import Filters
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

RECORDS = list(MadeCorpus(seed=8).records(4))
CHILD = """
import sys, time
from mirsearch.indexes.elasticsearch import lock, lock_owner
from mirsearch.indexes.elasticsearch.client import connect, parse_address
from mirsearch.errors import IndexBusyError
location, physical, boot, offset = sys.argv[1:]
lock_owner.this_machine = lambda: {"host": "twin", "boot": boot, "space": "1"}
real = time.time
time.time = lambda: real() + float(offset)
lock.STALE_SECONDS, lock.RENEWAL_SECONDS, lock.POLL_SECONDS = 3.0, 0.4, 0.1
address = parse_address(location)
for _ in sys.stdin:
    held = lock.WriterLock(connect(address), address, physical)
    began = time.monotonic()
    try:
        held.acquire()
    except IndexBusyError as error:
        print("busy", round(time.monotonic() - began, 1), error, flush=True)
    else:
        print("held", round(time.monotonic() - began, 1), flush=True)
"""


@pytest.fixture
def index(es_location: str) -> Iterator[Index]:
    opened = open_index(es_location, create=EXTRACTOR)
    yield opened
    opened.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("STALE_SECONDS", 2.0), ("RENEWAL_SECONDS", 0.3), ("POLL_SECONDS", 0.1)):
        monkeypatch.setattr(lock, name, seconds)


def physical_of(index: Index) -> str:
    return str(index._physical)  # type: ignore[attr-defined]


def start_machine(index: Index, boot: str, offset: float) -> subprocess.Popen[str]:
    """Start a process that takes itself for another machine of the same name, with another clock."""
    words = [sys.executable, "-c", CHILD, index.location, physical_of(index), boot, str(offset)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def try_to_write(machine: subprocess.Popen[str]) -> list[str]:
    assert machine.stdin is not None
    assert machine.stdout is not None
    machine.stdin.write("go\n")
    machine.stdin.flush()
    return machine.stdout.readline().split(" ", 2)


def test_two_machines_of_one_name_with_clocks_an_hour_apart_never_both_write(index: Index) -> None:
    with start_machine(index, "a", 0.0) as first, start_machine(index, "b", 3600.0) as second:
        assert try_to_write(first)[0] == "held"
        state, _, words = try_to_write(second)
        assert state == "busy"
        assert f"process {first.pid} on twin" in words
        first.kill()
        state, seconds = try_to_write(second)
        assert state == "held"
        assert 3.0 <= float(seconds) < 120.0  # STALE_SECONDS there, and what a loaded machine adds
        with start_machine(index, "a", -3600.0) as third:
            assert try_to_write(third)[0] == "busy"
            third.kill()
        second.kill()


def foreign_lock(index: Index, **owner: object) -> None:
    """Leave the lock of a writer of another machine that gives no sign any more."""
    client = index._client  # type: ignore[attr-defined]
    content = {"owner": {"host": "elsewhere", "pid": 1, "since": "today", **owner}, "beat": time.time() + 9e9}
    content["settings"] = {"refresh_interval": "7s"}
    client.index(index=physical_of(index), id=lock.LOCK_ID, document={"doc_type": "lock", "lock": content})


@pytest.mark.usefixtures("quick")
def test_of_several_that_take_over_a_dead_lock_one_gets_it(index: Index) -> None:
    foreign_lock(index)
    client, address = index._client, index._address  # type: ignore[attr-defined]
    takers = [lock.WriterLock(client, address, physical_of(index)) for _ in range(4)]
    results: list[object] = []

    def take(taker: lock.WriterLock) -> None:
        try:
            results.append((taker, taker.acquire()))
        except IndexBusyError as error:
            results.append(error)

    threads = [threading.Thread(target=take, args=(taker,)) for taker in takers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((winner, settings),) = [each for each in results if isinstance(each, tuple)]
    assert settings == {"refresh_interval": "7s"}
    assert len(results) == 4
    winner.release()


@pytest.mark.usefixtures("quick")
def test_a_dead_lock_is_taken_over_and_its_settings_are_restored(index: Index) -> None:
    foreign_lock(index)
    with index.writer() as writer:
        writer.put(RECORDS[0])
    client = index._client  # type: ignore[attr-defined]
    settings = client.indices.get_settings(index=physical_of(index))[physical_of(index)]["settings"]["index"]
    assert settings["refresh_interval"] == "7s"
    assert lock.read_lock(client, physical_of(index)) is None


def test_a_process_of_this_machine_is_known_to_have_ended() -> None:
    owner = lock_owner.this_process() | {"token": "t"}
    assert not lock_owner.has_ended(owner)
    if not owner["boot"]:
        pytest.skip("this system has no boot id, so nobody can tell")
    assert lock_owner.has_ended(owner | {"started": "1"})  # its process id belongs to a later process now
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert lock_owner.has_ended(owner | {"pid": ended.pid})
    assert not lock_owner.has_ended(owner | {"pid": ended.pid, "boot": "another"})
    assert not lock_owner.has_ended(owner | {"pid": ended.pid, "space": "another"})
    assert owner["pid"] == os.getpid()


def test_a_writer_finds_the_index_that_answers_once_it_has_the_lock(index: Index) -> None:
    with index.writer() as writer:
        writer.put(RECORDS[0])
    migrate(index.location)  # `index` was opened before
    with index.writer() as writer:
        writer.put(RECORDS[1])
    with open_index(index.location) as fresh:  # type: ignore[attr-defined]
        assert {panel.figure.id for panel in fresh.select_panels(Filters())} == {
            RECORDS[0].figure.id,
            RECORDS[1].figure.id,
        }
    assert set(index.known_figures([RECORDS[1].figure.id])) == {RECORDS[1].figure.id}


def test_an_alias_that_is_moved_during_a_load_is_told_at_the_next_commit(index: Index) -> None:
    client, address = index._client, index._address  # type: ignore[attr-defined]

    def load() -> None:
        with index.writer() as writer:
            writer.put(RECORDS[0])
            writer.commit()
            other = create_physical_index(client, address.name, 2, EXTRACTOR, "9.4.3", alias=False)
            move_alias(client, address, physical_of(index), other)
            writer.put(RECORDS[1])
            writer.commit()

    with pytest.raises(IndexAccessError, match="was moved from"):
        load()
    assert lock.read_lock(client, physical_of(index)) is None


def test_a_short_write_gets_in_between_the_commits_of_a_load(index: Index, es_location: str, quick: None) -> None:
    from mirsearch.indexes.elasticsearch.handover import WAITER_ID
    from mirsearch.settings.waiting import ask_to_wait

    gone = RECORDS[0].figure.id
    with index.writer() as writer:
        writer.put(RECORDS[0])
    done = threading.Event()

    def delete() -> None:
        ask_to_wait(60)
        with open_index(es_location) as other, other.writer() as short:
            short.delete_figures([gone])
        done.set()

    thread = threading.Thread(target=delete)
    with index.writer() as writer:
        thread.start()
        ways = 0
        deadline = time.monotonic() + 90
        while not done.is_set() and time.monotonic() < deadline:
            writer.put(RECORDS[1])
            writer.commit()
            ways += writer.give_way()
        writer.put(RECORDS[2])
        assert (ways, done.is_set()) == (1, True)
    thread.join()
    assert set(index.known_figures([record.figure.id for record in RECORDS])) == {
        RECORDS[1].figure.id,
        RECORDS[2].figure.id,
    }
    client, physical = index._client, index._physical  # type: ignore[attr-defined]
    assert not client.exists(index=physical, id=WAITER_ID)
    with index.writer() as writer:
        client.index(index=physical, id=WAITER_ID, document={"doc_type": "lock", "lock": {}})
        assert writer.give_way() is False, "who waited has died"
        assert not client.exists(index=physical, id=WAITER_ID)
