"""Hits are judged by their looks: strong, weak or none, with the probability behind the word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.truth_images import left_half, read_labeled_images
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.facade.results import AnswerHits
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.query import Filters, ScoredPanel
from mirsearch.report.csv_output import answer_csv
from mirsearch.report.reasons import reasons
from mirsearch.report.sentences import match_phrase, outcome_sentence
from mirsearch.search.answer import Answer, QueryImage, QueryView, answer_json
from mirsearch.search.match import CALIBRATED, NONE, STRONG, is_calibrated, judge
from mirsearch.search.question import Question
from mirsearch.search.search import ask
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

DIMS = index_records.IDENTITY.dims


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    identity = ExtractorIdentity(*CALIBRATED, DIMS)
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=identity)
    with opened.writer() as writer:
        for number in range(8):
            writer.put(index_records.record(number))
    yield opened
    opened.close()


def no_extractor() -> object:
    raise AssertionError("a panel of the index needs no extractor")


def asked(index: Index, **options: object) -> Answer:
    like = next(index.select_panels(Filters())).panel.id
    return ask(index, Question(like=like, top=50, every_kind=True, **options), no_extractor)  # type: ignore[arg-type]


def test_the_extractor_is_the_one_that_was_calibrated() -> None:
    assert (EfficientNetExtractor.name, EfficientNetExtractor.version) == CALIBRATED


def test_nearer_is_likelier_and_among_more_panels_less_so() -> None:
    distances, sizes = (0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0), (1, 100, 1_000, 100_000, 10_000_000)
    for size in sizes:
        told = [judge(distance, size).probability for distance in distances]
        assert told == sorted(told, reverse=True)
        assert all(0 <= probability <= 1 for probability in told)
    for distance in distances:
        told = [judge(distance, size).probability for size in sizes]
        assert told == sorted(told, reverse=True)
    assert [judge(distance, 1_000).word for distance in (0.05, 0.15, 0.4, 0.8)] == ["strong", "strong", "weak", "none"]
    assert judge(0.15, 1_000_000).word == "weak"
    for distance in np.linspace(0, 1, 50):
        match = judge(float(distance), 500)
        expected = "strong" if match.probability > STRONG else "none" if match.probability < NONE else "weak"
        assert match.word == expected or match.probability in (STRONG, NONE)


def test_every_hit_with_looks_is_judged(index: Index) -> None:
    answer = asked(index)
    assert len(answer.hits) > 3
    for hit in answer.hits:
        assert hit.scored.visual_distance is not None
        assert hit.match == judge(hit.scored.visual_distance, answer.considered)
    best = min(answer.hits, key=lambda hit: hit.scored.visual_distance or 0.0)
    assert answer.match == best.match
    told = answer_json(answer)
    assert told["match"] == {"word": best.match.word, "probability": best.match.probability}  # type: ignore[union-attr]
    assert all(set(hit["match"]) == {"word", "probability"} for hit in told["hits"])
    assert match_phrase(answer) in outcome_sentence(answer)
    assert "of 100 such hits show the same kind of thing" in outcome_sentence(answer)
    assert any("match: about" in reason.sentence for reason in reasons(answer, best))
    found = AnswerHits(index, answer)
    assert found.match == answer.match
    assert [hit.match for hit in found] == [hit.match for hit in answer.hits]
    header, first, *_ = answer_csv(answer).splitlines()
    assert header.endswith("match,match_probability")
    assert first.rpartition(",")[2]


def test_what_is_not_calibrated_is_not_judged(index: Index) -> None:
    words = ask(index, Question(text="panel figure image", top=9), no_extractor)  # type: ignore[arg-type]
    assert words.match is None
    assert match_phrase(words) == ""
    identity, image = index.extractor, QueryImage("a.png", None, (0, 0, 1, 1), None, None, None)
    assert is_calibrated(identity, QueryView(image="a.png", images=(image,)))
    assert is_calibrated(identity, QueryView(like="x", images=(image,)))
    for view in (QueryView(), QueryView(images=(image, image)), QueryView(like="x", alike=("y",))):
        assert not is_calibrated(identity, view)
    assert not is_calibrated(ExtractorIdentity("efficientnet", "0", DIMS), QueryView(like="x"))
    assert not is_calibrated(index_records.IDENTITY, QueryView(like="x"))


def test_nothing_alike_is_told_carefully(index: Index) -> None:
    answer = asked(index, use_scale=False)
    far = [
        type(hit)(hit.rank, ScoredPanel(hit.stored.panel.id, 0.5, 0.9, 0.55), hit.stored, match=judge(0.9, 10))
        for hit in answer.hits
    ]
    by_looks = Answer(QueryView(like="x"), tuple(far), True, 10, 1.0, answer.formula)
    assert "none: the corpus has nothing like it" in match_phrase(by_looks)
    with_words = Answer(QueryView(like="x", text="gold"), tuple(far), True, 10, 1.0, answer.formula)
    assert "none: no hit looks like it" in match_phrase(with_words)


@pytest.mark.data
def test_halves_of_pictures_are_strong_matches_and_pictures_of_other_studies_seldom(shared_data: Path) -> None:
    images = read_labeled_images(shared_data)
    extractor = EfficientNetExtractor()
    whole = np.concatenate([extractor.embed([image.pixels]) for image in images])
    half = np.concatenate([extractor.embed([np.ascontiguousarray(left_half(image.pixels))]) for image in images])
    papers = np.array([image.paper for image in images])
    own = [judge(float(1 - one @ other), len(images)).word for one, other in zip(half, whole, strict=True)]
    distance = np.where(papers[:, None] == papers, 2.0, 1 - whole @ whole.T)
    others = [judge(float(nearest), len(images)).word for nearest in distance.min(axis=1)]
    assert own.count("strong") >= 0.95 * len(images)
    assert own.count("none") <= 0.02 * len(images)
    assert others.count("strong") <= 0.3 * len(images)
    assert others.count("none") >= 0.2 * len(images)
