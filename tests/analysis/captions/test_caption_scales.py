"""Read scale bars and fields of view from captions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.analysis.captions.scales import caption_scales

BARS = [
    ("SEM images. Scale bars: (a) 200 nm; (b,c) 1 µm.", {"a": 200, "b": 1000, "c": 1000}),
    ("scale bar = 5 µm in all panels", {None: 5000}),
    ("TEM of rods; bars, 100 nm", {None: 100}),
    ("Scale bars, 1 mm (a), 50 µm (b–d) and 2 µm (e)", {"a": 1e6, "b": 5e4, "c": 5e4, "d": 5e4, "e": 2000}),
    ("Scale bars: 100, 50 and 20 nm for a, b and c, respectively.", {"a": 100, "b": 50, "c": 20}),
    ("Scale bars are 200 nm in (a) and 1 µm in (b, c).", {"a": 200, "b": 1000, "c": 1000}),
    (
        "Scale bars are 2 µm in (i), 200 nm in (ii, iv) and 500 nm in (iii, v–vii).",
        {"i": 2000, "ii": 200, "iii": 500, "iv": 200, "v": 500, "vi": 500, "vii": 500},
    ),
    ("(a) TEM of particles (scale bar 20 nm), (b) their sizes", {"a": 20}),
    ("(B) TEM. Scale bar, 5 nm. (C) HRTEM of a bundle. Scale bar, 2 nm. (D) Model", {"b": 5, "c": 2}),
    ("An optical image with a 100 um scale bar.", {None: 1e5}),
    ("The scale bars are 100 µm. c, the cycling performance", {None: 1e5}),
    ("Scale bar = 50 µm. 5 Hz stimulation of cells 226 nm (f) in diameter.", {None: 5e4}),
    ("Scale bars, 5 nm-1.", {}),
    ("Scale bars, 5 nm⁻¹ (b)", {}),
    ("Error bars represent 3 nm. Color bar, 10 nm.", {}),
    ("Particles of 20 nm, annealed for 5 min", {}),
]


@pytest.mark.parametrize(("caption", "expected"), BARS)
def test_bars(caption, expected):
    found = caption_scales(caption)
    assert {label: scale.nm for label, scale in found.items()} == pytest.approx(expected)
    assert all(scale.kind == "bar" and 0 < scale.confidence <= 1 for scale in found.values())


def test_words_are_labels_only_where_the_figure_has_them():
    caption = "a SEM image. Scale bars: a, 200 nm; b–d, 1 µm; e, 500 nm"
    assert {label: scale.nm for label, scale in caption_scales(caption, list("abcde")).items()} == {
        "a": 200, "b": 1000, "c": 1000, "d": 1000, "e": 500,
    }  # fmt: skip


def test_insets_have_their_own_length():
    found = caption_scales("Scale bars: 200 nm for b, e and 100 nm for k and insets on b, e.", list("abcdek"))
    assert (found["b"].nm, found["b"].inset_nm) == (200, 100)
    assert (found["k"].nm, found["k"].inset_nm) == (100, None)
    inset_only = caption_scales("Scale bars, 1 mm (a) and 2 µm (e, inset)")
    assert (inset_only["e"].nm, inset_only["e"].inset_nm) == (None, 2000)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("AFM topography, image width 2 µm", {None: 2000}),
        ("A 10 × 10 µm² AFM scan of the film", {None: 10_000}),
        ("with scan size of 25 μm (a-c), 10 μm (d)", {"a": 25_000, "b": 25_000, "c": 25_000, "d": 10_000}),
        ("field of view: 500 nm", {None: 500}),
        ("a 5 × 5 mm² chip", {}),
        ("(110) planes of the image: 3.55 Å", {}),
    ],
)
def test_fields_of_view(caption, expected):
    widths = {label: scale.nm for label, scale in caption_scales(caption).items() if scale.kind == "width"}
    assert widths == pytest.approx(expected)


def test_two_lengths_for_one_panel_are_unsure():
    found = caption_scales("(a) SEM. Scale bar: 2 µm (a). Scale bar: 5 µm (a).")
    assert found["a"].confidence < 0.5


@settings(deadline=None)
@given(st.text(alphabet="abcABC (),.;:–-0123456789 nmµμscalebrSB×", max_size=200))
def test_any_caption_gives_sound_lengths(caption):
    for label, scale in caption_scales(f"Scale bars: {caption}").items():
        assert label is None or label == label.lower()
        assert scale.nm is None or scale.nm > 0
