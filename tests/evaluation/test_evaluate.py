"""`mirsearch evaluate` on folders of classes and on both indexes: numbers, leave-out, comparison, page, facade."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mirsearch
from mirsearch.indexes import open_index
from mirsearch.synthetic.corpus import write_corpus
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run

KEYS = {"queries", "map", "p_at_1", "p_at_10", "chance_map", "map_interval", "p_at_1_interval", "p_at_10_interval"}


def texture(kind: str, seed: int) -> Image.Image:
    """Stripes, dots or noise: what a look must tell apart."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:160, 0:200]
    if kind == "stripes":
        gray = 128 + 90 * np.sin((x * np.cos(seed) + y * np.sin(seed)) / 4)
    elif kind == "dots":
        gray = np.full(x.shape, 40.0)
        for _ in range(40):
            cx, cy = rng.uniform(0, 200), rng.uniform(0, 160)
            gray[(x - cx) ** 2 + (y - cy) ** 2 < 50] = 220
    else:
        gray = rng.normal(128, 50, x.shape)
    return Image.fromarray(np.clip(gray + rng.normal(0, 6, x.shape), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    for kind in ("stripes", "dots", "noise"):
        (folder / kind).mkdir()
        for number in range(6):
            texture(kind, number).save(folder / kind / f"{kind}{number}.png")
    (folder / "dots" / "notes.txt").write_text("no image")
    return folder


def groups_table(folder: Path, group_of: dict[str, str]) -> Path:
    path = folder / "groups.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("file", "group"), *group_of.items()])
    return path


def test_classes_are_found_by_their_look(classes):
    told = run("evaluate", "--classes", classes, "--format", "json").json()
    assert set(told) >= KEYS
    assert told["queries"] == 18
    assert told["map"] > 0.9 > 0.5 > told["chance_map"] > 0.3
    assert told["map_interval"][0] <= told["map"] <= told["map_interval"][1]
    assert told["p_at_1"] == 1
    assert 0 < told["p_at_10"] <= 0.5, "five of ten can be right"
    assert {row["name"] for row in told["breakdowns"]["class"]} == {"stripes", "dots", "noise"}
    assert "notes.txt" in told["notes"][0]
    assert all(len(each["answers"]) == 10 for each in told["per_query"])


def test_images_of_one_group_never_answer_each_other(classes, tmp_path):
    groups = groups_table(tmp_path, {f"{kind}{number}.png": f"{kind}{number // 2}" for kind in ("stripes", "dots")
                                     for number in range(6)})  # fmt: skip
    told = run("evaluate", "--classes", classes, "--groups", groups, "--format", "json").json()
    group = {each["id"]: each["group"] for each in told["per_query"]}
    for each in told["per_query"]:
        assert all(group[answer["id"]] != each["group"] for answer in each["answers"])
        assert each["relevant"] == (5 if each["id"].startswith("noise") else 4)
    assert any("6 images have no group" in note for note in told["notes"])


def test_an_image_without_another_of_its_class_is_left_out(classes, tmp_path):
    groups = groups_table(tmp_path, {f"dots{number}.png": "all" for number in range(6)})
    told = run("evaluate", "--classes", classes, "--groups", groups, "--format", "json").json()
    assert (told["queries"], told["left_out"]) == (12, 6)


def test_a_later_evaluation_is_tested_against_an_earlier_one(classes, tmp_path):
    earlier = tmp_path / "earlier.json"
    run("evaluate", "--classes", classes, "--format", "json", "-o", earlier)
    data = json.loads(earlier.read_text())
    for each in data["per_query"]:
        each["map"] = 0.1
    earlier.write_text(json.dumps(data))
    test = run("evaluate", "--classes", classes, "--against", earlier, "--format", "json").json()["comparison"]
    assert test["map"]["difference"] > 0.8
    assert test["map"]["p_value"] < 0.01
    assert test["mrr"]["difference"] == 0
    table = run("evaluate", "--classes", classes, "--against", earlier).out
    assert re.search(r"^mAP +0\.100 +(0\.9\d\d|1\.000) +\+0\.[89]", table, re.MULTILINE)
    (tmp_path / "bad.json").write_text('{"per_query": [{"id": "x", "map": "NaN"}]}')
    assert "no evaluation" in run("evaluate", "--classes", classes, "--against", tmp_path / "bad.json", code=2).err


def test_the_page_has_plots_with_their_numbers_and_the_worst_queries(classes, tmp_path):
    page = tmp_path / "page.html"
    run("evaluate", "--classes", classes, "--format", "html", "-o", page)
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert text.count("<table>") == 3
    assert text.count('class="strip"') == 12
    assert "data:image/jpeg" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text), "the page asks nobody"
    assert "style=" not in text, "its policy forbids it"


@pytest.mark.parametrize(("words", "message"), [
    ([], "nothing to evaluate"), (["--classes", "missing"], "no folder"), (["--classes", "."], "no two classes"),
    (["--classes", ".", "--weight", "visual=1"], "are for judgments"), (["none.csv", "-o", "x"], "add --format"),
])  # fmt: skip
def test_wrong_calls(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in run("evaluate", *words, code=2).err


def test_without_the_extra_the_command_names_it(classes):
    code = "import sys; sys.modules['ir_measures'] = None; from mirsearch.cli import main; main()"
    words = [sys.executable, "-c", code, "evaluate", "--classes", str(classes)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "mirsearch[evaluate]" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.fixture(scope="module", params=BACKENDS)
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An index of six drawn figures, and their folder."""
    location = new_location(request.param, request, tmp_path_factory)
    folder = tmp_path_factory.mktemp("figures")
    write_corpus(folder, 6, 5)
    run("ingest", folder, "--index", location)
    return location, folder


def test_judged_panels_words_and_images_of_an_index(corpus, tmp_path):
    location, folder = corpus
    index = open_index(location)
    listed = run("list", "--kind", "micrograph", "--index", location, "--format", "json").json()
    first = listed[0]["id"]
    own = [stored.panel.id for stored in index.figure_panels(listed[0]["figure"])]
    image = min(folder.glob("*.png"))
    table = tmp_path / "judged.csv"
    words = re.findall(r"[a-z]{5,}", listed[0]["figure_caption"])[:4]
    table.write_text(
        f"id,like,image,text,relevant\nalike,{first},,,{listed[0]['figure']}\nwords,,,{' '.join(words)},{first}\n"
        f"image,,{image},,{image.name}\nunknown,,,gold,none\n"
    )
    told = run("evaluate", table, "--index", location, "--format", "json").json()
    by_id = {each["id"]: each for each in told["per_query"]}
    assert told["queries"] == 3 - (len(own) == 1)
    assert told["left_out"] == 1 + (len(own) == 1)
    assert by_id["words"]["mrr"] > 0
    assert by_id["image"]["mrr"] >= 0.5, "an image finds the panels of its own file"
    assert by_id["image"]["traits"]["scale"] in ("known", "not known")
    assert any("none" in note for note in told["notes"])
    left = run("evaluate", table, "--leave-out", "figure", "--index", location, "--format", "json").json()
    assert "image" not in {each["id"] for each in left["per_query"]}
    with mirsearch.open(location) as opened:
        assert opened.evaluate(table).to_dict() == told


def test_groups_and_articles_are_left_out_of_an_index(corpus, tmp_path):
    location, _ = corpus
    listed = run("list", "--kind", "micrograph", "--index", location, "--format", "json").json()
    first, *others = [row["id"] for row in listed]
    table = tmp_path / "judged.csv"
    table.write_text(f"like,relevant\n{first},{' '.join(others)}\n")
    groups = tmp_path / "groups.csv"
    groups.write_text(f"panel,sample\n{first},s\n{others[0]},s\n")
    told = run("evaluate", table, "--groups", groups, "--index", location, "--format", "json").json()
    assert others[0] not in {answer["id"] for answer in told["per_query"][0]["answers"]}
    assert told["per_query"][0]["relevant"] == len(others) - 1
    left = run("evaluate", table, "--leave-out", "article", "--index", location, "--format", "json").json()
    article = {row["id"]: row["article"]["id"] for row in listed}
    same = [other for other in others if article[other] == article[first]]
    assert left["per_query"][0]["relevant"] == len(others) - len(same)
