"""What a Python program does with a whole corpus."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import mirsearch
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from tests.support.whole_indexes import IDENTITY, contents, fill


def test_a_corpus_is_copied_merged_backed_up_and_told_where_its_files_are(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as index:
        fill(index, tmp_path / "old", 6)
        expected = contents(index)
    with mirsearch.open(tmp_path / "a") as corpus:
        assert corpus.copy(tmp_path / "b").figures == 6
        assert corpus.backup(tmp_path / "a.tar").figures == 6
        with pytest.raises(UsageError, match="not empty"):
            corpus.copy(tmp_path / "b")
        with mirsearch.open(tmp_path / "b") as copied:
            assert contents(copied.index) == expected
            assert copied.merge(tmp_path / "a").present == 6
            found = copied.relocate(tmp_path / "old", tmp_path / "new", force=True)
            assert (found.locations, found.missing) == (6, 6)
            assert copied.relocate(tmp_path / "new", tmp_path / "old", dry_run=True).is_dry_run
            assert contents(copied.index) != expected
    with mirsearch.restore(tmp_path / "a.tar", tmp_path / "b", force=True) as restored:
        assert contents(restored.index) == expected
