"""Speed and memory of `mirsearch list`: python -m benchmarks.indexes.listing --panels 100000

An index of generated panels is written. Then each listing runs in a process of its own, in turns: all panels by id,
sorted by a few fields, and the figures; and exports, all and filtered. Numbers are medians of the rounds; the ratio of
the processor's seconds is to the plain list or export. `--index` takes an index that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.indexes import commands
from benchmarks.indexes.embedded import build

LISTINGS = {
    "list": ("list",),
    "list --sort fov": ("list", "--sort", "fov"),
    "list --sort fov --reverse": ("list", "--sort", "fov", "--reverse"),
    "list --sort year": ("list", "--sort", "year"),
    "list --sort journal": ("list", "--sort", "journal"),
    "list --sort article.authors": ("list", "--sort", "article.authors"),
    "list --figures": ("list", "--figures"),
    "list --figures --sort fov": ("list", "--figures", "--sort", "fov"),
    "export": ("export",),
    "export, filtered": ("export", "--year", "2000-2100", "--filter", "figure.width=1..9999"),
}
"""What is run. The filters let all made panels pass, so that as much is written."""


def run(folder: Path, *options: str) -> tuple[float, float, float]:
    """List an index in a new process. Return its seconds, those of the processor, and its greatest memory in MiB."""
    return commands.run(options[0], "--index", folder, "--format", "jsonl", "--output", os.devnull, *options[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dims", type=int, default=32, help="of the vectors, which no listing reads")
    parser.add_argument("--index", type=Path, help="measure this index, and write none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.index or Path(name) / "index"
        if options.index is None:
            build(folder, options.panels, options.dims)
        found: dict[str, list[tuple[float, ...]]] = {title: [] for title in LISTINGS}
        for _ in range(options.rounds):
            for title, words in LISTINGS.items():
                found[title].append(run(folder, *words))
    medians = {
        title: [statistics.median(column) for column in zip(*runs, strict=True)] for title, runs in found.items()
    }
    print(f"{'':28} {'wall':>9}  {'processor':>9}  ratio  memory")
    for title, (wall, processor, memory) in medians.items():
        ratio = processor / medians[LISTINGS[title][0]][1]
        print(f"{title:28} {wall:7.2f} s  {processor:7.2f} s  {ratio:5.2f}  {memory:4.0f} MiB")
    print(json.dumps({"panels": options.panels, "wall_processor_mib": medians}))


if __name__ == "__main__":
    main()
