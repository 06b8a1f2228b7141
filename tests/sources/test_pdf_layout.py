"""What of a page belongs to no figure: running heads, headings, mentions; and pictures in neighboring columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from mirsearch.sources.pdf.captions import match_caption_start
from mirsearch.sources.pdf.document import PdfContent, find_figures
from mirsearch.sources.pdf.layout import find_gutters, find_running_heads
from mirsearch.sources.pdf.text import Line
from tests.support.pdf_making import WORDS, noise_picture

Box = tuple[float, float, float, float]
LEFT, RIGHT, COLUMN = 48.0, 302.0, 245.0
"""Left edges and width of two columns, in points."""


def line(text: str, left: float, top: float, size: float = 9.0, right: float | None = None) -> Line:
    return Line(text, (left, top, left + 5.0 * len(text) if right is None else right, top + size), size)


def write_text(canvas: Canvas, left: float, top: float, count: int, chars: int = 52) -> None:
    """Write lines of running text; the last one is short."""
    canvas.setFont("Times-Roman", 9.5)
    words = WORDS * 4
    for number in range(count):
        text = words[number * 40 : number * 40 + chars].ljust(chars, "x") if number < count - 1 else "to an end."
        canvas.drawString(left, A4[1] - top - 11 * (number + 1), text)


def draw(canvas: Canvas, box: Box, seed: int) -> None:
    x0, y0, x1, y1 = box
    picture = ImageReader(noise_picture(seed))
    canvas.drawImage(picture, x0, A4[1] - y1, x1 - x0, y1 - y0)


def caption(canvas: Canvas, left: float, top: float, text: str) -> None:
    canvas.setFont("Times-Roman", 8)
    canvas.drawString(left, A4[1] - top - 8, text)


def boxes_of(path: Path) -> dict[str, Box]:
    return {figure.caption.label: figure.box for figure in content_of(path).figures}


def content_of(path: Path) -> PdfContent:
    return find_figures(path, path.name)


def make(path: Path, pages: list[list[tuple[Box, str, float, float]]], heads: bool = True) -> Path:
    """Make a PDF with two columns of text. Each page lists figures: box, caption, and left and top of the caption."""
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    for number, figures in enumerate(pages):
        if heads:
            canvas.setFont("Helvetica", 8)
            canvas.drawString(LEFT + 80, A4[1] - 52, "CALCIUM WAVES IN RODS")
            canvas.drawString(RIGHT + COLUMN - 20, A4[1] - 52, str(41 + number))
            canvas.line(LEFT, A4[1] - 55, RIGHT + COLUMN, A4[1] - 55)
        for seed, (box, text, left, top) in enumerate(figures):
            draw(canvas, box, 10 * number + seed)
            caption(canvas, left, top, text)
        write_text(canvas, LEFT, 420, 25)
        write_text(canvas, RIGHT, 420, 25)
        canvas.showPage()
    canvas.save()
    return path


def assert_near(found: Box, true: Box) -> None:
    assert max(abs(a - b) for a, b in zip(found, true, strict=True)) <= 3, f"{found} for {true}"


def test_running_heads_stay_out_of_figures_at_the_top_of_a_page(tmp_path: Path) -> None:
    box = (LEFT, 60.0, LEFT + COLUMN, 300.0)
    pages = [[(box, f"Figure {number}. Rods after {number} h.", LEFT, 304.0)] for number in (1, 2, 3)]
    found = boxes_of(make(tmp_path / "a.pdf", pages))
    assert len(found) == 3
    for figure_box in found.values():
        assert_near(figure_box, box)


@pytest.mark.parametrize("gap", [6.0, 9.0])
def test_figures_side_by_side_in_two_columns_are_two(tmp_path: Path, gap: float) -> None:
    middle = (LEFT + COLUMN + RIGHT) / 2
    left, right = (LEFT, 70.0, middle - gap / 2, 300.0), (middle + gap / 2, 70.0, RIGHT + COLUMN, 280.0)
    page = [(left, "Figure 1. Rods.", LEFT, 304.0), (right, "Figure 2. Wires.", RIGHT + 5, 284.0)]
    found = boxes_of(make(tmp_path / "a.pdf", [page], heads=False))
    assert_near(found["Figure 1"], left)
    assert_near(found["Figure 2"], right)


def test_a_figure_across_both_columns_stays_whole(tmp_path: Path) -> None:
    box = (LEFT, 70.0, RIGHT + COLUMN, 300.0)
    found = boxes_of(make(tmp_path / "a.pdf", [[(box, "Figure 1. Rods.", LEFT, 304.0)]], heads=False))
    assert_near(found["Figure 1"], box)


def test_a_caption_beside_parts_that_stand_above_each_other(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    upper, lower = (260.0, 70.0, 540.0, 200.0), (260.0, 220.0, 540.0, 380.0)
    draw(canvas, upper, 1)
    draw(canvas, lower, 2)
    caption(canvas, LEFT, 70, "Figure 1. Rods, which grew at")
    caption(canvas, LEFT, 80, "night on silicon.")
    write_text(canvas, LEFT, 420, 25)
    write_text(canvas, RIGHT, 420, 25)
    canvas.save()
    assert_near(boxes_of(tmp_path / "a.pdf")["Figure 1"], (260.0, 70.0, 540.0, 380.0))


def test_headings_and_ends_of_paragraphs_above_a_figure_stay_out(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    write_text(canvas, LEFT, 100, 8)
    canvas.setFont("Times-Bold", 10)
    canvas.drawString(RIGHT, A4[1] - 190, "Results and discussion")
    write_text(canvas, RIGHT, 80, 9)
    left, right = (LEFT, 193.0, LEFT + COLUMN, 350.0), (RIGHT, 194.0, RIGHT + COLUMN, 350.0)
    draw(canvas, left, 1)
    draw(canvas, right, 2)
    caption(canvas, LEFT, 354, "Figure 1. Rods.")
    caption(canvas, RIGHT, 354, "Figure 2. Wires.")
    write_text(canvas, LEFT, 420, 20)
    write_text(canvas, RIGHT, 420, 20)
    canvas.save()
    found = boxes_of(tmp_path / "a.pdf")
    assert_near(found["Figure 1"], left)
    assert_near(found["Figure 2"], right)


def test_running_heads_by_repetition_and_page_numbers() -> None:
    pages = {
        0: [line("RODS IN GLASS 41", 200, 40), line("a", 60, 60), line("Figure 1. Rods in glass", 60, 70)],
        1: [line("RODS IN GLASS 42", 202, 42), line("a", 60, 60), line("Other words begin here", 60, 70)],
        2: [line("Bell and Dole", 60, 40), line("43", 500, 40), line("www.example.org/rods", 60, 770)],
    }
    heads = find_running_heads(pages, dict.fromkeys(pages, 800.0))
    texts = {each.text for lines in pages.values() for each in lines if id(each) in heads}
    assert texts == {"RODS IN GLASS 41", "RODS IN GLASS 42", "Bell and Dole", "43", "www.example.org/rods"}


def test_what_is_repeated_below_other_text_is_no_running_head() -> None:
    pages = {
        page: [line(f"Figure {page}. Curves of", 40, 60), line("LiFePO4 (A) and graphene (B)", 40, 70)]
        for page in (7, 8)
    }
    assert find_running_heads(pages, dict.fromkeys(pages, 800.0)) == set()


def test_gutters_between_columns() -> None:
    columns = [line("x" * 40, left, 100 + 11 * row, right=left + 160) for left in (30, 199, 368) for row in range(9)]
    gutters = find_gutters([*columns, line("A title across all columns", 30, 60, right=528)], 560)
    assert [(round(left), round(right)) for left, right in gutters] == [(191, 199), (360, 368)]
    assert find_gutters(columns[:9], 560) == []
    assert find_gutters([], 560) == []


@pytest.mark.parametrize(
    ("text", "label", "rest"),
    [
        ("Figure 5.SEM images of rods", "Figure 5", "SEM images of rods"), ("Fig.1SEM image", "Fig.1", "SEM image"),
        ("FIG. 2(a) SEM image", "FIG. 2", "(a) SEM image"), ("Figure 3:TEM", "Figure 3", "TEM"),
        ("Fig. 4|(a) Rods", "Fig. 4", "(a) Rods"),
    ],
)  # fmt: skip
def test_captions_without_a_space(text: str, label: str, rest: str) -> None:
    start = match_caption_start(line(text, 0, 0))
    assert start is not None
    assert (start["label"], start["rest"]) == (label, rest)


def test_lines_that_mention_a_figure_begin_no_caption_where_captions_have_marks(tmp_path: Path) -> None:
    assert match_caption_start(line("Figure 3(a) shows rods", 0, 0)) is None
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    for number in (1, 2):
        draw(canvas, (LEFT, 60.0 + 180 * number, LEFT + COLUMN, 200.0 + 180 * number), number)
        caption(canvas, LEFT, 204.0 + 180 * number, f"Figure {number}. Rods.")
    canvas.setFont("Times-Roman", 9.5)
    canvas.drawString(LEFT, 60, "Figure S5 (Supporting Information) compares the rods")
    canvas.drawString(LEFT, 48, "of others, which grew at night, with those of this work")
    canvas.save()
    assert set(boxes_of(tmp_path / "a.pdf")) == {"Figure 1", "Figure 2"}


def test_words_far_apart_in_a_justified_caption(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    draw(canvas, (LEFT, 70.0, LEFT + 180, 200.0), 1)
    canvas.setFont("Times-Roman", 8)
    for row, pieces in enumerate(
        (("Figure 1. Rods that were fabricated in a long course of", 0), ("course", 0), ("of photodeposition", 1))
    ):
        canvas.drawString(LEFT + (110 if row == 2 else 0), A4[1] - 212 - 9 * min(row, 1), pieces[0])
        if row == 1:
            canvas.drawString(LEFT + 55, A4[1] - 221, "in the")
    canvas.drawString(LEFT, A4[1] - 230, "of silver.")
    canvas.save()
    (figure,) = content_of(tmp_path / "a.pdf").figures
    assert (
        figure.caption.text
        == "Rods that were fabricated in a long course of course in the of photodeposition of silver."
    )


def test_empty_pages_have_no_layout() -> None:
    assert find_running_heads({}, {}) == set()
    assert np.isfinite(len(find_gutters([line("short", 0, 0)], 0.0)))
