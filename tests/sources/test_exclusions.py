"""Patterns of files and folders that are left out mean what .gitignore means by them, in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mirsearch.sources.exclusions import IGNORE_FILE, Exclusions, excluding, parse_patterns
from mirsearch.sources.folder_walker import FolderWalker


@pytest.mark.parametrize(
    ("pattern", "hidden", "kept"),
    [
        ("*.tif", ["a.tif", "x/y/a.tif"], ["a.tiff", "a.png", "x/a.tif.png"]),
        ("raw/", ["raw/a.png", "x/raw/y/a.png"], ["raw.png", "x/raws/a.png", "raw"]),
        ("/raw", ["raw/a.png", "raw"], ["x/raw/a.png"]),
        ("x/raw", ["x/raw/a.png"], ["y/x/raw/a.png"]),
        ("**/x/raw", ["x/raw/a.png", "y/x/raw/a.png"], ["raw/a.png"]),
        ("x/**/z.png", ["x/z.png", "x/a/b/z.png"], ["z.png", "x/a/z.tif"]),
        ("x/**", ["x/a.png", "x/y/a.png"], ["y/a.png", "x.png"]),
        ("?.png", ["a.png"], ["ab.png"]),
        ("[0-3].png", ["2.png"], ["4.png"]),
        ("[!0-3].png", ["4.png"], ["2.png"]),
        ("[^0-3].png", ["4.png"], ["2.png"]),
        ("[x.png", ["[x.png"], ["x.png"]),
        ("# a.png", [], ["a.png", "# a.png"]),
        ("  ", [], ["a.png"]),
        ("/", [], ["a.png"]),
        ("A.png", ["A.png"], ["a.png"]),
    ],
)
def test_patterns_mean_what_they_mean_to_git(pattern: str, hidden: list[str], kept: list[str]) -> None:
    root = Path("/data")
    exclusions = Exclusions((root,), parse_patterns([pattern]))
    assert [name for name in hidden if not exclusions.covers(root / name)] == []
    assert [name for name in kept if exclusions.covers(root / name)] == []
    assert not exclusions.covers(Path("/elsewhere") / (hidden or kept)[0])


def test_a_later_pattern_takes_back_and_a_nearer_file_wins(tmp_path: Path) -> None:
    names = ("a.png", "b.png", "deep/a.png", "deep/b.png", "deep/raw/a.png", "c.png")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / IGNORE_FILE).write_text("*.png\n!b.png\n", encoding="utf-8")
    (tmp_path / "deep" / IGNORE_FILE).write_text("!a.png\nb.png\nraw\n", encoding="utf-8")
    with excluding(["/c.png"], [tmp_path]) as exclusions:
        seen = [file for listing in FolderWalker().walk(tmp_path) for file in listing.files]  # type: ignore[union-attr]
        assert sorted(str(path.relative_to(tmp_path)) for path in seen) == ["b.png", "deep/a.png"]
        (note,) = exclusions.notes()
        assert (note.kind, note.count) == ("excluded files", 4)
    with excluding(["!c.png"], [tmp_path]):
        seen = [file.name for listing in FolderWalker().walk(tmp_path) for file in listing.files]  # type: ignore[union-attr]
        assert "c.png" in seen
    assert not list(Exclusions((tmp_path,)).notes())


def test_a_file_of_too_many_patterns_leaves_all_of_its_folder_out_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / IGNORE_FILE).write_text("\n".join(f"{number}.png" for number in range(300)), encoding="utf-8")
    with excluding([], [tmp_path]) as exclusions:
        (listing,) = FolderWalker().walk(tmp_path)
        assert listing.files == ()  # type: ignore[union-attr]
        failure, _ = exclusions.notes()
        assert not failure.is_note
        assert "200 patterns" in failure.reason


def test_a_hostile_pattern_takes_no_longer_than_another() -> None:
    root, name = Path("/data"), "a" * 250
    spent = {}
    for pattern in ("a*" * 20 + "b", "a*", "**/" * 60 + "b", "[a-" * 80):
        exclusions = Exclusions((root,), parse_patterns([pattern]))
        began = time.process_time()
        for _ in range(20):
            exclusions.covers(root.joinpath(*[name] * 20))
        spent[pattern] = time.process_time() - began
    assert max(spent.values()) < 2, spent
