"""Citations: each form is read back by a strict parser of its own grammar, whatever an article's fields contain."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirsearch.corpus import Article
from mirsearch.indexes import open_index
from mirsearch.report.citations import Name, cite_articles, parse_name
from mirsearch.report.wording import clean_text
from tests.support import index_records
from tests.support.cli_runner import run
from tests.support.report_answers import HOSTILE

PLAIN = Article(
    "doi:10.1/x", "Growth of TiO2 & 100 % pure {C} by $x_1$", "10.1/x_(y)", "PMC12", "J. Made Up", 2021,
    "CC BY 4.0", "https://example.org/a?b=1&c=%7Bd%7D", ("Jiang, Weixin", "Müller K.", "Ludwig van der Berg"),
)  # fmt: skip


def read_bibtex(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Return type, key and fields of each entry; fields are in braces, which are balanced unless escaped."""
    entries, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        head = re.compile(r"@(\w+)\{([a-z0-9-]+)(,?)\s*").match(text, at)
        assert head is not None, text[at : at + 80]
        at, fields = head.end(), {}
        while text[at] != "}":
            name = re.compile(r"(\w+) = \{").match(text, at)
            assert name is not None, text[at : at + 80]
            start = at = name.end()
            depth = 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0) if text[at - 1] != "\\" or text[at - 2] == "\\" else 0
                at += 1
            fields[name[1]] = text[start : at - 1]
            at = re.compile(r",?\s*").match(text, at).end()  # type: ignore[union-attr]
        at += 1
        entries.append((head[1], head[2], fields))
    return entries


def from_latex(text: str) -> str:
    named = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^"}
    text = re.sub(r"\\(text\w+)\{\}", lambda match: f"\0{'abc'[list(named).index(match[1])]}", text)
    text = re.sub(r"\\([{}$&%#_])", r"\1", text)
    return re.sub("\0([abc])", lambda match: list(named.values())["abc".index(match[1])], text)


def read_ris(text: str) -> list[list[tuple[str, str]]]:
    records: list[list[tuple[str, str]]] = []
    open_record: list[tuple[str, str]] | None = None
    for line in text.split("\n"):
        if not line:
            continue
        found = re.fullmatch(r"([A-Z][A-Z0-9])  - (.*)", line)
        assert found is not None, repr(line)
        if found[1] == "TY":
            assert open_record is None
            open_record = []
        assert open_record is not None
        open_record.append((found[1], found[2]))
        if found[1] == "ER":
            records.append(open_record)
            open_record = None
    assert open_record is None
    return records


def test_an_article_in_every_form() -> None:
    ((kind, key, fields),) = read_bibtex(cite_articles([PLAIN, None, PLAIN], "bibtex"))
    assert (kind, key) == ("article", "jiang2021")
    assert from_latex(fields["title"]) == "{Growth of TiO2 & 100 % pure {C} by $x_1$}"
    assert fields["author"] == "Jiang, Weixin and Müller, K. and van der Berg, Ludwig"
    assert fields["url"] == "https://example.org/a?b=1&c=%7Bd%7D"
    (record,) = read_ris(cite_articles([PLAIN], "ris"))
    assert record[:4] == [("TY", "JOUR"), ("AU", "Jiang, Weixin"), ("AU", "Müller, K."), ("AU", "van der Berg, Ludwig")]
    assert ("DO", "10.1/x_(y)") in record
    assert record[-1] == ("ER", "")
    (item,) = json.loads(cite_articles([PLAIN], "csl"))
    assert (item["type"], item["id"], item["DOI"]) == ("article-journal", "jiang2021", "10.1/x_(y)")
    assert item["issued"] == {"date-parts": [[2021]]}
    assert item["author"][2] == {"family": "van der Berg", "given": "Ludwig"}
    assert cite_articles([None], "bibtex") == cite_articles([], "ris") == ""
    assert json.loads(cite_articles([], "csl")) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Jiang WX", Name("Jiang", "WX")),
        ("Jiang W.-X.", Name("Jiang", "W.-X.")),
        ("W. X. Jiang", Name("Jiang", "W. X.")),
        ("Weixin Jiang", Name("Jiang", "Weixin")),
        ("de la Cruz, Ana", Name("de la Cruz", "Ana")),
        ("Plato", Name("Plato")),
        ("The ATLAS Collaboration", Name("The ATLAS Collaboration")),
        ("LI Wei", Name("Wei", "LI")),
        ("", Name("")),
    ],
)
def test_names_of_authors(text: str, name: Name) -> None:
    assert parse_name(text) == name


def test_keys_are_unique_and_plain() -> None:
    articles = [Article(f"x:{at}", "Title", year=2020, authors=("Ångström, A.",)) for at in range(30)]
    articles += [Article("x:a", "中文"), Article("x:b")]
    keys = [key for _, key, _ in read_bibtex(cite_articles(articles, "bibtex"))]
    assert len(set(keys)) == len(articles)
    assert keys[:3] == ["angstrom2020", "angstrom2020b", "angstrom2020c"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=30))
@example(HOSTILE, HOSTILE, HOSTILE)
@example("a\\", "\\{", "and and, and")
@example("}", "%", "ER  - ")
def test_any_text_is_read_back(title: str, journal: str, author: str) -> None:
    article = Article("x:1", title, journal=journal, authors=(author, "B. Two"), doi="10.1/" + journal)
    ((_, _, fields),) = read_bibtex(cite_articles([article], "bibtex"))
    wanted = clean_text(title)
    assert from_latex(fields.get("title", "{}")) == f"{{{wanted}}}"
    assert from_latex(fields.get("journal", "")) == clean_text(journal)
    (record,) = read_ris(cite_articles([article, Article("x:2")], "ris"))[:1]
    assert [tag for tag, _ in record].count("AU") == 1 + bool(parse_name(author).family)
    assert dict(record).get("TI", "") == wanted
    (item,) = json.loads(cite_articles([article], "csl"))
    assert item.get("title", "") == wanted


def test_answers_and_corpora_are_cited(tmp_path: Path) -> None:
    location = str(tmp_path / "index")
    with open_index(location, create=index_records.IDENTITY) as index, index.writer() as writer:
        for number in range(6):
            writer.put(index_records.record(number))
    entries = read_bibtex(run("export", "--cite", "bibtex", "--index", location).out)
    assert [fields["doi"] for _, _, fields in entries] == ["10.1000/A0", "10.1000/A1"]
    run("query", "--text", "carbon nanotubes", "--cite", "ris", "-o", tmp_path / "a.ris", "--index", location)
    assert [dict(record)["DO"] for record in read_ris((tmp_path / "a.ris").read_text(encoding="utf-8"))] == [
        "10.1000/A0", "10.1000/A1",
    ]  # fmt: skip
    only = run("export", "--cite", "csl", "--filter", "article.doi=10.1000/a1", "-o", "-", "--index", location).out
    assert [item["DOI"] for item in json.loads(only)] == ["10.1000/A1"]
    assert run("export", "--cite", "bibtex", "--attribution", "--index", location, code=2).err
