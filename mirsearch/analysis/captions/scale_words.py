"""Find the words that tell the length of a scale bar in a caption, and those before them that tell of which image."""

from __future__ import annotations

import re

from mirsearch.analysis.captions.letters_in_effect import LettersInEffect
from mirsearch.analysis.captions.tokens import DIGITS, UNIT

ANCHOR = re.compile(
    r"(?<!error )(?<!color )(?<!colour )(?<!err\. )(?<!solid )(?<!box )"
    r"\b(?:scale ?-?bars?|scalebars?|scale ?-?markers?|bars?|ma(?:ß|ss)stab(?:sbalken)?|barres? d['’]échelle"
    r"|barras? de escala)\b",
    re.IGNORECASE,
)
"""The words `scale bar`, in English, German, French and Spanish."""

_LENGTH = re.compile(rf"(?<![\w.]){DIGITS} ?-?{UNIT}", re.IGNORECASE)
_NEW_PART = re.compile(
    r" ?(?!(?:and|or|for|in|insets?|to|panels?|is|are|was|were|the|respectively|left|right|top|bottom|upper|lower"
    r"|middle|cent(?:er|re)|main)\b)[A-Za-z]{2}"
)
_ENLARGED = (
    r"(?:insets?|inserts?|zoom(?:s|ed)?|magnified|enlarge(?:d|ments?)|close-?ups?|blow-?ups?)\b|magnifications? of\b"
)
_OF_INSET = re.compile(
    r"^\W*+(?:(?:the|an?|with|and|in|its|corresponding|left|right|top|bottom|upper|lower|higher|high)[ :,-]{1,2}){0,4}"
    rf"(?:{_ENLARGED}|(?:and )?(?:their|its) (?:{_ENLARGED}|magnifications?\b))",
    re.IGNORECASE,
)
_INSET_BEHIND = re.compile(r"\b(?:insets?|inserts?)[,:]? (?:the )?$", re.IGNORECASE)
_INSET_SENTENCE = re.compile(r"^\W*+(?:the )?(?:insets?|inserts?)\b[^.]{0,200}\. $", re.IGNORECASE)
_HALF_LETTER = re.compile(r"\W[a-zA-Z]\) ?\d")
_JOINT = re.compile(r"[;,]| and(?= )")

_LONGEST_STATEMENT = 400
"""Most characters after `scale bar` that are read as its statement; bounds time on hostile captions."""

_LONGEST_CLAUSE = 200
"""Most characters before `scale bar` that can say what it is of."""


def find_statement(text: str, anchor: re.Match[str], in_effect: LettersInEffect) -> tuple[str, int]:
    """Return the words after `scale bar` up to the end of what they say, and the position of that end.

    That is the end of the sentence or bracket, the next `scale bar`, or a letter that begins the part of a panel.
    """
    start = anchor.end()
    end = min(len(text), start + _LONGEST_STATEMENT)
    following = ANCHOR.search(text, start, end)
    end = _before_clause(text, start, following.start()) if following else end
    for mark, mark_end in in_effect.marks_between(start, end):
        if text[mark - 2 : mark].rstrip()[-1:] in (",", ";", ".") and _NEW_PART.match(text, mark_end):
            end = mark
            break
    depth = 0
    inside = text.rfind("(", 0, anchor.start()) > text.rfind(")", 0, anchor.start())
    for index in range(start, end):
        char = text[index]
        if char == "(":
            depth += 1
        elif char == ")" and not (depth == 0 and _HALF_LETTER.match(text, index - 2)):  # "(bars: a) 1 µm, b) 2 µm)"
            depth -= 1
            if depth < 0 and inside:
                return text[start:index], index
        elif char == "." and depth <= 0 and re.match(r"\.(?:$|\s)", text[index : index + 2]):
            return text[start:index], index
    return text[start:end], end


def _before_clause(text: str, start: int, end: int) -> int:
    """Return where a clause that ends with the next `scale bar` begins: "5 µm; inset scale bar" is cut at ";"."""
    lengths = [match.end() for match in _LENGTH.finditer(text, start, end)]
    joints = [match.start() for match in _JOINT.finditer(text, lengths[-1], end)] if lengths else []
    outer = [joint for joint in joints if text.count("(", start, joint) == text.count(")", start, joint)]
    return next((joint for joint in outer if text[joint] == ";"), outer[-1] if outer else end)


def clause_before(text: str, start: int, end: int) -> str:
    """Return the words before a place, back to a full stop, a semicolon, or a bracket that holds it."""
    words = text[max(start, end - _LONGEST_CLAUSE) : end]
    if "(" in words and words.rfind("(") > words.rfind(")") and not words[words.rfind("(") + 1 :].strip(" ,"):
        words = words[: words.rfind("(")]  # "Inset: TEM image (scale bar …)"
    return re.split(r"[.;] |\(", re.sub(r"\([^()]*\)", "", words))[-1]


def is_of_inset(text: str, anchor: int, previous_end: int, part_start: int) -> bool:
    """Return whether the words before a `scale bar` say that it is an inset's: "Inset: …", "(inset scale bar …)".

    `previous_end` is the end of the statement before, `part_start` where the words of the panel begin. A panel whose
    words begin with "Enlargement of …" is no inset. After "Scale bar, 5 µm. Inset: SEM image." the next one is of that.
    """
    start = max(previous_end, part_start, anchor - _LONGEST_CLAUSE)
    clause = clause_before(text, start, anchor)
    begins_part = start == part_start > 0 and not re.search(r"[.;] ", text[start:anchor])
    if _INSET_BEHIND.search(clause) or (_OF_INSET.search(clause) and not begins_part):
        return True
    return previous_end > part_start and bool(_INSET_SENTENCE.search(text[previous_end + 1 : anchor][:_LONGEST_CLAUSE]))
