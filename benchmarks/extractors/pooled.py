"""Computes pooled values of any levels of EfficientNet-lite0 at any image size, and their weighted means."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.truth_images import Pixels
from mirsearch.extractors.efficientnet.extractor import open_session, resize_image, weights_path
from mirsearch.extractors.efficientnet.graph import pooled_model
from mirsearch.extractors.efficientnet.levels import Level
from mirsearch.extractors.efficientnet.weights import read_state_dict
from mirsearch.settings import thread_count

Pooled = dict[str, NDArray[np.float32]]


def pool_levels(images: Sequence[Pixels], levels: Sequence[Level], side: int) -> Pooled:
    """Return each level's pooled values (images, channels), by the level's key."""
    model = open_session(pooled_model(read_state_dict(weights_path()), levels, side).SerializeToString())

    def run_image(pixels: Pixels) -> list[NDArray[np.float32]]:
        return [values[0] for values in model.run(None, {"image": resize_image(pixels, side)[None]})]

    with ThreadPoolExecutor(thread_count()) as workers:
        rows = list(workers.map(run_image, images))
    return {level.key: np.stack([row[i] for row in rows]) for i, level in enumerate(levels)}


def weighted_means(weighted: Sequence[tuple[Pixels, float]], levels: Sequence[Level], side: int) -> Pooled:
    """Return the weighted mean of each level over images, by the level's key."""
    pooled = pool_levels([pixels for pixels, _ in weighted], levels, side)
    weights = [weight for _, weight in weighted]
    return {key: np.average(values, axis=0, weights=weights).astype(np.float32) for key, values in pooled.items()}
