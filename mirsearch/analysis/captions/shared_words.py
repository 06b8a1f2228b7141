"""Find words that several panels of a caption share: heads before labels, tails behind them, "respectively"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_LONGEST_CHANGE = 3
"""Most words that tell one group of panels from the next, such as "pristine" and "charged"."""

MOST_SHARING = 12
"""Most pieces before and behind a piece that can share words with it; bounds time on hostile captions."""

PREPOSITION = re.compile(
    r"(?:\b(?:of|for|at|in|with|from|by|under|after|before|during|on|to|between|using|via|into|without|versus|vs\.?"
    r"|following|namely|is|are|was|were|show|shows|showed|showing|the|a|an)|[:=])\s*$",
    re.IGNORECASE,
)
JOINER = re.compile(r"(?:^|[,;:.([]|\b(?:and|or|but|while|whereas|then|both|&))\s*$", re.IGNORECASE)
CONTRAST = re.compile(r"\b(?:before|after|with|without|during|under|above|below|inside|outside)\s*$", re.IGNORECASE)
"""Words that contrast pictures: "before (a) and after (b) annealing"."""

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
    r"^\W*+(?:the |its |their |an? )?(?:\S++ ){0,3}?(?:patterns?|spectr(?:a|um)|profiles?|histograms?|distributions?"
    r"|schematics?|photographs?|diagrams?|illustrations?|graphs?|curves?|plots?|setup|merged?|overlays?)\b"
    r"|^\W*+(?:the )?(?:corresponding|same)\b|^\W*+(?:quantification|comparison)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:overviews?|overlays?|merged?|set-?up|schematics?|sketch|photographs?|models?)$", re.IGNORECASE
)
_RESPECTIVELY = re.compile(r"(?:,\s*+|(?<![\s,])\s++)?+\brespectively\b\.?", re.IGNORECASE)
_LIST_GAP = re.compile(r",\s*+(?:and|or)\s++|,\s++|(?<!\s)\s++(?:and|or)\s++")

_JOINT = re.compile(r",?(?<!\s)\s++and\s++|;\s++")
_JOINED = re.compile(r"(?:[,;:]|\b(?:and|or)|&)\s*$")
_ENDING_WORDS = ("and", "while", "whereas")
_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


def _strip_end(piece: str) -> str:
    """Return a piece without a joining word at its very end, and without marks and spaces before that."""
    word = next((word for word in _ENDING_WORDS if _ends_with_word(piece, word)), "")
    return piece[: len(piece) - len(word)].rstrip(_SPACES + ",;:")


def _strip_and(piece: str) -> str:
    """Return a piece without spaces and ", and" at its end."""
    stripped = piece.rstrip()
    return stripped[:-3].rstrip().removesuffix(",") if _ends_with_word(stripped, "and") else stripped


def _ends_with_word(text: str, word: str) -> bool:
    before = text[-len(word) - 1 : -len(word)]
    return text.endswith(word) and not (before.isalnum() or before == "_")


def trim_joiners(piece: str) -> str:
    """Return a piece without the joining words and marks around it and without a lone closing bracket."""
    piece = _LEADING_JOIN.sub("", piece, count=1).strip()
    piece = _strip_end(piece).strip()
    if piece.count(")") > piece.count("("):
        piece = piece.lstrip(")").rstrip(")").strip()
    elif piece.count("(") > piece.count(")"):
        piece = piece.rstrip("(").strip()
    return piece


def split_head(piece: str) -> tuple[str, str]:
    """Split off the end of a piece if it introduces the next items.

    "MoS2, voltage profiles of" gives "MoS2" and "voltage profiles of".
    """
    stripped = _strip_and(piece)
    if not PREPOSITION.search(stripped):
        return piece, ""
    cut = max(stripped.rfind(", "), stripped.rfind("; "), stripped.rfind(". "))
    if cut < 0:
        joined = stripped.rfind(" and ")
        cut = joined if joined >= 0 and stripped.endswith(("of", "for")) else -1
    if cut < 0:
        return piece, trim_joiners(piece) if stripped.endswith(":") else ""
    return piece[:cut], trim_joiners(stripped[cut:]) + (":" if stripped.endswith(":") else "")


def find_group_changes(pieces: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Return for pieces that end with the beginning of another group of items: the piece without it, and these words.

    In "pristine a) hair, b) hemp and c) wool and charged d) hair, e) hemp", c's piece ends with "charged". Most other
    pieces must end with a comma or "and": then the lack of these shows the change.
    """
    ends = [bool(_JOINED.search(piece)) for piece in pieces[:-1]]
    open_ends = [number for number, is_joined in enumerate(ends) if not is_joined]
    if not open_ends or 2 * len(open_ends) > len(ends) - len(open_ends):
        return {}
    cuts = {number: max(pieces[number].rfind(mark) for mark in (" and ", ", ", "; ")) for number in open_ends}
    found = {n: (pieces[n][:cut], trim_joiners(pieces[n][cut:])) for n, cut in cuts.items() if cut > 0}
    return {n: parts for n, parts in found.items() if 1 <= len(parts[1].split()) <= _LONGEST_CHANGE}


def change_head(head: str, added: str) -> str:
    """Return a head whose last words others replace: "images of fresh" becomes "images of aged"; else nothing."""
    kept = head.split()
    replaced = kept[-len(added.split()) :]
    count = next((n for n in range(len(replaced)) if PREPOSITION.search(replaced[-n - 1])), len(replaced))
    return "" if not count or len(kept) <= count else " ".join([*kept[:-count], added])


def split_item(words: str) -> tuple[str, str]:
    """Split the words between two labels at the last "and" or semicolon, which introduces the next item."""
    joints = list(_JOINT.finditer(words))
    if not joints:
        return "", words
    return words[: joints[-1].start()], words[joints[-1].end() :]


def has_own_subject(item: str) -> bool:
    """Return whether an item is complete by itself: it has its own "… of …", or is empty."""
    return bool(re.search(r"\b(?:of|for|in|with|on)\b", item)) or not item


def names_subject(item: str) -> bool:
    """Return whether an item names what it shows, so that a head ("SEM images of") does not apply to it."""
    return bool(_OTHER_SUBJECT.match(item))


def shared_head(item: str, previous_head: str) -> str:
    """Return the words that an item with its label behind it hands to the next item: up to its last preposition."""
    lead = _LEAD.match(item)
    return lead.group(0) if lead else previous_head


def adapt_head(head: str, item: str) -> str:
    """Return a head for another item, without the words that the item replaces."""
    if item.startswith(("the ", "a ")):
        head = head.removesuffix(" the")
    if re.match(r"(?:before|after|with|without|during|under|above|below|inside|outside)\b", item, re.IGNORECASE):
        head = CONTRAST.sub("", head).rstrip()
    return head


def shared_tail(piece: str, later: Sequence[str]) -> str:
    """Return the words that an unfinished item takes from later ones.

    In "(a) Low- and (b) High-resolution SEM image" they are the whole later item. An item that only lacks what it is of
    takes that: "(a) XRD pattern and (b) SEM image of ZnO".
    """
    item = trim_joiners(piece)
    if not later:
        return ""
    if not item or item.endswith(("-", "‐")):
        return trim_joiners(split_head(later[0])[0])
    if len(item.split()) > 3 or not re.search(r"(?:,|\band)\s*$", piece) or _WHOLE.search(item):
        return ""
    longest = next((other for other in later if len(other.split()) > 4 and not _RESPECTIVELY.search(other)), "")
    noun = _NOUN.search(longest)
    tail = trim_joiners(longest[noun.start() :]) if noun else ""
    if noun and (_NOUN.search(item) or (_MEASURED.match(noun.group(0)) and _PICTURED.search(item))):
        possessor = re.match(r"\S+\s+(of\b.*)", tail)
        return possessor.group(1) if possessor else ""
    return tail if len(item.split()) <= 2 else ""


def split_respective(piece: str, count: int) -> list[str]:
    """Return a piece for each of `count` labels if the piece lists as many things "respectively"; else nothing.

    "maps of Fe, Ni and Mo, respectively" gives "maps of Fe", "maps of Ni", "maps of Mo".
    """
    respectively = _RESPECTIVELY.search(piece)
    if respectively is None or count < 2:
        return []
    listed, rest = piece[: respectively.start()], trim_joiners(piece[respectively.end() :])
    gaps = list(_LIST_GAP.finditer(listed))
    if len(gaps) < count - 1:
        return []
    cuts = gaps[-(count - 1) :]
    first = listed[: cuts[0].start()]
    spans = [(gap.end(), later.start()) for gap, later in pairwise(cuts)]
    spans.append((cuts[-1].end(), len(listed)))
    head = trim_joiners(shared_head(first, ""))
    items = [trim_joiners(first), *(f"{head} {trim_joiners(listed[start:stop])}".strip() for start, stop in spans)]
    return [f"{item} {rest}".strip() for item in items]
