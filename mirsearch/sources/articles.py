"""Clean the article data that sources bring: texts, identifiers, licences; choose the article's id."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from mirsearch.corpus import Article
from mirsearch.licenses import canonical_license, license_name, strictest_license
from mirsearch.settings import LIMITS

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.IGNORECASE)
_PMCID = re.compile(r"(?:PMC)?\s*(\d{3,10})(?:\.\d+)?", re.IGNORECASE)
_YEAR = re.compile(r"\b(1[6-9]\d\d|20\d\d|21\d\d)\b")
_CC_URL = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)(?:/(\d\.\d))?", re.IGNORECASE)
_CC_NAME = re.compile(r"^\(?cc[\s-]?(by(?:[\s-](?:nc|nd|sa))*|0|zero)(?:[\s-]*v?(\d(?:\.\d)?))?\b", re.IGNORECASE)
_CC_WORDS = re.compile(
    r"Creative Commons Attribution((?:[\s–-]*(?:Non-?Commercial|No-?Deriv\w*|Share-?Alike))*)", re.IGNORECASE
)
_CC_PARTS = (("noncommercial", "NC"), ("noderiv", "ND"), ("sharealike", "SA"))
_LABEL = re.compile(
    r"\s*((?:(?:Supplementary|Extended Data)\s+)?(?:Figure|Fig\.?|Scheme|Chart|Plate|Abb\.?|Figura)"
    r"\s*[A-Z]?\d{1,3}(?:[A-Z](?=\s{0,2}[.:|)–—-]|\s*+$))?)"
    r"(?:\s*[.:|)–—-]?(?=\s|$)|\s*[.:|](?=(?-i:[A-Z(\[])))", re.IGNORECASE,
)  # fmt: skip
_VERSION = re.compile(r"\b([1-4]\.\d)\b")
_REMOVED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_KEPT_FORMAT_CHARACTERS = frozenset("‌‍")  # several scripts need zero-width joiners
MAX_AUTHORS = 500


def clean_text(text: str, limit: int = LIMITS.field_chars) -> str:
    """Return text that is safe for a terminal and a web page, with at most `limit` characters.

    The text is in Unicode form NFC, has no control or direction characters, and has single spaces.
    """
    text = unicodedata.normalize("NFC", text[: limit * 4])
    cleaned = " ".join("".join(_printable(character) for character in text).split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1].rstrip() + "…"


def figure_label(caption: str) -> str | None:
    """Return the label that a caption begins with (`Figure 2` of "Figure 2. Micrographs of …"); None if it has none."""
    return split_label(caption)[0]


def split_label(caption: str) -> tuple[str | None, str]:
    """Return the label that a caption begins with and the caption behind it; None and the whole caption without one."""
    match = _LABEL.match(caption)
    return (clean_text(match[1], 40), caption[match.end() :].strip()) if match else (None, caption)


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    if character in _KEPT_FORMAT_CHARACTERS or unicodedata.category(character) not in _REMOVED_CATEGORIES:
        return character
    return ""


def make_article(  # noqa: PLR0913  the fields of an Article, no more
    *,
    title: str | None = None,
    doi: str | None = None,
    pmcid: str | None = None,
    journal: str | None = None,
    year: str | int | None = None,
    license: str | None = None,  # noqa: A002  named like the field
    url: str | None = None,
    authors: Iterable[str] = (),
    fallback_id: str | None = None,
) -> Article | None:
    """Make an Article from raw fields. Each field is cleaned, and dropped if nothing is left of it.

    Returns None if no field identifies the article. `fallback_id` serves only if there is no DOI, PMC id or title.
    """
    doi_clean, pmcid_clean = normalize_doi(doi), normalize_pmcid(pmcid)
    title_clean, fallback = _clean_or_none(title), _clean_or_none(fallback_id)
    article_id = _article_id(doi_clean, pmcid_clean, title_clean, fallback)
    if article_id is None:
        return None
    names = (clean_text(name, 200) for name in authors)
    return Article(
        id=article_id,
        title=title_clean,
        doi=doi_clean,
        pmcid=pmcid_clean,
        journal=_clean_or_none(journal),
        year=find_year(year),
        license=normalize_license(license),
        url=_clean_url(url) or _default_url(doi_clean, pmcid_clean),
        authors=tuple(name for name in names if name)[:MAX_AUTHORS],
    )


def _article_id(doi: str | None, pmcid: str | None, title: str | None, fallback: str | None) -> str | None:
    if doi:
        return f"doi:{doi}"
    if pmcid:
        return f"pmcid:{pmcid}"
    if title:
        key = " ".join(re.findall(r"\w+", title.casefold()))
        return f"title:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return f"folder:{fallback}" if fallback else None


def _clean_or_none(text: str | None) -> str | None:
    return (clean_text(text) or None) if text else None


def normalize_doi(text: str | None) -> str | None:
    """Return the DOI in a text in lower case, without the resolver's address; None if there is none."""
    match = _DOI.search(text) if text else None
    if match is None:
        return None
    doi = clean_text(match[0]).rstrip(".,;").lower()
    return doi.rstrip(")") if doi.count(")") > doi.count("(") else doi


def normalize_pmcid(text: str | None) -> str | None:
    """Return a PMC id as `PMC` and digits, without its version; None if the text is no PMC id."""
    match = _PMCID.fullmatch(text.strip()) if text else None
    return f"PMC{int(match[1])}" if match else None


def find_year(text: str | int | None) -> int | None:
    """Return the first year in a text, between 1600 and 2199; None if there is none."""
    match = _YEAR.search(str(text)) if text is not None else None
    return int(match[1]) if match else None


def normalize_license(text: str | None) -> str | None:
    """Return `CC BY 4.0` and the like for Creative Commons names, sentences and addresses; other texts unchanged.

    Where a text names several licenses, or states conditions that its license lacks, the strictest is returned.
    """
    text = clean_text(text) if text else ""
    name = _license_from_url(text) or _license_from_name(text) or _license_from_sentence(text) or text or None
    strictest = strictest_license((text,))
    return name if strictest is None or canonical_license(name) == strictest[0] else license_name(strictest)


def _license_from_url(text: str) -> str | None:
    match = _CC_URL.search(text)
    if match is None:
        return None
    code, version = match[1].lower(), match[2]
    if code == "mark":
        return "public domain"
    if code == "zero":
        return f"CC0 {version or '1.0'}"
    return f"CC {code.upper()}" + (f" {version}" if version else "")


def _license_from_name(text: str) -> str | None:
    match = _CC_NAME.search(text)
    if match is None:
        return None
    code, version = re.sub(r"\s", "-", match[1]).upper(), match[2]
    name = "CC0" if code in ("0", "ZERO") else f"CC {code}"
    return name if version is None else f"{name} {version if '.' in version else version + '.0'}"


def _license_from_sentence(text: str) -> str | None:
    match = _CC_WORDS.search(text)
    if match is None:
        return None
    words = re.sub(r"[\s–-]", "", match[1].lower())
    name = "-".join(["CC BY", *(code for word, code in _CC_PARTS if word in words)])
    version = _VERSION.search(text, match.end(), match.end() + 80)
    return f"{name} {version[1]}" if version else name


def _clean_url(text: str | None) -> str | None:
    text = clean_text(text) if text else ""
    return text if re.match(r"https?://[^\s<>\"']+$", text, re.IGNORECASE) else None


def _default_url(doi: str | None, pmcid: str | None) -> str | None:
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/" if pmcid else None
