"""Answers as one HTML file that needs nothing else: no request leaves it, and its policy allows none."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from mirsearch import __version__
from mirsearch.errors import MirsearchError
from mirsearch.files.partial import write_output
from mirsearch.ranking import TERMS
from mirsearch.report.cards import hit_card, query_card
from mirsearch.report.legend import scale_marks
from mirsearch.report.pictures import MAX_SHARP_PICTURES, PictureLoader
from mirsearch.report.sentences import folded_note, outcome_sentence, query_sentence
from mirsearch.report.views import AnswerSection, Fact, HitCard, Page, QueryCard, SortOption
from mirsearch.report.wording import clean_text
from mirsearch.search.answer import Answer

_SORT_OPTIONS = (
    SortOption("rank", "score"),
    SortOption("visual", "looks"),
    SortOption("scale", "scale"),
    SortOption("text", "words"),
    SortOption("image_text", "words in the picture"),
    SortOption("meaning", "meaning of the words"),
    SortOption("fov", "field of view"),
    SortOption("year", "year, newest first"),
)
MAX_HITS = 500
"""Hits of an answer that a page shows: no one looks at more, and a browser must still open it."""
_FORMULA = (
    "score = Σ weight × term / Σ weight, over the terms that query and panel both have. "
    "Looks: 1 − vd/2, where vd is the cosine distance between the vectors of the two pictures. "
    "Scale: 1 where both show the same field of view, 0.61 at {factor:.1f} times as wide or narrow. "
    "Words: BM25/(BM25 + {k:g})."
)


def write_page(answers: Answer | Sequence[Answer], path: Path | str, titles: Sequence[str] | None = None) -> None:
    """Write the page of one answer or several; MirsearchError where the file can't be written."""
    sequence = [answers] if isinstance(answers, Answer) else list(answers)
    try:
        with write_output(Path(path)) as part:
            part.write_text(page_html(sequence, titles), encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise MirsearchError(
            f"{path}: can't write the page: {cause}", "give a path in a folder you may write to"
        ) from error


def page_html(answers: Sequence[Answer], titles: Sequence[str] | None = None) -> str:
    """Return the document. `titles` stand over the answers, in order; an answer without one has its question there."""
    from mirsearch.report.rendering import embed_asset, render_page  # loads Jinja2, which only a page needs

    style, script = read_asset("page.css"), read_asset("page.js")
    return render_page(
        page=_make_page(answers, titles or ()),
        policy=content_policy(style, script),
        style=embed_asset("style", style),
        script=embed_asset("script", script),
    )


def _make_page(answers: Sequence[Answer], titles: Sequence[str]) -> Page:
    headings = [clean_text(title, 200) for title in titles]
    headings += [query_sentence(answer.query) for answer in answers[len(headings) :]]
    many = sum(len(answer.hits) for answer in answers) > MAX_SHARP_PICTURES
    pictures = PictureLoader()
    sections = tuple(
        _answer_section(number, heading, answer, pictures, originals=not many)
        for number, (heading, answer) in enumerate(zip(headings, answers, strict=False), start=1)
    )
    title = headings[0] if len(headings) == 1 else f"{len(headings)} questions"
    return Page(title, sections, score_formula(answers[0]) if answers else "", __version__)


def _answer_section(
    number: int, heading: str, answer: Answer, pictures: PictureLoader, originals: bool
) -> AnswerSection:
    hits = tuple(
        hit_card(answer, hit, pictures.panel_picture(hit.stored, hit.thumbnail, originals=originals))
        for hit in answer.hits[:MAX_HITS]
    )
    section = answer_section(answer, heading, hits, _query_card(answer, pictures), number)
    if len(answer.hits) <= MAX_HITS:
        return section
    cut = f"the first {MAX_HITS} of {len(answer.hits):,} hits are shown"
    return replace(section, notes=(*section.notes, cut))


def _query_card(answer: Answer, pictures: PictureLoader) -> QueryCard:
    more = [pictures.query_picture(image) for image in answer.query.images[1:]]
    return query_card(answer, pictures.query_picture(answer.query), more)


def answer_section(
    answer: Answer, heading: str, hits: tuple[HitCard, ...], query: QueryCard, number: int = 1
) -> AnswerSection:
    """Return what the template of an answer shows, with the cards of some of its hits and of its query."""
    return AnswerSection(
        number=number,
        heading=heading,
        outcome=outcome_sentence(answer),
        notes=tuple(clean_text(note, 1000) for note in (*answer.notes, folded_note(answer)) if note),
        legend=_legend(answer, hits),
        query=query,
        hits=hits,
        sort_options=_sort_options(answer),
        field_of_view_nm=answer.query.field_of_view_nm,
    )


def score_formula(answer: Answer) -> str:
    """Return in words how the scores of an answer are computed."""
    return _FORMULA.format(factor=10**answer.formula.sigma, k=answer.formula.text_k)


def _legend(answer: Answer, hits: Sequence[HitCard]) -> tuple[Fact, ...]:
    """Return the facts of the cards that need an explanation, each name once, and the marks of scale labels."""
    facts = {fact.name: fact for hit in hits for fact in hit.facts if fact.meaning}
    marks = scale_marks((hit.stored.panel for hit in answer.hits[:MAX_HITS]), answer.query.filters.doubtful)
    return (*facts.values(), *(Fact(name, "", meaning) for name, meaning in marks.items()))


def _sort_options(answer: Answer) -> tuple[SortOption, ...]:
    """Return the orders that make sense: those by a term only where a hit has it."""
    keys = {term for term in TERMS if any(getattr(hit.scored, term) is not None for hit in answer.hits)}
    return tuple(option for option in _SORT_OPTIONS if option.key in keys | {"rank", "fov", "year"})


def read_asset(name: str) -> str:
    """Return the text of a file of the assets."""
    return (files("mirsearch.report") / "assets" / name).read_text(encoding="utf-8")


def content_policy(style: str, script: str) -> str:
    """Return a policy that allows data URLs for pictures, this style and this script (hashes of CSP level 3) alone."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    sources = [f"style-src 'sha256-{hashes[0]}'", f"script-src 'sha256-{hashes[1]}'", "img-src data:"]
    return "; ".join(["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'"])
