"""Pixel sizes against RosettaSciIO's: `python -m benchmarks.imaging.pixel_sizes FOLDER --peer PYTHON`.

FOLDER holds TIFF and JPEG files, such as the test data of github.com/hyperspy/rosettasciio (`rsciio/tests/data/tiff`
and `image`); zip and gz archives in it are unpacked. PYTHON is one of an environment of its own, made by hand with
`pip install rosettasciio imageio`: RosettaSciIO is GPL-3, and is only called, in a process of its own.

For each image that RosettaSciIO finds, a line: the length per pixel along the width there and here. Right is what is
equal to 0.5 %, and none where it has none or another unit. An axis counts as a length only if both have one: that of
a spectrum in nm is no length in space.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from mirsearch.errors import ImageError
from mirsearch.imaging.images import read_pages
from mirsearch.imaging.pixel_sizes.units import nm_per_unit

SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg")
SAME = 0.005
"""Greatest relative difference of two sizes that are equal."""

PEER = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import tifffile
from rsciio.image import file_reader as read_image
from rsciio.tiff import file_reader as read_tiff
for path in map(str.strip, sys.stdin):
    is_tiff = path.lower().endswith((".tif", ".tiff"))
    try:
        with_pages = [s.pages[0].index for s in tifffile.TiffFile(path).series] if is_tiff else [0]
        images = read_tiff(path) if is_tiff else read_image(path)
        found = []
        for page, image in zip(with_pages, images):
            axes = {axis["name"]: (float(axis["scale"]), str(axis["units"] or "")) for axis in image["axes"]}
            pair = [axes.get(names[0], axes.get(names[1])) for names in (("width", "x"), ("height", "y"))]
            found.append([page, *pair])
        print(json.dumps([path, found]), flush=True)
    except Exception as error:
        print(json.dumps([path, str(error)]), flush=True)
"""


def unpack(folder: Path, into: Path) -> list[Path]:
    """Return the image files of a folder, those of its archives unpacked into another."""
    for archive in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(archive) as files:
            for name in files.namelist():
                if name.lower().endswith(SUFFIXES):
                    target = into / archive.stem / Path(name).name
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(files.read(name))
    for archive in sorted(folder.rglob("*.gz")):
        if archive.stem.lower().endswith(SUFFIXES):
            (into / archive.stem).write_bytes(gzip.decompress(archive.read_bytes()))
    return sorted(path for base in (folder, into) for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)


def ask_peer(python: Path, paths: list[Path]) -> dict[str, list[list]]:
    """Return what RosettaSciIO says of each file: for each image its page, and (scale, unit) of width and height."""
    names = "\n".join(map(str, paths))
    done = subprocess.run([python, "-c", PEER], input=names, capture_output=True, text=True, check=False)
    answers = dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    if not answers:
        sys.exit(f"{python} has no working rosettasciio: {done.stderr.strip().splitlines()[-1:]}")
    return answers


def peer_nm(width: list | None, height: list | None) -> float | None:
    """Return the peer's nm per px along the width, or None if one of both axes is no length."""
    if width is None or height is None or nm_per_unit(height[1]) is None:
        return None
    factor = nm_per_unit(width[1])
    return None if factor is None else float(width[0]) * factor


def judge(peer: float | None, ours: float | None) -> str:
    """Return what became of one image, in a word."""
    if peer is None:
        return "none" if ours is None else "invented"
    if ours is None:
        return "lost"
    return "equal" if abs(ours - peer) <= SAME * peer else "wrong"


def own_sizes(path: Path) -> dict[int, float | None]:
    """Return the nm per px of each page of a file that is a figure here."""
    try:
        return {page.number: page.nm_per_px for page in read_pages(path)}
    except ImageError as error:
        print(f"{path.name}: {error}")
        return {}


def compare(paths: list[Path], peer: dict[str, list[list]]) -> Counter[str]:
    """Print a line for each image, and return the counts by what became of it."""
    counts: Counter[str] = Counter()
    for path in paths:
        found = peer.get(str(path), "not asked")
        if isinstance(found, str):
            counts["peer failed"] += 1
            print(f"{path.name:52} {'':>12} {'':>12} peer failed: {found[:60]}")
            continue
        ours = own_sizes(path)
        for page, width, height in found:
            theirs, here = peer_nm(width, height), ours.get(page)
            verdict = judge(theirs, here)
            counts[verdict] += 1
            shown = [f"{nm:12.5g}" if nm is not None else f"{'–':>12}" for nm in (theirs, here)]
            print(f"{f'{path.name} page {page + 1}':52} {shown[0]} {shown[1]} {verdict}")
    return counts


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", type=Path, required=True, help="a python with rosettasciio")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        paths = unpack(arguments.folder, Path(out))
        print(f"{'image':52} {'peer nm/px':>12} {'ours':>12}")
        counts = compare(paths, ask_peer(arguments.peer, paths))
    print(json.dumps({"images": counts.total(), **counts}))


if __name__ == "__main__":
    main()
