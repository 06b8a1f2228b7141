"""A first pass over rounded vectors changes no answer, whatever the vectors are."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mirsearch.indexes.embedded import search as embedded_search
from mirsearch.indexes.embedded.search import Searcher
from mirsearch.indexes.embedded.vectors import rounded as coarse
from mirsearch.indexes.embedded.vectors import scan
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.matrix_file import Half, Rows
from mirsearch.indexes.embedded.vectors.rounded import Coarse, Rotation, Worth, rounded, usable
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, SearchRequest, SearchResult
from mirsearch.ranking import Floats, Formula, Weights, combine, image_text_term, scale_term, visual_term

KINDS = ("micrograph", "plot")
needs_kernels = pytest.mark.skipif(not usable(512), reason="no int8 kernels here")


def uniform(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal((size, dims))


def one_giant(rng: np.random.Generator, size: int, dims: int) -> Floats:
    rows = rng.standard_normal((size, dims))
    rows[np.arange(size), rng.integers(dims, size=size)] = 3e4 * rng.choice([-1, 1], size)
    return rows


def nearly_equal(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal(dims) + 1e-3 * rng.standard_normal((size, dims))


def few_distinct(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal((3, dims))[rng.integers(3, size=size)]


def many_norms(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal((size, dims)) * 10 ** rng.uniform(-6, 4, (size, 1))


def sparse(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return np.where(rng.random((size, dims)) < 0.05, rng.gamma(0.3, 5, (size, dims)), 0)


def worst_rotated(rng: np.random.Generator, size: int, dims: int) -> Floats:
    """Of one giant number and halves of a step once they are turned: what rounding hurts most."""
    turned = np.full((size, dims), 0.5 / 127) * rng.choice([-1, 1], (size, dims))
    turned[:, 0] = 1
    return turned @ Rotation(dims)(np.eye(dims, dtype=np.float16)).T


def some_worst(rng: np.random.Generator, size: int, dims: int) -> Floats:
    """A few such rows, near to one another, among others."""
    rows = 3e-3 * rng.standard_normal((size, dims))
    worst = rng.random(size) < 0.03
    rows[worst] = worst_rotated(rng, int(worst.sum()), dims)
    return rows


def with_zeros(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal((size, dims)) * (rng.random((size, 1)) < 0.5)


FAMILIES = {
    each.__name__: each
    for each in (
        uniform, one_giant, nearly_equal, few_distinct, many_norms, sparse, worst_rotated, some_worst, with_zeros,
    )
}  # fmt: skip


def vectors(family: str, rng: np.random.Generator, size: int, dims: int) -> Half:
    return np.clip(FAMILIES[family](rng, size, dims), -65504, 65504).astype(np.float16)


def table(matrix: Half, rng: np.random.Generator, lacking: float) -> Rows:
    fov = rng.normal(3, 0.5, len(matrix))
    fov[rng.random(len(matrix)) < lacking] = np.nan
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float32))
    return Rows(1, "made").extended(np.arange(1, len(matrix) + 1), fov, norms)


def database(size: int) -> sqlite3.Connection:
    """As much of an index as a question without words asks for; every third panel is a plot."""
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE panels (key INTEGER PRIMARY KEY, id TEXT, kind TEXT)")
    made.execute("CREATE TABLE articles (retracted INTEGER)")
    rows = [(key, f"{key * 7919 % 10007:05d}", KINDS[key % 3 == 0]) for key in range(1, size + 1)]
    made.executemany("INSERT INTO panels VALUES (?, ?, ?)", rows)
    return made


class Watched(Searcher):
    """Notes how coarse passes went."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Scanner(2), Postings(folder))
        self.went: list[bool] = []
        watch = mock.Mock(spec=Worth)
        watch.tried.return_value = True
        watch.note.side_effect = self.went.append
        self._worth = {False: watch, True: watch}


def brute_force(now: Snapshot, request: SearchRequest, connection: sqlite3.Connection) -> list[tuple[str, float]]:
    """Every panel scored in float64, of the dot products that one scan of all gives."""
    matrix, rows = now.blocks[0], now.rows

    def cosines(vector: np.ndarray) -> Floats:
        half = vector.astype(np.float16)
        norm = np.linalg.norm(half.astype(np.float64))
        dots = Scanner(1).dots(matrix, half).astype(np.float64)
        return dots * rows.inverse_norm * (1 / norm if norm else 0.0)

    terms: list[Floats | None] = [None] * 4
    if request.vector is not None:
        terms[0] = visual_term(np.clip(1.0 - cosines(request.vector), 0.0, 2.0))
    if request.field_of_view_nm is not None:
        terms[1] = scale_term(request.field_of_view_nm, rows.log10_fov, request.formula.sigma)
    if request.text_vector is not None:
        terms[3] = image_text_term(cosines(request.text_vector), request.formula.response)
    score = combine(request.formula, *terms)
    if sum(each is not None for each in terms) == 1:
        score[score <= 0] = -np.inf
    named = connection.execute("SELECT key, id, kind FROM panels").fetchall()
    left = [
        (-score[key - 1], panel_id)
        for key, panel_id, kind in named
        if panel_id not in request.exclude and kind in (request.filters.kinds or KINDS) and score[key - 1] > -np.inf
    ]
    return [(panel_id, -value) for value, panel_id in sorted(left)[: request.top]]


def told(result: SearchResult) -> list[tuple[str, float]]:
    return [(each.panel_id, each.score) for each in result.panels]


weight = st.sampled_from([0.0, 1e-4, 0.3, 0.6, 1.0, 1e4])
formulas = st.builds(
    Formula,
    st.tuples(weight, weight, weight).filter(any).map(lambda each: Weights(*each)) | st.just(Weights()),
    st.sampled_from([1e-4, 0.3, 2.0]),
    st.just(5.0),
    st.sampled_from(["neutral", "penalize", "exclude"]),
)


@needs_kernels
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(FAMILIES)), formulas, st.integers(0, 2**32 - 1), st.sampled_from([5, 200, 1_500]),
    st.sampled_from([16, 37, 96]), st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from([1, 10, 60]),
    st.sets(st.sampled_from(["scale", "words", "words alone"])), st.booleans(), st.sampled_from([0.02, 1.0]),
    st.sampled_from(["of its own", "a row's", "a worst row's", "zero", "tiny"]), st.sampled_from([0, 256]),
)  # fmt: skip
@example("few_distinct", Formula(), 1, 200, 16, 0.4, 10, set(), True, 1.0, "a row's", 0)
@example("some_worst", Formula(), 3, 1_500, 96, 0.4, 1, set(), False, 1.0, "a worst row's", 0)
@example("some_worst", Formula(), 4, 1_500, 96, 0.4, 60, set(), True, 1.0, "a worst row's", 0)
@example("uniform", Formula(missing="penalize"), 2, 1_500, 96, 0.4, 10, {"scale"}, True, 0.02, "of its own", 256)
def test_answers_are_those_of_scoring_every_panel(
    tmp_path: Path, family: str, formula: Formula, seed: int, size: int, dims: int, lacking: float, top: int,
    asked: set[str], filtered: bool, share: float, query: str, few: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    matrix = vectors(family, rng, size, dims)
    made = rounded(matrix)
    with mock.patch.object(coarse, "OUTLIER_SHARE", 0.05):
        whole = Coarse.of(made)
    now = Snapshot(table(matrix, rng, lacking), (matrix,), whole)
    rows = {"a row's": matrix[0], "a worst row's": matrix[np.argmax(made.error)]}
    vector = rows.get(query, vectors(family, rng, 1, dims)[0])
    vector = vector.astype(np.float32) * {"zero": 0.0, "tiny": 1e-5}.get(query, 1.0)
    other = rng.standard_normal(dims).astype(np.float32)
    made.codes[whole.outliers] = rounded(vector.astype(np.float16)[None]).codes  # what they seem to be must not matter
    with database(size) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM panels ORDER BY key")]
        request = SearchRequest(
            None if "words alone" in asked else vector,
            10 ** float(rng.normal(3, 1)) if "scale" in asked else None, top=top, formula=formula,
            text_vector=vector if "words alone" in asked else other if "words" in asked else None,
            filters=Filters(kinds=("micrograph",)) if filtered else Filters(), exclude=frozenset(ids[:2]),
        )  # fmt: skip
        with mock.patch.multiple(embedded_search, CANDIDATE_SHARE=share, FEW=few, NARROWED_SHARE=1.0):
            searcher = Watched(tmp_path)
            found = searcher.search(connection, now, request)
        assert told(found) == brute_force(now, request, connection)
        plain = Searcher(Scanner(1), Postings(tmp_path)).search(connection, Snapshot(now.rows, now.blocks), request)
        assert found == plain
    if share == 1.0 and top <= 0.3 * size and np.any(vector.astype(np.float16)):
        assert searcher.went == [True]


@needs_kernels
@pytest.mark.parametrize("dims", [1, 2, 37, 96, 512, 1021, 2048])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_cosine_is_further_off_than_the_bound(family: str, dims: int) -> None:
    rng = np.random.default_rng(dims)
    matrix, queries = vectors(family, rng, 300, dims), vectors(family, rng, 4, dims)
    queries[3] = matrix[7]
    made, turned = rounded(matrix), rounded(queries)
    whole = Coarse.of(made)
    assert len(whole.outliers) == 0
    norms = [np.linalg.norm(each.astype(np.float64), axis=1) for each in (matrix, queries)]
    lengths = np.outer(*norms)
    sure = lengths > 0
    exact = np.divide(matrix.astype(np.float64) @ queries.astype(np.float64).T, lengths, where=sure, out=0 * lengths)
    dots = made.codes.astype(np.int64) @ turned.codes.astype(np.int64).T * np.outer(made.scale, turned.scale)
    rough = np.divide(dots, lengths, where=sure, out=0 * lengths)
    off = np.abs(exact - rough)
    assert (off.max(axis=0) <= [whole.bound(float(each)) for each in turned.error]).all()
    assert (off <= made.error[:, None] + turned.error + made.error[:, None] * turned.error + 1e-6).all()


def test_a_bound_is_no_wider_than_it_must_be() -> None:
    rng = np.random.default_rng(5)
    for family in ("uniform", "one_giant", "sparse", "nearly_equal"):
        error = rounded(vectors(family, rng, 200, 2048)).error
        assert 0.004 < np.median(error) < 0.02, family
    assert np.median(rounded(vectors("worst_rotated", rng, 200, 2048)).error) > 0.1


@pytest.mark.parametrize("dims", [1, 2, 30, 37, 512, 768, 2048])
def test_a_rotation_keeps_dot_products(dims: int) -> None:
    turned = Rotation(dims)(np.eye(dims, dtype=np.float16)).astype(np.float64)
    assert np.abs(turned @ turned.T - np.eye(dims)).max() < Rotation(dims).slack


@needs_kernels
@pytest.mark.parametrize("dims", [1, 31, 512, 1031, 2048, 4096])
def test_kernels_give_exact_products(dims: int) -> None:
    rng = np.random.default_rng(dims)
    codes = rng.integers(-127, 128, (700, dims), dtype=np.int8)
    codes[:2], codes[2] = 127, -127
    for query in (codes[0], codes[2], codes[5]):
        out = np.empty(len(codes), dtype=np.float32)
        found = Scanner(2).start([codes], query, out, np.ones(len(codes), dtype=np.float32))()
        assert (found == (codes.astype(np.int64) @ query.astype(np.int64)).astype(np.float32)).all()


def test_kernels_that_saturate_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Saturating:
        @staticmethod
        def cdist(rows: np.ndarray, query: np.ndarray, _: str) -> np.ndarray:
            return np.clip(rows.astype(np.int64) @ query[0].astype(np.int64), -(2**15), 2**15 - 1)

    class Lacking:
        @staticmethod
        def cdist(*_: object) -> np.ndarray:
            raise TypeError("no such dtype")

    for kernels in (Saturating, Lacking, None):
        monkeypatch.setattr(scan, "kernels", lambda kernels=kernels: kernels)
        assert not usable(512)


@needs_kernels
def test_rows_that_rounding_hurts_most_do_not_widen_the_bound() -> None:
    rng = np.random.default_rng(1)
    matrix = vectors("uniform", rng, 5_000, 96)
    matrix[[3, 77, 4_000]] = vectors("worst_rotated", rng, 3, 96)
    whole = Coarse.of(rounded(matrix))
    assert {3, 77, 4_000} <= set(whole.outliers.tolist())
    assert len(whole.outliers) <= 5
    assert whole.error < 0.02


def test_what_is_in_vain_is_seldom_tried_again() -> None:
    worth, tries = Worth(), []
    for number in range(400):
        if worth.tried():
            tries.append(number)
            worth.note(False)
    assert tries[0] == 0
    assert 5 < len(tries) < 15
    while not worth.tried():
        pass
    worth.note(True)
    assert worth.tried()
    assert worth.tried()
    assert coarse._LONGEST_PAUSE < 100
