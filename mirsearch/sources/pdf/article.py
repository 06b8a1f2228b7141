"""Which article a PDF is, as far as it says so itself without doubt: DOI, title, license."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mirsearch.corpus import Article
from mirsearch.licenses import canonical
from mirsearch.sources.articles import clean_text, make_article, normal_doi, normal_license
from mirsearch.sources.pdf.text import Line

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>|\]]+")
_LICENSE = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/[a-z+-]+(?:/\d\.\d)?", re.IGNORECASE)
_NO_TITLE = re.compile(r"\.(?:docx?|tex|dvi|indd|pdf|qxd|ps)\b|^microsoft word|^untitled", re.IGNORECASE)
_LEAST_WORDS = 4
_LONGEST_TITLE = 400


def article_of(told_title: str, told_subject: str, first: Sequence[Line], text: str, licenses: set[str],
               given_id: str) -> Article:  # fmt: skip
    """The article of a PDF: what its information says, its first page's lines and text, licenses named anywhere.

    A title told is believed where the first page shows it; else the first page's largest words are the title. A DOI
    is believed where the information tells it, or where the first page names just one.
    """
    title = _told_title(told_title, text) or _largest(first)
    article = make_article(
        title=title, doi=_doi(f"{told_title} {told_subject}", text), license=_license(licenses), given_id=given_id
    )
    assert article is not None  # it has an id at least
    return article


def license_addresses(text: str) -> set[str]:
    """Creative Commons addresses in a text, also where a line's end parts them."""
    return {each.lower() for each in _LICENSE.findall(re.sub(r"(?<=[/.-])\s+", "", text))}


def _license(addresses: set[str]) -> str | None:
    """The one license a document names; None where it names none, or several."""
    kinds = {canonical(each) for each in addresses}
    best = max(addresses, key=lambda each: (len(each), each), default=None)
    return normal_license(best) if len(kinds) == 1 else None


def _doi(told: str, text: str) -> str | None:
    found = normal_doi(told)
    if found is not None:
        return found
    dois = {normal_doi(each) for each in _DOI.findall(text)} - {None}
    return dois.pop() if len(dois) == 1 else None


def _told_title(told: str, text: str) -> str | None:
    title = clean_text(told, _LONGEST_TITLE)
    words = _words(title)
    if len(words) < _LEAST_WORDS or _NO_TITLE.search(title):
        return None
    return title if " ".join(words) in " ".join(_words(text)) else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"(?<=\w)[-\x02\ufffe]\s*\n\s*", "", text).casefold())


def _largest(first: Sequence[Line]) -> str | None:
    """The largest words of the first page, where there are enough of them and they are larger than most."""
    words = [line for line in first if len(line.text) >= 4 and line.size < 60]
    if not words:
        return None
    usual = sorted(line.size for line in words for _ in line.text)[sum(len(line.text) for line in words) // 2]
    for larger, size in zip((1.25, 1.5), sorted({round(line.size, 1) for line in words}, reverse=True), strict=False):
        title = clean_text(" ".join(line.text for line in words if abs(line.size - size) <= 0.05 * size))
        if size < larger * usual or "@" in title or len(title) > _LONGEST_TITLE:
            return None
        if len(_words(title)) >= _LEAST_WORDS:
            return title  # the very largest words may be the journal's name
    return None
