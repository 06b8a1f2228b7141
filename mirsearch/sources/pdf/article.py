"""Which article a PDF is, as far as it says so itself without doubt: DOI, title, license."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mirsearch.corpus import Article
from mirsearch.licenses import canonical_license
from mirsearch.sources.articles import clean_text, make_article, normalize_doi, normalize_license
from mirsearch.sources.pdf.text import Line

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>|\]]+")
_LICENSE = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/[a-z+-]+(?:/\d\.\d)?", re.IGNORECASE)
_NO_TITLE = re.compile(r"\.(?:docx?|tex|dvi|indd|pdf|qxd|ps)\b|^microsoft word|^untitled", re.IGNORECASE)
_MIN_TITLE_WORDS = 4
_MAX_TITLE_CHARS = 400


def identify_article(metadata_title: str, metadata_subject: str, first_page_lines: Sequence[Line], first_page_text: str, licenses: set[str],
               fallback_id: str) -> Article:  # fmt: skip
    """The article of a PDF: what its information says, its first page's lines and text, licenses named anywhere.

    A title told is believed where the first page shows it; else the first page's largest words are the title. A DOI
    is believed where the information tells it, or where the first page names just one.
    """
    title = _confirmed_title(metadata_title, first_page_text) or _largest_text(first_page_lines)
    article = make_article(
        title=title, doi=_find_doi(f"{metadata_title} {metadata_subject}", first_page_text), license=_single_license(licenses), fallback_id=fallback_id
    )
    assert article is not None  # it has an id at least
    return article


def license_urls(text: str) -> set[str]:
    """Creative Commons addresses in a text, also where a line's end parts them."""
    return {url.lower() for url in _LICENSE.findall(re.sub(r"(?<=[/.-])\s+", "", text))}


def _single_license(urls: set[str]) -> str | None:
    """The one license a document names; None where it names none, or several."""
    kinds = {canonical_license(url) for url in urls}
    longest = max(urls, key=lambda url: (len(url), url), default=None)
    return normalize_license(longest) if len(kinds) == 1 else None


def _find_doi(metadata: str, text: str) -> str | None:
    doi = normalize_doi(metadata)
    if doi is not None:
        return doi
    dois = {normalize_doi(match) for match in _DOI.findall(text)} - {None}
    return dois.pop() if len(dois) == 1 else None


def _confirmed_title(metadata_title: str, text: str) -> str | None:
    title = clean_text(metadata_title, _MAX_TITLE_CHARS)
    words = _words(title)
    if len(words) < _MIN_TITLE_WORDS or _NO_TITLE.search(title):
        return None
    return title if " ".join(words) in " ".join(_words(text)) else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"(?<=\w)[-\x02\ufffe]\s*\n\s*", "", text).casefold())


def _largest_text(first_page_lines: Sequence[Line]) -> str | None:
    """The largest words of the first page, where there are enough of them and they are larger than most."""
    lines = [line for line in first_page_lines if len(line.text) >= 4 and line.size < 60]
    if not lines:
        return None
    usual_size = sorted(line.size for line in lines for _ in line.text)[sum(len(line.text) for line in lines) // 2]
    for ratio, size in zip((1.25, 1.5), sorted({round(line.size, 1) for line in lines}, reverse=True), strict=False):
        title = clean_text(" ".join(line.text for line in lines if abs(line.size - size) <= 0.05 * size))
        if size < ratio * usual_size or "@" in title or len(title) > _MAX_TITLE_CHARS:
            return None
        if len(_words(title)) >= _MIN_TITLE_WORDS:
            return title  # the very largest words may be the journal's name
    return None
