"""Render pages of a PDF as pictures (with PDFium)."""

from __future__ import annotations

import importlib.util
import io
import threading

from mirsearch.errors import MissingDependencyError, SourceError

DPI = 300
"""Resolution of a rendered page, in dots per inch."""
MAX_PIXELS = 40_000_000
"""Largest number of pixels of a rendered picture; a larger one gets a lower resolution."""
_LOCK = threading.Lock()
"""PDFium is not thread-safe."""


def require_packages(*packages: str, extra: str) -> None:
    """Raise MissingDependencyError, with the extra to install, if a package is not installed."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingDependencyError(
            f"{' and '.join(missing)} {verb} not installed", f"install with: pip install 'mirsearch[{extra}]'"
        )


def render_first_page(data: bytes, name: str) -> bytes:
    """Return the first page as PNG bytes, at 300 dpi or less if it is too large.

    Raises SourceError if the PDF is damaged. It may keep PDFium busy, so it is called in a bounded process.
    """
    import pypdfium2

    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(data)
            try:
                page = document[0]
                width, height = page.get_size()
                scale = min(DPI / 72, (MAX_PIXELS / max(width * height, 1)) ** 0.5)
                picture = page.render(scale=scale).to_pil().convert("RGB")
            finally:
                document.close()
        except (pypdfium2.PdfiumError, IndexError, ValueError, OSError) as error:
            raise SourceError(f"{name}: not readable as PDF: {error}", "get it again") from error
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=1)
    return png.getvalue()
