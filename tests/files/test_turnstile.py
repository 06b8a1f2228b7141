from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mirsearch.files.locks import LockHeldError
from mirsearch.files.turnstile import FairLock


def test_nobody_waits_and_the_lock_is_kept(tmp_path: Path) -> None:
    with FairLock(tmp_path / "lock") as held:
        assert held.give_way() is False
        with pytest.raises(LockHeldError) as raised, FairLock(tmp_path / "lock"):
            pytest.fail("two holders")
        assert raised.value.pid == os.getpid()
    with FairLock(tmp_path / "lock"):
        pass


def test_who_waits_in_vain_is_told_after_the_time(tmp_path: Path) -> None:
    with FairLock(tmp_path / "lock"):
        started = time.monotonic()
        with pytest.raises(LockHeldError), FairLock(tmp_path / "lock", 0.2):
            pytest.fail("two holders")
        assert time.monotonic() - started >= 0.2


def test_all_who_wait_get_in_before_the_long_holder_ends(tmp_path: Path) -> None:
    order: list[str] = []

    def write_short(name: str) -> None:
        with FairLock(tmp_path / "lock", 60):
            order.append(name)
            time.sleep(0.05)

    threads = [threading.Thread(target=write_short, args=(name,)) for name in "ab"]
    with FairLock(tmp_path / "lock") as held:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(order) < 2 and time.monotonic() < deadline:
            held.give_way()
            order_in_hand = len(order)
            time.sleep(0.01)
            assert len(order) == order_in_hand, "another writes while the lock is held"
        order.append("long")
    for thread in threads:
        thread.join()
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2] == "long"


def test_one_that_dies_while_it_waits_stops_nobody(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom mirsearch.files.turnstile import FairLock\n"
        "print('waits', flush=True)\nwith FairLock(Path(sys.argv[1]), 60):\n    pass\n"
    )
    with (
        FairLock(tmp_path / "lock") as held,
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
        ) as one,
    ):
        assert one.stdout is not None
        assert one.stdout.readline() == "waits\n"
        one.kill()
        one.wait()
        assert held.give_way() is False
