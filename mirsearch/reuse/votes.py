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

Descriptors = NDArray[np.uint8]


class Voting:
    """Hash tables of the descriptors of all pictures, uint8 (n, 128) each."""

    def __init__(self, descriptors: Sequence[Descriptors]) -> None:
        self._count = len(descriptors)
        sample = np.concatenate([*descriptors[:: max(1, self._count * 200 // _SAMPLE)], np.zeros((1, 128), np.uint8)])
        self._mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        rng = np.random.default_rng(_SEED)
        self._planes = rng.standard_normal((128, TABLES * BITS)).astype(np.float32)
        sizes = np.array([len(each) for each in descriptors], np.int64)
        owners = np.repeat(np.arange(self._count, dtype=np.int32), sizes)
        keys = np.empty((TABLES, len(owners)), np.int32)
        at = 0
        for start in range(0, self._count, _BATCH):
            batch = np.concatenate(descriptors[start : start + _BATCH])
            keys[:, at : at + len(batch)] = self._hash(batch)
            at += len(batch)
        self._offsets = np.zeros((TABLES, (1 << BITS) + 1), np.int64)
        self._owners = np.empty((TABLES, len(owners)), np.int32)
        for table in range(TABLES):
            order = np.argsort(keys[table], kind="stable")
            self._owners[table] = owners[order]
            self._offsets[table, 1:] = np.cumsum(np.bincount(keys[table], minlength=1 << BITS))

    def _hash(self, descriptors: Descriptors) -> NDArray[np.int32]:
        """Return the hash of each descriptor in each table, (TABLES, n)."""
        signs = (descriptors.astype(np.float32) - self._mean) @ self._planes > 0
        weights = (1 << np.arange(BITS)).astype(np.int32)
        hashes = signs.reshape(len(descriptors), TABLES, BITS) @ weights
        return np.ascontiguousarray(hashes.T, dtype=np.int32)

    def votes(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """Return the votes of a picture's descriptors for each picture, (pictures,): as it is, or mirrored."""
        direct = self._count_votes(descriptors)
        return np.maximum(direct, self._count_votes(mirror_descriptors(descriptors)))

    def _count_votes(self, descriptors: Descriptors) -> NDArray[np.float64]:
        found, shares = [], []
        for table, keys in enumerate(self._hash(descriptors)):
            unique = np.unique(keys)
            starts, ends = self._offsets[table, unique], self._offsets[table, unique + 1]
            sizes = ends - starts
            kept = (sizes > 0) & (sizes <= _MAX_BUCKET)
            starts, sizes = starts[kept], sizes[kept]
            if len(sizes):
                inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
                found.append(self._owners[table, np.repeat(starts, sizes) + inside])
                shares.append(np.repeat(1.0 / sizes, sizes))
        if not found:
            return np.zeros(self._count)
        votes = np.bincount(np.concatenate(found), np.concatenate(shares), self._count)
        return np.asarray(votes, np.float64)
