"""Speed and memory of backup, restore and copy: python -m benchmarks.indexes.transfer --panels 60000

An index of made panels is written, with small pictures of 8 kB each and pictures inside its folder. Then each step runs
in a process of its own. In the same run, the disk's own rate is that of writing as many bytes with one flush at the
end. `--elasticsearch URL` also copies into a cluster and back.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

from benchmarks.indexes import made_corpus
from benchmarks.indexes.commands import run
from benchmarks.indexes.embedded import identity
from mirsearch.indexes.embedded.index import EmbeddedIndex

THUMBNAIL_BYTES = 8_000
PICTURE_BYTES = 300_000


def build(folder: Path, panels: int, dims: int, pictures: int) -> None:
    """Write an index with small pictures, and files inside it."""
    noise = np.random.default_rng(1).bytes(1 << 22)
    with EmbeddedIndex.open(str(folder), create=identity(dims)) as index, index.writer() as writer:
        for number, record in enumerate(made_corpus.records(made_corpus.world(dims), panels)):
            starts = [
                (number * 7919 + at * 104729) % (len(noise) - THUMBNAIL_BYTES) for at in range(len(record.panels))
            ]
            small = tuple(noise[start : start + THUMBNAIL_BYTES] for start in starts)
            writer.put(dataclasses.replace(record, thumbnails=small))
            if number % 500 == 499:
                writer.commit()
    place = folder / "acquired" / "figures"
    place.mkdir(parents=True)
    for number in range(pictures):
        start = number * 7919 % (len(noise) - PICTURE_BYTES)
        (place / f"{number}.png").write_bytes(noise[start : start + PICTURE_BYTES])


def disk_rate(folder: Path, size: int) -> float:
    """Return the bytes a second at which a file of a size is written and flushed."""
    block = os.urandom(1 << 20)
    path = folder / "rate"
    started = time.perf_counter()
    with path.open("wb") as stream:
        for _ in range(size >> 20):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - started
    path.unlink()
    return (size >> 20 << 20) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=60_000)
    parser.add_argument("--dims", type=int, default=272)
    parser.add_argument("--pictures", type=int, default=500, help="files inside the index")
    parser.add_argument("--elasticsearch", metavar="URL", help="also copy into this cluster and back")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        index, archive = folder / "index", folder / "index.tar"
        build(index, options.panels, options.dims, options.pictures)
        size = sum(path.stat().st_size for path in index.rglob("*") if path.is_file())
        rates = [disk_rate(folder, min(size, 1 << 30))]
        steps = {"backup": run("index", "backup", archive, "--index", index)}
        size_of_archive = archive.stat().st_size
        rates.append(disk_rate(folder, min(size, 1 << 30)))
        steps["restore, with its check"] = run("index", "restore", archive, "--index", folder / "restored")
        steps["copy to a folder"] = run("index", "copy", index, folder / "copied")
        if options.elasticsearch:
            address = f"{options.elasticsearch}/transfer-{uuid.uuid4().hex[:8]}"
            steps["copy to Elasticsearch"] = run("index", "copy", index, address)
            steps["copy from Elasticsearch"] = run("index", "copy", address, folder / "back")
            _drop(address)
        report(options, size_of_archive, rates, steps)


def _drop(address: str) -> None:
    from mirsearch.indexes.elasticsearch.admin import drop_index

    drop_index(address)


def report(
    options: argparse.Namespace, size: int, rates: list[float], steps: dict[str, tuple[float, float, float]]
) -> None:
    """Print the table, the verdict and a line of JSON."""
    print(f"{options.panels:,} panels, archive of {size / 1e6:,.0f} MB")
    print(f"disk, writing and one flush, before and after: {', '.join(f'{rate / 1e6:.0f} MB/s' for rate in rates)}")
    for title, (wall, processor, memory) in steps.items():
        print(f"{title:26} {wall:7.2f} s  {processor:7.2f} s of processor  {size / wall / 1e6:7.1f} MB/s"
              f"  {options.panels / wall:8,.0f} panels/s  {memory:5.0f} MiB")  # fmt: skip
    wanted = min(100e6, min(rates) / 2)
    reached = size / steps["backup"][0]
    word = "passed" if reached >= wanted else "FAILED"
    print(f"{word}: backup at {reached / 1e6:.0f} MB/s, at least {wanted / 1e6:.0f} wanted")
    print(json.dumps({"panels": options.panels, "archive_bytes": size, "disk": rates, "wall_processor_mib": steps}))


if __name__ == "__main__":
    main()
