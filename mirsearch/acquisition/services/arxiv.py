"""The service `arxiv`: search by Atom, licenses by OAI-PMH, figures from the sources of e-prints."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import quote, unquote, urlencode

from lxml import etree

from mirsearch.acquisition.http.client import FOREVER, HttpClient
from mirsearch.acquisition.http.kinds import EPRINT, FEED, LISTING, is_image
from mirsearch.acquisition.services.base import (
    AcceptsTerms,
    ArticlePlan,
    FetchedFigure,
    Hit,
    KeywordQuery,
    PlannedFigure,
    SearchPage,
    Terms,
    clean_keywords,
)
from mirsearch.errors import SourceError, UsageError
from mirsearch.files.partial import replace_file
from mirsearch.isolation.pool import run_isolated
from mirsearch.settings import ARXIV, ARXIV_OAI, LIMITS, Service
from mirsearch.sources.articles import clean_text, find_year, make_article, normalize_doi
from mirsearch.sources.jats.text import Element, local_name
from mirsearch.sources.latex.eprints import is_intact
from mirsearch.sources.latex.figures import LatexFigure
from mirsearch.sources.latex.postscript import SUFFIXES, has_ghostscript
from mirsearch.sources.latex.reading import read_eprint_figures, read_eprint_picture
from mirsearch.sources.pdf.pages import require_packages
from mirsearch.text.foreign import parse_integer

PAGE_SIZE = 100
_ATOM = "{http://www.w3.org/2005/Atom}"
_OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_FIELDS = {"all": "all", "title": "ti", "abstract": "abs"}
_ID = re.compile(r"arxiv\.org/abs/((?:[a-z-]+(?:\.[A-Z]{2})?/\d{7})|(?:\d{4}\.\d{4,5}))(v\d+)?$")
_WEEK_SECONDS = 7 * 86_400.0
_POSTSCRIPT = "PostScript (.eps, .ps), which Ghostscript draws where it is installed"
_MISSING = "not in the e-print"
_DRAWN = "drawn in LaTeX itself (TikZ, PSTricks)"
_UNREADABLE = frozenset((".svg", ".svgz", ".emf", ".wmf", ".fig", ".dvi", ".pgf", ".tex", ".pdf_tex", ".asy"))
_REMEDY = "run the command again later; finished work is kept"


class ArXiv:
    """Papers on arXiv whose license allows reuse, with figures from their LaTeX sources."""

    name: ClassVar[str] = "arxiv"
    origin: ClassVar[str] = "arxiv"
    hosts: ClassVar[tuple[Service, ...]] = (ARXIV, ARXIV_OAI)
    bundles_figures: ClassVar[bool] = True

    def __init__(self, client: HttpClient) -> None:
        require_packages("pylatexenc", "pypdfium2", extra="arxiv")
        self._client = client

    @staticmethod
    def check_query(query: KeywordQuery) -> None:
        """Raise UsageError if arXiv can't answer the query."""
        query_text(query)

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """Return a page of up to 100 hits. Raises SourceError if the search fails."""
        parameters = {"search_query": query_text(query), "start": cursor or "0", "max_results": str(PAGE_SIZE)}
        answer = self._client.fetch(f"{ARXIV.base}/api/query?{urlencode(parameters)}", FEED)
        return parse_feed(answer.data, parse_integer(cursor) or 0)

    def plan_article(self, hit: Hit, accepts_terms: AcceptsTerms) -> ArticlePlan:
        """Return the paper's license (one request), then the figures in its source."""
        terms = Terms((self._license(hit.id.removeprefix("arXiv:")),), hit.retracted)
        if not accepts_terms(terms):
            return ArticlePlan(terms)
        eprint_url = f"{ARXIV.base}/e-print/{quote(hit.id.removeprefix('arXiv:'))}{hit.revision or ''}"
        with tempfile.TemporaryDirectory(prefix="mirsearch-") as folder:
            path = Path(folder) / "eprint"
            self._client.fetch(eprint_url, EPRINT, max_age=FOREVER, into=path, is_valid=is_intact)
            figures = run_isolated(read_eprint_figures, path, hit.id, name=hit.id)
        article = make_article(
            title=hit.title, doi=hit.doi, journal=hit.journal or "arXiv", year=hit.year, license=terms.licenses[0],
            url=f"https://arxiv.org/abs/{hit.id.removeprefix('arXiv:')}", authors=hit.authors,
        )  # fmt: skip
        planned, lost = _plan_figures(figures, eprint_url)
        return ArticlePlan(terms, article, planned, ", ".join(hit.authors[:3]) or None, lost=lost)

    def fetch_figure(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """Extract a figure from the e-print, which is cached. A PDF figure becomes a PNG."""
        address, _, inner = figure.url.partition("#")
        with tempfile.TemporaryDirectory(prefix="mirsearch-") as folder:
            path = Path(folder) / "eprint"
            answer = self._client.fetch(address, EPRINT, max_age=FOREVER, into=path, is_valid=is_intact)
            data = run_isolated(
                read_eprint_picture, path, address, unquote(inner), LIMITS.download_bytes, name=figure.url
            )
        if not is_image(data[:32]):
            raise SourceError(f"{figure.url}: not an image", "")
        into.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(into) as part:
            part.write_bytes(data)
        return FetchedFigure(hashlib.sha256(data).hexdigest(), len(data), answer.retrieved)

    def figure_size(self, figure: PlannedFigure) -> int | None:
        """Return None: the size is unknown before the e-print is downloaded."""
        return None

    def _license(self, arxiv_id: str) -> str:
        parameters = {"verb": "GetRecord", "identifier": f"oai:arXiv.org:{arxiv_id}", "metadataPrefix": "arXivRaw"}
        answer = self._client.fetch(
            f"{ARXIV_OAI.base}?{urlencode(parameters)}", LISTING, max_age=_WEEK_SECONDS, is_valid=_is_xml
        )
        return parse_license(answer.data, arxiv_id)


def _plan_figures(
    figures: list[LatexFigure], eprint_url: str
) -> tuple[tuple[PlannedFigure, ...], tuple[tuple[str, int], ...]]:
    """Return the files that can be had, and how many can't, by cause."""
    planned: list[PlannedFigure] = []
    lost: Counter[str] = Counter()
    can_draw = has_ghostscript()
    for figure in figures:
        lost[_MISSING] += figure.missing
        lost[_DRAWN] += figure.is_drawn
        for file in figure.files:
            suffix = PurePosixPath(file).suffix.lower()
            if suffix in _UNREADABLE:
                lost[f"{suffix} files, which can't be read"] += 1
            elif file.lower().endswith(SUFFIXES) and not can_draw:
                lost[_POSTSCRIPT] += 1
            else:
                planned.append(
                    PlannedFigure(
                        _file_name(file), f"{eprint_url}#{quote(file)}", None, figure.caption, figure.label,
                        figure.permission_note, figure.mentions,
                    )
                )  # fmt: skip
    return tuple(planned), tuple((cause, count) for cause, count in lost.items() if count)


def query_text(query: KeywordQuery) -> str:
    """Return the query in arXiv's syntax: each word or phrase with its field; AND, OR and NOT are kept."""
    if query.where not in _FIELDS:
        raise UsageError(f"arXiv has no search in {query.where}", "use --in all, title or abstract")
    parts = [f"({_query_terms(keyword, _FIELDS[query.where])})" for keyword in clean_keywords(query.keywords)]
    if query.since or query.until:
        since, until = (query.since or "1990-01-01").replace("-", ""), (query.until or "2999-12-31").replace("-", "")
        parts.append(f"submittedDate:[{since}0000 TO {until}2359]")
    if query.journal:
        journal = clean_text(query.journal.replace('"', " "))
        parts.append(f'jr:"{journal}"')
    return " AND ".join(parts)


def _query_terms(text: str, field: str) -> str:
    words: list[str] = []
    for part in re.findall(r'"[^"]*"|\(|\)|[^\s()"]+', text):
        operator = {"AND": "AND", "OR": "OR", "NOT": "ANDNOT", "ANDNOT": "ANDNOT"}.get(part)
        after_term = bool(words) and words[-1] not in ("AND", "OR", "ANDNOT", "(")
        if operator == "ANDNOT" and words and words[-1] == "AND":
            words[-1] = operator
            continue
        if operator is None and part != ")" and after_term:
            words.append("AND")
        words.append(operator or (part if part in "()" else f"{field}:{part}"))
    return " ".join(words)


def parse_feed(data: bytes, start: int) -> SearchPage:
    """Return the hits of an Atom answer that starts at hit `start`. Raises SourceError for any other answer."""
    root = _parse_xml(data)
    count = parse_integer(root.findtext(f"{_OPENSEARCH}totalResults")) if root is not None else None
    if root is None or root.tag != f"{_ATOM}feed" or count is None:
        raise SourceError("the search at arXiv failed: the answer is no list of papers", _REMEDY)
    entries = root.findall(f"{_ATOM}entry")[:PAGE_SIZE]
    if len(entries) == 1 and (entries[0].findtext(f"{_ATOM}title") or "").strip() == "Error":
        message = clean_text(entries[0].findtext(f"{_ATOM}summary") or "", 200)
        raise SourceError(f"the search at arXiv failed: {message}", "check the keywords")
    if not entries and start < count:
        raise SourceError("the search at arXiv failed: a page is empty, although there are more papers", _REMEDY)
    hits = tuple(hit for entry in entries if (hit := _parse_hit(entry)) is not None)
    next_start = start + len(entries)
    return SearchPage(hits, count, str(next_start) if next_start < count else None)


def _parse_hit(entry: Element) -> Hit | None:
    id_match = _ID.search((entry.findtext(f"{_ATOM}id") or "").strip())
    if id_match is None:
        return None
    comment = entry.findtext(f"{_ARXIV}comment") or ""
    is_withdrawn = re.search(r"\bwithdrawn\b", comment, re.IGNORECASE) is not None
    return Hit(
        id=f"arXiv:{id_match[1]}",
        title=clean_text(entry.findtext(f"{_ATOM}title") or "") or None,
        doi=normalize_doi(entry.findtext(f"{_ARXIV}doi")) or f"10.48550/arxiv.{id_match[1].lower()}",
        journal=clean_text(entry.findtext(f"{_ARXIV}journal_ref") or "") or None,
        year=find_year((entry.findtext(f"{_ATOM}published") or "")[:4]) or datetime.now(UTC).year,
        authors=tuple(
            clean_text(name, 200)
            for author in entry.findall(f"{_ATOM}author")[:500]
            if (name := author.findtext(f"{_ATOM}name"))
        ),
        revision=id_match[2],
        closed="withdrawn" if is_withdrawn else None,
    )


def parse_license(data: bytes, arxiv_id: str) -> str:
    """Return the license in an OAI-PMH record; arXiv's own if there is none. Raises SourceError if it is no record."""
    root = _parse_xml(data)
    records = (
        [] if root is None else [element for element in root.iter() if local_name(element) in ("arXivRaw", "arXiv")]
    )
    if not records:
        raise SourceError(f"arXiv gave no license of {arxiv_id}", _REMEDY)
    license_text = next(
        (element.text for element in records[0].iter() if local_name(element) == "license" and element.text), None
    )
    return clean_text(license_text or "", 200) or "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"


def _parse_xml(data: bytes) -> Element | None:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _is_xml(path: Path) -> bool:
    return _parse_xml(path.read_bytes()) is not None


def _file_name(path: str) -> str:
    """Return a file name for a figure: its path in the e-print, with .png if it is drawn from PDF or PostScript."""
    name = path.replace("/", "_")
    return f"{name}.png" if name.lower().endswith((".pdf", *SUFFIXES)) else name
