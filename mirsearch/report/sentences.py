"""A question and its outcome in one line each."""

from __future__ import annotations

from pathlib import PurePath

from mirsearch.field_filters import ANY, FieldFilter
from mirsearch.query import Filters
from mirsearch.report.wording import clean_text, figure_name, format_length, more_parts
from mirsearch.search.answer import Answer, Hit, Match, QueryView
from mirsearch.search.search import IMAGE_KINDS


def query_sentence(query: QueryView) -> str:
    """Return the question in words: "Looks like fibres.png, panel b, 2 µm across, words “nanotube”; only TEM"."""
    parts = []
    if query.like is not None:
        parts.append(f"Like panel {clean_text(query.like, 60)}")
    elif query.image is not None:
        names = [_image_name(image.image) for image in query.images] or [_image_name(query.image)]
        several = len(names) > 1
        parts.append(f"Looks like {', '.join(names[:-1])} and {names[-1]}" if several else f"Looks like {names[0]}")
    if len(query.images) > 1:
        pass  # each has a part and a scale of its own
    elif parts and query.panel is not None and query.like is None:
        parts[0] += f", panel {clean_text(query.panel, 8)}"
    elif parts and query.like is None and query.box is not None and any(query.box[:2]):
        parts[0] += f", part {','.join(str(edge) for edge in query.box)}"
    if query.field_of_view_nm is not None:
        parts.append(f"{format_length(query.field_of_view_nm)} across")
    if query.text:
        parts.append(f"words “{clean_text(query.text, 200)}”")
    if marks_phrase(query):
        parts.append(marks_phrase(query))
    sentence = "; ".join(
        [", ".join(parts) or "Everything", *filter_phrases(query.filters, query.text), *left_out_phrases(query)]
    )
    return sentence[:1].upper() + sentence[1:]


def marks_phrase(query: QueryView) -> str:
    """Return how many panels were marked: "from 3 alike, 2 not"; empty if none were."""
    if not query.alike:
        return f"from {len(query.not_alike)} not alike" if query.not_alike else ""
    not_alike = f", {len(query.not_alike)} not" if query.not_alike else ""
    return f"from {len(query.alike)} alike{not_alike}"


def _image_name(image: str) -> str:
    """Return the name of an image file without its folders, in at most 60 characters."""
    return clean_text(PurePath(image.replace("\\", "/")).name, 60) or clean_text(image, 60)


def left_out_phrases(query: QueryView) -> list[str]:
    """Return what the question leaves out, in words, a phrase for each."""
    phrases = [f"without {clean_text(article, 60)}" for article in query.not_articles]
    phrases += [] if query.min_score is None else [f"scores from {query.min_score:g}"]
    return [*phrases, "hits unlike each other"] if query.diverse else phrases


def filter_phrases(filters: Filters, asked: str | None = None) -> list[str]:
    """Return the filters in words, a phrase for each. `asked` are the words of the question, which are told already."""
    # A question with an image always leaves out plots and drawings: that is no filter of the user's.
    kinds = () if set(filters.kinds) == set(IMAGE_KINDS) else filters.kinds
    phrases = [
        f"only {' or '.join(clean_text(word, 60) for word in words)}"
        for words in (kinds, filters.techniques, filters.journals, filters.licenses, filters.articles)
        if words
    ]
    if filters.text:
        words = "these words" if filters.text == asked else f"the words “{clean_text(filters.text, 60)}”"
        phrases.append(f"only panels with {words}")
    if filters.label_text:
        phrases.append(f"figure text with “{clean_text(filters.label_text, 60)}”")
    if filters.year_from is not None or filters.year_to is not None:
        phrases.append(f"years {_range_phrase(filters.year_from, filters.year_to)}")
    phrases += [_field_phrase(field) for field in filters.fields]
    if filters.retracted:
        phrases.append("only retracted articles")
    if filters.has_scale is not None:
        phrases.append("only with a scale" if filters.has_scale else "only without a scale")
    if filters.fov_min_nm is not None or filters.fov_max_nm is not None:
        ends = [None if end is None else format_length(end) for end in (filters.fov_min_nm, filters.fov_max_nm)]
        phrases.append(f"fields of view {_range_phrase(*ends)}")
    return phrases


def _field_phrase(field: FieldFilter) -> str:
    """Return a condition on a single field: "only scale source caption", "only figure width from 500"."""
    name = field.name.replace(".", " ").replace("_", " ")
    words = ["any" if value == ANY else clean_text(value, 60) for value in field.values]
    ranges = [
        _range_phrase(*(None if bound is None else f"{bound:g}" for bound in (low, high))) for low, high in field.ranges
    ]
    return f"only {name} {' or '.join([*words, *ranges])}"


def outcome_sentence(answer: Answer) -> str:
    """Return the number of hits and panels, whether the answer is exact, its time, and the weights that counted."""
    hits = "1 hit" if len(answer.hits) == 1 else f"{len(answer.hits)} hits"
    exact = "exact" if answer.exact else "not exact: a better hit may be missing"
    outcome = (
        f"{hits} of {answer.considered:,} panels scored, {exact}, {answer.took_ms:.0f} ms; {_weights_phrase(answer)}"
    )
    return "; ".join(filter(None, (outcome, match_phrase(answer))))


def match_phrase(answer: Answer) -> str:
    """Return how much the best look says, with the figure behind it; empty if it is not judged.

    Where words or the scale rank too, or panels are left out, one that looks more like the picture may be no hit.
    """
    match = answer.match
    if match is None:
        return ""
    nothing = nothing_phrase(answer)
    return f"best match by looks: {match.word}{f': {nothing}' if nothing else ''} ({match_figure(match)})"


def nothing_phrase(answer: Answer) -> str:
    """Return that nothing looks like the picture that was asked with; empty if something may, or it is not judged."""
    match, query = answer.match, answer.query
    if match is None or match.word != "none":
        return ""
    others = (query.text, query.field_of_view_nm, *filter_phrases(query.filters), *left_out_phrases(query))
    return "no hit looks like it" if any(others) else "the corpus has nothing like it"


def match_figure(match: Match) -> str:
    """Return the figure behind the word of a match: "93 of 100 such hits show the same kind of thing"."""
    share = min(max(round(100 * match.probability), 1), 99)
    return f"about {share} of 100 such hits show the same kind of thing"


def _weights_phrase(answer: Answer) -> str:
    query, weights = answer.query, answer.formula.weights
    has_image_text = any(hit.scored.image_text is not None for hit in answer.hits)
    has_meaning = any(hit.scored.meaning is not None for hit in answer.hits)
    is_weighed = {
        f"looks {weights.visual:g}": query.has_looks,
        f"scale {weights.scale:g}": query.field_of_view_nm is not None,
        f"words {weights.text:g}": bool(query.text),
        f"words in pictures {weights.of('image_text'):g}": has_image_text,
        f"meaning {weights.of('meaning'):.2g}": has_meaning,
    }
    terms = [text for text, present in is_weighed.items() if present]
    return f"weights: {', '.join(terms)}" if len(terms) > 1 else f"by {(terms or ['nothing'])[0].split()[0]} alone"


def _range_phrase(low: object, high: object) -> str:
    if low is None:
        return f"up to {high}"
    return f"from {low}" if high is None else f"{low} to {high}"


def repeats_sentence(hit: Hit) -> str:
    """Return where else the article shows the hit's picture: "also in Fig. 5c, Fig. S2"; empty if nowhere."""
    names = dict.fromkeys(figure_name(stored.figure, stored.panel) for stored in hit.repeats)
    return f"also in {', '.join(names)}" if names else ""


def others_sentence(hit: Hit) -> str:
    """Return how many more hits the hit's article has: "and 4 more of this article"; empty if none."""
    return f"and {len(hit.others)} more of this article" if hit.others else ""


def folded_note(answer: Answer) -> str:
    """Return how to see what was folded into the last hit of an article; empty if nothing was."""
    if not any(hit.others for hit in answer.hits):
        return ""
    most = answer.query.per_article
    return f"at most {most} of an article: --per-article 0 shows all hits"


def parts_sentence(hit: Hit) -> str:
    """Return how many more images of the hit's letter were found: "and 3 more of Fig. 2b"; empty if none."""
    return more_parts(hit.stored.figure, hit.stored.panel, hit.more)
