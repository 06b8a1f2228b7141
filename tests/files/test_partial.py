"""Files that appear whole or not at all; what a killed writer leaves is removed by the next one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirsearch.files.partial import remove_partial_files, replace_file, temporary_file, temporary_folder

WRITER = """
import sys
from pathlib import Path
from mirsearch.files.partial import replace_file, temporary_folder
target = Path(sys.argv[1]) / "target.bin"
print("start", flush=True)
for number in range(1 << 30):
    with replace_file(target) as part:
        part.write_bytes(bytes([number % 256]) * 100_000)
    with temporary_folder(target.parent) as folder:
        (folder / "inside").write_text("x")
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_old_one_at_the_end(tmp_path):
    target = tmp_path / "model.onnx"
    target.write_text("old")
    with replace_file(target) as part:
        assert part.suffix == ".onnx"
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["model.onnx"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "note.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError), replace_file(target) as part:
        part.write_text("half\ud800", encoding="utf-8")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["note.json"]


def test_files_of_long_and_odd_names_are_written(tmp_path):
    for name in ("x" * 200, "[a]*?.png", "ä b.tif"):
        with replace_file(tmp_path / name) as part:
            part.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"
    assert len(names(tmp_path)) == 3


def test_temporary_files_and_folders_are_gone_afterwards_unless_moved(tmp_path):
    with temporary_file(tmp_path) as part:
        part.write_text("kept")
        part.replace(tmp_path / "kept")
    with temporary_file(tmp_path) as part:
        part.write_text("lost")
    with temporary_folder(tmp_path) as folder:
        (folder / "a").write_text("a")
    with temporary_folder(tmp_path) as folder:
        folder.replace(tmp_path / "moved")
    assert names(tmp_path) == ["kept", "moved"]


def test_files_of_other_programs_stay_where_a_temporary_folder_is_made(tmp_path):
    (tmp_path / ".film.mp4.part").write_text("a download of somebody else")
    (tmp_path / "..0011aabb.part").mkdir()
    with temporary_folder(tmp_path):
        assert not (tmp_path / "..0011aabb.part").exists()
    assert names(tmp_path) == [".film.mp4.part"]


def test_what_is_being_written_is_left_alone_also_by_the_same_process(tmp_path):
    with replace_file(tmp_path / "a.txt") as part:
        part.write_text("in work")
        assert remove_partial_files(tmp_path) == 0
        with replace_file(tmp_path / "a.txt") as other:
            other.write_text("first")
    assert (tmp_path / "a.txt").read_text() == "in work"


def test_only_partial_files_of_the_target_go_and_deep_ones_when_asked(tmp_path):
    (tmp_path / "sub").mkdir()
    left = [tmp_path / ".a.txt.0011.part.txt", tmp_path / ".b.txt.0011.part.txt", tmp_path / "sub" / ".c.1.part"]
    for path in left:
        path.write_text("half")
    (tmp_path / "a.part").write_text("a user's own")
    with replace_file(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert [path.exists() for path in left] == [False, True, True]
    assert remove_partial_files(tmp_path, deep=True) == 2
    assert names(tmp_path) == ["a.part", "a.txt", "sub"]


@pytest.mark.skipif(sys.platform == "win32", reason="without locks, what is left is told by its age")
def test_a_writer_killed_at_any_moment_leaves_a_whole_target_and_nothing_after_the_next_run(tmp_path):
    chance = random.Random(5)
    left = 0
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "start\n"
            time.sleep(chance.uniform(0.0, 0.1))
            process.kill()
        left += len([name for name in names(tmp_path) if ".part" in name])
        remove_partial_files(tmp_path)
        assert not [name for name in names(tmp_path) if ".part" in name]
        target = tmp_path / "target.bin"
        if target.exists():
            content = target.read_bytes()
            assert len(content) == 100_000
            assert len(set(content)) == 1
    assert left  # else no kill fell into the writing, and this test shows nothing
