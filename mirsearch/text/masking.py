"""Knows the secrets of this process, and masks them and their encodings in what is printed, logged and raised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
_SHORT_CHARS = 8
"""A shorter secret is masked only where it stands alone, and never in results: it may be part of any word."""
_PLAIN_WORD = re.compile(r"[^\W\d_]+|[\d.,eE+-]+")
"""A word or a number: as a secret, it can't be told from the same word in a caption or the same number in JSON."""
_ADDRESS = re.compile(r"\w[\w+.-]*://([^\s/?#]*)@")

_forms: tuple[str, ...] = ()
"""What is masked wherever it stands; longer ones first."""
_words: tuple[str, ...] = ()
"""What is masked only where it stands alone, and only in messages."""
_lock = Lock()


def remember_secret(secret: str, user: str = "") -> None:
    """Mask a secret from now on, in every encoding in which a server may send it back. `user` logs in with it."""
    global _forms, _words  # noqa: PLW0603  the secrets of a process are one set
    if not secret:
        return
    texts = {secret, *_parts_of_key(secret)} | ({f"{user}:{secret}"} if user else set())
    spelled = {form for text in texts for form in _spellings(text)}
    encoded = {form for text in texts for form in _encodings(text)} - spelled
    alone = {form for form in spelled if len(form) < _SHORT_CHARS or _PLAIN_WORD.fullmatch(form)}
    alone |= {form for form in encoded if len(form) < _SHORT_CHARS}
    fragments = {form for form in _fragments(secret) if len(form) >= _SHORT_CHARS}
    with _lock:
        _forms = tuple(sorted({*_forms, *(spelled | encoded | fragments) - alone}, key=len, reverse=True))
        _words = tuple(sorted({*_words, *alone}, key=len, reverse=True))


def remember_addresses(texts: Iterable[str]) -> None:
    """Mask the passwords of all addresses in some texts, such as http://user:password@host."""
    for text in texts:
        for found in _ADDRESS.finditer(text) if "@" in text else ():
            user, _, password = found[1].partition(":")
            remember_secret(password, user)
            remember_secret(unquote(password), unquote(user))


def remember_environment(environment: Mapping[str, str]) -> None:
    """Mask the key and the password for Elasticsearch, and the passwords of proxies and other addresses."""
    remember_secret(environment.get("MIRSEARCH_ES_API_KEY", ""))
    remember_secret(environment.get("MIRSEARCH_ES_PASSWORD", ""), environment.get("MIRSEARCH_ES_USER", ""))
    remember_addresses(environment.values())


def mask(text: str) -> str:
    """Return a message without secrets."""
    text = mask_result(text)
    for word in _words:
        if word in text:
            text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", MASK, text)
    return text


def mask_result(text: str) -> str:
    """Return a text of results without secrets. A secret that is only a word or a number, or short, is left in it.

    Captions have words and JSON has numbers; they must not change because a password is one of them.
    """
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _parts_of_key(secret: str) -> Iterator[str]:
    """Yield the secret part of an API key in its encoded form, and the decoded key: base64 of ID:SECRET."""
    from base64 import b64decode

    try:
        decoded = b64decode(secret, validate=True).decode()
    except ValueError:
        return
    name, separator, key = decoded.partition(":")
    if name and separator and key and decoded.isprintable():
        yield from (decoded, key)


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as it is quoted in addresses, HTML, JSON (once and twice) and Python."""
    import html
    import json

    for quoted in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    in_json = [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    yield from (text, html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#39;"))
    yield from (*in_json, *(json.dumps(once, ensure_ascii=False)[1:-1] for once in in_json))
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(text.encode())[2:-1])


def _encodings(text: str) -> Iterator[str]:
    """Yield a text in base64, with and without padding, and in hex."""
    from base64 import b64encode, urlsafe_b64encode

    for data in _bytes_of(text):
        for encode in (b64encode, urlsafe_b64encode):
            encoded = encode(data).decode("ascii")
            yield from (encoded, encoded.rstrip("="))
        yield from (data.hex(), data.hex().upper())


def _fragments(text: str) -> Iterator[str]:
    """Yield what base64 of a longer text has of this one, at each of the three positions where it may begin."""
    from base64 import b64encode, urlsafe_b64encode

    for data in _bytes_of(text):
        for before, first in ((0, 0), (1, 2), (2, 3)):
            last = (before + len(data)) * 8 // 6
            for encode in (b64encode, urlsafe_b64encode):
                yield encode(bytes(before) + data).decode("ascii")[first:last]


def _bytes_of(text: str) -> set[bytes]:
    return {text.encode("utf-8", "surrogateescape"), text.encode("latin-1", "replace")}
