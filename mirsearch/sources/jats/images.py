"""Find the names of images in JATS elements, and tell the images of figures from those of tables and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mirsearch.sources.jats.text import XLINK, Element, child, element_text, local_name

PICTURE_SUFFIX = re.compile(r"\.(?:png|jpe?g|tiff?|gif|bmp|webp)$", re.IGNORECASE)
_IMAGE_TYPES = ("image",)
_MAX_NAMES = 20
"""Names under which one image may be found."""
_MAX_OTHER_IMAGES = 20_000
"""Images of tables and formulas that are told from those of figures."""
_OTHER_HOMES = frozenset(
    ("table-wrap", "table", "inline-formula", "disp-formula", "chem-struct", "bio", "inline-graphic", "fn")
)
"""Elements whose images are no figures: tables, formulas, portraits of authors, signs in the text."""
_NO_FIGURE = re.compile(
    r"\s*+(?:(?:supplementary|supplemental|supporting|extended\s++data)\s++)?+"
    r"(?:table|tab\.|tabelle|tableau|tabla|tabela|equation|eqn?\.|formula)(?![a-z])", re.IGNORECASE
)  # fmt: skip
_NO_FIGURE_TYPES = frozenset(("table", "tables", "equation", "formula", "disp-formula"))


def is_table_or_formula(element: Element) -> bool:
    """Return whether a figure shows a table or a formula, by its type, its label or what its caption begins with."""
    types = (element.get(name, "").lower() for name in ("fig-type", "content-type", "specific-use"))
    if any(kind in _NO_FIGURE_TYPES for kind in types):
        return True
    label = element_text(child(element, "label")) or element_text(child(element, "caption"))[:100]
    return _NO_FIGURE.match(label) is not None


def image_names(element: Element, outside: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    """Return one tuple of hrefs for each image that does not belong to one of the elements `outside`.

    <alternatives>, or neighbors that differ in suffix, are one image.
    """
    names: list[tuple[str, ...]] = []
    for graphic in element.iter():
        if local_name(graphic) not in ("graphic", "media") or _belongs_to_other(graphic, element, outside):
            continue
        href = graphic.get(XLINK, "").strip()
        if not href or (local_name(graphic) == "media" and not is_picture(graphic, href)):
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


def other_image_names(article: Element) -> Iterator[str]:
    """Yield the hrefs of images that are no figures: of tables, formulas, portraits, and signs in the text."""
    count = 0
    inside: set[Element] = set()
    for element in article.iter():
        parent = element.getparent()
        name = local_name(element)
        is_other = name in _OTHER_HOMES or (name in ("fig", "supplementary-material") and is_table_or_formula(element))
        if not is_other and (parent is None or parent not in inside):
            continue
        inside.add(element)
        href = element.get(XLINK, "").strip()
        if name in ("graphic", "inline-graphic", "media", "supplementary-material") and href:
            yield href
            count += 1
            if count >= _MAX_OTHER_IMAGES:
                return


def is_picture(element: Element, href: str) -> bool:
    """Return whether a file is a picture, by its type or its suffix."""
    return element.get("mimetype", "").startswith(_IMAGE_TYPES) or PICTURE_SUFFIX.search(href) is not None


def _name_without_suffix(href: str) -> str:
    return PICTURE_SUFFIX.sub("", href).lower()


def _belongs_to_other(graphic: Element, top: Element, outside: tuple[str, ...]) -> bool:
    """Return whether a graphic in `top` belongs to a formula, a table, the caption's text or an element `outside`."""
    for ancestor in graphic.iterancestors():
        if ancestor is top:
            return False
        name = local_name(ancestor)
        if name in _OTHER_HOMES or name == "caption" or name in outside:
            return True
    return False
