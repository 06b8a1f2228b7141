"""The drawn figures: their truth agrees with what is drawn."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.synthetic.captions import format_letters, scale_sentence, write_caption
from mirsearch.synthetic.corpus import write_corpus
from mirsearch.synthetic.demo import write_demo
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.figures import FigureStyle, draw_figure, draw_micrograph
from mirsearch.synthetic.imaging import TECHNIQUE_IMAGING, backdrop
from mirsearch.synthetic.layouts import LAYOUT_STYLES, aspect_ratio, column, panel_boxes, row
from mirsearch.synthetic.panel_letters import LETTER_STYLES, printed_label
from mirsearch.synthetic.plots import draw_plot, draw_schematic, ink_box
from mirsearch.synthetic.scalebars.bars import draw_bar, format_length, round_length
from mirsearch.synthetic.scalebars.databars import databar_height, draw_databar
from mirsearch.synthetic.scalebars.styles import BAR_STYLES, COLORS, LABELED_STYLES, UNLABELED_STYLES
from mirsearch.synthetic.specimens.families import FAMILIES, specimen
from mirsearch.synthetic.specimens.subjects import SUBJECTS
from mirsearch.synthetic.text_masks import FACES, text_mask

UNIT_NM = {"nm": 1.0, "µm": 1e3, "um": 1e3, "mm": 1e6}


def length_of(text: str) -> float:
    """Return the length in nm of a label's text, parsed independently of the code that wrote it."""
    number, unit = re.fullmatch(r"([\d.]+) ?(nm|µm|um|mm)", text).groups()
    return float(number) * UNIT_NM[unit]


def along_bar(before: np.ndarray, after: np.ndarray, box: tuple[int, int, int, int], vertical: bool) -> float:
    """Return the length in px of a bar: the sum of the ink's coverage along its middle line."""
    margin = 3
    x0, y0, x1, y1 = box
    if vertical:
        before, after = before.transpose(1, 0, 2), after.transpose(1, 0, 2)
        x0, y0, x1, y1 = y0, x0, y1, x1
    middle = (y0 + y1 - 1) // 2
    cut = slice(max(0, x0 - margin), x1 + margin)
    old, new = before[middle, cut].astype(float), after[middle, cut].astype(float)
    ink = new[len(new) // 2]
    cover = np.abs(new - old).sum(1) / np.abs(ink - old).sum(1)
    return float(np.clip(cover, 0, 1).sum())


# --- bars -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(name for name, style in BAR_STYLES.items() if style.databar is None))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_drawn_bar_is_as_long_as_its_truth(name: str, seed: int) -> None:
    view = View(420, 330, 3.7)
    low, high = (0.0, 0.25) if BAR_STYLES[name].ink != "black" else (0.75, 1.0)
    before = backdrop(view, make_rng(seed), low, high)
    after = before.copy()
    bar = draw_bar(after, view.nm_per_px, BAR_STYLES[name], make_rng(seed, 1))
    assert bar.length_px * bar.nm_per_px == pytest.approx(bar.length_nm)
    side = (bar.box[3] - bar.box[1]) if bar.vertical else (bar.box[2] - bar.box[0])
    assert side == pytest.approx(bar.length_px, abs=1.0)
    if BAR_STYLES[name].shape in ("plain", "caps", "boxed", "ruler") and BAR_STYLES[name].label != "inside":
        base = before if BAR_STYLES[name].shape != "boxed" else np.full_like(before, 255 - int(after[_mid(bar.box)][0]))
        assert along_bar(base, after, bar.box, bar.vertical) == pytest.approx(bar.length_px, abs=0.5)


def _mid(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return (box[1] + box[3] - 1) // 2, (box[0] + box[2] - 1) // 2


@pytest.mark.parametrize("name", sorted(name for name, style in BAR_STYLES.items() if style.databar is not None))
def test_a_databar_holds_its_bar_and_label(name: str) -> None:
    pixels = backdrop(View(480, 400, 12.0), make_rng(5), 0.3, 0.7)
    above = pixels[: 400 - databar_height(400)].copy()
    bar = draw_databar(pixels, 12.0, BAR_STYLES[name], make_rng(6))
    assert np.array_equal(pixels[: len(above)], above), "the strip must not reach into the picture"
    assert bar.box[1] >= len(above)
    assert bar.box[3] <= 400
    assert bar.box[2] <= 480
    assert bar.length_px * 12.0 == pytest.approx(bar.length_nm)
    assert length_of(bar.label_text.replace("um", "µm")) == bar.length_nm
    ink = np.abs(pixels[bar.box[1] : bar.box[3], bar.box[0] : bar.box[2]].astype(int) - pixels[-2, -3]).sum(2) > 300
    columns = np.flatnonzero(ink.any(0))
    assert columns[-1] - columns[0] + 1 == pytest.approx(bar.length_px, abs=1.5)


@pytest.mark.parametrize("name", LABELED_STYLES)
def test_the_label_says_the_length_and_is_drawn_where_it_is_said_to_be(name: str) -> None:
    style = BAR_STYLES[name]
    before = backdrop(View(480, 360, 0.8), make_rng(9), 0.3, 0.45)
    after = before.copy()
    bar = (draw_databar if style.databar else draw_bar)(after, 0.8, style, make_rng(10))
    assert length_of(bar.label_text) == pytest.approx(bar.length_nm)
    x0, y0, x1, y1 = bar.label_box
    assert x0 >= 0
    assert y0 >= 0
    assert x1 <= 480
    assert y1 <= 360
    inside = after[y0:y1, x0:x1].astype(int)
    assert y1 - y0 >= 7, "too small to read"
    assert np.ptp(inside, axis=(0, 1)).max() > 90, "no contrast between letters and what is behind them"


@pytest.mark.parametrize("name", UNLABELED_STYLES)
def test_bars_told_in_captions_bear_no_label(name: str) -> None:
    pixels = backdrop(View(300, 260, 2.0), make_rng(1), 0.4, 0.6)
    bar = draw_bar(pixels, 2.0, BAR_STYLES[name], make_rng(2))
    assert bar.label_text is None
    assert bar.label_box is None


def test_ink_that_could_not_be_seen_is_swapped() -> None:
    pixels = np.full((300, 300, 3), 255, np.uint8)
    bar = draw_bar(pixels, 1.0, BAR_STYLES["white-thin"], make_rng(0))
    assert pixels[_mid(bar.box)].max() < 100


def test_lengths_are_round_and_within_limits() -> None:
    for seed in range(300):
        rng = make_rng(seed)
        low = float(np.exp(rng.uniform(np.log(0.5), np.log(1e6))))
        length = round_length(low, 2.6 * low, rng)
        assert low <= length <= 2.6 * low
        assert float(f"{length:.2g}") == pytest.approx(length)
        assert length_of(format_length(length, rng)) == pytest.approx(length)


# --- letters and text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", FACES)
def test_signs_that_scientists_need_are_drawn_each_in_its_own_way(face: str) -> None:
    masks = {sign: text_mask(sign, 24, face) for sign in "µuÅA–²2×nm?"}
    for one, other in combinations("µuÅA?", 2):
        same = masks[one].shape == masks[other].shape and np.allclose(masks[one], masks[other], atol=0.1)
        assert not same, f"{one} looks like {other}"
    assert masks["µ"].shape[0] > masks["u"].shape[0], "µ reaches below the line"
    assert masks["Å"].shape[0] > masks["A"].shape[0], "Å bears a ring"
    assert text_mask("10 \u03bcm", 20, face).shape == text_mask("10 \u00b5m", 20, face).shape


def test_text_is_as_high_as_asked() -> None:
    for height in (10, 18, 40):
        assert text_mask("500 H", height).shape[0] == pytest.approx(height, rel=0.12, abs=1)


@pytest.mark.parametrize("name", sorted(LETTER_STYLES))
def test_letters_are_drawn_at_their_panels_corner(name: str) -> None:
    figure = draw_figure(21, FigureStyle(layout="grid-2x2", letters=name))
    assert [panel.label for panel in figure.panels] == [printed_label(LETTER_STYLES[name], each) for each in "abcd"]
    for panel, box in zip(figure.panels, figure.letters, strict=True):
        assert box is not None
        assert abs(box[0] - panel.box[0]) < 30
        assert abs(box[1] - panel.box[1]) < 30
        region = figure.pixels[box[1] : box[3], box[0] : box[2]].mean(2)
        assert np.ptp(region) > 90


# --- specimens --------------------------------------------------------------------------------------------------------


def test_families_are_what_the_corpus_knows() -> None:
    assert set(SUBJECTS) == set(FAMILIES)
    for family in FAMILIES.values():
        assert family.kind in KINDS
        assert family.technique in TECHNIQUES
        assert family.technique in TECHNIQUE_IMAGING


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("zoom", [0.0, 1.0])
def test_every_family_gives_a_picture_with_something_in_it(name: str, zoom: float) -> None:
    shown = specimen(4, name)
    pixels = shown.micrograph(View(230, 170, shown.nm_per_px(zoom)), make_rng(3))
    assert pixels.shape == (170, 230, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 6
    gray = name not in ("afm", "fluorescent_cells", "stained_tissue", "element_map", "orientation_map")
    assert np.array_equal(pixels[..., 0], pixels[..., 2]) or not gray or np.ptp(pixels.astype(int), axis=2).max() < 12


def grain_size(pixels: np.ndarray) -> float:
    """Return the distance, in px, at which the radial autocorrelation of a picture falls to a half."""
    gray = cv2.GaussianBlur(pixels[..., 0].astype(np.float32), (0, 0), 1.2)
    gray = (gray - gray.mean()) * np.outer(np.hanning(gray.shape[0]), np.hanning(gray.shape[1]))
    power = np.abs(np.fft.rfft2(gray, (2 * gray.shape[0], 2 * gray.shape[1]))) ** 2
    correlation = np.fft.irfft2(power)
    profile = correlation[0, :100] / correlation[0, 0]
    profile = (profile + correlation[:100, 0] / correlation[0, 0]) / 2
    below = int(np.argmax(profile < 0.5))
    return below - 1 + (profile[below - 1] - 0.5) / (profile[below - 1] - profile[below])


@pytest.mark.parametrize(
    "name", ["spheres", "polished_grains", "pores", "particles_on_film", "foam", "stained_tissue", "crystals"]
)
def test_features_grow_with_magnification(name: str) -> None:
    shown = specimen(11, name)
    wide, close = shown.nm_per_px(0.05), shown.nm_per_px(0.05) / 2
    sizes = [
        np.mean([grain_size(shown.micrograph(View(480, 480, nm_per_px), make_rng(seed))) for seed in range(3)])
        for nm_per_px in (wide, close)
    ]
    assert sizes[1] / sizes[0] == pytest.approx(2.0, rel=0.3)


def test_lattice_fringes_have_their_spacing() -> None:
    shown = specimen(2, "columns")
    for zoom in (0.2, 0.8):
        nm_per_px = shown.nm_per_px(zoom)
        gray = shown.signal(View(512, 512, nm_per_px), make_rng(1))
        power = np.abs(np.fft.fft2((gray - gray.mean()) * np.outer(np.hanning(512), np.hanning(512))))
        fy, fx = np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512), indexing="ij")
        radius = np.hypot(fx, fy)
        power[radius < 0.4 * nm_per_px / shown.size_nm] = 0
        peaks = radius[power > 0.5 * power.max()]
        spacings = nm_per_px / peaks
        wanted = [shown.size_nm / np.sqrt(order) for order in (1, 2, 4, 5)]
        assert all(min(abs(spacing / want - 1) for want in wanted) < 0.06 for spacing in spacings)


def test_particles_on_film_have_the_diameter_they_say() -> None:
    shown = specimen(3, "core_shell")
    view = View(600, 600, shown.nm_per_px(0.5))
    dark = (-np.log(np.maximum(shown.signal(view, make_rng(8)), 1e-3)) > 0.2).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark)
    lone = [
        s
        for s in stats[1:]
        if s[0] > 0 and s[1] > 0 and s[0] + s[2] < 600 and s[1] + s[3] < 600 and s[2] == pytest.approx(s[3], abs=4)
    ]
    diameters = [np.sqrt(4 * s[4] / np.pi) * view.nm_per_px for s in lone]
    assert np.median(diameters) == pytest.approx(shown.size_nm, rel=0.12)


# --- layouts and plots ------------------------------------------------------------------------------------------------


def overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


@pytest.mark.parametrize("name", sorted(LAYOUT_STYLES))
def test_every_layout_is_drawable_and_its_panels_lie_apart(name: str) -> None:
    figure = draw_figure(33, FigureStyle(layout=name))
    height, width = figure.pixels.shape[:2]
    assert figure.layout == name
    for panel in figure.panels:
        x0, y0, x1, y1 = panel.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
    assert all(overlap(one.box, other.box) == 0 for one, other in combinations(figure.panels, 2))
    for inset in figure.insets:
        homes = [
            panel
            for panel in figure.panels
            if overlap(panel.box, inset) == (inset[2] - inset[0]) * (inset[3] - inset[1])
        ]
        assert len(homes) == 1
        bar = homes[0].scale.bar
        assert overlap(bar, inset) == 0
    extras = LAYOUT_STYLES[name].extras
    assert [panel.kind for panel in figure.panels][len(figure.panels) - len(extras) :] == list(extras)
    for panel in figure.panels:
        assert (panel.scale is not None) == (panel.kind == "micrograph")


def test_trees_fill_their_box_with_parts_of_their_own_aspect() -> None:
    tree = column(row(1.0, 1.5), row(1.25, 1.25))
    found = panel_boxes(tree, (0, 0, 1000, round(1000 / aspect_ratio(tree))), 0)
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in found) == 1000 * round(1000 / aspect_ratio(tree))
    for (x0, y0, x1, y1), shape in zip(found, (1.0, 1.5, 1.25, 1.25), strict=True):
        assert (x1 - x0) / (y1 - y0) == pytest.approx(shape, rel=0.02)


def test_gutters_are_clean() -> None:
    for seed in range(4):
        figure = draw_figure(seed, FigureStyle(layout="black-gutters"))
        mask = np.ones(figure.pixels.shape[:2], bool)
        for panel in figure.panels:
            mask[panel.box[1] : panel.box[3], panel.box[0] : panel.box[2]] = False
        assert not figure.pixels[mask].any()


def test_plots_and_schematics_stay_within_their_ink_box() -> None:
    for seed in range(6):
        for draw in (draw_plot, draw_schematic):
            pixels, words = draw(320, 260, make_rng(seed))
            assert "{subject}" in words
            x0, y0, x1, y1 = ink_box(pixels)
            assert (x1 - x0) * (y1 - y0) > 0.3 * 320 * 260
            mask = np.ones((260, 320), bool)
            mask[y0:y1, x0:x1] = False
            assert (pixels[mask] >= 245).all()


def test_a_micrograph_with_a_databar_has_the_size_asked_for() -> None:
    picture, bar, inset = draw_micrograph(
        specimen(1, "foam"), 300, 240, 0.4, BAR_STYLES["databar-ticks"], make_rng(0), inset=True
    )
    assert picture.shape == (240, 300, 3)
    assert inset is not None
    assert overlap(inset, bar.box) == 0


# --- captions ---------------------------------------------------------------------------------------------------------


def expanded(listed: str) -> list[str]:
    """Return the labels of a list such as "a, c", "b–d", "a and b", or a range of Roman numbers."""
    roman = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"]
    found: list[str] = []
    for part in re.split(r", | and ", listed):
        ends = re.split("[–-]", part)
        if len(ends) == 1:
            found.append(part)
        elif ends[0] in roman and ends[1] in roman:
            found += roman[roman.index(ends[0]) : roman.index(ends[1]) + 1]
        else:
            found += [chr(code) for code in range(ord(ends[0]), ord(ends[1]) + 1)]
    return found


def test_lists_of_letters_say_all_and_only_their_letters() -> None:
    for letters in (
        ["a"],
        ["a", "b"],
        ["b", "c", "d"],
        ["a", "c"],
        ["a", "c", "d"],
        ["i", "ii", "iii"],
        ["iv", "v", "vi", "vii"],
        ["A", "B", "C"],
    ):
        for seed in range(6):
            assert expanded(format_letters(letters, make_rng(seed))) == letters


@pytest.mark.parametrize("seed", range(25))
def test_captions_say_of_each_panel_what_the_truth_says(seed: int) -> None:
    names = ["SEM image of silica spheres", "SEM image of silica spheres", "TEM image of gold", "AFM map of a film"]
    labels = list("abcd")
    caption = write_caption(names, labels, [None] * 4, "Looks of things.", make_rng(seed))
    body = caption.text.removeprefix("Looks of things. ")
    if caption.marker == "after":
        pairs = [(listed, words) for words, listed in re.findall(r"(?:^|, | and )?([A-Z][^()]*?) \(([^)]*)\)", body)]
    elif caption.marker == "a) ":
        pairs = re.findall(r"([a-z](?:(?:, | and |[–-])[a-z])*)\) ([^.;]*)", body)
    elif caption.marker == "a, ":
        pairs = re.findall(r"(?:^|\. )([a-z](?:(?:, | and |[–-])[a-z])*), ([^.;]*)", body)
    else:
        pairs = re.findall(r"\(([^)]*)\) ([^.;]*)", body)
    read = {label: words for listed, words in pairs for label in expanded(listed)}
    assert read == dict(zip(labels, caption.parts, strict=True))
    for text, part in zip(caption.panel_texts, caption.parts, strict=True):
        assert text.startswith("Looks of things. ")
        assert part in text


@pytest.mark.parametrize("seed", range(12))
def test_captions_tell_each_bars_length(seed: int) -> None:
    lengths = [200.0, 1000.0, 1000.0, None, 50.0]
    text = scale_sentence(lengths, list("abcde"), make_rng(seed))
    length = r"([\d.]+ (?:nm|µm|mm))"
    if text.startswith("Scale bars: "):
        pairs = re.findall(rf"\(([^)]*)\) {length}", text)
    else:
        pairs = [(listed, words) for words, listed in re.findall(rf"{length} (?:in )?\(([^)]*)\)", text)]
    read = {label: length_of(words) for listed, words in pairs for label in expanded(listed)}
    assert read == {"a": 200.0, "b": 1000.0, "c": 1000.0, "e": 50.0}


def test_one_length_for_all_and_none_at_all() -> None:
    assert "5 µm" in scale_sentence([5000.0, 5000.0], ["a", "b"], make_rng(0))
    assert scale_sentence([None, None], ["a", "b"], make_rng(0)) == ""
    assert re.search(r"\b20 nm", scale_sentence([20.0], [""], make_rng(0)))


def test_a_length_is_told_by_the_label_or_by_the_caption() -> None:
    for seed in range(8):
        figure = draw_figure(seed, FigureStyle(layout="grid-2x2", scale_in_caption=bool(seed % 2)))
        for panel in figure.panels:
            assert panel.scale.source == ("caption" if seed % 2 else "label")
            assert (panel.scale.label_text is None) == bool(seed % 2)
            told = format_length(panel.scale.length_nm)
            assert (told in figure.caption) == bool(seed % 2)


# --- whole figures and corpora ----------------------------------------------------------------------------------------


def digest(seed: int) -> str:
    figure = draw_figure(seed)
    truth = repr((figure.caption, figure.panels, figure.letters, figure.insets)).encode()
    return hashlib.sha256(figure.pixels.tobytes() + truth).hexdigest()


def test_a_seed_draws_the_same_figure_in_every_run_and_process() -> None:
    here = [digest(seed) for seed in range(3)]
    assert here == [digest(seed) for seed in range(3)]
    assert len(set(here)) == 3
    code = "import sys; from tests.synthetic import test_synthetic as t; print(*map(t.digest, range(3)))"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert here == there


@pytest.fixture(scope="module")
def drawn_corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("corpus")
    return folder, write_corpus(folder, figures=9, seed=3, families=("spheres", "foam"))


def test_a_written_corpus_is_complete(drawn_corpus: tuple[Path, object]) -> None:
    folder, truth = drawn_corpus
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [r["file"] for r in rows] == [line["file"] for line in lines] == [figure.file for figure in truth.figures]
    assert {path.name for path in folder.iterdir()} == {r["file"] for r in rows} | {"captions.csv", "truth.jsonl"}
    for entry, line in zip(rows, lines, strict=True):
        pixels = cv2.imread(str(folder / entry["file"]))
        assert pixels is not None
        assert entry["doi"].startswith("10.5555/")
        assert entry["caption"] == line["caption"]
        assert {"title", "journal", "year", "license", "url", "authors"} <= {
            key for key, value in entry.items() if value
        }
        for panel in line["panels"]:
            assert panel["box"][2] <= pixels.shape[1]
            assert panel["box"][3] <= pixels.shape[0]
    assert truth.panels == sum(len(line["panels"]) for line in lines)


def test_an_article_shows_its_specimen_at_several_magnifications(drawn_corpus: tuple[Path, object]) -> None:
    _, truth = drawn_corpus
    for doi in {figure.doi for figure in truth.figures}:
        mine = [figure for figure in truth.figures if figure.doi == doi]
        main = mine[0].specimens[0]
        scales = {
            panel.scale.nm_per_px
            for figure in mine
            for panel, shown in zip(figure.panels, figure.specimens, strict=True)
            if shown == main and panel.scale
        }
        assert all(main in figure.specimens for figure in mine)
        assert len(scales) >= 2 or sum(len(figure.panels) for figure in mine) < 3


def test_two_articles_of_a_family_differ_in_size(drawn_corpus: tuple[Path, object]) -> None:
    _, truth = drawn_corpus
    mains = {figure.doi: figure.specimens[0] for figure in truth.figures}.values()
    for family in ("spheres", "foam"):
        sizes = sorted(main.size_nm for main in mains if main.family == family)
        assert all(larger / smaller > 2.5 for smaller, larger in pairwise(sizes))


def test_the_same_seed_writes_the_same_corpus(drawn_corpus: tuple[Path, object], tmp_path: Path) -> None:
    folder, _ = drawn_corpus
    write_corpus(tmp_path / "again", figures=9, seed=3, families=("spheres", "foam"))
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_the_demo_asks_three_questions_with_known_answers(tmp_path: Path) -> None:
    plan = write_demo(tmp_path, figures=26)
    assert len(plan.queries) == 3
    looks, scale, text = plan.queries
    assert plan.folder == tmp_path / "figures"
    for query in plan.queries:
        assert query.answers
        assert all((plan.folder / name).is_file() for name in query.answers)
    for query in (looks, scale):
        assert query.image.is_file()
        assert query.image.parent == tmp_path, "the picture asked with is not in the corpus"
    assert scale.nm_per_px > 0
    assert text.text is not None
    assert text.image is None


def test_drawn_colors_are_what_their_names_say() -> None:
    assert COLORS["red"][0] > 2 * max(COLORS["red"][1:])
    assert min(COLORS["white"]) == 255
