"""The order of panel labels: numbers, Roman numerals, letters, each before its own primes."""

from __future__ import annotations

from collections.abc import Iterable

ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


def bare_label(label: str) -> str:
    """Return a label without its primes: c for c″."""
    return label.rstrip("'′")


def label_order(label: str) -> tuple[int, str, int, int]:
    """Return a sort key: letters by alphabet, then their numbers, then primes; roman and plain numbers by value."""
    bare = bare_label(label)
    primes = len(label) - len(bare)
    if bare.isdigit():
        return (0, "", int(bare), primes)
    if len(bare) > 1 and bare in ROMANS:
        return (1, "", ROMANS.index(bare), primes)
    return (2, bare[:1], int(bare[1:]) if bare[1:].isdigit() else 0, primes)


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Return the unique labels in order; "i", "v" and "x" are numerals if "ii" is there and "h" is not."""
    unique = set(labels)
    numerals = "ii" in unique and "h" not in unique
    if numerals:
        return sorted(
            unique, key=lambda label: (1, "", ROMANS.index(label), 0) if label in ROMANS else label_order(label)
        )
    return sorted(unique, key=label_order)
