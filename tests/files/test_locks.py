"""Locks between processes: held, freed by death, and who holds one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mirsearch.files.locks import FileLock, LockHeldError, lock

HOLDER = """
import sys
from pathlib import Path
from mirsearch.files.locks import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_holds_it_until_it_dies(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockHeldError) as caught, FileLock(path):
            pass
        assert caught.value.pid == process.pid
        process.kill()
        process.wait()
        with FileLock(path):
            assert int(path.read_text()) == os.getpid()


def test_a_second_holder_in_the_same_process_is_refused_and_the_first_keeps_it(tmp_path):
    with FileLock(tmp_path / "lock"):
        with pytest.raises(LockHeldError), FileLock(tmp_path / "lock"):
            pass
        with (tmp_path / "lock").open() as other:
            assert not lock(other.fileno())
    with FileLock(tmp_path / "lock"):
        pass


def test_a_lock_file_of_an_earlier_version_tells_its_holder(tmp_path):
    path = tmp_path / "lock"
    path.write_text("4711".ljust(32))
    with path.open("r+") as file:
        assert lock(file.fileno())
        with pytest.raises(LockHeldError) as caught, FileLock(path):
            pass
    assert caught.value.pid == 4711


def test_a_folder_that_is_missing_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="No such file"), FileLock(Path(tmp_path) / "absent" / "lock"):
        pass
