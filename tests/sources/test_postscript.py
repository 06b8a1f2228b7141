"""PostScript figures: drawn with Ghostscript where it is installed, within bounds."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from mirsearch.errors import MissingDependencyError, SourceError
from mirsearch.sources.latex import postscript
from mirsearch.sources.latex.postscript import has_ghostscript, is_postscript, render_postscript

BOX = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 10 10 82 46\n10 10 36 36 rectfill\n"
needs_ghostscript = pytest.mark.skipif(not has_ghostscript(), reason="Ghostscript (gs) is not installed")


def test_postscript_is_known_by_its_first_bytes() -> None:
    assert is_postscript(BOX)
    assert is_postscript(gzip.compress(BOX * 500))
    assert is_postscript(b"\xc5\xd0\xd3\xc6rest")
    assert not is_postscript(b"\x89PNG")
    assert not is_postscript(b"\x1f\x8bdamaged")


def test_without_ghostscript_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postscript, "_PROGRAMS", ())
    with pytest.raises(MissingDependencyError, match="Ghostscript"):
        render_postscript(BOX, "a.eps")


@needs_ghostscript
@pytest.mark.parametrize("data", [BOX, gzip.compress(BOX)], ids=["plain", "packed"])
def test_a_figure_is_cut_to_its_box_and_drawn_at_300_dpi(data: bytes) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(render_postscript(data, "a.eps"))).convert("L"))
    assert pixels.shape == (150, 300)
    assert pixels[75, 70] == 0
    assert pixels[75, 225] == 255


@needs_ghostscript
def test_a_large_figure_is_drawn_at_a_lower_resolution() -> None:
    large = BOX.replace(b"10 10 82 46", b"0 0 7000 7000")
    assert max(Image.open(io.BytesIO(render_postscript(large, "a.eps"))).size) < 6_400


@needs_ghostscript
@pytest.mark.parametrize(
    "program",
    [
        b"{} loop", b"(/etc/passwd) (r) file pop", b"(out) (w) file pop", b"nonsense",
        BOX.replace(b"82 46", b"900000 46"),
    ],
    ids=["endless", "reads", "writes", "damaged", "huge"],
)  # fmt: skip
def test_what_a_figure_must_not_do_is_its_failure(program: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postscript, "LIMITS", postscript.LIMITS.__class__(postscript_seconds=1))
    with pytest.raises(SourceError, match=r"a\.eps"):
        render_postscript(program if program.startswith(b"%!") else BOX + program + b"\n", "a.eps")
