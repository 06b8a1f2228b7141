"""Article data from outside, cleaned: texts, identifiers, licences, and the id an article goes by."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from mirsearch.corpus import Article
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
    r"\s*((?:(?:Supplementary|Extended Data)\s+)?(?:Figure|Fig\.?|Scheme|Chart|Plate|Abb\.?|Figura)\s*[A-Z]?\d{1,3})"
    r"\s*[.:|)–—-]?(?=\s|$)", re.IGNORECASE,
)  # fmt: skip
_VERSION = re.compile(r"\b([1-4]\.\d)\b")
_DROPPED = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_KEPT_FORMAT = frozenset("‌‍")  # zero-width joiners carry meaning in several scripts
MAX_AUTHORS = 500


def clean_text(text: str, limit: int = LIMITS.field_chars) -> str:
    """Text fit for a terminal and a page: NFC, no control or direction characters, single spaces, at most `limit`."""
    text = unicodedata.normalize("NFC", text[: limit * 4])
    spaced = " ".join("".join(_printable(each) for each in text).split())
    return spaced if len(spaced) <= limit else spaced[: limit - 1].rstrip() + "…"


def label_of(caption: str) -> str | None:
    """The label a caption begins with, as `Figure 2` of "Figure 2. Micrographs of …"; None where there is none."""
    found = _LABEL.match(caption)
    return clean_text(found[1], 40) if found else None


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    if character in _KEPT_FORMAT or unicodedata.category(character) not in _DROPPED:
        return character
    return ""


def make_article(  # noqa: PLR0913  the fields of an Article, no more
    *,
    title: str | None = None,
    doi: str | None = None,
    pmcid: str | None = None,
    journal: str | None = None,
    year: str | int | None = None,
    license: str | None = None,  # noqa: A002  the field's own name
    url: str | None = None,
    authors: Iterable[str] = (),
    given_id: str | None = None,
) -> Article | None:
    """An Article of raw fields, each cleaned or dropped where it is none; None where nothing says which article."""
    doi_clean, pmcid_clean = normal_doi(doi), normal_pmcid(pmcid)
    title_clean, given = _text(title), _text(given_id)
    identity = _identity(doi_clean, pmcid_clean, title_clean, given)
    if identity is None:
        return None
    names = (clean_text(each, 200) for each in authors)
    return Article(
        id=identity,
        title=title_clean,
        doi=doi_clean,
        pmcid=pmcid_clean,
        journal=_text(journal),
        year=normal_year(year),
        license=normal_license(license),
        url=_address(url) or _default_address(doi_clean, pmcid_clean),
        authors=tuple(each for each in names if each)[:MAX_AUTHORS],
    )


def _identity(doi: str | None, pmcid: str | None, title: str | None, given: str | None) -> str | None:
    if doi:
        return f"doi:{doi}"
    if pmcid:
        return f"pmcid:{pmcid}"
    if title:
        key = " ".join(re.findall(r"\w+", title.casefold()))
        return f"title:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return f"folder:{given}" if given else None


def _text(text: str | None) -> str | None:
    return (clean_text(text) or None) if text else None


def normal_doi(text: str | None) -> str | None:
    """The DOI in a text (with or without its resolver's address), in lower case; None where there is none."""
    found = _DOI.search(text) if text else None
    if found is None:
        return None
    doi = clean_text(found[0]).rstrip(".,;").lower()
    return doi.rstrip(")") if doi.count(")") > doi.count("(") else doi


def normal_pmcid(text: str | None) -> str | None:
    """`PMC` and digits, without a version; None where the text is no such id."""
    found = _PMCID.fullmatch(text.strip()) if text else None
    return f"PMC{int(found[1])}" if found else None


def normal_year(text: str | int | None) -> int | None:
    """The first year in a text, between 1600 and 2199."""
    found = _YEAR.search(str(text)) if text is not None else None
    return int(found[1]) if found else None


def normal_license(text: str | None) -> str | None:
    """`CC BY 4.0` and the like for Creative Commons names, sentences and addresses; other texts as they are."""
    text = clean_text(text) if text else ""
    return _from_address(text) or _from_name(text) or _from_words(text) or text or None


def _from_address(text: str) -> str | None:
    found = _CC_URL.search(text)
    if found is None:
        return None
    code, version = found[1].lower(), found[2]
    if code == "mark":
        return "public domain"
    if code == "zero":
        return f"CC0 {version or '1.0'}"
    return f"CC {code.upper()}" + (f" {version}" if version else "")


def _from_name(text: str) -> str | None:
    found = _CC_NAME.search(text)
    if found is None:
        return None
    code, version = re.sub(r"\s", "-", found[1]).upper(), found[2]
    name = "CC0" if code in ("0", "ZERO") else f"CC {code}"
    return name if version is None else f"{name} {version if '.' in version else version + '.0'}"


def _from_words(text: str) -> str | None:
    found = _CC_WORDS.search(text)
    if found is None:
        return None
    words = re.sub(r"[\s–-]", "", found[1].lower())
    name = "-".join(["CC BY", *(code for word, code in _CC_PARTS if word in words)])
    version = _VERSION.search(text, found.end(), found.end() + 80)
    return f"{name} {version[1]}" if version else name


def _address(text: str | None) -> str | None:
    text = clean_text(text) if text else ""
    return text if re.match(r"https?://[^\s<>\"']+$", text, re.IGNORECASE) else None


def _default_address(doi: str | None, pmcid: str | None) -> str | None:
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/" if pmcid else None
