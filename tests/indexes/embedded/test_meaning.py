"""Sentence vectors in the embedded index: exact, kept with the texts that they are of, and only where wanted."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mirsearch.corrections import Correction
from mirsearch.errors import IndexMismatchError, PluginError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded import verify
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.vectors import rounded, rounded_file
from mirsearch.indexes.embedded.vectors import scans as vector_scans
from mirsearch.indexes.meanings import said_text
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula, Weights, combine, meaning_term, visual_term
from tests.support import index_records as made
from tests.support.made_meaning import MODEL, MadeSentences, made_sentences

__all__ = ["made_sentences"]

MENTIONS = ("Figure 3 shows cracks after heating.", "In Fig. 3b the rods are thin.")
RECORDS = [
    made.record(number, 1 + number % 3, mentions=MENTIONS if number == 3 else (f"Rods number {number} bend.",))
    for number in range(24)
]
QUERY = "thin rods after heating"


@pytest.fixture
def index(tmp_path: Path, made_sentences: MadeSentences) -> Iterator[EmbeddedIndex]:
    with EmbeddedIndex.open(str(tmp_path / "index"), create=made.IDENTITY) as opened:
        made.put(opened, RECORDS)
        assert made_sentences.embedded == []
        opened.add_meaning(MODEL)
        yield opened


def request(model: MadeSentences, **changes: object) -> SearchRequest:
    fields = {"vector": made.vectors(500, 1)[0], "meaning_vector": model.embed_text([QUERY])[0], "top": 100}
    return SearchRequest(**(fields | changes))


def brute_force(model: MadeSentences, asked: SearchRequest) -> dict[str, float]:
    """Return the score of each panel by the formula, from the vectors as they are stored."""
    panels = [(record, position) for record in RECORDS for position in range(len(record.panels))]

    def cosines(rows: list[np.ndarray], query: np.ndarray) -> np.ndarray:
        stored, half = np.array(rows, np.float16).astype(np.float64), np.float16(query).astype(np.float64)
        return stored @ half / np.linalg.norm(stored, axis=1) / np.linalg.norm(half)

    texts = [
        said_text(record.panels[at].caption, "", record.figure.mentions, record.figure.label, record.panels[at].label)
        for record, at in panels
    ]
    meaning = meaning_term(cosines(list(model.embed_text(texts)), asked.meaning_vector), asked.formula.meaning_response)
    visual = visual_term(1 - cosines([record.vectors[at] for record, at in panels], asked.vector))
    scores = combine(asked.formula, visual, meaning=meaning)
    return {record.panels[at].id: float(score) for (record, at), score in zip(panels, scores, strict=True)}


def assert_exact(index: EmbeddedIndex, model: MadeSentences) -> None:
    asked = request(model, formula=Formula(Weights(visual=0.3, meaning=0.7)))
    wanted = brute_force(model, asked)
    found = {panel.panel_id: panel.score for panel in index.search(asked).panels}
    assert found.keys() == wanted.keys()
    assert max(abs(found[panel] - wanted[panel]) for panel in wanted) < 1e-6


def test_scores_are_those_of_the_formula(index: EmbeddedIndex, made_sentences: MadeSentences) -> None:
    assert index.meaning() == MODEL
    assert_exact(index, made_sentences)
    with EmbeddedIndex.open(index.location) as again:
        assert_exact(again, made_sentences)
    best = index.search(request(made_sentences, vector=None, top=1)).panels[0]
    assert best.meaning == pytest.approx(best.score)
    assert best.visual is None


def test_a_sentence_counts_for_the_part_that_it_names(index: EmbeddedIndex, made_sentences: MadeSentences) -> None:
    record = dataclasses.replace(RECORDS[3], panels=made.record(3, 3).panels, vectors=made.vectors(3, 3))
    record = dataclasses.replace(record, thumbnails=(b"a", b"b", b"c"))
    with index.writer() as writer:
        writer.put(record)
    own = "\n".join((record.panels[1].caption, *MENTIONS))
    assert own in made_sentences.embedded
    assert "\n".join((record.panels[0].caption, MENTIONS[0])) in made_sentences.embedded


def test_rows_that_were_removed_and_filters_leave_the_order_right(
    index: EmbeddedIndex, made_sentences: MadeSentences
) -> None:
    index.search(request(made_sentences))
    with index.writer() as writer:
        writer.delete_figures([RECORDS[0].figure.id, RECORDS[5].figure.id])
        writer.put(RECORDS[5])
    index.remove_meaning()
    index.add_meaning(MODEL)  # the matrix of these has no removed rows, that of the looks has
    gone = {panel.id for panel in RECORDS[0].panels}
    wanted = {id_: score for id_, score in brute_force(made_sentences, request(made_sentences)).items()
              if id_ not in gone}  # fmt: skip
    found = index.search(request(made_sentences)).panels
    assert {panel.panel_id: pytest.approx(panel.score, abs=1e-6) for panel in found} == wanted
    some = index.search(request(made_sentences, filters=Filters(kinds=("plot",)))).panels
    assert some
    assert all(panel.score == pytest.approx(wanted[panel.panel_id], abs=1e-6) for panel in some)


def test_the_first_pass_over_rounded_rows_finds_the_same(
    index: EmbeddedIndex, made_sentences: MadeSentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [made.record(number + 100, 4, mentions=(f"word{number} word{number % 7} rods",)) for number in range(400)]
    made.put(index, many)
    asked = request(made_sentences, top=5, field_of_view_nm=500.0, text="rods word3")
    exact = index.search(asked).panels
    monkeypatch.setattr(rounded_file, "MIN_MATRIX_NUMBERS", 1)
    monkeypatch.setattr(rounded, "MIN_MATRIX_NUMBERS", 1)
    with EmbeddedIndex.open(index.location) as again:
        again.search(asked)
        assert again._meanings._joined is not None
        joined = again._meanings._joined[2]
        assert joined.rounded is not None
        assert joined.meaning.vectors.rounded is not None
        assert again.search(asked).panels == exact


def test_an_index_without_them_scores_as_before(tmp_path: Path, made_sentences: MadeSentences) -> None:
    with made.filled(tmp_path / "plain", RECORDS) as plain:
        assert plain.meaning() is None
        assert not (tmp_path / "plain" / "index" / "meaning").exists()
        before = plain.search(request(made_sentences, meaning_vector=None, text="nanorods")).panels
        with pytest.raises(IndexMismatchError, match="no sentence vectors"):
            plain.search(request(made_sentences))
        plain.add_meaning(MODEL)
        assert plain.search(request(made_sentences, meaning_vector=None, text="nanorods")).panels == before
        plain.remove_meaning()
        assert plain.meaning() is None
        assert plain.search(request(made_sentences, meaning_vector=None, text="nanorods")).panels == before


def test_copied_vectors_are_not_made_again_and_corrected_texts_are(
    index: EmbeddedIndex, made_sentences: MadeSentences, tmp_path: Path
) -> None:
    with index.snapshot() as snapshot:
        records = list(snapshot.records())
    assert all(len(record.meanings) >= 1 for record in records)
    with EmbeddedIndex.open(str(tmp_path / "copy"), create=made.IDENTITY) as copy:
        copy.add_meaning(MODEL)
        made_sentences.embedded.clear()
        made.put(copy, records)
        assert made_sentences.embedded == []
        asked = request(made_sentences)
        assert copy.search(asked).panels == index.search(asked).panels
        made_sentences.embedded.clear()
        panel = records[1].panels[0]
        correction = Correction(panel.box, panel.label, {"caption": "bent wires"}, panel.id)
        made.put(copy, [dataclasses.replace(records[1], corrections=(correction,))])
        assert len(made_sentences.embedded) == 1
        assert made_sentences.embedded[0].startswith("bent wires")


def test_adding_goes_on_after_an_interruption(tmp_path: Path, made_sentences: MadeSentences) -> None:
    with made.filled(tmp_path / "i", [made.record(number) for number in range(40)]) as index:
        seen: list[tuple[int, int]] = []

        def interrupt(done: int, total: int) -> None:
            seen.append((done, total))
            if done > 20:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            index.add_meaning(MODEL, interrupt)
        assert index.meaning() is None
        count = len(made_sentences.embedded)
        assert 20 < count < 80
        assert index.add_meaning(MODEL, lambda done, total: seen.append((done, total))) == 80
        assert len(made_sentences.embedded) == 80
        assert seen[-1] == (80, 80)


def test_damage_is_told_and_repaired(index: EmbeddedIndex, made_sentences: MadeSentences) -> None:
    asked = request(made_sentences)
    before = index.search(asked).panels
    database = Path(index.location) / "corpus.sqlite3"
    index.close()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE meanings SET vector = zeroblob(32) WHERE panel = 4")
        connection.execute("DELETE FROM meanings WHERE panel = 7")
    faults = [fault.part for fault in verify.find_faults(index.location)]
    assert faults == ["meaning", "meaning"]
    done = verify.repair(index.location, lambda figure: "it must not be asked for")
    assert "the sentence vectors of 2 figures were made again" in done
    with EmbeddedIndex.open(index.location) as repaired:
        assert repaired.search(asked).panels == before
    assert list(verify.find_faults(index.location)) == []


def test_a_damaged_file_is_made_again(index: EmbeddedIndex, made_sentences: MadeSentences) -> None:
    asked = request(made_sentences)
    before = index.search(asked).panels
    (file,) = (Path(index.location) / "meaning").glob("matrix-*.f16")
    index.close()
    content = bytearray(file.read_bytes())
    content[100] ^= 16
    file.write_bytes(content)
    assert [fault.part for fault in verify.find_faults(index.location)] == ["file"]
    with EmbeddedIndex.open(index.location) as again:
        assert again.search(asked).panels == before


def test_a_model_that_is_not_installed_is_named(index: EmbeddedIndex) -> None:
    with pytest.raises(PluginError, match="unknown-model"):
        index.add_meaning(ExtractorIdentity("unknown-model", "1", 16))
    with pytest.raises(IndexMismatchError, match="made-words 2"):
        index.add_meaning(ExtractorIdentity("made-words", "2", 16))


def test_a_light_weight_needs_no_scan_of_all_sentence_vectors_and_finds_the_same(
    index: EmbeddedIndex, made_sentences: MadeSentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.put(index, [made.record(number + 100, 4, mentions=(f"word{number % 50} rods",)) for number in range(400)])
    scanned: list[int | None] = []
    real = vector_scans.start_meaning_scan

    def counted(scanner: object, meaning: object, query: object, rows: np.ndarray | None, arrays: object) -> object:
        scanned.append(None if rows is None else len(rows))
        return real(scanner, meaning, query, rows, arrays)

    monkeypatch.setattr(vector_scans, "start_meaning_scan", counted)
    light = Formula(Weights(meaning=0.01))
    asked = [
        request(made_sentences, vector=made.vectors(seed, 1)[0], top=5, formula=light, **changes)
        for seed, changes in enumerate(({}, {"text": "word3"}, {"filters": Filters(kinds=("plot",))}), start=600)
    ]
    found = [index.search(each).panels for each in asked]
    assert len(scanned) >= 3
    assert None not in scanned
    assert max(scanned) < 800
    monkeypatch.setattr(index._searcher, "_bound_meaning", lambda *_: None)
    assert [index.search(each).panels for each in asked] == found
    assert None in scanned or 1624 in scanned
