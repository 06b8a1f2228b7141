"""Read the figures that a JATS article declares: labels, captions in one language, image names, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.jats.text import Element, child, children, element_text, local_name
from mirsearch.sources.permissions import join_notes, permission_note

XLINK = "{http://www.w3.org/1999/xlink}href"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NO_DIGITS = re.compile(r"\D++")
_SUBLABEL = re.compile(r"\(?\s*[a-z]\s*[).]?", re.IGNORECASE)
_IMAGE_TYPES = ("image",)
_PICTURE_SUFFIX = re.compile(r"\.(?:png|jpe?g|tiff?|gif|bmp|webp)$", re.IGNORECASE)
MAX_FIGURES = 5_000
_MAX_NAMES = 20
"""Names under which one image may be found."""


@dataclass(frozen=True, slots=True)
class JatsFigure:
    """A declared figure. `images` holds one tuple for each image: the names (hrefs) under which it may be found.

    For `optional` figures (supplementary files, graphical abstracts) a missing image is no failure.
    """

    id: str | None
    label: str | None
    caption: str
    images: tuple[tuple[str, ...], ...]
    permission_note: str | None = None
    optional: bool = False


def parse_figures(article: Element) -> Iterator[JatsFigure]:
    """Yield the article's figures in document order.

    If several figures declare the same images (translations do), only one is yielded: the English one if there is one.
    """
    figures_by_key: dict[tuple[object, ...], tuple[bool, JatsFigure]] = {}
    for number, (element, figure) in enumerate(_declared_figures(article)):
        if number >= MAX_FIGURES:
            break
        key: tuple[object, ...] = figure.images or (number,)
        is_english = _language(element).startswith("en")
        if key not in figures_by_key or (is_english and not figures_by_key[key][0]):
            figures_by_key[key] = (is_english, figure)
    yield from _complete_sublabels([figure for _, figure in figures_by_key.values()])


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
        if name == "fig" and not _is_inside(element, "fig-group"):
            yield element, _make_figure(element)
        elif name == "fig-group" and not _is_inside(element, "fig-group"):
            yield from _group_figures(element)
        elif name == "supplementary-material" and (figure := _supplementary_picture(element)) is not None:
            yield element, figure
        elif name == "abstract" and element.get("abstract-type") in ("graphical", "toc", "teaser"):
            yield from ((element, abstract_figure) for abstract_figure in _graphical_abstract(element))


def _group_figures(group: Element) -> Iterator[tuple[Element, JatsFigure]]:
    """Yield the figures of a group: one figure in several languages, a shared image, or figures under one caption."""
    figures = [element for element in group.iter() if local_name(element) == "fig"]
    shared_images = _image_names(group, inside_figures=False)
    parsed = [(element, _make_figure(element)) for element in figures[:MAX_FIGURES]]
    english = _english_twins(parsed)
    group_figure = _make_figure(group, images=shared_images)
    if shared_images:
        english_first = sorted(parsed, key=lambda pair: not _language(pair[0]).startswith("en"))
        first_figure = english_first[0][1] if english_first else group_figure
        caption = _join_captions(group_figure.caption, first_figure.caption)
        note = join_notes(group_figure.permission_note, first_figure.permission_note)
        label = group_figure.label or first_figure.label
        yield group, replace(group_figure, label=label, caption=caption, permission_note=note)
    with_images = [(element, figure) for element, figure in parsed if figure.images]
    for element, figure in with_images or ([] if shared_images else parsed[:1]):
        yield element, _with_group_caption(group_figure, _with_english_caption(figure, element, english))


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


def _join_captions(first: str, second: str) -> str:
    return " ".join(dict.fromkeys(caption for caption in (first, second) if caption))


def _make_figure(element: Element, images: tuple[tuple[str, ...], ...] | None = None) -> JatsFigure:
    caption = _caption(element)
    return JatsFigure(
        id=element.get("id"),
        label=clean_text(element_text(child(element, "label"))).rstrip(".: ") or None,
        caption=caption,
        images=_image_names(element) if images is None else images,
        permission_note=join_notes(*_permission_texts(element), permission_note(caption)),
    )


def _caption(element: Element) -> str:
    """Return the English caption if there are several, else the first, with the attribution line."""
    captions = children(element, "caption")
    captions.sort(key=lambda caption: not caption.get(_LANG, "").startswith("en"))
    text = element_text(captions[0]) if captions else ""
    credit = element_text(child(element, "attrib"))
    return clean_text(_join_captions(text, credit), LIMITS.caption_chars)


def _permission_texts(element: Element) -> Iterator[str]:
    """Yield the texts of <permissions> inside a figure: its own licence or copyright."""
    permission_elements = [descendant for descendant in element.iter() if local_name(descendant) == "permissions"]
    for permissions in permission_elements:
        if _is_inside(permissions, "fig") and local_name(element) == "fig-group":
            continue
        for statement in children(permissions, "copyright-statement", "license"):
            text = element_text(statement)
            yield clean_text(text or statement.get(XLINK, ""), 300)


def _image_names(element: Element, inside_figures: bool = True) -> tuple[tuple[str, ...], ...]:
    """Return one tuple of hrefs for each image. <alternatives>, or neighbors that differ in suffix, are one image."""
    names: list[tuple[str, ...]] = []
    for graphic in element.iter():
        if local_name(graphic) not in ("graphic", "media") or _is_part_of_text(graphic, element):
            continue
        if not inside_figures and _is_inside(graphic, "fig"):
            continue
        href = graphic.get(XLINK, "").strip()
        if not href or (local_name(graphic) == "media" and not _is_picture(graphic, href)):
            continue
        parent = graphic.getparent()
        is_alternative = (
            parent is not None and local_name(parent) == "alternatives" and graphic.getprevious() is not None
        )
        has_same_stem = names and _name_without_suffix(names[-1][0]) == _name_without_suffix(href)
        if names and (is_alternative or has_same_stem):
            names[-1] = (*names[-1], href)[:_MAX_NAMES]
        else:
            names.append((href,))
    return tuple(names)


def _name_without_suffix(href: str) -> str:
    return _PICTURE_SUFFIX.sub("", href).lower()


def _is_picture(element: Element, href: str) -> bool:
    return element.get("mimetype", "").startswith(_IMAGE_TYPES) or _PICTURE_SUFFIX.search(href) is not None


def _supplementary_picture(element: Element) -> JatsFigure | None:
    """Return a supplementary file as a figure; None if it is no picture."""
    if any(local_name(descendant) == "fig" for descendant in element.iter()):
        return None
    images = _image_names(element)
    href = element.get(XLINK, "")
    if not images and href and _is_picture(element, href):
        images = ((href,),)
    images = tuple(names for names in images if any(_PICTURE_SUFFIX.search(name) for name in names))
    if not images:
        return None
    nested = next(
        (media for media in children(element, "media", "graphic") if child(media, "caption") is not None), element
    )
    figure = _make_figure(element if child(element, "caption") is not None else nested, images)
    return replace(figure, id=element.get("id"), images=images, optional=True)


def _graphical_abstract(element: Element) -> Iterator[JatsFigure]:
    """Yield the images of a graphical abstract outside any <fig>, with the abstract as caption."""
    images = _image_names(element, inside_figures=False)
    if images and not any(local_name(descendant) == "fig" for descendant in element.iter()):
        caption = clean_text(element_text(element), LIMITS.caption_chars)
        yield JatsFigure(None, "Graphical abstract", caption, images, permission_note(caption), optional=True)


def _is_inside(element: Element, name: str) -> bool:
    return any(local_name(ancestor) == name for ancestor in element.iterancestors())


def _is_part_of_text(graphic: Element, top: Element) -> bool:
    """Return whether a graphic belongs to a formula, a table or the caption's text."""
    for ancestor in graphic.iterancestors():
        if ancestor is top:
            return False
        if local_name(ancestor) in ("caption", "inline-formula", "disp-formula", "table-wrap", "fn"):
            return True
    return False


def _language(element: Element) -> str:
    """Return the nearest xml:lang in lower case; empty if there is none."""
    own = element.get(_LANG)
    if own:
        return own.lower()
    return next((language.lower() for ancestor in element.iterancestors() if (language := ancestor.get(_LANG))), "")
