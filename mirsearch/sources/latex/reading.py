"""Read an e-print: its figures, and the pictures of its figures. It runs in a process of its own."""

from __future__ import annotations

from pathlib import Path

from mirsearch.sources.latex.eprints import Eprint
from mirsearch.sources.latex.figures import LatexFigure, latex_figures
from mirsearch.sources.pdf.pages import render_first_page


def read_eprint_figures(path: Path, name: str) -> list[LatexFigure]:
    """Return the figures in an e-print's LaTeX. Raises SourceError if the e-print can't be used."""
    return latex_figures(*Eprint(path, name).scan())


def read_eprint_picture(path: Path, name: str, inner_path: str, most_bytes: int) -> bytes:
    """Return the bytes of an e-print's file. A PDF is drawn as PNG. Raises SourceError if that is not possible."""
    data = Eprint(path, name).read(inner_path, most_bytes)
    return render_first_page(data, f"{name}#{inner_path}") if data.startswith(b"%PDF") else data
