"""Checks the write-ahead log of SQLite, which silently ends where a checksum is wrong.

SQLite takes the first frame with a wrong checksum for the end of the log. So a flipped bit makes commits vanish. But
then frames of the same log follow, one of which ends a commit. The format: https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES, _FRAME_BYTES = 32, 24
_MAGIC = {0x377F0682: "<u4", 0x377F0683: ">u4"}
_BATCH_FRAMES = 1024
_ATTEMPTS, _WAIT_SECONDS = 5, 0.05
"""A writer may append to the log while it is read. Damage looks the same a moment later."""
Words = NDArray[np.uint32]


def is_damaged(path: Path) -> bool:
    """Return whether a log holds commits that SQLite will not see. False for an absent or empty log."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_WAIT_SECONDS)
        try:
            if not path.stat().st_size or not _has_lost_commit(path):
                return False
        except FileNotFoundError:
            return False
    return True


def _has_lost_commit(path: Path) -> bool:
    data = np.fromfile(path, dtype=np.uint8)
    if len(data) < _HEADER_BYTES + _FRAME_BYTES:
        return False
    header = data[:_HEADER_BYTES]
    magic, _, page_bytes = (int(word) for word in header[:12].view(">u4"))
    kind = _MAGIC.get(magic)
    if kind is None or not 512 <= page_bytes <= 1 << 16 or page_bytes & (page_bytes - 1):
        return True
    if not np.array_equal(_checksum(header[:24].view(kind), np.zeros(2, np.uint32)), header[24:32].view(">u4")):
        return True
    size = _FRAME_BYTES + page_bytes
    frames = data[_HEADER_BYTES : _HEADER_BYTES + (len(data) - _HEADER_BYTES) // size * size].reshape(-1, size)
    of_this_log = (frames[:, 8:16] == header[16:24]).all(axis=1)
    whole = _count_whole(frames, of_this_log, kind, header[24:32].view(">u4").astype(np.uint32))
    ends_commit = frames[:, 4:8].any(axis=1)
    return bool((of_this_log & ends_commit)[whole:].any())


def _count_whole(frames: NDArray[np.uint8], of_this_log: NDArray[np.bool_], kind: str, state: Words) -> int:
    """Return how many frames from the first on belong to the log and match their checksums."""
    end = int(np.argmin(of_this_log)) if not of_this_log.all() else len(frames)
    for start in range(0, end, _BATCH_FRAMES):
        part = frames[start : min(start + _BATCH_FRAMES, end)]
        stored = np.ascontiguousarray(part[:, 16:24]).view(">u4").astype(np.uint32)
        before = np.concatenate([state[None], stored[:-1]])
        covered = np.concatenate([part[:, :8], part[:, _FRAME_BYTES:]], axis=1)
        right = (_checksums(np.ascontiguousarray(covered).view(kind).astype(np.uint32), before) == stored).all(axis=1)
        if not right.all():
            return start + int(np.argmin(right))
        state = stored[-1]
    return end


def _checksum(words: NDArray[np.uint32], state: Words) -> Words:
    both: Words = _checksums(words.astype(np.uint32)[None], state[None])[0]
    return both


def _checksums(words: Words, states: Words) -> Words:
    """Return SQLite's checksums of rows of words, each continued from a state (n, 2).

    For each pair of words, s0 += x0 + s1 and s1 += x1 + s0. That is linear modulo 2^32: each word and the state count
    with a factor of its own, so that all rows are summed at once.
    """
    factors, of_state = _factors(words.shape[1])
    of_words = np.stack([(words * column).sum(axis=1, dtype=np.uint32) for column in factors], axis=1)
    sums: Words = of_words + (states[:, None, :] * of_state[None]).sum(axis=2, dtype=np.uint32)
    return sums


@lru_cache(maxsize=8)
def _factors(count: int) -> tuple[Words, Words]:
    """Return the factors of each word in s0 and s1 (2, count), and those of the state (2, 2)."""
    factors, power = np.zeros((2, count), dtype=np.uint32), ((1, 0), (0, 1))
    for at in range(count - 2, -2, -2):
        (a, b), (c, d) = power  # what the pairs after this one make of (s0, s1)
        # this pair adds x0 to s0 and x0 + x1 to s1
        factors[:, at], factors[:, at + 1] = (_low(a + b), _low(c + d)), (_low(b), _low(d))
        power = ((_low(a + b), _low(a + 2 * b)), (_low(c + d), _low(c + 2 * d)))
    return factors, np.array(power, dtype=np.uint32)


def _low(value: int) -> int:
    return value & 0xFFFFFFFF
