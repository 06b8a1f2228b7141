"""Why a hit has its rank: its terms with their weights, what is missing, and a sentence for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mirsearch.corpus import Panel
from mirsearch.ranking import OPTIONAL_TERMS, TERMS
from mirsearch.report.highlights import matched_words
from mirsearch.report.sentences import match_figure
from mirsearch.report.wording import clean_text, format_length, format_number, scale_label
from mirsearch.search.answer import Answer, Hit

TermState = Literal["counted", "not asked", "unknown", "counted as 0"]
"""`unknown`: the question asks for the term, the panel lacks it, and the score leaves it out. `counted as 0`: the panel
lacks it, and the score counts that against the panel."""

_MATCHES = {"strong": "a strong match", "weak": "a weak match", "none": "no match"}
_SAME_MEANING, _RELATED = 0.5, 0.2
"""Least meaning terms of a text that says the same (three of four sentences of an article and the texts about the
figure that they speak of have more), and of one that is related."""
TERM_TITLES = {"visual": "Looks", "scale": "Scale", "text": "Words", "image_text": "Words in the picture",
               "meaning": "Meaning"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of a hit: value in [0, 1] or None, weight, share of the weights that counted, state, and a sentence."""

    term: str
    title: str
    value: float | None
    weight: float
    share: float
    state: TermState
    sentence: str

    @property
    def counts(self) -> bool:
        """Return whether the term is part of the score, be it as a 0."""
        return self.state in {"counted", "counted as 0"}

    @property
    def points(self) -> float:
        """What the term adds to the score."""
        return self.share * (self.value or 0.0)


def reasons(answer: Answer, hit: Hit) -> list[Reason]:
    """Return the terms of a hit in their order; those of OPTIONAL_TERMS if the question asked for them."""
    terms = [term for term in TERMS if term not in OPTIONAL_TERMS or getattr(hit.scored, term) is not None]
    states = {term: _term_state(answer, hit, term) for term in terms}
    weights = {term: answer.formula.weights.of(term) for term in terms}
    total = sum(weights[term] for term in terms if states[term].startswith("counted"))
    return [
        Reason(
            term,
            TERM_TITLES[term],
            getattr(hit.scored, term),
            weights[term],
            weights[term] / total if total > 0 and states[term].startswith("counted") else 0.0,
            states[term],
            _SENTENCES[term](answer, hit, states[term]),
        )
        for term in terms
    ]


def score_sentence(answer: Answer, hit: Hit, told: Sequence[Reason] | None = None) -> str:
    """Return the sum behind the score: "score 0.870 = (0.60 × 0.940 + 0.30 × 0.710) / 0.90".

    `told` are the hit's reasons, where they are known.
    """
    counted = [reason for reason in (reasons(answer, hit) if told is None else told) if reason.counts]
    if not counted:
        return f"score {format_number(hit.scored.score, 3)}"
    parts = " + ".join(f"{reason.weight:.2f} × {format_number(reason.value or 0.0, 3)}" for reason in counted)
    total = sum(reason.weight for reason in counted)
    return f"score {format_number(hit.scored.score, 3)} = ({parts}) / {total:.2f}"


def compare_widths(width: float, reference: float) -> str:
    """Return how wide `width` is beside `reference`, both > 0: "1.2 times as wide", "1/150 as wide", …"""
    ratio = width / reference
    if 0.98 < ratio < 1.02:
        return "the same width"
    if ratio < 0.1:
        return f"1/{1 / ratio:.0f} as wide"
    return f"{ratio:.2g} times as wide" if ratio < 99.5 else f"{ratio:.0f} times as wide"


def _term_state(answer: Answer, hit: Hit, term: str) -> TermState:
    query = answer.query
    if getattr(hit.scored, term) is not None:
        return "counted"
    in_query = {
        "visual": query.has_looks,
        "scale": query.field_of_view_nm is not None,
        "text": bool(query.text),
    }[term]
    if not in_query:
        return "not asked"
    return "counted as 0" if answer.formula.missing == "penalize" else "unknown"


def _visual_sentence(_answer: Answer, hit: Hit, state: TermState) -> str:
    if state == "not asked":
        return "looks: the question has no picture"
    if state != "counted":
        return "looks: not known for this panel"
    value, distance = format_number(hit.scored.visual), hit.scored.visual_distance
    if distance is None:
        return f"looks {value}"
    judged = f"; {_MATCHES[hit.match.word]}: {match_figure(hit.match)}" if hit.match else ""
    return f"looks {value}: visual distance {format_number(distance, 3)} ({_distance_note(distance)}){judged}"


def _distance_note(distance: float) -> str:
    if distance < 0.01:
        return "the same picture"
    return "0 the same, 1 unrelated"


def _scale_sentence(answer: Answer, hit: Hit, state: TermState) -> str:
    panel_nm, query_nm, doubt = hit.stored.panel.field_of_view_nm, answer.query.field_of_view_nm, ""
    if state == "counted" and panel_nm is None and hit.stored.panel.doubtful_scale is not None:
        panel_nm, doubt = hit.stored.panel.width * hit.stored.panel.doubtful_scale.nm_per_px, "?"
    if state == "counted" and panel_nm and query_nm:
        compared = f"field of view {format_length(panel_nm)}{doubt} against the query's {format_length(query_nm)}"
        return f"scale {format_number(hit.scored.scale)}: {compared} ({compare_widths(panel_nm, query_nm)})"
    if state == "counted":
        return f"scale {format_number(hit.scored.scale)}"
    if state == "not asked":
        known = "" if panel_nm is None else f"; this panel is {format_length(panel_nm)} wide"
        return f"scale: the query's is not known, so it doesn't count{known}"
    outcome = "counted as 0, as the question asks" if state == "counted as 0" else "left out of the score"
    return f"scale: {_missing_scale(hit.stored.panel)}; {outcome}"


def _missing_scale(panel: Panel) -> str:
    """Return why a panel has no scale that counts: a doubtful reading, a bar without a length, or nothing."""
    if panel.doubtful_scale is not None:
        return f"the reading of this panel is doubtful ({scale_label(panel)})"
    if panel.bar is not None:
        return f"this panel has a bar of {panel.bar.length_px:.1f} px whose length is unknown"
    return "none was read on this panel"


def _text_sentence(answer: Answer, hit: Hit, state: TermState) -> str:
    if state == "not asked":
        return "words: the question has none"
    if not hit.scored.text:
        return f"words {format_number(hit.scored.text)}: none of them in heading, caption, figure text or title"
    panel, article = hit.stored.panel, hit.stored.figure.article
    places = {
        "heading": panel.heading,
        "caption": panel.caption,
        "figure text": panel.text,
        "title": "" if article is None else (article.title or ""),
    }
    matches = [
        f"{', '.join(words)} in the {place}"
        for place, text in places.items()
        if (words := matched_words(clean_text(text), answer.query.text))
    ]
    return f"words {format_number(hit.scored.text)}: {'; '.join(matches) or 'found by their stems'}"


def _image_text_sentence(_answer: Answer, hit: Hit, _state: TermState) -> str:
    return f"words in the picture {format_number(hit.scored.image_text)}: how well they fit what it shows"


def _meaning_sentence(_answer: Answer, hit: Hit, _state: TermState) -> str:
    value = hit.scored.meaning or 0.0
    if value >= _SAME_MEANING:
        told = "says the same" if hit.scored.text else "says the same in other words"
    else:
        told = "says something related" if value >= _RELATED else "says something else"
    return f"meaning {format_number(value)}: the text about it {told}"


_SENTENCES = {
    "visual": _visual_sentence,
    "scale": _scale_sentence,
    "text": _text_sentence,
    "image_text": _image_text_sentence,
    "meaning": _meaning_sentence,
}
