"""Answers as one HTML file that needs nothing else: no request leaves it, and its policy allows none."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from mirsearch import __version__
from mirsearch.errors import MirsearchError
from mirsearch.ranking import TERMS
from mirsearch.report.cards import hit_card, query_card
from mirsearch.report.markup import Markup, el, raw
from mirsearch.report.pictures import MIN_MANY_PICTURES, PictureLoader
from mirsearch.report.sentences import outcome_sentence, query_sentence
from mirsearch.report.wording import clean_text
from mirsearch.search.answer import Answer

_SORTS = (
    ("rank", "score"),
    ("visual", "looks"),
    ("scale", "scale"),
    ("text", "words"),
    ("image_text", "words in the picture"),
    ("fov", "field of view"),
    ("year", "year, newest first"),
)
MAX_HITS = 500
"""Hits of an answer that a page shows: no one looks at more, and a browser must still open it."""
_FORMULA = (
    "score = Σ weight × term / Σ weight over the terms that query and panel both have. "
    "Looks: 1 − vd/2, vd the cosine distance of the two pictures' vectors. "
    "Scale: 1 where both show the same field of view, 0.61 at {factor:.1f} times as wide or narrow. "
    "Words: BM25/(BM25 + {k:g})."
)


def write_page(answers: Answer | Sequence[Answer], path: Path | str, titles: Sequence[str] | None = None) -> None:
    """Write the page of one answer or several; MirsearchError where the file can't be written."""
    given = [answers] if isinstance(answers, Answer) else list(answers)
    try:
        Path(path).write_text(page_html(given, titles), encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise MirsearchError(
            f"{path}: can't write the page: {cause}", "give a path in a folder you may write to"
        ) from error


def page_html(answers: Sequence[Answer], titles: Sequence[str] | None = None) -> str:
    """The whole document. `titles` stand over the answers, in order; the question itself where there are none."""
    headings = [clean_text(title, 200) for title in titles or ()]
    headings += [query_sentence(answer.query) for answer in answers[len(headings) :]]
    many = sum(len(answer.hits) for answer in answers) > MIN_MANY_PICTURES
    pictures = PictureLoader()
    sections = [
        _section(number, heading, answer, pictures, originals=not many)
        for number, (heading, answer) in enumerate(zip(headings, answers, strict=False), start=1)
    ]
    style, script = _asset("page.css"), _asset("page.js")
    title = headings[0] if len(headings) == 1 else f"{len(headings)} questions"
    head = el(
        "head",
        {},
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(style, script)}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("meta", {"name": "referrer", "content": "no-referrer"}),
        el("meta", {"name": "generator", "content": f"mirsearch {__version__}"}),
        el("link", {"rel": "icon", "href": "data:,"}),
        el("title", {}, f"{title} – mirsearch"),
        raw("style", style),
    )
    body = el("body", {}, _top(headings), el("main", {}, *sections), _dialog(), _bottom(answers), raw("script", script))
    return "<!doctype html>\n" + el("html", {"lang": "en"}, head, body) + "\n"


def _section(number: int, heading: str, answer: Answer, pictures: PictureLoader, originals: bool) -> Markup:
    cards = [
        hit_card(answer, hit, pictures.of_panel(hit.stored, hit.thumbnail, originals=originals))
        for hit in answer.hits[:MAX_HITS]
    ]
    told = list(answer.notes)
    if len(answer.hits) > MAX_HITS:
        told.append(f"the first {MAX_HITS} of {len(answer.hits):,} hits are shown")
    notes = [el("li", {}, clean_text(note, 1000)) for note in told]
    hits = el("ol", {"class": "hits"}, *cards) if cards else el("p", {"class": "empty"}, "No panel was found.")
    return el(
        "section",
        {"class": "answer", "id": f"q{number}", "aria-label": heading},
        el("h2", {}, heading),
        el("p", {"class": "outcome"}, outcome_sentence(answer)),
        el("ul", {"class": "notes"}, *notes) if notes else None,
        _controls(number, answer) if cards else None,
        el("div", {"class": "split"}, query_card(answer, pictures.of_query(answer.query)), hits),
    )


def _controls(number: int, answer: Answer) -> Markup:
    """Buttons and fields that the script brings to life; hidden where scripts don't run."""
    terms = {name for name in TERMS if any(getattr(h.scored, name) is not None for h in answer.hits)}
    options = [
        el("option", {"value": key}, text) for key, text in _SORTS if key in terms or key in {"rank", "fov", "year"}
    ]
    same = el("label", {"class": "check"}, el("input", {"type": "checkbox", "class": "same"}), "Same physical scale")
    slider: dict[str, object] = {
        "type": "range",
        "class": "width",
        "min": 0,
        "max": 1000,
        "value": 500,
        "disabled": True,
    }
    zoom = el("label", {"class": "zoomer"}, el("span", {}, "Frame"), el("input", slider), el("output", {}))
    sort = el("label", {}, "Sort by ", el("select", {"class": "sort"}, *options))
    known = el("label", {"class": "check"}, el("input", {"type": "checkbox", "class": "known"}), "Only with a scale")
    words: dict[str, object] = {
        "type": "search",
        "class": "words",
        "placeholder": "Filter hits",
        "aria-label": "Filter hits",
    }
    status = el("span", {"class": "status", "role": "status", "aria-live": "polite"})
    attributes: dict[str, object] = {"class": "controls", "hidden": True, "data-fov": answer.query.field_of_view_nm}
    return el("form", attributes | {"aria-label": f"View of answer {number}"}, same, zoom, sort, known,
              el("input", words), status)  # fmt: skip


def _top(headings: Sequence[str]) -> Markup:
    links = [el("li", {}, el("a", {"href": f"#q{at}"}, text)) for at, text in enumerate(headings, start=1)]
    contents = el("nav", {"aria-label": "Questions"}, el("ol", {}, *links)) if len(links) > 1 else None
    mark = el("span", {"class": "mark"}, "mirsearch")
    return el("header", {"class": "top"}, el("p", {}, mark, " microscopy figures by looks, scale and words"), contents)


def _dialog() -> Markup:
    """Query and hit side by side, large; filled by the script."""
    buttons = (
        el("button", {"type": "button", "class": "previous", "aria-label": "Previous hit"}, "←"),
        el("button", {"type": "button", "class": "next", "aria-label": "Next hit"}, "→"),
        el("label", {"class": "check"}, el("input", {"type": "checkbox", "class": "same"}), "Same physical scale"),
        el("button", {"type": "button", "class": "close", "aria-label": "Close"}, "Close"),
    )
    sides = el("div", {"class": "sides"}, el("div", {"class": "side left"}), el("div", {"class": "side right"}))
    return el(
        "dialog", {"class": "compare", "aria-label": "Query and hit"}, el("div", {"class": "buttons"}, *buttons), sides
    )


def _bottom(answers: Sequence[Answer]) -> Markup:
    told: list[str | None] = []
    if answers:
        formula = answers[0].formula
        told.append(el("p", {}, _FORMULA.format(factor=10**formula.sigma, k=formula.text_k)))
    told.append(el("p", {}, "Rulers under the pictures are drawn from each panel's own scale reading. Pictures belong "
                   "to their articles; the license of each stands beside it."))  # fmt: skip
    told.append(el("p", {}, f"mirsearch {__version__}"))
    return el("footer", {}, *told)


def _asset(name: str) -> str:
    return (files("mirsearch.report") / "assets" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing but data: pictures and this very style and script; CSP level 3 hashes."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    sources = [f"style-src 'sha256-{hashes[0]}'", f"script-src 'sha256-{hashes[1]}'", "img-src data:"]
    return "; ".join(["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'"])
