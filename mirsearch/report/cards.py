"""Make the cards of the page, of the query and of each hit, from an answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mirsearch.corpus import Article, Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import ScoredPanel, StoredPanel
from mirsearch.readers.selection import split_location
from mirsearch.report.framing import figure_map, frame_picture
from mirsearch.report.highlights import split_at_matches
from mirsearch.report.legend import MEANINGS
from mirsearch.report.pictures import Picture
from mirsearch.report.reasons import Reason, reasons, score_sentence
from mirsearch.report.sentences import (
    filter_phrases,
    left_out_phrases,
    marks_phrase,
    others_sentence,
    parts_sentence,
    repeats_sentence,
)
from mirsearch.report.views import ArticleCard, Fact, FramedPicture, HitCard, QueryCard, TextPart
from mirsearch.report.wording import (
    article_link,
    article_title,
    byline,
    clean_text,
    figure_name,
    format_length,
    format_number,
    has_lone_bar,
    license_link,
    license_name,
    panel_heading,
    reading_sentence,
    scale_label,
    scale_remedy,
    scale_sentence,
    venue,
)
from mirsearch.search.answer import Answer, Hit, QueryImage, QueryView
from mirsearch.settings import LIMITS

MAX_OTHERS = 30
"""Most further hits of an article that a card lists."""


def query_card(answer: Answer, picture: Picture | None, more: Sequence[Picture | None] = ()) -> QueryCard:
    """Return the card of the question: the picture used, the words, the scale and the filters.

    `more` are the pictures of the other images, where the question has several.
    """
    query = answer.query
    framed, name = None, ""
    if query.image is not None or query.like is not None or picture is not None:
        first = query.images[0] if query.images else _only_image(query)
        framed, name = _query_frame(query, first, picture)
    others = tuple(_query_frame(query, image, shown) for image, shown in zip(query.images[1:], more, strict=False))
    facts = []
    if query.field_of_view_nm is not None:
        facts.append(Fact("mean view" if others else "field of view", format_length(query.field_of_view_nm)))
    if query.scale is not None:
        facts.append(Fact("scale", reading_sentence(query.scale)))
    if marks_phrase(query):
        facts.append(Fact("marks", marks_phrase(query)))
    facts += [
        Fact("filter", phrase) for phrase in (*filter_phrases(query.filters, query.text), *left_out_phrases(query))
    ]
    return QueryCard(framed, name, query.text or "", tuple(facts), others)


def _only_image(query: QueryView) -> QueryImage:
    image = query.image or query.like or ""
    box = query.box or (0, 0, 0, 0)
    return QueryImage(image, query.panel, box, query.scale, query.field_of_view_nm, query.pixels)


def _query_frame(query: QueryView, image: QueryImage, picture: Picture | None) -> tuple[FramedPicture, str]:
    """Return a picture of the question in its frame, and what stands under it."""
    name = clean_text(image.image, 200).replace("\\", "/").rsplit("/", 1)[-1]
    framed = frame_picture(picture, _query_nm_per_px(image, picture), f"Query picture {name}", "scale not used")
    if query.like is not None:
        return framed, f"Like {name}"
    return framed, f"{name}, panel {clean_text(image.panel, 8)}" if image.panel else name


def _query_nm_per_px(image: QueryImage, picture: Picture | None) -> float | None:
    if image.scale is not None:
        return image.scale.nm_per_px
    if image.field_of_view_nm is not None and picture is not None:
        return image.field_of_view_nm / picture.width
    return None


def hit_card(answer: Answer, hit: Hit, picture: Picture | None) -> HitCard:
    """Return the card of a hit with everything a person needs to judge it."""
    panel, figure = hit.stored.panel, hit.stored.figure
    name, told = figure_name(figure, panel), tuple(reasons(answer, hit))
    nm_per_px = None if panel.scale is None else panel.scale.nm_per_px
    caption = clean_text(panel.caption or figure.caption, LIMITS.caption_chars)
    return HitCard(
        rank=hit.rank,
        name=name,
        score=hit.scored.score,
        heading=panel_heading(panel),
        badges=_badges(panel),
        picture=frame_picture(
            picture,
            nm_per_px,
            _describe_hit(hit, name),
            _no_scale(panel),
            figure_map(figure, panel, [stored.panel for _, stored in hit.parts]),
        ),
        reasons=told,
        facts=_hit_facts(hit),
        caption=tuple(TextPart(text, matched) for text, matched in split_at_matches(caption, answer.query.text)),
        parts=parts_sentence(hit),
        repeats=repeats_sentence(hit),
        others_title=others_sentence(hit),
        others=tuple(_other_line(scored, stored) for scored, stored in hit.others[:MAX_OTHERS]),
        article=article_card(figure.article),
        permission=clean_text(figure.permission_note, LIMITS.field_chars),
        explanation=_explanation(answer, hit, told),
        panel_id=panel.id,
        box=", ".join(map(str, panel.box)),
        image=clean_text(split_location(figure.image or "")[0], 300),
        field_of_view_nm=panel.field_of_view_nm,
        year=figure.article.year if figure.article else None,
    )


def _other_line(scored: ScoredPanel, stored: StoredPanel) -> str:
    """Return another hit of the same article in one line: "Fig. 3a · DAPI  0.812"."""
    name = " · ".join(filter(None, (figure_name(stored.figure, stored.panel), panel_heading(stored.panel, 32))))
    return f"{name}, {format_number(scored.score, 3)} ({stored.panel.id})"


def _describe_hit(hit: Hit, name: str) -> str:
    """Return the hit in words for those who don't see the picture."""
    panel = hit.stored.panel
    view = panel.field_of_view_nm
    width = "scale not known" if view is None else f"{format_length(view)} across"
    return clean_text(
        ", ".join(
            filter(
                None,
                (
                    f"Hit {hit.rank}: {name}",
                    panel_heading(panel),
                    known_technique(panel) or panel.kind,
                    width,
                    clean_text(panel.caption, 120),
                ),
            )
        )
    )


def _no_scale(panel: Panel) -> str:
    """Return what stands in place of the ruler where the panel has no scale."""
    if panel.doubtful_scale is not None:
        return f"scale doubtful: {scale_label(panel)}"
    return scale_sentence(panel) if has_lone_bar(panel) else "scale not known"


def _badges(panel: Panel) -> tuple[str, ...]:
    kinds = (known_technique(panel), panel.kind)
    return tuple(clean_text(kind, 24) for kind in kinds if kind and kind != "unknown")


def _hit_facts(hit: Hit) -> tuple[Fact, ...]:
    panel: Panel = hit.stored.panel
    facts = {"s": scale_label(panel), "view": format_length(panel.field_of_view_nm)}
    if hit.scored.visual_distance is not None:
        facts["vd"] = format_number(hit.scored.visual_distance, 3)
    return tuple(Fact(name, value, MEANINGS[name].full) for name, value in facts.items())


@lru_cache(maxsize=1024)
def article_card(article: Article | None) -> ArticleCard | None:
    """Return the card of an article, or None without one."""
    if article is None:
        return None
    return ArticleCard(
        title=article_title(article, LIMITS.field_chars),
        link=article_link(article),
        source=", ".join(part for part in (byline(article), venue(article, 80)) if part),
        license=license_name(article.license),
        license_text=article.license or "",
        license_link=license_link(article),
        retracted=article.retracted,
    )


def _explanation(answer: Answer, hit: Hit, told: Sequence[Reason]) -> tuple[str, ...]:
    sentences = [reason.sentence for reason in told]
    sentences.append(score_sentence(answer, hit, told))
    panel = hit.stored.panel
    if panel.scale is not None or panel.doubtful_scale is not None or panel.bar is not None:
        sentences += [f"scale bar: {scale_sentence(panel).removeprefix('bar ')}", scale_remedy(panel)]
    return tuple(filter(None, sentences))
