"""Query images that people gave: kept in a folder of the server, by the hash of their content, for a bounded time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread

from mirsearch.errors import NotFoundError, UsageError
from mirsearch.files.locks import locked
from mirsearch.report.wording import clean_text
from mirsearch.search.query_figure import FoundImages
from mirsearch.search.query_image import QueryPart
from mirsearch.search.query_page import QueryPage
from mirsearch.settings import SERVE_LIMITS, ServeLimits
from mirsearch.web.apart import Asked, Reader

if TYPE_CHECKING:
    from mirsearch.corpus import Box
    from mirsearch.search.scale_options import ScaleOptions

_CHUNK_BYTES = 1 << 20
_ID_DIGITS = 32
_NAME_CHARS = 120
_PART, _NOTE_PART = ".part", ".note"


class ReadableFile(Protocol):
    """A file that is read in pieces, such as a part of a form."""

    async def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept image: its id, the file, the name that its user gave it, and who gave it."""

    id: str
    path: Path
    name: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class _KeptFile:
    path: Path
    size: int
    at: float


class UploadStore:
    """Keeps uploaded images in a folder, which several processes may share: who asks for one may ask any of them.

    Beside an image lies a note of its name and of who gave it. Where there is no room, the oldest go first, those of
    whoever fills it before others'.
    """

    def __init__(self, folder: Path, limits: ServeLimits = SERVE_LIMITS) -> None:
        self.folder = folder
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._limits = limits

    async def receive(self, file: ReadableFile, name: str | None, client: str) -> Upload:
        """Write an upload to the folder while it comes in, and keep it. UsageError for one without a byte."""
        digest, size = hashlib.sha256(), 0
        part = Path(tempfile.mkstemp(dir=self.folder, suffix=_PART)[1])
        try:
            with part.open("wb") as target:
                while chunk := await file.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > self._limits.upload_bytes:
                        raise UsageError(
                            f"the image has more than {self._limits.upload_bytes:,} bytes", "send a part of it"
                        )
                    digest.update(chunk)
                    target.write(chunk)
            if size == 0:
                raise UsageError("the image is empty (0 bytes)", "choose another file")
            upload_id = digest.hexdigest()[:_ID_DIGITS]
            shown = clean_text((name or "").replace("\\", "/").rpartition("/")[2], _NAME_CHARS) or "image"
            upload = Upload(upload_id, self.folder / upload_id, shown, client)
            await to_thread.run_sync(self._keep, part, upload)
        finally:
            part.unlink(missing_ok=True)
        return upload

    def _keep(self, part: Path, upload: Upload) -> None:
        note = part.with_suffix(_NOTE_PART)
        with self._locked():
            note.write_text(json.dumps([upload.name, upload.client]), encoding="utf-8")
            note.replace(_note_of(upload.path))
            part.replace(upload.path)
            os.utime(upload.path)
            kept = self._drop_old()
            while len(kept) > self._limits.kept_images or sum(one.size for one in kept) > self._limits.kept_bytes:
                kept.remove(dropped := self._least_wanted(kept, upload.client))
                _drop(dropped.path)

    def _least_wanted(self, kept: list[_KeptFile], client: str) -> _KeptFile:
        """Return the oldest image, or the client's own oldest where most of what is kept is its."""
        own = [one for one in kept if (note := _read_note(one.path)) is not None and note[1] == client]
        fills = 2 * sum(one.size for one in own) > self._limits.kept_bytes or 2 * len(own) > self._limits.kept_images
        return own[0] if fills else kept[0]

    def get(self, upload_id: str) -> Upload:
        """Return a kept image. NotFoundError if it is not, or no longer, kept."""
        path = self.folder / upload_id
        note = _read_note(path) if upload_id.isalnum() else None
        try:
            if note is not None and path.stat().st_mtime >= self._oldest():
                return Upload(upload_id, path, note[0], note[1])
            if note is not None:
                with self._locked():
                    self._drop_old()
        except OSError:  # it was dropped in between
            pass
        raise NotFoundError("the image of this search is no longer kept", "give the image again")

    def _oldest(self) -> float:
        return time.time() - self._limits.kept_seconds

    def _drop_old(self) -> list[_KeptFile]:
        """Drop what was kept for long enough; return the rest, the oldest first. Call it with the lock."""
        kept, oldest = [], self._oldest()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if len(entry.name) == _ID_DIGITS and entry.name.isalnum():
                    found = entry.stat()
                    kept.append(_KeptFile(Path(entry.path), found.st_size, found.st_mtime))
        for one in kept:
            if one.at < oldest:
                _drop(one.path)
        return sorted((one for one in kept if one.at >= oldest), key=lambda one: one.at)

    def _locked(self) -> AbstractContextManager[None]:
        """Keep the other threads and processes from adding or dropping meanwhile."""
        return locked(self.folder.with_suffix(".lock"))

    def close(self) -> None:
        """Remove the folder with all images."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _read_note(path: Path) -> tuple[str, str] | None:
    """Return the name of a kept image and who gave it; None if it is not kept."""
    try:
        name, client = json.loads(_note_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(name), str(client)


def _drop(path: Path) -> None:
    _note_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@dataclass(eq=False)
class PictureReadings:
    """What was read from one page of an uploaded image, so that it is read only once."""

    page: QueryPage | None = None
    images: FoundImages | None = None
    parts: dict[object, QueryPart] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return the bytes of its pixels."""
        return 0 if self.page is None else self.page.pixels.nbytes


@dataclass(frozen=True)
class UploadQuestion:
    """An uploaded image as a question. It shares its readings with other questions about the same image."""

    reader: Reader
    asked: Asked
    readings: PictureReadings = field(default_factory=PictureReadings)

    @property
    def path(self) -> Path:
        """Return the kept file."""
        return self.asked.path

    @property
    def page(self) -> int:
        """Return the page of the file, counted from 1; 0: the image that stands for it."""
        return self.asked.page

    @property
    def name(self) -> str:
        """Return what the answer calls the image."""
        return self.asked.name

    def open_page(self) -> QueryPage:
        """Return the page, decoded once."""
        if self.readings.page is None:
            self.readings.page = self.reader.page(self.asked.path, self.asked.page)
        return self.readings.page

    def resolve(self) -> QueryPart:
        """Return the part to search with, read once for each choice."""
        asked, readings = self.asked, self.readings
        chosen = (asked.panel, asked.crop, asked.scale)
        if chosen not in readings.parts:
            page, part, images = self.reader.part(asked, readings.page)
            readings.page, readings.images = page, images or readings.images
            readings.parts[chosen] = part
        return readings.parts[chosen]


class ReadPictures:
    """The readings of the last uploads, as many as their pixels leave room for."""

    def __init__(self, reader: Reader, most_bytes: int = SERVE_LIMITS.cache_bytes) -> None:
        self._reader = reader
        self._most_bytes = most_bytes
        self._readings: OrderedDict[tuple[str, int], PictureReadings] = OrderedDict()
        self._lock = threading.Lock()

    def question(
        self, upload: Upload, panel: str | None, crop: Box | None, scale: ScaleOptions, page: int
    ) -> UploadQuestion:
        """Return the question about an upload."""
        key = (upload.id, page)
        with self._lock:
            readings = self._readings.setdefault(key, PictureReadings())
            self._readings.move_to_end(key)
            while len(self._readings) > 1 and sum(kept.size for kept in self._readings.values()) > self._most_bytes:
                self._readings.popitem(last=False)
        asked = Asked(upload.path, page, upload.name, panel, crop, scale, wants_pixels=True)
        return UploadQuestion(self._reader, asked, readings)
