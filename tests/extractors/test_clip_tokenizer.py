"""CLIP's tokens without open_clip: worked out by hand, and compared with open_clip's where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirsearch.extractors.clip_tokenizer import ClipTokenizer, normalize_text, parse_merges, split_words
from tests.support.torch_needed import torch_or_skip

MERGES = parse_merges("n a\nna n\nnan o</w>\ne t</w>")


def test_pieces_are_joined_by_rank():
    tokens = ClipTokenizer(MERGES, 8)
    start, end = 512 + len(MERGES), 512 + len(MERGES) + 1
    assert tokens(["nano", ""]).tolist() == [[start, 514, end, 0, 0, 0, 0, 0], [start, end, 0, 0, 0, 0, 0, 0]]
    letter = ord("n") - 33  # printable bytes come first, in their order; those that end a word 256 later
    assert tokens(["net"])[0].tolist()[:4] == [start, letter, 515, end]
    assert tokens(["n"])[0].tolist()[:3] == [start, letter + 256, end]


def test_too_long_a_text_is_cut_and_still_ends():
    row = ClipTokenizer(MERGES, 5)(["nano " * 50])[0]
    assert row.tolist() == [516, 514, 514, 514, 517]


def test_words_and_cleaning():
    assert list(split_words(normalize_text("  SEM&amp;TEM of 10µm   “Fe₃O₄” don’t "))) == [
        "sem", "&", "tem", "of", "1", "0", "µm", '"', "fe", "₃", "o", "₄", '"', "don", "'t",
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=300))
@example("a \ud800 lone half of a character, &#" + "9" * 5000 + ";")
def test_any_text_becomes_one_row(text):
    row = ClipTokenizer(MERGES, 16)([text])[0]
    assert row.shape == (16,)
    assert row[0] == 516
    assert (row == 517).sum() == 1


@pytest.mark.parametrize("line", ["one", "a b c", " b"])
def test_lines_that_are_no_pairs_are_refused(line):
    with pytest.raises(ValueError, match="is not a pair"):
        parse_merges(line)


def test_the_same_tokens_as_open_clip():
    torch_or_skip("open_clip")
    import open_clip

    theirs = open_clip.SimpleTokenizer()
    ours = ClipTokenizer(list(theirs.bpe_ranks), 77)
    texts = [
        "hexagonal platelets", "SEM image of 5 µm spheres, don't panic; Fe₃O₄@SiO₂ (a–c) ² 10⁻³ I'll we've", "",
        "TiO2/ZnO &amp; “quoted” naïve café Å 日本語", "α-Fe2O3 nanorods, 500 nm; 20,000×",
        "long words " * 60, "'s 'S '' ..!?",
    ]  # fmt: skip
    assert np.array_equal(theirs(texts).numpy(), ours(texts))
