"""Answers as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest

from mirsearch.report.csv_output import answer_csv
from tests.support.report_answers import make_answer


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_numbers_come_back_and_missing_is_empty() -> None:
    answer = make_answer()
    for row, hit in zip(rows(answer_csv(answer)), answer.hits, strict=True):
        assert float(row["score"]) == hit.scored.score
        assert int(row["x1"]) == hit.stored.panel.box[2]
        assert row["field_of_view_nm"] == "" or float(row["field_of_view_nm"]) == hit.stored.panel.field_of_view_nm
        assert (row["scale"] == "") == (hit.scored.scale is None)
    assert any(row["scale"] == "" for row in rows(answer_csv(answer)))


@pytest.mark.parametrize("caption", ["=cmd|'/c calc'!A1", "+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "＝1", "\x00=1"])
def test_no_cell_is_a_formula(caption: str) -> None:
    answer = make_answer(count=1)
    hit = answer.hits[0]
    panel = dataclasses.replace(hit.stored.panel, caption=caption)
    hit = dataclasses.replace(hit, stored=dataclasses.replace(hit.stored, panel=panel))
    cell = rows(answer_csv(dataclasses.replace(answer, hits=(hit,))))[0]["caption"]
    assert cell.startswith("'")


def test_hostile_captions_stay_one_row() -> None:
    answer = make_answer()
    assert len(answer_csv(answer).splitlines()) == len(answer.hits) + 1
    assert answer_csv(make_answer(count=0)).startswith("rank,id,score,")
