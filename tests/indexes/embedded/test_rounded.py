"""A first pass over rounded vectors changes no result, for all kinds of vectors."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mirsearch.indexes.embedded import search as embedded_search
from mirsearch.indexes.embedded.database import checksums
from mirsearch.indexes.embedded.search import Searcher
from mirsearch.indexes.embedded.vectors import rounded, scan
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.matrix_file import Float16Array, RowTable
from mirsearch.indexes.embedded.vectors.rounded import (
    PassBackoff,
    Rotation,
    RoundedMatrix,
    has_exact_kernels,
    round_vectors,
)
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, SearchRequest, SearchResult
from mirsearch.ranking import Floats, Formula, Weights, combine, image_text_term, scale_term, visual_term

KINDS = ("micrograph", "plot")
needs_kernels = pytest.mark.skipif(not has_exact_kernels(512), reason="no int8 kernels here")


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


def worst_when_rotated(rng: np.random.Generator, size: int, dims: int) -> Floats:
    """Return vectors with the largest rounding error: rotated, they have one large number and halves of a step."""
    rotated = np.full((size, dims), 0.5 / 127) * rng.choice([-1, 1], (size, dims))
    rotated[:, 0] = 1
    return rotated @ Rotation(dims)(np.eye(dims, dtype=np.float16)).T


def some_worst(rng: np.random.Generator, size: int, dims: int) -> Floats:
    """Return rows of which a few are such vectors, close to each other."""
    rows = 3e-3 * rng.standard_normal((size, dims))
    worst = rng.random(size) < 0.03
    rows[worst] = worst_when_rotated(rng, int(worst.sum()), dims)
    return rows


def with_zeros(rng: np.random.Generator, size: int, dims: int) -> Floats:
    return rng.standard_normal((size, dims)) * (rng.random((size, 1)) < 0.5)


FAMILIES = {
    each.__name__: each
    for each in (
        uniform, one_giant, nearly_equal, few_distinct, many_norms, sparse, worst_when_rotated, some_worst, with_zeros,
    )
}  # fmt: skip


def vectors(family: str, rng: np.random.Generator, size: int, dims: int) -> Float16Array:
    return np.clip(FAMILIES[family](rng, size, dims), -65504, 65504).astype(np.float16)


def row_table(matrix: Float16Array, rng: np.random.Generator, share_without_fov: float) -> RowTable:
    fov = rng.normal(3, 0.5, len(matrix))
    fov[rng.random(len(matrix)) < share_without_fov] = np.nan
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float32))
    return RowTable(1, "made").with_rows(np.arange(1, len(matrix) + 1), fov, norms)


def database(size: int) -> sqlite3.Connection:
    """Return a database with the tables that a query without words reads. Every third panel is a plot."""
    connection = sqlite3.connect(":memory:")
    checksums.register(connection)
    others = ", ".join(name for name in checksums.PANELS if name not in ("key", "id", "kind"))
    connection.execute(f"CREATE TABLE panels (key INTEGER PRIMARY KEY, id TEXT, kind TEXT, {others}, crc INTEGER)")
    connection.execute("CREATE TABLE articles (retracted INTEGER)")
    rows = [(key, f"{key * 7919 % 10007:05d}", KINDS[key % 3 == 0]) for key in range(1, size + 1)]
    connection.executemany("INSERT INTO panels (key, id, kind) VALUES (?, ?, ?)", rows)
    checksums.seal_panels(connection)
    return connection


class WatchedSearcher(Searcher):
    """Records the outcomes of passes over rounded rows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Scanner(2), Postings(folder))
        self.outcomes: list[bool] = []
        backoff = mock.Mock(spec=PassBackoff)
        backoff.should_try.return_value = True
        backoff.record.side_effect = self.outcomes.append
        self._backoffs = {False: backoff, True: backoff}


def brute_force(snapshot: Snapshot, request: SearchRequest, connection: sqlite3.Connection) -> list[tuple[str, float]]:
    """Score every panel in float64, from the dot products of one scan of all rows."""
    matrix, row_table = snapshot.blocks[0], snapshot.table

    def cosines(vector: np.ndarray) -> Floats:
        half = vector.astype(np.float16)
        norm = np.linalg.norm(half.astype(np.float64))
        dots = Scanner(1).dots(matrix, half).astype(np.float64)
        return dots * row_table.inverse_norm * (1 / norm if norm else 0.0)

    terms: list[Floats | None] = [None] * 4
    if request.vector is not None:
        terms[0] = visual_term(np.clip(1.0 - cosines(request.vector), 0.0, 2.0))
    if request.field_of_view_nm is not None:
        terms[1] = scale_term(request.field_of_view_nm, row_table.log10_fov, request.formula.sigma)
    if request.text_vector is not None:
        terms[3] = image_text_term(cosines(request.text_vector), request.formula.response)
    score = combine(request.formula, *terms)
    if sum(term is not None for term in terms) == 1:
        score[score <= 0] = -np.inf
    stored_panels = connection.execute("SELECT key, id, kind FROM panels").fetchall()
    matching = [
        (-score[key - 1], panel_id)
        for key, panel_id, kind in stored_panels
        if panel_id not in request.exclude and kind in (request.filters.kinds or KINDS) and score[key - 1] > -np.inf
    ]
    return [(panel_id, -value) for value, panel_id in sorted(matching)[: request.top]]


def ids_and_scores(result: SearchResult) -> list[tuple[str, float]]:
    return [(panel.panel_id, panel.score) for panel in result.panels]


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
def test_results_equal_those_of_scoring_every_panel(
    tmp_path: Path, family: str, formula: Formula, seed: int, size: int, dims: int, share_without_fov: float, top: int,
    parts: set[str], filtered: bool, share: float, query: str, min_narrowed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    matrix = vectors(family, rng, size, dims)
    rounded_vectors = round_vectors(matrix)
    with mock.patch.object(rounded, "OUTLIER_SHARE", 0.05):
        rounded_matrix = RoundedMatrix.from_vectors(rounded_vectors)
    snapshot = Snapshot(row_table(matrix, rng, share_without_fov), (matrix,), rounded_matrix)
    rows = {"a row's": matrix[0], "a worst row's": matrix[np.argmax(rounded_vectors.error)]}
    vector = rows.get(query, vectors(family, rng, 1, dims)[0])
    vector = vector.astype(np.float32) * {"zero": 0.0, "tiny": 1e-5}.get(query, 1.0)
    text_vector = rng.standard_normal(dims).astype(np.float32)
    rounded_vectors.codes[rounded_matrix.outliers] = round_vectors(
        vector.astype(np.float16)[None]
    ).codes  # their values must not matter
    with database(size) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM panels ORDER BY key")]
        request = SearchRequest(
            None if "words alone" in parts else vector,
            10 ** float(rng.normal(3, 1)) if "scale" in parts else None, top=top, formula=formula,
            text_vector=vector if "words alone" in parts else text_vector if "words" in parts else None,
            filters=Filters(kinds=("micrograph",)) if filtered else Filters(), exclude=frozenset(ids[:2]),
        )  # fmt: skip
        with mock.patch.multiple(
            embedded_search, MAX_CANDIDATE_SHARE=share, MIN_NARROWED_ROWS=min_narrowed, MAX_NARROWED_SHARE=1.0
        ):
            searcher = WatchedSearcher(tmp_path)
            result = searcher.search(connection, snapshot, request)
        assert ids_and_scores(result) == brute_force(snapshot, request, connection)
        plain = Searcher(Scanner(1), Postings(tmp_path)).search(
            connection, Snapshot(snapshot.table, snapshot.blocks), request
        )
        assert result == plain
    if share == 1.0 and top <= 0.3 * size and np.any(vector.astype(np.float16)):
        assert searcher.outcomes == [True]


@needs_kernels
@pytest.mark.parametrize("dims", [1, 2, 37, 96, 512, 1021, 2048])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_bound_holds_for_every_cosine(family: str, dims: int) -> None:
    rng = np.random.default_rng(dims)
    matrix, queries = vectors(family, rng, 300, dims), vectors(family, rng, 4, dims)
    queries[3] = matrix[7]
    rounded_rows, rounded_queries = round_vectors(matrix), round_vectors(queries)
    rounded_matrix = RoundedMatrix.from_vectors(rounded_rows)
    assert len(rounded_matrix.outliers) == 0
    norms = [np.linalg.norm(each.astype(np.float64), axis=1) for each in (matrix, queries)]
    lengths = np.outer(*norms)
    nonzero = lengths > 0
    exact = np.divide(matrix.astype(np.float64) @ queries.astype(np.float64).T, lengths, where=nonzero, out=0 * lengths)
    dots = (
        rounded_rows.codes.astype(np.int64)
        @ rounded_queries.codes.astype(np.int64).T
        * np.outer(rounded_rows.scale, rounded_queries.scale)
    )
    approximate = np.divide(dots, lengths, where=nonzero, out=0 * lengths)
    error = np.abs(exact - approximate)
    assert (
        error.max(axis=0) <= [rounded_matrix.cosine_error_bound(float(each)) for each in rounded_queries.error]
    ).all()
    assert (
        error
        <= rounded_rows.error[:, None]
        + rounded_queries.error
        + rounded_rows.error[:, None] * rounded_queries.error
        + 1e-6
    ).all()


def test_the_bound_is_tight() -> None:
    rng = np.random.default_rng(5)
    for family in ("uniform", "one_giant", "sparse", "nearly_equal"):
        error = round_vectors(vectors(family, rng, 200, 2048)).error
        assert 0.004 < np.median(error) < 0.02, family
    assert np.median(round_vectors(vectors("worst_when_rotated", rng, 200, 2048)).error) > 0.1


@pytest.mark.parametrize("dims", [1, 2, 30, 37, 512, 768, 2048])
def test_a_rotation_keeps_dot_products(dims: int) -> None:
    rotated = Rotation(dims)(np.eye(dims, dtype=np.float16)).astype(np.float64)
    assert np.abs(rotated @ rotated.T - np.eye(dims)).max() < Rotation(dims).max_error


@needs_kernels
@pytest.mark.parametrize("dims", [1, 31, 512, 1031, 2048, 4096])
def test_kernels_give_exact_products(dims: int) -> None:
    rng = np.random.default_rng(dims)
    codes = rng.integers(-127, 128, (700, dims), dtype=np.int8)
    codes[:2], codes[2] = 127, -127
    for query in (codes[0], codes[2], codes[5]):
        out = np.empty(len(codes), dtype=np.float32)
        found = Scanner(2).start_dots([codes], query, out, np.ones(len(codes), dtype=np.float32))()
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
        assert not has_exact_kernels(512)


@needs_kernels
def test_outliers_do_not_widen_the_bound() -> None:
    rng = np.random.default_rng(1)
    matrix = vectors("uniform", rng, 5_000, 96)
    matrix[[3, 77, 4_000]] = vectors("worst_when_rotated", rng, 3, 96)
    rounded_matrix = RoundedMatrix.from_vectors(round_vectors(matrix))
    assert {3, 77, 4_000} <= set(rounded_matrix.outliers.tolist())
    assert len(rounded_matrix.outliers) <= 5
    assert rounded_matrix.error < 0.02


def test_a_pass_that_fails_is_seldom_tried_again() -> None:
    backoff, tries = PassBackoff(), []
    for number in range(400):
        if backoff.should_try():
            tries.append(number)
            backoff.record(False)
    assert tries[0] == 0
    assert 5 < len(tries) < 15
    while not backoff.should_try():
        pass
    backoff.record(True)
    assert backoff.should_try()
    assert backoff.should_try()
    assert rounded._MAX_PAUSE < 100
