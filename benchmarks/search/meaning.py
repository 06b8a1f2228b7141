"""Measures whether the meaning of sentences finds figures that their words do not: python -m benchmarks.search.meaning

    python -m benchmarks.search.meaning ARTICLES… [--words N] [--without-mentions]

Each folder has JATS articles, each in a folder of its own (fulltext.xml or manuscript.xml). Their figures are written
to an embedded index, a panel for each part of a caption. Each sentence of the text that mentions a figure is then a
question, without the reference; the figures that it mentions are to be found, among those of all articles. While a
question is asked, its own sentence is not in the index, neither as words nor in the sentence vectors. With --words, a
stretch of so many words of each sentence is asked; with --without-mentions, captions alone are in the index.

The mean reciprocal rank of words alone is compared with that of words and meaning, at several weights of the meaning
(that of the words is 0.3), and with what could be had at most: each sentence with the weight that is best for it, which
only who knows the answer can choose. Intervals are 95 % bootstrap of the ratio, by article. The terms are those of the
answers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.captions.split import split_caption
from mirsearch.corpus import Figure, Panel, name_panels
from mirsearch.errors import SourceError
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.meanings import installed_model, open_model, rounded
from mirsearch.query import SearchRequest
from mirsearch.ranking import Formula, Weights, combine
from mirsearch.sources.jats.parse import read_jats
from mirsearch.text import figure_references
from mirsearch.text.word_ranking import wanted_text

WEIGHTS = (0.0, 0.03, 0.06, 0.1, 0.15, 0.3, 0.6, 3.0, 300.0)
"""The last is meaning alone: words then only part what is of one meaning."""
LEAST_WORDS, ROUNDS, WANTED = 4, 2_000, 1.15
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*[;,]?\s*(?:see|and|in)?\s*[)\]]")


@dataclass(frozen=True, slots=True)
class AskedSentence:
    """A sentence of an article, what is asked of it, and the figures (numbers of records) that it mentions."""

    article: str
    sentence: str
    asked: str
    figures: tuple[int, ...]


def without_references(sentence: str) -> str:
    """Return a sentence without "Fig. 2b", "(Figures 3 and 4)" and the like."""
    kept, position = [], 0
    while (word := figure_references.FIGURE_WORD.search(sentence, position)) is not None:
        end = figure_references._read_numbers(sentence, word, {})
        is_reference = end > word.end()
        kept.append(sentence[position : word.start() if is_reference else word.end()])
        position = end if is_reference else word.end()
    text = " ".join("".join([*kept, sentence[position:]]).split())
    return _EMPTY_BRACKETS.sub("", text).strip()


def read_records(folders: Sequence[Path]) -> Iterator[tuple[str, FigureRecord]]:
    """Yield the figures of all articles with captions, each with the name of its article's folder."""
    number = 0
    for folder in folders:
        for path in sorted([*folder.glob("*/fulltext.xml"), *folder.glob("*/manuscript.xml")]):
            try:
                articles = read_jats(path)
            except SourceError as error:
                print(f"left out: {error}")
                continue
            for article in articles:
                for figure in article.figures:
                    number += 1
                    identity, parts = f"{number:016x}", split_caption(figure.caption)
                    places = enumerate(parts.labels or (None,))
                    panels = [Panel((10 * at, 0, 10 * at + 10, 10), label, caption=parts.words_for(label))
                              for at, label in places]  # fmt: skip
                    described = Figure(identity, 10 * len(panels), 10, figure.label, figure.caption, article.article,
                                       mentions=figure.mentions)  # fmt: skip
                    vectors = np.ones((len(panels), 2), np.float32)
                    yield path.parent.name, FigureRecord(described, name_panels(identity, panels), vectors, ())


def read_questions(records: Sequence[tuple[str, FigureRecord]], words: int | None) -> list[AskedSentence]:
    """Return the sentences that mention figures, each once an article."""
    figures: dict[tuple[str, str], list[int]] = {}
    for number, (article, record) in enumerate(records):
        for sentence in record.figure.mentions:
            figures.setdefault((article, sentence), []).append(number)
    rng, found = np.random.default_rng(1), []
    for (article, sentence), numbers in figures.items():
        asked = without_references(sentence).split()
        if len(asked) < LEAST_WORDS:
            continue
        start = 0 if words is None else int(rng.integers(0, max(1, len(asked) - words + 1)))
        end = len(asked) if words is None else start + words
        found.append(AskedSentence(article, sentence, " ".join(asked[start:end]), tuple(numbers)))
    return found


def reciprocal_ranks(
    folder: str, records: Sequence[FigureRecord], questions: Sequence[AskedSentence]
) -> NDArray[np.float64]:
    """Return the reciprocal rank of the best wanted figure, (weights, questions)."""
    model = installed_model()
    encoder = open_model(model)
    ranks = np.zeros((len(WEIGHTS), len(questions)))
    with EmbeddedIndex.open(folder, create=ExtractorIdentity("none", "1", 2)) as index:
        index.add_meaning(model)
        _replace(index, records)
        with index.snapshot() as snapshot:  # with their sentence vectors, which are then not made again
            records = list(snapshot.records())
        panels = sum(len(record.panels) for record in records)
        for column, question in enumerate(questions):
            own = [records[number] for number in question.figures]
            _replace(index, [_without(record, question.sentence) for record in own])
            vector = rounded(encoder.embed_text([question.asked])[0])
            found = index.search(SearchRequest(text=wanted_text(question.asked), top=panels, meaning_vector=vector))
            figures = [panel.panel_id.partition("-")[0] for panel in found.panels]
            text, meaning = (np.array([getattr(panel, term) or 0.0 for panel in found.panels])
                             for term in ("text", "meaning"))  # fmt: skip
            wanted = {record.figure.id for record in own}
            for row, weight in enumerate(WEIGHTS):
                score = combine(Formula(Weights(meaning=weight)), text=text, meaning=meaning)
                ranks[row, column] = _reciprocal_rank(score, figures, wanted)
            _replace(index, own)
    return ranks


def _without(record: FigureRecord, sentence: str) -> FigureRecord:
    mentions = tuple(each for each in record.figure.mentions if each != sentence)
    return dataclasses.replace(record, figure=dataclasses.replace(record.figure, mentions=mentions))


def _replace(index: EmbeddedIndex, records: Sequence[FigureRecord]) -> None:
    with index.writer() as writer:
        writer.delete_figures([record.figure.id for record in records])  # else earlier mentions would stay
        for record in records:
            writer.put(record)


def _reciprocal_rank(score: NDArray[np.float64], figures: Sequence[str], wanted: set[str]) -> float:
    """Return 1/rank of the best wanted figure; figures of the same score share the mean of their ranks."""
    best: dict[str, float] = {}
    for figure, value in zip(figures, score.tolist(), strict=True):
        best[figure] = max(best.get(figure, 0.0), value)
    top = max((best.get(figure, 0.0) for figure in wanted), default=0.0)
    if top <= 0:
        return 0.0
    values = np.array(list(best.values()))
    return 1.0 / (1 + np.count_nonzero(values > top) + (np.count_nonzero(values == top) - 1) / 2)


def ratio_interval(
    words: NDArray[np.float64], both: NDArray[np.float64], articles: Sequence[str]
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the ratio of two means, resampling articles."""
    groups = [np.flatnonzero(np.array(articles) == name) for name in sorted(set(articles))]
    rng, ratios = np.random.default_rng(1), []
    for _ in range(ROUNDS):
        rows = np.concatenate([groups[each] for each in rng.integers(0, len(groups), len(groups))])
        ratios.append(both[rows].mean() / words[rows].mean())
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", nargs="+", type=Path)
    parser.add_argument("--words", type=int)
    parser.add_argument("--without-mentions", action="store_true")
    chosen = parser.parse_args()
    named = list(read_records(chosen.articles))
    questions = read_questions(named, chosen.words)
    records = [record for _, record in named]
    if chosen.without_mentions:
        records = [dataclasses.replace(each, figure=dataclasses.replace(each.figure, mentions=())) for each in records]
    with tempfile.TemporaryDirectory() as folder:
        ranks = reciprocal_ranks(str(Path(folder) / "index"), records, questions)
    articles = [question.article for question in questions]
    print(f"{len(set(articles))} articles, {len(records)} figures, {len(questions)} sentences; wanted: {WANTED} times")
    rows = []
    for weight, own in [*zip(WEIGHTS, ranks, strict=True), (None, ranks.max(axis=0))]:
        low, high = ratio_interval(ranks[0], own, articles)
        ratio = float(own.mean() / ranks[0].mean())
        rows.append({"weight": weight, "mrr": float(own.mean()), "ratio": ratio, "low": low, "high": high})
        name = "best known" if weight is None else f"{weight:10.2f}"
        print(f"meaning {name}: MRR {own.mean():.3f}, {ratio:.3f} times words alone ({low:.3f} to {high:.3f})")
    print(json.dumps({"articles": len(set(articles)), "sentences": len(questions), "rows": rows}))


if __name__ == "__main__":
    main()
