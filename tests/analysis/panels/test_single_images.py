"""Cut regions into single images: pictures on any ground, grids, plots, gels, insets, and what must stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.cut import cut_figure
from mirsearch.analysis.panels.frames import find_frames
from mirsearch.analysis.panels.grid import snap_to_grid
from mirsearch.analysis.panels.headings import HeadingReader
from mirsearch.analysis.panels.pictures import find_pictures
from mirsearch.analysis.panels.single_images import find_single_images
from mirsearch.analysis.panels.thin_lines import find_thin_line
from mirsearch.corpus import Box, Panel
from mirsearch.imaging.images import read_pages
from tests.analysis.panels.test_seams import draw_texture

CASES = Path(__file__).parents[4] / "shared" / "cases" / "09-panels-corner-tags"


@pytest.fixture(scope="module")
def ocr() -> OcrEngine:
    return RapidOcrEngine()


class NoOcr:
    """An OCR engine that finds no text, for figures that have none."""

    name = "none"

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        return []

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        return [("", 0.0) for _ in crops]


def place(figure: Pixels, image: Pixels, x: int, y: int) -> Box:
    """Draw an image into a figure at (x, y), and return its box."""
    height, width = image.shape[:2]
    figure[y : y + height, x : x + width] = image
    return (x, y, x + width, y + height)


def white(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), 255, np.uint8)


def is_near(found: Box, truth: Box, px: int = 3) -> bool:
    return all(abs(a - b) <= px for a, b in zip(found, truth, strict=True))


def assert_same_boxes(found: Sequence[Box], truth: Sequence[Box]) -> None:
    assert len(found) == len(truth)
    for box in truth:
        assert any(is_near(other, box) for other in found), (box, found)


def images_of(figure: Pixels, on_black: bool = False) -> list[tuple[str, Box]]:
    """Return kind and box of the images and insets of a whole figure."""
    height, width = figure.shape[:2]
    pieces = find_single_images(figure, (0, 0, width, height), max(width, height), on_black)
    return [(piece.kind, piece.box) for piece in pieces if piece.kind != "scrap"]


def draw_dark_tiles(gutter: int, rows: int = 2) -> Pixels:
    """Return tiles of 3 columns whose dark ground differs little from the black gutters between them."""
    figure = np.zeros((rows * (200 + gutter) - gutter, 3 * (200 + gutter) - gutter, 3), np.uint8)
    for row in range(rows):
        for column in range(3):
            image = np.full((200, 200, 3), 22, np.uint8)
            cv2.circle(image, (100, 100), 60, (30, 60 + 20 * row, 150 + 20 * column), -1)
            place(figure, image, (200 + gutter) * column, (200 + gutter) * row)
    return figure


def test_a_line_that_others_cross_is_found_between_even_grounds() -> None:
    """Where a line crosses, both sides look alike; on even ground nothing else tells whether a picture continues."""
    figure = draw_dark_tiles(3)
    for pixels in (figure, 255 - figure):
        found = find_thin_line(pixels, (0, 0, 606, 403))
        assert found is not None
        axis, run = found
        assert min(abs(run.start - place) for place in ((200, 403) if axis == 0 else (200,))) <= 2


def test_a_picture_continues_behind_a_line_whose_ground_is_not_even() -> None:
    """A bright thing on both sides is left out only where nothing else is seen beside the line."""
    image = draw_texture(6, 300, 300, 60)
    image[:, 150] = 255
    image[120:128, 140:160] = 255
    assert find_thin_line(image, (0, 0, 300, 300)) is None


def test_a_faint_gutter_of_a_reduced_figure_is_found() -> None:
    """The gutter was thinner than a px of the reduced figure: it is hardly darker than the ground beside it."""
    gray = np.random.default_rng(4).integers(14, 18, (200, 601)).astype(np.uint8)
    for n, (x, y) in enumerate(((80, 60), (180, 140), (260, 50), (350, 120), (430, 40), (540, 150))):
        cv2.circle(gray, (x, y), 25 + 3 * n, 120 + 10 * n, -1)
    gray[:, 300] = 8
    found = find_thin_line(np.dstack([gray] * 3), (0, 0, 601, 200))
    assert found is not None
    assert found[0] == 0
    assert found[1].start <= 300 < found[1].stop


@pytest.mark.parametrize("gutter", [2, 5, 20])
def test_a_grid_on_white_is_cut_whatever_its_gutters(gutter: int) -> None:
    figure, pitch = white(900, 640), 180 + gutter
    truth = [
        place(figure, draw_texture(3 * row + column, 180, 180, 60), 90 + column * pitch, 80 + row * pitch)
        for row in range(2)
        for column in range(3)
    ]
    cv2.putText(figure, "DAPI", (120, 70), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    cv2.line(figure, (90, 76), (600, 76), (0, 0, 0), 1)
    assert_same_boxes([box for kind, box in images_of(figure) if kind == "picture"], truth)


def test_a_grid_on_black_is_cut_as_one_on_white() -> None:
    figure = np.zeros((500, 700, 3), np.uint8)
    truth = [place(figure, draw_texture(n, 200, 200, 90), 40 + n * 215, 60) for n in range(3)]
    assert_same_boxes([box for kind, box in images_of(figure, on_black=True) if kind == "picture"], truth)


def test_a_dark_picture_with_a_dark_column_stays_whole() -> None:
    picture = np.full((300, 400, 3), 6, np.uint8)
    for n, x in enumerate((60, 110, 290, 350)):
        cv2.circle(picture, (x, 60 + 50 * n), 22, (40, 220, 60), -1)
    noise = np.random.default_rng(1).integers(0, 6, picture.shape).astype(np.uint8)
    figure = white(480, 380)
    box = place(figure, picture + noise, 40, 40)
    assert_same_boxes([found for _, found in images_of(figure)], [box])


def test_a_letter_in_a_tag_that_touches_a_picture_does_not_widen_it() -> None:
    figure = white(700, 500)
    box = place(figure, draw_texture(4, 400, 300, 100), 50, 80)
    figure[380:405, 50:90] = 0
    assert_same_boxes(find_pictures(figure, 700), [box])


def test_bars_of_a_chart_are_no_pictures() -> None:
    figure = white(700, 500)
    cv2.line(figure, (80, 40), (80, 420), (0, 0, 0), 2)
    cv2.line(figure, (80, 420), (640, 420), (0, 0, 0), 2)
    for n, height in enumerate((200, 300, 120)):
        cv2.rectangle(figure, (130 + 160 * n, 420 - height), (220 + 160 * n, 419), (70, 120, 200), -1)
    assert images_of(figure) == [("plot", (0, 0, 700, 500))]


def test_a_gel_and_the_strip_below_it_are_two_images_and_bands_are_none() -> None:
    figure = white(800, 600)
    truth = []
    for top, height in ((80, 260), (360, 70)):
        gel = np.full((height, 400, 3), 236, np.uint8)
        for lane in range(6):
            cv2.rectangle(gel, (20 + 62 * lane, height // 2), (62 + 62 * lane, height // 2 + 16), (30, 30, 30), -1)
        gel = cv2.GaussianBlur(gel, (0, 0), 2)
        cv2.rectangle(gel, (0, 0), (399, height - 1), (0, 0, 0), 1)
        truth.append(place(figure, gel, 120, top))
    assert_same_boxes([box for kind, box in images_of(figure) if kind == "picture"], truth)


def test_an_inset_is_told_apart_from_the_picture_around_it() -> None:
    figure = white(700, 600)
    outer = place(figure, draw_texture(7, 500, 400, 70), 60, 60)
    figure[300:460, 400:560] = 255
    inset = place(figure, draw_texture(8, 144, 144, 150), 408, 308)
    found = images_of(figure)
    assert [kind for kind, box in found if is_near(box, outer)] == ["picture"]
    assert [kind for kind, box in found if is_near(box, inset, 4)] == ["inset"]


def test_a_thin_white_line_divides_pictures_but_not_one_picture() -> None:
    two = np.hstack([draw_texture(1, 200), draw_texture(2, 200)])
    two[:, 199:201] = 255
    one = draw_texture(3, 400)
    one[:, 199:201] = 255
    found = find_thin_line(two, (0, 0, 400, 300))
    assert found is not None
    assert found[0] == 0
    assert abs(found[1].start - 199) <= 1
    assert find_thin_line(one, (0, 0, 400, 300)) is None


def test_a_closed_frame_is_found_and_an_open_one_is_not() -> None:
    figure = white(500, 400)
    cv2.rectangle(figure, (60, 50), (300, 250), (0, 0, 0), 1)
    cv2.line(figure, (350, 50), (350, 250), (0, 0, 0), 1)
    cv2.line(figure, (350, 250), (480, 250), (0, 0, 0), 1)
    assert_same_boxes(find_frames(figure, 500), [(60, 50, 301, 251)])


def test_a_grid_tells_where_its_dark_pictures_end() -> None:
    tiles = [(x, y, x + 100, y + 80) for y in (0, 84) for x in (0, 104, 208)]
    broken = [tiles[0], tiles[1], tiles[3], tiles[5], (208, 0, 240, 80), (250, 0, 308, 80), (104, 84, 150, 164)]
    assert sorted(snap_to_grid(broken)) == sorted(tiles)


def test_two_joined_cells_of_a_grid_are_divided() -> None:
    tiles = [(x, y, x + 100, y + 80) for y in (0, 84) for x in (0, 104, 208)]
    joined = [*tiles[:4], (104, 84, 308, 164)]
    assert sorted(snap_to_grid(joined)) == sorted(tiles)


def test_headings_come_from_the_column_and_the_row() -> None:
    panels = [
        Panel(box=(100 + 110 * column, 60 + 110 * row, 200 + 110 * column, 160 + 110 * row), label="a")
        for row in range(2)
        for column in range(2)
    ]
    texts = [
        TextBox("a", (10, 8, 24, 28), 0.99),
        TextBox("DAPI", (130, 36, 170, 54), 0.99),
        TextBox("Merge", (238, 36, 280, 54), 0.99),
        TextBox("0 h", (60, 100, 94, 118), 0.99),
        TextBox("6 h", (60, 210, 94, 228), 0.99),
        TextBox("inside", (120, 70, 160, 86), 0.99),
    ]
    reader = HeadingReader(white(400, 300), NoOcr(), texts)
    headings = [panel.heading for panel in reader.add_headings(panels, [])]
    assert headings == ["DAPI · 0 h", "Merge · 0 h", "DAPI · 6 h", "Merge · 6 h"]


def test_a_figure_without_letters_is_cut_only_if_pictures_fill_it() -> None:
    figure = white(800, 420)
    truth = [place(figure, draw_texture(n, 380, 400, 90), 10 + 395 * n, 10) for n in range(2)]
    assert_same_boxes([panel.box for panel in cut_figure(figure, NoOcr(), [], [], True).panels], truth)
    drawing = white(800, 420)
    place(drawing, draw_texture(5, 120, 90, 90), 60, 60)
    cv2.circle(drawing, (500, 200), 150, (200, 60, 60), 6)
    cv2.arrowedLine(drawing, (190, 110), (340, 180), (0, 0, 0), 5)
    assert len(cut_figure(drawing, NoOcr(), [], [], True).panels) == 1


def test_parts_are_numbered_in_reading_order_and_share_the_group(ocr: OcrEngine) -> None:
    figure = white(900, 700)
    for n, letter in enumerate("ab"):
        cv2.putText(figure, letter, (12, 60 + 350 * n), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 3)
        for column in range(3):
            place(figure, draw_texture(10 * n + column, 250, 250, 80), 70 + 270 * column, 40 + 350 * n)
    panels = cut_figure(figure, ocr, ["a", "b"], ocr.read(figure), True).panels
    assert [(panel.label, panel.part) for panel in panels] == [(letter, n) for letter in "ab" for n in (1, 2, 3)]
    assert len({panel.group for panel in panels}) == 2
    assert all(panel.group is not None and panel.box[0] >= panel.group[0] for panel in panels)
    assert [panel.box[0] for panel in panels] == sorted(panel.box[0] for panel in panels[:3]) * 2


def test_letters_that_cannot_be_read_follow_the_caption_where_there_is_an_image_for_each(ocr: OcrEngine) -> None:
    figure = white(820, 620)
    truth = [place(figure, draw_texture(n, 390, 290, 80), 10 + 400 * (n % 2), 10 + 300 * (n // 2)) for n in range(4)]
    panels = cut_figure(figure, ocr, ["a", "b", "c", "d"], [], True).panels
    assert [panel.label for panel in panels] == ["a", "b", "c", "d"]
    assert_same_boxes([panel.box for panel in panels], truth)
    assert all(panel.label is None for panel in cut_figure(figure, ocr, ["a", "b", "c"], [], True).panels)


@pytest.mark.parametrize("name", ["drawn_corner_tags.png", "drawn_right_inset.png", "drawn_right_nobox.png"])
@pytest.mark.parametrize("labels", [[], ["a", "b", "c", "d"]])
def test_letters_at_different_corners(name: str, labels: list[str], ocr: OcrEngine) -> None:
    if not CASES.is_dir():
        pytest.skip("the cases of ../shared/cases are not here")
    pixels = next(iter(read_pages(CASES / name))).pixels
    panels = cut_figure(pixels, ocr, labels, ocr.read(pixels, longest=640), bool(labels)).panels
    assert [panel.label for panel in panels] == ["a", "b", "c", "d"]
    assert is_near(panels[0].box, (0, 0, 512, 512))
    assert is_near(panels[1].box, (524, 0, 1036, 512))


def test_single_micrographs_stay_whole(shared_data: Path) -> None:
    paths = sorted({*(shared_data / "micrograph_extractor").glob("*.jpg")})[::3]
    broken = []
    for path in paths:
        pixels = next(iter(read_pages(path))).pixels
        if len(cut_figure(pixels, NoOcr(), [], [], True).panels) != 1:
            broken.append(path.name)
    assert len(paths) > 20
    assert len(broken) <= 0.03 * len(paths), broken


def test_images_get_the_primes_that_the_caption_names() -> None:
    figure = white(690, 440)
    for n in range(5):
        place(figure, draw_texture(n, 200, 200, 80), 40 + 206 * (n % 3 if n < 3 else n - 3), 10 if n < 3 else 230)
    texts = [TextBox(letter, (6, y, 30, y + 24), 0.99) for letter, y in (("a", 12), ("b", 232))]
    panels = cut_figure(figure, NoOcr(), ["a", "a'", "a''", "b"], texts, True).panels
    assert [(panel.label, panel.part) for panel in panels] == [
        ("a", None), ("a'", None), ("a''", None), ("b", 1), ("b", 2)
    ]  # fmt: skip
    panels = cut_figure(figure, NoOcr(), ["a", "a'", "b"], texts, True).panels
    assert [(panel.label, panel.part) for panel in panels] == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def test_framed_boxes_of_a_flow_chart_are_one_drawing_and_framed_gels_are_images() -> None:
    rng = np.random.default_rng(1)
    for color, noise, kinds in (((222, 235, 247), 0, ["drawing"]), ((205, 205, 205), 9, ["picture"] * 3)):
        figure = white(900, 200)
        for n in range(3):
            box = np.full((120, 200, 3), color, np.uint8)
            box = np.clip(box + rng.normal(0, noise, (120, 200, 1)), 0, 255).astype(np.uint8) if noise else box
            cv2.rectangle(box, (0, 0), (199, 119), (60, 60, 60), 2)
            x1 = place(figure, box, 20 + 310 * n, 30)[2]
            if kinds == ["drawing"] and n < 2:
                cv2.arrowedLine(figure, (x1 + 8, 90), (x1 + 100, 90), (0, 0, 0), 3)
        found = [piece.kind for piece in find_single_images(figure, (0, 0, 900, 200), 900) if piece.kind != "scrap"]
        assert found == kinds


def test_a_specimen_cropped_on_black_keeps_its_margins() -> None:
    figure = white(840, 400)
    truth = []
    for n in range(2):
        image = np.zeros((380, 400, 3), np.uint8)
        image[:, 120:300] = draw_texture(n, 180, 380, 110)
        truth.append(place(figure, image, 10 + 410 * n, 10))
    assert_same_boxes(find_pictures(figure, 840), truth)


def draw_profile(width: int, height: int) -> Pixels:
    """Draw a plot in a closed frame that a legend's frame shares a side with, so that it has no axes of its own."""
    plot = white(width, height)
    cv2.rectangle(plot, (0, 0), (width - 1, height - 1), (0, 0, 0), 1)
    x = np.arange(4, width - 4)
    y = height * (0.5 + 0.35 * np.sin(x / 23.0))
    cv2.polylines(plot, [np.stack([x, y], axis=1).astype(np.int32)], False, (0, 0, 0), 2)
    return plot


def test_pictures_beside_their_profiles_are_cut_without_letters() -> None:
    figure = white(900, 640)
    truth = [place(figure, draw_texture(n, 260, 260, 90), 20, 30 + 300 * n) for n in range(2)]
    truth += [place(figure, draw_profile(520, 250), 340, 36 + 300 * n) for n in range(2)]
    assert_same_boxes([panel.box for panel in cut_figure(figure, NoOcr(), [], [], False).panels], truth)


def test_a_scheme_around_pictures_stays_one() -> None:
    scheme = white(900, 640)
    for n in range(2):
        place(scheme, draw_texture(n, 240, 200, 90), 120 + 400 * n, 220)
    cv2.rectangle(scheme, (60, 120), (840, 520), (0, 0, 0), 2)
    cv2.arrowedLine(scheme, (370, 320), (510, 320), (0, 0, 0), 3)
    cv2.circle(scheme, (450, 80), 50, (0, 0, 0), 2)
    assert len(cut_figure(scheme, NoOcr(), [], [], False).panels) == 1


def test_a_tile_that_holds_two_pictures_of_the_next_tiles_size_is_cut() -> None:
    figure, truth = white(800, 840), []
    for n, y in enumerate((4, 266, 540)):
        truth.append(place(figure, draw_texture(n, 800, 260, 60 + 20 * n), 0, y))
    assert_same_boxes([panel.box for panel in cut_figure(figure, NoOcr(), [], [], False).panels], truth)


@pytest.mark.parametrize("width", [16, 22])
def test_a_framed_color_bar_beside_a_picture_is_no_image(width: int) -> None:
    figure = white(420, 320)
    box = place(figure, draw_texture(5, 280, 240, 90), 30, 40)
    ramp = np.linspace(255, 0, 240).astype(np.uint8)
    bar = cv2.applyColorMap(np.repeat(ramp[:, None], width, axis=1), cv2.COLORMAP_HOT)
    cv2.rectangle(bar, (0, 0), (width - 1, 239), (0, 0, 0), 2)
    place(figure, cv2.GaussianBlur(bar, (3, 3), 0), 322, 40)
    assert_same_boxes([found for kind, found in images_of(figure) if kind == "picture"], [box])
