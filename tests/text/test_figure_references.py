"""Sentences that speak of one part of a figure."""

from __future__ import annotations

from mirsearch.text.figure_references import find_references, part_mentions

SENTENCES = (
    "Grains grow with time (Fig. 2).",
    "Figure 2b and d shows oxide.",
    "Rods are seen there.",
    "In Figs 1–3 all is shown.",
    "Figs. 2A,C and 3b differ.",
)


def test_letters_are_those_behind_the_figure() -> None:
    assert find_references("Figs. 2A,C and 3b, Scheme 1") == {
        ("fig", "2"): {"a", "c"},
        ("fig", "3"): {"b"},
        ("scheme", "1"): {""},
    }


def test_a_part_gets_the_sentences_that_name_it_or_the_whole_figure() -> None:
    first, oxide, unnamed, ranged, differ = SENTENCES
    assert part_mentions(SENTENCES, "Figure 2", "b") == (first, oxide, unnamed, ranged)
    assert part_mentions(SENTENCES, "Fig. 2", "C") == (first, unnamed, ranged, differ)
    assert part_mentions(SENTENCES, "Fig. 2", None) == SENTENCES
    assert part_mentions(SENTENCES, None, "b") == SENTENCES
