"""Determine kind and technique of panels, from drawn pictures and from words."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.analysis.kinds.features import measure_features
from mirsearch.analysis.kinds.kind import best_technique, classify_panel
from mirsearch.analysis.kinds.technique import Discriminants, fit_discriminants, pack_discriminants, technique_log_probs
from mirsearch.analysis.kinds.technique import measure_texture as network_texture
from mirsearch.analysis.kinds.words import kind_votes, technique_votes
from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.imaging.images import read_pages
from tests.support.figure_drawing import draw_plot, draw_texture


def draw_schematic() -> np.ndarray:
    picture = np.full((360, 480, 3), 255, np.uint8)
    for n, color in enumerate([(240, 170, 60), (70, 140, 220), (90, 190, 90), (210, 80, 80)]):
        cv2.circle(picture, (80 + 105 * n, 120 + 60 * (n % 2)), 58, color, -1)
        cv2.arrowedLine(picture, (60 + 90 * n, 300), (120 + 90 * n, 300), (30, 30, 30), 4)
    return picture


def draw_element_map(channel: int) -> np.ndarray:
    random = np.random.default_rng(channel)
    picture = np.zeros((300, 300, 3), np.uint8)
    picture[:, :, channel] = np.where(random.random((300, 300)) < 0.35, random.integers(60, 200, (300, 300)), 4)
    return picture


def draw_rings() -> np.ndarray:
    y, x = np.mgrid[-1:1:320j, -1:1:320j]
    distance = np.hypot(x, y)
    light = 255 * np.exp(-((distance / 0.22) ** 2)) + 60 * np.exp(-(((distance - 0.5) / 0.02) ** 2))
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_drawn_panels_are_told_from_pictures_by_pixels_alone() -> None:
    assert classify_panel(draw_plot(1, 520, 400)).kind == "plot"
    assert classify_panel(draw_schematic()).kind in ("schematic", "plot")
    assert classify_panel(draw_texture(1, 400, 300)).kind == "micrograph"
    assert classify_panel(draw_element_map(0)).kind == "map"


def test_words_decide_where_pixels_leave_it_open() -> None:
    assert classify_panel(draw_schematic(), "Schematic illustration of the process.").kind == "schematic"
    assert classify_panel(draw_rings(), "SAED pattern of the film.").kind == "diffraction"
    blue = np.clip(draw_texture(2, 400, 300).astype(int) + np.array([-35, 0, 35]), 0, 255).astype(np.uint8)
    assert classify_panel(blue, "Photographs of the films.").kind == "photo"


def test_drawings_have_no_technique_and_pictures_that_of_their_caption() -> None:
    assert classify_panel(draw_plot(2, 520, 400), "XRD pattern; TEM was used, too.").technique is None
    found = classify_panel(draw_texture(3, 400, 300), "TEM image of rods.")
    assert found.technique == "TEM"
    assert 0.5 < found.technique_confidence <= 1
    assert classify_panel(draw_rings(), "SAED pattern.").technique == "diffraction"


@pytest.mark.parametrize(
    ("words", "technique"),
    [("FESEM images", "SEM"), ("scanning electron micrograph", "SEM"), ("HR-TEM image", "HRTEM"),
    ("HAADF-STEM image", "STEM"),
     ("cryo-TEM of vesicles", "Cryo-TEM"), ("AFM height image", "AFM"), ("EDS mapping of Fe", "EDX"),
     ("STM topography", "STM"),
     ("confocal fluorescence images", "fluorescence"), ("polarized optical micrograph", "optical"),
     ("EBSD map", "EBSD")],
)  # fmt: skip
def test_words_of_a_technique(words: str, technique: str) -> None:
    votes = technique_votes(words)
    assert max(votes, key=lambda name: votes[name]) == technique
    assert set(votes) <= set(TECHNIQUES)


def test_an_inset_says_nothing_of_the_panel_around_it() -> None:
    assert "diffraction" not in technique_votes("TEM image of rods (inset: SAED pattern)")
    assert "diffraction" not in kind_votes("TEM image and corresponding SAED pattern (inset)")


def test_votes_come_without_technique_words_from_pixels() -> None:
    log_probs = {"SEM": -0.2, "TEM": -2.0}
    assert best_technique(log_probs, "", "micrograph")[0] == "SEM"
    assert best_technique(log_probs, "TEM image", "micrograph")[0] == "TEM"


def test_log_probabilities_are_of_known_techniques() -> None:
    log_probs = technique_log_probs(draw_texture(4, 300, 260))
    assert set(log_probs) <= set(TECHNIQUES)
    assert sum(np.exp(value) for value in log_probs.values()) == pytest.approx(1.0)


def test_discriminants_learn_what_tells_classes_apart() -> None:
    random = np.random.default_rng(0)
    centers = random.normal(size=(3, 80)) * 2
    which = np.repeat([0, 1, 2], 20)
    examples = (centers[which] + random.normal(size=(60, 80))).astype(np.float32)
    model = fit_discriminants(examples, [("SEM", "TEM", "AFM")[k] for k in which])
    fresh = (centers[1] + random.normal(size=80)).astype(np.float32)
    log_probs = model.log_probs(fresh)
    assert max(log_probs, key=lambda name: log_probs[name]) == "TEM"
    assert isinstance(model, Discriminants)
    assert len(pack_discriminants(model)) < 10_000


@pytest.mark.parametrize("shape", [(1, 1), (2, 700), (700, 3), (16, 16)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_any_shape_is_judged(shape: tuple[int, int], level: int) -> None:
    found = classify_panel(np.full((*shape, 3), level, np.uint8), "SEM image")
    assert found.kind in KINDS
    assert 0 <= found.kind_confidence <= 1
    assert np.isfinite(list(feature_values(measure_features(np.full((*shape, 3), level, np.uint8))))).all()


def feature_values(features: object) -> list[float]:
    """Return the values of all features."""
    return [getattr(features, name) for name in features.__slots__]  # type: ignore[attr-defined]


@pytest.mark.data
def test_technique_of_real_micrographs_across_papers(shared_data: Path) -> None:
    with (shared_data / "class_truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if row["class"] in ("SEM", "TEM", "Fluorescence")]
    textures = np.array([network_texture(next(iter(read_pages(shared_data / row["file"]))).pixels) for row in rows])
    papers = sorted({row["paper"] for row in rows})
    right = 0
    for fold in range(3):
        held_out = np.array([papers.index(row["paper"]) % 3 == fold for row in rows])
        model = fit_discriminants(
            textures[~held_out], [row["class"] for row, out in zip(rows, held_out, strict=True) if not out]
        )
        for n in np.flatnonzero(held_out):
            log_probs = model.log_probs(textures[n])
            right += max(log_probs, key=lambda name: log_probs[name]) == rows[n]["class"]
    assert right >= 0.75 * len(rows)
