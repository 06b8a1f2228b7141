"""Sentence vectors from the command line, with the real model: made at an ingest or later, asked, taken out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mirsearch
from mirsearch.indexes.embedded.index import EmbeddedIndex
from tests.support import index_records as made
from tests.support.cli_runner import run
from tests.support.sentences_needed import sentences_or_skip

CAPTIONS = ("Fractures that form upon annealing of the alloy", "Gold nanorods on carbon", "Map of the sampling sites")
ASKED = "cracks after heating"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    sentences_or_skip()
    records = []
    for number, caption in enumerate(CAPTIONS):
        record = made.record(number, 1, caption=caption)
        panels = tuple(dataclasses.replace(panel, text="", heading="") for panel in record.panels)
        records.append(dataclasses.replace(record, panels=panels))
    with made.filled(tmp_path, records):
        pass
    return tmp_path / "index"


def test_vectors_are_added_asked_and_taken_out(index: Path) -> None:
    before = run("query", "--text", "nanorods", "--index", index, "--format", "json").json()
    assert "meaning" not in before["weights"]
    assert run("query", "--text", ASKED, "--index", index, "--format", "json").json()["hits"] == []
    assert "3 panels of" in run("reembed", "--meaning", "--index", index).out
    found = run("query", "--text", ASKED, "--index", index, "--format", "json", "--explain").json()
    assert found["hits"][0]["caption"] == CAPTIONS[0]
    assert found["hits"][0]["terms"]["meaning"] > 3 * found["hits"][1]["terms"]["meaning"]
    assert found["weights"]["meaning"] == 0.06
    told = run("query", "--text", "annealed alloys with fractures", "--index", index, "--explain").out
    assert "meaning" in told
    assert "says" in told
    without = run("query", "--text", "nanorods", "--index", index, "--weight", "meaning=0", "--format", "json").json()
    assert [hit["score"] for hit in without["hits"]] == [hit["score"] for hit in before["hits"]]
    assert run("verify", "--index", index).out.endswith("is whole\n")
    assert run("stats", "--index", index, "--format", "json").json()["meaning"] == "all-minilm-l6-v2 1 (384 dims)"
    assert "took the sentence vectors out" in run("reembed", "--no-meaning", "--index", index).out
    assert run("query", "--text", ASKED, "--index", index, "--format", "json").json()["hits"] == []
    assert "has no sentence vectors" in run("reembed", "--no-meaning", "--index", index).out


def test_copies_and_backups_carry_them(index: Path, tmp_path: Path) -> None:
    run("reembed", "--meaning", "--index", index)
    backup, restored = tmp_path / "backup.tar", tmp_path / "restored"
    run("index", "backup", backup, "--index", index)
    run("index", "restore", backup, "--index", restored)
    copy = tmp_path / "copy"
    run("index", "copy", index, copy)
    wanted = run("query", "--text", ASKED, "--index", index, "--format", "json").json()["hits"]
    assert wanted[0]["caption"] == CAPTIONS[0]
    for other in (restored, copy):
        assert run("query", "--text", ASKED, "--index", other, "--format", "json").json()["hits"] == wanted


def test_a_python_program_adds_them_and_takes_them_out(index: Path) -> None:
    corpus = mirsearch.open(str(index))
    assert corpus.add_meaning() == 3
    assert corpus.query(text=ASKED)[0].caption == CAPTIONS[0]
    corpus.remove_meaning()
    assert len(corpus.query(text=ASKED)) == 0


def test_a_new_index_gets_them_when_asked_and_an_old_one_is_not_changed(tmp_path: Path) -> None:
    sentences_or_skip()
    folder = tmp_path / "figures"
    folder.mkdir()
    Image.fromarray(np.full((48, 64), 128, np.uint8)).save(folder / "plain.png")
    new = tmp_path / "new"
    run("ingest", folder, "--index", new, "--meaning")
    with EmbeddedIndex.open(str(new)) as opened:
        assert opened.meaning() is not None
        assert opened.stats()["panels"] == 1
    run("reembed", "--no-meaning", "--index", new)
    assert "no sentence vectors yet" in run("ingest", folder, "--index", new, "--meaning", code=2).err
    with EmbeddedIndex.open(str(new)) as opened:
        assert opened.meaning() is None
