"""Cut figures into panels: mosaics with and without gutters, plots, single pictures, real figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.letters.letters import choose_letters, parse_letter
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.gutters import Canvas, cut_at_gutters, reading_order
from mirsearch.analysis.panels.mosaics import cut_mosaic
from mirsearch.analysis.panels.separate import separate_panels
from mirsearch.imaging.images import read_pages
from tests.support.figure_drawing import compose_figure, draw_letters, draw_plot, draw_texture, intersection_over_union


@pytest.fixture(scope="module")
def ocr() -> RapidOcrEngine:
    return RapidOcrEngine()


def are_panels_right(found: list, boxes: list, labels: list[str] | None = None) -> bool:
    if len(found) != len(boxes):
        return False
    is_same = all(intersection_over_union(box, truth) > 0.9 for (box, _), truth in zip(found, boxes, strict=True))
    return is_same and (labels is None or [label for _, label in found] == labels)


@pytest.mark.parametrize(
    ("gutter", "color", "style"),
    [(12, 255, "(a)"), (6, 0, "a"), (3, 255, "A"), (8, 140, "(a)"), (0, 0, "a")],
    ids=["white", "black", "hairline", "gray", "none"],
)
def test_lettered_mosaic(ocr: RapidOcrEngine, gutter: int, color: int, style: str) -> None:
    pictures = [
        [draw_texture(10 * row + column, 300, 240, grain=2 + row + column) for column in range(2)] for row in range(2)
    ]
    figure, boxes = compose_figure(pictures, gutter, color)
    found = separate_panels(draw_letters(figure, boxes, style), ocr, list("abcd"), caption_known=True)
    assert are_panels_right(found, boxes, list("abcd")), found


@pytest.mark.parametrize(("gutter", "color"), [(10, 255), (4, 0), (0, 0)])
def test_unlettered_mosaic(ocr: RapidOcrEngine, gutter: int, color: int) -> None:
    figure, boxes = compose_figure([[draw_texture(n, 280, 260, grain=1.5 + 1.5 * n) for n in range(3)]], gutter, color)
    found = separate_panels(figure, ocr, caption_known=True)
    assert are_panels_right(found, boxes), found
    assert {label for _, label in found} == {None}


def test_letters_without_a_caption(ocr: RapidOcrEngine) -> None:
    figure, boxes = compose_figure([[draw_texture(n, 320, 260, grain=2 + n) for n in range(3)]], 10, 255)
    found = separate_panels(draw_letters(figure, boxes, "(a)"), ocr)
    assert are_panels_right(found, boxes, list("abc")), found


def test_numerals_without_a_caption(ocr: RapidOcrEngine) -> None:
    figure, boxes = compose_figure(
        [[draw_texture(2 * r + c, 300, 240, grain=2 + c) for c in range(2)] for r in range(2)], 8, 255
    )
    names = ["i", "ii", "iii", "iv"]
    found = separate_panels(draw_letters(figure, boxes, "(a)", names=names), ocr)
    assert are_panels_right(found, boxes, names), found


def test_letters_that_touching_pictures_bear_are_enough_without_a_caption(ocr: RapidOcrEngine) -> None:
    """The pictures are so similar that no seam shows: letters in brackets, each with room for a panel, decide."""
    picture = draw_texture(4, 900, 260)
    boxes = [(0, 0, 300, 260), (300, 0, 600, 260), (600, 0, 900, 260)]
    found = separate_panels(draw_letters(picture, boxes, "a)"), ocr)
    assert [label for _, label in found] == ["a", "b", "c"], found
    assert all(intersection_over_union(box, truth) > 0.75 for (box, _), truth in zip(found, boxes, strict=True)), found


def test_letters_read_in_every_tile_are_believed_in_any_order(ocr: RapidOcrEngine) -> None:
    figure, boxes = compose_figure(
        [[draw_texture(2 * r + c, 300, 240, grain=2 + c) for c in range(2)] for r in range(2)], 8, 255
    )
    found = separate_panels(draw_letters(figure, boxes, "a", names="acbd"), ocr, list("abcd"), caption_known=True)
    assert are_panels_right(found, [boxes[n] for n in (0, 2, 1, 3)], list("abcd")), found


@pytest.mark.parametrize("corner", ["bottom-left", "top-right", "bottom-right"])
def test_letters_at_another_corner(ocr: RapidOcrEngine, corner: str) -> None:
    figure, boxes = compose_figure(
        [[draw_texture(2 * r + c, 300, 240, grain=2 + c) for c in range(2)] for r in range(2)], 6, 255
    )
    found = separate_panels(draw_letters(figure, boxes, "(a)", corner=corner), ocr, list("abcd"), caption_known=True)
    assert are_panels_right(found, boxes, list("abcd")), found


def test_a_capital_among_small_letters_is_something_else() -> None:
    small = [TextBox(f"({name})", (400 * n, 5, 400 * n + 40, 35), 0.99) for n, name in enumerate("acd")]
    capital, small_letter = (TextBox(text, (5, 300, 25, 330), 0.99) for text in "Bb")
    assert [letter.label for letter in choose_letters([*small, capital], list("abcd"))] == ["a", "c", "d"]
    assert sorted(letter.label for letter in choose_letters([*small, small_letter], list("abcd"))) == list("abcd")


def test_names_of_curves_are_no_panels(ocr: RapidOcrEngine) -> None:
    figure = draw_plot(6, 700, 520)
    boxes = [(520, 60 + 70 * n, 700, 130 + 70 * n) for n in range(3)]
    found = separate_panels(draw_letters(figure, boxes, "(a)", size=22), ocr)
    assert len(found) == 1, found


def test_plots_keep_their_axes(ocr: RapidOcrEngine) -> None:
    figure, boxes = compose_figure([[draw_plot(1, 520, 400), draw_plot(2, 520, 400)]], 20, 255)
    found = separate_panels(draw_letters(figure, boxes, "(a)", size=24), ocr, ["a", "b"], caption_known=True)
    assert [label for _, label in found] == ["a", "b"]
    assert all(intersection_over_union(box, truth) > 0.75 for (box, _), truth in zip(found, boxes, strict=True)), found


def test_a_single_plot_stays_whole(ocr: RapidOcrEngine) -> None:
    found = separate_panels(draw_plot(3, 640, 480), ocr, caption_known=True)
    assert len(found) == 1
    assert intersection_over_union(found[0][0], (0, 0, 640, 480)) > 0.75


def draw_vignette() -> np.ndarray:
    picture = draw_texture(5, 480, 400)
    y, x = np.mgrid[-1:1:400j, -1:1:480j]
    return (picture * np.clip(1.35 - np.hypot(x, y), 0.0, 1.0)[:, :, None]).astype(np.uint8)


def draw_databar() -> np.ndarray:
    picture = draw_texture(6, 512, 440)
    bar = np.zeros((48, 512, 3), np.uint8)
    cv2.putText(bar, "10.0 kV  x 5,000   5 um", (12, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return np.vstack([picture, bar])


def draw_grains() -> np.ndarray:
    random = np.random.default_rng(7)
    seeds = random.uniform(0, 400, (40, 2))
    y, x = np.mgrid[0:400, 0:480]
    nearest = np.argmin([(x - sx * 1.2) ** 2 + (y - sy) ** 2 for sx, sy in seeds], axis=0)
    levels = random.integers(40, 220, 40)
    gray = np.clip(levels[nearest] + random.normal(size=nearest.shape) * 6, 0, 255)
    return np.repeat(gray.astype(np.uint8)[:, :, None], 3, axis=2)


def draw_sparse_cells() -> np.ndarray:
    picture = np.zeros((420, 420, 3), np.uint8)
    for x, y in np.random.default_rng(8).integers(30, 390, (18, 2)):
        cv2.circle(picture, (int(x), int(y)), 12, (0, 210, 40), -1)
    return cv2.GaussianBlur(picture, (0, 0), 3)


@pytest.mark.parametrize("draw", [draw_vignette, draw_databar, draw_grains, draw_sparse_cells])
def test_a_single_micrograph_stays_one(ocr: RapidOcrEngine, draw: object) -> None:
    found = separate_panels(draw(), ocr, caption_known=True)  # type: ignore[operator]
    assert len(found) == 1, found


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 2), (17, 17)])
def test_odd_shapes_give_one_panel_inside_the_figure(ocr: RapidOcrEngine, shape: tuple[int, int]) -> None:
    found = separate_panels(np.full((*shape, 3), 200, np.uint8), ocr)
    assert len(found) == 1
    x0, y0, x1, y1 = found[0][0]
    assert 0 <= x0 < x1 <= shape[1]
    assert 0 <= y0 < y1 <= shape[0]


@pytest.mark.parametrize(
    ("text", "label", "style"),
    [("(a)", "a", "closed"), ("a)", "a", "half"), ("B", "b", "bare"), ("(c) TEM", "c", "closed"),
    ("(ii)", "ii", "closed"),
     ("a1", "a1", "bare"), ("A 2200", "a", "leading")],
)  # fmt: skip
def test_letter_styles(text: str, label: str, style: str) -> None:
    found = parse_letter(TextBox(text, (0, 0, 20 * len(text), 30), 0.9))
    assert found is not None
    assert (found.label, found.style) == (label, style)


@pytest.mark.parametrize("text", ["200 nm", "SEM", "(200)", "10", "Intensity", ""])
def test_other_text_is_no_letter(text: str) -> None:
    assert parse_letter(TextBox(text, (0, 0, 90, 30), 0.9)) is None


def test_letters_of_one_style_and_size_are_chosen() -> None:
    texts = [
        TextBox("(a)", (5, 5, 45, 35), 0.99), TextBox("(b)", (405, 5, 445, 35), 0.99),
        TextBox("A", (300, 200, 318, 220), 0.99),
        TextBox("B", (300, 240, 318, 260), 0.99), TextBox("C", (300, 280, 318, 300), 0.99),
    ]  # fmt: skip
    assert [letter.box[:2] for letter in choose_letters(texts, ["a", "b"])] == [(5, 5), (405, 5)]


def test_names_of_curves_are_no_panel_letters_where_one_panel_letter_is_not_read() -> None:
    spread = {"a": (5, 5), "b": (405, 5), "c": (805, 5), "d": (5, 505), "e": (605, 505)}
    letters = [TextBox(f"({name})", (x, y, x + 40, y + 30), 0.99) for name, (x, y) in spread.items()]
    curves = [TextBox(name, (1150, 100 + 45 * n, 1180, 130 + 45 * n), 0.99) for n, name in enumerate("ABCDEFG")]
    chosen = choose_letters([*letters, *curves], list("abcdef"))
    assert {letter.label: letter.box[:2] for letter in chosen} == spread


@pytest.mark.parametrize(("text", "width", "read"), [("(c)", 41, None), ("(c)", 72, "c"), ("(f)", 45, "f")])
def test_what_runs_upwards_is_no_letter(text: str, width: int, read: str | None) -> None:
    found = parse_letter(TextBox(text, (0, 0, width, 72), 0.8))
    assert (found and found.label) == read


def test_gutters_of_any_color_leave_the_tiles() -> None:
    figure, boxes = compose_figure(
        [[draw_texture(n, 200, 180) for n in range(2)], [draw_texture(n + 2, 200, 180) for n in range(2)]], 7, 90
    )
    found = cut_at_gutters(Canvas(figure), (0, 0, figure.shape[1], figure.shape[0]), 3)
    assert [found[n] for n in reading_order(found)] == boxes


def test_seams_part_pictures_that_touch_and_spare_one_picture() -> None:
    figure, boxes = compose_figure([[draw_texture(1, 300, 260, 2), draw_texture(2, 300, 260, 6)]], 0, 0)
    canvas = Canvas(figure)
    assert [
        intersection_over_union(a, b) > 0.97 for a, b in zip(cut_mosaic(canvas, canvas.box), boxes, strict=True)
    ] == [True, True]
    single = Canvas(draw_texture(3, 500, 400, 4))
    assert cut_mosaic(single, single.box) == [single.box]


@pytest.mark.data
@pytest.mark.slow
def test_real_figures(ocr: RapidOcrEngine, shared_data: Path) -> None:
    truth: dict[str, list[dict[str, str]]] = {}
    with (shared_data / "panel_truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["file"], []).append(row)
    captions = {}
    for path in sorted((shared_data / "articles").glob("*/figures.json")):
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        captions.update({figure["image"]: figure["caption"] for figure in figures if figure.get("image")})
    right = 0
    chosen = list(truth)[3::5]
    for name in chosen:
        caption = captions.get(Path(name).name, "")
        pixels = next(iter(read_pages(shared_data / name))).pixels
        found = separate_panels(pixels, ocr, split_caption(caption).labels, caption_known=bool(caption))
        rows = truth[name]
        boxes = [tuple(int(row[key]) for key in ("x0", "y0", "x1", "y1")) for row in rows]
        right += len(found) == len(rows) and all(
            any(intersection_over_union(box, true) > 0.75 and label == (row["label"] or None) for box, label in found)
            for true, row in zip(boxes, rows, strict=True)
        )
    assert right >= 0.85 * len(chosen)
