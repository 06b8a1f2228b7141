"""No text from outside keeps mirsearch busy: the time of every pattern and parser grows like the text."""

from __future__ import annotations

import pytest

from mirsearch.acquisition.micrographs import is_likely_micrograph
from mirsearch.analysis.captions.scales import caption_scales, caption_scales_of
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.printed import printed_votes
from mirsearch.analysis.kinds.words import kind_votes, technique_votes
from mirsearch.licenses import canonical_license
from mirsearch.sources.articles import clean_text, figure_label, find_year, normalize_doi, normalize_license
from mirsearch.sources.jats.match_images import parse_figure_number
from mirsearch.sources.jats.parse import parse_jats
from mirsearch.sources.latex.figures import latex_figures
from mirsearch.sources.latex.plain import plain_text
from mirsearch.sources.mentions import find_references, split_sentences
from mirsearch.sources.permissions import permission_note
from mirsearch.text.lengths import find_lengths, parse_length
from mirsearch.text.tokens import query_terms, tokens
from tests.support.adversarial import MOST_GROWTH, apply, attacks, compiled_patterns, growth, inline_patterns

PATTERNS = {**compiled_patterns(), **inline_patterns()}
SHORT_TEXTS = {
    "text.lengths._LENGTH_IN_LINE": "reads at most 400 characters",
    "extras._REQUIREMENT": "reads the requirements of mirsearch itself",
    "text.masking._ADDRESS": "reads arguments and settings of the user",
    "acquisition.http.kinds._TITLE": "reads the first 4,096 bytes of an answer",
    "acquisition.http.kinds._MARKUP": "reads the first 4,096 bytes of an answer",
}
"""Patterns that never see a long text from outside."""

ARTICLE = (
    "<article><front/><body><fig><label>Figure 1</label><caption><p>{}</p></caption>"
    "<graphic xmlns:x='http://www.w3.org/1999/xlink' x:href='a'/></fig></body></article>"
)
DOCUMENT = "\\documentclass{a}\\begin{document}"


def latex(text: str) -> object:
    return latex_figures({"m.tex": DOCUMENT + text}, frozenset({"f.png"}))


def latex_figure(text: str) -> object:
    return latex_figures({"m.tex": DOCUMENT + f"\\begin{{figure}}{text}\\end{{figure}}"}, frozenset({"f.png"}))


def tex_in_jats(text: str) -> object:
    return parse_jats(ARTICLE.format(f"<tex-math>{text}</tex-math>").encode(), "x.xml")


def jats(text: str) -> object:
    return parse_jats(ARTICLE.format(text).encode(), "x.xml")


def scales_of_letters(text: str) -> object:
    return caption_scales_of(text, "abcz")


def sentences(text: str) -> object:
    return list(split_sentences(text))


def words_of_image(text: str) -> object:
    parts = split_caption(text)
    return [parts.words_for_part("a", "left", 1, heading) for heading in ("", "xx", "1")]


READERS = {
    function.__name__: function
    for function in (
        split_caption, caption_scales, scales_of_letters, words_of_image, technique_votes, kind_votes, printed_votes,
        is_likely_micrograph, permission_note,
        canonical_license, normalize_license, figure_label, find_year, normalize_doi, clean_text, parse_length,
        find_lengths, tokens, query_terms, parse_figure_number, find_references, sentences,
    )
}  # fmt: skip
WORDS = (
    "a", " ", "(", ")", "(a", "(a) ", "(a-", "a, b, ", "1", "1,", "1.", "1 µm ", "0.5 nm ", "bar = ", "scale bar ",
    "scale bars ( ", "Scale bars, ", "scale bar in (a) ", "bars: 1 µm (a), ", "a: 1 µm; ", "1 × 1 µm ", "scan of ",
    "adapted from ", "reproduced with permission ", "adapted with ",
    "creativecommons.org/licenses/", "cc by ", "CC BY-NC-",
    "cc attribution ", "fig. ", "Figure ", "fig 1", "10.1000/", "–", "a–z ", "(a,b) and ", "and ", "respectively, ",
    "panels a and b ", "left ", "(left) ", "inset ", "corresponding ",
    "(a, left) ", "left: ", "from left to right, ", "DAPI (blue), ", "x (blue) and ", "10, ",
    "(main), ", "(bar 1 nm) ", "panel (a) ", "inset in (a) ", "(a)–", '"', '"a" ', "; ", ". ", ": ", "[a] ", "© ",
    "Figs 1–9, 3a–c and ", "Fig. 1—figure supplement 1", "et al. ", "non-commercial ", "x.1 ", "Supplementary Fig. ",
    "e\u0301", "A. ", "(ii", "\t", "\u3000", "²", "1/", "1-2-", "xx xx ", "images of ", "(a) images of ",
)  # fmt: skip
COMMANDS = (
    "\\begin{figure}", "\\end{figure}", "\\caption{", "\\caption[", "\\includegraphics[",
    "\\includegraphics{b}", "\\DeclareMathOperator{",
    "\\includegraphics[]", "\\subfloat[", "\\begin{minipage}\\caption{",
    "\\begin{subfigure}\\caption{x}", "\\input{",
    "\\input{a}",
    "\\\\", "%", "{", "}", "{}", "\\newcommand\\a{", "\\newcommand{\\a}[", "\\def\\b#1{", "\\cite[",
    "\\cite{", "\\SI{", "\\SI{1}{", "\\ref{", "$", "\\(", "\\frac", "\\begin{a}", "\\graphicspath{", " ",
    "~", "^", "\\verb|", "\\iffalse ", "\\iftrue ", "\\fi ", "\\else ", "\\newif\\ifa ", "\\begin{comment}",
    "\\begin{minipage}", "\\captionof{figure}{", "\\captionof{figure}{a}", "\\caption{a}", "\\caption*{a}",
    "\\subfloat[[", "\\subcaptionbox{a}", "\\newenvironment{a}{\\begin{figure}}{", "\\begin{a}",
    "\\setcounter{figure}{1}", "\\renewcommand{\\thefigure}{", "\\section{", "\\label{a}", "\\ref{a} ",
    "Fig.~\\ref{a}. ", "\n\n", "\\import{a}{", "\\plottwo{a}{", "\\epsfig{file=", "\\begin{overpic}[",
    "\\newcommand{\\a}[1]{}\\a{", "\\captionsetup{name=", "\\begin{document}", "\\NewDocumentCommand\\a{m", "[",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_the_time_of_a_pattern_grows_like_the_text(name):
    if name.startswith(tuple(SHORT_TEXTS)):
        pytest.skip("sees no long text from outside")
    pattern, methods = PATTERNS[name]
    for attack in attacks(pattern):
        factor, size = growth(lambda text: apply(pattern, methods, text), attack)
        assert factor < MOST_GROWTH, f"{attack} of {size} characters"


@pytest.mark.parametrize("name", sorted(READERS))
def test_the_time_of_a_reader_of_captions_and_labels_grows_like_the_text(name):
    for word in WORDS:
        for end in ("", "!"):
            factor, size = growth(READERS[name], ("", word, end))
            assert factor < MOST_GROWTH, f"{word!r} in {size} characters"


@pytest.mark.parametrize("reader", [latex, latex_figure, plain_text], ids=lambda reader: reader.__name__)
def test_the_time_of_a_reader_of_latex_grows_like_the_text(reader):
    pytest.importorskip("pylatexenc")
    attacked = [("", command, "") for command in COMMANDS]
    attacked += [
        ("\\graphicspath{", "{a}   ", "x}"),
        ("\\caption{", "{", "}"),
        ("\\def\\b#1{#1#1}\\caption{", "\\b{", "}"),
        ("\\newcommand{\\b}[1]{\\caption{#1}}", "\\b{", "}"),
        ("\\newcommand{\\b}{\\includegraphics{f}\\caption{a}}", "\\b ", ""),
        ("\\caption{\\label{a}a}\\end{figure}\n\n", "As in Fig.~\\ref{a}, Figs. 1--9. ", ""),
    ]
    for attack in attacked:
        factor, size = growth(reader, attack)
        assert factor < MOST_GROWTH, f"{attack} of {size} characters"


@pytest.mark.parametrize("reader", [jats, tex_in_jats], ids=lambda reader: reader.__name__)
def test_the_time_of_a_reader_of_jats_grows_like_the_text(reader):
    pieces = (
        "\\begin{document}", "1<sup>2</sup>", " ,", "<p>x</p>", "<fig-group><fig/></fig-group>", "x ", "<graphic/>",
        "<list><list-item><label>A</label></list-item></list>", "<xref rid='a'>1</xref>",
        "<p><fig id='a'/>Fig. 1. </p>", "<table-wrap><graphic/></table-wrap>",
        "<def-list><def-item><term>a</term></def-item></def-list>",
        "<fig-group><fig-group><label>A</label><fig/></fig-group></fig-group>",
        "<fig xml:lang='fr'/>", "<alternatives/>", "<inline-formula><tex-math>$</tex-math></inline-formula>",
        "DOI: 10.",
    )  # fmt: skip
    for piece in pieces:
        factor, size = growth(reader, ("", piece, ""))
        assert factor < MOST_GROWTH, f"{piece!r} in {size} characters"
