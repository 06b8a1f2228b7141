"""An evaluation as one HTML file that needs nothing else: plots with their numbers, and the worst queries."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from mirsearch import __version__
from mirsearch.evaluation.measures import MEASURES
from mirsearch.evaluation.results import Evaluation, QueryResult, Summary
from mirsearch.report.evaluation_pictures import Pictures
from mirsearch.report.evaluation_table import MEASURE_NAMES
from mirsearch.report.page import content_policy, read_asset
from mirsearch.report.plots import BarPlot, BarRow, Curve, bar_plot, sorted_curve
from mirsearch.report.wording import clean_text

SHOWN_QUERIES = 12
"""Worst queries on the page."""
_SHOWN_ANSWERS = 6
_MAX_ROWS = 30
"""Most bars of a plot: of more techniques or classes, those with most queries."""


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture on the page: its address, its name, and whether it is a right answer (None: it is the query)."""

    address: str | None
    name: str
    is_right: bool | None = None


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """A query with its first answers."""

    query: ShownPicture
    precision: float
    chance: float
    relevant: int
    answers: tuple[ShownPicture, ...]


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """What the template shows."""

    title: str
    outcome: str
    notes: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    plots: tuple[BarPlot, ...]
    curve: Curve
    comparison: tuple[tuple[str, ...], ...]
    worst: tuple[ShownQuery, ...]
    version: str = __version__


def evaluation_html(evaluation: Evaluation, pictures: Pictures) -> str:
    """Return the document."""
    from mirsearch.report.rendering import embed_asset, template_environment

    style = read_asset("page.css") + read_asset("evaluation.css")
    return template_environment().get_template("evaluation.html").render(
        view=_view(evaluation, pictures), policy=content_policy(style, ""), style=embed_asset("style", style)
    )  # fmt: skip


def _view(evaluation: Evaluation, pictures: Pictures) -> EvaluationView:
    summary = evaluation.summary
    plots = [bar_plot("All queries", [_measure_row(summary, name) for name in MEASURES])]
    for trait, summaries in evaluation.breakdowns.items():
        if len(summaries) > 1:
            plots.append(bar_plot(f"mAP by {trait}", [_map_row(each) for each in summaries[:_MAX_ROWS]]))
    left_out = f"; {evaluation.left_out:,} had nothing to find" if evaluation.left_out else ""
    return EvaluationView(
        title=f"Evaluation of {evaluation.what}",
        outcome=f"{summary.queries:,} queries{left_out}",
        notes=tuple(clean_text(note, 300) for note in evaluation.notes),
        settings=tuple((name, _setting_text(value)) for name, value in evaluation.settings.items()),
        plots=tuple(plots),
        curve=sorted_curve("Average precision of each query", [each.values["map"] for each in evaluation.results]),
        comparison=tuple(_test_row(evaluation, name) for name in evaluation.comparison),
        worst=tuple(_shown_query(each, pictures) for each in evaluation.worst(SHOWN_QUERIES)),
    )


def _measure_row(summary: Summary, name: str) -> BarRow:
    return BarRow(MEASURE_NAMES[name], summary.values[name], summary.intervals[name], summary.chance[name])


def _map_row(summary: Summary) -> BarRow:
    values, chance = summary.values["map"], summary.chance["map"]
    return BarRow(clean_text(summary.name, 40), values, summary.intervals["map"], chance, summary.queries)


def _test_row(evaluation: Evaluation, name: str) -> tuple[str, ...]:
    test = evaluation.comparison[name]
    low, high = test.interval
    return (
        MEASURE_NAMES[name], f"{test.before:.3f}", f"{test.after:.3f}", f"{test.difference:+.3f}",
        f"{low:+.3f} to {high:+.3f}", f"{test.p_value:.4f}",
    )  # fmt: skip


def _setting_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner:g}" for name, inner in value.items())
    return str(value)


def _shown_query(result: QueryResult, pictures: Pictures) -> ShownQuery:
    return ShownQuery(
        query=_shown(result.query, pictures, None),
        precision=result.values["map"],
        chance=result.chance["map"],
        relevant=result.relevant,
        answers=tuple(_shown(found, pictures, right) for found, right in result.answers[:_SHOWN_ANSWERS]),
    )


def _shown(some_id: str, pictures: Pictures, is_right: bool | None) -> ShownPicture:
    jpeg = pictures.picture(some_id)
    address = None if not jpeg else "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    return ShownPicture(address, clean_text(pictures.name(some_id), 120), is_right)
