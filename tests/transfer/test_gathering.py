from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.transfer import gathering
from mirsearch.transfer.gathering import gather_indexes
from tests.support.index_records import IDENTITY
from tests.support.whole_indexes import contents, fill


def made(folder: Path, name: str, figures: int, first: int) -> Index:
    index = open_index(str(folder / name), create=IDENTITY)
    fill(index, folder / "files", figures, first)
    return index


def test_several_indexes_become_one_and_what_two_have_is_there_once(tmp_path: Path) -> None:
    with made(tmp_path, "a", 6, 0) as a, made(tmp_path, "b", 6, 4) as b, made(tmp_path, "c", 3, 20) as c:
        with open_index(str(tmp_path / "all"), create=IDENTITY) as target:
            summary = gather_indexes([a, b, c], target)
            assert [each.figures for each in summary.sources.values()] == [6, 4, 3]
            assert target.stats()["figures"] == 13
            assert len(target.failures()) == 3
            assert set(target.entries("deleted")) == {"gone0", "gone4", "gone20"}
            assert not target.entries("copying")
        with made(tmp_path, "whole", 10, 0) as whole, open_index(str(tmp_path / "two"), create=IDENTITY) as two:
            gather_indexes([a, b], two)
            assert contents(two)["panels"] == contents(whole)["panels"]


def test_what_an_interruption_left_is_completed_by_the_same_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = open_index(str(tmp_path / "all"), create=IDENTITY)
    with made(tmp_path, "a", 4, 0) as a, made(tmp_path, "b", 4, 10) as b, closing(target):
        with monkeypatch.context() as broken:
            broken.setattr(gathering, "merge_index", _fail)
            with pytest.raises(OSError, match="the disk went away"):
                gather_indexes([a, b], target)
        with pytest.raises(UsageError, match=r"has an interrupted copy of .*b"):
            gather_indexes([a], target)
        summary = gather_indexes([a, b], target)
        assert summary.done_before == [a.location]
        assert target.stats()["figures"] == 8
        with pytest.raises(UsageError, match="is not empty"):
            gather_indexes([a, b], target)


def _fail(*arguments: object) -> None:
    raise OSError("the disk went away")


def test_a_source_twice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with made(tmp_path, "a", 2, 0) as a, open_index(str(tmp_path / "all"), create=IDENTITY) as target:
        with pytest.raises(UsageError, match="given twice"):
            gather_indexes([a, a], target)
        assert target.stats()["figures"] == 0
        assert not target.entries("copying")
