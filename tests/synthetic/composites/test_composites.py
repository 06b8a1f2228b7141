"""The drawn composite figures: one seed is one figure, and the truth agrees with what is drawn."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.corpus import KINDS, TECHNIQUES, Box
from mirsearch.synthetic.composites import FORMS, CompositeFigure, draw_composite, truth_json, write_composites
from mirsearch.synthetic.composites.boards import Tile, TileBar
from mirsearch.synthetic.composites.captions import write_composite_caption
from mirsearch.synthetic.composites.charts import draw_chart
from mirsearch.synthetic.fields import make_rng

SEEDS = range(60)


@pytest.fixture(scope="module")
def figures() -> list[CompositeFigure]:
    return [draw_composite(seed) for seed in SEEDS]


def is_inside(inner: Box, outer: Box, slack: int = 0) -> bool:
    """Return whether a box lies in another that is grown by `slack` px."""
    low = inner[0] >= outer[0] - slack and inner[1] >= outer[1] - slack
    return low and inner[2] <= outer[2] + slack and inner[3] <= outer[3] + slack


def test_a_seed_draws_one_figure() -> None:
    first, again, other = draw_composite(3), draw_composite(3), draw_composite(4)
    assert np.array_equal(first.pixels, again.pixels)
    assert (first.caption, first.panels) == (again.caption, again.panels)
    assert first.panels != other.panels


def test_every_form_occurs_in_sixty_seeds(figures: list[CompositeFigure]) -> None:
    assert {form for figure in figures for form in figure.forms} == set(FORMS)


def test_a_caption_tells_one_length_for_one_place_of_a_letter(figures: list[CompositeFigure]) -> None:
    for figure in [*figures, draw_composite(32032)]:  # two overviews, each with its magnified region
        told: dict[tuple[str | None, str], float] = {}
        for panel, tile in zip(figure.panels, figure.tiles, strict=True):
            if tile.bar is not None and tile.bar.value == "caption":
                assert told.setdefault((panel.label, tile.role), tile.bar.length_nm) == tile.bar.length_nm, figure.seed


def test_figures_have_the_sizes_of_published_ones(figures: list[CompositeFigure]) -> None:
    assert all(900 <= figure.pixels.shape[1] <= 2500 for figure in figures)
    assert all(figure.pixels.dtype == np.uint8 and figure.pixels.shape[2] == 3 for figure in figures)
    assert len({figure.pixels.shape[1] // 200 for figure in figures}) > 5


def test_panels_lie_in_the_figure_and_apart(figures: list[CompositeFigure]) -> None:
    for figure in figures:
        height, width = figure.pixels.shape[:2]
        mains = [panel.box for panel in figure.panels if panel.inset_of is None]
        for number, box in enumerate(mains):
            assert is_inside(box, (0, 0, width, height)), figure.seed
            assert min(box[2] - box[0], box[3] - box[1]) >= 15, figure.seed
            for other in mains[:number]:
                across = min(box[2], other[2]) - max(box[0], other[0])
                down = min(box[3], other[3]) - max(box[1], other[1])
                assert across <= 4 or down <= 4, (figure.seed, box, other)  # boxes of ink are grown by 2 px


def test_bars_lie_in_their_images(figures: list[CompositeFigure]) -> None:
    for figure in figures:
        for panel in figure.panels:
            bar = panel.scale.bar if panel.scale is not None else panel.bar.box if panel.bar is not None else None
            if bar is not None:
                assert is_inside(bar, panel.box), (figure.seed, bar, panel.box)


def test_a_scale_is_the_bars_length_over_its_pixels(figures: list[CompositeFigure]) -> None:
    told = [panel.scale for figure in figures for panel in figure.panels if panel.scale is not None]
    with_bar = [scale for scale in told if scale.length_px is not None]
    assert len(with_bar) > 100
    for scale in with_bar:
        assert scale.length_nm == pytest.approx(scale.nm_per_px * scale.length_px)
        assert scale.bar is not None
        assert scale.bar[2] - scale.bar[0] == pytest.approx(scale.length_px, abs=1.01)


def test_a_bar_differs_from_its_surroundings(figures: list[CompositeFigure]) -> None:
    for figure in figures:
        for panel in figure.panels:
            if panel.scale is None or panel.scale.bar is None or panel.scale.label_text == "":
                continue
            x0, y0, x1, y1 = panel.scale.bar
            ink = figure.pixels[(y0 + y1) // 2, x0 + 3 : x1 - 3].astype(float)
            outside = figure.pixels[max(0, y0 - 6) : y1 + 6, x0 + 3 : x1 - 3].astype(float)
            assert float(np.abs(outside - np.median(ink, axis=0)).max()) > 60, (figure.seed, panel.scale)


def test_every_told_length_is_in_the_image_or_the_caption(figures: list[CompositeFigure]) -> None:
    sources = Counter(panel.scale.source for figure in figures for panel in figure.panels if panel.scale is not None)
    assert set(sources) == {"label", "caption", "shared"}
    for figure in figures:
        for panel in figure.panels:
            if panel.scale is not None and panel.scale.source == "caption":
                assert "ar" in figure.caption, figure.caption  # scale bar, Bar
                number = f"{panel.scale.length_nm / 1000:g} µm"
                assert number in figure.caption or f"{panel.scale.length_nm:g} nm" in figure.caption, figure.caption


def test_bars_without_a_length_occur_and_no_scale_is_told_for_them(figures: list[CompositeFigure]) -> None:
    lone = [panel for figure in figures for panel in figure.panels if panel.bar is not None]
    assert lone
    assert all(panel.scale is None for panel in lone)


def test_a_caption_lists_letters_with_primes_and_their_lengths() -> None:
    bars = [TileBar((0, 0, 40, 4), (0, 0, 42, 6), 40.0, length, "caption") for length in (20_000.0, 50_000.0)]
    tiles = [[Tile((0, 0, 100, 100), "micrograph", nm_per_px=500.0, bar=bar)] for bar in bars]
    parts = [("a–a''", "Confocal image", tiles[0]), ("b", "Overview", tiles[1])]
    captions = {write_composite_caption(parts, make_rng(seed)) for seed in range(40)}
    assert len(captions) > 10
    assert all("20 µm" in caption and "50 µm" in caption and "a–a''" in caption for caption in captions)
    assert any("20 µm (a–a''), 50 µm (b)" in caption for caption in captions)


def test_a_length_behind_the_last_part_is_said_of_that_part_alone_in_brackets() -> None:
    told = TileBar((0, 0, 40, 4), (0, 0, 42, 6), 40.0, 20_000.0, "caption")
    parts = [
        ("a", "Overview", [Tile((0, 0, 9, 9), "micrograph")]),
        ("b", "Detail", [Tile((0, 0, 9, 9), "x", bar=told)]),
    ]
    for seed in range(40):
        caption = write_composite_caption(parts, make_rng(seed))
        if not re.search(r"[Ss]cale bars[:,] 20 µm|All scale bars", caption):  # one sentence for all
            assert caption.endswith(").")


def test_parts_are_numbered_within_their_letter(figures: list[CompositeFigure]) -> None:
    for figure in figures:
        by_label: dict[str | None, list[int | None]] = {}
        for panel in figure.panels:
            by_label.setdefault(panel.label, []).append(panel.part)
            assert panel.kind in KINDS
            assert panel.technique is None or panel.technique in TECHNIQUES
            if panel.group is not None:
                assert is_inside(panel.box, panel.group)
        for label, parts in by_label.items():
            if label is not None:
                assert parts == [None] or parts == list(range(1, len(parts) + 1)), (figure.seed, label)


@pytest.mark.parametrize("width", [60, 90, 200])
def test_a_plot_fits_any_width(width: int) -> None:
    for seed in range(20):
        assert (draw_chart(width, 120, np.random.default_rng(seed), 14) < 128).any()


def test_a_picture_too_low_for_a_databar_has_none() -> None:
    panels = [panel for panel in draw_composite(36171).panels if panel.label == "c"]
    assert [(panel.technique, panel.scale) for panel in panels] == [("SEM", None)]


def test_insets_lie_in_their_images(figures: list[CompositeFigure]) -> None:
    insets = [(figure, panel) for figure in figures for panel in figure.panels if panel.inset_of is not None]
    assert insets
    for figure, panel in insets:
        assert is_inside(panel.box, figure.panels[int(str(panel.inset_of))].box)


def test_truth_comes_back_from_its_file(tmp_path: Path) -> None:
    path = write_composites(tmp_path, range(2, 4))
    truth = json.loads(path.read_text(encoding="utf-8"))
    assert list(truth) == ["D00002", "D00003"]
    for name, entry in truth.items():
        figure = draw_composite(entry["seed"])
        assert entry == json.loads(json.dumps(truth_json(figure, f"{name}.png")))
        written = cv2.imread(str(tmp_path / entry["file"]))
        assert np.array_equal(written[..., ::-1], figure.pixels)
        assert [panel["letter"] for panel in entry["panels"]] == [panel.label for panel in figure.panels]
        for panel in entry["panels"]:
            for bar in panel["bars"]:
                assert bar["nm"] is None or bar["nm"] == pytest.approx(bar["px"] * bar["nm_per_px"], rel=1e-3)
