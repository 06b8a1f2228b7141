"""Read the rights of a JATS article: its licence, and who holds the copyright."""

from __future__ import annotations

from mirsearch.licenses import license_name, reserved_rights, strictest_license
from mirsearch.sources.articles import clean_text
from mirsearch.sources.jats.text import XLINK, Element, child, children, element_text, local_name

_VAGUE_LICENSE_TYPES = frozenset(("open-access", "openaccess", "open", "free", "fulltext"))
_MAX_STATEMENTS = 20
"""Licences and copyright statements that are weighed."""
_MAX_LINKS = 20
_MAX_CHARS = 300
"""Characters that are kept of a licence in words."""


def article_license(meta: Element) -> str | None:
    """Return the strictest licence that the licences and copyright statements of <article-meta> name.

    Addresses (attributes, ali:license_ref, links in the text) and words count alike. Words that reserve all rights are
    stricter than any licence. Without a name, return the licence's text, else its type.
    """
    permissions = child(meta, "permissions")
    homes = (meta,) if permissions is None else (permissions, meta)
    licenses = [element for home in homes for element in children(home, "license")][:_MAX_STATEMENTS]
    statements = [element for home in homes for element in children(home, "copyright-statement", "license-p")][
        :_MAX_STATEMENTS
    ]
    texts = [element_text(element) for element in licenses]
    for text in texts:
        if reserved := reserved_rights(text):
            return _shorten(text) if strictest_license((text,)) is None else reserved.capitalize()
    links = [link for element in (*licenses, *statements) for link in _license_links(element)]
    found = strictest_license((*links, *texts, *map(element_text, statements)))
    if found is not None:
        return license_name(found)
    types = (element.get("license-type", "") for element in licenses)
    words = (*texts, *(kind for kind in types if kind.lower() not in _VAGUE_LICENSE_TYPES))
    return next((_shorten(text) for text in words if text), None)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"


def _license_links(element: Element) -> list[str]:
    """Return the addresses of licences in an element's attributes and links."""
    links = [element.get(XLINK, "")]
    for descendant in element.iter():
        name = local_name(descendant)
        if name == "license_ref":
            links.append(element_text(descendant))
        elif name in ("ext-link", "uri"):
            links.append(descendant.get(XLINK, ""))
    return [link for link in links if link][:_MAX_LINKS]


def rights_holder(root: Element) -> str | None:
    """Return who holds the article's rights: the holder's name, else the copyright statement."""
    permissions = child(root, "front", "article-meta", "permissions")
    for name in ("copyright-holder", "copyright-statement"):
        if permissions is not None and (text := element_text(child(permissions, name))):
            return clean_text(text, _MAX_CHARS)
    return None
