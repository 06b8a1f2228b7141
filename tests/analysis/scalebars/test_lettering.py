"""Test where lettering can be."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.analysis.scalebars.lettering import may_hold_lettering
from tests.support import bar_drawings as drawn


@pytest.mark.parametrize("height", [12, 20, 40])
@pytest.mark.parametrize("fill", ["white", (255, 225, 0), (150, 60, 60)])
def test_a_label_is_seen_beside_its_bar(height, fill):
    image = drawn.draw_ground(1, 20, 60)
    drawn.write_text(image, "5 µm", (240, 180), height, fill)
    assert may_hold_lettering(np.asarray(image), (180, 150, 300, 210))


def test_a_smooth_ground_and_a_bar_hold_no_lettering():
    pixels = np.array(drawn.draw_ground(1, 20, 60))
    box = (180, 150, 300, 210)
    assert not may_hold_lettering(pixels, box)
    pixels[175:205, 200:260] = 255
    assert not may_hold_lettering(pixels, box, (200, 175, 260, 205))
    assert may_hold_lettering(pixels, box)
