"""Words as a condition: the same panels on both indexes, for lists and searches, and near spellings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from mirsearch.corpus import Article, Figure, Origin, Panel, figure_id
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index, SpellingIndex
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.asked_words import word_notes
from mirsearch.search.question import Question
from mirsearch.search.search import ask
from mirsearch.text.matches import meets
from mirsearch.text.tokens import tokens
from mirsearch.text.word_query import parse_condition, parse_words
from mirsearch.text.word_ranking import rank_terms
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

TEXTS = {
    "a": ("Gold nanorods after annealing", "100 nm", "Plasmonic metals", None, ()),
    "b": ("Gold and silver nanowires", "500nm SEM", "Plasmonic metals", None, ()),
    "c": ("Silver nanoparticles, core-shell", "", "Plasmonic metals", None, ()),
    "d": ("HeLa cells", "", "Stained cells", "DAPI 0 h", ("Fig. 1 shows gold labels.",)),
    "e": ("HeLa cells", "DAPI", "Stained cells", "Merge", ()),
    "iii": ("Perovskite film on gold", "SE2 5.00 kV", "Solar cells of gold", None, ("The film (Fig. 1) is α-FAPbI₃.",)),
    "g": ("", "", "", None, ()),
}
"""Caption, text, title, heading and mentions of each panel, by its letter."""

CASES = {
    "gold": "a b d iii", "GOLD": "a b d iii", "gold AND nanorods": "a", "gold nanorods": "a",
    "gold OR silver": "a b c d iii",
    "gold NOT silver": "a d iii", "NOT gold": "c e g", "NOT (gold OR silver)": "e g", "silver AND NOT gold": "c",
    '"gold nanorods"': "a", '"nanorods gold"': "", '"gold and silver"': "b", "nano*": "a b c",
    "nano* NOT nanow*": "a c",
    "nanoparticles*": "c", "caption:nano*": "a b c", "text:nano*": "", "title:gold": "iii",
    "caption:gold": "a b iii",
    "caption:gold NOT title:gold": "a b", "mentions:gold": "d", 'mentions:"α-FAPbI3"': "iii",
    "title:(solar cells)": "iii",
    'title:"cells solar"': "", "title:cells": "d e iii", "text:DAPI": "d e", "heading:DAPI": "d", "heading:merge": "e",
    'heading:"0 h"': "d", "heading:me*": "e", "NOT heading:DAPI": "a b c e iii g", "heading:DAPI OR label:e": "d e",
    "label:B": "b", "label:(a OR b)": "a b", 'label:"(iii)"': "iii", "NOT label:g AND NOT nano*": "d e iii",
    "label:c OR text:500nm": "b c", "500 nm": "b", "text:500nm": "b", "core-shell": "c", "core shell": "c",
    "(gold OR silver) AND (rods OR nanowires)": "b", "the gold AND of": "a b d iii", '"5.00 kv"': "iii",
    "5.0* AND film": "iii",
    "gold AND copper": "", "copper OR zinc": "", "NOT copper": "a b c d e iii g", "NOT NOT gold": "a b d iii",
    "label:x OR heading:x": "", "plasmonic AND (label:a OR heading:DAPI OR silver) NOT core-shell": "a b",
    "text:(DAPI OR SEM) NOT heading:DAPI": "b e", "Young's": "", '5" wafer': "", "- * (": "", "perovskite's film": "",
}  # fmt: skip


def record(label: str) -> FigureRecord:
    caption, text, title, heading, mentions = TEXTS[label]
    figure = figure_id(f"{sum(map(ord, label)):04x}" + "0" * 60)
    article = Article(f"doi:10.1000/{label}", title) if title else None
    panel = Panel((0, 0, 100, 100), label, "micrograph", 0.9, "SEM", 0.9, caption, text, heading=heading)
    return FigureRecord(
        Figure(figure, 100, 100, "Figure 1", caption, article=article, origins=(Origin("folder", f"{label}.png"),),
               mentions=mentions),
        (dataclasses.replace(panel, id=f"{figure}-{label}", figure_id=figure),),
        index_records.vectors(ord(label[0]), 1), (b"jpeg",),
    )  # fmt: skip


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    with opened.writer() as writer:
        for label in TEXTS:
            writer.put(record(label))
    yield opened
    opened.close()


def letters(panel_ids: list[str]) -> set[str]:
    return {panel_id.rpartition("-")[2] for panel_id in panel_ids}


def no_extractor() -> object:
    raise AssertionError("words need no extractor")


@pytest.mark.parametrize("text", CASES)
def test_the_same_panels_meet_words_in_lists_and_searches(index: Index, text: str) -> None:
    expected = set(CASES[text].split())
    listed = [stored.panel.id for stored in index.select_panels(Filters(text=text))]
    assert letters(listed) == expected
    assert len(listed) == len(expected)
    by_looks = SearchRequest(vector=index_records.vectors(1, 1)[0], filters=Filters(text=text), top=99)
    assert letters([each.panel_id for each in index.search(by_looks).panels]) == expected


@pytest.mark.parametrize("text", CASES)
def test_the_indexes_agree_with_the_tree_in_memory(text: str) -> None:
    tree = parse_condition(text)
    found = set()
    for label, (caption, printed, title, heading, mentions) in TEXTS.items():
        texts = {"caption": caption, "text": f"{printed} {heading or ''}", "title": title, "heading": heading or "",
                 "mentions": " ".join(mentions)}  # fmt: skip
        if tree and "label:" not in text and meets(tree, {name: tokens(words) for name, words in texts.items()}):
            found.add(label)
    assert "label:" in text or found == set(CASES[text].split())


def asked(index: Index, text: str, **options: object) -> tuple[set[str], tuple[str, ...]]:
    answer = ask(index, Question(text=text, top=99, **options), no_extractor)  # type: ignore[arg-type]
    return letters([hit.stored.panel.id for hit in answer.hits]), answer.notes


@pytest.mark.parametrize("text", [text for text in CASES if parse_words(text).binds])
def test_a_question_with_an_expression_finds_the_panels_that_meet_it(index: Index, text: str) -> None:
    if rank_terms(text):
        without_words = {"c"} if text == "label:c OR text:500nm" else set()  # by words alone, it ranks nowhere
        assert asked(index, text)[0] == set(CASES[text].split()) - without_words
        return
    with pytest.raises(UsageError, match="names no word to look for"):
        asked(index, text)


def test_plain_words_rank_and_expressions_bind(index: Index) -> None:
    assert asked(index, "gold nanorods")[0] == {"a", "b", "d", "iii"}
    assert asked(index, "gold nanorods", require=True)[0] == {"a"}
    like = f"{record('a').figure.id}-a"
    answer = ask(index, Question(like=like, text="NOT gold", top=99), no_extractor)  # type: ignore[arg-type]
    assert letters([hit.stored.panel.id for hit in answer.hits]) == {"c", "e", "g"}
    assert answer.query.filters.text == "NOT gold"
    assert ask(index, Question(like=like, text="gold"), no_extractor).query.filters.text is None  # type: ignore[arg-type]


def test_words_with_a_beginning_rank(index: Index) -> None:
    found = index.search(SearchRequest(text="nano* silver", top=9)).panels
    assert letters([each.panel_id for each in found]) == {"a", "b", "c"}
    scores = {each.panel_id.rpartition("-")[2]: each.text or 0.0 for each in found}
    assert min(scores["b"], scores["c"]) > scores["a"] > 0


def test_words_that_no_panel_has_are_told_with_near_spellings(index: Index) -> None:
    assert isinstance(index, SpellingIndex)
    near = index.near_words(["silvre", "nanorodz", "gold", "perovskit", "xqzzy", "so"])
    assert near == {"silvre": ("silver",), "nanorodz": ("nanorods",), "xqzzy": (), "so": ()}
    found, notes = asked(index, "silvr nanowires")
    assert found == {"b"}
    assert "no panel has the word “silvr”: did you mean silver?" in notes
    found, notes = asked(index, "nanorodds AND gold")
    assert not found
    assert notes == ("no panel has these words", "no panel has the word “nanorodds”: did you mean nanorods?")
    assert asked(index, "gold AND copper")[1][1:] == ("no panel has the word “copper”",)
    assert asked(index, "gold AND merge") == (set(), ("no panel has these words",))
    assert word_notes(index, "gold silver") == []
    assert asked(index, "gold", require=False)[1] == ()


def test_expressions_that_are_not_well_formed_are_refused(index: Index) -> None:
    for text in ("gold AND", "(gold OR silver", 'title:"gold'):
        with pytest.raises(UsageError, match="at character"):
            asked(index, text)
        with pytest.raises(UsageError, match="at character"):
            list(index.select_panels(Filters(text=text)))
    with pytest.raises(UsageError, match="--require needs words"):
        ask(index, Question(like=f"{record('a').figure.id}-a", require=True), no_extractor)  # type: ignore[arg-type]
