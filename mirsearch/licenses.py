"""Brings the many spellings of a license into one short form."""

from __future__ import annotations

import re

_URL = re.compile(r"creativecommons\.org/licen[cs]es/(by(?:-(?:nc|nd|sa))*)\b")
_CODE = re.compile(
    r"\bcc[\s_-]*by((?:[\s_/-]*(?:nc|nd|sa))*)(?![a-z])|^by((?:[\s_-]*(?:nc|nd|sa))*)(?:[\s_-]*\d\.\d)?$"
)
_WORDS = re.compile(r"(?:creative\s+commons|\bcc\b)[\s,:-]*attribution((?:[\s,/&-]+(?:and\s+)?\(?[a-z]+(?:-[a-z]+)*)*)")
_ZERO = re.compile(
    r"\bcc[\s_-]*(?:0|zero)\b|publicdomain/zero|creative\s+commons\s+(?:cc\s*0|zero)|public domain dedication"
)
_DOMAIN = re.compile(r"public[\s-]*domain")
_ARXIV = re.compile(r"arxiv\.org/licenses/nonexclusive|nonexclusive[\s-]distrib")
_MAX_CHARS = 5_000


def canonical_license(text: str | None) -> str | None:
    """Return the short form of a license: "cc-by", "cc-by-nc", "cc0", "public-domain", "arxiv-nonexclusive", …

    `text` is a name ("CC BY 4.0"), an address, or a sentence that names the license. Versions are dropped. Returns None
    for any other license.
    """
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", (text or "")[:_MAX_CHARS]).casefold().strip()
    for pattern, name in ((_URL, None), (_ZERO, "cc0"), (_CODE, None), (_WORDS, None), (_ARXIV, "arxiv-nonexclusive")):
        match = pattern.search(plain)
        if match:
            return name or _creative_commons_code(" ".join(group for group in match.groups() if group))
    return "public-domain" if _DOMAIN.search(plain) else None


def _creative_commons_code(conditions: str) -> str:
    """Return `cc-by` with its conditions in the usual order. `conditions` are abbreviations or words."""
    text = re.sub(r"[^a-z]", "", re.split("licen[cs]e", conditions, maxsplit=1)[0])
    for word, short in (("noncommercial", "nc"), ("noderivatives", "nd"), ("noderivs", "nd"), ("sharealike", "sa")):
        text = text.replace(word, f" {short} ")
    found = set(re.findall(r"nc|nd|sa", text.replace("and", "")))
    return "-".join(["cc-by", *(code for code in ("nc", "nd", "sa") if code in found)])
