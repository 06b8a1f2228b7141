"""The folder of a server that was killed is removed by the next one; that of a living one is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.left_places import PLACE_PREFIX, remove_left_places
from mirsearch.web.shared import make_place, remove_place

_HOLD = "from mirsearch.web.shared import make_place; print(make_place().folder, flush=True); input()"


def test_only_the_folders_of_dead_servers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        (sys.executable, "-c", _HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    theirs = Path(process.stdout.readline().strip())
    (theirs / "queries").mkdir()
    (theirs / "queries" / "picture").write_bytes(b"of a user")
    never_held, foreign = tmp_path / f"{PLACE_PREFIX}new", tmp_path / "alive-1"
    never_held.mkdir()
    foreign.mkdir()
    elsewhere = tmp_path / f"{PLACE_PREFIX}elsewhere"
    elsewhere.mkdir()
    (elsewhere / "alive-1-othermachine").touch()
    own = make_place()
    try:
        assert theirs.exists(), "its server lives"
        process.kill()
        process.communicate()
        remove_left_places(tmp_path)
        left = {own.folder, never_held, foreign, elsewhere}
        assert set(tmp_path.iterdir()) == left
    finally:
        remove_place(own)
    assert set(tmp_path.iterdir()) == left - {own.folder}
