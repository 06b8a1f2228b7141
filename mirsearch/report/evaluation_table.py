"""An evaluation in a terminal: the means with intervals and chance, the breakdowns, and the worst queries."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mirsearch.evaluation.measures import MEASURES
from mirsearch.evaluation.results import Evaluation, Summary
from mirsearch.report.columns import print_columns
from mirsearch.report.wording import clean_text

MEASURE_NAMES = {"map": "mAP", "p_at_1": "P@1", "p_at_10": "P@10", "ndcg_at_10": "nDCG@10", "mrr": "MRR"}
_WORST = 5
_MAX_NAME = 80


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the means, what they are by technique, scale or class, the test against another one, and the worst."""
    plain = not console.is_terminal
    summary = evaluation.summary
    queries = f"{summary.queries:,} {'query' if summary.queries == 1 else 'queries'}"
    console.print(Text(clean_text(f"{evaluation.what}: {queries}", 300), style="bold"), soft_wrap=plain)
    print_columns(("measure", "value", "95 % interval", "chance"), _mean_rows(summary), console)
    for trait, summaries in evaluation.breakdowns.items():
        if len(summaries) > 1:
            console.print("")
            print_columns((trait, "queries", "mAP", "95 % interval", "chance", "P@10"), _rows(summaries), console)
    if evaluation.comparison:
        console.print("")
        print_columns(("measure", "before", "now", "difference", "95 % interval", "p"), _test_rows(evaluation), console)
    console.print("")
    worst = [(clean_text(each.query, _MAX_NAME), f"{each.values['map']:.3f}", f"{each.chance['map']:.3f}")
             for each in evaluation.worst(_WORST)]  # fmt: skip
    print_columns(("worst queries", "AP", "chance"), worst, console)
    for note in evaluation.notes:
        console.print(Text(clean_text(note, 300), style="dim"), soft_wrap=plain)


def interval_text(bounds: Sequence[float]) -> str:
    """Return an interval in words: "0.46 to 0.51"."""
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _mean_rows(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (MEASURE_NAMES[name], f"{summary.values[name]:.3f}", interval_text(summary.intervals[name]),
         f"{summary.chance[name]:.3f}")
        for name in MEASURES
    ]  # fmt: skip


def _rows(summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    return [
        (clean_text(each.name, _MAX_NAME), f"{each.queries:,}", f"{each.values['map']:.3f}",
         interval_text(each.intervals["map"]), f"{each.chance['map']:.3f}", f"{each.values['p_at_10']:.3f}")
        for each in summaries
    ]  # fmt: skip


def _test_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    return [
        (MEASURE_NAMES[name], f"{test.before:.3f}", f"{test.after:.3f}", f"{test.difference:+.3f}",
         interval_text(test.interval), f"{test.p_value:.4f}")
        for name, test in evaluation.comparison.items()
    ]  # fmt: skip
