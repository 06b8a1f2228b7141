"""Draw panels with scale bars, with Pillow, for the tests of the readers."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from mirsearch.synthetic.text_masks import paint_mask, text_mask

SIZE = (360, 480)


def draw_ground(seed: int = 0, low: int = 70, high: int = 150, size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a smooth, noisy gray background."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(low, high, (size[0] // 12, size[1] // 12)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC), np.float64)
    noisy = np.clip(smooth + rng.normal(0, 6, size), 0, 255).astype(np.uint8)
    return Image.fromarray(noisy).convert("RGB")


def write_text(image: Image.Image, text: str, center: tuple[float, float], height: int = 20, fill="white") -> None:
    """Write text around a center, with signs that Pillow's font lacks."""
    mask = text_mask(text, 0.7 * height)
    pixels = np.array(image)
    color = ImageColor.getrgb(fill) if isinstance(fill, str) else fill
    paint_mask(pixels, mask, round(center[0] - mask.shape[1] / 2), round(center[1] - mask.shape[0] / 2), color[:3])
    image.paste(Image.fromarray(pixels))


def draw_labeled_bar(
    text: str = "500 nm", bar=(300, 320, 420, 326), fill="white", seed: int = 0, above: bool = True
) -> np.ndarray:
    """Draw a panel with one bar and its label; x1, y1 of the bar are exclusive."""
    image = draw_ground(seed)
    x0, y0, x1, y1 = bar
    ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), fill=fill)
    write_text(image, text, ((x0 + x1) / 2, y0 - 18 if above else y1 + 16), fill=fill)
    return np.asarray(image)


def draw_panel(draw_bar, seed: int = 0, blur: float = 0.0, **levels) -> np.ndarray:
    """Draw a panel on which `draw_bar(ImageDraw)` draws a bar."""
    image = draw_ground(seed, **levels)
    draw_bar(ImageDraw.Draw(image))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(blur)) if blur else image)
