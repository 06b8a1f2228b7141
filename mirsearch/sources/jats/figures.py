"""Read the figures that a JATS article declares: labels, captions in one language, image names, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text, split_label
from mirsearch.sources.jats.images import PICTURE_SUFFIX, image_names, is_picture, is_table_or_formula
from mirsearch.sources.jats.mentions import article_mentions
from mirsearch.sources.jats.text import XLINK, Element, child, children, element_text, local_name, text_beside
from mirsearch.sources.permissions import join_notes, permission_note

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NO_DIGITS = re.compile(r"\D++")
_SUBLABEL = re.compile(
    r"(?:panels?\s*+)?+\(?+\s*+(?:[a-z]|[ivx]{1,4})(?:\s*+(?:[,&–-]|and)\s*+[a-z])?+\s*+[).:]{0,2}", re.IGNORECASE
)
"""Labels that name only a part of a figure: "A", "(b)", "iii", "A–C"."""
_NOT_BESIDE = frozenset(
    ("label", "caption", "attrib", "fig", "fig-group", "uri", "email", "kwd-group", "subj-group", "abstract", "code",
     "disp-formula", "chem-struct-wrap", "alternatives", "ref-list")
)  # fmt: skip
"""Elements of a figure whose text does not describe it."""
MAX_FIGURES = 5_000
_MAX_CONTENT = 200
"""Elements of a figure whose ids are looked at."""
_MAX_LEVELS = 20
"""Groups inside each other that are read."""


@dataclass(frozen=True, slots=True)
class JatsFigure:
    """A declared figure. `images` holds one tuple for each image: the names (hrefs) under which it may be found.

    For `optional` figures (supplementary files, graphical abstracts) a missing image is no failure. `mentions` are
    sentences of the text that speak of the figure.
    """

    id: str | None
    label: str | None
    caption: str
    images: tuple[tuple[str, ...], ...]
    permission_note: str | None = None
    optional: bool = False
    mentions: tuple[str, ...] = ()


def parse_figures(article: Element) -> Iterator[JatsFigure]:
    """Yield the article's figures in document order.

    If several figures declare the same images (translations do), only one is yielded: the English one if there is one.
    """
    found: dict[tuple[object, ...], tuple[bool, Element, JatsFigure]] = {}
    for number, (element, figure) in enumerate(_declared_figures(article)):
        if number >= MAX_FIGURES:
            break
        key: tuple[object, ...] = figure.images or (number,)
        is_english = _language(element).startswith("en")
        if key not in found or (is_english and not found[key][0]):
            found[key] = (is_english, element, figure)
    figures = list(_complete_sublabels([figure for _, _, figure in found.values()]))
    ids = [_link_ids(element) for _, element, _ in found.values()]
    mentions = article_mentions(article, [figure.label for figure in figures], ids)
    for figure, own in zip(figures, mentions, strict=True):
        yield replace(figure, mentions=own)


def _link_ids(element: Element) -> frozenset[str]:
    """Return the ids under which links name a figure: its own, its groups', and those of what it contains."""
    groups = (ancestor for ancestor in element.iterancestors() if local_name(ancestor) == "fig-group")
    found = (each.get("id") for each in (*groups, *islice(element.iter(), _MAX_CONTENT)))
    return frozenset(each for each in found if each)


def _complete_sublabels(figures: list[JatsFigure]) -> Iterator[JatsFigure]:
    """Give figures labelled only "(a)" or "(b)" the label and caption of the "Figure 5" that follows them."""
    parts: list[JatsFigure] = []
    for figure in figures:
        if figure.label and not figure.caption and _SUBLABEL.fullmatch(figure.label):
            parts.append(figure)
            continue
        for part in parts:
            has_caption = figure.label is not None and bool(figure.caption)
            yield replace(part, label=f"{figure.label} {part.label}", caption=figure.caption) if has_caption else part
        parts = []
        yield figure
    yield from parts


def _declared_figures(article: Element) -> Iterator[tuple[Element, JatsFigure]]:
    for element in article.iter():
        name = local_name(element)
        if name in ("fig", "fig-group") and (_is_inside(element, "fig-group") or _is_inside(element, "bio")):
            continue
        if name == "fig" and not is_table_or_formula(element):
            yield element, _make_figure(element)
        elif name == "fig-group":
            yield from _group_figures(element, None, 1)
        elif name == "supplementary-material" and (figure := _supplementary_picture(element)) is not None:
            yield element, figure
        elif name == "abstract" and element.get("abstract-type") in ("graphical", "toc", "teaser"):
            yield from ((element, abstract_figure) for abstract_figure in _graphical_abstract(element))


def _group_figures(group: Element, outer: JatsFigure | None, level: int) -> Iterator[tuple[Element, JatsFigure]]:
    """Yield the figures of a group: one figure in several languages, a shared image, or figures under one caption.

    `outer` holds label and caption of the groups around it. Groups in the group are read in the same way.
    """
    members = list(_group_members(group))
    figures = [element for element in members if local_name(element) == "fig" and not is_table_or_formula(element)]
    shared_images = image_names(group, outside=("fig", "fig-group"))
    parsed = [(element, _make_figure(element)) for element in figures[:MAX_FIGURES]]
    english = _english_twins(parsed)
    group_figure = _make_figure(group, images=shared_images)
    if outer is not None:
        group_figure = _with_group_caption(outer, group_figure)
    if shared_images:
        english_first = sorted(parsed, key=lambda pair: not _language(pair[0]).startswith("en"))
        first_figure = english_first[0][1] if english_first else group_figure
        caption = _join_captions(group_figure.caption, first_figure.caption)
        note = join_notes(group_figure.permission_note, first_figure.permission_note)
        label = group_figure.label or first_figure.label
        yield group, replace(group_figure, label=label, caption=caption, permission_note=note)
    with_images = [pair for pair in parsed if pair[1].images] or ([] if shared_images else parsed[:1])
    by_element = dict(with_images)
    for element in members:
        if element in by_element:
            figure = _with_english_caption(by_element[element], element, english)
            yield element, _with_group_caption(group_figure, figure)
        elif local_name(element) == "fig-group" and level < _MAX_LEVELS:
            yield from _group_figures(element, group_figure, level + 1)


def _group_members(group: Element) -> Iterator[Element]:
    """Yield the figures and groups of a group in order, without those inside them."""
    pending = list(reversed(group))
    while pending:
        element = pending.pop()
        name = local_name(element)
        if name in ("fig", "fig-group"):
            yield element
        elif name and name != "table-wrap":
            pending.extend(reversed(element))


def _english_twins(group: list[tuple[Element, JatsFigure]]) -> dict[str, JatsFigure]:
    """Return the English figures of a group that have no images of their own, by number; the first of each number."""
    twins: dict[str, JatsFigure] = {}
    for element, figure in group:
        if not figure.images and element.get(_LANG, "").startswith("en"):
            twins.setdefault(_digits(figure.label), figure)
    return twins


def _with_english_caption(figure: JatsFigure, element: Element, english: Mapping[str, JatsFigure]) -> JatsFigure:
    """Return the figure, with label and caption of its English twin if it is in another language."""
    if _language(element).startswith("en") or not element.get(_LANG):
        return figure
    twin = english.get(_digits(figure.label))
    return figure if twin is None else replace(figure, label=twin.label, caption=twin.caption)


def _digits(label: str | None) -> str:
    return _NO_DIGITS.sub("", label or "")


def _with_group_caption(group_figure: JatsFigure, part: JatsFigure) -> JatsFigure:
    """Return a part of a group with the group's caption before its own. A bare letter becomes "Figure 5 (a)"."""
    label = part.label or group_figure.label
    if group_figure.label and part.label and _SUBLABEL.fullmatch(part.label):
        label = f"{group_figure.label} {part.label}"
    note = join_notes(part.permission_note, group_figure.permission_note)
    return replace(part, label=label, caption=_join_captions(group_figure.caption, part.caption), permission_note=note)


def _join_captions(*captions: str) -> str:
    return " ".join(dict.fromkeys(caption for caption in captions if caption))


def _make_figure(element: Element, images: tuple[tuple[str, ...], ...] | None = None) -> JatsFigure:
    caption = _caption(element)
    label = clean_text(element_text(child(element, "label"))).rstrip(".: ") or None
    if label is None:
        label, caption = split_label(caption)
    return JatsFigure(
        id=element.get("id"),
        label=label,
        caption=caption,
        images=image_names(element) if images is None else images,
        permission_note=join_notes(*_permission_texts(element), permission_note(caption)),
    )


def _caption(element: Element) -> str:
    """Return the English caption if there are several, else the first, with text beside it and the attribution line."""
    captions = children(element, "caption")
    captions.sort(key=lambda caption: not caption.get(_LANG, "").startswith("en"))
    text = element_text(captions[0]) if captions else ""
    beside = text_beside(element, _NOT_BESIDE) if local_name(element) in ("fig", "fig-group") else ""
    credit = element_text(child(element, "attrib"))
    return clean_text(_join_captions(text, beside, credit), LIMITS.caption_chars)


def _permission_texts(element: Element) -> Iterator[str]:
    """Yield the texts of <permissions> inside a figure: its own licence or copyright."""
    permission_elements = [descendant for descendant in element.iter() if local_name(descendant) == "permissions"]
    for permissions in permission_elements:
        if _is_inside(permissions, "fig") and local_name(element) == "fig-group":
            continue
        for statement in children(permissions, "copyright-statement", "license"):
            text = element_text(statement)
            yield clean_text(text or statement.get(XLINK, ""), 300)


def _supplementary_picture(element: Element) -> JatsFigure | None:
    """Return a supplementary file as a figure; None if it is no picture."""
    if any(local_name(descendant) == "fig" for descendant in element.iter()) or is_table_or_formula(element):
        return None
    images = image_names(element)
    href = element.get(XLINK, "")
    if not images and href and is_picture(element, href):
        images = ((href,),)
    images = tuple(names for names in images if any(PICTURE_SUFFIX.search(name) for name in names))
    if not images:
        return None
    nested = next(
        (media for media in children(element, "media", "graphic") if child(media, "caption") is not None), element
    )
    figure = _make_figure(element if child(element, "caption") is not None else nested, images)
    return replace(figure, id=element.get("id"), images=images, optional=True)


def _graphical_abstract(element: Element) -> Iterator[JatsFigure]:
    """Yield the images of a graphical abstract outside any <fig>, with the abstract as caption."""
    images = image_names(element, outside=("fig",))
    if images and not any(local_name(descendant) == "fig" for descendant in element.iter()):
        caption = clean_text(element_text(element), LIMITS.caption_chars)
        yield JatsFigure(None, "Graphical abstract", caption, images, permission_note(caption), optional=True)


def _is_inside(element: Element, name: str) -> bool:
    return any(local_name(ancestor) == name for ancestor in element.iterancestors())


def _language(element: Element) -> str:
    """Return the nearest xml:lang in lower case; empty if there is none."""
    own = element.get(_LANG)
    if own:
        return own.lower()
    return next((language.lower() for ancestor in element.iterancestors() if (language := ancestor.get(_LANG))), "")
