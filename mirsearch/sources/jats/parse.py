"""Parse JATS XML safely (JATS 1.x, NLM 2 and 3): the article's data and the figures that it declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lxml import etree

from mirsearch.corpus import Article
from mirsearch.errors import SourceError
from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.articles import make_article
from mirsearch.sources.jats.figures import JatsFigure, parse_figures
from mirsearch.sources.jats.images import other_image_names
from mirsearch.sources.jats.rights import article_license, rights_holder
from mirsearch.sources.jats.text import Element, child, children, element_text, local_name

_OTHER_DATE_TYPES = frozenset(("pmc-release", "nihms-submitted", "received", "accepted", "rev-recd", "retraction"))
_RETRACTED = re.compile(r"\s*+\[?+\s*+retracted\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JatsArticle:
    """One article in a file: its data (None if it has none), its figures in order, and who holds the rights.

    `other_images` are the names of images that are no figures: of tables, formulas, portraits.
    """

    article: Article | None
    figures: tuple[JatsFigure, ...]
    rights_holder: str | None = None
    other_images: tuple[str, ...] = ()


def read_jats(path: Path, limits: Limits = LIMITS) -> list[JatsArticle]:
    """Return the articles in a file. Nothing outside the file is read: no DTD, no entity, no network.

    Raises SourceError with the file's name if it is too large, no XML, no JATS, or declares its own entities.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.xml_bytes + 1)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or error}", "check its permissions") from error
    if len(data) > limits.xml_bytes:
        raise SourceError(f"{path}: more than {limits.xml_bytes:,} bytes of XML", "split the file")
    return parse_jats(data, str(path))


def parse_jats(data: bytes, name: str) -> list[JatsArticle]:
    """Return the articles in the bytes of a JATS file. Errors call it `name`. Raises SourceError like read_jats."""
    root = _parse_xml(data, name)
    roots = list(_articles(root))
    if not roots:
        raise SourceError(
            f"{name}: XML, but no JATS article (root <{local_name(root)}>)", "give the article's JATS XML"
        )
    try:
        return [
            JatsArticle(
                _article_data(element),
                tuple(parse_figures(element)),
                rights_holder(element),
                tuple(other_image_names(element)),
            )
            for element in roots
        ]
    except RecursionError as error:
        raise SourceError(f"{name}: its elements are nested too deeply", "get the file again") from error


def _articles(root: Element) -> Iterator[Element]:
    """Yield the articles of a file in order. An article inside another one is part of that one."""
    if local_name(root) == "article" and _is_article(root):
        yield root
        return
    for element in root:
        yield from _articles(element)


def _parse_xml(data: bytes, name: str) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, dtd_validation=False,
        attribute_defaults=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    if not data.strip():
        raise SourceError(f"{name}: empty file", "get the file again")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        location = f"line {error.lineno}: " if error.lineno else ""
        cause = " ".join(str(error.msg or error).split())[:160]
        raise SourceError(f"{name}: not well-formed XML: {location}{cause}", "get the file again") from error
    except (ValueError, LookupError) as error:
        raise SourceError(f"{name}: not readable as XML: {str(error)[:160]}", "get the file again") from error
    internal_dtd: Any = root.getroottree().docinfo.internalDTD
    if internal_dtd is not None and next(iter(internal_dtd.iterentities()), None) is not None:
        raise SourceError(f"{name}: declares XML entities of its own", "remove its <!ENTITY …> declarations")
    return root


def _is_article(element: Element) -> bool:
    return any(local_name(child) in ("front", "body", "floats-group", "floats-wrap") for child in element)


def _article_data(root: Element) -> Article | None:
    front = child(root, "front")
    if front is None:
        return None
    meta = child(front, "article-meta")
    if meta is None:
        return None
    ids = {
        article_id.get("pub-id-type", ""): element_text(article_id)
        for article_id in reversed(children(meta, "article-id"))
    }
    title = element_text(child(meta, "title-group", "article-title"))
    article = make_article(
        title=title,
        doi=ids.get("doi"),
        pmcid=ids.get("pmcid") or ids.get("pmc"),
        journal=_journal(front),
        year=_year(meta),
        license=article_license(meta),
        authors=_authors(meta),
    )
    return replace(article, retracted=True) if article is not None and _RETRACTED.match(title) else article


def _journal(front: Element) -> str | None:
    meta = child(front, "journal-meta")
    if meta is None:
        return None
    for path in (("journal-title-group", "journal-title"), ("journal-title",),
                 ("journal-title-group", "abbrev-journal-title"), ("journal-id",)):  # fmt: skip
        if text := element_text(child(meta, *path)):
            return text
    return None


def _year(meta: Element) -> str | None:
    """Return the earliest year of publication; None if there is none."""
    years = []
    for date in children(meta, "pub-date"):
        kind = date.get("pub-type") or date.get("date-type") or ""
        year = element_text(child(date, "year"))
        if kind not in _OTHER_DATE_TYPES and re.fullmatch(r"\d{4}", year):
            years.append(year)
    return min(years, default=None)


def _authors(meta: Element) -> Iterator[str]:
    for group in children(meta, "contrib-group"):
        for person in children(group, "contrib"):
            if person.get("contrib-type", "author") == "author":
                yield _person_name(person)


def _person_name(person: Element) -> str:
    alternatives = child(person, "name-alternatives")
    names = person if alternatives is None else alternatives
    name = child(names, "name")
    if name is not None:
        return f"{element_text(child(name, 'given-names'))} {element_text(child(name, 'surname'))}".strip()
    for other in ("string-name", "collab"):
        if (other_name := child(names, other)) is not None:
            return element_text(other_name)
    return ""
