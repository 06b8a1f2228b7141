"""Weigh what words printed in a panel, as OCR read them, say about it: databars, headings, legends."""

from __future__ import annotations

import re

from mirsearch.settings import LIMITS

_SCANNING_BAR = (
    r"signal ?a ?=",
    r"\bEHT\b|hochsp\b|haute tension|alta tensi[oó]n",
    r"\bWD ?[=:]? ?\d|\bWD\b|arbeitsabst|distance de travail|distancia de trabajo",
    r"\bmag\b|\bvergr(?:\b|ö|o)|\bagrand|grandissement|\baum\. ?[=:]|\baumentos?\b",
    r"\bdete[ck]tor\b|\bd[eé]tecteur\b|\bdet\b",
    r"\bSE ?2\b|\bin-?lens\b|\b(?:ETD|TLD|LFD|BSED?|CBS|VCD|SEI|LEI|ESB|ASB)\b|\bSE ?\([MULT]",
    r"\b\d{1,2}(?:[.,]\d{1,2})? ?kV\b",
    r"\bx ?\d{1,3}(?:[.,]\d{1,3})? ?k\b|\b\d{1,3}[ .,]\d{3} ?x\b|\bx ?\d{1,3}[.,]\d{3}\b",
    r"\bHFW\b|\bHV\b|\bspot\b|bildbreite|\bcurr\b",
    r"\b(?:JSM|FE-?SEM|SEM|ZEISS|SU-?8\d{3}|S-?4[78]00|quanta|nova nanosem|tescan|MIRA3|VEGA3)\b",
)
"""Patterns of the entries of a scanning microscope's databar: Zeiss, FEI, JEOL, Hitachi, Tescan, in four languages."""

_TRANSMISSION_BAR = (
    r"\b(?:60|80|100|120|200|300)(?:[.,]0{1,2})? ?kV\b",
    r"\b(?:direct|print|cal|TEM) mag\b",
    r"\bTEM\b|\bJEM\b|\bAMT\b|\bHR-?TEM\b",
    r"\bgatan\b|\btecnai\b|\btalos\b|\btitan\b",
)
"""Patterns of the entries of a transmission microscope's databar."""

_ENTRY_VOTES = (0.0, 0.6, 1.8, 2.6, 3.2)
"""Vote of a databar by the number of different entries that were read; one alone may be anything."""

_HEADINGS: tuple[tuple[str, float, str], ...] = (
    ("fluorescence", 2.2, r"\bDAPI\b|\bhoechst\b|\b(?:[ems]|sf)?[GRYCB]FP\b|mCherry|tdTomato|mRuby|\bmerged?\b"
                          r"|\bFITC\b|\bTRITC\b|\bCy[357]\b|\balexa\b|phalloidin|\bactin\b|tubulin|mitotracker"
                          r"|lysotracker|calcein|\bGCaMP|\bGFAP\b|\bNeuN\b|\boverlay\b|rhodamine|\bSYTOX\b"),
    ("optical", 2.4, r"\bH ?& ?E\b|masson|alizarin|safranin|oil red|\bnissl\b|toluidine|bright ?field|trichrome"
                     r"|\bphase contrast\b|\bDIC\b|\bIHC\b"),
    ("STEM", 2.0, r"\bHAADF\b|\bADF\b|\bSTEM\b"),
    ("EDX", 2.0, r"\b[A-Z][a-z]?[ -]?[KLM](?:[aα]\d?| series)(?!\w)|\b[A-Z][a-z]? K\b"),
    ("EBSD", 2.2, r"\bIPF\b|\bEBSD\b|\bKAM\b"),
    ("AFM", 1.6, r"height sensor|\bR(?:q|a|ms) ?[=:]"),
    ("diffraction", 2.4, r"\d ?(?:1 ?/ ?nm|nm ?-1|nm⁻¹)|\bSAED\b|\bFFT\b"),
    ("gel", 2.0, r"\bkDa\b|\bGAPDH\b|(?:β|\bb|\bbeta)-actin\b|\bIB ?:|\bIP ?:"),
)  # fmt: skip
"""Class, weight, and pattern of headings and legends that are printed in or at a picture."""

_CASE_MATTERS = ("EDX", "gel")
_SCANNING_PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in _SCANNING_BAR]
_TRANSMISSION_PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in _TRANSMISSION_BAR]
_HEADING_PATTERNS = [
    (name, weight, re.compile(pattern, 0 if name in _CASE_MATTERS else re.IGNORECASE))
    for name, weight, pattern in _HEADINGS
]


def printed_votes(text: str) -> dict[str, float]:
    """Return how strongly text printed in a panel, read by OCR, supports classes of pictures (0 and up).

    Entries of a databar count by their number: one alone may stand in any picture, three hardly.
    """
    text = text[: LIMITS.caption_parsed_chars]
    votes = {name: weight for name, weight, pattern in _HEADING_PATTERNS if pattern.search(text)}
    scanning = sum(pattern.search(text) is not None for pattern in _SCANNING_PATTERNS)
    transmission = sum(pattern.search(text) is not None for pattern in _TRANSMISSION_PATTERNS)
    if transmission >= 2 or transmission > scanning:
        votes["TEM"] = _entry_vote(transmission + 1)
    elif scanning:
        votes["SEM"] = _entry_vote(scanning)
    return votes


def _entry_vote(count: int) -> float:
    """Return the vote of a databar of which `count` entries were read."""
    return _ENTRY_VOTES[min(count, len(_ENTRY_VOTES) - 1)]
