"""Characters of symbol fonts and ligatures, as they are shown."""

from __future__ import annotations

import pytest

from mirsearch.sources.pdf.symbols import join_signs, shown_character
from mirsearch.sources.pdf.text import join_lines


@pytest.mark.parametrize(
    ("text", "font", "shown"),
    [
        ("1236m8,", "ABCDEF+MathematicalPi-One", "+−×±µ°<"), ("1", "MathematicalPi-Four", "+"),
        ("mab\xb3\xb4", "Symbol", "µαβ≥×"), ("µ±°×", "HDRKKF+Symbol", "µ±°×"), ("m", "SymbolMT", "µ"),
        ("m", "SegoeUISymbol", "m"), ("m", "Symbola", "m"), ("m1½", "Times-Roman", "m1½"),
        ("½þÀÂ¼", "AdvP4C4E74", "[+−×="), ("½", "AdvTimes", "½"), ("r", "Universal-NewswithCommPi", "©"),
        ("\uf06d\uf0b3\uf0b5", "XYZ", "µ≥∝"), ("\uf06d", "Wingdings", "\uf06d"), ("\ufb01\ufb04", "Times", "fiffl"),
    ],
)  # fmt: skip
def test_characters_as_they_are_shown(text: str, font: str, shown: str) -> None:
    assert "".join(shown_character(character, font) for character in text) == shown


def test_signs_of_two_characters_become_one() -> None:
    assert join_signs("5 ˚A and 3 A˚, at 25 ◦C; a ˚Arm") == "5 Å and 3 Å, at 25 °C; a ˚Arm"
    assert join_lines(["bar 5 ˚A", "long"], frozenset()) == "bar 5 Å long"
