"""arXiv: recorded answers, query syntax, LaTeX figures, malicious e-prints, and an entire acquisition."""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mirsearch.acquisition.acquire import Acquisition
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.ledger import Ledger
from mirsearch.acquisition.services.arxiv import ArXiv, parse_feed, parse_license, query_text
from mirsearch.acquisition.services.base import KeywordQuery
from mirsearch.errors import SourceError, UsageError
from mirsearch.licenses import canonical_license
from mirsearch.settings import ARXIV, ARXIV_OAI, RetryLimits
from mirsearch.sources.base import FoundFigure, SourceFailure
from mirsearch.sources.latex import eprints
from mirsearch.sources.latex.eprints import Eprint
from mirsearch.sources.latex.figures import latex_figures
from mirsearch.sources.latex.plain import plain_text
from tests.support.serving import WorldWriter, random_png, run_server

CC_BY = "http://creativecommons.org/licenses/by/4.0/"
OWN = "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"


@pytest.fixture(autouse=True)
def _without_ghostscript(monkeypatch):
    monkeypatch.setattr("mirsearch.sources.latex.postscript._PROGRAMS", ())


TEX = r"""
\documentclass{article}
\usepackage{graphicx} \graphicspath{{figs/}}
\newcommand{\ag}{Ag$_2$O}
\begin{document}
% \begin{figure}\includegraphics{hidden}\caption{Not there}\end{figure}
\input{results}
\begin{figure*}
  \includegraphics[width=\columnwidth]{wires.png}
  \caption[short]{SEM image of \ag{} wires~\cite{a}, 50\,\% of \emph{them}. Scale bar: \SI{20}{\micro\meter}. \label{f}}
\end{figure*}
\begin{figure}
  \begin{subfigure}{0.5\textwidth}\includegraphics{plot}\caption{TEM image, bar 5~nm}\end{subfigure}
  \begin{subfigure}{0.5\textwidth}\includegraphics{gone.png}\caption{FFT}\end{subfigure}
  \caption{Lattice fringes of 0.25~\AA{} at $10^{-3}$~Pa.}
\end{figure}
\end{document}
"""
RESULTS = r"\begin{figure}\includegraphics{./first.jpg}\caption{Photograph.}\end{figure}"


def tarball(files: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for each in extra or []:
            archive.addfile(each)
    return data.getvalue()


def pdf_page() -> bytes:
    """A PDF with one page of 72 × 36 points with a black box in it."""
    body = b"0 0 36 36 re f"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 36] /Contents 4 0 R >>",
               b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body)]  # fmt: skip
    data, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(data)
    return data + b"xref\n0 5\n0000000000 65535 f \n" + table + tail


def eprint() -> bytes:
    results = RESULTS.replace("{./first.jpg}", r"{./first.jpg}\includegraphics{drawn.eps}").encode()
    return tarball({"main.tex": TEX.encode(), "results.tex": results, "drawn.eps": b"%!PS", "first.jpg": random_png(2),
                    "figs/wires.png": random_png(1), "figs/plot.pdf": pdf_page()})  # fmt: skip


@pytest.fixture(scope="module")
def recorded(shared_data) -> Path:
    return shared_data / "recorded" / "arxiv"


@pytest.mark.data
def test_recorded_feeds_are_read(recorded):
    first = parse_feed((recorded / "query_testing_start0_max10.atom.xml").read_bytes(), 0)
    second = parse_feed((recorded / "query_testing_start10_max10.atom.xml").read_bytes(), 10)
    assert len({hit.id for hit in (*first.hits, *second.hits)}) == 20
    assert (first.cursor, second.cursor) == ("10", "20")
    (hit,) = parse_feed((recorded / "id_list_1605.08386.atom.xml").read_bytes(), 0).hits
    assert (hit.id, hit.revision, hit.year) == ("arXiv:1605.08386", "v1", 2016)
    assert hit.doi == "10.48550/arxiv.1605.08386"
    assert hit.authors == ("Caprice Stanley", "Tobias Windisch")
    assert parse_feed((recorded / "id_list_0000.0000_empty.atom.xml").read_bytes(), 0).hits == ()


@pytest.mark.data
def test_a_recorded_error_is_an_error(recorded):
    with pytest.raises(SourceError, match="incorrect id format"):
        parse_feed((recorded / "id_list_abc_error_status400.atom.xml").read_bytes(), 0)


@pytest.mark.data
def test_recorded_licenses_are_read(recorded):
    own = parse_license((recorded / "oai_arXiv_record_1407.7587.xml").read_bytes(), "1407.7587")
    assert canonical_license(own) == "arxiv-nonexclusive"
    two = parse_license(
        (recorded / "oai_arXivRaw_records_2303.15533_2508.11450.excerpt.xml").read_bytes(), "2303.15533"
    )
    assert canonical_license(two) == "cc-by"


@pytest.mark.data
def test_a_recorded_eprint_has_its_figures(recorded):
    figures = latex_figures(*Eprint(recorded / "eprint_1911.02782.tar.gz", "x").scan())
    assert [figure.files for figure in figures] == [
        ("gorc_links.png",), ("oa_distro_percs.png",), ("paper_w2v_arxiv_cs.png",), ("numeric_representations.png",)
    ]  # fmt: skip
    assert figures[0].caption.startswith(
        "Inline citations and references to figures and tables are annotated in S2ORC's"
    )
    assert figures[1].caption == "Distribution of papers by Microsoft Academic field of study."
    assert "\\" not in "".join(figure.caption for figure in figures)


@pytest.mark.parametrize(
    "data", [b"", b"<feed/>", b"Rate exceeded.", b"<!DOCTYPE x [<!ENTITY e 'x'>]><feed>&e;</feed>"]
)
def test_an_answer_that_is_no_feed_is_an_error(data):
    with pytest.raises(SourceError, match="search at arXiv failed"):
        parse_feed(data, 0)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (KeywordQuery(("nano",)), "(all:nano)"),
        (KeywordQuery(('"gold rods" OR (wires tubes)', "SEM"), where="title"),
         '(ti:"gold rods" OR ( ti:wires AND ti:tubes )) AND (ti:SEM)'),
        (KeywordQuery(("a NOT b",), since="2020-01-01", until="2020-12-31"),
         "(all:a ANDNOT all:b) AND submittedDate:[202001010000 TO 202012312359]"),
        (KeywordQuery(("a AND NOT b",), where="abstract"), "(abs:a ANDNOT abs:b)"),
    ],
)  # fmt: skip
def test_queries_in_its_language(query, text):
    assert query_text(query) == text


def test_it_has_no_captions_to_search():
    with pytest.raises(UsageError, match="captions"):
        query_text(KeywordQuery(("a",), where="captions"))


def test_figures_of_latex_sources():
    files = frozenset(("main.tex", "results.tex", "figs/wires.png", "figs/plot.pdf", "first.jpg"))
    figures = latex_figures({"main.tex": TEX, "results.tex": RESULTS}, files)
    assert [(each.label, each.files, each.missing) for each in figures] == [
        ("Figure 1", ("first.jpg",), 0), ("Figure 2", ("figs/wires.png",), 0), ("Figure 3", ("figs/plot.pdf",), 1)
    ]  # fmt: skip
    assert figures[1].caption == "SEM image of Ag_2O wires, 50 % of them. Scale bar: 20 µm."
    assert figures[2].caption == "Lattice fringes of 0.25 Å at 10^-3 Pa. (a) TEM image, bar 5 nm. (b) FFT."


COMMANDS = r"""
\documentclass{article}
\newcommand{\sample}[2]{#1-doped \emph{#2}}
\newcommand{\bar}[2][nm]{scale bar #2~#1}
\newcommand\two{\sample{Ag}{ZnO}}
\def\kv#1{#1~kV}
\newcommand{\loop}[1]{\loop{#1}\loop{#1}}
\begin{document}
\begin{figure}\includegraphics{a.eps}
  \caption{SEM of \sample{Cu}{TiO$_2$} and \two, \bar{20}, \bar[$\mu$m]{2}, at \kv{15}; \sample{rods \bar{5}}{wires}.}
\end{figure}
\begin{figure}\includegraphics{b.png}\caption{Ends early: \sample{x}}\end{figure}
\begin{figure}\includegraphics{b.png}\caption{\loop{never} ends}\end{figure}
\end{document}
"""


def test_commands_with_arguments_in_captions():
    figures = latex_figures({"main.tex": COMMANDS}, frozenset(("main.tex", "a.eps", "b.png")))
    assert figures[0].caption == (
        "SEM of Cu-doped TiO_2 and Ag-doped ZnO, scale bar 20 nm, scale bar 2 μm, at 15 kV; "
        "rods scale bar 5 nm-doped wires."
    )
    assert figures[1].caption.startswith("Ends early:")
    assert "ends" in figures[2].caption


def test_commands_that_call_each_other_end():
    names = "abcdefghijklmnopqrst"
    bomb = "".join(
        rf"\newcommand{{\x{one}}}[1]{{" + rf"\x{other}{{#1#1}}" * 9 + "}" for one, other in itertools.pairwise(names)
    )
    source = rf"\documentclass{{x}}{bomb}\begin{{document}}\begin{{figure}}\caption{{\xa{{x}}}}\end{{figure}}"
    (figure,) = latex_figures({"main.tex": source + r"\end{document}"}, frozenset(("main.tex",)))
    assert len(figure.caption) <= 50_000


def test_sources_that_take_each_other_in_end():
    sources = {
        "a.tex": r"\documentclass{x}\begin{document}\input{b}\input{a}\end{document}",
        "b.tex": r"\input{a}\input{b}",
    }
    assert latex_figures(sources, frozenset(sources)) == []
    assert latex_figures({}, frozenset()) == []
    assert plain_text(r"\def\x{\x}{{{ $ \frac{") is not None


def test_no_path_of_an_eprint_leads_out(tmp_path):
    link, hard, device = tarfile.TarInfo("figs/link.png"), tarfile.TarInfo("hard.png"), tarfile.TarInfo("dev.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "main.tex"
    device.type = tarfile.CHRTYPE
    tex = r"\documentclass{a}\begin{document}\input{/etc/passwd}\input{../../etc/passwd}" + "".join(
        rf"\begin{{figure}}\includegraphics{{{name}}}\caption{{x}}\end{{figure}}"
        for name in ("/etc/passwd", "../up.png", "figs/link.png", "hard.png", "dev.png", "ok.png")
    )
    path = tmp_path / "e.tar.gz"
    path.write_bytes(tarball({"main.tex": (tex + r"\end{document}").encode(), "../up.png": b"x", "/abs.png": b"x",
                              "ok.png": random_png(1)}, [link, hard, device]))  # fmt: skip
    texts, files = Eprint(path, "x").scan()
    assert files == {"main.tex", "ok.png"}
    assert [each.files for each in latex_figures(texts, files)] == [(), (), (), (), (), ("ok.png",)]
    for name in ("../up.png", "/abs.png", "figs/link.png"):
        with pytest.raises(SourceError):
            Eprint(path, "x").read(name, 1000)


@pytest.mark.parametrize(
    "data", [b"%PDF-1.4", b"\x1f\x8b\x08damaged", tarball({"a.tex": b"x" * 5000})[:60]], ids=["pdf", "damaged", "cut"]
)
def test_damaged_eprints_are_named(tmp_path, data):
    path = tmp_path / "e"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="arXiv:1"):
        Eprint(path, "arXiv:1").scan()


def test_damage_that_has_no_words_is_told_by_its_kind(tmp_path):
    head = tarfile.TarInfo("m.tex")
    head.size, head.type = 1 << 40, tarfile.GNUTYPE_LONGLINK
    path = tmp_path / "e"
    path.write_bytes(gzip.compress(head.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(SourceError, match=r"a damaged e-print \(\w"):
        Eprint(path, "x").scan()


def test_bombs_end_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(eprints, "MAX_BYTES", 1 << 20)
    path = tmp_path / "e"
    path.write_bytes(gzip.compress(b"\0" * (5 << 20)))
    with pytest.raises(SourceError, match="unpacks to more"):
        Eprint(path, "x").scan()


def test_a_single_file_is_a_source(tmp_path):
    path = tmp_path / "e"
    path.write_bytes(gzip.compress(TEX.encode()))
    texts, files = Eprint(path, "x").scan()
    assert set(texts) == files == {"main.tex"}


# -- the whole way -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a query against a served arXiv; its items, acquisition and the server."""
    writer = WorldWriter(tmp_path / "world")
    (writer.folder / "e1").write_bytes(eprint())
    (writer.folder / "e2").write_bytes(tarball({"main.tex": b"\\documentclass{a}"}))
    common = {"summary": "On nano.", "published": "2024-02-01T00:00:00Z", "authors": ["Ada Larch", "Ben Okoro"]}
    writer.world["arxiv"] = [
        {"id": "2402.00001v2", "title": "Nano wires", "license": CC_BY, "eprint": "e1", **common},
        {"id": "2402.00002v1", "title": "Nano rods", "license": OWN, "eprint": "e1", **common},
        {
            "id": "cond-mat/0101001v1",
            "title": "Nano tubes",
            "license": CC_BY,
            "eprint": "e2",
            "doi": "10.1/X",
            **common,
        },
        {"id": "2402.00004v1", "title": "Nano PDF", "license": CC_BY, "eprint": "", **common},
    ]
    with run_server(writer.write()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

        def go(dry: bool = False):
            server.faults()
            ledger = Ledger(tmp_path / "ledger.sqlite")
            client = HttpClient(
                [ARXIV, ARXIV_OAI], HttpCache(tmp_path / "cache", 50 << 20), RetryLimits(2, 2, 5, 2, 0.01, 1)
            )
            acquisition = Acquisition(ArXiv(client), KeywordQuery(("nano",)), ledger, tmp_path)
            items = list(acquisition.preview()) if dry else list(acquisition.items())
            acquisition.mark_complete()
            client.close()
            ledger.close()
            return items, acquisition, server

        yield go


def test_figures_of_papers_that_may_be_reused(run):
    items, acquisition, server = run()
    found = [each for each in items if isinstance(each, FoundFigure)]
    failed = [each for each in items if isinstance(each, SourceFailure)]
    assert [each.label for each in found] == ["Figure 2", "Figure 3"]
    assert found[0].path.read_bytes() == random_png(1)
    assert found[0].article.id == "doi:10.48550/arxiv.2402.00001"
    assert found[0].article.license == "CC BY 4.0"
    assert found[0].article.url == "https://arxiv.org/abs/2402.00001"
    assert found[0].origin.location == f"{server.url}/arxiv/e-print/2402.00001v2#figs/wires.png"
    assert [each.location for each in failed] == ["arXiv:2402.00004"]
    assert acquisition.report.skipped_articles == {"license arxiv-nonexclusive": 1}
    assert not any("e-print/2402.00002" in path for path in server.paths())
    assert len([path for path in server.paths() if "e-print/2402.00001" in path]) == 1


def test_the_same_figure_of_a_paper_in_pmc_is_one_figure(tmp_path, monkeypatch):
    """PMC's copy is a smaller JPEG; arXiv's figure becomes another place of it, and its other figure stays its own."""
    from mirsearch.acquisition.services.europepmc import EuropePmc
    from mirsearch.settings import EUROPEPMC, PMC
    from tests.support.serving import SEM, ServedArticle, ServedFigure

    noise = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (300, 400)), (0, 0), 9)
    wires = Image.fromarray(cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)).convert("RGB")
    png, jpg = io.BytesIO(), io.BytesIO()
    wires.save(png, "PNG")
    wires.resize((200, 150)).save(jpg, "JPEG", quality=70)
    writer = WorldWriter(tmp_path / "world")
    title = "How nano wires grow on silver"
    writer.add(ServedArticle(1001, [ServedFigure(SEM, "Figure 2", "g2.jpg", jpg.getvalue())], title=title))
    files = {"main.tex": TEX.encode(), "figs/wires.png": png.getvalue(), "figs/plot.pdf": pdf_page()}
    (writer.folder / "e1").write_bytes(tarball(files))
    writer.world["arxiv"] = [{"id": "2402.00001v1", "title": f"{title}.", "license": CC_BY, "eprint": "e1",
                              "summary": "", "published": "2024-02-01T00:00:00Z",
                              "authors": ["Ada Larch"]}]  # fmt: skip
    found: dict[str, list[FoundFigure]] = {}
    with run_server(writer.write()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for service in (EuropePmc, ArXiv, ArXiv):
            ledger = Ledger(tmp_path / "ledger.sqlite")
            client = HttpClient([EUROPEPMC, PMC, ARXIV, ARXIV_OAI], HttpCache(tmp_path / "cache", 50 << 20))
            acquisition = Acquisition(service(client), KeywordQuery(("nano",)), ledger, tmp_path)
            found[service.name] = [each for each in acquisition.items() if isinstance(each, FoundFigure)]
            acquisition.mark_complete()
            client.close()
            ledger.close()
    (published,) = found["europepmc"]
    same, other = found["arxiv"]
    assert same.path == published.path
    assert same.origin.location.endswith("2402.00001v1#figs/wires.png")
    assert same.other_origins == ()
    assert other.path != published.path


def test_pdf_figures_become_pictures(run):
    from mirsearch.imaging.images import open_picture

    items, *_ = run()
    path = next(each.path for each in items if isinstance(each, FoundFigure) and each.path.name.endswith(".pdf.png"))
    pixels = open_picture(path).pixels
    assert pixels.shape == (150, 300, 3)
    assert pixels[75, 75].tolist() == [0, 0, 0]
    assert pixels[75, 225].tolist() == [255, 255, 255]


def test_a_dry_run_asks_for_no_source(run):
    _, acquisition, server = run(dry=True)
    assert acquisition.report.articles_taken == acquisition.report.articles_unplanned == 3
    assert not any("e-print" in path for path in server.paths())
    items, acquisition, _ = run()
    assert len([each for each in items if isinstance(each, FoundFigure)]) == 2
    assert acquisition.report.articles_unplanned == 0
    skipped = acquisition.report.skipped_figures
    assert skipped["not in the e-print"] == 1
    assert skipped["PostScript (.eps, .ps), which Ghostscript draws where it is installed"] == 1
