"""Sentences of the text that speak of a figure: what names a figure, where sentences end, which are kept."""

from __future__ import annotations

import pytest

from mirsearch.settings import Limits
from mirsearch.sources.jats.parse import parse_jats
from mirsearch.sources.mentions import figure_mentions, split_sentences
from mirsearch.text.figure_references import find_references


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("Fig. 2b shows rods", {"fig 2": "b"}),
        ("in Figs 2–4 and 6", {"fig 2": "*", "fig 3": "*", "fig 4": "*", "fig 6": "*"}),
        ("Figure S1; Supplementary Fig. 2", {"fig s1": "*", "fig s2": "*"}),
        ("Figs. 1, 3, and 5a–c, e", {"fig 1": "*", "fig 3": "*", "fig 5": "abce"}),
        ("Extended Data Fig. 2a", {"ext 2": "a"}),
        ("in Fig. 2, 5 nm rods; FIG. 3(b)", {"fig 2": "*", "fig 3": "b"}),
        ("Figure 1—figure supplement 2", {"fig 1.s2": "*"}),
        ("Figs S2 to S4", {"fig s2": "*", "fig s3": "*", "fig s4": "*"}),
        ("Scheme 1 and Fig. 7 and 8", {"scheme 1": "*", "fig 7": "*", "fig 8": "*"}),
        ("Fig. 2a, 3b", {"fig 2": "a", "fig 3": "b"}),
        ("Figs. 2–2000", {"fig 2": "*", "fig 2000": "*"}),
        ("config 3 and a figure of 5 nm", {}),
    ],
)
def test_what_a_text_names(text: str, figures: dict[str, str]) -> None:
    found = {" ".join(key): "".join(sorted(letters)) or "*" for key, letters in find_references(text).items()}
    assert found == figures


def test_where_sentences_end() -> None:
    text = (
        "As in Fig. 2 we see rods (e.g. Au). Bell et al. found it.12,13 The rods, S. aureus, are 0.5 nm wide. In Ref. "
        "5 they aren't! (See Fig. 3.) A. Bell said so"
    )
    assert list(split_sentences(text)) == [
        "As in Fig. 2 we see rods (e.g. Au).", "Bell et al. found it.12,13", "The rods, S. aureus, are 0.5 nm wide.",
        "In Ref. 5 they aren't!", "(See Fig. 3.)", "A. Bell said so",
    ]  # fmt: skip


def test_each_figure_gets_the_sentences_that_name_it() -> None:
    labels = ["Figure 1 A", "Figure 1 B", "Fig. 2", None, "Supplementary Figure 1"]
    sentences = ["Rods are in Fig. 1a.", "All are in Fig. 1 and Fig. 2.", "See Fig. 1A–B.", "Nothing.", "Figure S1."]
    given = [*((sentence, ()) for sentence in sentences), ("Linked only.", (3, 3)), ("See Fig. 2.", (2,))]
    assert figure_mentions(labels, given) == [
        ("Rods are in Fig. 1a.", "All are in Fig. 1 and Fig. 2.", "See Fig. 1A–B."),
        ("All are in Fig. 1 and Fig. 2.", "See Fig. 1A–B."), ("All are in Fig. 1 and Fig. 2.", "See Fig. 2."),
        ("Linked only.",), ("Figure S1.",),
    ]  # fmt: skip


def test_mentions_are_bounded_in_number_and_length() -> None:
    long = "Before it " + "x " * 200 + "stands Fig. 1 and then " + "y " * 200
    (found,) = figure_mentions(
        ["Figure 1"], [(long, ()), *((f"Fig. 1 {n}.", ()) for n in range(9))], Limits(mentions=3, mention_chars=60)
    )
    assert len(found) == 3
    assert len(found[0]) <= 60
    assert "Fig. 1" in found[0]


def test_mentions_in_the_text_of_an_article() -> None:
    figure = '<fig id="{0}"><label>Figure {1}</label><caption><p>As Figure 2. Rods.</p></caption></fig>'
    body = (
        '<sec><title>Figure 1</title><p>Rods (<xref ref-type="fig" rid="f1">1a</xref>) grew. Others did not. '
        'Wires <xref ref-type="fig" rid="f1 f2">did</xref>; see Figs. <xref rid="f2">2</xref>–<xref rid="f4">4</xref>.'
        + figure.format("f1", 1)
        + "</p><list><list-item><p>Figure 3 is new.</p></list-item></list></sec>"
        + "".join(figure.format(f"f{n}", n) for n in (2, 3, 4))
    )
    back = "<back><app-group><app><p>Fig. 4, too.</p></app></app-group></back>"
    data = f"<article><front/><body>{body}</body>{back}</article>"
    (found,) = parse_jats(data.encode(), "a.xml")
    wires = "Wires did; see Figs. 2–4."
    assert [each.mentions for each in found.figures] == [
        ("Rods (1a) grew.", wires), (wires,), (wires, "Figure 3 is new."), (wires, "Fig. 4, too.")
    ]  # fmt: skip
