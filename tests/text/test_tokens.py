from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.text.matches import match_finder
from mirsearch.text.stemming import stem
from mirsearch.text.tokens import fold, query_terms, tokens, word_tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TiO2 TiO₂ sp3 sp³", ["tio2", "tio2", "sp3", "sp3"]),
        ("α-Fe2O3, αFe2O3", ["α", "fe2o3", "α", "fe2o3"]),
        ("(111) planes", ["111", "plane"]),
        ("500 nm; 500nm; 0.5 µm 0.5μm 2 um", ["500", "nm", "500", "nm", "0.5", "um", "0.5", "um", "2", "um"]),
        ("20,000× at 5.0kV", ["20000", "at", "5.0", "kv"]),
        ("Schrödinger naïve ANGSTRÖM Å", ["schrodinger", "naiv", "angstrom", "a"]),
        ("carbon-nanotubes / nanotube", ["carbon", "nanotub", "nanotub"]),
        ("see fig.3, Section 3.2.", ["see", "fig", "3", "section", "3.2"]),
        ("Al0.3Ga0.7As on GaAs", ["al0.3ga0.7as", "on", "gaas"]),
        ("4H-SiC 2D", ["4h", "sic", "2d"]),
        ("ﬁbre\u00adous\u200bx", ["fibreou", "x"]),
        ("金ナノ rod", ["金", "ナ", "ノ", "rod"]),
        ("", []),
        ("!?—…", []),
    ],
)
def test_technical_terms_stay_searchable(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nanotube", "nanotubes"), ("fibre", "fibres"), ("ore", "ores"), ("axis", "axis"), ("etched", "etching"),
        ("annealed", "annealing"), ("particle", "Particles"), ("boundary", "boundaries"),
        ("layer", "layers"), ("dye", "dyes"), ("oxidation", "oxidations"), ("imaged", "images"),
    ],
)  # fmt: skip
def test_forms_of_a_word_have_the_same_token(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ti", "ties"), ("Ga", "gas"), ("GaAs", "gaa"), ("or", "ores"), ("fe2o3s", "fe2o3"), ("In", "inn")],
)
def test_different_words_have_different_tokens(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


@pytest.mark.parametrize(
    ("word", "root"),
    [  # examples of Porter's paper
        ("caresses", "caress"), ("ponies", "poni"), ("caress", "caress"), ("cats", "cat"), ("feed", "feed"),
        ("agreed", "agre"), ("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"), ("sing", "sing"),
        ("conflated", "conflat"), ("troubled", "troubl"), ("sized", "size"), ("hopping", "hop"), ("tanned", "tan"),
        ("falling", "fall"), ("hissing", "hiss"), ("fizzed", "fizz"), ("failing", "fail"), ("filing", "file"),
        ("happy", "happi"), ("sky", "sky"), ("probate", "probat"), ("rate", "rate"), ("cease", "ceas"),
        ("controll", "control"), ("roll", "roll"),
        # derivations are left whole
        ("carbonate", "carbonat"), ("oxidation", "oxidation"), ("electrical", "electrical"),
    ],
)  # fmt: skip
def test_stems_are_porters(word: str, root: str) -> None:
    assert stem(word) == root


def test_query_terms_are_words_pairs_and_quoted_phrases() -> None:
    words = [("near",), ("tip",), ("open",), ("near", "tip"), ("tip", "open")]
    assert query_terms('the "carbon nanotubes" AND NEAR(tips) "open') == [("carbon", "nanotub"), *words]
    assert query_terms("“thin films” of gold") == [("thin", "film"), ("gold",)]
    assert query_terms("gold nanorod") == [("gold",), ("nanorod",), ("gold", "nanorod")]
    assert query_terms("is it") == [("is",), ("it",), ("is", "it")]
    assert query_terms('"state of the art"') == [("state", "of", "the", "art")]
    assert query_terms('"" ?') == []
    assert len(query_terms(" ".join(f"w{number}" for number in range(500)))) == 64


def test_matched_words_are_found_in_the_text_as_it_stands() -> None:
    text = "(a) TiO₂ Nanotubes; the étched TiO2-nanotube, 500nm and 1.5 µm."
    marked = [text[start:end] for start, end in match_finder('the "nanotube" tio2 etching 500 um')(text)]
    assert marked == ["TiO₂", "Nanotubes", "étched", "TiO2", "nanotube", "500nm", "µm"]
    assert match_finder("")("anything") == []
    decomposed = unicodedata.normalize("NFD", "a Schrödinger b")
    ((start, end),) = match_finder("schrodinger")(decomposed)
    assert unicodedata.normalize("NFC", decomposed[start:end]) == "Schrödinger"


@given(st.text())
def test_any_text_has_plain_tokens(text: str) -> None:
    for token in tokens(text):
        assert token
        assert token == token.casefold()
        assert not any(letter.isspace() or letter in "\"'*()^:+-\0" for letter in token)
    assert fold(fold(text)) == fold(text)
    spans = match_finder(text)(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


@given(st.text(alphabet="bcdfghklmnoprtu", min_size=3, max_size=12))
def test_a_plural_has_the_token_of_its_singular(word: str) -> None:
    if not word.endswith(("ed", "ing")):
        assert stem(word + "s") == stem(word)


def test_plain_words_have_the_tokens_that_a_text_gives_them() -> None:
    for word in ("Particles", "TiO2", "GaAs", "500nm", "etched", "µm", "Schrödinger", "a", "x" * 60):
        assert word_tokens(word) == tuple(tokens(word)), word
