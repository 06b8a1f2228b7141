"""Text of JATS elements as a reader would write it down on one line."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from lxml import etree

Element = etree._Element

_BLOCKS = frozenset(("title", "p", "sec", "list", "list-item", "break", "disp-formula", "disp-quote", "caption", "td",
                     "def-item", "label", "verse-line"))  # fmt: skip
_SKIPPED = frozenset(("graphic", "inline-graphic", "media", "object-id", "permissions", "alt-text", "long-desc",
                      "fn", "table", "processing-meta", "attrib-type"))  # fmt: skip
_DOI_LINE = re.compile(r"\s*DOI:?\s*(?:https?://(?:dx\.)?doi\.org/)?10\.\S+\s*")
_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)


def local(element: Element) -> str:
    """An element's name without its namespace; empty for comments, instructions and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, *names: str) -> list[Element]:
    """Child elements of these names."""
    return [each for each in element if local(each) in names]


def child(element: Element, *path: str) -> Element | None:
    """The first element down a path of child names."""
    for name in path:
        found = next(iter(children(element, name)), None)
        if found is None:
            return None
        element = found
    return element


def text_of(element: Element | None) -> str:
    """Text with single spaces: formulas once, references and indices kept, blocks set apart."""
    if element is None:
        return ""
    parts: list[str] = []
    _collect(element, parts)
    text = " ".join("".join(parts).split())
    return re.sub(r"\s+([,.;:)\]])(?=\s|$)", r"\1", text)


def _collect(element: Element, parts: list[str]) -> None:
    """Append the element's text without its tail."""
    name = local(element)
    if not name:
        if isinstance(element, etree._Entity):
            parts.append(_entity(element.text or ""))
        return
    special = _SPECIAL.get(name)
    if name in _SKIPPED:
        return
    if special is not None:
        special(element, parts)
        return
    if name == "p" and _DOI_LINE.fullmatch(_raw(element)):
        return
    block = name in _BLOCKS
    if block:
        parts.append(" ")
    parts.append(element.text or "")
    for each in element:
        _collect(each, parts)
        parts.append(each.tail or "")
    if block:
        parts.append(" ")


def _raw(element: Element) -> str:
    return "".join(str(each) for each in element.itertext(with_tail=False))


def _entity(text: str) -> str:
    """What HTML knows of an entity (`&micro;`), else nothing: what a DTD would say of it is not read."""
    known = html.unescape(text)
    return known if known != text else ""


def _raised(element: Element, parts: list[str]) -> None:
    """A superscript: `10^6` after a digit, as it is after letters (`cm2`, `Li+`)."""
    before = "".join(parts[-3:])[-1:]
    inside = text_of_children(element)
    parts.append(f"^{inside}" if before.isdigit() and inside[:1].isalnum() | (inside[:1] in "−-–+") else inside)


def text_of_children(element: Element) -> str:
    """Text inside an element whose own name is to be left aside."""
    parts = [element.text or ""]
    for each in element:
        _collect(each, parts)
        parts.append(each.tail or "")
    return " ".join("".join(parts).split())


def _alternatives(element: Element, parts: list[str]) -> None:
    """One of several forms of the same thing: MathML, else TeX, else what has text."""
    for wanted in ("math", "tex-math"):
        for each in children(element, wanted):
            _collect(each, parts)
            return
    for each in element:
        before = len(parts)
        _collect(each, parts)
        if any(part.strip() for part in parts[before:]):
            return


def _formula(element: Element, parts: list[str]) -> None:
    """A formula; where both MathML and TeX stand in it without `alternatives`, one of them."""
    maths = children(element, "math", "tex-math")
    parts.append(" " if local(element) == "disp-formula" else "")
    if len(maths) > 1:
        _alternatives(element, parts)
    else:
        parts.append(text_of_children(element))
    parts.append(" " if local(element) == "disp-formula" else "")


def _tex(element: Element, parts: list[str]) -> None:
    text = _raw(element)
    body = _TEX_BODY.search(text)
    parts.append(" ".join((body[1] if body else text).replace("$", "").split()))


def _math(element: Element, parts: list[str]) -> None:
    parts.append(_linear(element))


def _linear(element: Element) -> str:
    """MathML on one line: `W_b`, `10^6`, `a/b`."""
    name = local(element)
    if name.startswith("annotation"):
        return ""
    inner = [_linear(each) for each in element if local(each)]
    own = " ".join((element.text or "").split())
    if name in _SCRIPTS and len(inner) == len(_SCRIPTS[name]) + 1:
        marks = zip(_SCRIPTS[name], inner[1:], strict=True)
        return inner[0] + "".join(f"{mark}{_grouped(each)}" for mark, each in marks if mark)
    if name == "mfrac" and len(inner) == 2:
        return f"{_grouped(inner[0])}/{_grouped(inner[1])}"
    if name == "msqrt":
        return f"√({own}{''.join(inner)})"
    if name == "mspace":
        return " "
    return own + "".join(inner)


_SCRIPTS = {"msub": ("_",), "msup": ("^",), "msubsup": ("_", "^"), "mover": ("",), "munder": ("_",),
            "munderover": ("_", "^")}  # fmt: skip


def _grouped(text: str) -> str:
    return text if len(text) <= 2 or text.isalnum() or text.lstrip("−-").isalnum() else f"({text})"


_SPECIAL: dict[str, Callable[[Element, list[str]], None]] = {
    "sup": _raised,
    "alternatives": _alternatives,
    "inline-formula": _formula,
    "disp-formula": _formula,
    "tex-math": _tex,
    "math": _math,
}
