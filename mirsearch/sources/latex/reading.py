"""Read an e-print: its figures, and the pictures of its figures. It runs in a process of its own."""

from __future__ import annotations

from pathlib import Path

from mirsearch.sources.latex.eprints import Eprint
from mirsearch.sources.latex.figures import LatexFigure, latex_figures
from mirsearch.sources.latex.postscript import is_postscript, render_postscript
from mirsearch.sources.pdf.pages import render_first_page


def read_eprint_figures(path: Path, name: str) -> list[LatexFigure]:
    """Return the figures in an e-print's LaTeX. Raises SourceError if the e-print can't be used."""
    return latex_figures(*Eprint(path, name).scan())


def read_eprint_picture(path: Path, name: str, inner_path: str, most_bytes: int) -> bytes:
    """Return the bytes of an e-print's file. PDF and PostScript are drawn as PNG.

    Raises SourceError if that is not possible, and MissingDependencyError for PostScript without Ghostscript.
    """
    data = Eprint(path, name).read(inner_path, most_bytes)
    if data.startswith(b"%PDF"):
        return render_first_page(data, f"{name}#{inner_path}")
    return render_postscript(data, f"{name}#{inner_path}") if is_postscript(data) else data
