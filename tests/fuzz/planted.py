"""Targets with faults, to test that the fuzzer finds them."""

from __future__ import annotations

import ctypes
import re

from tests.fuzz.target import MOST_BYTES, Target

MARK = b"planted"
KEPT: list[bytes] = []


def stumble(data: bytes) -> None:
    if MARK in data:
        raise ZeroDivisionError("of nothing")


def hang(data: bytes) -> None:
    if MARK in data:
        re.findall("(a+)+b", "a" * 64)


def crash(data: bytes) -> None:
    if MARK in data:
        ctypes.string_at(0)


def take_memory(data: bytes) -> None:
    if MARK in data:
        KEPT.append(b"x" * (MOST_BYTES + (64 << 20)))


TARGETS = tuple(
    Target(f"planted-{function.__name__}", function, (b"sound",), (MARK,), seconds=0.5 if function is hang else 5.0)
    for function in (stumble, hang, crash, take_memory)
)
