"""Crops panels of a corpus to the scale that they share with their partners, and embeds the crops."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.errors import ImageError
from mirsearch.extractors.base import Extractor
from mirsearch.indexes.base import Index
from mirsearch.ingest.reembedding import PanelImages
from mirsearch.query import Pixels, StoredPanel
from mirsearch.training.corpus_vectors import Corpus, Floats, Pairs

MIN_SIDE = 64
"""Smallest side of a crop, in px."""

_SHARES = (0.55, 0.9)
_BATCH = 32


@dataclass(frozen=True)
class Crops:
    """Vectors float32 (m, dims) of crops, and the number of each crop's panel."""

    vectors: Floats
    owners: NDArray[np.int64]
    without_image: int = 0


def embed_crops(
    index: Index, corpus: Corpus, pairs: Pairs, extractor: Extractor, per_panel: int, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Crops:  # fmt: skip
    """Embed `per_panel` crops of every panel. Panels of a pair with known scales are cropped to the smaller view.

    If a panel's file is missing, its thumbnail in the index is cropped. A panel without either gives no crops.
    """
    images, shares = PanelImages(extractor), scale_shares(corpus, pairs)
    rng = np.random.default_rng(seed)
    crops: list[Pixels] = []
    owners: list[int] = []
    vectors: list[Floats] = []
    missing = 0
    for number, stored in enumerate(corpus.panels):
        pixels = panel_pixels(index, images, stored)
        if pixels is None:
            missing += 1
            continue
        crops += [random_crop(pixels, float(shares[number]), rng) for _ in range(per_panel)]
        owners += [number] * per_panel
        if len(crops) >= _BATCH:
            vectors.append(extractor.embed(crops))
            crops = []
        if progress is not None:
            progress(number + 1, len(corpus))
    if crops or not vectors:
        vectors.append(extractor.embed(crops))
    return Crops(np.concatenate(vectors), np.array(owners, np.int64), missing)


def scale_shares(corpus: Corpus, pairs: Pairs) -> NDArray[np.float64]:
    """Return the share of each panel's width, (n,), that equals the field of view of its smallest partner; else 1."""
    smallest = corpus.log_fov.copy()
    for one, other in pairs:
        if corpus.figures[one] == corpus.figures[other]:
            low = min(corpus.log_fov[one], corpus.log_fov[other])
            smallest[one], smallest[other] = min(smallest[one], low), min(smallest[other], low)
    return np.nan_to_num(10.0 ** (smallest - corpus.log_fov), nan=1.0)


def random_crop(pixels: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """Return a random part of an image RGB (h, w, 3), at most `share` of its width and as high; half are mirrored.

    The part is not smaller than MIN_SIDE px (or the image), so that it shows something.
    """
    height, width = pixels.shape[:2]
    part = share * float(rng.uniform(*_SHARES))
    crop_width = min(width, max(MIN_SIDE, round(part * width)))
    crop_height = min(height, max(MIN_SIDE, round(part * max(height, width))))
    x, y = int(rng.integers(width - crop_width + 1)), int(rng.integers(height - crop_height + 1))
    crop = pixels[y : y + crop_height, x : x + crop_width]
    return np.ascontiguousarray(crop[:, ::-1] if rng.uniform() < 0.5 else crop)


def panel_pixels(index: Index, images: PanelImages, stored: StoredPanel) -> Pixels | None:
    """Return a panel's pixels from its file, else from its thumbnail in the index, else None."""
    try:
        return images.pixels(stored)
    except ImageError:
        thumbnail = index.thumbnail(stored.panel.id)
        return None if thumbnail is None else np.asarray(Image.open(io.BytesIO(thumbnail)).convert("RGB"), np.uint8)


def positive_pairs(count: int, crops: Crops, pairs: Pairs, seed: int) -> Pairs:
    """Return positive pairs of items: crops of one panel, and crops of partners.

    Items 0 … count - 1 are panels, the crops follow.
    """
    rng = np.random.default_rng(seed)
    by_panel: dict[int, list[int]] = {}
    for item, owner in enumerate(crops.owners):
        by_panel.setdefault(int(owner), []).append(count + item)
    positives = [(own[a], own[b]) for own in by_panel.values() for a in range(len(own)) for b in range(a)]
    positives += [(owner, own[0]) for owner, own in by_panel.items()]
    for one, other in pairs:
        positives.append((int(one), int(other)))
        positives += _cross_pairs(by_panel.get(int(one), ()), by_panel.get(int(other), ()), rng)
    return np.array(positives, np.int64).reshape(-1, 2)


def _cross_pairs(own: Sequence[int], theirs: Sequence[int], rng: np.random.Generator) -> list[tuple[int, int]]:
    return [(int(rng.choice(own)), int(rng.choice(theirs)))] if own and theirs else []
