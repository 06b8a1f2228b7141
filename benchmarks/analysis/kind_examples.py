"""Gather examples of each class of picture for the classifier of kinds: real ones, drawn ones, and changed forms."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.analysis.figure_truth import DATA, read_figures
from benchmarks.analysis.kind_drawings import draw_examples
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.model import KIND_OF
from mirsearch.analysis.kinds.words import technique_votes
from mirsearch.imaging.images import read_pages
from mirsearch.synthetic.composites.scenes import draw_scene, merge, show
from mirsearch.synthetic.fields import Random, View, make_rng
from mirsearch.synthetic.imaging import Pixels, compress_jpeg
from mirsearch.synthetic.plots import draw_plot, draw_schematic
from mirsearch.synthetic.specimens.families import FAMILIES, specimen

NAMES = {"STEM-DF": "STEM", "Optical": "optical", "Fluorescence": "fluorescence", "EDX-map": "EDX"}
"""Names of corpus.TECHNIQUES for the classes of class_truth.csv that have another name there."""

VIEWS = 12
"""Pictures drawn of each family of specimens."""

SCENES = 160
"""Scenes of fluorescence that are drawn; each gives a channel or a merge."""

FORMS = 5
"""Changed forms of each real picture, beside the picture itself."""

COLORMAPS = (cv2.COLORMAP_HOT, cv2.COLORMAP_JET, cv2.COLORMAP_INFERNO, cv2.COLORMAP_MAGMA, cv2.COLORMAP_TURBO)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture with its class. Forms of one picture share `group` (a paper, a drawing) and the weight of one.

    `source` tells where it comes from: "known" (the truth tables of shared/data, and drawn pictures), "forms" (drawn by
    kind_forms.py and kind_beams.py), "preprints", "marked known" or "marked preprints" (with authors' marks).
    """

    name: str
    group: str
    pixels: Pixels
    weight: float
    real: bool
    words: str = ""
    source: str = "known"


def real_examples() -> list[Example]:
    """Return the pictures of class_truth.csv and the panels of panel_truth.csv whose class is known."""
    return [*technique_examples(), *panel_examples()]


def technique_examples() -> list[Example]:
    """Return the pictures of class_truth.csv with their captions."""
    captions = read_captions()
    with (DATA / "class_truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Example(NAMES.get(row["class"], row["class"]), row["paper"], next(iter(read_pages(DATA / row["file"]))).pixels,
                1.0, True, captions.get(Path(row["file"]).name, ""))
        for row in rows
    ]  # fmt: skip


def read_captions() -> dict[str, str]:
    """Return the captions of the pictures of class_truth.csv by file name."""
    with (DATA / "micrograph_extractor" / "captions.csv").open(encoding="utf-8") as file:
        return {row["file"]: row["caption"] for row in csv.DictReader(file)}


def panel_examples() -> list[Example]:
    """Return the panels of panel_truth.csv; micrographs and maps where their caption names one technique of theirs."""
    examples = []
    for figure in read_figures():
        pixels, parts = next(iter(read_pages(figure.path))).pixels, split_caption(figure.caption)
        for panel in figure.panels:
            words = parts.words_for(panel.label) if len(figure.panels) > 1 else parts.caption
            name = panel.kind
            if name in ("micrograph", "map"):
                votes = technique_votes(words)
                votes.pop("diffraction", None)
                best = max(votes, key=lambda key: votes[key], default="other")
                is_clear = len(votes) == 1 and KIND_OF.get(best) == panel.kind
                name = best if is_clear else "other"
            if name != "other":
                x0, y0, x1, y1 = panel.box
                crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
                examples.append(Example(name, figure.path.parent.name, crop, 1.0, True, words))
    return examples


def drawn_examples(seed: int) -> Iterator[Example]:
    """Yield drawn pictures of all classes that can be drawn."""
    for name in sorted(FAMILIES):
        for k in range(VIEWS):
            rng = make_rng(seed, 0xFA3, sorted(FAMILIES).index(name), k)
            drawn = specimen(int(rng.integers(1 << 30)), name)
            width, height = int(rng.integers(180, 600)), int(rng.integers(160, 480))
            view = View(width, height, drawn.nm_per_px(float(rng.uniform())))
            yield Example(drawn.technique, f"drawn {name} {k}", drawn.micrograph(view, rng), 0.5, False)
    for k in range(SCENES):
        rng = make_rng(seed, 0x5CE, k)
        yield Example("fluorescence", f"drawn scene {k}", draw_fluorescence(rng), 0.5, False)
    for k in range(40):
        rng = make_rng(seed, 0x107, k)
        draw, name = ((draw_plot, "plot"), (draw_schematic, "schematic"))[k % 2]
        pixels = draw(int(rng.integers(240, 620)), int(rng.integers(200, 520)), rng)[0]
        yield Example(name, f"drawn {name} {k}", pixels, 0.5, False)
    for number, (name, drawing, pixels) in enumerate(draw_examples(seed)):
        yield Example(name, f"drawn {drawing} {number}", pixels, 0.5, False)


def draw_fluorescence(rng: Random) -> Pixels:
    """Draw a channel (in one color, gray, a color map, or inverted) or a merge of a scene of fluorescence."""
    side = int(rng.integers(140, 560))
    channels = draw_scene(side, int(side * rng.uniform(0.7, 1.3)), rng)
    names = sorted(channels)
    chosen = [names[n] for n in rng.permutation(len(names))[: int(rng.integers(2, 4))]]
    noise = float(rng.uniform(0.005, 0.06))
    way = rng.uniform()
    if way < 0.35:
        colors = rng.permutation(("blue", "green", "red", "magenta", "cyan"))
        return merge(
            [show(channels[name], str(color), rng, noise) for name, color in zip(chosen, colors, strict=False)]
        )
    signal = channels[chosen[0]] * rng.uniform(0.4, 1.0)
    if way < 0.6:
        return show(signal, "gray", rng, noise)
    if way < 0.68:
        return show(signal, "gray", rng, noise, inverted=True)
    if way < 0.78:
        return _map_colors(show(signal, "gray", rng, noise), rng)
    return show(signal, str(rng.choice(("blue", "green", "red", "magenta", "cyan", "yellow", "orange"))), rng, noise)


def change_form(example: Example, rng: Random) -> Pixels:
    """Return a picture in another form that leaves its class: part, size, contrast, compression, colors."""
    pixels = example.pixels
    if example.name not in ("plot", "schematic", "gel"):
        pixels = _take_part(pixels, rng)
    recolor = RECOLORINGS.get(example.name)
    if recolor is not None and rng.uniform() < 0.6:
        pixels = recolor(pixels, rng)
    factor = float(np.exp(rng.uniform(np.log(0.35), np.log(1.3))))
    factor = max(factor, 90 / min(pixels.shape[:2])) if min(pixels.shape[:2]) > 90 else 1.0
    pixels = cv2.resize(
        pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    if rng.uniform() < 0.5 and example.name not in ("plot", "schematic"):
        table = (np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.4, 0.4)) * 255).astype(np.uint8)
        pixels = table[pixels]
    if rng.uniform() < 0.6:
        pixels = compress_jpeg(np.ascontiguousarray(pixels), int(rng.integers(35, 95)))
    return np.ascontiguousarray(pixels[:, ::-1] if rng.uniform() < 0.5 else pixels)


def _take_part(pixels: Pixels, rng: Random) -> Pixels:
    height, width = pixels.shape[:2]
    share = rng.uniform(0.6, 1.0, 2)
    h, w = max(1, int(height * share[0])), max(1, int(width * share[1]))
    y, x = int(rng.uniform(0, height - h + 1)), int(rng.uniform(0, width - w + 1))
    return pixels[y : y + h, x : x + w]


def _map_colors(pixels: Pixels, rng: Random) -> Pixels:
    """Return a picture's brightness in a color map."""
    level = np.ascontiguousarray(pixels.max(axis=2))
    return np.ascontiguousarray(cv2.applyColorMap(level, int(rng.choice(COLORMAPS)))[..., ::-1])


def _recolor_fluorescence(pixels: Pixels, rng: Random) -> Pixels:
    """Return a picture of fluorescence in gray, inverted gray, a color map, or with its channels exchanged."""
    way = rng.uniform()
    if way < 0.45:
        return np.repeat(pixels.max(axis=2)[..., None], 3, axis=2)
    if way < 0.52:
        return np.repeat(255 - pixels.max(axis=2)[..., None], 3, axis=2)
    return _map_colors(pixels, rng) if way < 0.65 else _exchange_channels(pixels, rng)


def _exchange_channels(pixels: Pixels, rng: Random) -> Pixels:
    """Return a picture with its channels in another order, or one of its colors mixed from two."""
    moved = pixels[..., rng.permutation(3)]
    if rng.uniform() < 0.3:
        moved = moved.copy()
        moved[..., 0] = np.maximum(moved[..., 0], (moved[..., 1] * rng.uniform(0.3, 1)).astype(np.uint8))
    return np.ascontiguousarray(moved)


def _gray_map(pixels: Pixels, rng: Random) -> Pixels:
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) if rng.uniform() < 0.3 else pixels


RECOLORINGS: dict[str, Callable[[Pixels, Random], Pixels]] = {
    "fluorescence": _recolor_fluorescence, "EDX": _exchange_channels, "AFM": _gray_map, "optical": _gray_map,
    "photo": _gray_map,
}  # fmt: skip
"""Changes of color that leave a picture's class."""


def all_examples(seed: int) -> Iterator[Example]:
    """Yield real pictures, each with its changed forms, and drawn ones, some of them in a changed form."""
    for number, example in enumerate(real_examples()):
        share = example.weight / (FORMS + 1)
        yield Example(example.name, example.group, example.pixels, share, True, example.words)
        for k in range(FORMS):
            pixels = change_form(example, make_rng(seed, 0xF04, number, k))
            yield Example(example.name, example.group, pixels, share, False, example.words)
    for number, example in enumerate(drawn_examples(seed)):
        rng = make_rng(seed, 0xF05, number)
        pixels = change_form(example, rng) if rng.uniform() < 0.6 else example.pixels
        yield Example(example.name, example.group, pixels, example.weight, False)
