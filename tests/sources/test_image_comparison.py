"""The same figure in another size, format or quality is recognized; another figure is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mirsearch.sources.image_comparison import show_same_figure
from mirsearch.synthetic.articles import plan_figures
from mirsearch.synthetic.corpus import draw_planned_figure


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> list[Path]:
    """Twelve drawn figures as PNG."""
    folder = tmp_path_factory.mktemp("drawn")
    paths = []
    for number, entry in enumerate(plan_figures(12, seed=11)):
        paths.append(folder / f"{number}.png")
        Image.fromarray(draw_planned_figure(entry).pixels).save(paths[-1], compress_level=1)
    return paths


def test_other_sizes_and_qualities_are_the_same(drawn, tmp_path):
    for path in drawn:
        image = Image.open(path).convert("RGB")
        copy = tmp_path / f"{path.stem}.jpg"
        image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(copy, quality=60)
        assert show_same_figure(path, copy)


def test_other_figures_are_others(drawn):
    pairs = [(one, other) for one in drawn for other in drawn if one != other]
    assert not [pair for pair in pairs if show_same_figure(*pair)]


def test_a_crop_a_blank_and_a_damaged_one_are_others(drawn, tmp_path):
    image = Image.open(drawn[0])
    image.crop((0, 0, image.width // 2, image.height)).save(tmp_path / "crop.png")
    Image.new("RGB", image.size, "white").save(tmp_path / "white.png")
    (tmp_path / "damaged.png").write_bytes(drawn[0].read_bytes()[:2000])
    for name in ("crop.png", "white.png", "damaged.png", "gone.png"):
        assert not show_same_figure(drawn[0], tmp_path / name)
    assert not show_same_figure(tmp_path / "white.png", tmp_path / "white.png")


@pytest.mark.data
def test_figures_of_real_articles_are_each_their_own(shared_data):
    for folder in sorted((shared_data / "articles").glob("PMC70*")):
        files = sorted(folder.glob("*.jpg"))
        assert not [(one, other) for one in files for other in files if one < other and show_same_figure(one, other)]
