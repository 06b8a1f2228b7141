"""What a check of an index found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["database", "log", "facts", "article", "figure", "panel", "texts", "vector", "thumbnail", "words",
               "meaning", "counts", "failures", "entry", "file", "document", "index"]  # fmt: skip


COPYING = "copying"
"""The list of an index that tells of a copy into it that is not complete."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the part of the index, what it is about (an id or a file; empty: the whole), and what is wrong."""

    part: Part
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.part} {self.subject}: {self.message}" if self.subject else f"{self.part}: {self.message}"

    @classmethod
    def of_copy(cls, source: str) -> Fault:
        """Return the fault of an index into which a copy was begun and not completed."""
        return cls("index", COPYING, f"a copy of {source} into it was interrupted; run the same command again")

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch verify --format json` prints them."""
        return {"part": self.part, "subject": self.subject or None, "message": self.message}
