"""What a search request asks for: checked, its words as terms, its vectors and panels as the scans need them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mirsearch.errors import UsageError
from mirsearch.indexes.embedded.database.checksums import batches, placeholders
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.scans import NO_ROWS, Indices, QueryVector
from mirsearch.indexes.embedded.words.bm25 import TermScores
from mirsearch.query import SearchRequest
from mirsearch.text.terms import Term

_DOUBTFUL = """SELECT key, doubtful_field_of_view_nm FROM panels
    WHERE doubtful_field_of_view_nm IS NOT NULL AND field_of_view_nm IS NULL ORDER BY key"""


def prepare(connection: sqlite3.Connection, snapshot: Snapshot, request: SearchRequest) -> tuple[list[Term], Snapshot]:
    """Return the words of a request and the snapshot with the scales that it wants. Raises UsageError."""
    words = _ranking_terms(request.text) if request.text else []
    _check_request(request)
    return words, with_doubtful_scales(connection, snapshot) if request.filters.doubtful else snapshot


def query_vectors(snapshot: Snapshot, request: SearchRequest) -> list[QueryVector | None]:
    """Return the vectors of the query image, of its text, and of what that means. IndexMismatchError, UsageError."""
    vectors = (request.vector, request.text_vector)
    converted = [None if vector is None else QueryVector.convert(snapshot, vector) for vector in vectors]
    if request.meaning_vector is None or snapshot.meaning is None:
        return [*converted, None]
    return [*converted, QueryVector.convert(snapshot.meaning.vectors, request.meaning_vector)]


def _check_request(request: SearchRequest) -> None:
    vectors = (request.vector, request.text_vector, request.meaning_vector)
    is_empty = all(vector is None for vector in vectors) and not request.text
    if is_empty and request.field_of_view_nm is None:
        raise UsageError("the query is empty", "give an image, words or a field of view")
    field_of_view = request.field_of_view_nm
    if field_of_view is not None and not (field_of_view > 0 and math.isfinite(field_of_view)):
        raise UsageError(f"the field of view is {field_of_view} nm", "give a field of view above 0")


def term_names(request: SearchRequest, word_scores: Sequence[TermScores] | None) -> frozenset[str]:
    """Return the names of the terms that the query has."""
    scale = request.field_of_view_nm is not None
    present = {"visual": request.vector is not None, "scale": scale, "text": word_scores is not None}
    present |= {"image_text": request.text_vector is not None, "meaning": request.meaning_vector is not None}
    return frozenset(name for name, is_present in present.items() if is_present)


def _ranking_terms(text: str) -> list[Term]:
    from mirsearch.text.word_ranking import rank_terms  # a question about a picture starts without it

    return rank_terms(text)


def with_doubtful_scales(connection: sqlite3.Connection, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the field of view of a doubtful reading for each panel that has no other."""
    found = np.array(connection.execute(_DOUBTFUL).fetchall(), dtype=np.float64).reshape(-1, 2)
    keys = found[:, 0].astype(np.int64)
    known = np.isin(keys, snapshot.table.key)
    log10_fov = snapshot.table.log10_fov.copy()
    log10_fov[snapshot.row_numbers(keys[known])] = np.log10(found[known, 1])
    return replace(snapshot, table=replace(snapshot.table, log10_fov=log10_fov))


def panel_rows(connection: sqlite3.Connection, snapshot: Snapshot, panel_ids: frozenset[str]) -> Indices:
    """Return the row numbers of panels by id, ascending. Unknown ids are left out."""
    keys: list[int] = []
    if not panel_ids:
        return NO_ROWS
    for table in ("panels", "panels NOT INDEXED"):  # by its index, which damage may have made incomplete, then without
        for part in batches(panel_ids):
            query = f"SELECT key FROM {table} WHERE id IN ({placeholders(part)})"
            keys.extend(row[0] for row in connection.execute(query, part))
        if len(set(keys)) >= len(panel_ids):
            break
    return snapshot.row_numbers(np.array(sorted(set(keys)), dtype=np.int64))
