"""Read for which images under a letter the lengths of a caption hold: insets, places, the k-th from left, words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.analysis.captions.scales import PlacedScale, caption_scales_of, choose_scale

CAPTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # where a sentence on a bar stands
    ("(a) Ant. Scale bar: 1 mm. (b) Bee. Blue is DAPI. Scale bar: 20 µm. (c) A plot.", "abc", ("a 1e6", "b 20000")),
    ("(a) Ant. (b) Bee. Blue is DAPI. Scale bar = 100 μm. Error bars are SD.", "ab", ("* 1e5",)),
    ("(a) Raw data, (b) clean data, (c-d) segments. Scale bar in (a) represents 1 µm.", "abcd", ("a 1000",)),
    ("Panel (a) shows an ant, and the scale bar (0.5 µm) is shown. Panel (b) shows a bee.", "ab", ("a 500",)),
    ("(A) Ant. (B, C) Bees of spring (B) and fall (C). Scale bar: 5 µm. (D) A plot.", "ABCD", ("bc 5000",)),
    ("(A) Ant. Scale bar: 1 mm. (B) Bee. Scale bar: 2 mm. (C) Fly. Scale bar: 3 mm.", "ABC",
     ("a 1e6", "b 2e6", "c 3e6")),
    ("(A) Ant. (B) Bee (left) and fly (right); scale bars: 5 mm. (C) A plot.", "ABC", ("b 5e6",)),
    ("(B) Left lobe (slice 33, scale bar = 100 µM). (C) Right lobe (slice 7, scale bar = 5 µM).", "BC",
     ("b 1e5", "c 5000")),
    ("(a) Ant. (b) Bee. All scale bars are 10 µm. (c) A plot.", "abc", ("* 10000",)),
    ("(a) Ant. Scale bars in all images: 10 µm. (b) Bee.", "ab", ("* 10000",)),
    ("( A ) Laser. ( B ) Cells. Scale bar: 50 μm. ( C ) A plot.", "ABC", ("b 50000",)),
    ("Figure 1—figure supplement 3. Nerves. (a) Upper lobe. Scale bar, 5 µm. (b) A plot.", "ab", ("a 5000",)),
    # letters beside the lengths
    ("Scale bar: (A, B) 50µm.", "ABC", ("ab 50000",)),
    ("Scale bar, 10 μm for (a,b) and 5 μm for (c).", "abc", ("ab 10000", "c 5000")),
    ("Scale bars: 50 µm for (a)–(c), and 5 µm for (d).", "abcd", ("abc 50000", "d 5000")),
    ("Scale bars: 5 mm (a and b), 2 mm (c-d).", "abcd", ("ab 5e6", "cd 2e6")),
    ("SEM of ash (A, scale bar 5 µm) and of oak (B, scale bar 2 µm).", "AB", ("a 5000", "b 2000")),
    ("(a) Ant. (b) Bee. The scale bar represents 100 μm for a, 50 for b.", "ab", ("a 1e5", "b 50000")),
    ("(a) Ant, (b) bee and (c) fly. The scale bars are 1 mm, 100 and 5 µm, respectively.", "abc",
     ("a 1e6", "b 1e5", "c 5000")),
    ("a SEM image, scale bar 5 µm, b TEM image, scale bar 50 nm", "ab", ("a 5000", "b 50")),
    ("Scale bar (a–c): 50 µm, scale bar (d): 5 µm.", "abcd", ("abc 50000", "d 5000")),
    # insets and enlarged parts
    ("Scale bar = 10 µm (main), 2 µm (inset)", "ab", ("* 10000", "* 2000 inset")),
    ("(a) Ant. (b) Bee. Scale bar = 10 µm (main), 2 µm (inset) (a,b).", "ab", ("ab 10000", "ab 2000 inset")),
    ("(a) Ant. Scale bar = 9 µm (main), 2 µm (inset, inset montage) (a,b). (b) Bee.", "ab",
     ("ab 9000", "ab 2000 inset inset montage")),
    ("(d) Ant. Scale bar = 10 µm (main), 2 µm (magnified images). (e) A plot.", "de",
     ("d 10000", "d 2000 inset magnified images")),
    ("(A-C) Rods. (D) Tip. Bars = 1 µm (A–C) or 200 nm (D, insets).", "ABCD", ("abc 1000", "d 200", "abc 200 inset")),
    ("Scale bars, 50 μm; insets, 10 µm.", "ab", ("* 50000", "* 10000 inset")),
    ("(a) Ant. (b) Bee. Scale bar, 20 µm (5 µm in insets).", "ab", ("* 20000", "* 5000 inset")),
    ("(a) Ant. (b) Bee. Scale bars: 10 µm (a); 5 µm (b; inset 1 µm).", "ab", ("a 10000", "b 5000", "b 1000 inset")),
    ("(a) Ants, scale bar: 20 µm; inset: TEM, scale bar: 5 nm. (b) Bee.", "ab", ("a 20000", "a 5 inset")),
    ("(a) Ant. (b) Bee. The inset in (a) shows the eye (scale bar: 5 nm).", "ab", ("a 5 inset",)),
    ("(a) Ant. (b) Bee. Main scale bar: 10 μm; inset scale bar: 1 μm.", "ab", ("* 10000", "* 1000 inset")),
    ("(a) Ant. (b) Bee. Scale bars: (a) 10 µm, (b) 20 µm, and insets: 2 µm.", "ab",
     ("a 10000", "b 20000", "ab 2000 inset")),
    ("(A) Ant. (B) Bee. Scale bars = 1 cm in A and 1 mm in the inset of B.", "AB", ("a 1e7", "b 1e6 inset")),
    ("(a) Low-magnification view (scale bar: 200 nm), (b) high-magnification view (scale bar: 20 nm). (c) A plot.",
     "abc", ("a 200", "b 20")),
    ("(a) Ant. Scale bar: 5 mm. (b) Enlargement of the head, scale bar: 1 mm. (c) Leg.", "abc", ("a 5e6", "b 1e6")),
    ("(a) Ant. Scale bar: 5 mm. Inset: AFM image. Scale bar: 1 µm. (b) A plot.", "ab", ("a 5e6", "a 1000 inset")),
    ("(A) Ants. (B) Bees. Magnification 200×, scale bar 50 µm.", "AB", ("* 50000",)),
    ("Tumors (A), lungs (B, scale bar = 2 mm) and sections (C: ×40, bar = 500 µm; D: ×200, bar = 100 µm).", "ABCD",
     ("b 2e6", "c 5e5", "d 1e5")),
    ("Figure 5: a-c) SEM images (scale bars: a) 10 µm, b) 2 µm and c) 500 nm). d) EDS.", "abcd",
     ("a 10000", "b 2000", "c 500")),
    # places
    ("(A, top) Wings, scale bar 10 µm. (A, bottom left) Detail, scale bar 2 µm. (B) A plot.", "AB",
     ("a 10000 top", "a 2000 bottom left")),
    ("Scale bars: 10 µm (A, top), 5 µm (A, bottom left), 2 µm (B).", "AB",
     ("a 10000 top", "a 5000 bottom left", "b 2000")),
    ("Scale bars, 50 μm (a; upper), 20 μm (a; lower) and 10 μm (b).", "ab",
     ("a 50000 top", "a 20000 bottom", "b 10000")),
    ("(a) Left: overview, scale bar 1 mm. Right: detail, scale bar 50 µm. (b) A plot.", "ab",
     ("a 1e6 left", "a 50000 right")),
    ("(a) Ants (left, scale bar 1 mm) and bees (right, scale bar 50 µm). (b) A plot.", "ab",
     ("a 1e6 left", "a 50000 right")),
    ("Scale bars represent 100 μm in the upper panels and 20 μm in the lower panels.", "",
     ("* 1e5 top", "* 20000 bottom")),
    ("(a,b) Ants. Upper row scale bar 5 µm, lower row scale bar 2 µm. (c) A plot.", "abc",
     ("ab 5000 top", "ab 2000 bottom")),
    ("Scale bars, 50 µm (C and D, left) and 5 µm (D, right).", "CD", ("c 50000", "d 50000 left", "d 5000 right")),
    ("SEM image (left; 5 µm scale bar) and TEM image (right; 5 nm scale bar).", "", ("* 5000 left", "* 5 right")),
    ("(a) Left: ants. Right: bees. Scale bar: 5 µm. (b) A plot.", "ab", ("a 5000",)),
    ("(a) Left: ants. Scale bar: 5 µm. Right: bees. Scale bar: 2 µm. (b) A plot.", "ab",
     ("a 5000 left", "a 2000 right")),
    # the k-th image
    ("(c) Ant. (f) From left to right: cysts were taken, were full (scale bar = 1 mm), had stroma (scale bar = 90 μm) "
     "and were covered by fibers (scale bar = 70 μm, blue is DAPI).", "cf",
     ("f 1e6 1/3", "f 90000 2/3", "f 70000 3/3")),
    ("(a) From left to right, control, treated and washed cells (scale bar = 5 µm). (b) A plot.", "ab", ("a 5000",)),
    ("Scale bars from left to right: 1 mm, 100 µm and 90 µm.", "", ("* 1e6 1/3", "* 1e5 2/3", "* 90000 3/3")),
    ("(a) Low (left) and high (right) power; scale bars, 50 and 5 µm, respectively. (b) A plot.", "ab",
     ("a 50000 1/2", "a 5000 2/2")),
    ("Scale bars: 20 µm (b, first panel) and 5 µm (b, second panel).", "ab", ("b 20000 1/", "b 5000 2/")),
    # words
    ("(a) Ant. (b) Bee. Scale bars = 200 µm (low magnification) and 50 µm (high magnification).", "ab",
     ("* 2e5 low magnification", "* 50000 high magnification")),
    ("(a) Ant. (b) Bee. Scale bars: 10 µm (DAPI), 5 µm (merge).", "ab", ("* 10000 DAPI", "* 5000 merge")),
    # spellings
    ("(a) Fibers (scale bar 50 μ m). (b) A fiber, scale bar: 5 μ m. (c) A plot.", "abc", ("a 50000", "b 5000")),
    ("(a) Übersicht, (b) Detail. Maßstab: 5 µm.", "ab", ("* 5000",)),
    ("(A) Ant. (A′) Its eye. (B) Bee. Scale bars: 50 µm (A, B), 10 µm (A′).", "", ("ab 50000", "a′ 10000")),
)  # fmt: skip
_SINGLE = {"top", "bottom", "left", "right", "middle"}


def describe(scale: PlacedScale) -> str:
    """Return a length with all that it is said of: "ab 2000 inset top left 1/3 words"."""
    letters = "".join(sorted(scale.letters)) if scale.letters else "*"
    ordinal = f"{scale.ordinal}/{scale.count or ''}" if scale.ordinal else ""
    inset = "inset" if scale.inset else ""
    return " ".join(filter(None, (letters, f"{scale.nm:g}", inset, scale.place, ordinal, scale.heading)))


def plain(text: str) -> str:
    """Return an expected length with its number as `describe` writes it."""
    letters, nm, *rest = text.split(" ")
    return " ".join([letters, f"{float(nm):g}", *rest])


@pytest.mark.parametrize(("caption", "letters", "expected"), CAPTIONS, ids=[row[0][:50] for row in CAPTIONS])
def test_lengths_and_what_they_are_said_of(caption: str, letters: str, expected: tuple[str, ...]) -> None:
    found = [describe(scale) for scale in caption_scales_of(caption, list(letters)) if scale.kind == "bar"]
    assert found == [plain(one) for one in expected]


def test_own_and_all() -> None:
    own, every = caption_scales_of("(a) Ant (scale bar 1 mm). (b) Bee. Scale bar of all images: 2 mm.")
    assert (own.scope, own.letters) == ("own", frozenset("a"))
    assert (every.scope, every.letters) == ("all", None)


def test_the_length_of_one_image_is_that_of_its_letter_and_place() -> None:
    scales = caption_scales_of(
        "(a) Ants (left, scale bar 1 mm) and bees (right, scale bar 50 µm). (b) Fly (scale bar 3 µm). (c) Bug. "
        "Scale bar: 7 µm in all images; insets: 1 µm."
    )
    chosen = {
        "left": choose_scale(scales, "a", place="left"),
        "corner": choose_scale(scales, "A", place="bottom right"),
        "b": choose_scale(scales, "b", place="top"),
        "c": choose_scale(scales, "c"),
        "inset": choose_scale(scales, "b", inset=True),
        "no letter": choose_scale(scales, None),
    }
    assert {name: scale.nm if scale else None for name, scale in chosen.items()} == {
        "left": 1e6, "corner": 50_000, "b": 3000, "c": 7000, "inset": 1000, "no letter": 7000,
    }  # fmt: skip


def test_an_image_of_unknown_place_gets_no_length_of_a_place() -> None:
    scales = caption_scales_of("(a) Ants (left, scale bar 1 mm) and bees (right, scale bar 50 µm).")
    assert choose_scale(scales, "a") is None
    assert choose_scale(scales, "a", place="middle") is None
    assert choose_scale(scales, None, place="left") is None


def test_a_number_counts_only_among_as_many_images() -> None:
    scales = caption_scales_of("Scale bars from left to right: 1 mm, 100 µm and 90 µm.")
    assert [choose_scale(scales, "a", ordinal=k, count=3).nm for k in (1, 2, 3)] == [1e6, 1e5, 9e4]  # type: ignore[union-attr]
    assert choose_scale(scales, "a", ordinal=1, count=4) is None


def test_words_at_an_image_choose_its_length() -> None:
    scales = caption_scales_of("Scale bars: 10 µm (DAPI), 5 µm (merge).")
    assert choose_scale(scales, "a", heading="DAPI").nm == 10_000  # type: ignore[union-attr]
    assert choose_scale(scales, "a", heading="Merged") is None
    assert choose_scale(scales, "a") is None


def test_lengths_that_contradict_each_other_give_none() -> None:
    scales = caption_scales_of("(a) Ant. Scale bar: 2 µm (a). Scale bar: 5 µm (a).")
    assert choose_scale(scales, "a") is None


def test_an_enlarged_image_beside_the_others_is_found_by_its_place() -> None:
    scales = caption_scales_of("(A) Ant, scale bar 5 μm; right: zoom, scale bar 1 μm. (B) Bee.", ["A", "B"])
    assert choose_scale(scales, "A", place="right").nm == 1000  # type: ignore[union-attr]
    assert choose_scale(scales, "A", place="left").nm == 5000  # type: ignore[union-attr]


_UNITS = {"nm": 1.0, "µm": 1e3, "mm": 1e6}
_PLACES = ("top", "bottom", "left", "right", "top left", "bottom right")
_FORMS = ("{nm} ({letter}, {place})", "{nm} in {letter} ({place})", "{nm} ({letter}; {place} image)")


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(_FORMS), st.integers(2, 6))
def test_places_and_letters_come_back_as_they_were_written(data: st.DataObject, form: str, count: int) -> None:
    """Each letter has one image, or two at different places."""
    written, truth = [], []
    for letter in "ABCDEF"[:count]:
        for place in data.draw(st.lists(st.sampled_from(_PLACES), min_size=1, max_size=2, unique=True)):
            value, unit = data.draw(st.sampled_from((1, 2, 5, 20, 90))), data.draw(st.sampled_from(sorted(_UNITS)))
            written.append(form.format(nm=f"{value} {unit}", letter=letter, place=place))
            truth.append((letter.lower(), value * _UNITS[unit], place))
    caption = f"Scale bars: {', '.join(written[:-1])} and {written[-1]}." if len(written) > 1 else ""
    letters = list("ABCDEF"[:count])
    found = caption_scales_of(caption, letters)
    for letter, nm, place in truth:
        chosen = choose_scale(found, letter, place=place)
        rivals = [other for other in truth if other[0] == letter and set(other[2].split()) <= set(place.split())]
        assert (chosen is not None and chosen.nm == pytest.approx(nm)) or len(rivals) > 1


@settings(deadline=None)
@given(st.text(alphabet="abcABC (),.;:–-'′0123456789 nmµμscalebrSBinsettopleftright×", max_size=200))
def test_any_caption_gives_sound_lengths(caption: str) -> None:
    for scale in caption_scales_of(f"Scale bars: {caption}"):
        assert scale.nm > 0
        assert 0 < scale.confidence <= 1
        assert scale.letters is None or all(letter == letter.lower() for letter in scale.letters)
        assert scale.place is None or set(scale.place.split()) <= _SINGLE
        assert scale.ordinal is None or scale.count is None or 1 <= scale.ordinal <= scale.count
