"""Parse XML that lies in image files: bounded, without entities, DTDs and network."""

from __future__ import annotations

import logging
import re
from typing import Any

_LOG = logging.getLogger(__name__)

_MOST_CHARS = 32 << 20
"""Most characters of XML in an image file that are parsed."""

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def parse_xml(text: str) -> Any | None:
    """Return the root element of XML from an image file, or None if it is damaged, too long, or declares entities."""
    text = text.strip("\0 \t\r\n\x01\ufeff")
    if not text.startswith("<") or len(text) > _MOST_CHARS or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    try:
        return etree.fromstring(_DECLARATION.sub("", text, count=1).encode("utf-8"), parser)
    except (etree.LxmlError, ValueError) as error:
        _LOG.debug("XML in an image file: %s", error)
        return None


def local_name(element: Any) -> str:
    """Return the name of an element without its namespace; empty for comments and instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def child_text(element: Any, *path: str) -> str | None:
    """Return the text of the first descendant along a path of local names, or None."""
    for name in path:
        element = next((child for child in element if local_name(child) == name), None)
        if element is None:
            return None
    return None if element.text is None else str(element.text).strip()
