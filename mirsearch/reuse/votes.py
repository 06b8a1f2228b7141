"""Shortlist pictures that share keypoints: descriptors that fall together in hash tables vote for their pictures.

The hashes are signs of random projections (Charikar, STOC 2002). Two descriptors of the same place of a picture differ
little and often fall together in one of the tables; others seldom do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.keypoints import mirror_descriptors

TABLES = 8
BITS = 20
_SEED = 20
_BATCH = 512
_MAX_BUCKET = 400
"""Most descriptors under one hash that vote: more are those of letters, bars and frames, which many pictures have."""
_SAMPLE = 50_000

_BIT_VALUES = (1 << np.arange(BITS)).astype(np.float32)

Descriptors = NDArray[np.uint8]


class Voting:
    """Hash tables of the descriptors of all pictures, uint8 (n, 128) each."""

    def __init__(self, descriptors: Sequence[Descriptors]) -> None:
        self._count = len(descriptors)
        sample = np.concatenate([*descriptors[:: max(1, self._count * 200 // _SAMPLE)], np.zeros((1, 128), np.uint8)])
        self._mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        rng = np.random.default_rng(_SEED)
        planes = rng.standard_normal((128, TABLES * BITS)).astype(np.float32)
        self._levels = self._mean @ planes
        order = mirror_descriptors(np.arange(128, dtype=np.uint8)[None])[0]
        self._planes = planes, np.ascontiguousarray(planes[order])  # a mirrored descriptor has its values in that order
        sizes = np.array([len(each) for each in descriptors], np.int64)
        owners = np.repeat(np.arange(self._count, dtype=np.int32), sizes)
        keys = np.empty((TABLES, len(owners)), np.int32)
        at = 0
        for start in range(0, self._count, _BATCH):
            batch = np.concatenate(descriptors[start : start + _BATCH])
            keys[:, at : at + len(batch)] = self._hash(batch.astype(np.float32), self._planes[0]).T
            at += len(batch)
        self._starts = np.zeros((TABLES << BITS) + 1, np.int64)
        self._owners = np.empty(keys.size, np.int32)
        for table in range(TABLES):
            order = np.argsort(keys[table], kind="stable")
            self._owners[table * len(owners) : (table + 1) * len(owners)] = owners[order]
            first = (table << BITS) + 1
            self._starts[first : first + (1 << BITS)] = np.bincount(keys[table], minlength=1 << BITS)
        np.cumsum(self._starts, out=self._starts)

    def _hash(self, values: NDArray[np.float32], planes: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return the hash of each descriptor, float32 (n, 128), in each table, (n, TABLES)."""
        signs = values @ planes > self._levels
        hashes = signs.astype(np.float32).reshape(-1, BITS) @ _BIT_VALUES  # exact: below 2 ** 24
        return np.asarray(hashes.reshape(len(values), TABLES), np.int32)

    def votes(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """Return the votes of a picture's descriptors for each picture, (pictures,): as it is, or mirrored."""
        values = descriptors.astype(np.float32)
        direct, mirrored = (self._count_votes(self._hash(values, planes)) for planes in self._planes)
        return np.maximum(direct, mirrored)

    def _count_votes(self, hashes: NDArray[np.int32]) -> NDArray[np.float64]:
        buckets = np.unique(hashes + (np.arange(TABLES, dtype=np.int32) << BITS))  # of all tables
        starts = self._starts[buckets]
        sizes = self._starts[buckets + 1] - starts
        kept = (sizes > 0) & (sizes <= _MAX_BUCKET)
        starts, sizes = starts[kept], sizes[kept]
        if not len(sizes):
            return np.zeros(self._count)
        inside = np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        votes = np.bincount(self._owners[inside], np.repeat(1.0 / sizes, sizes), self._count)
        return np.asarray(votes, np.float64)
