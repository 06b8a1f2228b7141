"""What a folder has and nobody reads is told by kind; links that lead out are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.readers import find as readers
from mirsearch.sources.base import FoundFigure, SkippedFiles
from mirsearch.sources.discover import find_figures
from mirsearch.sources.folder_walker import link_policy


def draw(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (20, 30), np.uint8)).save(path)
    return path


def skipped(folder: Path, source: str | None = None) -> dict[str, tuple[int, str]]:
    items = find_figures([folder], source=source)
    return {item.kind: (item.count, item.reason) for item in items if isinstance(item, SkippedFiles)}


def test_kinds_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    for name in ("b.bcf", "c.bcf", "d.oib", "e.xyz", "notes.txt", ".hidden.bcf", "data.csv", "f.zip"):
        (tmp_path / name).write_bytes(b"no picture")
    told = skipped(tmp_path)
    assert {kind: count for kind, (count, _) in told.items()} == {
        ".bcf files": 2, ".oib files": 1, ".xyz files": 1, ".zip files": 1
    }  # fmt: skip
    assert "rosettasciio" in told[".bcf files"][1]
    assert "Bio-Formats" in told[".oib files"][1]
    assert "damaged" in told[".zip files"][1]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "a.png")
    for name in ("stack.mrc", "phone.heic", "cells.lif"):
        (tmp_path / name).write_bytes(b"\0" * 2000)
    readers.readable_suffixes.cache_clear()
    monkeypatch.setattr("mirsearch.readers.formats.requirements.find_spec", lambda name: None)
    try:
        told = skipped(tmp_path)
    finally:
        readers.readable_suffixes.cache_clear()
    assert set(told) == {".mrc files", ".heic files", ".lif files"}
    assert all("pip install 'mirsearch[formats]'" in reason for _, reason in told.values())


def test_an_image_with_a_wrong_suffix_is_told_as_one(tmp_path: Path) -> None:
    draw(tmp_path / "a.png").rename(tmp_path / "a.dat")
    assert "by its content it is an image" in skipped(tmp_path)[".dat files"][1]


def test_archives_are_told_where_nobody_opens_them(tmp_path: Path) -> None:
    import zipfile

    draw(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")
    assert "leave out --source" in skipped(tmp_path, source="folder")[".zip files"][1]


def names(folder: Path, follow: bool) -> tuple[list[str], list[SkippedFiles]]:
    with link_policy(follow, [folder]) as links:
        found = [item.path.name for item in find_figures([folder]) if isinstance(item, FoundFigure)]
        return sorted(found), list(links.skipped())


def test_links_that_lead_out_are_followed_only_if_asked(tmp_path: Path) -> None:
    given, other = tmp_path / "given", tmp_path / "other"
    draw(given / "in.png", 1)
    draw(given / "sub" / "deep.png", 2)
    draw(other / "out.png", 3)
    draw(other / "more" / "far.png", 4)
    (given / "file.png").symlink_to(other / "out.png")
    (given / "folder").symlink_to(other / "more")
    (given / "sub" / "inside.png").symlink_to(given / "in.png")
    found, told = names(given, follow=False)
    assert found == ["deep.png", "in.png", "inside.png"]
    assert [(note.kind, note.count) for note in told] == [("symbolic links", 2)]
    assert "--follow-links" in told[0].reason
    assert names(given, follow=True) == (["deep.png", "far.png", "file.png", "in.png", "inside.png"], [])
