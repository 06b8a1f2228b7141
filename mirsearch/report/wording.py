"""Words and numbers for people: cleaned text, lengths with units, names of licenses, links. Without I/O."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from mirsearch.corpus import Article, Figure, Panel, ScaleReading
from mirsearch.readers.selection import split_location

_UNITS = ((1e9, "m"), (1e6, "mm"), (1e3, "µm"), (1.0, "nm"))
_CC_ADDRESS = re.compile(r"creativecommons\.org/(?:licenses/([a-z-]+)|(publicdomain))/?([\w.]*)(?:/([\d.]+))?", re.I)
_CC_WORDS = re.compile(r"\bcc[\s-]*(0|by(?:[\s-]*(?:nc|nd|sa))*)[\s-]*([\d.]*\d)?", re.I)
_WITHOUT_MARKS = re.compile("[ -\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u20cf\u2100-\u2bff]*")
"""Blocks of Latin, Greek and Cyrillic letters, punctuation, units and signs; no character of these is combining."""
MAX_LETTER = 8
"""Most characters that are shown of a panel's letter."""
_MAX_COMBINING_MARKS = 3
"""Combining marks that are kept in a row: enough for any script, too few to cover the lines above."""


def clean_text(text: str | None, limit: int | None = None) -> str:
    """Return text from outside as one line, without control, format (bidi), surrogate and private characters.

    Text longer than `limit` characters ends in an ellipsis. At most three combining marks in a row are kept.
    """
    if not text:
        return ""
    # Nothing to remove: much quicker, for captions and for long addresses of data.
    if text.isascii() and text.isprintable():
        is_tidy = "  " not in text and text[0] != " " != text[-1]
        return shorten(text if is_tidy else " ".join(text.split()), limit)
    plain = unicodedata.normalize("NFC", text)
    if plain.isprintable() and (plain.isascii() or _WITHOUT_MARKS.fullmatch(plain)):
        return shorten(" ".join(plain.split()), limit)
    kept: list[str] = []
    marks = 0
    for char in plain:
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if char.isspace():
            kept.append(" ")
        elif category[0] != "C" and marks <= _MAX_COMBINING_MARKS:
            kept.append(char)
    return shorten(" ".join("".join(kept).split()), limit)


def shorten(text: str, limit: int | None) -> str:
    """Return the text, cut at the end of a word and with an ellipsis if it is longer than `limit` characters."""
    if limit is None or len(text) <= limit:
        return text
    cut = text[: max(limit - 1, 0)]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > 0.6 * limit else cut).rstrip(" ,;:.–-") + "…"


def format_length(nanometers: float | None) -> str:
    """Return a length in its best unit with three significant digits ("1.2 µm"); a dash for None and non-lengths."""
    if nanometers is None or not math.isfinite(nanometers) or nanometers <= 0:
        return "–"
    rounded = float(f"{nanometers:.3g}")
    factor, unit = next(((f, u) for f, u in _UNITS if rounded >= f), _UNITS[-1])
    value = rounded / factor
    return f"{value:.3g} {unit}" if 1e-3 <= value < 1e3 else f"{value:.2e} {unit}"


def round_length_below(limit: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most `limit` (> 0)."""
    power = 10.0 ** math.floor(math.log10(limit))
    return max(step * power for step in (0.5, 1.0, 2.0, 5.0) if step * power <= limit * (1 + 1e-9))


def format_number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed digits and never as "-0.00"; a dash if it is None or not finite."""
    return "–" if value is None or not math.isfinite(value) else f"{value:z.{digits}f}"


def has_lone_bar(panel: Panel) -> bool:
    """Return whether a bar was seen on the panel and nothing is known about its length in nm."""
    return panel.scale is None and panel.doubtful_scale is None and panel.bar is not None


def scale_label(panel: Panel) -> str:
    """Return the "s" of Jiang et al.: the length of the bar, else its label, else nm per px; a dash without a scale.

    A doubtful one ends in "?". A bar whose length is unknown gives its length in px.
    """
    if panel.scale is not None:
        return _length_label(panel.scale)
    if panel.doubtful_scale is not None:
        return f"{_length_label(panel.doubtful_scale)}?"
    return "–" if panel.bar is None else f"{panel.bar.length_px:.1f} px"


def _length_label(scale: ScaleReading) -> str:
    if scale.length_nm is not None:
        return format_length(scale.length_nm)
    return clean_text(scale.label_text, 20) or f"{scale.nm_per_px:.3g} nm/px"


def scale_sentence(panel: Panel, figure_panels: Sequence[Panel] = ()) -> str:
    """Return what is known of a panel's scale in one line: its reading, "bar 38.8 px, length unknown", or "none read".

    `figure_panels` are the panels of its figure: a shared scale then names the one that has the bar.
    """
    if panel.scale is not None:
        told = reading_sentence(panel.scale, shared_origin(panel, figure_panels))
        return told if panel.doubtful_scale is None else f"{told}; {contradiction(panel.doubtful_scale)}"
    if panel.doubtful_scale is not None:
        return doubtful_sentence(panel.doubtful_scale)
    return "none read" if panel.bar is None else f"bar {panel.bar.length_px:.1f} px, length unknown"


def reading_sentence(scale: ScaleReading, origin: str = "") -> str:
    """Return a scale reading in one line: "500 nm = 123.4 px → 4.06 nm/px (label, 0.93)".

    `origin` stands for where the value comes from, if that is more than one word.
    """
    per_pixel = f"{scale.nm_per_px:.4g} nm/px ({origin or scale.source}, {scale.confidence:.2f})"
    if scale.length_nm is None or scale.length_px is None:
        return per_pixel
    return f"{format_length(scale.length_nm)} = {scale.length_px:.1f} px → {per_pixel}"


def doubtful_sentence(scale: ScaleReading) -> str:
    """Return a doubtful reading in one line: "500 nm? = 123.4 px → 4.06 nm/px? (label, doubtful 0.31)"."""
    per_pixel = f"{scale.nm_per_px:.4g} nm/px? ({scale.source}, doubtful {scale.confidence:.2f})"
    if scale.length_nm is None or scale.length_px is None:
        return per_pixel
    return f"{format_length(scale.length_nm)}? = {scale.length_px:.1f} px → {per_pixel}"


def contradiction(other: ScaleReading) -> str:
    """Return what contradicts the scale of a panel: "the file's metadata say 5.83 nm/px", or what was read."""
    if other.source == "metadata":
        return f"the file's metadata say {other.nm_per_px:.4g} nm/px"
    where = "the caption says" if other.source == "caption" else "what is read says"
    length = (
        ""
        if other.length_nm is None or other.length_px is None
        else (f"{format_length(other.length_nm)} = {other.length_px:.1f} px → ")
    )
    return f"{where} {length}{other.nm_per_px:.4g} nm/px"


def shared_origin(panel: Panel, figure_panels: Sequence[Panel] = ()) -> str:
    """Return whose bar gave a panel its shared scale: "from the bar in b1"; empty for a scale of its own."""
    if panel.scale is None or panel.scale.source != "shared":
        return ""
    givers = [
        other
        for other in figure_panels
        if other.scale is not None and other.scale.source != "shared" and other.label == panel.label
    ]
    same = [other for other in givers if other.scale is not None and other.scale.bar == panel.scale.bar]
    giver = (same or givers)[0] if len(same or givers) == 1 else None
    if giver is not None and panel_key(giver):
        return f"from the bar in {panel_key(giver)}"
    letter = clean_text(panel.label, MAX_LETTER)
    return f"from the bar in another image{f' of {letter}' if letter else ''}"


def scale_remedy(panel: Panel) -> str:
    """Return what to type for a doubtful scale or for a bar without a length; empty where nothing is open."""
    name = panel.id or "ID"
    if panel.scale is not None and panel.doubtful_scale is not None:
        second = f"--nm-per-px {panel.doubtful_scale.nm_per_px:.4g}"
        return f"the two disagree; if the second is right: mirsearch correct {name} {second}"
    if panel.doubtful_scale is not None:
        right = panel.doubtful_scale.length_nm
        confirm = f'--scale "{format_length(right)}"' if right else f"--nm-per-px {panel.doubtful_scale.nm_per_px:.4g}"
        return (
            "this reading is doubtful, and not used for ranking; "
            f"if it is right: mirsearch correct {name} {confirm}; if not, give the right length, or --no-scale"
        )
    if has_lone_bar(panel):
        return f'to give the bar its length: mirsearch correct {name} --scale "5 µm"'
    return ""


def panel_key(panel: Panel) -> str:
    """Return the letter and part as people write them in short, "b2"; empty without a letter."""
    letter = clean_text(panel.label, MAX_LETTER)
    if not letter or panel.part is None:
        return letter
    return f"{letter}{'-' if letter[-1].isdigit() else ''}{panel.part}"


def panel_name(panel: Panel, number: int) -> str:
    """Return the letter and part as read ("b2"), else the panel's number in reading order, from 1 ("#3")."""
    return panel_key(panel) or f"#{number}"


def panel_heading(panel: Panel, limit: int | None = 60) -> str:
    """Return the words printed at the panel's row and column, and whose inset it is: "DAPI · inset of b1"."""
    inset = f"inset of {clean_text(panel.inset_of, MAX_LETTER)}" if panel.inset_of else ""
    return " · ".join(part for part in (clean_text(panel.heading, limit), inset) if part)


def letter_name(figure: Figure, panel: Panel) -> str:
    """Return what a person calls the letter: "Fig. 3b", "fibres.png b", or the figure's id if nothing else is known."""
    label = clean_text(figure.label, 24)
    if not label:
        image = clean_text(split_location(figure.image or "")[0], 4000).replace("\\", "/").rstrip("/")
        label = shorten(image.rsplit("/", 1)[-1], 32) or figure.id
    label = re.sub(r"^fig(?:ure)?\b\.?", "Fig.", label, flags=re.I).rstrip(".:")
    letter = clean_text(panel.label, MAX_LETTER)
    return label if not letter else f"{label}{'' if label[-1:].isdigit() else ' '}{letter}"


def figure_name(figure: Figure, panel: Panel) -> str:
    """Return what a person calls the panel: "Fig. 3b", or "Fig. 3b, part 2" where the letter has several images."""
    name = letter_name(figure, panel)
    return name if panel.part is None else f"{name}, part {panel.part}"


def more_parts(figure: Figure, panel: Panel, count: int) -> str:
    """Return that `count` more images of the same letter were found: "and 3 more of Fig. 2b"; empty for none."""
    return f"and {count} more of {letter_name(figure, panel)}" if count > 0 else ""


def article_title(article: Article | None, limit: int | None = None) -> str:
    """Return the title, else the DOI or the id; empty without an article."""
    if article is None:
        return ""
    return clean_text(article.title, limit) or clean_text(article.doi or article.id, limit)


def venue(article: Article | None, limit: int | None = 40) -> str:
    """Return journal and year: "J. Catal. 2019"; empty if neither is known."""
    if article is None:
        return ""
    year = "" if article.year is None else str(article.year)
    return " ".join(part for part in (clean_text(article.journal, limit), year) if part)


def byline(article: Article | None) -> str:
    """Return the first author: "Jiang W. et al."; empty if none is known."""
    if article is None or not article.authors:
        return ""
    first = clean_text(article.authors[0], 60)
    return f"{first} et al." if len(article.authors) > 1 and first else first


def license_name(text: str | None) -> str:
    """Return the short name of a license: "CC BY 4.0" from an address or words of Creative Commons, else the words."""
    license_text = clean_text(text, 4000)
    address = _CC_ADDRESS.search(license_text)
    if address:
        kind, public, second, version = address.groups()
        if public:
            return "CC0 1.0" if second.lower() == "zero" else "Public domain"
        return " ".join(part for part in ("CC", kind.upper(), version or second) if part)
    words = _CC_WORDS.search(license_text)
    if words:
        parts = re.split(r"[\s-]+", words[1].upper())
        name = "CC0" if parts[0] == "0" else f"CC {'-'.join(parts)}"
        return f"{name} {words[2]}" if words[2] else name
    return shorten(license_text, 40)


def safe_link(address: str | None) -> str | None:
    """Return the address if it is http or https, has a host, and has no credentials or odd characters; else None."""
    link = (address or "").strip()
    if not link or any(char.isspace() or unicodedata.category(char)[0] == "C" for char in link):
        return None
    try:
        parts = urlsplit(link)
        host, user = parts.hostname, parts.username
    except ValueError:
        return None
    return link if parts.scheme in {"http", "https"} and host and user is None else None


def article_link(article: Article | None) -> str | None:
    """Return where to read the article: its own address, else that of its DOI, else that of its PMC id."""
    if article is None:
        return None
    own_link = safe_link(article.url)
    if own_link:
        return own_link
    if article.doi and article.doi.startswith("10."):
        return safe_link("https://doi.org/" + quote(clean_text(article.doi), safe="/().;:-_"))
    if article.pmcid and re.fullmatch(r"PMC\d+", article.pmcid):
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{article.pmcid}/"
    return None


def license_link(article: Article | None) -> str | None:
    """Return the address of the license if the article gives one."""
    license_text = clean_text(None if article is None else article.license, 4000)
    found = re.search(r"https?://\S+", license_text)
    return safe_link(found[0].rstrip(").,;")) if found else None
