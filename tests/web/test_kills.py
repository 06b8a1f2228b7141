"""A server that is killed while it answers, adds and corrects: the index is whole, and the next one serves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(os.name != "posix" or shutil.which("ps") is None, reason="signals as POSIX has them")


@pytest.mark.slow
def test_a_kill_in_the_midst_loses_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.web.kills", "--kills", "1", "--seconds", "3", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == 1
    assert told["wrong"] == 0
    assert told["jobs accepted"] >= 1
