"""The source `archive`: pictures in zip and tar archives, and in docx and pptx documents."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

from mirsearch import settings
from mirsearch.corpus import Origin
from mirsearch.errors import SourceError
from mirsearch.files.partial import temporary_folder
from mirsearch.sources.archive_contents import MANIFEST, UnpackedArchive, unpack
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.skipped import is_archive


class ArchiveSource:
    """Zip and tar archives, docx and pptx. Option: `workspace`, the folder that keeps the pictures.

    Tables of captions and articles in an archive are read as in a folder. Archives in archives are not opened.
    """

    name = "archive"
    priority = 4

    def recognizes(self, path: Path) -> bool:
        """Return whether a file is an archive by its suffix and content."""
        return is_archive(path)

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures of each archive in order. Raise SourceError if a single path can't be used."""
        workspace = request.options.get("workspace")
        storage = (Path(workspace) if workspace else settings.cache_dir()) / "archives"
        for path in request.paths:
            if not is_archive(path):
                raise SourceError(f"{path}: not a zip, tar, docx or pptx", "give such files, or leave out --source")
            yield from _archive_figures(path.resolve(), storage, request)


def _archive_figures(path: Path, storage: Path, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
    """Yield the figures of one archive. It is unpacked once and kept by its hash."""
    from mirsearch.sources.discover import find_figures

    folder, unpacked = _unpack_or_reuse(path, storage)
    if unpacked.pictures:
        for item in find_figures([folder], columns=request.columns, options=request.options):
            yield _relocate(item, folder, path)
    for note in unpacked.notes:
        yield SourceFailure(str(path), note, is_note=not note.startswith("not all"))
    if not unpacked.pictures:
        yield SourceFailure(str(path), "no pictures in it", is_note=True)


def _relocate(item: FoundFigure | SourceFailure, folder: Path, archive: Path) -> FoundFigure | SourceFailure:
    """Return a figure or failure with the place in the archive as its origin: "talk.pptx#media/image1.png"."""
    if isinstance(item, SourceFailure):
        inside = item.location.removeprefix(str(folder)).lstrip("/\\")
        return dataclasses.replace(item, location=f"{archive}#{inside}" if inside else str(archive))
    inside = item.path.relative_to(folder).as_posix()
    origin = Origin("archive", f"{archive}#{inside}")
    return dataclasses.replace(item, origin=origin, other_origins=(Origin("file", str(item.path)),))


def _unpack_or_reuse(path: Path, storage: Path) -> tuple[Path, UnpackedArchive]:
    """Return the folder of an archive's pictures, and what is known of them."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror}", "check the path and its permissions") from error
    folder = storage / digest
    kept = UnpackedArchive.load(folder / MANIFEST)
    if kept is not None:
        return folder, kept
    storage.mkdir(parents=True, exist_ok=True)
    with temporary_folder(storage) as part:
        unpacked = unpack(path, part)
        unpacked.save(part / MANIFEST)
        if not folder.exists():
            part.replace(folder)
    return folder, unpacked
