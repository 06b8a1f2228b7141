"""Outputs of commands are written whole, or the old file stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.cli.terminal import open_output
from mirsearch.files.partial import write_output
from tests.support.cli_runner import run
from tests.support.small_disk import fill, small_disk

__all__ = ["small_disk"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")

    def write() -> None:
        with open_output(target) as stream:
            stream.write("half of the new")
            stream.flush()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="links and permissions as POSIX has them")
def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "page.html", tmp_path / "link.html"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target.name)
    with open_output(link) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="this system has no /dev/null")
def test_a_device_is_written_to_directly() -> None:
    with write_output(Path("/dev/null")) as path:
        assert path == Path("/dev/null")


def test_a_name_that_is_no_text_is_written(tmp_path: Path) -> None:
    with open_output(tmp_path / "list.csv") as stream:
        stream.write("figure\udcff.png")
    assert (tmp_path / "list.csv").read_text() == "figure\\udcff.png"


def test_a_full_disk_leaves_the_old_file_and_names_it(small_disk: Path) -> None:
    target = small_disk / "page.html"
    target.write_text("old")
    fill(small_disk)

    def write() -> None:
        with open_output(target) as stream:
            stream.write("new" * 100_000)

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(target)
    assert target.read_text() == "old"


def test_an_overlay_on_a_full_disk_leaves_the_old_one(small_disk: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    target = small_disk / "overlay.png"
    target.write_text("old")
    fill(small_disk)
    told = run("analyze", tmp_path / "noise.png", "--overlay", target, code=1).err
    assert f"{target}: the disk is full" in told
    assert target.read_text() == "old"
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "overlay.png"]
