"""Brings the many spellings of a license into one short form, and weighs several licenses."""

from __future__ import annotations

import re
from collections.abc import Iterable

_URL = re.compile(r"creativecommons\.org/licen[cs]es/(by(?:-(?:nc|nd|sa))*)\b(?:/(\d\.\d))?+")
_CODE = re.compile(r"\bcc[\s_-]*by((?:[\s_/-]*(?:nc|nd|sa))*)(?![a-z])(?:[\s_-]*+v?+(\d\.\d))?+")
_BARE_CODE = re.compile(r"by((?:[\s_-]*+(?:nc|nd|sa))*+)(?:[\s_-]*+(\d\.\d))?+")
_WORDS = re.compile(r"(?:creative\s+commons|\bcc\b)[\s,:-]*attribution((?:[\s,/&-]+(?:and\s+)?\(?[a-z]+(?:-[a-z]+)*)*)")
_WORDS_VERSION = re.compile(r"[^.;]{0,60}?\b([1-4]\.\d)\b")
_ZERO = re.compile(
    r"(?:\bcc[\s_-]*(?:0|zero)\b|publicdomain/zero|creative\s+commons\s+(?:cc\s*0|zero)|public domain dedication)"
    r"(?:(?:/|\s++v?+)(\d\.\d))?+"
)
_DOMAIN = re.compile(r"public[\s-]*domain")
_ARXIV = re.compile(r"arxiv\.org/licenses/nonexclusive|nonexclusive[\s-]distrib")
_NO_COMMERCE = re.compile(
    r"\b(?:for|permits?|unrestricted|only|any|is)\s++(?:any\s++)?+non-?commercial\b"
    r"(?!\s++(?:and|or|as well as)\s++commercial)"
    r"|\bnot\s++(?:be\s++)?+(?:used\s++)?+for\s++commercial\b|\bcommercial\s++(?:re-?)?+use\s++(?:is|are)\s++(?:not|prohib)"
)
_NO_CHANGE = re.compile(
    r"\bno\s++(?:modifications|adaptations|derivative)|\bnot\s++(?:be\s++)?+(?:altered|modified|transformed)\b"
    r"|\bwithout\s++(?:any\s++)?+(?:modification|alteration)"
)
_CLOSED = re.compile(
    r"\ball\s++rights\s++(?:are\s++)?+reserved\b|\bno\s++(?:re-?)?+use\s++(?:is\s++)?+(?:allowed|permitted)\b"
)
_ADDRESSES = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "public-domain": "https://creativecommons.org/publicdomain/mark/1.0/",
}
_MAX_CHARS = 5_000
_STRICTNESS = (
    "cc0", "public-domain", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa", "cc-by-nd", "cc-by-nc-nd",
    "arxiv-nonexclusive",
)  # fmt: skip
"""The licenses by what they forbid, from nothing on."""


def canonical_license(text: str | None) -> str | None:
    """Return the short form of a license: "cc-by", "cc-by-nc", "cc0", "public-domain", "arxiv-nonexclusive", …

    `text` is a name ("CC BY 4.0"), an address, or a sentence that names the license. Versions are dropped. Of several
    licenses in the text, the strictest counts. Returns None for any other license.
    """
    found = strictest_license((text,)) if text else None
    return found[0] if found else None


def strictest_license(texts: Iterable[str | None]) -> tuple[str, str | None] | None:
    """Return the strictest license that texts about one work name, in short form, and its version if it is told.

    The conditions of all texts count: an address of CC BY beside "for non-commercial use only" gives cc-by-nc. Returns
    None if no text names a license.
    """
    plain_texts = [_plain(text) for text in texts if text]
    versions: dict[str, str | None] = {}
    for plain in plain_texts:
        for name, version in _named_licenses(plain):
            versions[name] = versions.get(name) or version
    if not versions:
        return None
    strictest = max(versions, key=_STRICTNESS.index)
    name = _with_conditions(strictest, plain_texts)
    return name, versions.get(name)


def license_address(text: str) -> str | None:
    """Return the address of the Creative Commons license that a text names, None for another text."""
    name = canonical_license(text)
    if name is None or not name.startswith("cc-"):
        return _ADDRESSES.get(name or "")
    version = text.rsplit(maxsplit=1)[-1] if text[-1:].isdigit() else "4.0"
    return f"https://creativecommons.org/licenses/{name.removeprefix('cc-')}/{version}/"


def reserved_rights(text: str) -> str | None:
    """Return the words with which a text reserves all rights or allows no reuse ("all rights reserved"), or None."""
    match = _CLOSED.search(_plain(text))
    return match[0] if match else None


def license_name(license_: tuple[str, str | None]) -> str:
    """Return a license as it is usually written ("CC BY-NC 4.0"), from its short form and version."""
    name, version = license_
    if name.startswith("cc-by"):
        written = f"CC {name.removeprefix('cc-').upper()}"
    else:
        written = {"cc0": "CC0", "public-domain": "public domain"}.get(name, name)
    return f"{written} {version}" if version else written


def _plain(text: str) -> str:
    return re.sub(r"[\u2010-\u2015\u2212]", "-", text[:_MAX_CHARS]).casefold().strip()


def _named_licenses(plain: str) -> list[tuple[str, str | None]]:
    """Return the licenses that a text names, each with the version that stands beside the name."""
    bare_code = _BARE_CODE.fullmatch(plain)
    matches = (*_URL.finditer(plain), *_CODE.finditer(plain), *((bare_code,) if bare_code else ()))
    found: list[tuple[str, str | None]] = [(_creative_commons_code(match[1]), match[2]) for match in matches]
    for match in _WORDS.finditer(plain):
        version = _WORDS_VERSION.match(plain, match.end())
        found.append((_creative_commons_code(match[1]), version[1] if version else None))
    found += [("cc0", match[1]) for match in _ZERO.finditer(plain)]
    found += [("arxiv-nonexclusive", None)] if _ARXIV.search(plain) else []
    return found or ([("public-domain", None)] if _DOMAIN.search(plain) else [])


def _with_conditions(name: str, plain_texts: Iterable[str]) -> str:
    """Return a Creative Commons license with the conditions that texts state in other words."""
    if not name.startswith("cc-by"):
        return name
    conditions = set(name.split("-")[2:])
    for plain in plain_texts:
        conditions |= {code for pattern, code in ((_NO_COMMERCE, "nc"), (_NO_CHANGE, "nd")) if pattern.search(plain)}
    return _join_conditions(conditions)


def _creative_commons_code(conditions: str) -> str:
    """Return `cc-by` with its conditions in the usual order. `conditions` are abbreviations or words."""
    text = re.sub(r"\band\b|[^a-z]", "", re.split("licen[cs]e", conditions, maxsplit=1)[0])
    for word, short in (("noncommercial", "nc"), ("noderivatives", "nd"), ("noderivs", "nd"), ("sharealike", "sa")):
        text = text.replace(word, f" {short} ")
    return _join_conditions(set(re.findall(r"nc|nd|sa", text)))


def _join_conditions(conditions: set[str]) -> str:
    """Return the license with these conditions. What may not be changed can't be shared alike."""
    kept = conditions - {"sa"} if "nd" in conditions else conditions
    return "-".join(["cc-by", *(code for code in ("nc", "nd", "sa") if code in kept)])
