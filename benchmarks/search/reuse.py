"""Measure whether the same picture is found again after a change: drawn pictures among others, and real micrographs.

    python -m benchmarks.search.reuse [--pairs 500] [--others 5000] [--seed 1]     drawn pictures
    python -m benchmarks.search.reuse --real [--data ../shared/data]                the micrographs of class_truth.csv

A pair is a picture and one changed copy of it: one of eight changes (changed_pictures.py) in one of three strengths, in
turn. All pictures go into an index, as small pictures and vectors, and `find_reuse` looks for what is shown twice. It
prints the share of pairs that are found, the share of told pairs that are right, the time and the memory. Real
micrographs are first compared as they are: none is shown twice, but for fields that one paper shows in several ways.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy, as `mirsearch reuse` does

import numpy as np

from benchmarks.search.changed_pictures import CHANGES, STRENGTHS
from benchmarks.search.truth_images import DATA, read_labeled_images
from mirsearch.corpus import Figure, Panel
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.query import Pixels
from mirsearch.reuse.find import Reuse, find_reuse
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen

SIZE = 320, 240
LATTICES = ("columns", "single_crystal", "fringes", "diffraction")
"""Families whose pictures repeat themselves, or are alike for every crystal of one phase."""
_BATCH = 64


@dataclass(frozen=True)
class Shown:
    """A picture of the index: the number of what it shows, and the change and its strength (None: as it was).

    `is_lattice`: what it shows is periodic, or a diffraction pattern. Such pairs may be held off.
    """

    base: int
    change: tuple[str, int] | None
    pixels: Pixels
    is_lattice: bool = False


def draw(number: int, seed: int) -> tuple[Pixels, bool]:
    """Return a micrograph of a new specimen, and whether it is a lattice."""
    drawn = specimen(seed * 1_000_003 + number)
    rng = make_rng(seed, number, 77)
    return drawn.micrograph(View(*SIZE, drawn.nm_per_px(float(rng.uniform()))), rng), drawn.family in LATTICES


def drawn_pictures(pairs: int, others: int, seed: int) -> Iterator[Shown]:
    """Yield pictures and their changed copies, and then others."""
    rng = np.random.default_rng(seed)
    with ProcessPoolExecutor(2) as pool:
        drawn = pool.map(partial(draw, seed=seed), range(pairs + others), chunksize=8)
        for number, (pixels, is_lattice) in enumerate(drawn):
            yield Shown(number, None, pixels, is_lattice)
            if number < pairs:
                yield replace(changed(number, pixels, number, rng), is_lattice=is_lattice)


def changed(base: int, pixels: Pixels, turn: int, rng: np.random.Generator) -> Shown:
    """Return a changed copy; `turn` chooses the change and its strength."""
    name = list(CHANGES)[turn % len(CHANGES)]
    strength = STRENGTHS[turn // len(CHANGES) % len(STRENGTHS)]
    return Shown(base, (name, strength), CHANGES[name](pixels, rng, strength))


def fill_index(location: str, pictures: Iterator[Shown]) -> tuple[Index, list[Shown]]:
    """Write an index of pictures, each a figure of its own; return it, and the pictures without pixels."""
    extractor = EfficientNetExtractor()
    index = open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims))
    kept: list[Shown] = []
    with index.writer() as writer:
        batch: list[Shown] = []
        for shown in pictures:
            batch.append(shown)
            if len(batch) == _BATCH:
                _write(writer, extractor, batch, kept)
                batch = []
        if batch:
            _write(writer, extractor, batch, kept)
    return index, kept


def _write(writer, extractor, batch: Sequence[Shown], kept: list[Shown]) -> None:
    vectors = extractor.embed([shown.pixels for shown in batch])
    for shown, vector in zip(batch, vectors, strict=True):
        identity = f"{len(kept):016x}"
        height, width = shown.pixels.shape[:2]
        panel = Panel((0, 0, width, height), kind="micrograph", id=identity, figure_id=identity)
        record = FigureRecord(Figure(identity, width, height), (panel,), vector[None], (thumbnail(shown.pixels),))
        writer.put(record)
        kept.append(replace(shown, pixels=np.zeros((0, 0, 3), np.uint8)))


def measure(found: Reuse, shown: Sequence[Shown]) -> dict[str, object]:
    """Print and return how many pairs were found, how many told pairs are right, and what was held off."""
    told = [(int(pair.a.panel.id, 16), int(pair.b.panel.id, 16)) for pair in found.pairs if pair.a is not None]
    return judge_pairs(told, shown) | {"held_off": dict(found.held_off)}


def judge_pairs(told: Sequence[tuple[int, int]], shown: Sequence[Shown]) -> dict[str, object]:
    """Print and return how many pairs were found, and how many told pairs, by their numbers, are right."""
    original = {each.base: number for number, each in enumerate(shown) if each.change is None}
    wanted = {(original[each.base], number): each.change for number, each in enumerate(shown) if each.change}
    right = [pair for pair in told if shown[pair[0]].base == shown[pair[1]].base]
    hits = {tuple(sorted(pair)) for pair in right} & set(wanted)
    plain = [pair for pair in wanted if not shown[pair[1]].is_lattice]
    totals, found_of = Counter(wanted.values()), Counter(wanted[pair] for pair in hits)
    print(f"{'change':14}" + "".join(f"{f'strength {strength}':>14}" for strength in STRENGTHS))
    for name in CHANGES:
        cells = [f"{found_of[name, level]} of {totals[name, level]}" for level in STRENGTHS]
        print(f"{name:14}" + "".join(f"{cell:>14}" for cell in cells))
    for one, other in sorted(set(told) - set(right))[:20]:
        print(f"not the same: {shown[one].base} {shown[one].change} and {shown[other].base} {shown[other].change}")
    return {
        "pictures": len(shown), "pairs": len(wanted), "found": round(len(hits) / max(len(wanted), 1), 4),
        "without_lattices": round(sum(pair in hits for pair in plain) / max(len(plain), 1), 4), "told": len(told),
        "right": round(len(right) / max(len(told), 1), 4),
    }  # fmt: skip


def compare(location: str, pictures: Iterator[Shown]) -> dict[str, object]:
    """Fill an index and look for pictures that are shown twice."""
    index, shown = fill_index(location, pictures)
    wall, cpu = time.perf_counter(), time.process_time()
    found = find_reuse(index)
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    index.close()
    result = measure(found, shown)
    result |= {"seconds": round(seconds[0], 1), "cpu_ms_a_picture": round(1000 * seconds[1] / len(shown), 2)}
    return result | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--others", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="real micrographs instead of drawn ones")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.real:
            images = [image.pixels for image in read_labeled_images(options.data)]
            rng = np.random.default_rng(options.seed)
            unchanged = [Shown(number, None, pixels) for number, pixels in enumerate(images)]
            copies = [changed(shown.base, shown.pixels, turn, rng) for shown in unchanged
                      for turn in range(len(CHANGES) * len(STRENGTHS))]  # fmt: skip
            results = {"unchanged": compare(f"{folder}/one", iter(unchanged))}
            results["changed"] = compare(f"{folder}/two", iter([*unchanged, *copies]))
        else:
            results = {"drawn": compare(f"{folder}/one", drawn_pictures(options.pairs, options.others, options.seed))}
    print(json.dumps({"benchmark": "reuse", **results}))


if __name__ == "__main__":
    main()
