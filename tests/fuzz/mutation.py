"""Change inputs at random, always in the same way for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.fuzz.target import MOST_INPUT

ODD_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x0A, 0x22, 0x2C, 0x3C, 0x5C, 0x7B, 0x7D)
ODD_PIECES = (
    b"", b"\0" * 8, b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"-1", b"0", b"1e308", b"1e999",
    b"NaN", b"-Infinity", b"9" * 30, b"9" * 5000, b"\\ud800", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80",
    b"[" * 2000, b'{"a":' * 1000, b"null", b"true", b"[]", b"{}", b'""', b"&#0;", b"&#xD800;", b"<!--", b"]]>",
    b"%s%n", b"../../x",
)  # fmt: skip
SHORT_PIECES = tuple(piece for piece in ODD_PIECES if len(piece) < 100)


def mutate(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Return a seed with one to many changes, or a mix of two."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 10))):
        _change(chance, data, seeds, words)
    return bytes(data[:MOST_INPUT])


def _change(chance: random.Random, data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    length = min(len(data) - start, chance.choice((0, 1, 1, 2, 4, 8, 64, 1000)))
    kind = chance.randrange(9)
    if kind == 0 and start < len(data):
        data[start] ^= 1 << chance.randrange(8)
    elif kind == 1 and start < len(data):
        data[start] = chance.choice(ODD_BYTES)
    elif kind == 2:
        del data[start : start + length]
    elif kind == 3:
        data[start : start + length] = chance.choice(ODD_PIECES if chance.random() < 0.1 else SHORT_PIECES)
    elif kind == 4 and words:
        data[start:start] = chance.choice(words) * chance.choice((*([1] * 20), *([3] * 6), 20, 50, 500))
    elif kind == 5:
        data[start:start] = data[start : start + length] * chance.choice((*([1] * 20), *([3] * 6), 10, 200))
    elif kind == 6:
        data[start : start + length] = chance.randbytes(length)
    elif kind == 7:
        other = chance.choice(seeds)
        at = chance.randrange(len(other) + 1)
        data[start:] = other[at:]
    else:
        del data[start:]
