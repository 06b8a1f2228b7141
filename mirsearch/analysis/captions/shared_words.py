"""Words that several panels of a caption share: heads before the labels, tails behind them, lists told one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

MOST_SHARING = 12
"""How many pieces before and behind one can share words with it."""

PREPOSITION = re.compile(
    r"(?:\b(?:of|for|at|in|with|from|by|under|after|before|during|on|to|between|using|via|into|without|versus|vs\.?"
    r"|following|namely|is|are|was|were|show|shows|showing|the|a|an)|[:=])\s*$",
    re.IGNORECASE,
)
JOINER = re.compile(r"(?:^|[,;:.([]|\b(?:and|or|but|while|whereas|then|both|&))\s*$", re.IGNORECASE)
CONTRAST = re.compile(r"\b(?:before|after|with|without|during|under|above|below|inside|outside)\s*$", re.IGNORECASE)
"""What pictures are told apart by: "before (a) and after (b) annealing"."""

_LEADING_JOIN = re.compile(r"^[\s,;:.|–—-]*(?:(?:and|while|whereas|but|&)\s+)?", re.IGNORECASE)
_LEAD = re.compile(
    r"[Ss]cale[ -]?bars?|.*\b(?:of|for|in|with|on|from|at|after|before|along|under|by|without|during)\b(?: the\b)?"
)
_NOUN = re.compile(
    r"\b(?:images?|views?|micrographs?|curves?|patterns?|plots?|spectr(?:a|um)|profiles?|maps?|photographs?)\b"
)
_MEASURED = re.compile(r"(?:patterns?|spectr|curves?|profiles?|plots?|maps?)\b")
_PICTURED = re.compile(r"\b(?:[A-Z]*[ST]EMs?|AFM|STM|HAADF)$")
_OTHER_SUBJECT = re.compile(
    r"^\W*(?:the |its |their |an? )?(?:\S+ ){0,3}?(?:patterns?|spectr(?:a|um)|profiles?|histograms?|distributions?"
    r"|schematics?|photographs?|diagrams?|illustrations?|graphs?|curves?|plots?|setup|merged?|overlays?)\b"
    r"|^\W*(?:the )?(?:corresponding|same)\b|^\W*(?:quantification|comparison)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:overviews?|overlays?|merged?|set-?up|schematics?|sketch|photographs?|models?)$", re.IGNORECASE
)
_RESPECTIVELY = re.compile(r",?\s*\brespectively\b\.?", re.IGNORECASE)
_LIST_GAP = re.compile(r",\s*(?:and|or)\s+|,\s+|\s+(?:and|or)\s+")


def trim_joiners(piece: str) -> str:
    """A piece without the joining words and marks around it; a lone closing bracket goes too."""
    piece = _LEADING_JOIN.sub("", piece, count=1).strip()
    piece = re.sub(r"(?:[\s,;:]|\b(?:and|while|whereas)$)+$", "", piece).strip()
    if piece.count(")") > piece.count("("):
        piece = piece.lstrip(")").rstrip(")").strip()
    elif piece.count("(") > piece.count(")"):
        piece = piece.rstrip("(").strip()
    return piece


def split_head(piece: str) -> tuple[str, str]:
    """Split off a clause at the end that opens the next items: "MoS2, voltage profiles of" gives both."""
    stripped = re.sub(r"(?:,?\s*\band)?\s*$", "", piece)
    if not PREPOSITION.search(stripped):
        return piece, ""
    cut = max(stripped.rfind(", "), stripped.rfind("; "), stripped.rfind(". "))
    if cut < 0:
        joined = stripped.rfind(" and ")
        cut = joined if joined >= 0 and stripped.endswith(("of", "for")) else -1
    if cut < 0:
        return piece, trim_joiners(piece) if stripped.endswith(":") else ""
    return piece[:cut], trim_joiners(stripped[cut:]) + (":" if stripped.endswith(":") else "")


def split_item(words: str) -> tuple[str, str]:
    """Split words between two labels at the last "and" (or semicolon) that opens the next item."""
    cuts = list(re.finditer(r",?\s+and\s+|;\s+", words))
    if not cuts:
        return "", words
    return words[: cuts[-1].start()], words[cuts[-1].end() :]


def has_own_subject(words: str) -> bool:
    """Whether an item stands alone: it has its own "… of …"."""
    return bool(re.search(r"\b(?:of|for|in|with|on)\b", words)) or not words


def names_subject(words: str) -> bool:
    """Whether an item names what it shows itself, so that a head ("SEM images of") does not speak of it."""
    return bool(_OTHER_SUBJECT.match(words))


def shared_head(words: str, before: str) -> str:
    """What an item behind whose words its label stands hands to the next: up to its last preposition."""
    lead = _LEAD.match(words)
    return lead.group(0) if lead else before


def adapt_head(head: str, words: str) -> str:
    """A head before the words of another item, without what those words say in its place."""
    if words.startswith(("the ", "a ")):
        head = head.removesuffix(" the")
    if re.match(r"(?:before|after|with|without|during|under|above|below|inside|outside)\b", words, re.IGNORECASE):
        head = CONTRAST.sub("", head).rstrip()
    return head


def shared_tail(piece: str, later: Sequence[str]) -> str:
    """What an item left hanging takes from the later ones: "(a) Low- and (b) High-resolution SEM image".

    An item that only lacks what it is of takes that: "(a) XRD pattern and (b) SEM image of ZnO".
    """
    words = trim_joiners(piece)
    if not later:
        return ""
    if not words or words.endswith(("-", "‐")):
        return trim_joiners(split_head(later[0])[0])
    if len(words.split()) > 3 or not re.search(r"(?:,|\band)\s*$", piece) or _WHOLE.search(words):
        return ""
    longest = next((each for each in later if len(each.split()) > 4 and not _RESPECTIVELY.search(each)), "")
    found = _NOUN.search(longest)
    tail = trim_joiners(longest[found.start() :]) if found else ""
    if found and (_NOUN.search(words) or (_MEASURED.match(found.group(0)) and _PICTURED.search(words))):
        whose = re.match(r"\S+\s+(of\b.*)", tail)
        return whose.group(1) if whose else ""
    return tail if len(words.split()) <= 2 else ""


def split_respective(piece: str, count: int) -> list[str]:
    """A piece for each of `count` labels where it lists that many things "respectively"; else nothing.

    "maps of Fe, Ni and Mo, respectively" gives "maps of Fe", "maps of Ni", "maps of Mo".
    """
    found = _RESPECTIVELY.search(piece)
    if found is None or count < 2:
        return []
    told, after = piece[: found.start()], trim_joiners(piece[found.end() :])
    gaps = list(_LIST_GAP.finditer(told))
    if len(gaps) < count - 1:
        return []
    cuts = gaps[-(count - 1) :]
    first = told[: cuts[0].start()]
    bounds = [(gap.end(), later.start()) for gap, later in pairwise(cuts)]
    bounds.append((cuts[-1].end(), len(told)))
    head = trim_joiners(shared_head(first, ""))
    items = [trim_joiners(first), *(f"{head} {trim_joiners(told[start:stop])}".strip() for start, stop in bounds)]
    return [f"{item} {after}".strip() for item in items]
