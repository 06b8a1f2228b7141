"""JATS XML read safely: the article's data and the figures it declares (JATS 1.x, NLM 2 and 3)."""

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
from mirsearch.sources.articles import clean_text, make_article
from mirsearch.sources.jats.figures import JatsFigure, figures_of
from mirsearch.sources.jats.text import Element, child, children, local, text_of

_XLINK = "{http://www.w3.org/1999/xlink}href"
_NOT_PUBLISHED = frozenset(("pmc-release", "nihms-submitted", "received", "accepted", "rev-recd", "retraction"))
_RETRACTED = re.compile(r"\s*\[?\s*retracted\b", re.IGNORECASE)
_SAY_NOTHING = frozenset(("open-access", "openaccess", "open", "free", "fulltext"))


@dataclass(frozen=True, slots=True)
class JatsArticle:
    """One article of a file: its data (None where it says nothing of itself), figures in order, rights holder."""

    article: Article | None
    figures: tuple[JatsFigure, ...]
    holder: str | None = None


def read_jats(path: Path, limits: Limits = LIMITS) -> list[JatsArticle]:
    """The articles of a file. SourceError names it where it is too large, no XML, has entities of its own, or no JATS.

    Nothing outside the file is read: no DTD, no entity, no network.
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
    """The articles in the bytes of a JATS file; `name` is what errors call it. SourceError as in read_jats."""
    root = _parsed(data, name)
    roots = [each for each in root.iter() if local(each) == "article" and _is_article(each)]
    if not roots:
        raise SourceError(f"{name}: XML, but no JATS article (root <{local(root)}>)", "give the article's JATS XML")
    return [JatsArticle(_article(each), tuple(figures_of(each)), _holder(each)) for each in roots]


def _parsed(data: bytes, name: str) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, dtd_validation=False,
        attribute_defaults=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    if not data.strip():
        raise SourceError(f"{name}: empty file", "get the file again")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        cause = " ".join(str(error.msg or error).split())[:160]
        raise SourceError(f"{name}: not well-formed XML: {where}{cause}", "get the file again") from error
    except (ValueError, LookupError) as error:
        raise SourceError(f"{name}: not readable as XML: {str(error)[:160]}", "get the file again") from error
    internal: Any = root.getroottree().docinfo.internalDTD
    if internal is not None and next(iter(internal.iterentities()), None) is not None:
        raise SourceError(f"{name}: declares XML entities of its own", "remove its <!ENTITY …> declarations")
    return root


def _is_article(element: Element) -> bool:
    return any(local(each) in ("front", "body", "floats-group", "floats-wrap") for each in element)


def _article(root: Element) -> Article | None:
    front = child(root, "front")
    if front is None:
        return None
    meta = child(front, "article-meta")
    if meta is None:
        return None
    ids = {each.get("pub-id-type", ""): text_of(each) for each in reversed(children(meta, "article-id"))}
    title = text_of(child(meta, "title-group", "article-title"))
    article = make_article(
        title=title,
        doi=ids.get("doi"),
        pmcid=ids.get("pmcid") or ids.get("pmc"),
        journal=_journal(front),
        year=_year(meta),
        license=_license(meta),
        authors=_authors(meta),
    )
    return replace(article, retracted=True) if article is not None and _RETRACTED.match(title) else article


def _journal(front: Element) -> str | None:
    meta = child(front, "journal-meta")
    if meta is None:
        return None
    for path in (("journal-title-group", "journal-title"), ("journal-title",),
                 ("journal-title-group", "abbrev-journal-title"), ("journal-id",)):  # fmt: skip
        if text := text_of(child(meta, *path)):
            return text
    return None


def _year(meta: Element) -> str | None:
    """The earliest year of publication told."""
    years = []
    for date in children(meta, "pub-date"):
        kind = date.get("pub-type") or date.get("date-type") or ""
        year = text_of(child(date, "year"))
        if kind not in _NOT_PUBLISHED and re.fullmatch(r"\d{4}", year):
            years.append(year)
    return min(years, default=None)


def _license(meta: Element) -> str | None:
    """The licence's address or name, else its words: attributes, ali:license_ref, links in its text, the text."""
    permissions = child(meta, "permissions")
    for found in children(permissions if permissions is not None else meta, "license"):
        addresses = [found.get(_XLINK, "")]
        addresses += [text_of(each) for each in found.iter() if local(each) == "license_ref"]
        addresses += [each.get(_XLINK, "") for each in found.iter() if local(each) in ("ext-link", "uri")]
        open_one = next((each for each in addresses if "creativecommons.org" in each.lower()), None)
        if open_one:
            return open_one
        words = text_of(found)
        if words:
            return words if len(words) <= 300 else words[:299] + "…"
        kind = found.get("license-type", "")
        if kind and kind.lower() not in _SAY_NOTHING:
            return kind
    return None


def _holder(root: Element) -> str | None:
    """Who holds the article's rights: by name, else by the copyright statement."""
    permissions = child(root, "front", "article-meta", "permissions")
    for name in ("copyright-holder", "copyright-statement"):
        if permissions is not None and (text := text_of(child(permissions, name))):
            return clean_text(text, 300)
    return None


def _authors(meta: Element) -> Iterator[str]:
    for group in children(meta, "contrib-group"):
        for person in children(group, "contrib"):
            if person.get("contrib-type", "author") == "author":
                yield _name(person)


def _name(person: Element) -> str:
    alternatives = child(person, "name-alternatives")
    inside = person if alternatives is None else alternatives
    name = child(inside, "name")
    if name is not None:
        return f"{text_of(child(name, 'given-names'))} {text_of(child(name, 'surname'))}".strip()
    for other in ("string-name", "collab"):
        if (found := child(inside, other)) is not None:
            return text_of(found)
    return ""
