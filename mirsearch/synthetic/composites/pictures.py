"""Draws pictures that are no fluorescence: sections in the electron microscope, renderings, maps, specimens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.synthetic.composites.scenes import soften
from mirsearch.synthetic.fields import Image, Random, View, blur, fractal_noise, scatter, smooth_noise, voronoi
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.plots import ink_box
from mirsearch.synthetic.scalebars.bars import fill_rect
from mirsearch.synthetic.specimens.colored import apply_colormap
from mirsearch.synthetic.specimens.families import Specimen, specimen
from mirsearch.synthetic.text_masks import paint_mask, text_mask


def to_pixels(signal: Image) -> Pixels:
    """Return a signal in [0, 1], (h, w) or (h, w, 3), as RGB."""
    pixels = np.rint(np.clip(signal, 0, 1) * 255).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels


def section(width: int, height: int, rng: Random) -> Pixels:
    """Draw an ultrathin section: membranes of processes, vesicles, mitochondria, gray on gray."""
    view = View(width, height, 1.0)
    size = min(width, height) * float(rng.uniform(0.09, 0.25))
    warp = smooth_noise(view, rng, size * 0.7) * size * 0.25
    cells, distance = voronoi(view, scatter(view, rng, size, 0.9, size), warp, beyond_px=60)
    tone = rng.uniform(0.55, 0.85, int(cells.max()) + 1)[cells].astype(np.float32)
    image = tone - 0.5 * np.exp(-((distance / max(1.0, size * 0.025)) ** 2))
    grain = blur(rng.standard_normal((height, width), np.float32), max(0.7, size * 0.02))
    image = image + 0.06 * grain / max(1e-3, float(grain.std()))
    organelles = np.zeros((height, width), np.uint8)
    for _ in range(int(width * height / (size * size) * 0.35)):
        middle = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        axes = (size * float(rng.uniform(0.3, 0.8)), size * float(rng.uniform(0.2, 0.4)))
        cv2.ellipse(organelles, (middle, axes, float(rng.uniform(0, 180))), int(rng.uniform(110, 210)), -1)
    image = image - 0.4 * soften(organelles, max(0.8, size * 0.02))
    return to_pixels(blur(np.asarray(image, np.float32), 0.7) + 0.02 * rng.standard_normal((height, width), np.float32))


def segmentation(width: int, height: int, rng: Random) -> Pixels:
    """Draw a section whose cells are filled with saturated colors."""
    view = View(width, height, 1.0)
    size = min(width, height) * float(rng.uniform(0.1, 0.22))
    warp = smooth_noise(view, rng, size * 0.7) * size * 0.25
    cells, distance = voronoi(view, scatter(view, rng, size, 0.9, size), warp, beyond_px=60)
    colors = cv2.applyColorMap(rng.integers(0, 255, (int(cells.max()) + 1, 1), np.uint8), cv2.COLORMAP_HSV)[:, 0]
    image = colors[cells].astype(np.float32) / 255
    image *= (0.75 + 0.12 * smooth_noise(view, rng, 6))[..., None]
    return to_pixels(image * (1 - 0.7 * np.exp(-((distance / 1.6) ** 2)))[..., None])


def on_white(width: int, height: int, rng: Random) -> Pixels:
    """Draw an organism in the SEM, cut out on a white ground: a shaded body with bristles."""
    view = View(width, height, 1.0)
    x, y = view.grid()
    cx, cy = width / 2, height / 2
    a, b = width * rng.uniform(0.16, 0.3), height * rng.uniform(0.28, 0.4)
    rough = 0.05 * smooth_noise(view, rng, min(a, b) * 0.4) + 0.02 * smooth_noise(view, rng, min(a, b) * 0.1)
    reach = np.hypot((x - cx) / a, (y - cy) / b * (1 + 0.25 * (y - cy) / height)) + rough
    dome = np.sqrt(np.clip(1 - reach**2, 0, 1)) + 0.08 * fractal_noise(view, rng, min(a, b) * 0.5)
    gx = cv2.Scharr(np.asarray(dome, np.float32), cv2.CV_32F, 1, 0)
    body = np.clip(0.42 + 0.25 * dome - 0.12 * np.clip(gx, -3, 3) + 0.2 * np.exp(-(((reach - 0.97) / 0.05) ** 2)), 0, 1)
    pixels = to_pixels(np.asarray(np.where(reach < 1, body, 1.0), np.float32))
    for _ in range(int(rng.integers(20, 70))):
        turn = float(rng.uniform(0, 2 * np.pi))
        base = np.array((cx + a * 0.95 * np.cos(turn), cy + b * 0.95 * np.sin(turn)))
        tip = base + np.array((np.cos(turn), np.sin(turn))) * min(a, b) * rng.uniform(0.15, 0.6)
        gray = int(rng.uniform(60, 150))
        cv2.line(pixels, tuple(map(int, base)), tuple(map(int, tip)), (gray, gray, gray), 1, cv2.LINE_AA)
    return fill_tile(pixels)


def fill_tile(pixels: Pixels) -> Pixels:
    """Return a picture on white cut to its ink and enlarged to its old size, but for a narrow margin."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = ink_box(pixels)
    margin = max(2, round(0.02 * min(height, width)))
    size = (width - 2 * margin, height - 2 * margin)
    inner = cv2.resize(pixels[y0:y1, x0:x1], size, interpolation=cv2.INTER_CUBIC)
    edge = cv2.copyMakeBorder(inner, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return np.asarray(edge, np.uint8)


def rendering(width: int, height: int, rng: Random, dark: bool = False) -> Pixels:
    """Draw reconstructed neurons in a pale outline, on white or on black."""
    ground = 0 if dark else 255
    pixels: Pixels = np.full((height, width, 3), ground, np.uint8)
    pale = (60, 60, 60) if dark else (236, 236, 236)
    for side in (-1, 1):
        middle = (round(width * (0.5 + 0.18 * side)), height // 2)
        cv2.ellipse(pixels, middle, (round(width * 0.26), round(height * 0.36)), 8.0 * side, 0, 360, pale, -1, cv2.LINE_AA)  # fmt: skip # noqa: E501
    inks = ((20, 20, 20), (200, 40, 40), (30, 140, 160), (60, 60, 200), (220, 130, 30), (130, 60, 170))
    if dark:
        inks = ((240, 240, 240), (255, 90, 90), (90, 230, 240), (120, 255, 120), (255, 180, 60), (255, 120, 255))
    thick = max(1, min(width, height) // 260)
    for _ in range(int(rng.integers(1, 5))):
        ink = inks[int(rng.integers(len(inks)))]
        soma = rng.uniform((0.25, 0.25), (0.75, 0.75)) * (width, height)
        cv2.circle(pixels, tuple(map(int, soma)), max(2, min(width, height) // 45), ink, -1, cv2.LINE_AA)
        for _ in range(int(rng.integers(4, 14))):
            turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, 40))
            steps = np.stack([np.cos(turns), np.sin(turns)], 1) * min(width, height) * 0.014
            path = np.clip(soma + np.cumsum(steps, 0), 2, (width - 3, height - 3))
            cv2.polylines(pixels, [np.round(path * 16).astype(np.int32)], False, ink, thick, cv2.LINE_AA, 4)
    return pixels if dark else fill_tile(pixels)


def rainbow_map(width: int, height: int, rng: Random) -> Pixels:
    """Draw a map of strain, calcium or lifetime in a colormap, with its color bar and numbers inside, at the right."""
    view = View(width, height, 1.0)
    field = 0.5 + 0.16 * fractal_noise(view, rng, min(width, height) * 0.35, 0.45)
    name = str(rng.choice(("rainbow", "viridis-like", "gold")))
    pixels = to_pixels(apply_colormap(np.asarray(field, np.float32), name))
    if min(width, height) > 130:
        x1, y0, y1 = width - 10, round(height * 0.12), round(height * 0.6)
        ramp = np.linspace(1, 0, y1 - y0, dtype=np.float32)[:, None].repeat(max(6, width // 40), 1)
        pixels[y0:y1, x1 - ramp.shape[1] : x1] = to_pixels(apply_colormap(ramp, name))
        for words, y in (("5", y0), ("-5", y1 - 8)):
            mask = text_mask(words, 9.0)
            paint_mask(pixels, mask, x1 - ramp.shape[1] - mask.shape[1] - 3, y, (255, 255, 255))
    return pixels


def layered(width: int, height: int, rng: Random) -> Pixels:
    """Draw a picture with strong straight edges inside that is one: a stack of layers, or the bars of a TEM grid."""
    view = View(width, height, 1.0)
    image = 0.5 + 0.1 * fractal_noise(view, rng, min(width, height) * 0.3)
    if rng.uniform() < 0.5:
        edges = np.sort(rng.uniform(0.15, 0.85, int(rng.integers(1, 4)))) * height
        for number, edge in enumerate(edges):
            image[int(edge) :] += 0.22 * (-1 if number % 2 else 1)
        image[:6] *= float(rng.uniform(0.8, 1))
    else:
        step, thick = min(width, height) * float(rng.uniform(0.35, 0.6)), min(width, height) * 0.07
        x, y = view.grid()
        turn = float(rng.choice((0.0, 0.0, 0.03)))
        u, v = x + turn * y, y - turn * x
        image[((u + step / 3) % step < thick) | ((v + step / 3) % step < thick)] = 0.06
    noisy = blur(np.asarray(image, np.float32), 0.8) + 0.03 * rng.standard_normal((height, width), np.float32)
    return to_pixels(np.asarray(noisy, np.float32))


def cropped_cell(width: int, height: int, rng: Random) -> Pixels:
    """Draw cells that were cut out by a mask with straight edges and set on black."""
    from mirsearch.synthetic.composites import scenes

    channels = scenes.draw_scene(width, height, rng, "culture")
    picture = scenes.show(channels["actin"], "gray", rng)
    x0, x1 = sorted(rng.uniform(0.08, 0.92, 2) * width)
    x0, x1 = min(x0, width * 0.3), max(x1, width * 0.7)
    fill_rect(picture, 0, 0, x0, height, (0, 0, 0))
    fill_rect(picture, x1, 0, width, height, (0, 0, 0))
    return picture


@dataclass(frozen=True, slots=True)
class FamilyPicture:
    """Draws pictures of a family of specimens: of `shown` at `zoom`, or each of another specimen."""

    family: str
    shown: Specimen | None = None
    zoom: float = 0.0

    def __call__(self, width: int, height: int, rng: Random) -> Pixels:
        """Return a picture of width × height px."""
        shown = self.shown or specimen(int(rng.integers(1 << 30)), self.family)
        zoom = self.zoom if self.shown else float(rng.uniform(0.1, 0.7))
        return shown.micrograph(View(width, height, shown.nm_per_px(zoom)), rng)


@dataclass(frozen=True, slots=True)
class PictureKind:
    """What a picture shows: kinds and techniques (| where either is right), caption words, usual bars in nm."""

    draw: Callable[[int, int, Random], Pixels]
    kinds: str
    techniques: str | None
    words: str
    lengths_nm: tuple[float, ...]

    def of_one_specimen(self, rng: Random) -> PictureKind:
        """Return the kind whose pictures all show one specimen at one magnification; EDX maps differ in element."""
        if not isinstance(self.draw, FamilyPicture) or self.techniques == "EDX":
            return self
        shown = specimen(int(rng.integers(1 << 30)), self.draw.family)
        return replace(self, draw=replace(self.draw, shown=shown, zoom=float(rng.uniform(0.1, 0.7))))


_NM, _FINE, _UM = (20.0, 50.0, 100.0, 200.0), (200.0, 500.0, 1e3), (1e3, 2e3, 5e3, 10e3, 20e3)
PICTURES: dict[str, PictureKind] = {
    "section": PictureKind(section, "micrograph", "TEM|SEM", "Electron micrographs of neuropil", (500.0, 1e3, 2e3)),
    "segmentation": PictureKind(segmentation, "map", None, "Segmented neurites", (500.0, 1e3, 2e3)),
    "on_white": PictureKind(on_white, "micrograph", "SEM", "Scanning electron micrographs of a larva", (2e4, 5e4, 1e5)),
    "rendering": PictureKind(rendering, "schematic", None, "Reconstructed neurons", (2e4, 5e4)),
    "dark_rendering": PictureKind(
        lambda w, h, rng: rendering(w, h, rng, True), "schematic|map|micrograph", None, "Renderings of neurons", (5e4,)
    ),
    "map": PictureKind(rainbow_map, "map|micrograph", None, "Strain maps", _UM),
    "element": PictureKind(FamilyPicture("element_map"), "map", "EDX", "EDX maps", (1e3, 2e3)),
    "layered": PictureKind(layered, "micrograph", "TEM|SEM|STEM", "TEM images of cross sections", _NM),
    "cropped": PictureKind(cropped_cell, "micrograph", "fluorescence", "Single cells", _UM),
    "histology": PictureKind(
        FamilyPicture("stained_tissue"), "micrograph", "optical", "H&E staining of liver tissue", (2e4, 5e4, 1e5, 2e5)),
    "vesicles": PictureKind(FamilyPicture("vesicles"), "micrograph", "Cryo-TEM", "Cryo-EM images of liposomes", _NM),
    "spheres": PictureKind(FamilyPicture("spheres"), "micrograph", "SEM", "SEM images of silica spheres", _UM),
    "fibers": PictureKind(FamilyPicture("fibers"), "micrograph", "SEM", "SEM images of electrospun fibers", _UM),
    "pores": PictureKind(FamilyPicture("pores"), "micrograph", "SEM", "SEM images of porous silicon", _FINE),
    "petals": PictureKind(FamilyPicture("petals"), "micrograph", "SEM", "SEM images of nanosheets", (500.0, 1e3, 2e3)),
    "particles": PictureKind(
        FamilyPicture("particles_on_film"), "micrograph", "TEM", "TEM images of gold nanoparticles", _NM),
    "afm": PictureKind(FamilyPicture("afm"), "micrograph", "AFM", "AFM height images of a polymer film", _FINE),
}  # fmt: skip
"""Every picture that blocks show, by name."""
