"""The readings that most want a look: which panels they are, in which order, and the sheet that shows them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from mirsearch.corpus import Figure, LoneBar, Origin, Panel, ScaleReading, figure_id, panel_ids
from mirsearch.imaging.images import content_hash, thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.report import review_sheet
from mirsearch.report.review_sheet import review_html
from mirsearch.search.review import find_review
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.report.test_page import Elements, browse
from tests.support import index_records
from tests.support.cli_runner import run

SURE = ScaleReading(5.0, 500.0, 100.0, (100, 180, 200, 186), "500 nm", "label", 0.95)
WIDE = dataclasses.replace(SURE, nm_per_px=50.0)
PIXELS = np.full((200, 300, 3), 90, np.uint8)


def panel(**changes: Any) -> Panel:
    plain = Panel((0, 0, 300, 200), kind="micrograph", kind_confidence=0.9, scale=SURE)
    return dataclasses.replace(plain, **changes)


CASES: dict[str, tuple[str, list[Panel]]] = {
    "fine": ("Grains. Scale bar, 500 nm.", [panel()]),
    "caption": ("Grains. Scale bar, 5 µm.", [panel()]),
    "one of two": (
        "(a) Grains. Scale bar, 500 nm. (b) Rods. Scale bar, 200 nm.",
        [panel(label="a"), panel(label="b", box=(300, 0, 600, 200))],
    ),
    "width": ("Grains. The field of view is 15 µm wide.", [panel()]),
    "stated by the caption": (
        "Grains. Scale bar, 5 µm.", [panel(scale=dataclasses.replace(SURE, source="caption"))],
    ),
    "view": ("Atoms.", [panel(technique="HRTEM", technique_confidence=0.9, scale=WIDE)]),
    "guessed technique": ("Atoms.", [panel(technique="HRTEM", technique_confidence=0.3, scale=WIDE)]),
    "doubtful": ("Grains.", [panel(scale=None, doubtful_scale=dataclasses.replace(SURE, confidence=0.3))]),
    "nearly sure": ("Grains.", [panel(scale=None, doubtful_scale=dataclasses.replace(SURE, confidence=0.45))]),
    "bar": ("Grains.", [panel(scale=None, bar=LoneBar((100, 180, 200, 186), 100.0))]),
    "unsure": ("Grains.", [panel(scale=dataclasses.replace(SURE, confidence=0.6))]),
    "nothing": ("Grains.", [panel(scale=None)]),
}  # fmt: skip
EXPECTED = ["caption", "one of two", "width", "tiff", "view", "nearly sure", "doubtful", "bar", "unsure"]


def record(name: str, caption: str, panels: list[Panel], location: str, content: str) -> FigureRecord:
    figure = Figure(figure_id(content), 600, 200, name, caption, index_records.article(1), (Origin("f", location),))
    named = tuple(
        dataclasses.replace(each, id=own, figure_id=figure.id)
        for each, own in zip(panels, panel_ids(figure.id, panels), strict=True)
    )
    vectors = index_records.vectors(1, len(named))
    return FigureRecord(figure, named, vectors, tuple(thumbnail(PIXELS) for _ in named))


@pytest.fixture(scope="module", params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = new_location(request.param, request, tmp_path_factory)
    tiff = tmp_path_factory.mktemp("files") / "sized.tif"
    tifffile.imwrite(tiff, PIXELS[:, :, 0], imagej=True, resolution=(1000.0, 1000.0), metadata={"unit": "um"})
    with open_index(place, create=index_records.IDENTITY) as index, index.writer() as writer:
        for number, (name, (caption, panels)) in enumerate(CASES.items()):
            writer.put(record(name, caption, panels, f"/gone/{name}.png", f"{number + 1:016x}"))
        writer.put(record("tiff", "Grains.", [panel()], str(tiff), content_hash(tiff)))
    return place


@pytest.fixture
def index(location: str) -> Iterator[Index]:
    opened = open_index(location)
    yield opened
    opened.close()


def test_what_most_wants_a_look_comes_first(index: Index) -> None:
    review = find_review(index, 100)
    names = [item.stored.figure.label for item in review.items]
    assert sorted(names[:3]) == sorted(EXPECTED[:3])  # of one reason, in the order of ids
    assert names[3:] == EXPECTED[3:]
    assert review.counts == {"caption": 3, "metadata": 1, "view": 1, "doubtful": 2, "bar": 1, "unsure": 1}
    details = {item.stored.figure.label: item.detail for item in review.items}
    assert details["caption"] == "label 500 nm, caption 5 µm"
    assert details["one of two"] == "label 500 nm, caption 200 nm"
    assert details["tiff"] == "5 nm/px by the label, 1 nm/px in the file"
    assert next(item for item in review.items if item.stored.figure.label == "one of two").stored.panel.label == "b"
    few = find_review(index, 2)
    assert (len(few.items), few.counts) == (2, review.counts)


def test_the_table_comes_back_as_corrections_and_what_was_corrected_is_left_out(location: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    out = run("review", "--output", sheet, "--index", location).out
    assert "3  the label and the caption disagree" in out
    path = tmp_path / "sheet.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert len(rows) == len(EXPECTED)
    assert "nothing to correct" in run("correct", "--from", path, "--index", location).out
    for row in rows[:4]:
        row["scale"] = "5 µm"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert "4 panels corrected" in run("correct", "--from", path, "--index", location).out
    opened = open_index(location)
    try:
        left = find_review(opened, 100)
    finally:
        opened.close()
    assert [item.stored.panel.id for item in left.items] == [row["id"] for row in rows[4:]]
    run("corrections", "--undo", "--all", "--index", location)
    assert run("review", "-o", tmp_path / "sheet.txt", "--index", location, code=2).err


def test_the_sheet_is_one_page_that_loads_nothing(index: Index) -> None:
    review = find_review(index, 100)
    elements = Elements(review_html(index, review))
    assert [tag for tag, _ in elements.found].count("svg") == len(EXPECTED)
    bars = [attributes.get("class") for tag, attributes in elements.found if tag == "rect"]
    assert bars == ["bar"] * (len(EXPECTED) - 1)  # one panel's bar lies outside of it
    for tag, attributes in elements.found:
        for name in ("src", "href", "action"):
            value = attributes.get(name) or ""
            assert not value or value.startswith("data:") or (tag == "a" and value.startswith("https://")), (tag, value)
    assert "label 500 nm, caption 5 µm" in elements.text
    empty = review_html(index, dataclasses.replace(review, items=(), counts={}))
    assert "No reading wants a look" in empty


PROBE = """
(async () => {
  let saved = null;
  URL.createObjectURL = (blob) => { saved = blob; return "#"; };
  const rows = Array.from(document.querySelectorAll(".reading"));
  const set = (row, text) => {
    const field = row.querySelector(".length");
    field.value = text; field.dispatchEvent(new Event("input", {bubbles: true}));
  };
  rows[0].querySelector(".confirm").click();
  set(rows[1], "2 µm"); set(rows[2], "2"); set(rows[3], "=1+1");
  rows[4].querySelector(".none").click();
  document.querySelector(".download").click();
  const result = {table: await saved.text(), status: document.querySelector(".status").textContent,
                  wrong: document.querySelectorAll(".wrong").length, done: document.querySelectorAll(".done").length};
  document.documentElement.dataset.results = JSON.stringify(result);
})();
"""


@pytest.mark.browser
def test_the_sheet_saves_a_table(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if type(index).__name__ != "EmbeddedIndex":
        pytest.skip("one index is enough")
    own = review_sheet.read_asset
    monkeypatch.setattr(review_sheet, "read_asset", lambda name: own(name) + (PROBE if name.endswith(".js") else ""))
    review = find_review(index, 100)
    results, console, _ = browse(review_html(index, review), tmp_path / "profile")
    assert console == []
    ids = [item.stored.panel.id for item in review.items]
    assert results == {
        "table": f"id,scale,no_scale\n{ids[0]},500 nm,\n{ids[1]},2 µm,\n{ids[4]},,yes\n",
        "status": f"3 of {len(EXPECTED)} filled in, 2 without a unit such as nm",
        "wrong": 2,
        "done": 3,
    }, json.dumps(results)
