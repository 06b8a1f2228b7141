"""Articles as citations: BibTeX, RIS, and CSL-JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mirsearch.corpus import Article
from mirsearch.report.wording import article_link, clean_text
from mirsearch.settings import LIMITS

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""What TeX would not print as it stands. Letters beyond ASCII stay: the file is UTF-8."""
_GROUP = re.compile(r"\b(?:consortium|collaboration|group|team|network|project|society|committee|initiative)\b", re.I)
"""Words in the names of groups, which have no family name."""
_KEY_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Name:
    """A name of an author: family and given names; `given` is empty where the two can't be told apart."""

    family: str
    given: str = ""


def cite_articles(articles: Iterable[Article | None], style: str) -> str:
    """Return the articles, each once and in their order, in a style: "bibtex", "ris" or "csl"."""
    known = list({article.id: article for article in articles if article is not None}.values())
    return {"bibtex": _bibtex, "ris": _ris, "csl": _csl}[style](known)


def parse_name(text: str) -> Name:
    """Return an author's name from "Jiang, Weixin", "Jiang W.", "Jiang WX" or "Weixin Jiang"."""
    name = clean_text(text, LIMITS.field_chars)
    family, comma, given = name.partition(",")
    if comma:
        return Name(family.strip(), given.strip())
    words = name.split()
    if len(words) < 2 or _GROUP.search(name):
        return Name(name)
    if _are_initials(words[-1]) and not _are_initials(words[0]):
        return Name(" ".join(words[:-1]), words[-1])
    at = next((at for at, word in enumerate(words[1:-1], 1) if word[:1].islower()), len(words) - 1)  # van der Waals
    return Name(" ".join(words[at:]), " ".join(words[:at]))


def _names(article: Article) -> list[Name]:
    """Return the names of the authors, without empty ones."""
    return [name for author in article.authors if (name := parse_name(author)).family]


def _are_initials(word: str) -> bool:
    return re.fullmatch(r"(?:[^\W\d_]\.?-?){1,3}", word) is not None and word == word.upper()


def _fields(article: Article) -> dict[str, str]:
    """Return the fields of an article that all styles have, as clean lines of text; without those not known."""
    found = {
        "title": clean_text(article.title, LIMITS.field_chars),
        "journal": clean_text(article.journal, LIMITS.field_chars),
        "year": "" if article.year is None else str(article.year),
        "doi": clean_text(article.doi, 300),
        "url": article_link(article) or "",
    }
    return {name: value for name, value in found.items() if value}


def _bibtex(articles: list[Article]) -> str:
    entries = []
    for key, article in zip(_citation_keys(articles), articles, strict=True):
        fields = {}
        if names := _names(article):
            fields["author"] = " and ".join(_bibtex_name(name) for name in names)
        known = _fields(article)
        fields |= {name: _escape_latex(value) for name, value in known.items() if name != "url"}
        if "title" in fields:
            fields["title"] = f"{{{fields['title']}}}"  # braces twice: no style changes "TiO2" to "tio2"
        if "url" in known:
            fields["url"] = _escape_address(known["url"])
        if article.pmcid:
            fields["pmcid"] = _escape_latex(clean_text(article.pmcid, 40))
        if article.retracted:
            fields["note"] = "Retracted"
        kind = "article" if article.journal else "misc"
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        entries.append(f"@{kind}{{{key},\n{lines}\n}}\n" if lines else f"@{kind}{{{key}}}\n")
    return "\n".join(entries)


def _bibtex_name(name: Name) -> str:
    """Return "Family, Given". Braces keep a name whole that has no given name, or that has the word "and" in it."""
    parts = [_escape_latex(part) for part in (name.family, name.given) if part]
    if len(parts) == 1 or any(" and " in f" {part} ".lower() for part in parts):
        return f"{{{', '.join(parts)}}}"
    return ", ".join(parts)


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def _escape_address(address: str) -> str:
    r"""Return an address for \url{}: only what would end the field is written as its code."""
    return address.replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")


def _citation_keys(articles: list[Article]) -> list[str]:
    """Return a key for each article: family name of the first author, and year; a letter where several have the same.

    What a key can't hold is left out: "Müller" becomes "muller".
    """
    keys: list[str] = []
    taken: set[str] = set()
    for article in articles:
        names = _names(article)
        family = names[0].family if names else (article.title or article.id)
        plain = unicodedata.normalize("NFKD", family).encode("ascii", "ignore").decode()
        base = (re.sub(r"[^a-z0-9]", "", plain.lower())[:30] or "article") + str(article.year or "")
        key, number = base, 0
        while key in taken:
            number += 1
            letter = _KEY_LETTERS[number] if number < len(_KEY_LETTERS) else f"-{number}"
            key = f"{base}{letter}"
        taken.add(key)
        keys.append(key)
    return keys


def _ris(articles: list[Article]) -> str:
    """Return RIS: a line for each value, "TAG  - value"; each record ends with ER."""
    records = []
    for article in articles:
        fields = _fields(article)
        lines = [("TY", "JOUR" if article.journal else "GEN")]
        lines += [("AU", _ris_name(name)) for name in _names(article)]
        tags = {"title": "TI", "journal": "JO", "year": "PY", "doi": "DO", "url": "UR"}
        lines += [(tag, fields[name]) for name, tag in tags.items() if name in fields]
        if article.pmcid:
            lines.append(("C2", clean_text(article.pmcid, 40)))
        if article.retracted:
            lines.append(("N1", "Retracted"))
        lines.append(("ER", ""))
        records.append("".join(f"{tag}  - {value}\n" for tag, value in lines))
    return "\n".join(records)


def _ris_name(name: Name) -> str:
    return ", ".join(part for part in (name.family.replace(",", " "), name.given) if part)


def _csl(articles: list[Article]) -> str:
    """Return CSL-JSON, which citation processors and reference managers read."""
    keys = _citation_keys(articles)
    items = [_csl_item(key, article) for key, article in zip(keys, articles, strict=True)]
    return json.dumps(items, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _csl_item(key: str, article: Article) -> dict[str, Any]:
    fields = _fields(article)
    item: dict[str, Any] = {"id": key, "type": "article-journal" if article.journal else "article"}
    if authors := _names(article):
        item["author"] = [_csl_name(name) for name in authors]
    names = {"title": "title", "journal": "container-title", "doi": "DOI", "url": "URL"}
    item |= {csl: fields[name] for name, csl in names.items() if name in fields}
    if article.year is not None:
        item["issued"] = {"date-parts": [[article.year]]}
    if article.pmcid:
        item["PMCID"] = clean_text(article.pmcid, 40)
    if article.retracted:
        item["note"] = "Retracted"
    return item


def _csl_name(name: Name) -> dict[str, str]:
    return {"family": name.family, "given": name.given} if name.given else {"literal": name.family}
