"""The source `pdf`: figures and captions in laid-out articles, real and drawn; hostile PDFs are reported by name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from mirsearch.errors import MissingDependencyError, SourceError
from mirsearch.imaging.images import open_picture
from mirsearch.settings import LIMITS
from mirsearch.sources import discover
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.pdf import pages as pdf_pages
from mirsearch.sources.pdf import source as pdf
from mirsearch.sources.pdf.article import identify_article, license_urls
from mirsearch.sources.pdf.captions import match_caption_start
from mirsearch.sources.pdf.document import find_figures
from mirsearch.sources.pdf.text import Line, join_lines
from tests.support.cli_runner import run
from tests.support.isolated_tasks import crash_as_a_reader_of_pdf
from tests.support.pdf_making import PdfFig, make_pdf, noise_picture

SEM = "SEM images of (a) wires and (b) rods after the first hour at 600 °C, as in Figure 7. Scale bars: 2 µm."


def figs() -> list[PdfFig]:
    return [
        PdfFig("Figure 1", SEM * 2, [noise_picture(1), noise_picture(2)], letters=True),
        PdfFig("Fig. 2", "TEM image of one rod.", [noise_picture(3, 300, 240)], strips=7, mark=" |"),
        PdfFig("FIG. 3", "Length of the wires over time."),
        PdfFig("Scheme 1", "How it is made", [noise_picture(5, 640, 200)], mark=":"),
    ]


def iou(a, b) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return shared / (area - shared)


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def article(tmp_path_factory) -> tuple[Path, list[PdfFig]]:
    layouts = figs()
    path = tmp_path_factory.mktemp("pdf") / "two columns.pdf"
    return make_pdf(path, layouts, columns=2, logo=noise_picture(99, 120, 48)), layouts


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("above", [False, True])
def test_every_figure_with_its_caption_and_nothing_else(tmp_path, columns, above):
    layouts = [dataclasses.replace(each, above=above) for each in figs()]
    path = make_pdf(tmp_path / "a.pdf", layouts, columns=columns, logo=noise_picture(99, 120, 48))
    found = {each.caption.label: each for each in find_figures(path, "a").figures}
    assert sorted(found) == sorted(each.label for each in layouts)
    for each in layouts:
        one = found[each.label]
        assert one.caption.page + 1 == each.where[0]
        assert iou(one.box, each.where[1:]) > 0.9
        assert plain(one.caption.text) == plain(each.caption)


@pytest.mark.data
def test_figures_of_real_articles_laid_out_anew(shared_data, tmp_path):
    folder = shared_data / "articles" / "PMC7058583"
    figures_with_images = [
        each for each in json.loads((folder / "figures.json").read_text())["figures"] if each["image"]
    ]
    layouts = [PdfFig(each["label"], each["caption"], [Image.open(folder / each["image"])], strips=1 + number)
               for number, each in enumerate(figures_with_images)]  # fmt: skip
    found = {each.caption.label: each for each in find_figures(make_pdf(tmp_path / "a.pdf", layouts), "a").figures}
    assert sorted(found) == sorted(each.label for each in layouts)
    for each in layouts:
        assert iou(found[each.label].box, each.where[1:]) > 0.9
        assert plain(found[each.label].caption.text) == plain(each.caption)


def test_pictures_are_as_fine_as_they_are_stored(article, tmp_path):
    path, layouts = article
    found = list(pdf.PdfSource().find_figures(SourceRequest((path,), options={"workspace": str(tmp_path)})))
    assert all(isinstance(each, FoundFigure) for each in found)
    second = next(each for each in found if each.label == "Fig. 2")
    assert second.caption == "TEM image of one rod."
    assert second.origin.location == f"{path}#page={layouts[1].where[0]}"
    assert second.other_origins[0].location == str(second.path)
    pixels = open_picture(second.path).pixels
    truth = np.asarray(layouts[1].pictures[0])
    finer = pixels.shape[1] / truth.shape[1]  # drawn at 200 dpi at least
    assert finer == pytest.approx(max(1.0, 200 / 72 * 226 / 300), rel=0.05)
    small = np.asarray(Image.fromarray(pixels).resize((30, 24), Image.Resampling.BOX), dtype=float)
    same = np.asarray(layouts[1].pictures[0].resize((30, 24), Image.Resampling.BOX), dtype=float)
    assert np.corrcoef(small[1:-1, 1:-1].ravel(), same[1:-1, 1:-1].ravel())[0, 1] > 0.98


def test_what_was_read_is_not_read_again(article, tmp_path, monkeypatch):
    path, _ = article
    request = SourceRequest((path,), options={"workspace": str(tmp_path)})
    first = list(pdf.PdfSource().find_figures(request))
    monkeypatch.setattr(pdf, "run_isolated", lambda *_, **__: pytest.fail("read again"))
    assert list(pdf.PdfSource().find_figures(request)) == first
    assert not [each for each in (tmp_path / "pdf").iterdir() if each.name.startswith(".")]


def test_the_article_as_far_as_it_is_certain(article, tmp_path):
    path, _ = article
    found = find_figures(path, "a").article
    assert (found.doi, found.title, found.license) == ("10.5555/made.1", "On wires that grow at night", "CC BY 4.0")
    other = make_pdf(tmp_path / "b.pdf", figs()[:1], doi=None, license_=None, metadata_title="paper_final_v3.docx")
    found = find_figures(other, "b").article
    assert (found.doi, found.title, found.license) == (None, "On wires that grow at night", None)


def test_of_several_dois_and_licenses_none_is_taken():
    text = "See 10.5555/one.1 and https://doi.org/10.5555/two.2"
    licenses = license_urls("creativecommons.org/licenses/by/4.0/ creativecommons.org/licenses/\nby-nc/4.0/")
    found = identify_article("Microsoft Word - x", "", [], text, licenses, "name")
    assert (found.doi, found.license, found.title, found.id) == (None, None, None, "folder:name")
    assert identify_article("", "Wires 10.5555/own.3", [], text, set(), "name").doi == "10.5555/own.3"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Figure 3. Images of rods", "Figure 3"), ("Fig. 3 | Images of rods", "Fig. 3"), ("FIG. 3. (a) Rods", "FIG. 3"),
        ("Figure S12: rods", "Figure S12"), ("Figure 2.14. Rods", "Figure 2.14"), ("Fig. 4", "Fig. 4"),
        ("Figure 3 Rods after an hour", "Figure 3"), ("Supplementary Fig. 3 | Rods", "Supplementary Fig. 3"),
        ("Extended Data Figure 1. Rods", "Extended Data Figure 1"), ("Scheme 2 – Synthesis", "Scheme 2"),
        ("Figure 3 shows rods", None), ("Fig. 3a shows rods", None), ("Figure 3, in which", None),
        ("Fig. 3). The rods", None), ("Figures of merit", None), ("Figure 3-5 rods", None),
        ("as in Figure 3. Rods", None),
    ],
)  # fmt: skip
def test_lines_that_begin_a_caption(text, label):
    found = match_caption_start(Line(text, (0, 0, 100, 10), 10))
    assert (found and found["label"]) == label


def test_words_parted_at_a_line_s_end():
    words = frozenset(("high-resolution", "nanowires", "low", "current", "wires"))
    assert join_lines(["of nano-", "wires"], words) == "of nanowires"
    assert join_lines(["high\x02", "resolution"], words) == "high-resolution"
    assert join_lines(["low\ufffe", "current"], words) == "low-current"
    assert join_lines(["low-", "and high"], words) == "low- and high"
    assert join_lines(["SrFe-", "O"], words) == "SrFe-O"


def page(path: Path, draw, size=A4, **more) -> Path:
    canvas = Canvas(str(path), pagesize=size, invariant=1, **more)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return path


def test_turned_pages_are_read_as_they_are_shown(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(A4[0], 0)
        canvas.rotate(90)  # upright once the page is turned
        canvas.drawImage(ImageReader(noise_picture(1)), 100, 250, 400, 300)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(100, 230, "Figure 1. SEM images of wires that were grown at night.")

    path = page(tmp_path / "turned.pdf", draw)
    (found,) = find_figures(path, "turned").figures
    assert found.caption.text == "SEM images of wires that were grown at night."
    assert found.box[2] - found.box[0] == pytest.approx(400, abs=3)
    assert found.box[3] - found.box[1] == pytest.approx(300, abs=3)


def test_a_caption_in_two_columns_and_one_beside_its_picture(tmp_path):
    left = ["Figure 1 | Wires. SEM images of wires that were", "grown on silicon at several temperatures, of which the"]
    right = ["lowest is shown in a. Scale bars, 2 µm. These were", "looked at after one hour in nitrogen."]

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(noise_picture(1, 600, 300)), 50, 500, 490, 245)
        canvas.drawImage(ImageReader(noise_picture(2, 300, 300)), 50, 150, 200, 200)
        canvas.setFont("Helvetica", 8)
        for x, lines in ((50, left), (260, right)):
            for number, line in enumerate(lines):
                canvas.drawString(x, 485 - 10 * number, line)
        for number, line in enumerate(("Figure 2. TEM image of a rod", "that stands beside its picture.")):
            canvas.drawString(265, 240 - 10 * number, line)

    found = {each.caption.label: each for each in find_figures(page(tmp_path / "a.pdf", draw), "a").figures}
    assert found["Figure 1"].caption.text.endswith("of which the lowest is shown in a. Scale bars, 2 µm. These were "
                                                   "looked at after one hour in nitrogen.")  # fmt: skip
    assert iou(found["Figure 1"].box, (50, A4[1] - 745, 540, A4[1] - 500)) > 0.95
    assert iou(found["Figure 2"].box, (50, A4[1] - 350, 250, A4[1] - 150)) > 0.95


def test_captions_at_the_end_come_to_their_pictures(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(60, 760, "Figure legends")
        for number in (1, 2):
            canvas.drawString(60, 760 - 30 * number, f"Figure {number}. SEM images of wires of batch {number}.")
        for number in (1, 2):
            canvas.showPage()
            canvas.setFont("Helvetica", 9)
            canvas.drawImage(ImageReader(noise_picture(number)), 100, 300, 400, 300)
            canvas.drawString(100, 260, f"Figure {number}")

    content = find_figures(page(tmp_path / "a.pdf", draw), "a")
    assert [(each.caption.page, each.caption.text) for each in content.figures] == [
        (1, "SEM images of wires of batch 1."), (2, "SEM images of wires of batch 2."),
    ]  # fmt: skip


def test_a_table_is_no_figure_and_pictures_without_caption_are_noted(tmp_path):
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(60, 780, "Table 1. Lengths of wires after one hour.")
        for row in range(8):
            canvas.rect(60, 760 - 20 * row, 300, 20)
            canvas.drawString(70, 766 - 20 * row, f"{row * 12} nm")
        canvas.drawImage(ImageReader(noise_picture(1)), 100, 200, 300, 225)

    content = find_figures(page(tmp_path / "a.pdf", draw), "a")
    assert content.figures == []
    assert len(content.notes) == 1
    assert "without a caption are skipped" in content.notes[0]


# hostile files


def only_failure(path: Path, tmp_path: Path) -> str:
    (found,) = discover.find_figures([path], options={"workspace": str(tmp_path / "work")})
    assert isinstance(found, SourceFailure)
    return found.reason


def locked(folder: Path) -> Path:
    lock = StandardEncryption("secret", canPrint=0)
    return page(folder / "locked.pdf", lambda canvas: canvas.drawString(9, 9, "x"), encrypt=lock)


def test_a_locked_pdf_is_reported(tmp_path):
    assert "locked with a password" in only_failure(locked(tmp_path), tmp_path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_pdf_is_reported_or_read(article, tmp_path, share):
    data = article[0].read_bytes()
    path = tmp_path / "cut.pdf"
    path.write_bytes(data[: int(share * len(data))])
    found = list(discover.find_figures([path], options={"workspace": str(tmp_path / "work")}))
    assert any(isinstance(each, SourceFailure) and each.reason for each in found)


def test_a_reader_that_never_ends_is_ended(article, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "LIMITS", dataclasses.replace(LIMITS, pdf_seconds=0))
    monkeypatch.setattr(pdf, "_GRACE_SECONDS", 0.05)  # no PDF is read in so little time
    assert "took more than" in only_failure(article[0], tmp_path)


def test_a_crash_of_the_reader_is_reported(article, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "extract_pdf", crash_as_a_reader_of_pdf)
    assert "damaged, or too much for its reader (SIGSEGV)" in only_failure(article[0], tmp_path)


def test_pages_and_bytes_have_limits(tmp_path, monkeypatch):
    def draw(canvas: Canvas) -> None:
        for number in range(60):
            canvas.drawString(60, 60, f"Figure {number}")
            canvas.showPage()

    path = page(tmp_path / "long.pdf", draw)
    content = find_figures(path, "long", dataclasses.replace(LIMITS, pdf_pages=50))
    assert content.failures == ["pages after the first 50 of 61 were not read"]
    assert (
        "the limit of 0 s is reached"
        in find_figures(path, "long", dataclasses.replace(LIMITS, pdf_seconds=0)).failures[0]
    )
    monkeypatch.setattr(pdf, "LIMITS", dataclasses.replace(LIMITS, pdf_bytes=100))
    assert "more than the limit" in only_failure(path, tmp_path)


def test_a_page_of_thousands_of_objects_and_a_huge_image_are_read(tmp_path):
    def draw(canvas: Canvas) -> None:
        for number in range(30_000):
            canvas.rect(100 + number % 400, 300 + number % 397, 1, 1)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(100, 280, "Figure 1. Squares, many of them.")
        canvas.showPage()
        canvas.drawImage(ImageReader(Image.new("L", (9000, 9000), 99)), 100, 300, 400, 400)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(100, 280, "Figure 2. A gray square of very many pixels.")

    path = page(tmp_path / "large.pdf", draw)
    found = list(pdf.PdfSource().find_figures(SourceRequest((path,), options={"workspace": str(tmp_path / "work")})))
    assert [each.label for each in found] == ["Figure 1", "Figure 2"]
    assert max(open_picture(found[1].path).pixels.shape) <= 7000


def test_a_file_that_is_none_and_a_folder_without_any(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_text("<html>not a PDF</html>")
    assert not pdf.is_pdf(path)
    with pytest.raises(SourceError, match="not readable as PDF"):
        list(pdf.PdfSource().find_figures(SourceRequest((path,), options={"workspace": str(tmp_path / "work")})))
    with pytest.raises(SourceError, match="no PDF files"):
        list(pdf.PdfSource().find_figures(SourceRequest((tmp_path,))))


def test_the_extra_is_named_where_it_is_missing(article, monkeypatch):
    monkeypatch.setattr(pdf_pages.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"mirsearch\[pdf\]"):
        list(pdf.PdfSource().find_figures(SourceRequest((article[0],))))


def test_a_folder_s_pdfs_and_images_come_together(article, tmp_path):
    (tmp_path / "paper.pdf").write_bytes(article[0].read_bytes())
    noise_picture(8).save(tmp_path / "own.png")
    found = list(discover.find_figures([tmp_path], options={"workspace": str(tmp_path / "work")}))
    assert sorted({each.origin.source for each in found if isinstance(each, FoundFigure)}) == ["folder", "pdf"]
    assert len(found) == 5


def test_a_pdf_becomes_panels(article, tmp_path):
    index = tmp_path / "index"
    first = run("ingest", article[0], "--index", index, "--format", "json").json()
    assert first["figures"]["new"] == 4
    assert first["failures"] == []
    rows = [json.loads(line) for line in run("export", "--index", index).out.splitlines()]
    assert {row["figure_label"] for row in rows} == {"Figure 1", "Fig. 2", "FIG. 3", "Scheme 1"}
    assert {(row["article"]["doi"], row["article"]["license"]) for row in rows} == {("10.5555/made.1", "CC BY 4.0")}
    assert {row["origins"][0]["source"] for row in rows} == {"pdf"}
    assert all(Path(row["image"]).is_relative_to(index / "acquired" / "pdf") for row in rows)
    again = run("ingest", article[0], "--index", index, "--format", "json").json()
    assert again["figures"] == {"new": 0, "updated": 0, "already_there": 4, "failed": 0}
    assert "locked" in run("ingest", locked(tmp_path), "--index", index, code=1).err
