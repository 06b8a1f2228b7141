"""How the graph of nearest vectors rounds them: the kinds that an index can have, and the largest error of each."""

from __future__ import annotations

import math

from mirsearch.errors import UsageError

DEFAULT_KIND = "int8_hnsw"
BINARY_KIND = "bbq_hnsw"
KINDS = (DEFAULT_KIND, BINARY_KIND)
"""Values of `index_options.type`: a byte for each number of a vector, or a bit."""
OVERSAMPLE = 3.0
"""With a bit for each number, the graph fetches three times as many panels and orders them by their exact vectors."""
MIN_BINARY_DIMS = 64
BINARY_SINCE = (9, 0)
"""The first server version with `bbq_hnsw` and `rescore_vector` in a mapping, both released."""
BYTE_ERROR = 0.009
"""Bound on what a list of nearest vectors can miss, in the visual term, with vectors rounded to bytes.

Twice the largest error measured: 0.0037 with 48 dims, 0.0043 with 272, 0.0020 with 2,048. The list is cut by rounded
terms: its last panel and one left out may both be off.
"""
BINARY_ERROR = 3.7
"""The same with bits, times the root of the dims. Largest error measured: 0.11 with 272 dims, 0.037 with 2,048."""


def largest_error(kind: str | None, dims: int) -> float:
    """Return how much higher the visual term of a panel may be that a list of nearest vectors left out.

    1 for a kind that is not known: then no answer from lists is called exact.
    """
    if kind == DEFAULT_KIND:
        return BYTE_ERROR
    return min(1.0, BINARY_ERROR / math.sqrt(dims)) if kind == BINARY_KIND else 1.0


def bytes_per_number(kind: str) -> float:
    """Return the bytes that a number of a vector takes in the graph."""
    return 1 / 8 if kind == BINARY_KIND else 1.0


def check_kind(kind: str, dims: int, version: tuple[int, int]) -> None:
    """Raise UsageError if a server of `version` has no such kind for vectors of `dims`."""
    if kind not in KINDS:
        raise UsageError(f"{kind} is no kind of vectors", f"give one of: {', '.join(KINDS)}")
    if kind == BINARY_KIND and version < BINARY_SINCE:
        found = ".".join(map(str, version))
        message = f"Elasticsearch {found} has no {kind} with rescoring"
        raise UsageError(message, f"use {DEFAULT_KIND}, or Elasticsearch 9")
    if kind == BINARY_KIND and dims < MIN_BINARY_DIMS:
        raise UsageError(f"{kind} needs vectors of at least {MIN_BINARY_DIMS} dims, not {dims}", f"use {DEFAULT_KIND}")
