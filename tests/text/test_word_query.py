from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.errors import UsageError
from mirsearch.settings import LIMITS
from mirsearch.text.matches import meets
from mirsearch.text.tokens import query_terms, tokens
from mirsearch.text.word_query import FIELDS, MAX_DEPTH, Both, Either, Node, Not, Word, parse_condition, parse_words
from mirsearch.text.word_ranking import rank_terms, wanted_text


def shown(node: Node | None) -> str:
    """Return a tree in one line: & for Both, | for Either, - for Not."""
    if node is None:
        return ""
    if isinstance(node, Word):
        return (f"{node.field}:" if node.field else "") + "+".join(node.term)
    if isinstance(node, Not):
        return f"-{shown(node.part)}"
    return f"({(' & ' if isinstance(node, Both) else ' | ').join(map(shown, node.parts))})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("gold AND rods", "(gold & rod)"),
        ("gold rods OR wires", "((gold & rod) | wire)"),
        ("gold OR silver AND rods", "(gold | (silver & rod))"),
        ("(gold OR silver) AND rods", "((gold | silver) & rod)"),
        ("gold NOT silver", "(gold & -silver)"),
        ("gold AND NOT (silver OR copper)", "(gold & -(silver | copper))"),
        ("NOT silver", "-silver"),
        ("NOT NOT silver", "--silver"),
        ('"gold rods" AND SEM', "(gold+rod & sem)"),
        ("“gold rods” AND SEM", "(gold+rod & sem)"),
        ("title:perovskite", "title:perovskit"),
        ('TITLE:"solar cells" OR caption:(SEM TEM)', "(title:solar+cell | (caption:sem & caption:tem))"),
        ("title:(gold OR text:silver)", "(title:gold | text:silver)"),
        ("nano* AND gold", "(nano* & gold)"),
        ("particles* AND gold", "((particles* | particl) & gold)"),
        ("gold AND core-shell", "(gold & core+shell)"),
        ("gold AND 500nm", "(gold & 500+nm)"),
        ("the gold AND of silver", "(gold & silver)"),
        ('"the" AND gold', "(the & gold)"),
        ("title:the AND gold", "(title:the & gold)"),
        ("the OR of", "(the | of)"),
        ("gold AND α-Fe2O3", "(gold & α+fe2o3)"),
        ("titel:gold AND rods", "(titel+gold & rod)"),
        ("https://x.org/a AND rods", "(http+x+org+a & rod)"),
        ("label:b AND gold", "(label:b & gold)"),
    ],
)
def test_an_expression_has_one_tree(text: str, tree: str) -> None:
    query = parse_words(text)
    assert query.binds
    assert shown(query.tree) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("gold rods", "(gold & rod)"), ("gold and rods or wires", "(gold & rod & wire)"),
        ('5" wafer', "(5 & wafer)"), ("Young's modulus", "(young+s & modulu)"), ("it's (a) SEM", "(it+s & sem)"),
        ("(a", "a"), (":) gold", "gold"), ("core-shell - gold", "(core+shell & gold)"), ("note: gold", "(note & gold)"),
        ("doi:10.1000/x", "doi+10.1000+x"), ("title: gold", "(titl & gold)"), ("AND", "and"), ("NOT OR", "not"),
        ("", ""), ("*", ""), ("OH* CO*", "(oh* & co*)"), ("5*10", "5+10"), ("a* gold", "gold"),
        ("core-shel*", "core+shel"),
        ("«gold rods» TEM", "(gold+rod & tem)"), ("title:", "titl"), ("* OR *", "or"), ("of the", "(of & the)"),
    ],
)  # fmt: skip
def test_plain_words_are_never_an_error(text: str, tree: str) -> None:
    query = parse_words(text)
    assert not query.binds
    assert shown(query.tree) == tree


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gold AND", "AND has no word after it, at character 6 of 'gold AND'"),
        ("OR gold", "OR has no word before it, at character 1"),
        ("gold AND OR rods", "AND has no word after it, at character 6"),
        ("gold OR OR rods", "OR has no word after it, at character 6"),
        ("gold AND NOT", "NOT has no word after it, at character 10"),
        ("gold AND (rods", "a parenthesis is not closed, at character 10"),
        ("gold) AND rods", "a parenthesis was not opened, at character 5"),
        ('gold AND "rods', "a quote is not closed, at character 10"),
        ("title:AND gold (", "a parenthesis is not closed, at character 16"),
        ("gold AND ()", "AND has no word after it"),
        ("-- AND gold", "AND has no word before it, at character 4"),
        ("NOT " * (MAX_DEPTH + 1) + "gold", "conditions are inside one another"),
        ("(" * (MAX_DEPTH + 1) + "gold" + ")" * (MAX_DEPTH + 1) + " AND a", "conditions are inside one another"),
        ("a AND " * 400 + "a", "--text has 2,401 characters"),
    ],
)
def test_errors_point_at_the_place(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_words(text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_a_condition_has_a_bounded_number_of_words() -> None:
    many = " ".join(f"w{number}" for number in range(LIMITS.query_terms))
    assert parse_condition(many) is not None
    with pytest.raises(UsageError, match=f"more than {LIMITS.query_terms} words"):
        parse_condition(f"{many} x")
    assert len(rank_terms(f"{many} x")) == LIMITS.query_terms


PARTS = st.sampled_from([*"ab1 -:'\"()*“«µ金", " AND ", " OR ", " NOT ", "title:", "gold", " "])


@settings(deadline=None)
@given(st.lists(PARTS, max_size=40).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse_words(text)
    except UsageError:
        return
    if not query.binds and "*" not in text:
        assert rank_terms(text) == query_terms(text)
    if query.tree is not None:
        assert isinstance(meets(query.tree, {name: tokens(text) for name in FIELDS}), bool)


def test_plain_words_rank_as_ever_and_expressions_by_what_they_look_for() -> None:
    for text in ("gold nanorods of silver", '"gold rods" the TEM', "the of", "Young's", ""):
        assert rank_terms(text) == query_terms(text)
    assert rank_terms("gold AND rods NOT silver") == [("gold",), ("rod",), ("gold", "rod")]
    assert rank_terms("gold OR rods") == [("gold",), ("rod",)]
    assert rank_terms('title:"gold rods" label:b nano*') == [("gold", "rod"), ("nano*",)]
    assert rank_terms("nano* gold rods") == [("nano*",), ("gold",), ("rod",), ("gold", "rod")]
    assert rank_terms("NOT silver") == []
    assert wanted_text("title:gold AND nano* NOT silver") == "gold nano"
    assert wanted_text("gold, (and) silver") == "gold, (and) silver"


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        ("gold AND tem", True), ("gold AND caption:tem", False), ("gold NOT tem", False), ("NOT copper", True),
        ('"gold nanorods"', True), ('"nanorods gold"', False), ("nano*", True), ("caption:nano* AND text:TEM", True),
        ("nanor* OR copper", True), ("title:gold", False), ("(copper OR gold) AND NOT (tem AND copper)", True),
    ],
)  # fmt: skip
def test_texts_meet_a_condition(text: str, is_met: bool) -> None:
    tree = parse_condition(text)
    assert tree is not None
    assert meets(tree, {"caption": tokens("Gold nanorods"), "text": tokens("TEM")}) is is_met


def test_many_signs_take_time_like_their_number() -> None:
    for text in ('"' * 100_000, "(" * 100_000, "a:" * 100_000, "NOT" * 100_000, "* " * 100_000, '“„" ' * 50_000):
        parse_words(text)
    assert isinstance(parse_words("title:" + "a" * 1_000).tree, Word)
    assert isinstance(parse_words("gold OR b").tree, Either)
