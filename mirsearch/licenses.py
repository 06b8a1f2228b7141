"""Licenses as people and publishers write them, in one short form."""

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
_LONGEST = 5_000


def canonical(text: str | None) -> str | None:
    """The short form of a license ("CC BY 4.0", its address, or a sentence naming it): "cc-by", "cc-by-nc", "cc0", …

    Versions are dropped. "public-domain" and "arxiv-nonexclusive" are known too; anything else is None.
    """
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", (text or "")[:_LONGEST]).casefold().strip()
    for pattern, name in ((_URL, None), (_ZERO, "cc0"), (_CODE, None), (_WORDS, None), (_ARXIV, "arxiv-nonexclusive")):
        found = pattern.search(plain)
        if found:
            return name or _short(" ".join(each for each in found.groups() if each))
    return "public-domain" if _DOMAIN.search(plain) else None


def _short(conditions: str) -> str:
    """`cc-by` with its conditions in their usual order, from abbreviations or from words."""
    letters = re.sub(r"[^a-z]", "", re.split("licen[cs]e", conditions, maxsplit=1)[0])
    for word, short in (("noncommercial", "nc"), ("noderivatives", "nd"), ("noderivs", "nd"), ("sharealike", "sa")):
        letters = letters.replace(word, f" {short} ")
    found = set(re.findall(r"nc|nd|sa", letters.replace("and", "")))
    return "-".join(["cc-by", *(each for each in ("nc", "nd", "sa") if each in found)])
