"""Options of `mirsearch query`: what they say, and the refusals that name input and remedy."""

from __future__ import annotations

import pytest

from mirsearch.errors import UsageError
from mirsearch.query import Filters
from mirsearch.search.option_values import add_filters, parse_box, parse_filters, parse_formula, parse_scale_options


def filters(**options):
    given = dict.fromkeys(("kind", "technique", "year", "journal", "licenses", "article")) | options
    return parse_filters(*given.values())


@pytest.mark.parametrize(
    ("text", "years"),
    [("2021", (2021, 2021)), ("2015-2020", (2015, 2020)), ("2015-", (2015, None)), ("-2020", (None, 2020))],
)
def test_years(text, years):
    found = filters(year=text)
    assert (found.year_from, found.year_to) == years


@pytest.mark.parametrize("text", ["", "-", "20", "next", "2020-2015", "2015-2020-2021"])
def test_no_years(text):
    with pytest.raises(UsageError, match="--year"):
        filters(year=text)


def test_known_words_are_taken_in_any_case():
    found = filters(kind=["Micrograph"], technique=["sem", "cryo-tem"])
    assert found.kinds == ("micrograph",)
    assert found.techniques == ("SEM", "Cryo-TEM")


def test_unknown_words_are_refused_with_those_known():
    with pytest.raises(UsageError, match=r"--technique 'x-ray' is not known \(one of SEM, TEM"):
        filters(technique=["x-ray"])


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("100nm..5um", (100, 5000)), ("..1 µm", (None, 1000)), ("0.5 um..", (500, None))],
)
def test_field_of_view_range(text, bounds):
    found = add_filters(Filters(), None, text, None)
    assert (found.fov_min_nm, found.fov_max_nm) == pytest.approx(bounds)


@pytest.mark.parametrize("text", ["100nm", "5um..1um", "x..y", "1..2"])
def test_field_of_view_range_refused(text):
    with pytest.raises(UsageError, match="--fov"):
        add_filters(Filters(), None, text, None)


def test_crop_box():
    assert parse_box("1, 2,30,40") == (1, 2, 30, 40)
    for text in ("1,2,3", "a,b,c,d", "1;2;3;4", "-1,0,4,4"):
        with pytest.raises(UsageError, match="--crop"):
            parse_box(text)


def test_weights():
    chosen = parse_formula(["visual=1", "text=0"], "exclude", 0.2)
    assert (chosen.weights.visual, chosen.weights.scale, chosen.weights.text) == (1.0, 0.3, 0.0)
    assert (chosen.missing, chosen.sigma) == ("exclude", 0.2)


@pytest.mark.parametrize("weights", [["looks=1"], ["visual"], ["visual=x"], ["visual=-1"], ["visual=nan"]])
def test_wrong_weights(weights):
    with pytest.raises(UsageError, match="--weight"):
        parse_formula(weights, "neutral", 0.3)


def test_all_weights_zero():
    with pytest.raises(UsageError, match="not all 0"):
        parse_formula(["visual=0", "scale=0", "text=0"], "neutral", 0.3)


def test_scale_in_nm():
    options = parse_scale_options("0.5 µm", 120, None, None, no_scale=False)
    assert (options.length_nm, options.bar_px, options.read) == (500, 120, True)


@pytest.mark.parametrize(
    "options",
    [
        ("500 nm", None, 2.0, None, False),
        ("500 nm", None, None, "1 um", False),
        (None, 100, None, None, False),
        ("500 nm", None, None, None, True),
        ("500 nm", -3, None, None, False),
        ("five hundred", None, None, None, False),
        (None, None, 0.0, None, False),
    ],
)
def test_wrong_scales(options):
    with pytest.raises(UsageError):
        parse_scale_options(*options)
