"""The fourth term: words against pictures, by formula, on both indexes, and from the command line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirsearch.indexes import open_index
from mirsearch.query import SearchRequest
from mirsearch.ranking import Formula, Weights, combine, image_text_term, visual_term
from mirsearch.search import words_in_pictures
from mirsearch.search.words_in_pictures import may_have_text_tower
from tests.support.cli_runner import run
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytestmark = pytest.mark.usefixtures("offline")
FORMULA = Formula(Weights(visual=0.5, scale=0.2, text=0.3, image_text=0.4), response=(12.0, -3.0))


def test_the_term_is_a_sigmoid_of_the_cosine():
    cosine = np.array([-1.0, 0.0, 0.25, 0.3, 1.0])
    assert np.allclose(image_text_term(cosine, (25.0, -6.25)), 1 / (1 + np.exp(-(25 * cosine - 6.25))))
    assert image_text_term([-1.0, 1.0], (1e6, 0.0)).tolist() == pytest.approx([0.0, 1.0], abs=1e-200)


def test_it_counts_with_its_weight_which_is_that_of_text_unless_given():
    one, other = np.array([0.2, 0.8]), np.array([1.0, 0.5])
    found = combine(Formula(Weights(visual=0.6, text=0.2)), visual=one, image_text=other)
    assert np.allclose(found, (0.6 * one + 0.2 * other) / 0.8)
    assert Weights(text=0.7).of("image_text") == 0.7
    assert Weights(text=0.7, image_text=0.1).of("image_text") == 0.1
    with pytest.raises(ValueError, match="weights"):
        Weights(image_text=-0.1)
    with pytest.raises(ValueError, match="not all 0"):
        Weights(0, 0, 0)


@pytest.fixture(scope="module")
def corpus() -> MadeCorpus:
    return MadeCorpus(seed=5)


@pytest.fixture(scope="module")
def embedded(corpus, tmp_path_factory):
    index = open_index(str(tmp_path_factory.mktemp("index") / "i"), create=EXTRACTOR)
    with index.writer() as writer:
        for record in corpus.records(150):
            writer.put(record)
    yield index
    index.close()


def requests(corpus: MadeCorpus, count: int) -> list[SearchRequest]:
    """Requests of every kind, each with a text's vector; every third without a picture."""
    rng = np.random.default_rng(2)
    found = []
    for number, request in enumerate(corpus.requests(count)):
        text_embedding = corpus.vector(number % 7, rng)
        vector = None if number % 3 == 0 else request.vector
        found.append(
            dataclasses.replace(request, formula=FORMULA, vector=vector, text_vector=text_embedding, exact=True)
        )
    return found


def by_hand(index, request: SearchRequest) -> dict[str, tuple[float, float]]:
    """Score and term of every panel that has no other terms than looks and words in pictures."""
    ids = [stored.panel.id for stored in index.select_panels(request.filters)]
    rows = np.stack([index.vector(each) for each in ids]).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def cosine(vector: np.ndarray) -> np.ndarray:
        half = vector.astype(np.float16).astype(np.float64)
        return rows @ half / np.linalg.norm(half)

    term = image_text_term(cosine(request.text_vector), request.formula.response)
    looks = None if request.vector is None else visual_term(1 - cosine(request.vector))
    score = combine(request.formula, visual=looks, image_text=term)
    return dict(zip(ids, zip(score, term, strict=True), strict=True))


@settings(max_examples=25, deadline=None)
@given(
    number=st.integers(0, 1000),
    slope=st.sampled_from([0.5, 12.0, 25.0, 120.0]),
    top=st.integers(1, 40),
    looks=st.booleans(),
)
def test_the_embedded_index_finds_the_best_of_all(embedded, corpus, number, slope, top, looks):
    rng = np.random.default_rng(number)
    formula = dataclasses.replace(FORMULA, response=(slope, -slope / 4))
    text_embedding, vector = corpus.vector(number % 5, rng), corpus.vector(number % 3, rng) if looks else None
    request = SearchRequest(vector=vector, text_vector=text_embedding, formula=formula, top=top)
    expected = by_hand(embedded, request)
    found = embedded.search(request)
    assert found.exact
    order = sorted(expected, key=lambda each: (-expected[each][0], each))[:top]
    scores = [panel.score for panel in found.panels]
    assert scores == pytest.approx([expected[each][0] for each in order], abs=1e-5)
    for panel in found.panels:
        assert (panel.score, panel.image_text) == pytest.approx(expected[panel.panel_id], abs=1e-5)
        assert (panel.visual is None) == (vector is None)


def test_without_words_in_pictures_nothing_changes(embedded, corpus):
    for request in corpus.requests(20):
        plain = embedded.search(request)
        again = dataclasses.replace(request.formula, response=(3.0, 1.0))
        same = embedded.search(dataclasses.replace(request, formula=again))
        assert plain.panels == same.panels
        assert all(panel.image_text is None for panel in plain.panels)


def test_elasticsearch_scores_as_the_embedded_index_does(embedded, corpus, es_location):
    with open_index(es_location, create=EXTRACTOR) as cluster:
        with cluster.writer() as writer:
            for record in corpus.records(150):
                writer.put(record)
        for base in requests(corpus, 24):
            request = dataclasses.replace(base, text="the", top=15)
            local, remote = embedded.search(request), cluster.search(request)
            assert remote.exact  # scores differ by a quarter of the slope times what float16 takes from a cosine
            assert [p.score for p in remote.panels] == pytest.approx([p.score for p in local.panels], abs=5e-4)
            terms = {p.panel_id: p for p in local.panels}
            for panel in remote.panels:
                mine = terms.get(panel.panel_id)
                if mine is not None:
                    assert panel.image_text == pytest.approx(mine.image_text, abs=1e-3)
                    assert panel.visual == (None if mine.visual is None else pytest.approx(mine.visual, abs=1e-3))
        worded = dataclasses.replace(requests(corpus, 2)[1], text="gold", filters=type(request.filters)())
        found = cluster.search(worded)
        assert all(None not in (p.visual, p.text, p.image_text) for p in found.panels)


def test_only_indexes_of_models_with_words_load_one(monkeypatch):
    assert not may_have_text_tower(dataclasses.replace(EXTRACTOR, name="efficientnet"))
    assert not may_have_text_tower(EXTRACTOR)
    assert may_have_text_tower(dataclasses.replace(EXTRACTOR, name="open-clip:any"))

    def never() -> None:
        raise AssertionError("an extractor was loaded")

    for name, text, formula in (("efficientnet", "words", Formula()), ("open-clip:x", None, Formula()),
                                ("open-clip:x", "words", Formula(Weights(image_text=0.0)))):  # fmt: skip
        vector = words_in_pictures.text_vector(dataclasses.replace(EXTRACTOR, name=name), text, formula, never)
        assert vector == (None, formula, None)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    from tests.support.tiny_models import clip_checkpoint
    from tests.support.torch_needed import torch_or_skip

    return clip_checkpoint(torch_or_skip("open_clip"), tmp_path_factory.mktemp("clip"))


def _figures(folder):
    from mirsearch.extractors.onnx.export import probe_images

    folder.mkdir()
    for number, pixels in enumerate(probe_images(3)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("backend", ["embedded", "elasticsearch"])
def test_words_find_pictures_whose_captions_never_say_them(backend, checkpoint, tmp_path, monkeypatch, request):
    from mirsearch.extractors.torch.openclip import OpenClipExtractor
    from tests.support.tiny_models import CLIP

    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    index = tmp_path / "index" if backend == "embedded" else request.getfixturevalue("es_location")
    figures = _figures(tmp_path / "figures")
    run("ingest", figures, "--index", index, "--extractor", f"open-clip:{CLIP}/{checkpoint}")
    words = ("query", "--text", "hexagonal platelets", "--index", index, "--format", "json")
    result = run(*words).json()
    model = OpenClipExtractor(CLIP, weights=checkpoint)
    text_embedding = model.embed_text(["hexagonal platelets"])[0]
    with open_index(str(index)) as opened:
        assert len(result["hits"]) >= 3
        for hit in result["hits"]:
            expected = float(image_text_term(opened.vector(hit["id"]) @ text_embedding, (25.0, -6.25)))
            assert hit["terms"]["image_text"] == pytest.approx(expected, rel=0.02)
            assert hit["terms"]["text"] == 0
    scores = [hit["score"] for hit in result["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert result["weights"]["image_text"] == result["weights"]["text"]
    assert "words in the picture" in run("query", "--text", "platelets", "--index", index, "--explain").out
    both = run("query", figures / "1.png", *words[1:], "--no-scale", "--weight", "image_text=0.1").json()
    assert min(hit["visual_distance"] for hit in both["hits"]) == pytest.approx(0, abs=2e-3)
    assert all(None not in (hit["terms"]["image_text"], hit["terms"]["text"]) for hit in both["hits"])
    alone = run(*words, "--weight", "image_text=0").json()
    assert alone["hits"] == []


def test_without_the_model_a_note_says_that_only_captions_count(checkpoint, tmp_path, monkeypatch):
    from tests.support.tiny_models import CLIP

    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    figures = _figures(tmp_path / "figures")
    run("ingest", figures, "--index", tmp_path / "i", "--extractor", f"open-clip:{CLIP}/{checkpoint}")
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "another"))
    result = run("query", "--text", "platelets", "--index", tmp_path / "i", "--format", "json").json()
    assert result["hits"] == []
    assert any("captions alone" in note for note in result["notes"])
