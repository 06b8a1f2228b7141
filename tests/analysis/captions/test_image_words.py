"""Tell the words about one of several images under a letter, and give sentences to the parts that they stand in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.analysis.captions.split import split_caption

SEQUENCE = (
    "(a) Mice. (b) From left to right: cysts were taken, were full (scale bar = 1 mm), had stroma (scale bar = 90 μm) "
    "and were covered by fibers (scale bar = 70 μm)."
)
CHANNELS = "(a) Cells stained for DAPI (blue), actin (red) and tubulin (green). Scale bar: 5 µm. (b) A plot."


@pytest.mark.parametrize(
    ("caption", "label", "where", "words"),
    [
        (
            "Mice. (a) Cells. Left: control. Right: treated. (b) A plot.",
            "a",
            {"place": "left"},
            "Mice. Cells. control.",
        ),
        ("(a) Cells. Left: control. Right: treated. (b) A plot.", "a", {"place": "top right"}, "Cells. treated."),
        ("(a) Cells. Left: control. Right: treated. (b) A plot.", "a", {"heading": "Control"}, "Cells. control."),
        ("(a) Cells of mice (left) and of rats (right). (b) A plot.", "a", {"place": "right"}, "Cells of rats (right)"),
        ("(a) SEM of ash (left) and oak (right). (b) A plot.", "a", {"place": "right"}, "SEM of oak (right)"),
        ("(A, top) Wings. (A, bottom left) Their tips. (B) A plot.", "a", {"place": "bottom left"}, "Their tips."),
        (
            "Photos (top) and SEM images (bottom) of (a) ash and (b) oak.",
            "b",
            {"place": "bottom"},
            "SEM images (bottom) of oak.",
        ),
        (SEQUENCE, "b", {"ordinal": 2, "count": 3}, "had stroma (scale bar = 90 μm)"),
        (SEQUENCE, "b", {"ordinal": 1, "count": 3}, "cysts were taken, were full (scale bar = 1 mm)"),
        ("(a) Images of ash, oak and elm (left to right). (b) A plot.", "a", {"ordinal": 2}, "Images of oak"),
        (CHANNELS, "a", {"heading": "Actin"}, "Cells stained for actin (red). Scale bar: 5 µm."),
        (CHANNELS, "a", {"heading": "DAPI"}, "Cells stained for DAPI (blue). Scale bar: 5 µm."),
        ("(a) Cells. Inset: lattice fringes. (b) A plot.", "a", {"inset": True}, "Inset: lattice fringes."),
        ("Left: SEM image. Right: TEM image.", None, {"place": "right"}, "TEM image."),
    ],
)
def test_words_of_one_image(caption: str, label: str | None, where: dict, words: str) -> None:
    assert split_caption(caption).words_for_part(label, **where) == words


@pytest.mark.parametrize(
    ("caption", "label", "where"),
    [
        ("(a) Cells. Left: control. Right: treated. (b) A plot.", "a", {}),
        ("(a) Cells. Left: control. Right: treated. (b) A plot.", "a", {"place": "middle"}),
        ("(a) Cells. Left: control. Right: treated. (b) A plot.", "b", {"place": "left"}),
        (SEQUENCE, "b", {"ordinal": 2, "count": 4}),
        (CHANNELS, "a", {"heading": "Merge"}),
        ("(a) Cysts were smaller (left graph) and had less tissue (right graph). (b) X.", "a", {"place": "left"}),
        (CHANNELS, "b", {"inset": True}),
        (CHANNELS, None, {"heading": "DAPI"}),
        ("Left: SEM image. Right: TEM image.", None, {"place": "top"}),
    ],
)
def test_words_of_the_letter_where_images_are_not_told_apart(caption: str, label: str | None, where: dict) -> None:
    found = split_caption(caption)
    assert found.words_for_part(label, **where) == found.words_for(label)


@pytest.mark.parametrize(
    ("caption", "parts", "general"),
    [
        ("Bugs. (a) Ant. Scale bar: 1 mm. (b) Bee. Scale bar: 2 mm. (c) A plot. Error bars are SD.",
         {"a": "Ant. Scale bar: 1 mm.", "b": "Bee. Scale bar: 2 mm.", "c": "A plot."}, "Bugs. Error bars are SD."),
        ("(a) Ant. (b) Bee. Scale bar in (a) represents 1 µm.",
         {"a": "Ant. Scale bar in (a) represents 1 µm.", "b": "Bee."}, ""),
        ("(a) Ant. (b) Bee. Scale bars: 1 µm.", {"a": "Ant.", "b": "Bee."}, "Scale bars: 1 µm."),
        ("(A) Ant. (B, C) Bees in spring (B) and fall (C). Scale bar: 5 µm. (D) A plot.",
         {"a": "Ant.", "b": "Bees in spring Scale bar: 5 µm.", "c": "Bees in fall Scale bar: 5 µm.", "d": "A plot."},
         ""),
        ("Bugs. Panel (a) shows an ant, and the scale bar (5 µm) is shown. It eats. Panel (b) shows a bee.",
         {"a": "shows an ant, and the scale bar (5 µm) is shown. It eats.", "b": "shows a bee."}, "Bugs."),
        ("Bugs. Panel (A) An ant of wood. (B) A bee.", {"a": "An ant of wood.", "b": "A bee."}, "Bugs."),
        ("Images comparing fresh a) hair, b) hemp and c) wool and charged d) hair, e) hemp and f) wool.",
         {"a": "Images comparing fresh hair", "b": "Images comparing fresh hemp", "c": "Images comparing fresh wool",
          "d": "Images comparing charged hair", "e": "Images comparing charged hemp",
          "f": "Images comparing charged wool."}, ""),
        ("TEM images of fresh (a) Pt, (b) Pd, (c) Au and well aged (d) Pt, (e) Pd and (f) Au.",
         {"a": "TEM images of fresh Pt", "b": "TEM images of fresh Pd", "c": "TEM images of fresh Au",
          "d": "TEM images of well aged Pt", "e": "TEM images of well aged Pd", "f": "TEM images of well aged Au."},
         ""),
        ("Growth of rods in the sea (A) Sketch of the set-up. (B) Photo of rods.",
         {"a": "Sketch of the set-up.", "b": "Photo of rods."}, "Growth of rods in the sea"),
        ("Rods in heat A SEM image of rods. B, C TEM images (B) after 1 h and (C) after 5 h. D XRD pattern.",
         {"a": "SEM image of rods.", "b": "TEM images after 1 h", "c": "TEM images after 5 h.", "d": "XRD pattern."},
         "Rods in heat"),
        ("Fig. 2 a Live ants. b Dead bees. c Plot.", {"a": "Live ants.", "b": "Dead bees.", "c": "Plot."}, ""),
        ("Figure 2 A: An ant. B: A bee. C: A plot.", {"a": "An ant.", "b": "A bee.", "c": "A plot."}, ""),
        ("a, Ant. b, Bee. c, Fly. Movie of ants of 20 nm (d) and of 90 nm (e). f, Plot. g, Graph.",
         {"a": "Ant.", "b": "Bee.", "c": "Fly.", "d": "Movie of ants of 20 nm", "e": "of 90 nm", "f": "Plot.",
          "g": "Graph."}, ""),
        ("Mice showed (a) pain. Mice with implants showed (b) fear and (c) loss. (d) Fibers of mice.",
         {"a": "Mice showed pain.", "b": "Mice with implants showed fear", "c": "Mice with implants showed loss.",
          "d": "Fibers of mice."}, ""),
    ],
)  # fmt: skip
def test_parts_of_a_caption(caption: str, parts: dict[str, str], general: str) -> None:
    found = split_caption(caption)
    assert dict(found.parts) == parts
    assert found.general == general


_ITEM = st.from_regex(r"[a-z]{3,8} [a-z]{3,8}s", fullmatch=True)
_PLACES = ("Left", "Right", "Top", "Bottom", "Middle", "Top left", "Bottom right")


@settings(max_examples=80, deadline=None)
@given(st.lists(_ITEM, min_size=2, max_size=5, unique=True), st.randoms())
def test_places_come_apart_as_they_were_put_together(items: list[str], random: object) -> None:
    places = random.sample(_PLACES, len(items))  # type: ignore[attr-defined]
    caption = (
        "(a) Bugs. " + " ".join(f"{place}: {item}." for place, item in zip(places, items, strict=True)) + " (b) X."
    )
    found = split_caption(caption)
    for place, item in zip(places, items, strict=True):
        words = found.words_for_part("a", place=place.lower())
        meant = {
            other
            for one, other in zip(places, items, strict=True)
            if set(one.lower().split()) <= {*place.lower().split()}
        }
        assert item in words
        assert all((other in words) == (other in meant) for other in items)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab()ABleftrigh topinsetDAPI (blue),.:;and of ", max_size=150))
def test_any_caption_has_words_for_any_image(caption: str) -> None:
    found = split_caption(caption)
    for label in (None, "a", "b"):
        for where in ({"place": "top left"}, {"ordinal": 1}, {"heading": "DAPI"}, {"inset": True}):
            words = found.words_for_part(label, **where)  # type: ignore[arg-type]
            assert set(re.findall(r"\w+", words)) <= set(re.findall(r"\w+", caption))
            assert bool(words) == bool(found.words_for(label)) or not found.words_for(label)
