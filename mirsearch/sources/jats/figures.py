"""The figures a JATS article declares: labels, captions in one language, image names, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.sources.jats.text import Element, child, children, local, text_of
from mirsearch.sources.permissions import join_notes, permission_note

XLINK = "{http://www.w3.org/1999/xlink}href"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SUBLABEL = re.compile(r"\(?\s*[a-z]\s*[).]?", re.IGNORECASE)
_IMAGE_TYPES = ("image",)
_PICTURES = re.compile(r"\.(?:png|jpe?g|tiff?|gif|bmp|webp)$", re.IGNORECASE)
MAX_FIGURES = 5_000


@dataclass(frozen=True, slots=True)
class JatsFigure:
    """A declared figure. `images` holds one tuple an image: the names (hrefs) that stand for that one image.

    `optional` figures (supplementary files, graphical abstracts) are no loss where their image is not there.
    """

    id: str | None
    label: str | None
    caption: str
    images: tuple[tuple[str, ...], ...]
    permission_note: str | None = None
    optional: bool = False


def figures_of(article: Element) -> Iterator[JatsFigure]:
    """Figures in document order; the same images declared twice (a translation's) once, in English if there is."""
    found: dict[tuple[object, ...], tuple[bool, JatsFigure]] = {}
    for number, (element, figure) in enumerate(_declared(article)):
        if number >= MAX_FIGURES:
            break
        key: tuple[object, ...] = figure.images or (number,)
        english = _language(element).startswith("en")
        if key not in found or (english and not found[key][0]):
            found[key] = (english, figure)
    yield from _with_sublabels([figure for _, figure in found.values()])


def _with_sublabels(figures: list[JatsFigure]) -> Iterator[JatsFigure]:
    """Figures called only "(a)", "(b)" before "Figure 5" are its parts: they get its label and caption."""
    waiting: list[JatsFigure] = []
    for figure in figures:
        if figure.label and not figure.caption and _SUBLABEL.fullmatch(figure.label):
            waiting.append(figure)
            continue
        for part in waiting:
            named = figure.label is not None and bool(figure.caption)
            yield replace(part, label=f"{figure.label} {part.label}", caption=figure.caption) if named else part
        waiting = []
        yield figure
    yield from waiting


def _declared(article: Element) -> Iterator[tuple[Element, JatsFigure]]:
    for element in article.iter():
        name = local(element)
        if name == "fig" and not _inside(element, "fig-group"):
            yield element, _figure(element)
        elif name == "fig-group" and not _inside(element, "fig-group"):
            yield from _group(element)
        elif name == "supplementary-material" and (figure := _supplement(element)) is not None:
            yield element, figure
        elif name == "abstract" and element.get("abstract-type") in ("graphical", "toc", "teaser"):
            yield from ((element, each) for each in _graphical_abstract(element))


def _group(group: Element) -> Iterator[tuple[Element, JatsFigure]]:
    """A group is one figure in several languages, or a shared image, or figures of their own under one caption."""
    figures = [each for each in group.iter() if local(each) == "fig"]
    shared = _images(group, inside_figures=False)
    parsed = [(each, _figure(each)) for each in figures]
    whole = _figure(group, images=shared)
    if shared:
        english = sorted(parsed, key=lambda pair: not _language(pair[0]).startswith("en"))
        lead = english[0][1] if english else whole
        caption = _joined(whole.caption, lead.caption)
        note = join_notes(whole.permission_note, lead.permission_note)
        label = whole.label or lead.label
        yield group, replace(whole, label=label, caption=caption, permission_note=note)
    with_images = [(each, figure) for each, figure in parsed if figure.images]
    for element, figure in with_images or ([] if shared else parsed[:1]):
        yield element, _under(whole, _in_english(figure, element, parsed))


def _in_english(figure: JatsFigure, element: Element, others: list[tuple[Element, JatsFigure]]) -> JatsFigure:
    """The figure, with label and caption of its English twin in the group where it is in another language."""
    if _language(element).startswith("en") or not element.get(_LANG):
        return figure
    number = re.sub(r"\D", "", figure.label or "")
    for each, twin in others:
        if not twin.images and each.get(_LANG, "").startswith("en") and re.sub(r"\D", "", twin.label or "") == number:
            return replace(figure, label=twin.label, caption=twin.caption)
    return figure


def _under(whole: JatsFigure, part: JatsFigure) -> JatsFigure:
    """A part with its group's caption before its own; a bare letter becomes "Figure 5 (a)"."""
    label = part.label or whole.label
    if whole.label and part.label and _SUBLABEL.fullmatch(part.label):
        label = f"{whole.label} {part.label}"
    note = join_notes(part.permission_note, whole.permission_note)
    return replace(part, label=label, caption=_joined(whole.caption, part.caption), permission_note=note)


def _joined(first: str, second: str) -> str:
    return " ".join(dict.fromkeys(each for each in (first, second) if each))


def _figure(element: Element, images: tuple[tuple[str, ...], ...] | None = None) -> JatsFigure:
    caption = _caption(element)
    return JatsFigure(
        id=element.get("id"),
        label=clean_text(text_of(child(element, "label"))).rstrip(".: ") or None,
        caption=caption,
        images=_images(element) if images is None else images,
        permission_note=join_notes(*_rights(element), permission_note(caption)),
    )


def _caption(element: Element) -> str:
    """The English caption where there are several, else the first; the attribution line belongs to it."""
    captions = children(element, "caption")
    captions.sort(key=lambda each: not each.get(_LANG, "").startswith("en"))
    text = text_of(captions[0]) if captions else ""
    credit = text_of(child(element, "attrib"))
    return clean_text(_joined(text, credit), LIMITS.caption_chars)


def _rights(element: Element) -> Iterator[str]:
    """What <permissions> inside the figure says: its own licence or copyright."""
    nested = [each for each in element.iter() if local(each) == "permissions"]
    for permissions in nested:
        if _inside(permissions, "fig") and local(element) == "fig-group":
            continue
        for each in children(permissions, "copyright-statement", "license"):
            text = text_of(each)
            yield clean_text(text or each.get(XLINK, ""), 300)


def _images(element: Element, inside_figures: bool = True) -> tuple[tuple[str, ...], ...]:
    """One tuple of hrefs an image; <alternatives>, and neighbors that differ in suffix only, are one image."""
    found: list[tuple[str, ...]] = []
    for each in element.iter():
        if local(each) not in ("graphic", "media") or _in_text(each, element):
            continue
        if not inside_figures and _inside(each, "fig"):
            continue
        href = each.get(XLINK, "").strip()
        if not href or (local(each) == "media" and not _is_picture(each, href)):
            continue
        parent = each.getparent()
        together = parent is not None and local(parent) == "alternatives" and parent.index(each) > 0
        same = found and _stem(found[-1][0]) == _stem(href)
        if found and (together or same):
            found[-1] = (*found[-1], href)
        else:
            found.append((href,))
    return tuple(found)


def _stem(href: str) -> str:
    return _PICTURES.sub("", href).lower()


def _is_picture(element: Element, href: str) -> bool:
    return element.get("mimetype", "").startswith(_IMAGE_TYPES) or _PICTURES.search(href) is not None


def _supplement(element: Element) -> JatsFigure | None:
    """A supplementary file that is a picture."""
    if any(local(each) == "fig" for each in element.iter()):
        return None
    images = _images(element)
    href = element.get(XLINK, "")
    if not images and href and _is_picture(element, href):
        images = ((href,),)
    images = tuple(each for each in images if any(_PICTURES.search(name) for name in each))
    if not images:
        return None
    nested = next(
        (each for each in children(element, "media", "graphic") if child(each, "caption") is not None), element
    )
    caption = _figure(element if child(element, "caption") is not None else nested, images)
    return replace(caption, id=element.get("id"), images=images, optional=True)


def _graphical_abstract(element: Element) -> Iterator[JatsFigure]:
    """Images of a graphical abstract outside any <fig>, with the abstract as caption."""
    images = _images(element, inside_figures=False)
    if images and not any(local(each) == "fig" for each in element.iter()):
        caption = clean_text(text_of(element), LIMITS.caption_chars)
        yield JatsFigure(None, "Graphical abstract", caption, images, permission_note(caption), optional=True)


def _inside(element: Element, name: str) -> bool:
    return any(local(each) == name for each in element.iterancestors())


def _in_text(graphic: Element, top: Element) -> bool:
    """Whether a graphic is a formula's or stands inside the caption's text."""
    for each in graphic.iterancestors():
        if each is top:
            return False
        if local(each) in ("caption", "inline-formula", "disp-formula", "table-wrap", "fn"):
            return True
    return False


def _language(element: Element) -> str:
    """The nearest xml:lang; empty where none is told."""
    own = element.get(_LANG)
    if own:
        return own.lower()
    return next((lang.lower() for each in element.iterancestors() if (lang := each.get(_LANG))), "")
