"""Crops of a corpus's panels, at the scale they share with what they are compared to, embedded beside the index."""

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
"""Crops are no smaller than this, in px."""

_SHARES = (0.55, 0.9)
_BATCH = 32


@dataclass(frozen=True)
class Crops:
    """Vectors float32 (m, dims) of crops, and the number of the panel each was cut from."""

    vectors: Floats
    owners: NDArray[np.int64]
    without_image: int = 0


def embed_crops(
    index: Index, corpus: Corpus, pairs: Pairs, extractor: Extractor, per_panel: int, seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Crops:  # fmt: skip
    """`per_panel` crops of every panel; where pairs have scales, both are cropped to parts of the smaller view.

    A panel whose file is gone is cropped from the index's small picture; one without either gives no views.
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
    """Share of each panel's width (n,) that shows as much as the smallest of its partners, 1 where none is known."""
    least = corpus.log_fov.copy()
    for one, other in pairs:
        if corpus.figures[one] == corpus.figures[other]:
            low = min(corpus.log_fov[one], corpus.log_fov[other])
            least[one], least[other] = min(least[one], low), min(least[other], low)
    return np.nan_to_num(10.0 ** (least - corpus.log_fov), nan=1.0)


def random_crop(pixels: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """A part of an image RGB (h, w, 3): `share` of its width less a random rest, and as high; every other mirrored.

    Never smaller than LEAST_SIDE px (or the image), so that there is something to see.
    """
    height, width = pixels.shape[:2]
    part = share * float(rng.uniform(*_SHARES))
    wide = min(width, max(MIN_SIDE, round(part * width)))
    high = min(height, max(MIN_SIDE, round(part * max(height, width))))
    x, y = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    crop = pixels[y : y + high, x : x + wide]
    return np.ascontiguousarray(crop[:, ::-1] if rng.uniform() < 0.5 else crop)


def panel_pixels(index: Index, images: PanelImages, stored: StoredPanel) -> Pixels | None:
    """A panel's pixels from its file, else from the index's small picture, else None."""
    try:
        return images.pixels(stored)
    except ImageError:
        small = index.thumbnail(stored.panel.id)
        return None if small is None else np.asarray(Image.open(io.BytesIO(small)).convert("RGB"), np.uint8)


def positive_pairs(count: int, views: Crops, pairs: Pairs, seed: int) -> Pairs:
    """Positive pairs of items: panels are 0 … count - 1, views follow. Crops of one panel, and crops of partners."""
    rng = np.random.default_rng(seed)
    of_panel: dict[int, list[int]] = {}
    for item, owner in enumerate(views.owners):
        of_panel.setdefault(int(owner), []).append(count + item)
    found = [(mine[a], mine[b]) for mine in of_panel.values() for a in range(len(mine)) for b in range(a)]
    found += [(owner, mine[0]) for owner, mine in of_panel.items()]
    for one, other in pairs:
        found.append((int(one), int(other)))
        found += _cross_pairs(of_panel.get(int(one), ()), of_panel.get(int(other), ()), rng)
    return np.array(found, np.int64).reshape(-1, 2)


def _cross_pairs(mine: Sequence[int], theirs: Sequence[int], rng: np.random.Generator) -> list[tuple[int, int]]:
    return [(int(rng.choice(mine)), int(rng.choice(theirs)))] if mine and theirs else []
