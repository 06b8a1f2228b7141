"""Identify the article in a PDF by DOI, title and license, as far as the PDF itself names them without doubt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mirsearch.corpus import Article
from mirsearch.licenses import canonical_license
from mirsearch.sources.articles import clean_text, make_article, normalize_doi, normalize_license
from mirsearch.sources.pdf.text import Line
from mirsearch.sources.pdf.xmp import XmpData

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>|\]]+")
_LICENSE = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/[a-z+-]+(?:/\d\.\d)?", re.IGNORECASE)
_NO_TITLE = re.compile(r"\.(?:docx?|tex|dvi|indd|pdf|qxd|ps)\b|^microsoft word|^untitled", re.IGNORECASE)
_NO_XMP = XmpData()
_MIN_TITLE_WORDS = 4
"""Fewest words of a title."""
_MAX_TITLE_CHARS = 400
"""Longest title, in characters."""


def identify_article(
    metadata_title: str,
    metadata_subject: str,
    first_page_lines: Sequence[Line],
    first_page_text: str,
    licenses: set[str],
    fallback_id: str,
    xmp: XmpData = _NO_XMP,
) -> Article:
    """Return the article of a PDF, from its metadata, its first page, and the licenses that any page names.

    A title of the metadata counts if the first page shows it, or if the XMP packet names the DOI beside it; otherwise
    the first page's largest text is the title. A DOI counts if the metadata has it, or if the first page names only it.
    """
    confirmed = (_confirmed_title(title, first_page_text) for title in (metadata_title, *xmp.titles))
    title = next((title for title in confirmed if title), None) or _plain_title(xmp.article_title)
    title = title or _largest_text(first_page_lines)
    article = make_article(
        title=title,
        doi=_find_doi(f"{metadata_title} {metadata_subject}", xmp.doi, first_page_text),
        license=_single_license(licenses),
        fallback_id=fallback_id,
    )
    assert article is not None  # it has at least an id
    return article


def license_urls(text: str) -> set[str]:
    """Return the Creative Commons addresses in a text, even if a line break divides them."""
    return {url.lower() for url in _LICENSE.findall(re.sub(r"(?<=[/.-])\s+", "", text))}


def _single_license(urls: set[str]) -> str | None:
    """Return the license that a document names; None if it names none or several."""
    kinds = {canonical_license(url) for url in urls}
    longest = max(urls, key=lambda url: (len(url), url), default=None)
    return normalize_license(longest) if len(kinds) == 1 else None


def _find_doi(metadata: str, xmp_doi: str, text: str) -> str | None:
    """Return the DOI of the metadata; of two, the one that the text names, too. Else the only one of the text."""
    told = {doi for doi in (normalize_doi(metadata), normalize_doi(xmp_doi)) if doi}
    dois = {doi for match in _DOI.findall(text) if (doi := normalize_doi(match))}
    candidates = told & dois if len(told) > 1 else told or dois
    return candidates.pop() if len(candidates) == 1 else None


def _plain_title(title: str) -> str | None:
    """Return a title that is one by its length and words; else None."""
    title = clean_text(title, _MAX_TITLE_CHARS)
    return None if len(_words(title)) < _MIN_TITLE_WORDS or _NO_TITLE.search(title) else title


def _confirmed_title(metadata_title: str, text: str) -> str | None:
    """Return the metadata's title if the text contains it and it is long enough; else None."""
    title = _plain_title(metadata_title)
    return title if title and " ".join(_words(title)) in " ".join(_words(text)) else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"(?<=\w)[-\x02\ufffe]\s*\n\s*", "", text).casefold())


def _largest_text(first_page_lines: Sequence[Line]) -> str | None:
    """Return the first page's largest text if it is a title by its length and size; else None."""
    lines = [line for line in first_page_lines if len(line.text) >= 4 and line.size < 60]
    if not lines:
        return None
    usual_size = sorted(line.size for line in lines for _ in line.text)[sum(len(line.text) for line in lines) // 2]
    for ratio, size in zip((1.25, 1.5), sorted({round(line.size, 1) for line in lines}, reverse=True), strict=False):
        title = clean_text(" ".join(line.text for line in lines if abs(line.size - size) <= 0.05 * size))
        if size < ratio * usual_size or "@" in title or len(title) > _MAX_TITLE_CHARS:
            return None
        if len(_words(title)) >= _MIN_TITLE_WORDS:
            return title  # the largest text may be the journal's name
    return None
