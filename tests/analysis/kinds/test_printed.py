"""Weigh words that are printed in pictures."""

from __future__ import annotations

import pytest

from mirsearch.analysis.kinds.printed import printed_votes

STRONG = 1.8


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("EHT = 5.00 kV\nSignal A = SE2\nWD = 4.2 mm\nMag = 10.00 K X", "SEM"),
        ("Hochsp. = 15.00 kV\nVergr. = 500 x\nDetektor = SE1", "SEM"),
        ("Agrand. = 200 X\nDétecteur = SE1\nWD = 8 mm", "SEM"),
        ("Aum. = 2000 X\nDetector = SE1\n20.00 kV", "SEM"),
        ("HV\n10.00 kV\nmag\n20 000x\ndet\nETD", "SEM"),
        ("S4800 5.0kV 8.1mm x20.0k SE(M)", "SEM"),
        ("SEI 5.0kV X10,000 WD 8.0mm", "SEM"),
        ("HV=80.0kV\nDirect Mag: 20000x\nAMT Camera", "TEM"),
        ("200 kV\nTecnai", "TEM"),
        ("DAPI", "fluorescence"),
        ("mCherry-LC3\nMerge", "fluorescence"),
        ("H&E", "optical"),
        ("Bright field", "optical"),
        ("Fe Kα1", "EDX"),
        ("5 1/nm", "diffraction"),
        ("kDa\n95\nGAPDH", "gel"),
    ],
)
def test_databars_and_headings_vote(text: str, name: str) -> None:
    votes = printed_votes(text)
    assert max(votes, key=lambda key: votes[key]) == name
    assert votes[name] >= STRONG


@pytest.mark.parametrize("text", ["", "10 µm", "200 nm", "a", "Control\n24 h", "5 kV", "wildtype", "image 3"])
def test_lone_words_hardly_vote(text: str) -> None:
    assert sum(printed_votes(text).values()) < 1.0
