"""What is told of a figure that broke the analysis."""

from __future__ import annotations

from mirsearch.ingest.failures import analysis_failure


def test_short_memory_is_told_as_such() -> None:
    reason, remedy = analysis_failure(MemoryError())
    assert reason == "memory is short"
    assert "report" not in remedy
    reason, remedy = analysis_failure(RuntimeError("Failed to allocate memory for requested buffer of size 8"))
    assert reason == "memory is short"


def test_anything_else_is_told_with_its_cause() -> None:
    assert analysis_failure(IndexError("no row"))[0] == "the analysis failed: IndexError: no row"
