"""News of saved questions: as text, as RSS 2.0 and as Atom (RFC 4287). All texts are cleaned and escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from mirsearch.report.wording import clean_text

Item = dict[str, Any]
"""A piece of news: `figure`, `name`, `article`, `caption`, `url`, `at`."""
ATOM = "http://www.w3.org/2005/Atom"
_TITLE = "News of mirsearch"
_SAFE_ADDRESS = ("https://", "http://")


def news_text(news: Sequence[tuple[str, Sequence[Item]]]) -> str:
    """Return the news of each watch (name, items) as lines."""
    lines = []
    for name, items in news:
        lines.append(f"{clean_text(name)}: {len(items)} new" if items else f"{clean_text(name)}: nothing new")
        for item in items:
            lines.append(f"  {item['panel']}  {_title(item, 120)}")
            lines += [f"    {text}" for text in (clean_text(item["caption"], 200), _address(item)) if text]
    return "\n".join(lines) + "\n" if lines else "nothing is watched\n"


def rss(items: Iterable[tuple[str, Item]]) -> str:
    """Return an RSS 2.0 feed of news: (name of the watch, item), the newest first."""
    feed = ET.Element("rss", version="2.0")
    channel = ET.SubElement(feed, "channel")
    for tag, text in (("title", _TITLE), ("link", "urn:mirsearch"), ("description", "Figures that are new to watches")):
        ET.SubElement(channel, tag).text = text
    for name, item in _newest(items):
        entry = ET.SubElement(channel, "item")
        ET.SubElement(entry, "title").text = f"{clean_text(name)}: {_title(item)}"
        if _address(item):
            ET.SubElement(entry, "link").text = _address(item)
        ET.SubElement(entry, "description").text = clean_text(item.get("caption"))
        ET.SubElement(entry, "guid", isPermaLink="false").text = _identity(name, item)
        ET.SubElement(entry, "pubDate").text = format_datetime(_time(item))
        ET.SubElement(entry, "category").text = clean_text(name)
    return _document(feed)


def atom(items: Iterable[tuple[str, Item]]) -> str:
    """Return an Atom feed of news: (name of the watch, item), the newest first."""
    newest = _newest(items)
    feed = ET.Element("feed", xmlns=ATOM)
    ET.SubElement(feed, "id").text = "urn:mirsearch:watches"
    ET.SubElement(feed, "title").text = _TITLE
    ET.SubElement(feed, "updated").text = (_time(newest[0][1]) if newest else datetime.now(UTC)).isoformat()
    ET.SubElement(ET.SubElement(feed, "author"), "name").text = "mirsearch"
    for name, item in newest:
        entry = ET.SubElement(feed, "entry")
        ET.SubElement(entry, "id").text = _identity(name, item)
        ET.SubElement(entry, "title").text = f"{clean_text(name)}: {_title(item)}"
        ET.SubElement(entry, "updated").text = _time(item).isoformat()
        ET.SubElement(entry, "category", term=clean_text(name))
        ET.SubElement(entry, "summary").text = clean_text(item.get("caption"))
        if _address(item):
            ET.SubElement(entry, "link", href=_address(item))
    return _document(feed)


def _newest(items: Iterable[tuple[str, Item]]) -> list[tuple[str, Item]]:
    """Return the items, the newest first; those of one time in their order."""
    return sorted(items, key=lambda pair: _time(pair[1]), reverse=True)


def _title(item: Item, limit: int | None = None) -> str:
    parts = (clean_text(item.get("name")), clean_text(item.get("article"), limit))
    return " · ".join(part for part in parts if part)


def _address(item: Item) -> str:
    address = clean_text(item.get("url"))
    return address if address.startswith(_SAFE_ADDRESS) else ""


def _identity(name: str, item: Item) -> str:
    return f"urn:mirsearch:{quote(name, safe='')}:{quote(str(item['figure']), safe='')}"


def _time(item: Item) -> datetime:
    try:
        time = datetime.fromisoformat(str(item.get("at")))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _document(root: ET.Element) -> str:
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
