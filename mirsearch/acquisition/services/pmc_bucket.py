"""The PMC open-access bucket (PMC Cloud): an article's newest version, its record, JATS XML and figures, by MD5."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from lxml import etree

from mirsearch.acquisition.http.client import FOREVER, HttpClient
from mirsearch.acquisition.http.kinds import ARTICLE, IMAGE, LISTING, RECORD
from mirsearch.acquisition.services.base import AcceptsTerms, ArticlePlan, FetchedFigure, Hit, PlannedFigure, Terms
from mirsearch.corpus import Article
from mirsearch.errors import FetchError, SourceError
from mirsearch.settings import PMC
from mirsearch.sources.articles import clean_text, make_article, normalize_license
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.jats.match_images import href_file_name, leaves_folder
from mirsearch.sources.jats.parse import JatsArticle, parse_jats

BUCKET_NAME = "pmc-oa-opendata"
_DAY_SECONDS = 86_400.0
_MAX_PAGES = 20
_SUFFIX_ORDER = ("", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif")
"""Suffixes in order of choice: a .gif beside a .jpg is its thumbnail."""
_PICTURE = re.compile(r"\.(?:jpe?g|png|tiff?|webp|gif)$", re.IGNORECASE)
_NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_REMEDY = "run it again later; what is done is kept"


@dataclass(frozen=True, slots=True)
class Media:
    """A file beside an article: address and MD5 (hex, where told)."""

    url: str
    md5: str | None


class PmcBucket:
    """Reads the bucket. `full_text` gives an article's XML from elsewhere where the bucket's can't be used."""

    def __init__(self, client: HttpClient, full_text: Callable[[str], bytes] | None = None) -> None:
        self._client, self._full_text = client, full_text
        self._sizes: dict[str, dict[str, int]] = {}

    def plan(self, hit: Hit, wants: AcceptsTerms) -> ArticlePlan:
        """The article's terms and, where they are wanted, its figures. SourceError where it can't be read."""
        version = self._newest(hit.id)
        if version is None:
            return ArticlePlan(Terms(closed="not in the PMC open-access bucket"))
        record = self._record(hit.id, version)
        terms = _record_terms(hit, record)
        if not wants(terms):
            return ArticlePlan(terms)
        jats = self._text(hit.id, version, record)
        article, terms = _merge_article(hit, record, jats, terms)
        if not wants(terms):
            return ArticlePlan(terms, article)
        figures, missing = _plan_figures(jats.figures, media_by_name(record, hit.id, version))
        lost = (("no image in the PMC bucket", missing),) if missing else ()
        return ArticlePlan(terms, article, figures, jats.rights_holder, lost=lost)

    def fetch(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """A figure's image into a file, its MD5 checked."""
        answer = self._client.fetch(figure.url, IMAGE, max_age=FOREVER, md5=figure.md5, into=into)
        return FetchedFigure(answer.sha256, answer.size, answer.retrieved)

    def size(self, figure: PlannedFigure) -> int | None:
        """Bytes of an image as the bucket lists it; one request an article."""
        folder, _, name = figure.url.removeprefix(f"{PMC.base}/").rpartition("/")
        if folder not in self._sizes:
            self._sizes = {folder: dict(self._listed(f"{folder}/"))}
        return self._sizes[folder].get(f"{folder}/{name}")

    def _newest(self, pmcid: str) -> int | None:
        """The highest version there is, as a number; None where the bucket does not have the article."""
        pattern = re.compile(rf"metadata/{re.escape(pmcid)}\.(\d{{1,6}})\.json")
        found = [int(match[1]) for key, _ in self._listed(f"metadata/{pmcid}.") if (match := pattern.fullmatch(key))]
        return max(found, default=None)

    def _listed(self, prefix: str) -> list[tuple[str, int]]:
        """Keys and sizes under a prefix."""
        found: list[tuple[str, int]] = []
        token: str | None = None
        for _ in range(_MAX_PAGES):
            told = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            address = f"{PMC.base}/?{urlencode(told)}"
            answer = self._client.fetch(address, LISTING, max_age=_DAY_SECONDS, valid=_is_listing)
            entries, token = parse_listing(answer.data)
            found += entries
            if token is None:
                return found
        raise SourceError(f"the PMC bucket lists {prefix!r} without an end", _REMEDY)

    def _record(self, pmcid: str, version: int) -> dict[str, Any]:
        name = f"{pmcid}.{version}"
        address = f"{PMC.base}/metadata/{name}.json"
        answer = self._client.fetch(address, RECORD, max_age=_DAY_SECONDS, valid=_is_record)
        record = json.loads(answer.data)
        if not isinstance(record, dict) or str(record.get("pmcid", "")).upper() != pmcid:
            raise SourceError(f"the PMC bucket's record of {name} is not that article's", _REMEDY)
        return record

    def _text(self, pmcid: str, version: int, record: dict[str, Any]) -> JatsArticle:
        """The article's JATS: the bucket's, else Europe PMC's. SourceError tells why neither can be used."""
        try:
            found = parse_media_address(str(record.get("xml_url", "")), f"{pmcid}.{version}/")
            if found is None:
                raise SourceError(f"the PMC bucket's record of {pmcid} names no text")
            data = self._client.fetch(found.url, ARTICLE, max_age=FOREVER, md5=found.md5).data
            return find_article(data, pmcid)
        except SourceError as error:
            if self._full_text is None or (isinstance(error, FetchError) and error.cause in ("blocked", "stopped")):
                raise
            try:
                return find_article(self._full_text(pmcid), pmcid)
            except SourceError:
                raise error from None


def _is_listing(path: Path) -> bool:
    try:
        parse_listing(path.read_bytes())
    except (OSError, SourceError):
        return False
    return True


def _is_record(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def parse_listing(data: bytes) -> tuple[list[tuple[str, int]], str | None]:
    """Keys with sizes of a ListBucketResult, and the token of its next page; SourceError where it is none."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or root.tag not in (f"{_NS}ListBucketResult", "ListBucketResult"):
        raise SourceError("the PMC bucket could not be asked: its listing is damaged", _REMEDY)
    namespace = _NS if root.tag.startswith(_NS) else ""
    found = []
    for each in root.iter(f"{namespace}Contents"):
        size = each.findtext(f"{namespace}Size") or ""
        found.append((each.findtext(f"{namespace}Key") or "", int(size) if size.isdecimal() else 0))
    more = root.findtext(f"{namespace}IsTruncated") == "true"
    return found, (root.findtext(f"{namespace}NextContinuationToken") or None) if more else None


def find_article(data: bytes, pmcid: str) -> JatsArticle:
    """The article of that id in JATS XML; SourceError where the XML is another's."""
    articles = parse_jats(data, f"the text of {pmcid}")
    named = [each for each in articles if each.article is not None and each.article.pmcid == pmcid]
    if named:
        return named[0]
    first = articles[0]
    if first.article is not None and first.article.pmcid not in (None, pmcid):
        raise SourceError(f"the text of {pmcid} is another article's ({first.article.pmcid})", _REMEDY)
    return first


def parse_media_address(address: str, folder: str) -> Media | None:
    """Where a file of the bucket is: `s3://bucket/key?md5=…` as an address; None where it is not in `folder`."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    key = parts.path.lstrip("/")
    plain = all(each not in ("", ".", "..") for each in key.split("/")) and key.isprintable() and "\\" not in key
    if parts.scheme != "s3" or parts.netloc != BUCKET_NAME or not plain or not key.startswith(folder):
        return None
    told = parse_qs(parts.query).get("md5", [""])[0].lower()
    return Media(f"{PMC.base}/{quote(key)}", told if re.fullmatch(r"[0-9a-f]{32}", told) else None)


def media_by_name(record: dict[str, Any], pmcid: str, version: int) -> dict[str, Media]:
    """An article's files by name in lower case; those that lie elsewhere are left out."""
    listed = record.get("media_urls")
    found = {}
    for each in listed if isinstance(listed, list) else ():
        media = parse_media_address(str(each), f"{pmcid}.{version}/")
        if media is not None:
            found[href_file_name(media.url).lower()] = media
    return found


def _plan_figures(figures: tuple[JatsFigure, ...], media: dict[str, Media]) -> tuple[tuple[PlannedFigure, ...], int]:
    """Every image the figures name that is there, and how many figures have none."""
    planned: list[PlannedFigure] = []
    missing = 0
    for figure in figures:
        found = [each for names in figure.images if (each := _find_media(names, media)) is not None]
        missing += not found and not figure.optional
        for each in found:
            name = clean_text(href_file_name(each.url), 120)
            planned.append(
                PlannedFigure(name, each.url, each.md5, figure.caption, figure.label, figure.permission_note)
            )
    return tuple(planned), missing


def _find_media(names: tuple[str, ...], media: dict[str, Media]) -> Media | None:
    """The file that stands for an image: by its name as it is, else with the best suffix there is."""
    for suffix in _SUFFIX_ORDER:
        for href in names:
            name = "" if leaves_folder(href) else href_file_name(href).lower()
            stem = _PICTURE.sub("", name) if suffix else name
            if name and f"{stem}{suffix}" in media:
                return media[f"{stem}{suffix}"]
    return None


def _record_terms(hit: Hit, record: dict[str, Any]) -> Terms:
    """What hit and record say; the bucket's flag of open access counts, not that a file lies there."""
    code = record.get("license_code")
    told = tuple(each for each in (hit.license, code if isinstance(code, str) else None) if each)
    closed = None if record.get("is_pmc_openaccess") is True else "not open access"
    return Terms(told, hit.retracted or record.get("is_retracted") is True, closed, partial=True)


def _merge_article(hit: Hit, record: dict[str, Any], jats: JatsArticle, terms: Terms) -> tuple[Article | None, Terms]:
    """The article as its text tells it, with what the hit knows beyond, and its terms with the text's license."""
    told = jats.article
    own = told.license if told is not None else None
    licenses = (*terms.licenses, own) if own else terms.licenses
    retracted = terms.retracted or (told is not None and told.retracted)
    article = make_article(
        title=(told and told.title) or hit.title or _text_field(record, "title"),
        doi=(told and told.doi) or hit.doi or _text_field(record, "doi"),
        pmcid=hit.id,
        journal=(told and told.journal) or hit.journal,
        year=(told and told.year) or hit.year,
        license=own or next((normalize_license(each) for each in reversed(terms.licenses)), None),
        authors=(told.authors if told is not None else ()) or hit.authors,
    )
    merged = replace(article, retracted=retracted) if article is not None else None
    return merged, replace(terms, licenses=licenses, retracted=retracted, partial=False)


def _text_field(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None
