"""One hit, and the query, as parts of the page."""

from __future__ import annotations

from mirsearch.corpus import Article, Panel
from mirsearch.report.framing import scene
from mirsearch.report.highlights import split_at_matches
from mirsearch.report.markup import Markup, el, escape, join
from mirsearch.report.pictures import Picture
from mirsearch.report.reasons import Reason, reasons, score_sentence
from mirsearch.report.sentences import filter_phrases, repeats_sentence
from mirsearch.report.wording import (
    article_link,
    article_title,
    byline,
    clean_text,
    figure_name,
    format_length,
    format_number,
    license_link,
    license_name,
    reading_sentence,
    scale_label,
    venue,
)
from mirsearch.search.answer import Answer, Hit
from mirsearch.settings import LIMITS

_STATES = {"not asked": "not asked", "unknown": "not known", "counted as 0": "not known: 0"}


def query_card(answer: Answer, picture: Picture | None) -> Markup:
    """What was asked: the picture used, the words, the scale and the filters."""
    query = answer.query
    parts: list[str | None] = [el("h3", {}, "Query")]
    if query.image is not None or query.like is not None or picture is not None:
        nm_per_px = _query_nm_per_px(answer, picture)
        named = (
            clean_text(query.image, 200).replace("\\", "/").rsplit("/", 1)[-1]
            if query.image
            else clean_text(query.like, 60)
        )
        parts.append(
            el("div", {"class": "frame"}, scene(picture, nm_per_px, f"Query picture {named}", "scale not used"))
        )
        panel = f", panel {clean_text(query.panel, 8)}" if query.panel and not query.like else ""
        parts.append(el("p", {"class": "name"}, ("Like " if query.like else "") + named + panel))
    if query.text:
        parts.append(el("p", {"class": "asked"}, el("q", {}, query.text)))
    facts = [("field of view", format_length(query.field_of_view_nm))] if query.field_of_view_nm is not None else []
    if query.scale is not None:
        facts.append(("scale", reading_sentence(query.scale)))
    facts += [("filter", phrase) for phrase in filter_phrases(query.filters)]
    parts.append(_facts(facts))
    return el("aside", {"class": "query", "aria-label": "Query"}, *parts)


def _query_nm_per_px(answer: Answer, picture: Picture | None) -> float | None:
    query = answer.query
    if query.scale is not None:
        return query.scale.nm_per_px
    if query.field_of_view_nm is not None and picture is not None:
        return query.field_of_view_nm / picture.width
    return None


def hit_card(answer: Answer, hit: Hit, picture: Picture | None) -> Markup:
    """One hit with everything a person needs to judge it."""
    panel, figure = hit.stored.panel, hit.stored.figure
    name = figure_name(figure, panel)
    told = reasons(answer, hit)
    attributes: dict[str, object] = {"class": "hit", "data-rank": hit.rank, "data-fov": panel.field_of_view_nm}
    attributes |= {f"data-{reason.term}": reason.value for reason in told}
    attributes["data-year"] = figure.article.year if figure.article else None
    nm_per_px = None if panel.scale is None else panel.scale.nm_per_px
    return el(
        "li",
        attributes,
        el("div", {"class": "frame"}, scene(picture, nm_per_px, _description(hit, name))),
        el("div", {"class": "body"}, _head(hit, name, panel), _terms(told), _card_facts(hit), _caption(answer, hit)),
        _also(hit),
        el("div", {"class": "foot"}, _article(figure.article, figure.permission_note), _why(answer, hit, told)),
    )


def _description(hit: Hit, name: str) -> str:
    panel = hit.stored.panel
    view = panel.field_of_view_nm
    told = [f"Hit {hit.rank}: {name}", panel.technique or panel.kind]
    told.append("scale not known" if view is None else f"{format_length(view)} across")
    return clean_text(", ".join([*told, clean_text(panel.caption, 120)]))


def _head(hit: Hit, name: str, panel: Panel) -> Markup:
    kinds = [word for word in (panel.technique, panel.kind) if word and word != "unknown"]
    badges = join(el("span", {"class": "badge"}, clean_text(word, 24)) for word in kinds)
    title = el("h3", {}, el("span", {"class": "rank"}, str(hit.rank)), el("span", {"class": "name"}, name))
    unseen = el("span", {"class": "unseen"}, "score ")
    score = el("span", {"class": "score", "title": "score"}, unseen, format_number(hit.scored.score, 3))
    return el("div", {"class": "head"}, title, score, el("div", {"class": "badges"}, badges))


def _terms(told: list[Reason]) -> Markup:
    return el("div", {"class": "terms", "role": "table", "aria-label": "Terms of the score"}, *map(_term, told))


def _term(reason: Reason) -> Markup:
    weight = f"×\u2009{reason.weight:g}" if reason.state.startswith("counted") else ""
    cells = [el("span", {"class": "label", "role": "rowheader"}, reason.title)]
    if reason.value is None:
        cells.append(el("span", {"class": "missing", "role": "cell"}, _STATES[reason.state]))
    else:
        fill = el("rect", {"width": 100 * reason.value, "height": 8})
        track: dict[str, object] = {"class": "track", "viewBox": "0 0 100 8", "preserveAspectRatio": "none"}
        cells.append(el("svg", track | {"aria-hidden": "true"}, fill))
        cells.append(el("span", {"class": "value", "role": "cell"}, format_number(reason.value)))
    cells.append(el("span", {"class": "weight", "role": "cell", "title": "weight"}, weight))
    return el("div", {"class": f"term {reason.term}", "role": "row", "title": reason.sentence}, *cells)


def _card_facts(hit: Hit) -> Markup | None:
    panel = hit.stored.panel
    facts = [("s", scale_label(panel.scale)), ("view", format_length(panel.field_of_view_nm))]
    if hit.scored.visual_distance is not None:
        facts.append(("vd", format_number(hit.scored.visual_distance, 3)))
    return _facts(facts)


def _facts(facts: list[tuple[str, str]]) -> Markup | None:
    if not facts:
        return None
    rows = (el("div", {}, el("dt", {}, name), el("dd", {}, value)) for name, value in facts)
    return el("dl", {"class": "facts"}, *rows)


def _also(hit: Hit) -> Markup | None:
    told = repeats_sentence(hit)
    return el("p", {"class": "also dim"}, told) if told else None


def _caption(answer: Answer, hit: Hit) -> Markup | None:
    caption = clean_text(hit.stored.panel.caption or hit.stored.figure.caption, LIMITS.caption_chars)
    if not caption:
        return None
    return el("div", {"class": "caption"}, el("p", {}, marked(caption, answer.query.text)))


def marked(text: str, query: str | None) -> Markup:
    """A cleaned text with the query's words in mark elements; spaces between the stretches are kept."""
    return join(el("mark", {}, part) if hit else escape(part) for part, hit in split_at_matches(text, query))


def _article(article: Article | None, permission: str | None) -> Markup:
    if article is None:
        return el("p", {"class": "article dim"}, "no article known", _permission(permission))
    link, title = article_link(article), article_title(article, LIMITS.field_chars)
    linked = el("a", {"href": link, "rel": "noopener noreferrer", "target": "_blank"}, title) if link else escape(title)
    retracted = el("span", {"class": "badge retracted"}, "retracted") if article.retracted else None
    where = ", ".join(part for part in (byline(article), venue(article, 80)) if part)
    return el(
        "div",
        {"class": "article"},
        el("p", {"class": "title"}, retracted, linked),
        el("div", {"class": "where"}, el("span", {}, where) if where else None, _license(article)),
        _permission(permission),
    )


def _license(article: Article) -> Markup:
    name, link = license_name(article.license), license_link(article)
    if not name:
        return el("span", {"class": "badge license dim"}, "license not known")
    if link is None:
        return el("span", {"class": "badge license", "title": article.license}, name)
    return el("a", {"class": "badge license", "href": link, "rel": "noopener noreferrer", "target": "_blank"}, name)


def _permission(note: str | None) -> Markup | None:
    return el("p", {"class": "permission"}, clean_text(note, LIMITS.field_chars)) if note else None


def _why(answer: Answer, hit: Hit, told: list[Reason]) -> Markup:
    panel, figure = hit.stored.panel, hit.stored.figure
    lines = [el("li", {}, reason.sentence) for reason in told]
    lines.append(el("li", {}, score_sentence(answer, hit)))
    if panel.scale is not None:
        lines.append(el("li", {}, "scale bar: " + reading_sentence(panel.scale)))
    box = ", ".join(map(str, panel.box))
    where = el(
        "p", {"class": "dim"}, "panel ", el("code", {}, panel.id), f", pixels {box} of ", clean_text(figure.image, 300)
    )
    return el("details", {"class": "why"}, el("summary", {}, "Why this rank"), el("ul", {}, *lines), where)
