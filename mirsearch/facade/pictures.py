"""What a notebook shows of answers, lists and figures: the cards of the answer page, with a style of their own."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from markupsafe import Markup
from PIL import Image

from mirsearch.corpus import Figure
from mirsearch.query import Pixels, ScoredPanel, StoredPanel
from mirsearch.ranking import Formula
from mirsearch.report.cards import article_card, hit_card, query_card
from mirsearch.report.page import answer_section, read_asset
from mirsearch.report.pictures import MAX_SHARP_PICTURES, PictureLoader
from mirsearch.report.rendering import embed_asset, render_partial
from mirsearch.report.sentences import query_sentence
from mirsearch.report.views import HitCard
from mirsearch.report.wording import clean_text
from mirsearch.search.answer import Answer, Hit, QueryView
from mirsearch.settings import LIMITS

MAX_SHOWN = 24
"""Most cards of one output: a notebook keeps every output in its file."""
_SHARP = min(12, MAX_SHARP_PICTURES)
"""Most hits of an output whose pictures are cut from the original files."""
_SIDE = 480
"""Longer side, in px, of a picture in a notebook."""
_FIGURE_SIDE = 1000
"""Longer side, in px, of a figure in a notebook."""
_WHOLE_PAGE = re.compile(r"^( *)(?::root|html|body) \{", re.MULTILINE)
"""Selectors of the page's style that mean the whole document. In an output, they mean its element."""
_OWN_STYLE = "& { padding: 0 16px 10px; border-radius: 9px; }\n.figure img { max-width: 100%; margin: 10px 0; }"


def answer_html(answer: Answer) -> str:
    """Return an answer with the question and its hits."""
    pictures = PictureLoader(_SIDE)
    shown = answer.hits[:MAX_SHOWN]
    originals = len(shown) <= _SHARP
    cards = tuple(
        hit_card(answer, hit, pictures.panel_picture(hit.stored, hit.thumbnail, originals=originals)) for hit in shown
    )
    more = [pictures.query_picture(image) for image in answer.query.images[1:]]
    question = query_card(answer, pictures.query_picture(answer.query), more)
    section = answer_section(answer, query_sentence(answer.query), cards, question)
    return _output(render_partial("answer", section), _cut(len(shown), len(answer.hits)))


def panels_html(panels: Sequence[tuple[StoredPanel, bytes | None]], total: int | None = None) -> str:
    """Return the cards of panels with their small pictures; `total`: how many there are in all."""
    return _output(_cards(panels), _cut(min(len(panels), MAX_SHOWN), len(panels) if total is None else total))


def _panel_card(stored: StoredPanel, pictures: PictureLoader, small: bytes | None, number: int) -> HitCard:
    """Return the card of a panel that is no hit of a question."""
    hit = Hit(number, ScoredPanel(stored.panel.id, 0.0), stored, small)
    asked = Answer(QueryView(), (hit,), True, 1, 0.0, Formula())
    return replace(
        hit_card(asked, hit, pictures.panel_picture(stored, small, originals=False)), reasons=(), explanation=()
    )


def figure_html(figure: Figure, drawing: Pixels | None, panels: Sequence[tuple[StoredPanel, bytes | None]]) -> str:
    """Return a figure with what was read outlined (None: its file is gone or changed), its caption and its panels."""
    values = {
        "label": clean_text(figure.label, 60) or "Figure",
        "address": "" if drawing is None else _data_url(drawing),
        "caption": clean_text(figure.caption, LIMITS.caption_chars),
        "permission": clean_text(figure.permission_note, LIMITS.field_chars),
        "note": "the file is gone, or has other content now: these are the small pictures of the index"
        if drawing is None
        else "",
    }
    shown = render_partial("figure_card", values, article_card(figure.article), figure.id)
    return _output(shown + _cards(panels), _cut(min(len(panels), MAX_SHOWN), len(panels)))


def _cards(panels: Sequence[tuple[StoredPanel, bytes | None]]) -> str:
    pictures = PictureLoader(_SIDE)
    cards = [_panel_card(stored, pictures, small, at) for at, (stored, small) in enumerate(panels[:MAX_SHOWN], 1)]
    return f'<ol class="hits">{"".join(render_partial("card", card) for card in cards)}</ol>'


def _output(content: str, note: str) -> str:
    """Return markup, made by the templates, with its style. Nothing is loaded, and the notebook's own style stays."""
    return render_partial("notebook", embed_asset("style", _style()), Markup(content), note)  # noqa: S704


@lru_cache(maxsize=1)
def _style() -> str:
    """Return the style of the page, for one element and what is in it."""
    style = _WHOLE_PAGE.sub(r"\1& {", read_asset("page.css"))
    return f".mirsearch-output {{\n{style}\n{_OWN_STYLE}\n}}"


def _cut(shown: int, total: int) -> str:
    return f"the first {shown} of {total:,} are shown" if shown < total else ""


def _data_url(pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((_FIGURE_SIDE, _FIGURE_SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
