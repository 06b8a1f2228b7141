"""Views of a specimen, random fields with physical wavelengths, and the shading that turns heights into micrographs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""Signal in [0, 1]: (h, w), or (h, w, 3) in RGB."""

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class View:
    """The region that the microscope shows: width and height in px, and nm per px."""

    width: int
    height: int
    nm_per_px: float

    @property
    def short_side(self) -> int:
        """The shorter side in px."""
        return min(self.width, self.height)

    def px(self, nm: float) -> float:
        """Return a length in nm as px of this view."""
        return nm / self.nm_per_px

    def blank(self, value: float = 0.0) -> Image:
        """Return a constant field, (h, w)."""
        return np.full((self.height, self.width), value, np.float32)

    def grid(self) -> tuple[Image, Image]:
        """Return the coordinates x and y of the pixels in px, (h, w) each."""
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        return x, y


def make_rng(*seeds: int) -> Random:
    """Return a random generator that depends only on `seeds`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(seeds))))


def smooth_noise(view: View, rng: Random, wavelength_px: float) -> Image:
    """Return a smooth random field (h, w) of mean 0 and deviation near 1, with knots `wavelength_px` apart."""
    step = max(wavelength_px, 1.0)
    rows, columns = int(view.height / step) + 5, int(view.width / step) + 5
    knots = rng.standard_normal((rows, columns), np.float32)
    shift = rng.uniform(1.0, 2.0, 2)
    matrix = np.array([[step, 0, -shift[0] * step], [0, step, -shift[1] * step]], np.float32)
    field = cv2.warpAffine(
        knots, matrix, (view.width, view.height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(field * 1.4, np.float32)


def fractal_noise(view: View, rng: Random, wavelength_nm: float, roughness: float = 0.5, octaves: int = 6) -> Image:
    """Return a sum of octaves from `wavelength_nm` down, each `roughness` times the last; stop below 1.5 px."""
    total, amplitude = view.blank(), 1.0
    for octave in range(octaves):
        wavelength = view.px(wavelength_nm / 2**octave)
        if wavelength < 1.5:
            break
        total += amplitude * smooth_noise(view, rng, wavelength)
        amplitude *= roughness
    return total


def blur(image: Image, sigma: float) -> Image:
    """Return the image after a Gaussian blur. A wide blur uses a reduced copy, which is as good and much faster."""
    if sigma < 0.2:
        return image
    if sigma <= 6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    height, width = image.shape[:2]
    factor = sigma / 3
    small = cv2.resize(image, (max(4, int(width / factor)), max(4, int(height / factor))), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 3)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def stretch_contrast(image: Image, low: float = 0.0, high: float = 1.0, cut: float = 0.5) -> Image:
    """Return the image with its percentiles `cut` and 100 - `cut` moved to `low` and `high`, clipped to [0, 1]."""
    bottom, top = np.percentile(image[::3, ::3], (cut, 100 - cut))
    scaled = (image - bottom) / max(float(top - bottom), 1e-6)
    return np.asarray(np.clip(low + scaled * (high - low), 0, 1), np.float32)


def gradients(height: Image) -> tuple[Image, Image]:
    """Return the derivatives of a height map in px along x and y."""
    gx = cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(gx, np.float32), np.asarray(gy, np.float32)


def secondary_electrons(height: Image, depth_px: float, light: float = 0.12, edge: float = 0.5) -> Image:
    """Return the SEM signal of a height map in px: it grows as 1/cos of the tilt; crevices of `depth_px` are dark.

    `light` is the strength of the detector at the upper left, `edge` that of bright edges. The signal is not clipped.
    """
    gx, gy = gradients(height)
    secant = np.sqrt(1 + gx * gx + gy * gy)
    rise = np.minimum(secant, 3.5) - 1
    side = (gx + 0.6 * gy) / secant
    near = np.clip((blur(height, max(depth_px * 0.5, 1.0)) - height) / max(depth_px, 1.0), 0, 1.5)
    wide = np.clip((blur(height, max(depth_px * 2.0, 2.0)) - height) / max(2 * depth_px, 1.0), 0, 1.5)
    return np.asarray(0.45 + edge * rise / 2.5 + light * side - 0.45 * near - 0.3 * wide, np.float32)


def scatter(
    view: View, rng: Random, spacing_px: float, jitter: float = 0.5, margin_px: float = 0.0
) -> NDArray[np.float64]:
    """Return points (n, 2) of a jittered hexagonal grid, `spacing_px` apart, up to `margin_px` outside the view."""
    spacing = max(spacing_px, 2.0)
    rows = np.arange(-margin_px - spacing, view.height + margin_px + spacing, spacing * 0.866)
    columns = np.arange(-margin_px - spacing, view.width + margin_px + spacing, spacing)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x = x + np.where(np.arange(len(rows)) % 2, spacing / 2, 0)[:, None] + rng.uniform(0, spacing)
    points = np.stack([x.ravel(), y.ravel()], 1)
    return np.asarray(points + rng.normal(0, jitter * spacing * 0.5, points.shape))


def voronoi(
    view: View, points: NDArray[np.float64], warp: Image | None = None, beyond_px: float = 120
) -> tuple[NDArray[np.int32], Image]:
    """Return each pixel's cell number and its distance in px to the cell's border, (h, w); `warp` (px) bends borders.

    Points up to `beyond_px` outside the view count, so that cells at the edges look like those in the middle.
    """
    pad = int(min(beyond_px, 160))
    shape = (view.height + 2 * pad, view.width + 2 * pad)
    seeds = np.full(shape, 255, np.uint8)
    inside = np.round(points + pad).astype(int)
    inside = inside[(inside >= 0).all(1) & (inside[:, 0] < shape[1]) & (inside[:, 1] < shape[0])]
    if not len(inside):
        inside = np.array([[shape[1] // 2, shape[0] // 2]])
    seeds[inside[:, 1], inside[:, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    if warp is not None:
        x, y = view.grid()
        x, y = x + pad + warp, y + pad + np.flipud(warp)
        moved = cv2.remap(labels.astype(np.float32), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
        labels, pad = np.asarray(moved, np.int32), 0
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    distance = np.minimum(cv2.distanceTransform((~border).astype(np.uint8), cv2.DIST_L2, 5), np.float32(1e4))
    cut = (slice(pad, pad + view.height), slice(pad, pad + view.width))
    return np.asarray(labels[cut], np.int32), np.asarray(distance[cut], np.float32)
