"""Lengths in labels, captions and user input."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.errors import UsageError
from mirsearch.text.lengths import (
    find_lengths,
    format_length,
    normalize,
    parse_length,
    parse_user_length,
    roundness,
)

LABELS = {
    "500 nm": 500,
    "500nm": 500,
    "200nm.": 200,
    "0.5um": 500,
    "2 μm": 2000,
    "2 µm": 2000,
    "2\u2009µm": 2000,
    "2\u202fμm": 2000,
    "10,5 µm": 10_500,
    "0,25 µm": 250,
    "0,250 µm": 250,
    "1,000 nm": 1000,
    "1 000 nm": 1000,
    "1 mm": 1e6,
    "1 cm": 1e7,
    "5 Å": 0.5,
    "5 \u212b": 0.5,
    "5 A": 0.5,
    "100 pm": 0.1,
    "2 µM": 2000,
    "10 µ": 10_000,
    "(2 µm)": 2000,
    "[ 500 nm ]": 500,
    "Scale bar: 5 µm": 5000,
    "bar = 200 nm": 200,
    "5.00um": 5000,
    "0.2 μ m": 200,
    "50 μ m": 50_000,
    "50 µ m": 50_000,
    "50μ\u2009m": 50_000,
    "100 microns": 1e5,
    "|- 500 nm -|": 500,
}
REPAIRED = {
    "500 hm": 500,
    "l00 nm": 100,
    "5O0 nm": 500,
    "500 mm": 500,
    "5 urn": 5000,
    "05 µm": 500,
    "5 pm": 5000,
    "i um": 1000,
}
NOT_LENGTHS = (
    "",
    "nm",
    "20",
    "5 1/nm",
    "51/nm",
    "5 nm-1",
    "5 nm⁻¹",
    "5 nm^-1",
    "2 1 nm",
    "1/2 nm",
    "10 nm²",
    "5 min",
    "2 h",
    "30 s",
    "120 kV",
    "×10k",
    "25 kX",
    "30°",
    "5 PM",
    "2 mM",
    "1 µm/div",
    "1.2.3 nm",
    "-50 nm",
    "inm",
    "0 nm",
    "10um×10um",
    "Ge",
    "1e9 mm",
    "nan nm",
)


@pytest.mark.parametrize(("text", "nm"), LABELS.items())
def test_labels_are_read(text, nm):
    length = parse_length(text)
    assert length is not None
    assert length.nm == pytest.approx(nm)
    assert length.plausibility > 0


@pytest.mark.parametrize(("text", "nm"), REPAIRED.items())
def test_misread_labels_are_repaired_and_less_plausible(text, nm):
    length = parse_length(text)
    assert length is not None
    assert length.nm == pytest.approx(nm)
    assert length.plausibility < parse_length("500 nm").plausibility


@pytest.mark.parametrize("text", NOT_LENGTHS)
def test_other_quantities_are_no_lengths(text):
    assert parse_length(text) is None


def test_text_that_was_not_read_from_pixels_is_not_repaired():
    assert parse_length("5O0 nm", repair=False) is None
    assert parse_length("100 mm").nm == 100
    assert parse_length("100 mm", repair=False).nm == 1e8


def test_repair_keeps_away_from_unusual_values():
    assert parse_length("l37 nm") is None
    assert parse_length("2.41 Å").plausibility <= 0.1


@pytest.mark.parametrize(
    ("line", "lengths"),
    [
        ("5.0kV X25,000 1µm WD 3.1mm", [1000]),
        ("WD = 8.5 mm Mag = 10.00 K X 200 nm", [200]),
        ("d=0.24 nm", []),
        ("Rrms = 0.25 nm", []),
        ("TEM, scale bar = 20 nm", [20]),
        ("10 × 10 µm", []),
        ("5 1/nm", []),
    ],
)
def test_lengths_in_a_databar_line(line, lengths):
    assert [length.nm for length, _, _ in find_lengths(line)] == pytest.approx(lengths)


def test_positions_in_a_line_are_those_of_the_normalized_text():
    line = "HV 5 kV  500 nm"
    ((_, start, end),) = find_lengths(line)
    assert normalize(line)[start:end] == "500 nm"


@settings(deadline=None)
@given(st.floats(min_value=0.02, max_value=9e7))
def test_formatted_lengths_are_parsed_back(nm):
    written = format_length(nm)
    assert parse_user_length(written) == pytest.approx(nm, rel=6e-4)


@settings(deadline=None)
@given(
    st.sampled_from([1, 2, 5, 10, 20, 25, 30, 40, 50, 100, 200, 250, 300, 400, 500]),
    st.sampled_from([("nm", 1.0), ("µm", 1e3), ("μm", 1e3), ("um", 1e3)]),
    st.sampled_from(["", " ", "\u2009", "\u00a0", "  "]),
    st.sampled_from(["", ".", ")", " "]),
)
def test_usual_labels_survive_their_spelling(value, unit, space, tail):
    length = parse_length(f"{value}{space}{unit[0]}{tail}")
    assert length is not None
    assert length.nm == pytest.approx(value * unit[1])
    assert length.plausibility >= 0.9


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_length_or_none(text):
    length = parse_length(text)
    assert length is None or (0 < length.nm < 1e9 and 0 <= length.plausibility <= 1)
    for found, start, end in find_lengths(text):
        assert found.nm > 0
        assert 0 <= start < end


@settings(deadline=None)
@given(
    st.integers(min_value=1, max_value=999),
    st.sampled_from(["1/nm", " 1/nm", " nm-1", " nm⁻¹", "/nm", " nm^-1", " s", " °", " kV", " min"]),
)
def test_no_other_unit_becomes_a_length(value, unit):
    assert parse_length(f"{value}{unit}") is None


@pytest.mark.parametrize(
    ("text", "nm"),
    [("2 um", 2000), ("0,5 µm", 500), ("1e-6 m", 1000), ("500nm", 500), ("3 Å", 0.3), ("1.5 MM", 1.5e6)],
)
def test_user_lengths(text, nm):
    assert parse_user_length(text) == pytest.approx(nm)


@pytest.mark.parametrize(
    "text", ["", "5", "nm", "5 1/nm", "-3 nm", "0 nm", "nan nm", "inf nm", "1e999 nm", "5 parsec", "5 nm 6"]
)
def test_wrong_user_lengths_name_the_remedy(text):
    with pytest.raises(UsageError) as caught:
        parse_user_length(text)
    assert repr(text) in caught.value.message
    assert "500 nm" in caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("nm", "text"),
    [
        (500, "500 nm"),
        (2000, "2 µm"),
        (0.2, "0.2 nm"),
        (0.05, "50 pm"),
        (1.5e6, "1.5 mm"),
        (2e9, "2 m"),
        (999.99, "1 µm"),
    ],
)
def test_formatted_lengths(nm, text):
    assert format_length(nm) == text


@pytest.mark.parametrize("nm", [0, -1, math.nan, math.inf])
def test_impossible_lengths_are_not_round(nm):
    assert roundness(nm) == 0
    assert format_length(nm) == "?"


def test_round_values_are_more_usual():
    assert roundness(200) == roundness(5e5) == 1
    assert roundness(200) > roundness(300) > roundness(700) > roundness(370) > roundness(1040.27)


def test_a_panel_letter_before_a_label_is_no_spacing_of_a_lattice():
    assert [length.nm for length, _, _ in find_lengths("D 20 µm")] == [20_000]
    assert find_lengths("d 2.4 nm") == find_lengths("d = 20 µm") == []
