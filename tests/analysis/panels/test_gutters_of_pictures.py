"""Tell gutters between pictures from what is a part of one: blurred lines, and bars with the noise of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.analysis.panels.pictures import find_pictures
from mirsearch.analysis.panels.thin_lines import find_thin_line
from tests.analysis.panels.test_seams import draw_texture


def test_a_white_line_that_shrinking_has_blurred_divides_dark_pictures() -> None:
    two = np.hstack([draw_texture(1, 200), draw_texture(2, 200)]) // 3
    two[:, 199] = np.clip(0.6 * 255 + 0.4 * two[:, 199].astype(float), 0, 255).astype(np.uint8)
    found = find_thin_line(two, (0, 0, 400, 300))
    assert found is not None
    assert abs(found[1].start - 198) <= 1
    partly = two.copy()
    partly[:120, 199] = partly[:120, 198]
    assert find_thin_line(partly, (0, 0, 400, 300)) is None


@pytest.mark.parametrize(("noise", "count"), [(0, 4), (6, 1)], ids=["printed gutter", "bar of a TEM grid"])
def test_only_even_ground_is_a_gutter(noise: int, count: int) -> None:
    figure = np.full((500, 600, 3), 255, np.uint8)
    picture = np.full((400, 500, 3), 16, np.uint8)
    for row in range(2):
        for column in range(2):
            tile = draw_texture(4 + 2 * row + column, 235, 185)
            picture[row * 215 : row * 215 + 185, column * 265 : column * 265 + 235] = tile
    grain = np.random.default_rng(0).normal(scale=noise, size=picture.shape[:2])[:, :, None]
    figure[50:450, 50:550] = np.clip(picture + grain, 0, 255).astype(np.uint8)
    assert len(find_pictures(figure, 600)) == count
