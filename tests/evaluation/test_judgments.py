"""Judgments and groups from outside: what is read, and what is refused with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirsearch.errors import UsageError
from mirsearch.evaluation.groups import groups_of_files, read_groups
from mirsearch.evaluation.judgments import JudgedQuery, read_judgments


def written(folder: Path, text: str, name: str = "judged.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_qrels_name_panels_of_the_index(tmp_path):
    found = read_judgments(written(tmp_path, "p1 0 p2 1\np1 0 p3 0\np9\t0\tp3\t2\n"))
    assert found == [
        JudgedQuery("p1", like="p1", relevant={"p2": 1, "p3": 0}),
        JudgedQuery("p9", like="p9", relevant={"p3": 2}),
    ]


def test_qrels_with_a_table_of_queries(tmp_path):
    qrels = written(tmp_path, "1 0 p2 1\n", "qrels.txt")
    (tmp_path / "a.png").touch()
    queries = written(tmp_path, "qid;image;text\n1;a.png;gold rods\n2;;silver\n", "queries.csv")
    assert read_judgments(qrels, queries) == [
        JudgedQuery("1", image=str(tmp_path / "a.png"), text="gold rods", relevant={"p2": 1})
    ]
    with pytest.raises(UsageError, match="no query '1'"):
        read_judgments(qrels, written(tmp_path, "id,text\n3,gold\n", "other.csv"))


def test_a_table_of_words_and_ids(tmp_path):
    table = 'Text,Relevant,Sample\n"gold, silver\nand more",p1 p2;p3,s1\ncopper,,s2\n'
    first, second = read_judgments(written(tmp_path, table))
    assert first == JudgedQuery("1", text="gold, silver\nand more", relevant=dict.fromkeys(("p1", "p2", "p3"), 1),
                                group="s1")  # fmt: skip
    assert second.relevant == {}


@pytest.mark.parametrize(("text", "message"), [
    ("", "is empty"),
    ("a,b\n1,2\n", "no column image"),
    ("text,relevant\ngold,\n", "no column `relevant`"),
    ("id,text,relevant\n1,gold,p1\n1,silver,p2\n", "twice"),
    ("text,relevant\n,p1\n", "asks nothing"),
    ("1 0 p2 1\n1 0 p2\n", "line 2"),
    ("1 0 p2 99999\n", "no column"),
])  # fmt: skip
def test_what_can_not_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_judgments(written(tmp_path, text))


def test_a_file_that_is_not_there_or_binary_is_refused(tmp_path):
    with pytest.raises(UsageError, match="can't be read"):
        read_judgments(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(UsageError):
        read_judgments(tmp_path / "x.csv")


@pytest.mark.parametrize("table", [
    "file,group\nA/1.png,s1\nB/2.png,s2\n", "A/1.png\ts1\nB/2.png\ts2\n", "sample;extra;name\ns1;x;1.png\ns2;y;2\n",
])  # fmt: skip
def test_groups_name_files_by_path_or_name(tmp_path, table):
    files = [tmp_path / "A" / "1.png", tmp_path / "B" / "2.png"]
    groups = read_groups(written(tmp_path, table, "groups.csv"))
    assert groups_of_files(files, tmp_path, groups) == dict(zip(files, ["s1", "s2"], strict=True))


def test_a_name_of_two_files_is_no_name(tmp_path):
    files = [tmp_path / "A" / "1.png", tmp_path / "B" / "1.png"]
    with pytest.raises(UsageError, match="names no image"):
        groups_of_files(files, tmp_path, {"1.png": "s"})
    assert groups_of_files(files, tmp_path, {"B/1.png": "s"}) == {files[1]: "s"}
