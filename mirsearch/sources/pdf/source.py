"""The source `pdf`: figures of articles in PDF, found by their captions."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from mirsearch import settings
from mirsearch.corpus import Origin
from mirsearch.errors import SourceError
from mirsearch.files.partial import temporary_folder
from mirsearch.isolation.plain_data import decode, encode
from mirsearch.isolation.pool import run_isolated
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text, figure_label
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.pdf.extraction import VERSION, ExtractedPdf, extract_pdf
from mirsearch.sources.pdf.pages import require_packages
from mirsearch.sources.permissions import permission_note
from mirsearch.text.foreign import parse_json

_HEAD_BYTES = 1024
"""Bytes at the beginning of a file that are searched for the mark of PDF."""
_GRACE_SECONDS = 30
"""Seconds beyond its own time limit that reading a PDF may take: for the page in hand, and to write the pictures."""
_MANIFEST = "figures.json"


class PdfSource:
    """PDFs, given one by one or in folders. Option: `workspace`, the folder that keeps the figures."""

    name = "pdf"
    priority = 5

    def recognizes(self, path: Path) -> bool:
        """Return whether a file begins like a PDF. A folder is not claimed: other sources may read its other files."""
        return is_pdf(path)

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures of each PDF in order. Raise SourceError if a single path can't be used."""
        require_packages("pypdfium2", extra="pdf")
        workspace = request.options.get("workspace")
        storage = (Path(workspace) if workspace else settings.cache_dir()) / "pdf"
        files = [item for path in request.paths for item in _pdf_files(path)]
        if not files:
            locations = ", ".join(map(str, request.paths)) or "no path given"
            raise SourceError(f"{locations}: no PDF files", "give PDF files or their folder")
        for item in files:
            if isinstance(item, SourceFailure):
                yield item
                continue
            try:
                yield from _pdf_figures(item, storage)
            except SourceError as error:
                if len(files) == 1:
                    raise
                yield SourceFailure.from_error(item, error)


def is_pdf(path: Path) -> bool:
    """Return whether a file begins like a PDF and is not hidden. Some bytes may stand before the mark of PDF."""
    try:
        if path.name.startswith(".") or path.suffix.lower() != ".pdf" or not path.is_file():
            return False
        with path.open("rb") as file:
            return b"%PDF-" in file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return False


def _pdf_files(path: Path) -> Iterator[Path | SourceFailure]:
    if not path.is_dir():
        yield path.resolve()
        return
    for item in FolderWalker().walk(path.resolve()):
        if isinstance(item, SourceFailure):
            yield item
        elif isinstance(item, FolderListing):
            yield from (file for file in item.files if is_pdf(file))


def _pdf_figures(path: Path, storage: Path) -> Iterator[FoundFigure | SourceFailure]:
    folder, content = _read_or_reuse(path, storage)
    for figure in content.figures:
        caption = clean_text(figure.caption, LIMITS.caption_chars)
        label = figure_label(figure.label) or clean_text(figure.label, 40)
        file = folder / figure.file
        yield FoundFigure(
            path=file, origin=Origin("pdf", f"{path}#page={figure.page}"), caption=caption, label=label,
            article=content.article, permission_note=permission_note(caption),
            other_origins=(Origin("file", str(file)),), mentions=figure.mentions,
        )  # fmt: skip
    for reason in content.failures:
        yield SourceFailure(str(path), reason)
    for note in content.notes:
        yield SourceFailure(str(path), note, is_note=True)
    if not content.figures:
        reason = "no figure with a caption found; pages scanned without text can't be read"
        yield SourceFailure(str(path), reason)


def _read_or_reuse(path: Path, storage: Path) -> tuple[Path, ExtractedPdf]:
    """Return the folder of a PDF's pictures, and its content. Each PDF is read once and kept by its hash."""
    folder = storage / _file_hash(path)
    content = _stored_content(folder)
    if content is not None:
        return folder, content
    storage.mkdir(parents=True, exist_ok=True)
    with temporary_folder(storage) as part:
        content = _extract(path, part)
        stored = {"version": VERSION, **encode(content, [])}
        (part / _MANIFEST).write_text(json.dumps(stored), encoding="utf-8")
        if not _has_pictures(part, content):
            raise SourceError(f"{path}: the pictures of its figures are missing", "report it")
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    return folder, content


def _extract(path: Path, folder: Path) -> ExtractedPdf:
    """Read a PDF in a bounded process. Raises SourceError, with the path, if that fails."""
    try:
        return run_isolated(
            extract_pdf, path, folder, name=str(path), seconds=LIMITS.pdf_seconds + _GRACE_SECONDS,
            remedy="print it to a new PDF, or split it",
        )  # fmt: skip
    except SourceError as error:
        reason = error.message.removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
        raise SourceError(f"{path}: {reason}", error.remedy) from error


def _file_hash(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LIMITS.pdf_bytes:
            raise SourceError(f"{path}: {size:,} bytes, more than the limit of {LIMITS.pdf_bytes:,}", "split it")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: can't be read: {error}", "check the path and its permissions") from error


def _stored_content(folder: Path) -> ExtractedPdf | None:
    """Return the content that an earlier run stored; None if it is missing, incomplete, or of another version."""
    try:
        stored = parse_json((folder / _MANIFEST).read_bytes())
        if not isinstance(stored, dict) or stored.pop("version", None) != VERSION:
            return None
        content: ExtractedPdf = decode(ExtractedPdf, stored)
    except (OSError, ValueError):
        return None
    return content if _has_pictures(folder, content) else None


def _has_pictures(folder: Path, content: ExtractedPdf) -> bool:
    """Return whether all pictures are plain files of the folder."""
    files = [folder / figure.file for figure in content.figures]
    return all(file.parent == folder and file.is_file() and not file.is_symlink() for file in files)
