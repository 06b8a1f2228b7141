"""The scores of the benchmark of composite figures: what is the truth scores full, and each kind of error counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.analysis.composite_scores import Score, score_figure
from mirsearch.corpus import Panel, ScaleReading
from mirsearch.synthetic.composites import draw_composite, truth_json

SEEDS = range(12)


def drawn(seed: int) -> tuple[list[dict[str, Any]], list[Panel]]:
    """Return a drawn figure's truth, and its panels as an analysis without error makes them."""
    figure = draw_composite(seed)
    return truth_json(figure, "")["panels"], list(figure.panels)


@pytest.fixture(scope="module")
def figures() -> list[tuple[list[dict[str, Any]], list[Panel]]]:
    return [drawn(seed) for seed in SEEDS]


def total(pairs: list[tuple[list[dict[str, Any]], list[Panel]]]) -> Score:
    """Return the sum of the figures' scores."""
    score = Score()
    for truth, made in pairs:
        score.add(score_figure(truth, made))
    return score


def test_the_truth_scores_full(figures: list[tuple[list[dict[str, Any]], list[Panel]]]) -> None:
    count = total(figures).count
    assert count["images"] > 100
    assert count["bars"] > 20
    assert count["found"] == count["images"] == count["made"]
    assert count["whole"] == len(SEEDS)
    assert count["bars_right"] == count["bars"]
    assert count["inset_bars_right"] == count["inset_bars"]
    assert count["shared_right"] == count["shared"] > 0
    assert count["letters_right"] == count["letters"] > 0
    assert count["kinds_right"] == count["kinds"] > 0
    assert count["techniques_right"] == count["techniques"] > 0
    assert count["bars_wrong"] == count["bars_missed"] == count["false"] == count["shared_wrong"] == 0
    assert all(right for _, right in total(figures).readings)


def test_a_wrong_scale_is_wrong_and_a_missing_one_missed(
    figures: list[tuple[list[dict[str, Any]], list[Panel]]],
) -> None:
    def tell(factor: float) -> Score:
        return total(
            [
                (truth, [replace(p, scale=_scaled(p.scale, factor)) if p.scale is not None else p for p in made])
                for truth, made in figures
            ]
        )

    wrong = tell(1.2).count
    assert wrong["bars_wrong"] == wrong["bars"]
    assert not any(right for _, right in tell(1.2).readings)
    assert tell(1.03).count["bars_right"] == wrong["bars"]
    silent = total([(truth, [replace(p, scale=None) for p in made]) for truth, made in figures]).count
    assert silent["bars_missed"] == silent["bars"]


def _scaled(scale: ScaleReading, factor: float) -> ScaleReading:
    length = None if scale.length_nm is None else scale.length_nm * factor
    return replace(scale, nm_per_px=scale.nm_per_px * factor, length_nm=length)


def first_drawn(fits: Callable[[list[Panel]], bool]) -> tuple[list[dict[str, Any]], list[Panel]]:
    """Return the first drawn figure whose panels fit."""
    return next(pair for pair in map(drawn, range(200)) if fits(pair[1]))


def test_a_group_in_one_box_finds_none_of_its_images() -> None:
    truth, made = first_drawn(lambda panels: len(panels) > 8 and panels[0].part is not None)
    first = [panel for panel in made if panel.label == made[0].label]
    group = Panel(box=first[0].group or first[0].box, label=first[0].label, kind="micrograph")
    score = score_figure(truth, [group, *(panel for panel in made if panel not in first)])
    assert score.count["images"] - score.count["found"] == sum(panel.inset_of is None for panel in first)
    assert score.count["whole"] == 0
    assert score.failures


def is_lone_plot(panel: Panel) -> bool:
    return panel.kind == "plot" and panel.part is None


def test_a_scale_at_a_drawing_is_false() -> None:
    truth, made = first_drawn(lambda panels: any(is_lone_plot(panel) for panel in panels))
    told = [replace(panel, scale=ScaleReading(5.0)) if is_lone_plot(panel) else panel for panel in made]
    assert score_figure(truth, told).count["false"] == sum(map(is_lone_plot, made))


def is_unscaled(panel: Panel) -> bool:
    return panel.kind == "micrograph" and panel.scale is None and panel.bar is None and panel.inset_of is None


def test_a_shared_scale_where_none_is_told_is_wrong() -> None:
    truth, made = first_drawn(lambda panels: any(map(is_unscaled, panels)))
    told = [replace(panel, scale=panel.scale or ScaleReading(5.0, source="shared")) for panel in made]
    score = score_figure(truth, told)
    assert score.count["shared_wrong"] > 0
    assert not all(right for _, right in score.readings)
