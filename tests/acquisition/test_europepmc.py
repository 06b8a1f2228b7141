"""Europe PMC's language and answers: recorded ones are read, errors with status 200 are errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirsearch.acquisition.caption_query import check_keywords, matches_keywords
from mirsearch.acquisition.services.base import KeywordQuery, parse_day, parse_licenses
from mirsearch.acquisition.services.europepmc import parse_page, query_text
from mirsearch.errors import SourceError, UsageError
from mirsearch.licenses import canonical_license


@pytest.fixture(scope="module")
def recorded(shared_data) -> Path:
    return shared_data / "recorded" / "europepmc"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (KeywordQuery(("nano",)), "((nano)) AND OPEN_ACCESS:y AND HAS_FT:y"),
        (
            KeywordQuery(('"gold rods" OR wires', "SEM")),
            '(("gold rods" OR wires) AND (SEM)) AND OPEN_ACCESS:y AND HAS_FT:y',
        ),
        (KeywordQuery(("nano",), where="title"), "TITLE:((nano)) AND OPEN_ACCESS:y AND HAS_FT:y"),
        (KeywordQuery(("nano",), where="captions"), "FIG:((nano)) AND OPEN_ACCESS:y AND HAS_FT:y"),
        (
            KeywordQuery(("a",), since="2020-01-01", journal='Acta "B'),
            '((a)) AND OPEN_ACCESS:y AND HAS_FT:y AND FIRST_PDATE:[2020-01-01 TO 2999-12-31] AND JOURNAL:"Acta B"',
        ),
    ],
)
def test_queries_in_its_language(query, text):
    assert query_text(query) == text


@pytest.mark.parametrize(
    ("keywords", "matches"),
    [
        (("nanowires",), True), (("nanowire",), True), (("gold",), False), (("nanowires gold",), False),
        (("nanowires OR gold",), True), (("gold OR nanowires AND silver",), True), (("nanowires NOT gold",), True),
        (("nanowires AND NOT silver",), False), (('"silver nanowires"',), True), (('"nanowires silver"',), False),
        (("nano*",), True), (("(gold OR silver) AND 500nm",), True), (("(gold OR copper) nanowires",), False),
        (("silver", "gold"), False), (("silver", "annealing"), True), ((")",), True),
        (("wires* OR nanow*",), True), (('silver AND NOT "nanowires silver"',), True),
    ],
)  # fmt: skip
def test_words_in_captions(keywords, matches):
    assert matches_keywords("SEM images of silver nanowires after annealing. Scale bars: 500 nm.", keywords) is matches


@pytest.mark.parametrize(
    ("keyword", "problem"),
    [("gold AND", "--keyword: AND has no word after it"), ("title:gold rods", "the field title"), ("NOT", "")],
)
def test_keywords_for_captions_are_checked_before_the_search(keyword, problem):
    if not problem:
        check_keywords([keyword])
        return
    with pytest.raises(UsageError, match=problem):
        check_keywords([keyword])


def test_a_query_that_is_too_long_is_a_wrong_call():
    with pytest.raises(UsageError, match="characters"):
        query_text(KeywordQuery(("x" * 1500,)))


@pytest.mark.data
def test_recorded_pages_are_read(recorded):
    marks = []
    for number in (1, 2, 3):
        page = parse_page(
            (recorded / f"search_lite_cancer_cursor_page{number}of10.json").read_bytes(), marks[-1] if marks else "*"
        )
        assert len(page.hits) == 100
        assert page.total > 1_000_000
        marks.append(page.cursor)
    assert len(set(marks)) == 3
    core = parse_page((recorded / "search_core_cancer_p25.json").read_bytes(), "*")
    assert len(core.hits) == 25
    records = json.loads((recorded / "search_core_cancer_p25.json").read_text())["resultList"]["result"]
    for hit, raw in zip(core.hits, records, strict=True):
        assert hit.closed == (
            "not open access" if raw["isOpenAccess"] == "N" else None if "pmcid" in raw else "not in PMC"
        )
        assert hit.doi == (raw.get("doi") or "").lower() or hit.doi is None
        assert hit.journal
        assert bool(hit.authors) == bool(raw.get("authorString"))
        assert (hit.license is None) == ("license" not in raw)
        assert hit.license is None or canonical_license(hit.license)
    assert any(hit.closed and hit.license for hit in core.hits)


@pytest.mark.data
@pytest.mark.parametrize("name", ["one_hit_pmid_20516115", "two_hits_msh2", "one_hit_no_next_cursor_pone.0185809"])
def test_the_only_page_has_no_next(recorded, name):
    page = parse_page((recorded / f"search_lite_{name}.json").read_bytes(), "*")
    assert page.total == len(page.hits)
    assert page.cursor is None


@pytest.mark.data
def test_nothing_found_is_no_error(recorded):
    page = parse_page((recorded / "search_no_results.json").read_bytes(), "*")
    assert (page.hits, page.total, page.cursor) == ((), 0, None)


@pytest.mark.parametrize(
    "data",
    [
        b'{"errCode": 400, "errMsg": "No search criteria provided."}', b'{"version":"6.9"}', b"[]", b"{", b"null",
        b'{"hitCount": 3}', b'{"hitCount": "3", "resultList": {"result": []}}', b'{"hitCount": 1, "resultList": []}',
        b"\xff\xfe{}",
    ],
)  # fmt: skip
def test_an_answer_without_hits_is_an_error(data):
    with pytest.raises(SourceError, match="search at Europe PMC failed"):
        parse_page(data, "*")


def test_odd_records_do_no_harm():
    odd = [
        {}, None, 3, {"pmcid": None, "isOpenAccess": True}, {"pmcid": "PMC12345", "isOpenAccess": "Y", "title": ["x"]},
        {"pmcid": "../../x", "isOpenAccess": "Y", "id": "1\u202e2", "source": "MED", "journalInfo": [],
         "pubTypeList": 3},
        {"pmcid": "PMC77777", "isOpenAccess": "Y", "title": "Retracted: on rods."},
        {"pmcid": "PMC77778", "isOpenAccess": "Y", "pubTypeList": {"pubType": ["Retracted Publication"]}},
        {"pmcid": "PMC77779", "isOpenAccess": "Y", "pubTypeList": {"pubType": ["Retraction of Publication"]}},
    ]  # fmt: skip
    page = parse_page(json.dumps({"hitCount": 9, "resultList": {"result": odd}, "nextCursorMark": "*"}).encode(), "*")
    assert page.cursor is None
    assert [hit.id for hit in page.hits][2:4] == ["PMC12345", "MED:12"]
    assert [hit.retracted for hit in page.hits][-3:] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "last", "day"),
    [("2020", False, "2020-01-01"), ("2020", True, "2020-12-31"), ("2024-02", True, "2024-02-29"),
     ("2020-5-3", True, "2020-05-03"), ("2020-12", True, "2020-12-31")],
)  # fmt: skip
def test_days(text, last, day):
    assert parse_day(text, "--since", last) == day


@pytest.mark.parametrize("text", ["x", "20200", "2020-13", "2020-02-30", "0000"])
def test_no_days(text):
    with pytest.raises(UsageError):
        parse_day(text, "--since")


def test_licenses_by_any_name():
    assert parse_licenses("CC BY 4.0, cc-by-nc,CC0,any") == ("cc-by", "cc-by-nc", "cc0", "any")
    assert "cc-by-nc" not in parse_licenses(None)
