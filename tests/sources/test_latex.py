"""Figures of LaTeX articles: numbers, captions, parts, the files they show, and the text that speaks of them."""

from __future__ import annotations

import pytest

pytest.importorskip("pylatexenc")

from mirsearch.sources.latex.figures import LatexFigure, latex_figures

FILES = frozenset(("a.png", "b.png", "c.png", "d.png", "figs/a.png", "p.pdf", "q-eps-converted-to.pdf", "sub/e.png"))


def document(body: str, preamble: str = "") -> str:
    return f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"


def figure(file: str, caption: str, kind: str = "figure") -> str:
    return f"\\begin{{{kind}}}\\includegraphics[width=1cm]{{{file}}}\n\\caption{{{caption}}}\\end{{{kind}}}\n"


def read(body: str, preamble: str = "", **more: str) -> list[LatexFigure]:
    return latex_figures({"main.tex": document(body, preamble), **more}, FILES)


def rows(body: str, preamble: str = "", **more: str) -> list[tuple[str | None, str, str]]:
    return [(each.label, each.caption, " ".join(each.files)) for each in read(body, preamble, **more)]


AFTER = figure("d.png", "After.")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            r"\begin{figure}\begin{minipage}{1cm}\includegraphics{a.png}\caption{One.}\end{minipage}"
            r"\parbox{1cm}{x}\begin{minipage}{1cm}\includegraphics{b.png}\includegraphics{c.png}\caption{Two.}\end{minipage}"
            r"\end{figure}",
            [("Figure 1", "One.", "a.png"), ("Figure 2", "Two.", "b.png c.png"), ("Figure 3", "After.", "d.png")],
        ),
        (
            r"\begin{figure}\includegraphics{a.png}\caption{One.}\includegraphics{b.png}\caption{Two.}\end{figure}",
            [("Figure 1", "One.", "a.png"), ("Figure 2", "Two.", "b.png"), ("Figure 3", "After.", "d.png")],
        ),
        (
            r"\begin{figure}\caption{One.}\includegraphics{a.png}\caption{Two.}\includegraphics{b.png}\end{figure}",
            [("Figure 1", "One.", "a.png"), ("Figure 2", "Two.", "b.png"), ("Figure 3", "After.", "d.png")],
        ),
        (
            r"\begin{center}\includegraphics{a.png}\captionof{figure}[Short]{One.}\end{center}"
            r"\includegraphics{b.png}\captionof{figure}{Two.}\includegraphics{c.png}\captionof{table}{No.}",
            [("Figure 1", "One.", "a.png"), ("Figure 2", "Two.", "b.png"), ("Figure 3", "After.", "d.png")],
        ),
        (
            r"\begin{table}\begin{minipage}{1cm}\includegraphics{a.png}\captionof{figure}{One.}\end{minipage}"
            r"\includegraphics{b.png}\caption{Sizes.}\end{table}",
            [("Figure 1", "One.", "a.png"), ("Figure 2", "After.", "d.png")],
        ),
        (
            r"\begin{figure}\includegraphics{a.png}\caption{Rods.}\begin{minipage}{1cm}\caption*{Source: us}"
            r"\end{minipage}\end{figure}",
            [("Figure 1", "Rods. Source: us.", "a.png"), ("Figure 2", "After.", "d.png")],
        ),
        (
            r"\begin{figure*}\includegraphics{a.png}\caption*{No number.}\end{figure*}\begin{figure}"
            r"\includegraphics{b.png}\end{figure}\begin{figure}x\end{figure}",
            [(None, "No number.", "a.png"), (None, "", "b.png"), ("Figure 1", "After.", "d.png")],
        ),
        (
            figure("a.png", "One.")
            + r"\begin{figure}\ContinuedFloat\includegraphics{b.png}\caption{More.}\end{figure}",
            [("Figure 1", "One.", "a.png"), ("Figure 1", "More.", "b.png"), ("Figure 2", "After.", "d.png")],
        ),
    ],
)
def test_captions_their_numbers_and_images(body: str, expected: list[tuple[str | None, str, str]]) -> None:
    assert rows(body + AFTER) == expected


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (r"\setcounter{figure}{0}\renewcommand{\thefigure}{S\arabic{figure}}", "Figure S1"),
        (r"\setcounter{figure}{0}\renewcommand\thefigure{\textbf{A.\arabic{figure}}}", "Figure A.1"),
        (r"\addtocounter{figure}{3}\def\thefigure{\Roman{figure}}", "Figure V"),
        (r"\appendix\section{x}\setcounter{figure}{0}\renewcommand{\thefigure}{\thesection\arabic{figure}}",
         "Figure A1"),
        (r"\numberwithin{figure}{section}\section{x}\section*{y}\section{z}", "Figure 2.1"),
        (r"\counterwithin*{figure}{section}\section{x}", "Figure 1"),
        (r"\supplement", "Figure S1"),
        (r"\begin{suppl}\end{suppl}", "Figure 2"),
        (r"\renewcommand{\figurename}{Supplementary Figure}\setcounter{figure}{0}", "Supplementary Figure 1"),
        (r"\renewcommand{\figurename}{Fig.}", "Figure 2"),
        (r"\captionsetup[figure]{name={Extended Data Fig.}}", "Extended Data Fig 2"),
        (r"\begin{scheme}\includegraphics{b.png}\caption{x}\end{scheme}", "Figure 2"),
        (r"\begin{quote}\renewcommand{\thefigure}{S\arabic{figure}}\end{quote}", "Figure 2"),
    ],
)  # fmt: skip
def test_figures_are_numbered_as_latex_does(change: str, label: str) -> None:
    preamble = (
        r"\newcommand{\supplement}{\setcounter{figure}{0}\renewcommand{\thefigure}{S\arabic{figure}}}"
        r"\newenvironment{suppl}{\renewcommand{\thefigure}{S\arabic{figure}}}{}"
    )
    found = read(figure("a.png", "One.") + change + AFTER, preamble)
    assert (found[0].label, found[-1].label) == ("Figure 1", label)


def test_boxes_of_floatrow_and_drawings_that_show_an_image() -> None:
    body = (
        r"\begin{figure}\begin{floatrow}\ffigbox{\includegraphics{a.png}}{\caption{One.}}"
        r"\ffigbox{\includegraphics{b.png}}{\caption{Two.}}\end{floatrow}\end{figure}"
        r"\begin{figure}\input{q.pdf_tex}\caption{Three.}\end{figure}"
    )
    drawing = {"q.pdf_tex": r"\put(0,0){\includegraphics[page=1]{p.pdf}}\put(0,0){\includegraphics[page=2]{p.pdf}}"}
    assert rows(body, **drawing) == [
        ("Figure 1", "One.", "a.png"), ("Figure 2", "Two.", "b.png"), ("Figure 3", "Three.", "p.pdf")
    ]  # fmt: skip


def test_schemes_have_numbers_of_their_own() -> None:
    body = figure("a.png", "x") + figure("b.png", "y", "scheme") + figure("c.png", "z", "sidewaysfigure")
    assert [each.label for each in read(body)] == ["Figure 1", "Scheme 1", "Figure 2"]


@pytest.mark.parametrize(
    "parts",
    [
        r"\subfloat[SEM of [001] rods\label{x}]{\includegraphics{a.png}}"
        r"\subfloat[][TEM, 5\,nm.]{\includegraphics{b.png}}",
        r"\subcaptionbox{SEM of [001] rods\label{x}}[1cm]{\includegraphics{a.png}}"
        r"\subcaptionbox{TEM, 5~nm.}{\includegraphics{b.png}}",
        r"\begin{subfigure}[b]{1cm}\includegraphics{a.png}\subcaption{SEM of [001] rods}\end{subfigure}"
        r"\begin{subfigure}[b]{1cm}\includegraphics{b.png}\caption{TEM, 5~nm.}\end{subfigure}",
        r"\subfigure[SEM of [001] rods]{\includegraphics{a.png}}\subfigure[TEM, 5~nm.]{\includegraphics{b.png}}",
    ],
)
def test_parts_with_captions_of_their_own(parts: str) -> None:
    body = r"\begin{figure}" + parts + r"\caption{Rods}\end{figure}"
    assert rows(body) == [("Figure 1", "Rods. (a) SEM of [001] rods. (b) TEM, 5 nm.", "a.png b.png")]


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (r"\plottwo{a.png}{b.png}", "a.png b.png"), (r"\epsfig{file=a.png, width=8cm}", "a.png"),
        (r"\psfig{width=3in,figure=a.png}", "a.png"), (r"\epsfbox[0 0 1 1]{a.png}", "a.png"),
        (r"\gridline{\fig{a.png}{1cm}{(a)}\rightfig{b.png}{1cm}{(b)}}", "a.png b.png"),
        (r"\begin{overpic}[width=1cm]{a.png}\put(1,1){a}\end{overpic}", "a.png"),
        (r"\includegraphics[trim={0 [1] 0 0}, clip]{a}", "a.png"), (r"\includegraphics<1->[width=1cm]{a}", "a.png"),
        (r"\includegraphics[1,1][2,2]{a.png}", "a.png"), (r"\adjustimage{width=1cm}{a.png}", "a.png"),
        (r"\includegraphics{p.eps}", "p.pdf"),
        (r"\includegraphics{q.eps}\includegraphics{p}", "q-eps-converted-to.pdf p.pdf"),
        (r"\includegraphics{\own/a.png}\includegraphics{{b}.png}", "figs/a.png b.png"),
        (r'\includegraphics{"./a.png"}\includegraphics{sub/../b}', "a.png b.png"),
        (r"\includegraphics{../a.png}\includegraphics{/a.png}", ""), (r"\shown{a.png}", "a.png"),
        (r"\begin{tabular}{cc}\includegraphics{a.png}&\includegraphics{b.png}\\(a)&(b)\end{tabular}", "a.png b.png"),
    ],
)  # fmt: skip
def test_commands_that_show_images(command: str, files: str) -> None:
    preamble = r"\newcommand{\own}{figs}\newcommand{\shown}[2][1cm]{\includegraphics[width=#1]{#2}}"
    (found,) = read(rf"\begin{{figure}}{command}\caption{{x}}\end{{figure}}", preamble)
    assert " ".join(found.files) == files


@pytest.mark.parametrize(
    ("hidden", "preamble"),
    [
        (r"\begin{comment}%s\end{comment}", ""), (r"\iffalse%s\fi ", ""), (r"\iffalse\ifx\a\b%s\else\fi %s\fi ", ""),
        (r"\iftrue\else%s\fi ", ""), (r"\if0%s\fi ", ""), (r"\ifdraft%s\fi ", r"\newif\ifdraft"),
        (r"\drafttrue\ifdraft\else%s\fi ", r"\newif\ifdraft"), (r"\begin{verbatim}%s\end{verbatim}", ""),
        (r"\begin{hidden}%s\end{hidden}", r"\excludecomment{hidden}"), (r"\ignore{%s}", r"\newcommand{\ignore}[1]{}"),
        ("%% %s", ""), (r"\begin{table}%s\end{table}", ""), ("", r"\newcommand{\unused}{%s}"),
    ],
)  # fmt: skip
def test_what_is_not_typeset_is_no_figure(hidden: str, preamble: str) -> None:
    dropped = (
        r"\includegraphics{a.png}\caption{Dropped.}" if "{table}" in hidden else figure("a.png", "Dropped.").strip()
    )
    body, before = (text.replace("%s", dropped.replace("\n", " ")).replace("%%", "%") for text in (hidden, preamble))
    assert rows(body + "\n" + AFTER, before) == [("Figure 1", "After.", "d.png")]


@pytest.mark.parametrize(
    ("open_", "close", "preamble"),
    [
        (r"\bfig", r"\efig", r"\newcommand{\bfig}{\begin{figure}}\newcommand\efig{\end{figure}}"),
        (r"\begin{myfig}[h]", r"\end{myfig}", r"\newenvironment{myfig}[1][t]{\begin{figure}[#1]}{\end{figure}}"),
        (r"\be{figure}", r"\ee{figure}", r"\def\be{\begin}\def\ee{\end}"),
        (r"\ifpdf\begin{figure}", r"\else\fi\end{figure}", ""),
    ],
)  # fmt: skip
def test_own_commands_and_environments(open_: str, close: str, preamble: str) -> None:
    body = open_ + r"\includegraphics{a.png}\caption{One.}" + close + " " + AFTER
    assert rows(body, preamble) == [("Figure 1", "One.", "a.png"), ("Figure 2", "After.", "d.png")]


def test_a_command_that_makes_whole_figures() -> None:
    preamble = (
        r"\newcommand{\fig}[3][1cm]{\begin{figure}\includegraphics[width=#1]{#2}\caption{#3}\label{f:#2}\end{figure}}"
    )
    found = read(r"\fig{a.png}{Rods, \SI{5}{\nm}.} As in Fig.~\ref{f:a.png}. \fig[2cm]{b.png}{Wires.}", preamble)
    assert [(each.label, each.caption, each.files) for each in found] == [
        ("Figure 1", "Rods, 5 nm.", ("a.png",)), ("Figure 2", "Wires.", ("b.png",))
    ]  # fmt: skip
    assert found[0].mentions == ("As in Fig. 1.",)


@pytest.mark.parametrize(
    "command",
    [r"\input sub/part ", r"\input{sub/part}", r"\import{sub/}{part}", r"\subimport{sub}{part.tex}",
     r"\subfile{sub/part}", r"\include{sub/part}"],
)  # fmt: skip
def test_files_that_are_taken_in(command: str) -> None:
    part = {"sub/part.tex": document(figure("e.png", "Part.")) + figure("a.png", "Not typeset.")}
    assert rows(command + "\n" + AFTER, **part) == [("Figure 1", "Part.", "sub/e.png"), ("Figure 2", "After.", "d.png")]


def test_the_main_file_is_the_one_that_becomes_the_longest() -> None:
    sources = {
        "main.tex": document(r"\input{text}"), "text.tex": figure("a.png", "Long. " * 200),
        "letter.tex": document(figure("b.png", "A letter. " * 50)),
    }  # fmt: skip
    assert [each.files for each in latex_figures(sources, FILES)] == [("a.png",)]


def test_captions_as_plain_text() -> None:
    caption = (
        r"\label{f}At 5~\textmu m, 20\,\textmu m, $2~\mathrm{\mu m}$, \SI{3}{\um}, \qty{5}{\nano\metre}; "
        r"as Fig.~\ref{f}\cite{x}, 1.5~\AA, TiO$_2$."
    )
    (found,) = read(figure("a.png", caption))
    assert found.caption == "At 5 µm, 20 µm, 2 µm, 3 µm, 5 nm; as Fig. 1, 1.5 Å, TiO_2."


def test_what_can_not_be_had_is_counted() -> None:
    body = (
        figure("gone.png", "x")
        + r"\begin{figure}\begin{tikzpicture}\draw (0,0);\end{tikzpicture}\caption{y}\end{figure}"
        r"\begin{figure}\begin{tikzpicture}\node{\includegraphics{a.png}};\end{tikzpicture}\caption{z}\end{figure}"
    )
    assert [(each.missing, each.is_drawn) for each in read(body)] == [(1, False), (0, True), (0, False)]


def test_sentences_that_speak_of_a_figure() -> None:
    body = (
        r"Rods grew~\cite{x} (Fig.~\ref{f:a}b). Nothing here. Wires are in \cref{f:a,f:b}; see \figs{f:b}."
        + figure("a.png", r"As in Fig.~\ref{f:b}.\label{f:a}")
        + "\n\nOthers, as Figs.~1 and~2 show, broke. % Fig. 1 is hidden.\n\n"
        + r"\begin{figure}\label{f:b}\includegraphics{b.png}\caption{Two.}\end{figure} See Sec.~\ref{s}, not Fig. 9."
    )
    first, second = read(body, r"\newcommand{\figs}[1]{Figure~\ref{#1}}")
    assert first.mentions == (
        "Rods grew (Fig. 1b).", "Wires are in Figs. 1, 2; see Figure 2.", "Others, as Figs. 1 and 2 show, broke."
    )  # fmt: skip
    assert second.mentions == first.mentions[1:]


def test_damaged_sources_end() -> None:
    for body in (r"\begin{figure}\caption{x", r"\iffalse" + AFTER, r"\begin{figure}" * 50 + AFTER, r"\end{figure}" * 50,
                 r"\begin{minipage}" * 500 + r"\caption{x}", r"\newenvironment{a}{\begin{a}}{\end{a}}\begin{a}\end{a}",
                 r"\newcommand{\x}{\begin{figure}\y}\newcommand{\y}{\begin{figure}\x}\x"):  # fmt: skip
        assert isinstance(read(body), list)
    assert rows(r"\iffalse" + AFTER) == [("Figure 1", "After.", "d.png")]
