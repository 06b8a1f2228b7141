"""The result of an evaluation: each query's measures, their means with intervals and chance, and its JSON form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mirsearch.evaluation.intervals import PairedTest, bootstrap_interval
from mirsearch.evaluation.measures import MEASURES, Measured, Ranking, chance_measures, measure_rankings

SHOWN_ANSWERS = 10
"""Answers of a query that its result keeps."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One query: its measures, what they are by chance, its group, and what breakdowns tell of it ("technique": "SEM").

    `answers` are the first ids that were found, each with whether it is relevant. `relevant` counts what there was to
    find among `candidates`.
    """

    query: str
    values: Measured
    chance: Measured
    group: str
    traits: Mapping[str, str]
    answers: tuple[tuple[str, bool], ...]
    relevant: int
    candidates: int

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "id": self.query,
            **{name: round(value, 4) for name, value in self.values.items()},
            "group": self.group,
            "traits": dict(self.traits),
            "relevant": self.relevant,
            "candidates": self.candidates,
            "answers": [{"id": found, "relevant": is_relevant} for found, is_relevant in self.answers],
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """The means of some queries, each with its 95 % interval (by groups) and its chance level."""

    name: str
    queries: int
    values: Measured
    intervals: Mapping[str, tuple[float, float]]
    chance: Measured

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, rounded to four places."""
        return {
            "queries": self.queries,
            **{name: round(value, 4) for name, value in self.values.items()},
            **{f"{name}_interval": [round(bound, 4) for bound in self.intervals[name]] for name in self.values},
            **{f"chance_{name}": round(value, 4) for name, value in self.chance.items()},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results, what was evaluated, with which settings, notes for the reader, and the test against another one.

    `left_out` counts the queries that had nothing to find.
    """

    what: str
    settings: Mapping[str, Any]
    results: tuple[QueryResult, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()
    comparison: Mapping[str, PairedTest] = field(default_factory=dict)
    tuning: Mapping[str, Any] | None = None

    @property
    def summary(self) -> Summary:
        """Return the means of all queries."""
        return summarize("all", self.results)

    @property
    def breakdowns(self) -> dict[str, list[Summary]]:
        """Return the means by each trait of the queries: most queries first, then by name."""
        names = dict.fromkeys(name for result in self.results for name in result.traits)
        return {name: _by_trait(self.results, name) for name in names}

    def worst(self, count: int) -> list[QueryResult]:
        """Return the queries with the lowest average precision beside chance, the worst first."""
        return sorted(self.results, key=lambda result: (result.values["map"] - result.chance["map"], result.query))[
            :count
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return what `mirsearch evaluate --format json` prints."""
        return {
            "what": self.what,
            **self.summary.as_json(),
            "left_out": self.left_out,
            "settings": dict(self.settings),
            "notes": list(self.notes),
            "breakdowns": {
                name: [{"name": each.name} | each.as_json() for each in summaries]
                for name, summaries in self.breakdowns.items()
            },
            "comparison": {name: test.as_json() for name, test in self.comparison.items()} or None,
            "tuning": None if self.tuning is None else dict(self.tuning),
            "per_query": [result.as_json() for result in self.results],
        }


def evaluate_rankings(
    rankings: Iterable[Ranking], groups: Mapping[str, str], traits: Mapping[str, Mapping[str, str]]
) -> list[QueryResult]:
    """Return the result of each ranking. `groups` and `traits` are by query; a query without group is its own."""
    return [
        QueryResult(
            query=ranking.query,
            values=values,
            chance=chance_measures(ranking),
            group=groups.get(ranking.query, ranking.query),
            traits=traits.get(ranking.query, {}),
            answers=tuple((found, ranking.relevant.get(found, 0) > 0) for found in ranking.found[:SHOWN_ANSWERS]),
            relevant=sum(grade > 0 for grade in ranking.relevant.values()),
            candidates=ranking.candidates,
        )
        for ranking, values in measure_rankings(rankings)
    ]


def summarize(name: str, results: Sequence[QueryResult]) -> Summary:
    """Return the means of at least one result. Intervals resample the groups of the queries."""
    groups = np.array([result.group for result in results])
    table = {measure: np.array([result.values[measure] for result in results]) for measure in MEASURES}
    return Summary(
        name=name,
        queries=len(results),
        values={measure: float(values.mean()) for measure, values in table.items()},
        intervals={measure: bootstrap_interval(values, groups) for measure, values in table.items()},
        chance={measure: float(np.mean([result.chance[measure] for result in results])) for measure in MEASURES},
    )


def _by_trait(results: Sequence[QueryResult], trait: str) -> list[Summary]:
    values = sorted({result.traits.get(trait, "") for result in results})
    summaries = [
        summarize(value or "not known", [result for result in results if result.traits.get(trait, "") == value])
        for value in values
    ]
    return sorted(summaries, key=lambda each: (-each.queries, each.name))
