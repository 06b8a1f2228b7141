"""Pages of a PDF as pictures (PDFium)."""

from __future__ import annotations

import importlib.util
import io
import threading

from mirsearch.errors import MissingDependencyError, SourceError

DPI = 300
MAX_PIXELS = 40_000_000
_LOCK = threading.Lock()
"""PDFium is not made for threads."""


def require_packages(*packages: str, extra: str) -> None:
    """MissingDependencyError names the extra where one of the packages is not installed."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingDependencyError(
            f"{' and '.join(missing)} {verb} not installed", f"install with: pip install 'mirsearch[{extra}]'"
        )


def render_first_page(data: bytes, name: str) -> bytes:
    """The first page as a PNG's bytes, at 300 dpi or less where that is too large. SourceError names a damaged one."""
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
        except (pypdfium2.PdfiumError, IndexError, ValueError, OSError, MemoryError) as error:
            raise SourceError(f"{name}: not readable as PDF: {error}", "get it again") from error
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=1)
    return png.getvalue()
