"""`--diverse`: hits that are unlike each other, on both indexes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mirsearch.corpus import Figure, Panel
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.search.answer import answer_json
from mirsearch.search.diversity import diverse_count
from mirsearch.search.search import Question, ask
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

AXES = np.eye(index_records.DIMS, dtype=np.float32)


def direction(*parts: tuple[int, float]) -> np.ndarray:
    vector = sum(weight * AXES[axis] for axis, weight in parts)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The query, eight panels of one kind near it, and one of another kind, a little farther."""
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    vectors = [direction((0, 1.0))]
    vectors += [direction((0, 1.0), (1, 0.6), (10 + at, 0.05)) for at in range(8)]
    vectors.append(direction((0, 1.0), (2, 0.9)))
    with opened.writer() as writer:
        for at, vector in enumerate(vectors):
            identity = f"{at:016x}"
            panel = Panel((0, 0, 50, 50), kind="micrograph", id=f"{identity}-1", figure_id=identity)
            writer.put(FigureRecord(Figure(identity, 50, 50), (panel,), vector[None], (b"",)))
    yield opened
    opened.close()


def hits(index: Index, **options: object) -> list[str]:
    answer = ask(index, Question(like=f"{0:016x}-1", **options), pytest.fail)  # type: ignore[arg-type]
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
    return [hit.stored.panel.id for hit in answer.hits]


def test_the_second_hit_is_unlike_the_first(index):
    plain, diverse = hits(index, top=3), hits(index, top=3, diverse=True)
    other = f"{9:016x}-1"
    assert other not in plain
    assert diverse[0] == plain[0]
    assert diverse[1] == other
    assert len(set(diverse)) == 3


def test_all_hits_are_the_same_ones_in_another_order(index):
    assert set(hits(index, top=9, diverse=True)) == set(hits(index, top=9))
    assert hits(index, top=1, diverse=True) == hits(index, top=1)


def test_the_answer_tells_it(index):
    answer = ask(index, Question(like=f"{0:016x}-1", top=2, diverse=True), pytest.fail)
    assert answer_json(answer)["query"]["diverse"] is True


def test_counts_are_bounded():
    assert (diverse_count(1), diverse_count(10), diverse_count(100), diverse_count(5000)) == (6, 60, 240, 5000)
