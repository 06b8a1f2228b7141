"""Words and numbers as a person reads them: cleaned text, lengths with units, licenses, links. No I/O."""

from __future__ import annotations

import math
import re
import unicodedata
from urllib.parse import quote, urlsplit

from mirsearch.corpus import Article, Figure, Panel, ScaleReading

_UNITS = ((1e9, "m"), (1e6, "mm"), (1e3, "µm"), (1.0, "nm"))
_CREATIVE = re.compile(r"creativecommons\.org/(?:licenses/([a-z-]+)|(publicdomain))/?([\w.]*)(?:/([\d.]+))?", re.I)
_CC_WORDS = re.compile(r"\bcc[\s-]*(0|by(?:[\s-]*(?:nc|nd|sa))*)[\s-]*([\d.]*\d)?", re.I)
_MARKS_IN_A_ROW = 3


def clean_text(text: str | None, limit: int | None = None) -> str:
    """Text from outside as one line: no control, format (bidi), surrogate or private characters; `limit` in characters.

    Longer text ends in an ellipsis. Combining marks are kept, at most three in a row.
    """
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text or ""):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if char.isspace():
            kept.append(" ")
        elif category[0] != "C" and marks <= _MARKS_IN_A_ROW:
            kept.append(char)
    return shorten(" ".join("".join(kept).split()), limit)


def shorten(text: str, limit: int | None) -> str:
    """The text, or its beginning up to a word's end and an ellipsis where it is longer than `limit` characters."""
    if limit is None or len(text) <= limit:
        return text
    cut = text[: max(limit - 1, 0)]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > 0.6 * limit else cut).rstrip(" ,;:.–-") + "…"


def format_length(nanometers: float | None) -> str:
    """A length in its best unit with three significant digits ("1.2 µm"); a dash where it is None or not finite."""
    if nanometers is None or not math.isfinite(nanometers) or nanometers <= 0:
        return "–"
    rounded = float(f"{nanometers:.3g}")
    factor, unit = next(((f, u) for f, u in _UNITS if rounded >= f), _UNITS[-1])
    value = rounded / factor
    return f"{value:.3g} {unit}" if 1e-3 <= value < 1e3 else f"{value:.2e} {unit}"


def round_length_below(at_most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `at_most` (> 0)."""
    power = 10.0 ** math.floor(math.log10(at_most))
    return max(step * power for step in (0.5, 1.0, 2.0, 5.0) if step * power <= at_most * (1 + 1e-9))


def format_number(value: float | None, digits: int = 2) -> str:
    """A number with fixed digits, a dash where it is None or not finite."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def scale_label(scale: ScaleReading | None) -> str:
    """The paper's "s": what the bar is labelled with, else its length, else nm per px; a dash without a scale."""
    if scale is None:
        return "–"
    if scale.length_nm is not None:
        return format_length(scale.length_nm)
    return clean_text(scale.label_text, 20) or f"{scale.nm_per_px:.3g} nm/px"


def reading_sentence(scale: ScaleReading) -> str:
    """A scale reading in one line: "500 nm = 123.4 px → 4.06 nm/px (label, 0.93)"."""
    per_pixel = f"{scale.nm_per_px:.4g} nm/px ({scale.source}, {scale.confidence:.2f})"
    if scale.length_nm is None or scale.length_px is None:
        return per_pixel
    return f"{format_length(scale.length_nm)} = {scale.length_px:.1f} px → {per_pixel}"


def figure_name(figure: Figure, panel: Panel) -> str:
    """What a person calls the panel: "Fig. 3b", "fibres.png b", or the figure's id where nothing else is known."""
    label = clean_text(figure.label, 24)
    if not label:
        image = clean_text(figure.image, 4000).replace("\\", "/").rstrip("/")
        label = shorten(image.rsplit("/", 1)[-1], 32) or figure.id
    label = re.sub(r"^fig(?:ure)?\b\.?", "Fig.", label, flags=re.I).rstrip(".:")
    letter = clean_text(panel.label, 8)
    return label if not letter else f"{label}{'' if label[-1:].isdigit() else ' '}{letter}"


def article_title(article: Article | None, limit: int | None = None) -> str:
    """The title, else the DOI or the id; empty without an article."""
    if article is None:
        return ""
    return clean_text(article.title, limit) or clean_text(article.doi or article.id, limit)


def venue(article: Article | None, limit: int | None = 40) -> str:
    """Journal and year: "J. Catal. 2019"; empty where neither is known."""
    if article is None:
        return ""
    year = "" if article.year is None else str(article.year)
    return " ".join(part for part in (clean_text(article.journal, limit), year) if part)


def byline(article: Article | None) -> str:
    """First author and how many more: "Jiang W. et al."; empty where none is known."""
    if article is None or not article.authors:
        return ""
    first = clean_text(article.authors[0], 60)
    return f"{first} et al." if len(article.authors) > 1 and first else first


def license_name(text: str | None) -> str:
    """A license's short name: "CC BY 4.0" from a Creative Commons address or words, else the words, shortened."""
    given = clean_text(text, 4000)
    found = _CREATIVE.search(given)
    if found:
        kind, public, second, version = found.groups()
        if public:
            return "CC0 1.0" if second.lower() == "zero" else "Public domain"
        return " ".join(part for part in ("CC", kind.upper(), version or second) if part)
    words = _CC_WORDS.search(given)
    if words:
        parts = re.split(r"[\s-]+", words[1].upper())
        name = "CC0" if parts[0] == "0" else f"CC {'-'.join(parts)}"
        return f"{name} {words[2]}" if words[2] else name
    return shorten(given, 40)


def safe_link(address: str | None) -> str | None:
    """The address where it is http or https with a host and without credentials or odd characters, else None."""
    given = (address or "").strip()
    if not given or any(char.isspace() or unicodedata.category(char)[0] == "C" for char in given):
        return None
    try:
        parts = urlsplit(given)
        host, user = parts.hostname, parts.username
    except ValueError:
        return None
    return given if parts.scheme in {"http", "https"} and host and user is None else None


def article_link(article: Article | None) -> str | None:
    """Where to read the article: its own address, else by DOI, else by PMC id."""
    if article is None:
        return None
    own = safe_link(article.url)
    if own:
        return own
    if article.doi and article.doi.startswith("10."):
        return safe_link("https://doi.org/" + quote(article.doi, safe="/().;:-_"))
    if article.pmcid and re.fullmatch(r"PMC\d+", article.pmcid):
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{article.pmcid}/"
    return None


def license_link(article: Article | None) -> str | None:
    """The license's own address, where the article gives one."""
    given = clean_text(None if article is None else article.license, 4000)
    found = re.search(r"https?://\S+", given)
    return safe_link(found[0].rstrip(").,;")) if found else None
