"""`evaluate --tune`: weights that judged queries ask for are found, kept on both indexes, used, shown and removed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mirsearch
from mirsearch.corpus import Article, Figure, Panel, ScaleReading
from mirsearch.evaluation.term_pools import TermPool
from mirsearch.evaluation.tuning import fit
from mirsearch.extractors.efficientnet import EfficientNetExtractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.ranking import Formula
from mirsearch.search.own_score import own_formula, read_own_score
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run

WORDS = ("rods", "pores", "foam", "grains", "fibers")
PANELS = 40


def panel_id(number: int) -> str:
    return f"{(number + 1) * 0x9E3779B97F4A7C15 % (1 << 64):016x}-1"


@pytest.fixture(params=BACKENDS)
def corpus(request, tmp_path_factory) -> str:
    """Panels whose looks are chance, and whose captions have one of five words."""
    location = new_location(request.param, request, tmp_path_factory)
    identity = ExtractorIdentity("efficientnet", EfficientNetExtractor.version, EfficientNetExtractor.dims)
    index = open_index(location, create=identity)
    rng = np.random.default_rng(3)
    with index.writer() as writer:
        for number in range(PANELS):
            name, figure_id = panel_id(number), panel_id(number).removesuffix("-1")
            article = Article(id=f"a{number}", title="A study")
            scale = ScaleReading(nm_per_px=float(10 ** rng.uniform(-1, 2)), source="metadata", confidence=1.0)
            caption = f"Micrograph with {WORDS[number % 5]}."
            panel = Panel((0, 0, 90, 90), kind="micrograph", id=name, figure_id=figure_id, scale=scale, caption=caption)
            figure = Figure(figure_id, 90, 90, caption=caption, article=article)
            vector = np.zeros((1, identity.dims), np.float32)
            vector[0, :3] = rng.normal(size=3)  # few numbers: distances of chance spread wide
            vector /= np.linalg.norm(vector)
            writer.put(FigureRecord(figure, (panel,), vector, (b"",)))
    return location


def judged(folder: Path, relevant) -> Path:
    """Judge a question for each panel: the panel, with a word of its caption."""
    rows = []
    for number in range(PANELS):
        found = [panel_id(other) for other in range(PANELS) if other != number and relevant(number, other)]
        rows.append(f"{panel_id(number)},{WORDS[number % 5]},{' '.join(found)}")
    path = folder / "judged.csv"
    path.write_text("\n".join(["like,text,relevant", *rows]))
    return path


def test_weights_that_judgments_ask_for_are_kept_used_shown_and_removed(corpus, tmp_path):
    table = judged(tmp_path, lambda one, other: one % 5 == other % 5)
    by_chance = np.random.default_rng(8).random((PANELS, PANELS)) < 0.2
    (tmp_path / "chance").mkdir()
    chance = judged(tmp_path / "chance", lambda one, other: bool(by_chance[one, other]))
    assert not run("evaluate", chance, "--tune", "--index", corpus, "--format", "json").json()["tuning"]["written"]
    before = run("evaluate", table, "--index", corpus, "--format", "json").json()
    dry = run("evaluate", table, "--tune", "--dry-run", "--index", corpus, "--format", "json").json()
    assert dry["tuning"]["is_better"]
    assert not dry["tuning"]["written"]
    assert own_formula(open_index(corpus)) == Formula()
    told = run("evaluate", table, "--tune", "--index", corpus, "--format", "json").json()
    assert told["comparison"]["map"]["before"] == pytest.approx(before["map"], abs=1e-4)
    assert told["comparison"]["map"]["interval"][0] > 0
    assert told["map"] == pytest.approx(told["comparison"]["map"]["after"], abs=1e-4), "each query while held out"
    weights = told["tuning"]["fitted"]["weights"]
    assert told["tuning"]["written"]
    assert weights["text"] > weights["visual"], "the words tell what is relevant; looks and scales are chance"
    after = run("evaluate", table, "--index", corpus, "--format", "json").json()
    assert after["map"] > before["map"] + 0.05
    asked = run("query", "--like", panel_id(0), "--text", "rods", "--index", corpus, "--format", "json").json()
    assert asked["weights"]["text"] == pytest.approx(weights["text"])
    given = run("query", "--like", panel_id(0), "--text", "rods", "--weight", "text=0.3", "--index", corpus,
                "--format", "json").json()  # fmt: skip
    assert given["weights"]["text"] == 0.3, "what is given comes first"
    shown = run("query", "--like", panel_id(0), "--text", "rods", "--explain", "--index", corpus).out
    assert "this index's own" in shown
    assert run("stats", "--index", corpus, "--format", "json").json()["score"]["weights"] == weights
    assert "this index's own" in run("stats", "--index", corpus).out
    with mirsearch.open(corpus) as opened:
        assert opened.evaluate(table, tune=True, dry_run=True).tuning["before"]["weights"] == weights
        assert opened.evaluate(table).summary.values["map"] == pytest.approx(after["map"], abs=1e-4)
    run("evaluate", "--untune", "--index", corpus)
    assert read_own_score(open_index(corpus)) is None
    assert run("evaluate", table, "--index", corpus, "--format", "json").json()["map"] == before["map"]


def test_too_few_queries_and_wrong_options(tmp_path):
    few = tmp_path / "few.csv"
    few.write_text("text,relevant\nrods,a\n")
    for words, message in (
        ([few, "--dry-run"], "is for --tune"), ([few, "--tune", "--against", few], "leave one of them out"),
        ([few, "--untune"], "evaluates nothing"), (["--classes", tmp_path, "--tune"], "are for judgments"),
    ):  # fmt: skip
        assert message in run("evaluate", *words, "--index", tmp_path / "none", code=None).err


def pool(visual, text, relevant) -> TermPool:
    return TermPool(None, np.array(text, float), {"visual": np.array(visual, float)}, np.array(relevant), sum(relevant))


def test_a_fit_weighs_the_term_that_orders_right():
    rng = np.random.default_rng(0)
    pools = []
    for _ in range(20):
        relevant = rng.random(30) < 0.2
        relevant[0] = True
        pools.append(pool(rng.random(30), 3 * relevant + rng.random(30), relevant))
    found = fit(pools, Formula())
    assert found.weights.text > found.weights.visual  # 0.3 and 0.6 before
    assert np.mean([each.average_precision(found) for each in pools]) > 0.95


def test_a_fit_keeps_the_formula_where_nothing_is_gained():
    perfect = [pool([0.9, 0.5, 0.1], [3, 1, 0], [True, False, False])] * 5
    assert fit(perfect, Formula()) == Formula()


def test_average_precision_of_a_pool_by_hand():
    found = TermPool(None, None, {"visual": np.array([0.9, 0.8, 0.7])}, np.array([True, False, True]), 3)
    assert found.average_precision(Formula()) == pytest.approx((1 + 2 / 3) / 3), "one relevant panel was not found"
