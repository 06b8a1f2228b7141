"""Compare an evaluation with an earlier one of the same queries, read from its JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.errors import UsageError
from mirsearch.evaluation.intervals import PairedTest, compare_values
from mirsearch.evaluation.measures import MEASURES
from mirsearch.evaluation.results import Evaluation
from mirsearch.settings import LIMITS

_REMEDY = "give what `mirsearch evaluate --format json` wrote"


def compare_with_earlier(evaluation: Evaluation, path: Path) -> dict[str, PairedTest]:
    """Return the paired test of each measure: the earlier evaluation in `path` is `before`.

    Only queries that both have count. UsageError if there are none, or if the file is no evaluation.
    """
    earlier = _read_values(path)
    shared = [result for result in evaluation.results if result.query in earlier]
    if not shared:
        raise UsageError(f"{path} has none of these queries", "compare evaluations of the same judgments")
    groups = np.array([result.group for result in shared])
    return {
        measure: compare_values(
            np.array([earlier[result.query][measure] for result in shared]),
            # rounded as the file's values are, so that an unchanged query has no difference
            np.array([round(result.values[measure], 4) for result in shared]),
            groups,
        )
        for measure in MEASURES
    }


def _read_values(path: Path) -> dict[str, dict[str, float]]:
    """Return the measures of each query of a file."""
    try:
        if path.stat().st_size > LIMITS.json_bytes:
            raise UsageError(f"{path} is too large to be read", _REMEDY)
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(item["id"]): _measures(item) for item in data["per_query"]}
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", _REMEDY) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is no evaluation", _REMEDY) from error


def _measures(item: Mapping[str, Any]) -> dict[str, float]:
    values = {measure: float(item[measure]) for measure in MEASURES}
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("a measure is no number")
    return values
