"""Answers as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest

from mirsearch.report.csv_output import answer_csv
from tests.support.report_answers import make_answer, parts_answer


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


def test_parts_and_doubtful_scales_have_columns() -> None:
    answer = parts_answer()
    first, second, third, fourth = rows(answer_csv(answer))
    assert [first["part"], first["heading"], first["scale_source"]] == ["1", "DAPI <i>", "shared"]
    assert first["more"] == "; ".join(stored.panel.id for _, stored in answer.hits[0].parts)
    assert [second["doubtful_label"], second["doubtful_nm_per_px"], second["nm_per_px"]] == ["500 nm?", "5.0", ""]
    assert [third["bar_px"], third["doubtful_label"]] == ["38.8", ""]
    assert [fourth["inset_of"], fourth["technique"]] == ["b1", ""]
