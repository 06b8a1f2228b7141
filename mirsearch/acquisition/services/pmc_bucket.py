"""The PMC open-access bucket (PMC Cloud): an article's newest version: record, JATS XML and figures."""

from __future__ import annotations

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
from mirsearch.isolation.pool import run_isolated
from mirsearch.settings import PMC
from mirsearch.sources.articles import clean_text, make_article, normalize_license
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.jats.match_images import href_file_name, leaves_folder
from mirsearch.sources.jats.parse import JatsArticle, parse_jats
from mirsearch.text.foreign import parse_integer, parse_json

BUCKET_NAME = "pmc-oa-opendata"
_DAY_SECONDS = 86_400.0
_MAX_PAGES = 20
_SUFFIX_ORDER = ("", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif")
"""Suffixes in order of preference. A .gif beside a .jpg is its thumbnail."""
_PICTURE = re.compile(r"\.(?:jpe?g|png|tiff?|webp|gif)$", re.IGNORECASE)
_NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_REMEDY = "run the command again later; finished work is kept"


@dataclass(frozen=True, slots=True)
class Media:
    """A file beside an article: address and MD5 (hex, if known)."""

    url: str
    md5: str | None


class PmcBucket:
    """Reads the bucket. `full_text` gives an article's XML from elsewhere if the bucket's is unusable."""

    def __init__(self, client: HttpClient, full_text: Callable[[str], bytes] | None = None) -> None:
        self._client, self._full_text = client, full_text
        self._sizes: dict[str, dict[str, int]] = {}

    def plan_article(self, hit: Hit, accepts_terms: AcceptsTerms) -> ArticlePlan:
        """Return the article's terms and, if they are accepted, its figures. Raises SourceError if that fails."""
        version = self._newest_version(hit.id)
        if version is None:
            return ArticlePlan(Terms(closed="not in the PMC open-access bucket"))
        record = self._fetch_record(hit.id, version)
        terms = _record_terms(hit, record)
        if not accepts_terms(terms):
            return ArticlePlan(terms)
        jats = self._fetch_text(hit.id, version, record)
        article, terms = _merge_article(hit, record, jats, terms)
        if not accepts_terms(terms):
            return ArticlePlan(terms, article)
        figures, missing = _plan_figures(jats.figures, media_by_name(record, hit.id, version))
        lost = (("no image in the PMC bucket", missing),) if missing else ()
        return ArticlePlan(terms, article, figures, jats.rights_holder, lost=lost)

    def fetch_figure(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """Download a figure's image into a file, and check its MD5."""
        answer = self._client.fetch(figure.url, IMAGE, max_age=FOREVER, md5=figure.md5, into=into)
        return FetchedFigure(answer.sha256, answer.size, answer.retrieved)

    def figure_size(self, figure: PlannedFigure) -> int | None:
        """Return the bytes of an image as the bucket lists them; one request per article."""
        folder, _, name = figure.url.removeprefix(f"{PMC.base}/").rpartition("/")
        if folder not in self._sizes:
            self._sizes = {folder: dict(self._list_keys(f"{folder}/"))}
        return self._sizes[folder].get(f"{folder}/{name}")

    def _newest_version(self, pmcid: str) -> int | None:
        """Return the highest version as a number; None if the bucket does not have the article."""
        pattern = re.compile(rf"metadata/{re.escape(pmcid)}\.(\d{{1,6}})\.json")
        versions = [
            int(match[1]) for key, _ in self._list_keys(f"metadata/{pmcid}.") if (match := pattern.fullmatch(key))
        ]
        return max(versions, default=None)

    def _list_keys(self, prefix: str) -> list[tuple[str, int]]:
        """Return the keys and sizes under a prefix."""
        entries_found: list[tuple[str, int]] = []
        token: str | None = None
        for _ in range(_MAX_PAGES):
            parameters = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            address = f"{PMC.base}/?{urlencode(parameters)}"
            answer = self._client.fetch(address, LISTING, max_age=_DAY_SECONDS, is_valid=_is_listing)
            entries, token = parse_listing(answer.data)
            entries_found += entries
            if token is None:
                return entries_found
        raise SourceError(f"the PMC bucket lists {prefix!r} without an end", _REMEDY)

    def _fetch_record(self, pmcid: str, version: int) -> dict[str, Any]:
        name = f"{pmcid}.{version}"
        address = f"{PMC.base}/metadata/{name}.json"
        answer = self._client.fetch(address, RECORD, max_age=_DAY_SECONDS, is_valid=_is_record)
        try:
            record = parse_json(answer.data)
        except ValueError as error:
            raise SourceError(f"the PMC bucket's record of {name} is damaged", _REMEDY) from error
        if not isinstance(record, dict) or str(record.get("pmcid", "")).upper() != pmcid:
            raise SourceError(f"the PMC bucket's record of {name} belongs to another article", _REMEDY)
        return record

    def _fetch_text(self, pmcid: str, version: int, record: dict[str, Any]) -> JatsArticle:
        """Return the article's JATS from the bucket, else from Europe PMC. Raises SourceError if both fail."""
        try:
            media = parse_media_address(str(record.get("xml_url", "")), f"{pmcid}.{version}/")
            if media is None:
                raise SourceError(f"the PMC bucket's record of {pmcid} names no text file")
            data = self._client.fetch(media.url, ARTICLE, max_age=FOREVER, md5=media.md5).data
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
        parse_json(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def parse_listing(data: bytes) -> tuple[list[tuple[str, int]], str | None]:
    """Return the keys with sizes in a ListBucketResult, and the next page's token. Raises SourceError for other XML."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or root.tag not in (f"{_NS}ListBucketResult", "ListBucketResult"):
        raise SourceError("the search in the PMC bucket failed: its listing is damaged", _REMEDY)
    namespace = _NS if root.tag.startswith(_NS) else ""
    entries = []
    for element in root.iter(f"{namespace}Contents"):
        size = element.findtext(f"{namespace}Size") or ""
        entries.append((element.findtext(f"{namespace}Key") or "", parse_integer(size) or 0))
    is_truncated = root.findtext(f"{namespace}IsTruncated") == "true"
    return entries, (root.findtext(f"{namespace}NextContinuationToken") or None) if is_truncated else None


def read_text(data: bytes, name: str) -> list[JatsArticle]:
    """Return the articles in JATS XML, which a bounded process reads. Raises SourceError like parse_jats."""
    return run_isolated(parse_jats, data, name, name=name, remedy=_REMEDY)


def find_article(data: bytes, pmcid: str) -> JatsArticle:
    """Return the article with that id in JATS XML. Raises SourceError if the XML is another article's."""
    articles = read_text(data, f"the text of {pmcid}")
    matching = [article for article in articles if article.article is not None and article.article.pmcid == pmcid]
    if matching:
        return matching[0]
    first = articles[0]
    if first.article is not None and first.article.pmcid not in (None, pmcid):
        raise SourceError(f"the text of {pmcid} belongs to another article ({first.article.pmcid})", _REMEDY)
    return first


def parse_media_address(address: str, folder: str) -> Media | None:
    """Return the file at `s3://bucket/key?md5=…` with its web address; None if it is not in `folder` of the bucket."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    key = parts.path.lstrip("/")
    is_plain = (
        all(segment not in ("", ".", "..") for segment in key.split("/")) and key.isprintable() and "\\" not in key
    )
    if parts.scheme != "s3" or parts.netloc != BUCKET_NAME or not is_plain or not key.startswith(folder):
        return None
    md5 = parse_qs(parts.query).get("md5", [""])[0].lower()
    return Media(f"{PMC.base}/{quote(key)}", md5 if re.fullmatch(r"[0-9a-f]{32}", md5) else None)


def media_by_name(record: dict[str, Any], pmcid: str, version: int) -> dict[str, Media]:
    """Return an article's files by name in lower case. Files elsewhere are skipped."""
    addresses = record.get("media_urls")
    media_by_file_name = {}
    for address in addresses if isinstance(addresses, list) else ():
        media = parse_media_address(str(address), f"{pmcid}.{version}/")
        if media is not None:
            media_by_file_name[href_file_name(media.url).lower()] = media
    return media_by_file_name


def _plan_figures(figures: tuple[JatsFigure, ...], media: dict[str, Media]) -> tuple[tuple[PlannedFigure, ...], int]:
    """Return every available image that the figures name, and the number of figures without an image."""
    planned: list[PlannedFigure] = []
    missing = 0
    for figure in figures:
        images = [image for names in figure.images if (image := _find_media(names, media)) is not None]
        missing += not images and not figure.optional
        for image in images:
            name = clean_text(href_file_name(image.url), 120)
            planned.append(
                PlannedFigure(
                    name, image.url, image.md5, figure.caption, figure.label, figure.permission_note, figure.mentions
                )
            )
    return tuple(planned), missing


def _find_media(names: tuple[str, ...], media: dict[str, Media]) -> Media | None:
    """Return the file of an image: under its exact name, else with the best available suffix."""
    for suffix in _SUFFIX_ORDER:
        for href in names:
            name = "" if leaves_folder(href) else href_file_name(href).lower()
            stem = _PICTURE.sub("", name) if suffix else name
            if name and f"{stem}{suffix}" in media:
                return media[f"{stem}{suffix}"]
    return None


def _record_terms(hit: Hit, record: dict[str, Any]) -> Terms:
    """Return the terms in hit and record. Only the record's flag means open access; a file in the bucket does not."""
    code = record.get("license_code")
    licenses = tuple(
        license_text for license_text in (hit.license, code if isinstance(code, str) else None) if license_text
    )
    closed = None if record.get("is_pmc_openaccess") is True else "not open access"
    return Terms(licenses, hit.retracted or record.get("is_retracted") is True, closed, partial=True)


def _merge_article(hit: Hit, record: dict[str, Any], jats: JatsArticle, terms: Terms) -> tuple[Article | None, Terms]:
    """Return the article with the text's data first and the hit's next, and its terms with the text's license."""
    text_article = jats.article
    text_license = text_article.license if text_article is not None else None
    licenses = (*terms.licenses, text_license) if text_license else terms.licenses
    retracted = terms.retracted or (text_article is not None and text_article.retracted)
    article = make_article(
        title=(text_article and text_article.title) or hit.title or _text_field(record, "title"),
        doi=(text_article and text_article.doi) or hit.doi or _text_field(record, "doi"),
        pmcid=hit.id,
        journal=(text_article and text_article.journal) or hit.journal,
        year=(text_article and text_article.year) or hit.year,
        license=text_license
        or next((normalize_license(license_text) for license_text in reversed(terms.licenses)), None),
        authors=(text_article.authors if text_article is not None else ()) or hit.authors,
    )
    merged = replace(article, retracted=retracted) if article is not None else None
    return merged, replace(terms, licenses=licenses, retracted=retracted, partial=False)


def _text_field(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None
