"""A scripted week: nightly syncs, killed at random, of a folder that gains, loses, changes and moves files."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.corpus import figure_id
from mirsearch.indexes import open_index
from mirsearch.query import Filters
from mirsearch.readers.originals import OriginalImages, find_original
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.small_pictures import draw, folder_contents, identity, listed

NIGHTS = 7
FILES = 10
MOST_DIFFERENCE = 12.0
"""Mean difference in gray levels between a picture and its thumbnail, which is a JPEG."""


@dataclass
class Group:
    """A group's folder, and what its people did: captions put right and figures deleted, by figure."""

    folder: Path
    location: str
    chance: random.Random
    corrected: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    drawn: int = 0
    merged: list[Path] = field(default_factory=list)
    """Folders of other indexes that were merged into this one."""

    def add(self, count: int) -> None:
        for _ in range(count):
            self.drawn += 1
            draw(self.folder / self.chance.choice(("a", "b/deep", ".")) / f"{self.drawn}.png", self.drawn)

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.png"))

    def change_folder(self) -> None:
        """What a day brings: new files, and one that goes, one with other content, one moved, one copied."""
        self.add(2)
        gone, changed, moved, copied = self.chance.sample(self.files(), 4)
        gone.unlink()
        self.drawn += 1
        draw(changed, self.drawn)
        moved.rename(moved.with_name(f"moved-{self.drawn}.png"))
        shutil.copy(copied, self.folder / f"copy-{self.drawn}.png")

    def correct(self) -> None:
        """Put a caption right, of a figure that the index has now."""
        figure = self.chance.choice(sorted(listed(self.location)))
        self.corrected[figure] = f"put right {len(self.corrected)}"
        run("correct", figure, "--caption", self.corrected[figure], "--index", self.location)

    def delete(self) -> None:
        figure = self.chance.choice(sorted(listed(self.location)))
        run("delete", figure, "--yes", "--index", self.location)
        self.deleted.add(figure)

    def wanted(self) -> dict[str, list[str]]:
        """What `list` must tell: the figures of the folder, but those that were deleted."""
        found: dict[str, list[str]] = {}
        for folder in (self.folder, *self.merged):
            for figure, places in folder_contents(folder).items():
                found[figure] = sorted([*found.get(figure, []), *places])
        return {figure: places for figure, places in found.items() if figure not in self.deleted}


@pytest.fixture(params=BACKENDS)
def group(request, tmp_path, tmp_path_factory) -> Group:
    made = Group(tmp_path / "shared", new_location(request.param, request, tmp_path_factory), random.Random(17))
    made.add(FILES)
    return made


def sync(group: Group, *words: object, code: int = 0) -> dict:
    words = ("ingest", group.folder, "--sync", "--index", group.location, "--format", "json", *words)
    told = run(*words, code=code)
    return told.json() if told.out else {}


def sync_and_kill(group: Group, seconds: float) -> bool:
    """Sync in a process of its own that is killed after a time; return whether it was."""
    command = [sys.executable, "-m", "mirsearch", "ingest", str(group.folder), "--sync", "--index", group.location]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
    return False


def check_pictures(group: Group) -> int:
    """Compare every picture that would be shown with its file: by hash, and with the thumbnail. Return how many are."""
    shown = 0
    with open_index(group.location) as index:
        originals = OriginalImages()
        for stored in list(index.select_panels(Filters())):
            place, state = find_original(stored.figure)
            pixels, crop_state = originals.crop(stored.figure, stored.panel.box)
            assert (pixels is None) == (crop_state != "same")
            if place is None or pixels is None:
                continue
            content = hashlib.sha256(Path(place).read_bytes()).hexdigest()
            assert (figure_id(content), state) == (stored.figure.id, "same")
            thumbnail = index.thumbnail(stored.panel.id)
            assert thumbnail is not None
            small = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR)
            assert small.shape == pixels.shape
            assert np.abs(small.astype(float) - pixels.astype(float)).mean() < MOST_DIFFERENCE
            shown += 1
    return shown


def check_corrections(group: Group, figures: dict[str, list[str]]) -> int:
    kept = {figure: caption for figure, caption in group.corrected.items() if figure in figures}
    for figure, caption in kept.items():
        (panel,) = run("show", figure, "--index", group.location, "--format", "json").json()
        assert (panel["caption"], panel["corrected"]) == (caption, ["caption"])
    return len(kept)


def check_morning(group: Group) -> None:
    found = {figure: sorted(places) for figure, places in listed(group.location).items()}
    assert found == group.wanted()
    assert check_pictures(group) == len(found)
    check_corrections(group, found)


def no_disk(group: Group) -> None:
    """A night on which the disk is not mounted, then one on which an empty folder is in its place."""
    away = group.folder.with_name("away")
    group.folder.rename(away)
    before = listed(group.location)
    sync(group, code=1)
    group.folder.mkdir()
    sync(group, code=1)
    assert listed(group.location) == before
    group.folder.rmdir()
    away.rename(group.folder)


def move_folder(group: Group) -> None:
    """The group's disk gets another name."""
    new = group.folder.with_name("renamed")
    group.folder.rename(new)
    run("index", "relocate", group.folder, new, "--index", group.location)
    group.folder = new


def restore_backup(group: Group, archive: Path) -> None:
    """Somebody empties the index by mistake; the backup brings it back."""
    run("index", "backup", archive, "--index", group.location)
    before = listed(group.location)
    empty = group.folder.with_name("empty")
    group.folder.rename(empty)
    group.folder.mkdir()
    sync(group, "--force")
    assert not listed(group.location).keys() & folder_contents(empty).keys()
    group.folder.rmdir()
    empty.rename(group.folder)
    run("index", "restore", archive, "--force", "--index", group.location)
    assert listed(group.location) == before


def merge_another(group: Group, folder: Path) -> None:
    """Another group gives its index, which has figures of its own and one that both have."""
    draw(folder / "theirs" / "1001.png", 1001)
    shutil.copy(group.files()[0], folder / "theirs" / "shared.png")
    other = folder / "index"
    run("ingest", folder / "theirs", "--index", other)
    run("index", "merge", other, group.location)
    group.merged.append(folder / "theirs")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_week_of_nights(group, tmp_path):
    began = time.monotonic()
    assert not sync_and_kill(group, 300)  # whole, to know how long one takes
    whole = time.monotonic() - began
    check_morning(group)
    returned = group.files()[0].read_bytes()
    first = identity(group.files()[0])
    run("correct", first, "--caption", "put right first", "--index", group.location)
    group.corrected[first] = "put right first"
    group.files()[0].unlink()
    killed = 0
    for night in range(NIGHTS):
        group.correct()
        group.change_folder()
        if night == 1:
            move_folder(group)
        if night == 2:
            group.delete()
        if night == 3:
            no_disk(group)
        if night == 4:
            (group.folder / "half.png").write_bytes(group.files()[0].read_bytes()[:150])
            assert sync(group, code=1)["figures"]["failed"] == 1
            run("failures", "half.png", "--dismiss", "--index", group.location)
            assert sync(group)["figures"]["failed"] == 0
            (group.folder / "half.png").unlink()
        if night == 5:
            restore_backup(group, tmp_path / "backup.tar")
        if night == 6:
            merge_another(group, tmp_path / "other")
        began = time.monotonic()
        if sync_and_kill(group, group.chance.uniform(0.3, 1.0) * whole):
            killed += 1
        else:  # the first sync took long for another reason: kill earlier from now on
            whole = min(0.7 * whole, time.monotonic() - began)
        check_pictures(group)  # also of what a killed run left
        done = sync(group)
        assert not done["failures"]
        check_morning(group)
    (group.folder / "returned.png").write_bytes(returned)
    sync(group)
    check_morning(group)
    assert check_corrections(group, listed(group.location)) >= 3
    assert group.corrected.keys() & listed(group.location).keys() >= {first}
    assert killed >= 2
    assert run("verify", "--index", group.location).code == 0
    assert run("failures", "--index", group.location).out.strip() == "nothing failed"
