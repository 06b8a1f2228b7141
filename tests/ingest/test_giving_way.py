from __future__ import annotations

import threading
from contextvars import Context
from pathlib import Path

import pytest

from mirsearch.errors import IndexBusyError
from mirsearch.indexes import open_index
from mirsearch.indexes.giving_way import give_way
from mirsearch.ingest.deleted import delete_figures
from mirsearch.settings.waiting import ask_to_wait, lock_wait_seconds
from tests.support import index_records as made


@pytest.fixture
def location(tmp_path: Path) -> str:
    location = str(tmp_path / "index")
    with open_index(location, create=made.IDENTITY) as index, index.writer() as writer:
        for number in range(3):
            writer.put(made.record(number))
    return location


def test_a_short_write_gets_in_between_the_commits_of_a_long_one(location: str) -> None:
    gone = made.record(0).figure.id
    done = threading.Event()

    def delete() -> None:
        ask_to_wait(60)
        with open_index(location) as other:
            delete_figures(other, {gone: other.figure_panels(gone)})
        done.set()

    thread = threading.Thread(target=delete)
    with open_index(location) as index, index.writer() as writer:
        thread.start()
        ways = 0
        for number in range(3, 2_000):
            writer.put(made.record(number % 40))
            writer.commit()
            ways += give_way(writer)
            if done.wait(0.01):
                break
        assert ways >= 1
        assert not index.known_figures([gone])
        writer.put(made.record(50))
    thread.join()
    with open_index(location) as index:
        assert index.known_figures([made.record(50).figure.id])


def test_without_a_wait_a_busy_index_is_told_at_once(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_index(location) as index, index.writer(), pytest.raises(IndexBusyError), index.writer():
        pytest.fail("two writers")
    monkeypatch.setenv("MIRSEARCH_WAIT", "2.5")
    Context().run(check_wait)  # what other tests asked for is not there


def check_wait() -> None:
    assert lock_wait_seconds() == 2.5
    undo = ask_to_wait(7)
    assert lock_wait_seconds() == 7
    undo()
    assert lock_wait_seconds() == 2.5
