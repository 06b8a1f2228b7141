"""Draw PostScript figures with Ghostscript, where it is installed. PostScript is a language: it runs bounded.

Ghostscript gets no access to files (-dSAFER) but the figure's. It inherits the limits of memory and file sizes of the
process that starts it, and ends after LIMITS.postscript_seconds, or with that process.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

from mirsearch.errors import MissingDependencyError, SourceError
from mirsearch.isolation.bounds import bound_to_parent
from mirsearch.settings import LIMITS
from mirsearch.sources.pdf.pages import DPI, MAX_PIXELS

SUFFIXES = (".eps", ".ps", ".eps.gz", ".ps.gz", ".epsi", ".mps")
"""Suffixes of PostScript files, in lower case."""
_PROGRAMS = ("gs", "gswin64c", "gswin32c")
_DOS_HEADER = b"\xc5\xd0\xd3\xc6"
"""Begins an EPS file that has a preview behind it."""
_BOX = re.compile(rb"%%BoundingBox:[ \t]*+(-?\d{1,6})[ \t]++(-?\d{1,6})[ \t]++(-?\d{1,6})[ \t]++(-?\d{1,6})")
_MAX_SIDE = 14_400.0
"""Longest side of a figure, in points, as in PDF."""
_MIN_DPI = 20.0


def has_ghostscript() -> bool:
    """Return whether Ghostscript is installed."""
    return _program() is not None


def is_postscript(data: bytes) -> bool:
    """Return whether bytes begin like PostScript, also packed with gzip."""
    return _unpack(data[:4096], 4096).startswith((b"%!", b"\x04%!", _DOS_HEADER))


def render_postscript(data: bytes, name: str) -> bytes:
    """Return a figure's first page as PNG, cut to its bounding box, at 300 dpi or less if it is too large.

    Raises MissingDependencyError without Ghostscript, and SourceError if the figure can't be drawn.
    """
    program = _program()
    if program is None:
        raise MissingDependencyError("PostScript can't be drawn without Ghostscript", "install Ghostscript (gs)")
    data = _unpack(data, LIMITS.download_bytes)
    with tempfile.TemporaryDirectory(prefix="mirsearch-") as folder:
        source, target = Path(folder) / "figure.eps", Path(folder) / "figure.png"
        source.write_bytes(data)
        command = [
            program, "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dQUIET", "-dEPSCrop", "-dFirstPage=1", "-dLastPage=1",
            "-sDEVICE=png16m", f"-r{_resolution(data, name):.1f}", "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4",
            f"-sOutputFile={target.name}", source.name,
        ]  # fmt: skip
        environment = {
            key: value
            for key, value in os.environ.items()
            if key in ("PATH", "LD_LIBRARY_PATH", "GS_LIB", "SYSTEMROOT")
        }
        try:
            result = subprocess.run(
                command, cwd=folder, env={**environment, "TMPDIR": folder, "TEMP": folder}, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=LIMITS.postscript_seconds, check=False, preexec_fn=bound_to_parent(),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"{name}: drawing it took more than {LIMITS.postscript_seconds} s", "") from error
        if result.returncode != 0 or not target.is_file():
            raise SourceError(f"{name}: Ghostscript can't draw it ({_reason(result.stdout + result.stderr)})", "")
        return target.read_bytes()


def _program() -> str | None:
    return next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


def _unpack(data: bytes, limit: int) -> bytes:
    """Return data without gzip's packing, up to a limit; damaged data as far as it goes."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        return unpacker.decompress(data, limit)
    except zlib.error:
        return b""


def _resolution(data: bytes, name: str) -> float:
    """Return the dots per inch at which a figure is drawn, from its bounding box. Raises SourceError for a huge box."""
    box = _BOX.search(data[: 1 << 20])
    if box is None:
        return float(DPI)
    left, bottom, right, top = (float(value) for value in box.groups())
    width, height = right - left, top - bottom
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise SourceError(f"{name}: its bounding box is empty or too large", "")
    return max(_MIN_DPI, min(float(DPI), 72.0 * math.sqrt(MAX_PIXELS / (width * height))))


def _reason(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if "Error" in line]
    return "".join(character for character in (lines[0] if lines else "no picture") if character.isprintable())[:120]
