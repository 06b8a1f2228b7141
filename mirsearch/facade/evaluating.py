"""Evaluate a corpus from Python: the options of `mirsearch evaluate` as plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mirsearch.errors import UsageError
from mirsearch.facade.parts import Parts
from mirsearch.facade.values import Words, to_weights
from mirsearch.indexes.base import Index

if TYPE_CHECKING:
    from mirsearch.evaluation.index_runs import JudgedRun, Setting
    from mirsearch.evaluation.results import Evaluation
    from mirsearch.ranking import Formula
    from mirsearch.search.query_image import ImageQuestion

File = str | os.PathLike[str]


class EvaluatedCorpus:
    """A corpus that can be measured."""

    index: Index
    _parts: Parts

    def evaluate(
        self,
        judgments: File | None = None,
        *,
        queries: File | None = None,
        classes: File | None = None,
        groups: File | None = None,
        leave_out: Literal["none", "figure", "article"] = "none",
        against: File | None = None,
        tune: bool = False,
        dry_run: bool = False,
        weight: Words | Mapping[str, float] = None,
        missing: Literal["neutral", "penalize", "exclude"] = "neutral",
        sigma: float | None = None,
        no_scale: bool = False,
        doubtful: bool = False,
        all_kinds: bool = False,
        retracted: bool = False,
    ) -> Evaluation:
        """Measure how well judged queries, or images of classes, find what is relevant. Needs the extra `evaluate`.

        With `tune`, the score is fitted to judgments, and kept as the index's own if held-out queries gain (nothing is
        written with `dry_run`).
        `judgments`: TREC qrels, or a csv table (image, text, relevant); `classes`: a folder with one subfolder a class.
        """
        from mirsearch.evaluation.comparison import compare_with_earlier
        from mirsearch.evaluation.index_runs import Setting
        from mirsearch.search.option_values import parse_formula
        from mirsearch.search.own_score import own_formula
        from mirsearch.search.question import Question

        if (judgments is None) == (classes is None):
            raise UsageError("nothing to evaluate", "give judgments or classes")
        if (tune or dry_run) and (judgments is None or not tune):
            raise UsageError("tune fits to judgments, and dry_run is for tune", "give judgments and tune")
        if judgments is None:
            found = self._evaluate_classes(classes, groups)
        else:
            formula = parse_formula(to_weights(weight), missing, sigma, own_formula(self.index))
            question = Question(
                use_scale=not no_scale, doubtful=doubtful, every_kind=all_kinds, retracted=retracted, formula=formula
            )
            run = self._judged_run(Path(judgments), queries, groups, Setting(question, leave_out))
            found = self._tune(run, formula, dry_run) if tune else run.evaluate(formula)
        return found if against is None else replace(found, comparison=compare_with_earlier(found, Path(against)))

    def _evaluate_classes(self, folder: File | None, groups: File | None) -> Evaluation:
        from mirsearch.evaluation.classes import evaluate_classes

        assert folder is not None
        return evaluate_classes(Path(folder), self._parts.extractor, None if groups is None else Path(groups))

    def _tune(self, run: JudgedRun, formula: Formula, dry_run: bool) -> Evaluation:
        from mirsearch.evaluation.tuning import tuned_evaluation

        return tuned_evaluation(self.index, run, formula, dry_run)

    def _judged_run(self, judgments: Path, queries: File | None, groups: File | None, setting: Setting) -> JudgedRun:
        from mirsearch.evaluation.groups import read_groups
        from mirsearch.evaluation.index_runs import JudgedRun
        from mirsearch.evaluation.judgments import read_judgments

        judged = read_judgments(judgments, None if queries is None else Path(queries))
        setting = replace(setting, groups={} if groups is None else read_groups(Path(groups)))
        return JudgedRun(self.index, judged, setting, lambda: self._parts.extractor, self._read_query_image)

    def _read_query_image(self, path: str) -> ImageQuestion:
        from mirsearch.search.query_image import ImageQuestion

        return ImageQuestion(Path(path), self._parts.ocr, self._parts.detector)
