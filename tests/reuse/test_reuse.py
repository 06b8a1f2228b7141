"""`mirsearch reuse` and `query --reuse` on both indexes: what is told, in every form, and what is not."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mirsearch
from mirsearch.corpus import Article, Figure, Origin, Panel, figure_id
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import content_hash, thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.query import Filters
from mirsearch.reuse.find import compare_pairs
from mirsearch.reuse.pictures import look_at
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run

FAMILIES = ("fibers", "spheres", "fracture", "pores", "rods", "petals")


def drawn(family: str, seed: int = 3) -> np.ndarray:
    made = specimen(seed, family)
    return made.micrograph(View(320, 240, made.nm_per_px(0.5)), make_rng(seed, 5))


def pictures() -> dict[str, tuple[np.ndarray, str, str]]:
    """Pixels, article and kind by name: six others, a crop in another article, a mirrored one, a plot shown twice."""
    made = {family: (drawn(family), f"article {family}", "micrograph") for family in FAMILIES}
    made["part"] = (made["fibers"][0][30:210, 40:290].copy(), "article part", "micrograph")
    made["mirrored"] = (made["spheres"][0][:, ::-1].copy(), "article spheres", "micrograph")
    made["plot"] = (drawn("layers"), "article plot", "plot")
    made["plot again"] = (drawn("layers")[:, :-1].copy(), "article other", "plot")
    made["empty"] = (np.full((240, 320, 3), 120, np.uint8), "article empty", "micrograph")
    return made


@pytest.fixture(scope="module", params=BACKENDS)
def corpus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, dict[str, str]]:
    """An index, the folder of its pictures, and the id of each panel."""
    location = new_location(request.param, request, tmp_path_factory)
    folder = tmp_path_factory.mktemp("pictures")
    extractor = EfficientNetExtractor()
    ids = {}
    with (
        open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims)) as index,
        index.writer() as writer,
    ):
        for name, (pixels, article, kind) in pictures().items():
            path = folder / f"{name}.png"
            Image.fromarray(pixels).save(path)
            identity = figure_id(content_hash(path), 0)
            ids[name] = f"{identity}-1"
            size = pixels.shape[1], pixels.shape[0]
            panel = Panel((0, 0, *size), kind=kind, id=ids[name], figure_id=identity)
            origin = Origin("folder", str(path), "2026-01-01T00:00:00Z")
            figure = Figure(identity, *size, name, article=Article(id=article, title=article), origins=(origin,))
            writer.put(FigureRecord(figure, (panel,), extractor.embed([pixels]), (thumbnail(pixels),)))
    return location, folder, ids


def test_what_is_shown_twice_is_told_and_nothing_else(corpus):
    location, _, ids = corpus
    result = run("reuse", "--index", location, "--format", "json")
    told = result.json()
    pairs = {frozenset((pair["a"], pair["b"])): pair for pair in told}
    part, mirrored = frozenset((ids["fibers"], ids["part"])), frozenset((ids["spheres"], ids["mirrored"]))
    assert set(pairs) == {part, mirrored}
    assert [pair["confidence"] for pair in told] == sorted((pair["confidence"] for pair in told), reverse=True)
    assert pairs[part]["where"] == "articles"
    assert not pairs[part]["mirrored"]
    assert pairs[part]["scale"] == pytest.approx(1, abs=0.02)
    assert pairs[mirrored]["where"] == "article"
    assert pairs[mirrored]["mirrored"]
    assert abs(pairs[mirrored]["turned"]) < 2
    whole = pairs[part]["region_a" if pairs[part]["a"] == ids["fibers"] else "region_b"]
    assert np.allclose(np.min(whole, axis=0), (40, 30), atol=3)
    assert np.allclose(np.max(whole, axis=0), (290, 210), atol=3)
    assert "2 × a plot or schematic" in result.err
    assert "1 × a picture with too little to compare" in result.err
    with mirsearch.open(location) as opened:
        assert [pair.to_dict() for pair in opened.reuse().pairs] == told


def test_table_csv_and_page(corpus, tmp_path):
    location, _, ids = corpus
    table = run("reuse", "--index", location).out
    assert "2 pairs of the same picture among 9 pictures" in table
    assert "mirrored" in table
    run("reuse", "--index", location, "--format", "csv", "-o", tmp_path / "pairs.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text(encoding="utf-8"))))
    assert {frozenset((row["a"], row["b"])) for row in rows} == {
        frozenset((ids["fibers"], ids["part"])), frozenset((ids["spheres"], ids["mirrored"]))
    }  # fmt: skip
    page = tmp_path / "pairs.html"
    run("reuse", "--index", location, "--format", "html", "-o", page)
    text = page.read_text(encoding="utf-8")
    assert text.count('class="outline"') == 4
    assert not re.search(r'(?:src|href)="(?!data:|https://doi)', text)
    assert "style=" not in text


def test_words_charge_no_one(corpus, tmp_path):
    location = corpus[0]
    page = tmp_path / "pairs.html"
    run("reuse", "--index", location, "--format", "html", "-o", page)
    told = page.read_text(encoding="utf-8") + run("reuse", "--index", location).out + run("reuse", "--help").out
    assert not re.search(r"fraud|misconduct|manipulat|suspic|duplicat|plagiar|forged|fake", told, re.IGNORECASE)


def test_a_query_finds_the_same_picture_alone(corpus, tmp_path):
    location, folder, ids = corpus
    changed = tmp_path / "changed.png"
    pixels = np.asarray(Image.open(folder / "rods.png"))
    Image.fromarray(np.rot90(pixels[20:220, 30:290])).save(changed)
    told = run("query", changed, "--reuse", "--index", location, "--format", "json").json()
    assert [(pair["a"], pair["b"], pair["where"]) for pair in told] == [(str(changed), ids["rods"], "query")]
    assert abs(told[0]["turned"]) == pytest.approx(90, abs=2)
    like = run("query", "--like", ids["part"], "--reuse", "--index", location, "--format", "json").json()
    assert [pair["b"] for pair in like] == [ids["fibers"]]
    page = tmp_path / "query.html"
    run("query", changed, "--reuse", "--index", location, "--format", "html", "-o", page)
    assert page.read_text(encoding="utf-8").count('class="outline"') == 2
    with mirsearch.open(location) as opened:
        assert [pair.b.panel.id for pair in opened.reuse(changed).pairs] == [ids["rods"]]


@pytest.mark.parametrize(("words", "message"), [
    (["reuse", "--min-confidence", "2"], "no confidence"), (["reuse", "-o", "x.txt"], "add --format"),
    (["query", "--reuse", "--text", "gold"], "one picture"),
    (["query", "--like", "x", "--reuse", "--format", "jsonl"], "list of pairs"),
])  # fmt: skip
def test_wrong_calls(corpus, words, message):
    assert message in run(*words, "--index", corpus[0], code=2).err


def test_a_picture_with_nothing_on_it_is_refused(corpus):
    location, folder, _ = corpus
    told = run("query", folder / "empty.png", "--reuse", "--index", location, code=2).err
    assert "too little to compare" in told


def test_pairs_in_one_figure_are_told_when_asked_for(tmp_path):
    extractor = EfficientNetExtractor()
    pixels = drawn("fibers")
    identity = "00000000000000aa"
    panels = tuple(
        Panel(
            (320 * at, 0, 320 * at + 320, 240), label, kind="micrograph", id=f"{identity}-{label}", figure_id=identity
        )
        for at, label in enumerate("ab")
    )
    location = tmp_path / "index"
    with (
        open_index(str(location), create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims)) as index,
        index.writer() as writer,
    ):
        small = thumbnail(pixels)
        vectors = extractor.embed([pixels, pixels])
        writer.put(FigureRecord(Figure(identity, 640, 240), panels, vectors, (small, small)))
    result = run("reuse", "--index", location, "--format", "json")
    assert result.json() == []
    assert "--within-figures" in result.err
    told = run("reuse", "--within-figures", "--index", location, "--format", "json").json()
    assert [(pair["a"], pair["b"], pair["where"]) for pair in told] == [(f"{identity}-a", f"{identity}-b", "figure")]


def test_pictures_that_share_a_third_are_compared_and_told_too(tmp_path):
    """A shortlist names few pairs of a picture that is shown often; the others follow from those that are told."""
    whole, extractor = drawn("fibers"), EfficientNetExtractor()
    parts = [whole[top : top + 190, left : left + 250] for top, left in ((0, 0), (20, 30), (48, 60), (10, 66))]
    other = drawn("fracture")[:190, :250]
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    vectors = np.eye(5, extractor.dims, dtype=np.float32)
    with open_index(str(tmp_path / "index"), create=identity) as index:
        with index.writer() as writer:
            for number, pixels in enumerate([*parts, other]):
                name = f"{number:016x}"
                panel = Panel((0, 0, 250, 190), kind="micrograph", id=name, figure_id=name)
                writer.put(FigureRecord(Figure(name, 250, 190), (panel,), vectors[[number]], (thumbnail(pixels),)))
        panels = sorted(index.select_panels(Filters()), key=lambda stored: stored.panel.id)
        seen = [look_at(pixels)[0] for pixels in (*parts, other)]
        pairs, held_off = [(0, 1), (1, 2), (2, 3), (3, 4)], Counter[str]()
        found = list(compare_pairs(index, panels, seen, pairs, held_off, 0.5, False, lambda what, done, every: None))
        told = {(int(pair.a.panel.id), int(pair.b.panel.id)): pair for pair in found if pair.a}
    assert set(told) == {(0, 1), (1, 2), (2, 3), (0, 2), (0, 3), (1, 3)}
    assert np.allclose(told[0, 2].matrix[:2, 2], (-60, -48), atol=3)
