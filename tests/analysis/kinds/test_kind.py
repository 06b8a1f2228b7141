"""Determine kind and technique of panels, from drawn pictures and from words."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.analysis.kinds.features import FEATURE_NAMES, measure_features
from mirsearch.analysis.kinds.kind import (
    LEAST_PROBABILITY,
    class_probabilities,
    classify_panel,
    kind_from_pixels,
    most_probable_technique,
)
from mirsearch.analysis.kinds.model import (
    CLASSES,
    KIND_OF,
    StagedModel,
    fit_model,
    load_staged_model,
    unpack_model,
)
from mirsearch.analysis.kinds.texture import measure_texture
from mirsearch.analysis.kinds.words import kind_votes, technique_votes
from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.imaging.images import read_pages
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen
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


def draw_view(family: str, seed: int) -> np.ndarray:
    """Return a micrograph of a drawn specimen that no fit has seen."""
    drawn = specimen(90_000 + seed, family)
    return drawn.micrograph(View(420, 360, drawn.nm_per_px(0.4)), make_rng(seed, 0x7E57))


def draw_blot(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    light = np.full((130, 420), 232.0)
    for lane in range(7):
        for level in (40, 88):
            band = np.zeros_like(light)
            cv2.ellipse(band, (30 + 60 * lane, level), (21, 5), 0, 0, 360, float(random.uniform(40, 210)), -1)
            light -= cv2.GaussianBlur(band, (0, 0), 2.0)
    light += random.normal(0, 2, light.shape)
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def pixel_probabilities(**classes: float) -> np.ndarray:
    """Return probabilities of CLASSES: those given, the rest even."""
    rest = (1 - sum(classes.values())) / (len(CLASSES) - len(classes))
    return np.array([classes.get(name.replace("-", "_"), rest) for name in CLASSES])


def test_drawn_panels_are_told_from_pictures_by_pixels_alone() -> None:
    assert classify_panel(draw_plot(1, 520, 400)).kind == "plot"
    assert classify_panel(draw_schematic()).kind == "schematic"
    assert kind_from_pixels(draw_plot(1, 520, 400)) == "plot"
    for family in ("spheres", "particles_on_film", "fluorescent_cells", "stained_tissue", "columns"):
        assert classify_panel(draw_view(family, 1)).kind == "micrograph", family
    assert classify_panel(draw_element_map(0), "EDX map of Fe").kind == "map"
    assert classify_panel(draw_view("element_map", 4)).kind == "map"
    assert classify_panel(draw_view("orientation_map", 1)).kind == "map"
    assert classify_panel(draw_view("diffraction", 1)).kind == "diffraction"
    assert classify_panel(draw_blot(1)).kind == "gel"


@pytest.mark.parametrize("color", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0.15, 0.25, 1), (1, 0.1, 0.9), (0, 0.9, 0.9)])
def test_fluorescence_is_known_in_any_color(color: tuple[float, float, float]) -> None:
    for seed in range(3):
        level = draw_view("fluorescent_cells", 40 + seed).max(axis=2)
        found = classify_panel((level[..., None] * np.array(color)).astype(np.uint8), "Confocal images of the cells.")
        assert (found.kind, found.technique) == ("micrograph", "fluorescence")
        assert not found.surely_drawn


def test_words_choose_among_pictures_and_never_turn_one_into_a_drawing() -> None:
    cells = draw_view("fluorescent_cells", 2)
    assert classify_panel(cells, "Curves, plots and spectra as a function of time; histogram.").kind == "micrograph"
    assert classify_panel(cells, "Schematic illustration of the workflow.").kind == "micrograph"
    plot = draw_plot(2, 520, 400)
    assert classify_panel(plot, "Fluorescence microscopy images of cells stained with DAPI.").kind == "plot"


def test_words_decide_where_pixels_leave_it_open() -> None:
    open_ = pixel_probabilities(SEM=0.3, TEM=0.3, photo=0.3)
    assert most_probable_technique(class_probabilities(open_, "TEM image of rods."))[0] == "TEM"
    assert most_probable_technique(class_probabilities(open_, text="EHT = 5 kV\nSignal A = SE2\nWD = 4 mm"))[0] == "SEM"
    photographed = class_probabilities(open_, "Photographs of the films.")
    assert max(photographed, key=lambda name: photographed[name]) == "photo"


def test_a_databar_outweighs_pixels_that_are_not_sure() -> None:
    blurred = cv2.GaussianBlur(draw_texture(3, 400, 300), (0, 0), 3)
    databar = "HV 10.00 kV\nmag 20 000 x\ndet ETD\nWD 10.1 mm\nHFW 14.9 µm"
    assert classify_panel(blurred, text=databar).technique == "SEM"


def test_drawings_have_no_technique_and_pictures_that_of_their_caption() -> None:
    assert classify_panel(draw_plot(2, 520, 400), "XRD pattern; TEM was used, too.").technique is None
    found = classify_panel(draw_view("particles_on_film", 3), "TEM image of particles.")
    assert found.technique == "TEM"
    assert 0.5 < found.technique_confidence <= 1
    assert classify_panel(draw_view("diffraction", 4), "SAED pattern.").technique == "diffraction"


def test_what_is_less_likely_than_one_half_is_unknown() -> None:
    for seed in range(6):
        noise = np.random.default_rng(seed).integers(0, 256, (40 + 30 * seed, 90, 3), np.uint8)
        for picture in (noise, cv2.blur(noise, (9, 9)), draw_view("crystals", seed), draw_view("afm", seed)):
            found = classify_panel(picture)
            assert (found.kind == "unknown") == (found.kind_confidence == 0.0)
            assert (found.technique is None) == (found.technique_confidence == 0.0)
            for confidence in (found.kind_confidence, found.technique_confidence):
                assert confidence == 0.0 or confidence >= LEAST_PROBABILITY


def test_tem_is_told_where_only_its_sort_is_open() -> None:
    name, confidence = most_probable_technique(class_probabilities(pixel_probabilities(TEM=0.4, HRTEM=0.4)))
    assert name == "TEM"
    assert confidence == pytest.approx(0.8, abs=0.05)


def test_micrographs_are_never_surely_drawn_and_plots_are() -> None:
    families = ("spheres", "fibers", "vesicles", "stained_tissue", "fluorescent_cells", "wires_on_film", "fringes")
    for family in families:
        for seed in range(3):
            picture = draw_view(family, 20 + seed)
            assert not classify_panel(picture).surely_drawn
            assert not classify_panel(255 - picture).surely_drawn
    assert all(classify_panel(draw_plot(seed, 520, 400)).surely_drawn for seed in range(6))


@pytest.mark.parametrize(
    ("words", "technique"),
    [("FESEM images", "SEM"), ("scanning electron micrograph", "SEM"), ("HR-TEM image", "HRTEM"),
    ("HAADF-STEM image", "STEM"),
     ("cryo-TEM of vesicles", "Cryo-TEM"), ("AFM height image", "AFM"), ("EDS mapping of Fe", "EDX"),
     ("STM topography", "STM"), ("cells expressing mCherry", "fluorescence"), ("EGFP", "fluorescence"),
     ("confocal fluorescence images", "fluorescence"), ("polarized optical micrograph", "optical"),
     ("hematoxylin and eosin staining", "optical"), ("Masson's trichrome", "optical"), ("EBSD map", "EBSD")],
)  # fmt: skip
def test_words_of_a_technique(words: str, technique: str) -> None:
    votes = technique_votes(words)
    assert max(votes, key=lambda name: votes[name]) == technique
    assert set(votes) <= set(TECHNIQUES)


def test_spectra_and_inverse_transforms_are_neither_maps_nor_diffraction() -> None:
    assert technique_votes("EDS spectra of the composites") == {}
    assert "diffraction" not in technique_votes("Inverse FFT image of the lattice fringes")


def test_an_inset_says_nothing_of_the_panel_around_it() -> None:
    assert "diffraction" not in technique_votes("TEM image of rods (inset: SAED pattern)")
    assert "diffraction" not in kind_votes("TEM image and corresponding SAED pattern (inset)")


def test_probabilities_are_of_kinds_and_techniques_and_sum_to_one() -> None:
    values = np.concatenate([measure_features(draw_texture(4, 300, 260)), measure_texture(draw_texture(4, 300, 260))])
    found = class_probabilities(load_staged_model().probabilities(values), "STM image")
    assert sum(found.values()) == pytest.approx(1.0)
    assert set(KIND_OF.values()) <= set(KINDS)
    assert {name for name in found if name not in KINDS} <= set(TECHNIQUES)


def test_a_model_learns_forms_of_classes_and_survives_packing() -> None:
    random = np.random.default_rng(0)
    centers = random.normal(size=(3, 40)) * 2
    forms = np.repeat([0, 1, 2], 30)
    examples = (centers[forms] + random.normal(size=(90, 40))).astype(np.float32)
    model = fit_model(examples, forms, np.array([8, 8, 9]), np.ones(90, np.float32), penalty=0.01)
    fresh = (centers[[0, 1, 2]] + random.normal(size=(3, 40))).astype(np.float32)
    for one in (model, unpack_model(model.pack())):
        probabilities = one.probabilities(fresh)
        assert [CLASSES[n] for n in probabilities.argmax(axis=1)] == ["SEM", "SEM", "TEM"]
        assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert model.tempered(0.5).probabilities(fresh).max() < probabilities.max()


def test_a_staged_model_takes_kinds_from_one_model_and_techniques_from_the_other() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(60, 12)).astype(np.float32)
    names = np.array([CLASSES.index(name) for name in ("SEM", "TEM", "plot")])
    models = [fit_model(values, random.permutation(np.repeat([0, 1, 2], 20)), names, np.ones(60, np.float32), 0.01)
              for _ in range(2)]  # fmt: skip
    kinds, techniques = (model.probabilities(values) for model in models)
    found = StagedModel(*models).probabilities(values)
    sem, tem, plot = found[:, names].T
    assert sem + tem == pytest.approx(kinds[:, names[0]] + kinds[:, names[1]])
    assert plot == pytest.approx(kinds[:, names[2]])
    assert sem / tem == pytest.approx(techniques[:, names[0]] / techniques[:, names[1]])
    assert StagedModel(*models).probabilities(values[0]) == pytest.approx(found[0])


@pytest.mark.parametrize("shape", [(1, 1), (2, 700), (700, 3), (16, 16)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_any_shape_is_judged(shape: tuple[int, int], level: int) -> None:
    pixels = np.full((*shape, 3), level, np.uint8)
    found = classify_panel(pixels, "SEM image", "5 kV")
    assert found.kind in KINDS
    assert 0 <= found.kind_confidence <= 1
    features = measure_features(pixels)
    assert features.shape == (len(FEATURE_NAMES),)
    assert np.isfinite(features).all()


def test_the_kind_of_a_query_needs_no_network() -> None:
    code = (
        "import sys, numpy as np; from mirsearch.analysis.kinds.kind import kind_from_pixels;"
        "kind_from_pixels(np.zeros((64, 64, 3), np.uint8));"
        "print([name for name in sys.modules if 'onnx' in name or 'words' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_technique_of_real_micrographs_across_papers(shared_data: Path) -> None:
    with (shared_data / "class_truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if row["class"] in ("SEM", "TEM", "Fluorescence")]
    values = np.array([measure_both(next(iter(read_pages(shared_data / row["file"]))).pixels) for row in rows])
    truth = np.array([("SEM", "TEM", "Fluorescence").index(row["class"]) for row in rows])
    papers = sorted({row["paper"] for row in rows})
    right = 0
    for fold in range(3):
        held_out = np.array([papers.index(row["paper"]) % 3 == fold for row in rows])
        weight = np.ones(int((~held_out).sum()), np.float32)
        model = fit_model(values[~held_out], truth[~held_out], np.array([8, 9, 15]), weight, penalty=0.03)
        told = model.probabilities(values[held_out])[:, [8, 9, 15]].argmax(axis=1)
        right += int((told == truth[held_out]).sum())
    assert right >= 0.75 * len(rows)


def measure_both(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([measure_features(pixels), measure_texture(pixels)])


@pytest.mark.data
def test_images_of_composite_figures_are_told(shared_data: Path) -> None:
    """The true boxes of composite/truth.json, which no fit has seen, with the captions of their letters."""
    from mirsearch.analysis.captions.split import split_caption

    figures = json.loads((shared_data / "composite" / "truth.json").read_text(encoding="utf-8")).values()
    right, techniques = [], []
    for figure in figures:
        pixels, parts = (
            next(iter(read_pages(shared_data / "composite" / figure["file"]))).pixels,
            split_caption(figure["caption"]),
        )
        for panel in figure["panels"]:
            x0, y0, x1, y1 = panel["box"]
            words = parts.words_for(panel["letter"]) if panel["letter"] else parts.caption
            found = classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), words)
            assert not (found.surely_drawn and panel["kind"] == "micrograph")
            if "|" not in panel["kind"]:
                right.append((found.kind == "micrograph") == (panel["kind"] == "micrograph"))
            if panel["technique"] and panel["kind"] == "micrograph":
                techniques.append(found.technique in panel["technique"].split("|"))
    assert np.mean(right) >= 0.95
    assert np.mean(techniques) >= 0.85
