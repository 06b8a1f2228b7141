"""Write the text of JATS elements on one line, as a reader would."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable, Sequence

from lxml import etree

Element = etree._Element

XLINK = "{http://www.w3.org/1999/xlink}href"

_BLOCK_ELEMENTS = frozenset(("title", "p", "sec", "list", "list-item", "break", "disp-formula", "disp-quote", "caption",
                             "td", "def-item", "label", "verse-line"))  # fmt: skip
_SKIPPED_ELEMENTS = frozenset(("graphic", "inline-graphic", "media", "object-id", "permissions", "alt-text",
                               "long-desc", "fn", "table", "processing-meta", "attrib-type", "fig", "fig-group",
                               "table-wrap"))  # fmt: skip
_DOI_LINE = re.compile(r"\s*+DOI:?+\s*+(?:https?://(?:dx\.)?doi\.org/)?10\.\S++\s*+")
_DOI_LINE_CHARS = 300
"""A paragraph of more characters is no line with a DOI only."""
_LETTER = r"(?:(?:[ivx]{1,4}|[IVX]{1,4}|[A-Za-z][\d'′]?+)(?![A-Za-z]))"
_LETTERS = re.compile(rf"(?:panels?\s++)?+{_LETTER}(?:\s*+(?:[,;&/–—-]|and|to)\s*+{_LETTER})*+")
"""Labels of items that name panels: "A", "B, C", "D–F", "iv"."""
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_SPACE_BEFORE_MARK = re.compile(r"(?<!\s)\s++([,.;:)\]])(?=\s|$)")


def local_name(element: Element) -> str:
    """Return an element's name without its namespace; empty for comments, instructions and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, *names: str) -> list[Element]:
    """Return the child elements with these names."""
    return [child for child in element if local_name(child) in names]


def child(element: Element, *path: str) -> Element | None:
    """Return the first element at the end of a path of child names; None if there is none."""
    for name in path:
        found = next(iter(children(element, name)), None)
        if found is None:
            return None
        element = found
    return element


def element_text(element: Element | None) -> str:
    """Return an element's text with single spaces: each formula once, indices kept, blocks separated."""
    if element is None:
        return ""
    parts: list[str] = []
    _add_text(element, parts)
    return _one_line(parts)


def text_beside(element: Element, names: frozenset[str]) -> str:
    """Return the text directly in an element, and of its children but those with these names."""
    parts = [element.text or ""]
    for child in element:
        if local_name(child) not in names:
            _add_text(child, parts)
        parts.append(f" {child.tail or ''}")
    return _one_line(parts)


def _one_line(parts: list[str]) -> str:
    return _SPACE_BEFORE_MARK.sub(r"\1", " ".join("".join(parts).split()))


def _add_text(element: Element, parts: list[str]) -> None:
    """Append the element's text, without the text after it."""
    name = local_name(element)
    if not name:
        if isinstance(element, etree._Entity):
            parts.append(_entity_text(element.text or ""))
        return
    handler = _HANDLERS.get(name)
    if name in _SKIPPED_ELEMENTS:
        return
    if handler is not None:
        handler(element, parts)
        return
    if name == "p" and _is_doi_line(element):
        return
    is_block = name in _BLOCK_ELEMENTS
    if is_block:
        parts.append(" ")
    parts.append(element.text or "")
    for child in element:
        _add_text(child, parts)
        parts.append(child.tail or "")
    if is_block:
        parts.append(" ")


def _is_doi_line(element: Element) -> bool:
    """Return whether an element holds only a DOI. The texts of elements in elements are not read to their ends."""
    text = ""
    for part in element.itertext(with_tail=False):
        text += str(part)
        if len(text) > _DOI_LINE_CHARS:
            return False
    return _DOI_LINE.fullmatch(text) is not None


def _all_text(element: Element) -> str:
    return "".join(str(text) for text in element.itertext(with_tail=False))


def _entity_text(text: str) -> str:
    """Return the character that HTML gives an entity (`&micro;`), else nothing. No DTD is read."""
    character = html.unescape(text)
    return character if character != text else ""


def _add_superscript(element: Element, parts: list[str]) -> None:
    """Append a superscript: as `10^6` after a digit, unchanged after letters (`cm2`, `Li+`)."""
    last_character = "".join(parts[-3:])[-1:]
    script = inner_text(element)
    parts.append(f"^{script}" if last_character.isdigit() and script[:1].isalnum() | (script[:1] in "−-–+") else script)


def inner_text(element: Element) -> str:
    """Return the text inside an element, whatever the element's own name."""
    parts = [element.text or ""]
    for child in element:
        _add_text(child, parts)
        parts.append(child.tail or "")
    return " ".join("".join(parts).split())


def _add_alternative(element: Element, parts: list[str]) -> None:
    """Append one of several forms of the same content: MathML, else TeX, else the first with text."""
    for name in ("math", "tex-math"):
        for form in children(element, name):
            _add_text(form, parts)
            return
    for form in element:
        count = len(parts)
        _add_text(form, parts)
        if any(part.strip() for part in parts[count:]):
            return


def _add_formula(element: Element, parts: list[str]) -> None:
    """Append a formula. If it has both MathML and TeX without `alternatives`, append only one."""
    maths = children(element, "math", "tex-math")
    parts.append(" " if local_name(element) == "disp-formula" else "")
    if len(maths) > 1:
        _add_alternative(element, parts)
    else:
        parts.append(inner_text(element))
    parts.append(" " if local_name(element) == "disp-formula" else "")


def _add_tex(element: Element, parts: list[str]) -> None:
    parts.append(" ".join(_tex_body(_all_text(element)).replace("$", "").split()))


def _tex_body(text: str) -> str:
    r"""Return what stands between \begin{document} and \end{document}; the whole text if one of them is missing."""
    _, begin, rest = text.partition(r"\begin{document}")
    body, end, _ = rest.partition(r"\end{document}")
    return body if begin and end else text


def _add_math(element: Element, parts: list[str]) -> None:
    parts.append(_linear_math(element))


def _linear_math(element: Element) -> str:
    """Return MathML on one line: `W_b`, `10^6`, `a/b`."""
    name = local_name(element)
    if name.startswith("annotation"):
        return ""
    parts = [_linear_math(child) for child in element if local_name(child)]
    text = " ".join((element.text or "").split())
    if name in _SCRIPTS and len(parts) == len(_SCRIPTS[name]) + 1:
        scripts = zip(_SCRIPTS[name], parts[1:], strict=True)
        return parts[0] + "".join(f"{mark}{_parenthesize(child)}" for mark, child in scripts if mark)
    if name == "mfrac" and len(parts) == 2:
        return f"{_parenthesize(parts[0])}/{_parenthesize(parts[1])}"
    if name == "msqrt":
        return f"√({text}{''.join(parts)})"
    if name == "mspace":
        return " "
    return text + "".join(parts)


_SCRIPTS = {"msub": ("_",), "msup": ("^",), "msubsup": ("_", "^"), "mover": ("",), "munder": ("_",),
            "munderover": ("_", "^")}  # fmt: skip


def _parenthesize(text: str) -> str:
    return text if len(text) <= 2 or text.isalnum() or text.lstrip("−-").isalnum() else f"({text})"


def _add_list(element: Element, parts: list[str]) -> None:
    """Append a list. Letters before its items become "(A)", also those that only the kind of the list implies."""
    items = children(element, "list-item")
    labels = [_list_label(element_text(child(item, "label"))) for item in items]
    if not any(labels):
        labels = _implied_labels(element.get("list-type", ""), len(items))
    parts.append(" ")
    for form in children(element, "label", "title"):
        _add_text(form, parts)
    for item, label in zip(items, labels, strict=True):
        _add_item(label, [part for part in item if local_name(part) != "label"], parts)


def _add_definitions(element: Element, parts: list[str]) -> None:
    """Append a list of terms and what they mean. A term that is a letter becomes "(A)"."""
    for item in children(element, "def-item"):
        terms = ", ".join(element_text(term) for term in children(item, "term"))
        _add_item(_list_label(terms), [part for part in item if local_name(part) != "term"], parts)


def _add_item(label: str, content: list[Element], parts: list[str]) -> None:
    """Append an item of a list. An item with a letter ends with a mark: the next letter is not a part of it."""
    is_lettered = label.startswith("(")
    if is_lettered:
        _end_sentence(parts)
    parts.append(f" {label} ")
    for part in content:
        _add_text(part, parts)
        parts.append(part.tail or "")
    if is_lettered:
        _end_sentence(parts)
    parts.append(" ")


def _end_sentence(parts: list[str]) -> None:
    """Append a full stop if the text ends with a word."""
    last = next((text for part in reversed(parts) if (text := part.rstrip())), "")
    if last and (last[-1].isalnum() or last[-1] in ")]"):
        parts.append(". ")


def _list_label(label: str) -> str:
    """Return "(A)" for a letter or letters, nothing for a bullet, and other labels as they are."""
    plain = label.strip(" ().:[]")
    if _LETTERS.fullmatch(plain):
        return f"({plain})"
    return label if any(character.isalnum() for character in label) else ""


def _implied_labels(kind: str, count: int) -> list[str]:
    letters: Sequence[str] = ()
    if kind.startswith("alpha"):
        letters = string.ascii_lowercase
    elif kind.startswith("roman"):
        letters = _ROMAN
    letters = [letter.upper() for letter in letters] if kind.endswith("-upper") else letters
    return [f"({letters[number]})" if number < len(letters) else "" for number in range(count)]


_HANDLERS: dict[str, Callable[[Element, list[str]], None]] = {
    "sup": _add_superscript,
    "alternatives": _add_alternative,
    "inline-formula": _add_formula,
    "disp-formula": _add_formula,
    "tex-math": _add_tex,
    "math": _add_math,
    "list": _add_list,
    "def-list": _add_definitions,
}
