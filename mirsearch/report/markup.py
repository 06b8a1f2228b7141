"""HTML and SVG built from parts: everything that is not markup already is cleaned and escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

from mirsearch.report.wording import clean_text

_VOID = frozenset({"meta", "link", "input", "br", "hr"})


class Markup(str):
    """Text that is markup already; only this module's functions make it from text from outside."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Text as markup: control and bidi characters gone, one line, the five special characters escaped."""
    lead, tail = (" " if text[:1] == " " else ""), (" " if text[1:] and text[-1] == " " else "")
    return Markup(lead + html.escape(clean_text(text), quote=True) + tail)


def join(parts: Iterable[str | None], between: str = "") -> Markup:
    """Parts one after another, plain text among them escaped, None and empty ones left out."""
    kept = [part if isinstance(part, Markup) else escape(part) for part in parts if part]
    return Markup(between.join(kept))


def el(name: str, attributes: dict[str, object] | None = None, *children: str | None) -> Markup:
    """An element. Attributes that are None or False are left out, True ones stand without a value."""
    told = []
    for key, value in (attributes or {}).items():
        if value is None or value is False:
            continue
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        told.append(f" {key}" if value is True else f' {key}="{html.escape(clean_text(text), quote=True)}"')
    head = f"<{name}{''.join(told)}>"
    return Markup(head if name in _VOID else f"{head}{join(children)}</{name}>")


def raw(name: str, content: str) -> Markup:
    """A style or script element with the project's own text, exactly as given (its hash stands in the policy)."""
    if f"</{name}" in content.lower():
        raise ValueError(f"{name} text closes its own element")
    return Markup(f"<{name}>{content}</{name}>")
