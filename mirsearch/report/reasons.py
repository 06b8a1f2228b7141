"""Why a hit stands where it stands: its terms with weights, what is missing, and a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mirsearch.ranking import TERMS
from mirsearch.report.highlights import matched_words
from mirsearch.report.wording import clean_text, format_length, format_number
from mirsearch.search.answer import Answer, Hit

TermState = Literal["counted", "not asked", "unknown", "counted as 0"]
"""`unknown`: asked, but the panel lacks it and it is left out; `counted as 0`: the same, held against the panel."""

TERM_TITLES = {"visual": "Looks", "scale": "Scale", "text": "Words", "image_text": "Words in the picture"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of a hit: its value in [0, 1] or None, weight, part of the weights that counted, and why."""

    term: str
    title: str
    value: float | None
    weight: float
    share: float
    state: TermState
    sentence: str

    @property
    def points(self) -> float:
        """What the term adds to the score."""
        return self.share * (self.value or 0.0)


def reasons(answer: Answer, hit: Hit) -> list[Reason]:
    """The terms of a hit, always in the order visual, scale, text, and image_text where it was asked."""
    terms = [term for term in TERMS if term != "image_text" or hit.scored.image_text is not None]
    states = {term: _term_state(answer, hit, term) for term in terms}
    weights = {term: answer.formula.weights.of(term) for term in terms}
    mass = sum(weights[term] for term in terms if states[term].startswith("counted"))
    return [
        Reason(
            term,
            TERM_TITLES[term],
            getattr(hit.scored, term),
            weights[term],
            weights[term] / mass if mass > 0 and states[term].startswith("counted") else 0.0,
            states[term],
            _SENTENCES[term](answer, hit, states[term]),
        )
        for term in terms
    ]


def score_sentence(answer: Answer, hit: Hit) -> str:
    """How the score comes about: "0.87 = (0.60 × 0.94 + 0.30 × 0.71) / 0.90"."""
    counted = [reason for reason in reasons(answer, hit) if reason.state.startswith("counted")]
    if not counted:
        return f"score {format_number(hit.scored.score, 3)}"
    parts = " + ".join(f"{r.weight:.2f} × {format_number(r.value or 0.0, 3)}" for r in counted)
    mass = sum(reason.weight for reason in counted)
    return f"score {format_number(hit.scored.score, 3)} = ({parts}) / {mass:.2f}"


def compare_widths(one: float, other: float) -> str:
    """How many times as wide `one` is as `other`, both > 0: "1.2 times as wide", "1/150 as wide", "the same width"."""
    ratio = one / other
    if 0.98 < ratio < 1.02:
        return "the same width"
    if ratio < 0.1:
        return f"1/{1 / ratio:.0f} as wide"
    return f"{ratio:.2g} times as wide" if ratio < 99.5 else f"{ratio:.0f} times as wide"


def _term_state(answer: Answer, hit: Hit, term: str) -> TermState:
    query = answer.query
    if getattr(hit.scored, term) is not None:
        return "counted"
    asked = {
        "visual": query.image is not None or query.like is not None or query.pixels is not None,
        "scale": query.field_of_view_nm is not None,
        "text": bool(query.text),
    }[term]
    if not asked:
        return "not asked"
    return "counted as 0" if answer.formula.missing == "penalize" else "unknown"


def _visual_sentence(_answer: Answer, hit: Hit, state: TermState) -> str:
    if state != "counted":
        return "looks: no picture was asked with" if state == "not asked" else "looks: not known for this panel"
    distance = hit.scored.visual_distance
    if distance is None:
        return f"looks {format_number(hit.scored.visual)}"
    return f"looks {format_number(hit.scored.visual)}: visual distance {format_number(distance, 3)} ({_distance_note(distance)})"


def _distance_note(distance: float) -> str:
    if distance < 0.01:
        return "the same picture"
    return "0 the same, 1 unrelated"


def _scale_sentence(answer: Answer, hit: Hit, state: TermState) -> str:
    mine, theirs = hit.stored.panel.field_of_view_nm, answer.query.field_of_view_nm
    if state == "counted" and mine and theirs:
        compared = f"field of view {format_length(mine)} against the query's {format_length(theirs)}"
        return f"scale {format_number(hit.scored.scale)}: {compared} ({compare_widths(mine, theirs)})"
    if state == "counted":
        return f"scale {format_number(hit.scored.scale)}"
    if state == "not asked":
        known = "" if mine is None else f"; this panel is {format_length(mine)} wide"
        return f"scale: the query's is not known, so it says nothing{known}"
    told = "counted as 0, as asked for" if state == "counted as 0" else "left out, neither for nor against"
    return f"scale: none was read on this panel; {told}"


def _text_sentence(answer: Answer, hit: Hit, state: TermState) -> str:
    if state == "not asked":
        return "words: none were asked for"
    if not hit.scored.text:
        return f"words {format_number(hit.scored.text)}: none of them in caption, figure text or title"
    panel, article = hit.stored.panel, hit.stored.figure.article
    places = {
        "caption": panel.caption,
        "figure text": panel.text,
        "title": "" if article is None else (article.title or ""),
    }
    told = [
        f"{', '.join(words)} in the {place}"
        for place, text in places.items()
        if (words := matched_words(clean_text(text), answer.query.text))
    ]
    return f"words {format_number(hit.scored.text)}: {'; '.join(told) or 'found by their stems'}"


def _image_text_sentence(_answer: Answer, hit: Hit, _state: TermState) -> str:
    return f"words in the picture {format_number(hit.scored.image_text)}: how well they fit what it shows"


_SENTENCES = {
    "visual": _visual_sentence,
    "scale": _scale_sentence,
    "text": _text_sentence,
    "image_text": _image_text_sentence,
}
