"""Words, numbers and links as a person reads them."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.corpus import Article, Figure, LoneBar, Origin, Panel, ScaleReading
from mirsearch.report.wording import (
    article_link,
    clean_text,
    figure_name,
    format_length,
    format_number,
    license_link,
    license_name,
    more_parts,
    panel_heading,
    panel_key,
    panel_name,
    reading_sentence,
    round_length_below,
    safe_link,
    scale_label,
    scale_remedy,
    scale_sentence,
    shared_origin,
)


@pytest.mark.parametrize(
    ("nanometers", "text"),
    [(0.05, "0.05 nm"), (1, "1 nm"), (999.4, "999 nm"), (999.6, "1 µm"), (1234, "1.23 µm"), (2e6, "2 mm"),
     (3.2e9, "3.2 m"), (None, "–"), (float("nan"), "–"), (0, "–"), (-5, "–")],
)  # fmt: skip
def test_lengths_choose_their_unit(nanometers: float | None, text: str) -> None:
    assert format_length(nanometers) == text


@given(st.floats(1e-6, 1e12))
def test_nice_lengths_are_round_and_fit(at_most: float) -> None:
    nice = round_length_below(at_most)
    assert nice <= at_most * (1 + 1e-6)
    assert nice > at_most / 2.6
    assert f"{nice:.0e}"[0] in "125"


@given(st.text(max_size=300), st.integers(1, 80))
def test_cleaned_text_is_one_harmless_line(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert len(cleaned) <= limit
    assert all(unicodedata.category(char)[0] != "C" for char in cleaned)
    assert "\n" not in cleaned
    assert "\u2028" not in cleaned
    assert clean_text(clean_text(text)) == clean_text(text)


def test_bidi_escape_and_surrogates_go() -> None:
    assert clean_text("a\u202eb\x1b[31mc\ud800\u200fd\r\ne") == "ab[31mcd e"


def test_combining_marks_cannot_tower() -> None:
    assert len(clean_text("e" + "\u0301" * 50)) <= 4


@pytest.mark.parametrize(
    ("given_text", "name"),
    [("https://creativecommons.org/licenses/by-nc-nd/4.0/", "CC BY-NC-ND 4.0"), ("cc by 3.0", "CC BY 3.0"),
     ("CC-BY", "CC BY"), ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"), (None, ""),
     ("Open access under CC BY-SA 4.0.", "CC BY-SA 4.0"), ("Elsevier user license", "Elsevier user license")],
)  # fmt: skip
def test_license_names(given_text: str | None, name: str) -> None:
    assert license_name(given_text) == name


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//host/path", "ftp://host/x", "http://", "https://a b", "http://u:p@h/",
     "https://[bad", "JaVaScRiPt:x", "https://host/\x00", "", None],
)  # fmt: skip
def test_only_plain_web_addresses_are_links(address: str | None) -> None:
    assert safe_link(address) is None


def test_article_links_fall_back_to_doi_and_pmc() -> None:
    assert article_link(Article("x", url="https://host/x", doi="10.1/y")) == "https://host/x"
    assert article_link(Article("x", url="javascript:0", doi="10.1/a<b>")) == "https://doi.org/10.1/a%3Cb%3E"
    assert article_link(Article("x", pmcid="PMC12")) == "https://pmc.ncbi.nlm.nih.gov/articles/PMC12/"
    assert article_link(Article("x", pmcid="PMC12/../../")) is None
    assert article_link(None) is None
    assert license_link(Article("x", license="see https://host/by/4.0/.")) == "https://host/by/4.0/"


def test_figure_names() -> None:
    def name(label: str | None, letter: str | None, where: str = "/data/a b.png") -> str:
        figure = Figure("0011223344556677", 9, 9, label=label, origins=(Origin("folder", where),))
        return figure_name(figure, Panel((0, 0, 9, 9), label=letter))

    assert name("Figure 3.", "b") == "Fig. 3b"
    assert name("FIG 2", None) == "Fig. 2"
    assert name("Scheme", "a") == "Scheme a"
    assert name(None, "c") == "a b.png c"
    assert name(None, None, "") == "0011223344556677"


def test_numbers_have_no_negative_zero() -> None:
    assert [format_number(value) for value in (-1e-9, 0.0, -0.5, None, float("nan"))] == [
        "0.00",
        "0.00",
        "-0.50",
        "–",
        "–",
    ]


@given(st.text(st.characters(max_codepoint=127), max_size=60), st.none() | st.integers(1, 40))
def test_plain_ascii_is_cleaned_like_other_text(text: str, limit: int | None) -> None:
    assert clean_text(text + "µ", None).removesuffix("µ").rstrip() == clean_text(text)
    assert len(clean_text(text, limit)) <= (limit or len(text))


def make_panel(**values: Any) -> Panel:
    return Panel((0, 0, 100, 80), **values)


READING = ScaleReading(4.06, 500.0, 123.4, (0, 0, 1, 1), "500 nm", "label", 0.93)


def test_scale_words() -> None:
    assert reading_sentence(READING) == "500 nm = 123.4 px → 4.06 nm/px (label, 0.93)"
    assert scale_label(make_panel(scale=READING)) == "500 nm"
    assert scale_label(make_panel(scale=ScaleReading(2.0, source="metadata"))) == "2 nm/px"
    assert scale_label(make_panel()) == "–"
    assert scale_sentence(make_panel()) == "none read"
    assert scale_remedy(make_panel(scale=READING)) == ""


def test_a_scale_that_the_file_contradicts_tells_both() -> None:
    by_file = ScaleReading(5.83, source="metadata", confidence=0.24)
    panel = make_panel(id="0123-a", scale=READING, doubtful_scale=by_file)
    assert scale_label(panel) == "500 nm"
    assert scale_sentence(panel).endswith("4.06 nm/px (label, 0.93); the file's metadata say 5.83 nm/px")
    assert "mirsearch correct 0123-a --nm-per-px 5.83" in scale_remedy(panel)
    swapped = make_panel(scale=by_file, doubtful_scale=READING)
    assert scale_sentence(swapped) == ("5.83 nm/px (metadata, 0.24); what is read says 500 nm = 123.4 px → 4.06 nm/px")


def test_a_doubtful_scale_is_marked_and_says_how_to_confirm_it() -> None:
    panel = make_panel(id="0123-a", doubtful_scale=dataclasses.replace(READING, confidence=0.31))
    assert scale_label(panel) == "500 nm?"
    assert scale_sentence(panel) == "500 nm? = 123.4 px → 4.06 nm/px? (label, doubtful 0.31)"
    assert 'mirsearch correct 0123-a --scale "500 nm"' in scale_remedy(panel)
    assert "not used for ranking" in scale_remedy(panel)
    without_bar = make_panel(doubtful_scale=ScaleReading(2.5, source="caption", confidence=0.2))
    assert scale_label(without_bar) == "2.5 nm/px?"
    assert "--nm-per-px 2.5" in scale_remedy(without_bar)


def test_a_lone_bar_has_its_length_in_px_and_a_remedy() -> None:
    panel = make_panel(id="0123-a", bar=LoneBar((10, 10, 49, 14), 38.8))
    assert scale_label(panel) == "38.8 px"
    assert scale_sentence(panel) == "bar 38.8 px, length unknown"
    assert 'mirsearch correct 0123-a --scale "5 µm"' in scale_remedy(panel)


def test_a_shared_scale_names_the_panel_with_the_bar() -> None:
    shared = dataclasses.replace(READING, source="shared", confidence=0.8)
    panels = [make_panel(label="b", part=at, scale=READING if at == 1 else shared) for at in (1, 2)]
    other = make_panel(label="a", scale=READING)
    assert scale_sentence(panels[1], [other, *panels]).endswith("(from the bar in b1, 0.80)")
    assert "from the bar in another image of b" in scale_sentence(panels[1])
    assert shared_origin(panels[0], panels) == ""


def test_parts_and_headings_have_names() -> None:
    figure = Figure("0011223344556677", 9, 9, label="Figure 2")
    second = make_panel(label="b", part=2, heading=" DAPI\n", inset_of="b1")
    assert figure_name(figure, second) == "Fig. 2b, part 2"
    assert panel_key(second) == "b2"
    assert panel_heading(second) == "DAPI · inset of b1"
    assert panel_key(make_panel(label="3", part=2)) == "3-2"
    assert panel_name(make_panel(), 7) == "#7"
    assert more_parts(figure, second, 3) == "and 3 more of Fig. 2b"
    assert more_parts(figure, second, 0) == ""
