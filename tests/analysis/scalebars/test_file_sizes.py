"""What was read, weighed against the pixel size of the file."""

from __future__ import annotations

import pytest

from mirsearch.analysis.scalebars.file_sizes import weigh_file_size
from mirsearch.corpus import ScaleReading


def reading(confidence: float, source="label") -> ScaleReading:
    return ScaleReading(5.0, 500.0, 100.0, (1, 2, 101, 8), "500 nm", source, confidence)


def test_agreement_raises_the_confidence_and_keeps_the_bar():
    for confidence in (0.1, 0.6, 0.97):
        told, other = weigh_file_size(reading(confidence), 5.1)
        assert (told.nm_per_px, told.source, told.bar, other) == (5.1, "metadata", (1, 2, 101, 8), None)
        assert told.confidence > max(confidence, 0.9)


@pytest.mark.parametrize("source", ["label", "caption", "shared"])
def test_disagreement_tells_the_likelier_with_less_confidence_and_the_other(source):
    told, other = weigh_file_size(reading(0.97, source), 2.0)
    assert (told.source, told.bar, other.source, other.nm_per_px) == (source, (1, 2, 101, 8), "metadata", 2.0)
    assert 0.5 <= told.confidence < 0.97
    told, other = weigh_file_size(reading(0.7, source), 2.0)
    assert (told.source, told.nm_per_px, other.source, other.bar) == ("metadata", 2.0, source, (1, 2, 101, 8))
    assert 0.5 <= told.confidence < 0.9
    assert told.confidence + other.confidence == pytest.approx(1)


def test_what_is_too_doubtful_to_be_told_contradicts_nothing():
    told, other = weigh_file_size(reading(0.3), 2.0)
    assert (told.source, told.nm_per_px, other) == ("metadata", 2.0, None)


def test_without_the_one_the_other_stays():
    assert weigh_file_size(reading(0.7), None) == (reading(0.7), None)
    told, other = weigh_file_size(None, 3.0)
    assert (told.nm_per_px, told.source, other) == (3.0, "metadata", None)
    assert weigh_file_size(None, None) == (None, None)
