"""Kinds of answers: limits of size and time, and a check of the first bytes, whatever type a server gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mirsearch.settings import LIMITS

HEAD_BYTES = 4096
"""Bytes at the beginning of an answer that identify its kind."""

_WEB_PAGE = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:(?!-->).)*+-->\s*+)*+"
    rb"<(?:!doctype\s+html|html|head|body|title|meta)\b",
    re.I | re.S,
)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.I | re.S)
_MARKUP = re.compile(rb"\s*<[!?/a-z_]", re.I)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer: name for messages, Accept header, largest size, longest time, and a check of the first bytes.

    `is_compressed` kinds are compressed files themselves, so a server's Content-Encoding is ignored.
    """

    name: str
    accept: str
    max_bytes: int
    seconds: float
    matches: Callable[[bytes], bool]
    is_compressed: bool = False


def is_web_page(head: bytes) -> bool:
    """Return whether bytes begin like a web page: services that block programs send one instead of data."""
    return _WEB_PAGE.match(_without_byte_order_mark(head)) is not None


def page_title(head: bytes) -> str:
    """Return a web page's title, at most 80 characters; empty if there is none."""
    match = _TITLE.search(head)
    return " ".join(match[1].decode("utf-8", "replace").split())[:80] if match else ""


def _without_byte_order_mark(head: bytes) -> bytes:
    for bom in _BOMS:
        head = head.removeprefix(bom)
    return head.replace(b"\0", b"")


def _is_json(head: bytes) -> bool:
    return _without_byte_order_mark(head).lstrip()[:1] in (b"{", b"[")


def _is_xml(head: bytes) -> bool:
    return _MARKUP.match(_without_byte_order_mark(head)) is not None and not is_web_page(head)


def is_image(head: bytes) -> bool:
    """Return whether bytes begin like an image that mirsearch reads."""
    return head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_eprint(head: bytes) -> bool:
    """Return whether bytes begin like an e-print: tar, gzip, PDF, PostScript or plain TeX."""
    is_packed = head.startswith((b"\x1f\x8b", b"%PDF", b"%!")) or head[257:262] == b"ustar"
    return is_packed or (b"\\" in head and b"\0" not in head and not is_web_page(head))


SEARCH = AnswerKind("search", "application/json", 64 << 20, 120, _is_json)
RECORD = AnswerKind("record", "application/json", 8 << 20, 60, _is_json)
LISTING = AnswerKind("listing", "application/xml", 16 << 20, 60, _is_xml)
FEED = AnswerKind("feed", "application/atom+xml, application/xml", 64 << 20, 120, _is_xml)
ARTICLE = AnswerKind("article", "application/xml", LIMITS.xml_bytes, 300, _is_xml)
IMAGE = AnswerKind("image", "image/*", LIMITS.download_bytes, 600, is_image)
EPRINT = AnswerKind("e-print", "*/*", LIMITS.download_bytes, 600, _is_eprint, is_compressed=True)
