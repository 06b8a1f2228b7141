"""Decode texts that microscopes write, in tags and in files beside images, and split them into keys and values."""

from __future__ import annotations

import codecs
import re

_SECTION = re.compile(r"\[([^\]\r\n]{1,80})\]")
_MOST_LINES = 20_000
"""Most lines of a text that are looked at; those of real microscopes have up to 3,000."""


def decode_text(data: bytes) -> str:
    """Return bytes as text: UTF-16 with or without its mark, UTF-8, else Latin-1. What follows the first NUL is cut."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    elif _looks_like_utf16(data):
        text = data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.split("\0", 1)[0]


def _looks_like_utf16(data: bytes) -> bool:
    """Return whether every other byte at the start is NUL, as in UTF-16 of mostly Latin letters."""
    start = data[:64]
    if len(start) < 8:
        return False
    return all(byte == 0 for byte in start[1::2]) != all(byte == 0 for byte in start[::2])


def read_sections(text: str) -> dict[str, dict[str, str]]:
    """Return the keys and values of each `[section]` of a text, the section's name in lower case.

    The values before the first section are those of "". Of equal keys in a section the first counts.
    """
    sections: dict[str, dict[str, str]] = {}
    current = sections.setdefault("", {})
    for line in map(str.strip, text.splitlines()[:_MOST_LINES]):
        header = _SECTION.fullmatch(line)
        if header is not None:
            current = sections.setdefault(header.group(1).strip().lower(), {})
            continue
        key, sign, value = line.partition("=")
        if sign:
            current.setdefault(key.strip(), value.strip())
    return sections
