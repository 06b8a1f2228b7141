"""Panels that are marked as alike or not alike: how the vector of a question follows them, and what answers tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.search.feedback import measure_rise, read_classes, turn_vector
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, SearchRequest
from mirsearch.report.page import page_html
from mirsearch.report.sentences import query_sentence
from mirsearch.search import feedback
from mirsearch.search.answer import answer_json
from mirsearch.search.search import Question, ask, prepare_question
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.search.test_answers_of_articles import figure_record
from tests.support import index_records

NOTHING = np.zeros((0, index_records.DIMS))
FIGURES, LOOKS = 48, 3


def unit(seed: int, dims: int = index_records.DIMS) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=dims)
    return vector / np.linalg.norm(vector)


def near(vector: np.ndarray, seed: int, spread: float = 0.6) -> np.ndarray:
    moved = vector + spread * unit(seed, len(vector))
    return moved / np.linalg.norm(moved)


def test_without_marks_the_vector_stays() -> None:
    assert np.array_equal(feedback.turn_vector(unit(1), [], [], NOTHING), unit(1))
    assert feedback.turn_vector(None, [], [], NOTHING) is None


def test_few_marks_follow_rocchios_rule() -> None:
    question, alike, not_alike = unit(1), [near(unit(1), 2), near(unit(1), 3)], [near(unit(1), 4, 2.0)]
    turned = feedback.turn_vector(question, alike, not_alike, NOTHING)
    expected = question + 3 * np.mean(alike, axis=0) - 2 * not_alike[0]
    assert turned == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)


def test_the_logistic_model_is_at_its_optimum() -> None:
    prior, wanted, unwanted = unit(1), [near(unit(1), n) for n in range(2, 6)], np.stack([unit(8), unit(9)])
    weights = feedback._logistic_weights(prior, wanted, unwanted)

    def loss(numbers: np.ndarray) -> float:
        slope, bias = numbers[:-1], numbers[-1]
        wrong = [np.mean(np.log1p(np.exp(-sign * (np.asarray(part) @ slope + bias))))
                 for sign, part in ((1, wanted), (-1, unwanted))]  # fmt: skip
        return float(sum(wrong) + 0.05 * np.sum((slope - prior) ** 2) + 0.5e-4 * bias**2)

    # the bias is not returned: the best one for these weights is found here
    biases = np.linspace(-6, 6, 2401)
    best = biases[int(np.argmin([loss(np.append(weights, bias)) for bias in biases]))]
    at = loss(np.append(weights, best))
    chance = np.random.default_rng(0)
    for _ in range(200):
        moved = weights + 0.05 * chance.normal(size=weights.shape)
        assert loss(np.append(moved, best)) > at


@pytest.mark.parametrize("marks", [1, 4, 30])
def test_what_looks_like_what_is_wanted_can_not_turn_the_vector_away(marks: int) -> None:
    question = unit(1)
    alike, not_alike = [near(question, 2, 0.2)], [near(question, 10 + n, 0.05) for n in range(marks)]
    turned = feedback.turn_vector(question, alike, not_alike, NOTHING)
    middle = question + 3 * alike[0]
    assert turned is not None
    assert float(turned @ middle / np.linalg.norm(middle)) >= 0.85 - 1e-6
    assert float(turned @ alike[0]) > float(turned @ not_alike[0])


def test_only_what_is_not_alike_points_away_from_it() -> None:
    turned = feedback.turn_vector(None, [], [unit(1), unit(1)], NOTHING)
    assert turned == pytest.approx(-unit(1), abs=1e-6)


def test_opposite_marks_have_no_direction() -> None:
    assert feedback.turn_vector(None, [unit(1), -unit(1)], [], NOTHING) is None
    assert feedback.turn_vector(unit(1), [unit(1)], [unit(1)], np.stack([unit(1)] * 3)) is not None


def test_five_marks_raise_the_ranking_of_the_rest(shared_data: Path) -> None:
    """On the labeled micrographs: by .10 or more, and by .05 or more where the marked papers are left out, too."""
    data = read_classes(shared_data)
    rises = [measure_rise(data, turn_vector, 5, new_papers) for new_papers in (False, True)]
    least = [float(np.nanmean(rise.after - rise.before)) for rise in rises]
    assert least[0] >= 0.10
    assert least[1] >= 0.05


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Vectors of three looks in turn."""
    centers = [unit(number) for number in range(LOOKS)]
    return np.stack([near(centers[n % LOOKS], 100 + n, 2.0) for n in range(FIGURES)]).astype(np.float32)


@pytest.fixture(scope="module", params=BACKENDS)
def index(
    request: pytest.FixtureRequest, vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    with opened.writer() as writer:
        for number, vector in enumerate(vectors):
            content = f"{(number * 37) % FIGURES:02d}" * 8
            writer.put(figure_record(number, number, vector, f"/corpus/fig_{number}.png", content))
    yield opened
    opened.close()


def no_extractor() -> Extractor:
    raise AssertionError("nothing is embedded")


def asked(index: Index, **question: Any) -> Any:
    return ask(index, Question(use_scale=False, top=FIGURES, **question), no_extractor)


def number_of(hit: Any) -> int:
    return int(re.sub(r"\D", "", hit.stored.figure.label))


@pytest.fixture
def ids(index: Index) -> list[str]:
    """The ids of the panels by the number of their figure."""
    return [index.find_panels(f"{(number * 37) % FIGURES:02d}" * 8)[0].panel.id for number in range(FIGURES)]


def test_both_indexes_rank_by_the_turned_vector(index: Index, ids: list[str], vectors: np.ndarray) -> None:
    marks = {"alike": (ids[3], ids[6], ids[9]), "not_alike": (ids[1], ids[2])}
    before = [number_of(hit) for hit in asked(index, like=ids[0]).hits]
    answer = asked(index, like=ids[0], **marks)
    exact = vectors.astype(np.float64)
    first = exact[np.argsort(ids)]
    turned = feedback.turn_vector(vectors[0], exact[[3, 6, 9]], exact[[1, 2]], first)
    assert turned is not None
    distances = 1 - exact @ turned
    left = [n for n in range(FIGURES) if n not in (0, 1, 2, 3, 6, 9)]
    assert [number_of(hit) for hit in answer.hits] == sorted(left, key=lambda n: distances[n])
    for hit in answer.hits:
        assert hit.scored.visual_distance == pytest.approx(distances[number_of(hit)], abs=2e-4)
        assert hit.scored.score == pytest.approx(1 - distances[number_of(hit)] / 2, abs=1e-4)

    def places(found: list[int]) -> float:
        return float(np.mean([place for place, n in enumerate(n for n in found if n in left) if n % LOOKS == 0]))

    assert places([number_of(hit) for hit in answer.hits]) < places(before)


def test_first_vectors_are_those_of_the_first_panels_that_pass(
    index: Index, ids: list[str], vectors: np.ndarray
) -> None:
    order = np.argsort(ids)
    assert index.first_vectors(Filters(), 5) == pytest.approx(vectors[order[:5]], abs=1e-3)
    chosen = tuple(f"index:{number}" for number in (4, 2))
    assert len(index.first_vectors(Filters(articles=chosen), 5)) <= 2
    assert index.first_vectors(Filters(year_from=2999), 5).shape == (0, index_records.DIMS)


def test_words_and_scale_count_with_the_marks(index: Index, ids: list[str]) -> None:
    request = prepare_question(index, Question(text="grains", alike=(ids[0],), not_alike=(ids[1],)), no_extractor)
    assert request.request.text == "grains"
    assert request.request.vector is not None
    answer = asked(index, text="grains", not_alike=(ids[1],))
    assert all(hit.scored.visual is not None and hit.scored.text for hit in answer.hits)
    assert ids[1] not in [hit.stored.panel.id for hit in answer.hits]


def test_an_answer_tells_its_marks(index: Index, ids: list[str]) -> None:
    answer = asked(index, like=ids[0], alike=("fig_3.png", ids[3], ids[6]), not_alike=(ids[1],))
    told = answer_json(answer)["query"]
    assert told["alike"] == [ids[3], ids[6]]
    assert told["not_alike"] == [ids[1]]
    assert "from 2 alike, 1 not" in query_sentence(answer.query)
    assert "from 2 alike, 1 not" in page_html([answer])
    alone = asked(index, alike=(ids[3],))
    assert query_sentence(alone.query) == "From 1 alike"
    assert "from 1 not alike" in query_sentence(asked(index, text="grains", not_alike=(ids[3],)).query)
    assert "looks 0." in page_html([alone])


@pytest.mark.parametrize(
    ("marks", "error", "message"),
    [
        ({"like": 0, "alike": [1], "not_alike": [1]}, UsageError, "as alike and as not alike"),
        ({"like": 0, "not_alike": [0]}, UsageError, "asked with and marked as not alike"),
        ({"not_alike": [0]}, UsageError, "nothing to search for"),
        ({"alike": ["none.png"]}, NotFoundError, "none.png"),
        ({"alike": [0] * 101}, UsageError, "too many"),
    ],
)
def test_marks_that_make_no_sense_are_refused(
    index: Index, ids: list[str], marks: dict[str, Any], error: type[Exception], message: str
) -> None:
    def name(value: int | str) -> str:
        return value if isinstance(value, str) else ids[value]

    question = {key: name(value) if key == "like" else tuple(map(name, value)) for key, value in marks.items()}
    with pytest.raises(error, match=re.escape(message)):
        asked(index, **question)


def test_a_turned_request_is_a_request_like_any_other(index: Index, ids: list[str]) -> None:
    request = prepare_question(index, Question(like=ids[0], alike=(ids[3],), top=3), no_extractor).request
    again = SearchRequest(vector=request.vector, top=3, filters=request.filters, exclude=request.exclude)
    assert [panel.panel_id for panel in index.search(again).panels]
