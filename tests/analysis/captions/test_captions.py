"""Split captions: every way of naming panels, and text that names none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.analysis.captions.label_order import sort_labels
from mirsearch.analysis.captions.markers import expand_labels
from mirsearch.analysis.captions.split import split_caption
from tests.support.caption_checks import find_wrong_parts
from tests.support.made_captions import CAPTIONS, NO_PANELS, PLACES


@pytest.mark.parametrize(
    ("caption", "parts"),
    [
        ("(a) SEM of rods, (b, c) TEM of discs, (d–f) AFM of films.",
         {"a": "SEM of rods", "b": "TEM of discs", "c": "TEM of discs", "d": "AFM of films.", "e": "AFM of films.",
          "f": "AFM of films."}),
        ("Growth of ZnO: a) at 2 h and b) at 4 h.", {"a": "at 2 h", "b": "at 4 h."}),
        ("Images of (A) ash and (B) oak.", {"a": "Images of ash", "b": "Images of oak."}),
        ("SEM images of ash (A) and oak (B–C); TEM image of elm (D).",
         {"a": "SEM images of ash", "b": "SEM images of oak", "c": "SEM images of oak", "d": "TEM image of elm"}),
        ("Wear of tools. a Optical image of a blade. b, c SEM images of the tip (b) and the shaft (c).",
         {"a": "Optical image of a blade.", "b": "SEM images of the tip", "c": "SEM images of the shaft"}),
        ("(a–c) SEM of ZnO at (a) 2 h, (b) 4 h and (c) 8 h.",
         {"a": "SEM of ZnO at 2 h", "b": "SEM of ZnO at 4 h", "c": "SEM of ZnO at 8 h."}),
        ("(a) Low- and (b) high-resolution SEM image.",
         {"a": "Low- high-resolution SEM image.", "b": "high-resolution SEM image."}),
        ("CV of (A) zinc and (B) tin, charge profiles of (C) zinc and (D) tin.",
         {"a": "CV of zinc", "b": "CV of tin", "c": "charge profiles of zinc", "d": "charge profiles of tin."}),
        ("(a1–a3) SEM and (b1, b2) TEM images.",
         {"a1": "SEM", "a2": "SEM", "a3": "SEM", "b1": "TEM images.", "b2": "TEM images."}),
        ("(i) One; (ii) two; (iii) three.", {"i": "One", "ii": "two", "iii": "three."}),
        ("a) HAADF and b) maps of c) C, d) N and e) Cd.",
         {"a": "HAADF", "b": "maps of", "c": "maps of C", "d": "maps of N", "e": "maps of Cd."}),
        ("(a) Sketch of the cell. (b–d) Photographs; (D, E and F) no panels.", None),
    ],
)  # fmt: skip
def test_ways_of_naming_panels(caption: str, parts: dict[str, str] | None) -> None:
    found = split_caption(caption)
    if parts is None:
        assert found.labels == ("a", "b", "c", "d")
    elif "maps of" in caption:
        assert found.own_words("d").endswith("N")
        assert found.own_words("e").endswith("Cd.")
    else:
        assert dict(found.parts) == parts


def test_words_of_all_go_to_every_panel() -> None:
    found = split_caption("Steel after rolling. (a) Surface. (b) Edge. Scale bars: 5 µm in all panels.")
    assert found.general == "Steel after rolling. Scale bars: 5 µm in all panels."
    assert found.words_for("a") == "Steel after rolling. Scale bars: 5 µm in all panels. Surface."
    assert found.words_for("z") == found.caption
    assert found.words_for(None) == found.caption


def test_a_reference_gives_its_sentence_to_the_panel_it_names() -> None:
    found = split_caption("(a) Overview, (b) close-up of a pore. The inset in (a) is a diffraction pattern.")
    assert "inset in (a)" in found.own_words("a")
    assert "inset" not in found.own_words("b")


@pytest.mark.parametrize(
    "caption",
    [
        "SEM image along (1 0 0), i.e. (the zone axis), scale bar (20 nm).",
        "Growth of Fe(II) and Fe(III) oxides (scale bar 20 nm).",
        "Image(s) of particle(s) grown as in ref 5 (a).",
        "XRD of a sample at 20 °C (C-rate 0.5) [12].",
        "",
        "   ",
    ],
)
def test_captions_that_name_no_panels(caption: str) -> None:
    found = split_caption(caption)
    assert found.labels == () or found.labels == ("a",)
    assert found.words_for("b") == " ".join(caption.split())


@pytest.mark.parametrize(
    ("caption", "labels"),
    [
        ("d) Electron micrographs of neuropil. Scale bars: 500 nm.", ("d",)),
        ("Fig. 2 Rods and wires. A, SEM image of a rod (bar, 5 µm).", ("a",)),
        ("A, three rods.", ()),
        ("A map of strain. B cells were stained.", ()),
        ("Rods on a chip (x) and beside it.", ()),
        ("Title of a figure. Cells in (d) medium.", ()),
    ],
)
def test_a_caption_that_begins_with_its_only_letter(caption: str, labels: tuple[str, ...]) -> None:
    assert split_caption(caption).labels == labels


def test_planes_and_units_are_no_labels() -> None:
    caption = "(a) HRTEM along (1 0 0) with (111) planes (i.e. it), (b) plot of current (A) against time (s)."
    found = split_caption(caption)
    assert found.labels == ("a", "b")
    assert "(1 0 0)" in found.own_words("a")
    assert "(A)" in found.own_words("b")


def test_places_where_there_are_no_letters() -> None:
    found = split_caption("Left: SEM image. Right: TEM image of the same rod.")
    assert found.labels == ()
    assert found.places == {"left": "SEM image", "right": "TEM image of the same rod."}


@pytest.mark.parametrize(
    ("group", "labels"),
    [("a", ("a",)), ("a–c", ("a", "b", "c")), ("a, c", ("a", "c")), ("D, E and F", ("d", "e", "f")),
    ("a to c", ("a", "b", "c")),
     ("i–iii", ("i", "ii", "iii")), ("b1–b3", ("b1", "b2", "b3")), ("c-a", ()),
     ("c–c''", ("c", "c'", "c''")), ("a–b′", ("a", "b", "b′")), ("b'–d", ()), ("c''–c", ())],
)  # fmt: skip
def test_expanding_ranges(group: str, labels: tuple[str, ...]) -> None:
    assert expand_labels(group) == labels


def test_order_of_labels() -> None:
    assert sort_labels(["b", "a2", "a", "a10", "a1"]) == ["a", "a1", "a2", "a10", "b"]
    assert sort_labels(["iii", "i", "ii"]) == ["i", "ii", "iii"]
    assert sort_labels(list("hig")) == ["g", "h", "i"]


_PIECES = st.sampled_from(
    ["(a)", "(b)", "(c–e)", "a)", "b, c)", "a ", "B. ", "SEM images of ", "and ", "; ", ". ", ": ", "at ", "2 h",
     "(1 0 0)",
     "(i.e. x)", "Scale bar: 5 µm", "in (b)", "(inset)", "TEM of ", "Figure 2. ", "(a1)", "(ii)", "(", ")",
     "–", "ZnO", " "]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=30).map("".join)))
def test_any_text_is_shared_out_in_its_own_words(caption: str) -> None:
    found = split_caption(caption)
    words = set(re.findall(r"\w+", caption))
    for label in found.labels:
        assert set(re.findall(r"\w+", found.own_words(label))) <= words
        assert label == label.lower()
        assert found.words_for(label)
    assert set(re.findall(r"\w+", found.general)) <= words
    assert list(found.labels) == sort_labels(found.labels)
    assert found.caption == re.sub(r"\s+", " ", caption).strip()


_ITEM = st.from_regex(r"[A-Z][a-z]{3,8} [a-z]{3,8} [a-z]{3,8}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ITEM, min_size=2, max_size=12, unique=True))
def test_plain_captions_come_apart_as_they_were_put_together(items: list[str]) -> None:
    caption = " ".join(f"({chr(97 + n)}) {item}." for n, item in enumerate(items))
    found = split_caption(caption)
    assert len(found.labels) == len(items)
    own = [found.own_words(label).rstrip(".") for label in found.labels]
    assert all(item in words for item, words in zip(items, own, strict=True))


def test_a_long_hostile_caption_is_done_in_time() -> None:
    assert split_caption("(a" * 20_000).labels == ()
    assert split_caption("a, " * 20_000).caption


@pytest.mark.parametrize(("caption", "parts", "general"), CAPTIONS, ids=[caption[:40] for caption, _, _ in CAPTIONS])
def test_captions_in_the_style_of_journals(caption: str, parts: dict[str, str], general: str) -> None:
    assert find_wrong_parts(caption, parts, general) == []


@pytest.mark.parametrize(("caption", "places"), PLACES)
def test_places_in_words(caption: str, places: dict[str, str]) -> None:
    found = split_caption(caption)
    assert found.labels == ()
    assert set(found.places) == set(places)
    assert all(set(words.split()) <= set(re.findall(r"\w+", found.places[place])) for place, words in places.items())


@pytest.mark.parametrize("caption", NO_PANELS)
def test_brackets_that_are_no_labels(caption: str) -> None:
    assert split_caption(caption).labels == ()


_STYLES = {"({})": str, "{})": str, "{}, ": str, "{}. ": str.upper, "[{}]": str, "{} | ": str, "({}):": str.upper}


@settings(max_examples=120, deadline=None)
@given(st.data(), st.sampled_from(sorted(_STYLES)), st.lists(_ITEM, min_size=2, max_size=6, unique=True))
def test_ranges_and_lists_in_any_style_reach_each_label(data: st.DataObject, style: str, items: list[str]) -> None:
    """Groups of one to three labels are written as one, a list or a range, each before words of its own."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    truth: dict[str, str] = {}
    written = []
    for item in items:
        labels = [next(letters) for _ in range(data.draw(st.integers(1, 3)))]
        separator = data.draw(st.sampled_from([", ", "–"])) if len(labels) > 1 else ""
        cased = [_STYLES[style](label) for label in labels]
        group = f"{cased[0]}–{cased[-1]}" if separator == "–" else ", ".join(cased)
        written.append(f"{style.format(group)} {item}.")
        truth |= dict.fromkeys(labels, item)
    found = split_caption(" ".join(written))
    assert list(found.labels) == list(truth)
    assert all(item in found.own_words(label) for label, item in truth.items())


@pytest.mark.parametrize(
    "unit", ["(a, b) x in (a) y ", "in (a) y and ", "maps of Fe, ", "(a, b) of x, ", "x (left) and ", "(a) x. "]
)
def test_a_caption_that_says_one_thing_over_and_over_ends(unit: str) -> None:
    assert split_caption(unit * (45_000 // len(unit)) + "respectively").caption
