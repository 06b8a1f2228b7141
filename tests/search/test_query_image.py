"""The image of a question: which of a figure's images is meant, and what its scale is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.cli.parts import load_detector, load_ocr
from mirsearch.corpus import Panel, ScaleReading
from mirsearch.errors import UsageError
from mirsearch.search.query_figure import choose_image, common_scale, list_images
from mirsearch.search.query_image import ImageQuestion, QueryPart
from mirsearch.search.scale_options import ScaleOptions
from tests.support.bar_drawings import draw_ground, draw_labeled_bar
from tests.support.figure_drawing import compose_figure, draw_letters, draw_texture

GROUP = (100, 0, 400, 100)
FIGURE = [
    Panel((0, 0, 90, 100), label="A", kind="micrograph", technique="SEM", technique_confidence=0.9),
    Panel((100, 0, 190, 100), "b", part=1, group=GROUP, heading="DAPI", kind="micrograph",
          technique="fluorescence", technique_confidence=0.8),
    Panel((200, 0, 290, 100), "b", part=2, group=GROUP, heading="Merge", technique="Cryo-TEM",
          technique_confidence=0.42),
    Panel((250, 0, 290, 30), inset_of="b2"),
    Panel((300, 0, 400, 100), "b", part=3, group=GROUP, kind="plot"),
]  # fmt: skip


def ask(path: Path, **choices: object) -> QueryPart:
    return ImageQuestion(path, load_ocr("rapidocr"), load_detector("runs"), **choices).resolve()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "box", "name"),
    [("b2", (200, 0, 290, 100), "b2"), ("(B1)", (100, 0, 190, 100), "b1"), ("a", (0, 0, 90, 100), "a"),
     ("4", (250, 0, 290, 30), "4"), ("1", (0, 0, 90, 100), "a"), ("b", GROUP, "b")],
)  # fmt: skip
def test_images_are_chosen_by_key_letter_or_number(wanted: str, box: object, name: str) -> None:
    chosen = choose_image(FIGURE, wanted)
    assert chosen is not None
    assert (chosen.box, chosen.name) == (box, name)


def test_an_image_that_is_not_there_is_not_chosen() -> None:
    assert choose_image(FIGURE, "b4") is None
    assert choose_image(FIGURE, "") is None


def test_a_figure_offers_its_images() -> None:
    assert list_images(FIGURE) == ("a (SEM), b1 (DAPI, fluorescence), b2 (Merge), 4 (inset of b2), b3 (plot)")
    many = [Panel((0, 0, 9, 9), "c", part=part) for part in range(1, 31)]
    assert list_images([Panel((0, 0, 9, 9))] * 23).startswith("1 to 23 (")
    assert list_images([FIGURE[0], *many]) == "a, c1 to c30 (`mirsearch analyze` tells what each shows)"


def test_images_have_one_scale_only_where_all_agree() -> None:
    def scaled(*sizes: float | None) -> list[Panel]:
        return [Panel((0, 0, 9, 9), scale=None if size is None else ScaleReading(size)) for size in sizes]

    assert common_scale(scaled(None, None)) is None
    assert common_scale(scaled(4.0, None, 4.1)) == ScaleReading(4.0)
    assert common_scale(scaled(4.0, 8.0)) is None


def lone_bar_picture(path: Path) -> Path:
    image = draw_ground(3)
    ImageDraw.Draw(image).rectangle((340, 325, 439, 331), fill="white")
    image.save(path)
    return path


def test_a_bar_without_a_length_is_told_and_gets_the_length_of_the_user(tmp_path: Path) -> None:
    path = lone_bar_picture(tmp_path / "lone.png")
    part = ask(path)
    assert part.scale is None
    assert part.bar is not None
    assert part.bar.length_px == pytest.approx(100, abs=1)
    assert part.notes == (f'bar {part.bar.length_px:.1f} px, length unknown; '
                          '--scale "5 µm" gives it one',)  # fmt: skip
    given = ask(path, scale=ScaleOptions(length_nm=5000.0))
    assert given.scale is not None
    assert given.scale.nm_per_px == pytest.approx(50, rel=0.01)
    assert given.scale.source == "user"
    assert given.scale.bar is not None
    assert given.field_of_view_nm == pytest.approx(480 * 50, rel=0.01)


def test_a_read_scale_is_used_and_a_given_length_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "labelled.png"
    Image.fromarray(draw_labeled_bar("500 nm")).save(path)
    part = ask(path)
    assert part.scale is not None
    assert part.scale.length_nm == 500
    assert part.notes == ()
    given = ask(path, scale=ScaleOptions(length_nm=800.0))
    assert given.scale is not None
    assert given.scale.nm_per_px == pytest.approx(800 / 120, rel=0.02)


def test_a_bar_is_told_in_px_of_the_file(tmp_path: Path) -> None:
    pixels = np.full((500, 700, 3), 255, np.uint8)
    pixels[100:460, 200:680] = draw_labeled_bar("500 nm")
    Image.fromarray(pixels).save(tmp_path / "margin.png")
    part = ask(tmp_path / "margin.png", crop=(200, 100, 680, 460))
    assert part.scale is not None
    assert part.scale.bar is not None
    assert part.scale.bar[0] == pytest.approx(500, abs=2)
    assert part.scale.bar[1] == pytest.approx(420, abs=3)


def test_a_figure_of_several_images_lists_them_and_finds_the_named_one(tmp_path: Path) -> None:
    tiles = [[draw_texture(seed, 300, 240) for seed in (1, 2)], [draw_texture(seed, 300, 240) for seed in (3, 4)]]
    pixels, boxes = compose_figure(tiles, 24, 255)
    pixels = draw_letters(pixels, boxes, "a")
    path = tmp_path / "figure.png"
    Image.fromarray(pixels).save(path)
    whole = ask(path)
    assert whole.box == (0, 0, pixels.shape[1], pixels.shape[0])
    assert "has 4 images: a" in whole.notes[0]
    assert "--panel chooses one" in whole.notes[0]
    part = ask(path, panel="c")
    assert part.label == "c"
    assert part.box[1] >= 240
    with pytest.raises(UsageError, match="has no panel 'q'") as refused:
        ask(path, panel="q")
    assert "it has a" in refused.value.remedy
