"""Parsers of texts: captions, labels, tables, queries, JATS, LaTeX, text of PDFs, answers of services."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from lxml import etree
from PIL import Image

from mirsearch.acquisition.micrographs import is_likely_micrograph
from mirsearch.acquisition.services.arxiv import parse_feed, parse_license
from mirsearch.acquisition.services.europepmc import parse_page
from mirsearch.acquisition.services.pmc_bucket import media_by_name, parse_listing
from mirsearch.analysis.captions.scales import caption_scales, caption_scales_of
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.printed import printed_votes
from mirsearch.analysis.kinds.words import kind_votes, technique_votes
from mirsearch.errors import MirsearchError
from mirsearch.field_filters import FIELDS, parse_field_filters
from mirsearch.licenses import canonical_license
from mirsearch.search.option_values import parse_box
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import figure_label, make_article
from mirsearch.sources.base import SourceRequest
from mirsearch.sources.exclusions import IGNORE_FILE, excluding
from mirsearch.sources.exsclaim.source import ExsclaimSource
from mirsearch.sources.jats.match_images import parse_figure_number
from mirsearch.sources.jats.parse import parse_jats
from mirsearch.sources.latex.figures import latex_figures
from mirsearch.sources.pdf.article import identify_article, license_urls
from mirsearch.sources.pdf.captions import find_captions
from mirsearch.sources.pdf.text import Char, body_font_size, find_lines, running_text, vocabulary
from mirsearch.sources.permissions import permission_note
from mirsearch.sources.tables import TABLE_NAMES, read_table
from mirsearch.text.foreign import parse_json
from mirsearch.text.lengths import find_lengths, parse_length, parse_user_length
from mirsearch.text.matches import match_finder
from mirsearch.text.tokens import query_terms, tokens
from mirsearch.text.word_query import parse_condition
from mirsearch.text.word_ranking import rank_terms
from tests.fuzz.json_patches import MARK, patched
from tests.fuzz.target import CORPUS, Target

FOLDER = Path(tempfile.mkdtemp(prefix="mirsearch-fuzz-"))
"""Files that readers of files get."""
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
PANELS = json.loads((CORPUS / "exsclaim" / "panels.json").read_bytes())
ANSWERS = [json.loads((CORPUS / "services" / name).read_bytes()) for name in ("page.json", "record.json")]


def text_of(data: bytes) -> str:
    """Return an input as text; some with halves of characters, as broken JSON and file names have them."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace") if len(data) % 2 else data.decode("latin-1")


def captions(data: bytes) -> None:
    text = text_of(data)[: LIMITS.caption_chars]
    parts = split_caption(text)
    for letter in ("a", "b", "iii"):
        parts.words_for_part(letter, "left", 1, "DAPI")
    caption_scales(text)
    caption_scales_of(text, "abcz")
    for read in (kind_votes, technique_votes, is_likely_micrograph, permission_note, printed_votes):
        read(text)


def labels(data: bytes) -> None:
    text = text_of(data)
    for read in (parse_length, find_lengths, figure_label, parse_figure_number, canonical_license):
        read(text)
    make_article(
        title=text, doi=text, pmcid=text[:40], journal=text, year=text[:40], license=text, url=text, authors=[text]
    )


def jats(data: bytes) -> None:
    """Parse XML as it is, or mended: what is not well-formed is refused before anything is read of it."""
    if len(data) % 4:
        with suppress(etree.LxmlError):
            root = etree.fromstring(data, etree.XMLParser(recover=True, resolve_entities=False))
            data = data if root is None else etree.tostring(root, encoding="utf-8")
    parse_jats(data, "x.xml")


def latex(data: bytes) -> None:
    text = text_of(data)
    latex_figures({"m.tex": text, "b.tex": text[:200], "sub/c.tex": text[-200:]}, frozenset({"a.png", "fig/a.pdf"}))


def pdf_text(data: bytes) -> None:
    text = text_of(data)[:5_000]
    characters, x, y, size = [], 40.0, 40.0, 9.0
    for character in text:
        if character in "\n\r" or x > 560:
            x, y = 40.0, y + 1.3 * size
        if character == "\f":
            x, y, size = 310.0, 40.0, 7.0 + ord(text[0]) % 20
        characters.append(Char(character, (x, y - 0.8 * size, x + 0.5 * size, y + 0.2 * size), y))
        x += 0.5 * size
    lines = find_lines(characters)
    find_captions(lines, 0, frozenset(vocabulary(text)))
    running_text(lines, body_font_size([lines]))
    identify_article(text[:200], text[-200:], lines, text, license_urls(text), "a")


def tables(data: bytes) -> None:
    path = FOLDER / TABLE_NAMES[2 if b"{" in data[:20] else len(data) % 2]
    path.write_bytes(data)
    read_table(path)


def exsclaim(data: bytes) -> None:
    path = FOLDER / "exsclaim.json"
    if not (FOLDER / "a.png").exists():
        Image.new("L", (60, 50)).save(FOLDER / "a.png")
    path.write_bytes(patched([PANELS], data))
    list(ExsclaimSource().find_figures(SourceRequest((path,))))


def queries(data: bytes) -> None:
    text = text_of(data)
    query_terms(text)
    match_finder(text)(text[::-1])
    tokens(text)
    field = list(FIELDS)[len(text) % len(FIELDS)]
    for read in (
        lambda: parse_field_filters([text], parse_user_length),
        lambda: parse_field_filters([f"{field}={text}"], parse_user_length),
        lambda: parse_box(text),
        lambda: parse_condition(text),
        lambda: rank_terms(text),
    ):
        with suppress(MirsearchError):
            read()


def services(data: bytes) -> None:
    data = patched(ANSWERS, data)
    for read in (
        lambda: parse_page(data, "*"), lambda: parse_feed(data, 0), lambda: parse_license(data, "x"),
        lambda: parse_listing(data),
    ):  # fmt: skip
        with suppress(MirsearchError):
            read()
    try:
        record = parse_json(data)
    except ValueError:
        return
    if isinstance(record, dict):
        media_by_name(record, "PMC1", 1)


TEX_WORDS = (
    b"\\begin{figure}", b"\\end{figure}", b"\\caption{", b"}", b"{", b"\\includegraphics{a}", b"\\cite{x}", b"$",
    b"\\(",
    b"\\newcommand{\\x}[1]{a#1}", b"\\x{b}", b"\\def\\y#1{z}", b"\\y", b"%", b"\n", b"\\input{b}", b"\\subfloat[a]{",
    b"\\begin{subfigure}", b"\\end{subfigure}", b"\\frac", b"^", b"_", b"\\\\", b"&", b"~", b"\\verb|x|", b"[", b"]",
    b"\\iffalse ", b"\\fi ", b"\\captionof{figure}{", b"\\import{a}{b}", b"\\begin{comment}", b"\\left", b"\\",
)  # fmt: skip
XML_WORDS = (
    b"<fig>", b"</fig>", b"<graphic/>", b"<p>", b"</p>", b"<sup>", b"<label>Fig 1</label>", b"<caption>", b"<sec>",
    b"<!ENTITY a 'b'>", b"&a;", b"&micro;", b"<![CDATA[", b"]]>", b"<alternatives>", b"<tex-math>", b"<mfrac>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"xml:lang='fr'", b"<article>", b"<front/>",
)  # fmt: skip
CAPTION_WORDS = tuple(
    word.encode()
    for word in (
        "(a) ", "(a-", "a, b and ", "scale bar ", "bars: ", "1 µm ", "respectively, ", "inset ", "(", ")", "left: ",
        "Fig. 2b ", "cc by ", "10.1000/", "et al. ", "1,", "0.", "²", "–", "\n", "e\u0301", "a:", "DAPI (blue), ",
    )
)  # fmt: skip
QUERY_WORDS = (
    b'"',
    b"panel.label=",
    b"article.year=",
    b"..",
    b"2 um",
    b"*",
    b"AND",
    b"(",
    b"scale.known=true",
    b"NEAR/",
)


def ignore_files(data: bytes) -> None:
    """Read a file of patterns, and match names that are as awkward."""
    folder = FOLDER / "ignored"
    folder.mkdir(exist_ok=True)
    (folder / IGNORE_FILE).write_bytes(data)
    names = ("a" * 200 + ".png", "raw/a/a/a/a/a/a/b.tif", "[x]/?.png", "deep/raw/a.png")
    with excluding([], [folder]) as exclusions:
        for name in names:
            exclusions.covers(folder / name)
        list(exclusions.notes())


IGNORE_WORDS = (b"**/", b"*", b"a*" * 8, b"!", b"[", b"[!a-", b"/", b"?", b"\n", b"\xff")
TABLE_WORDS = (b",", b";", b'"', b"\n", b"\t", b"file", b"caption", b"\xff\xfe")
PANEL_WORDS = (b'{"x": 1, "y": 2}', b'"master_images": [', b'"geometry": {}', b"1e308", b"[", b"]")
ANSWER_WORDS = (b"<entry>", b'"result": [', b"<Key>", b'"hitCount": ')

TARGETS = (
    Target("captions", captions, words=CAPTION_WORDS),
    Target("labels", labels, words=CAPTION_WORDS),
    Target("jats", jats, words=XML_WORDS),
    Target("latex", latex, words=TEX_WORDS),
    Target("pdf-text", pdf_text, words=CAPTION_WORDS),
    Target("tables", tables, words=TABLE_WORDS),
    Target("exsclaim", exsclaim, (MARK + b"\0\1\2", MARK + bytes(12)), PANEL_WORDS),
    Target("queries", queries, words=QUERY_WORDS),
    Target("ignore-files", ignore_files, (b"raw/\n*.tif\n!deep/raw/\n**/a/**\n",), IGNORE_WORDS),
    Target("services", services, (MARK + b"\0\3\5", MARK + b"\1\2\2\1\4"), ANSWER_WORDS),
)
