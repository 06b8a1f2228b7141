"""Do our readers give the pixel sizes that rosettasciio gives? Needs rosettasciio (GPL-3), which is no dependency.

pip install --target /tmp/rosettasciio rosettasciio
PYTHONPATH=/tmp/rosettasciio python -m benchmarks.readers.rosettasciio FOLDER-OF-ROSETTASCIIO/rsciio/tests/data
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections import Counter
from importlib import import_module
from pathlib import Path

from mirsearch.errors import MirsearchError
from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.readers.figures import open_figures

MODULES = {
    ".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".ser": "tia", ".emd": "emd", ".mrc": "mrc",
    ".hspy": "hspy", ".hdf5": "hspy", ".tif": "tiff",
}  # fmt: skip
TOLERANCE = 0.005


def their_sizes(path: Path) -> set[float]:
    """Return the nm per px of the images that rosettasciio reads of a file."""
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signals = import_module(f"rsciio.{MODULES[path.suffix.lower()]}").file_reader(str(path), lazy=False)
    for signal in signals:
        axes = [axis for axis in signal["axes"] if axis.get("size", 0) >= 2]
        spatial = [axis for axis in axes if str(axis.get("name", "")).lower() in ("x", "width")] or axes[-1:]
        unit = nm_per_unit(spatial[0].get("units") or "") if spatial else None
        if unit is not None and len(axes) >= 2 and spatial[0].get("scale"):
            found.add(abs(float(spatial[0]["scale"])) * unit)
    return found


def our_sizes(path: Path) -> set[float]:
    """Return the nm per px of the images that we read of a file."""
    with open_figures(path) as figures:
        return {image.nm_per_px for figure in figures for image in figure.images if image.nm_per_px is not None}


def main() -> None:
    """Compare each file, print those that differ and the counts."""
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    for path in sorted(Path(sys.argv[1]).rglob("*")):
        if path.suffix.lower() not in MODULES or path.stat().st_size == 0:
            continue
        try:
            theirs = their_sizes(path)
        except Exception as error:  # noqa: BLE001  their reader may raise anything
            theirs = set()
            counts["they fail"] += 1
            print(f"they fail  {path.name}: {type(error).__name__} {str(error)[:60]}")
        try:
            ours = our_sizes(path)
        except MirsearchError as error:
            counts["not read by us"] += 1
            print(f"not read   {path.name}: {error.message.split(': ', 1)[-1][:90]}; theirs {sorted(theirs)}")
            continue
        wrong = [size for size in ours if not any(abs(size / own - 1) < TOLERANCE for own in theirs)]
        name = "equal" if not wrong and (ours or not theirs) else "only theirs" if not ours else "different"
        counts[name] += 1
        if name != "equal":
            print(f"{name:10} {path.relative_to(sys.argv[1])}: ours {sorted(ours)}, theirs {sorted(theirs)}")
    print(json.dumps(dict(counts)))


if __name__ == "__main__":
    main()
