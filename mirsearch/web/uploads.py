"""Query images that people gave: kept in a folder of the server, by the hash of their content, for a bounded time."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mirsearch.errors import NotFoundError, UsageError
from mirsearch.report.wording import clean_text
from mirsearch.search.query_figure import FoundImages
from mirsearch.search.query_image import ImageQuestion, QueryPart
from mirsearch.search.query_page import QueryPage
from mirsearch.settings import SERVE_LIMITS, ServeLimits

if TYPE_CHECKING:
    from mirsearch.corpus import Box
    from mirsearch.search.scale_options import ScaleOptions
    from mirsearch.web.corpus import Corpus

_CHUNK_BYTES = 1 << 20
_ID_DIGITS = 32
_NAME_CHARS = 120


class ReadableFile(Protocol):
    """A file that is read in pieces, such as a part of a form."""

    async def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept image: its id, the file, the name that its user gave it, its size, who gave it, and when (monotonic)."""

    id: str
    path: Path
    name: str
    size: int
    client: str = ""
    at: float = 0.0


class UploadStore:
    """Keeps uploaded images. Where there is no room, the oldest go first, those of whoever fills it before others'."""

    def __init__(self, limits: ServeLimits = SERVE_LIMITS) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mirsearch-queries-"))
        self._limits = limits
        self._kept: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    async def receive(self, file: ReadableFile, name: str | None, client: str) -> Upload:
        """Write an upload to the folder while it comes in, and keep it. UsageError for one without a byte."""
        digest, size = hashlib.sha256(), 0
        part = Path(tempfile.mkstemp(dir=self.folder, suffix=".part")[1])
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
            path = self.folder / upload_id
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        shown = clean_text((name or "").replace("\\", "/").rpartition("/")[2], _NAME_CHARS) or "image"
        upload = Upload(upload_id, path, shown, size, client, time.monotonic())
        self._keep(upload)
        return upload

    def _keep(self, upload: Upload) -> None:
        with self._lock:
            self._kept.pop(upload.id, None)
            self._kept[upload.id] = upload
            self._drop_old()
            while sum(kept.size for kept in self._kept.values()) > self._limits.kept_bytes:
                of_client = [kept for kept in self._kept.values() if kept.client == upload.client]
                has_most = 2 * sum(kept.size for kept in of_client) > self._limits.kept_bytes
                self._drop(of_client[0] if has_most else next(iter(self._kept.values())))

    def get(self, upload_id: str) -> Upload:
        """Return a kept image. NotFoundError if it is not, or no longer, kept."""
        with self._lock:
            self._drop_old()
            upload = self._kept.get(upload_id)
        if upload is None:
            raise NotFoundError("the image of this search is no longer kept", "give the image again")
        return upload

    def _drop_old(self) -> None:
        oldest = time.monotonic() - self._limits.kept_seconds
        for upload in [kept for kept in self._kept.values() if kept.at < oldest]:
            self._drop(upload)

    def _drop(self, upload: Upload) -> None:
        del self._kept[upload.id]
        upload.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder with all images."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(eq=False)
class PictureReadings:
    """What was read from one page of an uploaded image, so that it is read only once."""

    page: QueryPage | None = None
    found: dict[bool, FoundImages] = field(default_factory=dict)
    parts: dict[object, QueryPart] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return the bytes of its pixels."""
        return 0 if self.page is None else self.page.pixels.nbytes


@dataclass(frozen=True)
class UploadQuestion(ImageQuestion):
    """An uploaded image as a question. It shares its readings with other questions about the same image."""

    readings: PictureReadings = field(default_factory=PictureReadings)

    def open_page(self) -> QueryPage:
        """Return the page, decoded once."""
        if self.readings.page is None:
            self.readings.page = super().open_page()
        return self.readings.page

    def find_images(self, must_name: bool) -> FoundImages:
        """Return the images of the figure, looked for once."""
        if must_name not in self.readings.found:
            self.readings.found[must_name] = super().find_images(must_name)
        return self.readings.found[must_name]

    def resolve(self) -> QueryPart:
        """Return the part to search with, read once for each choice."""
        chosen = (self.panel, self.crop, self.scale)
        if chosen not in self.readings.parts:
            self.readings.parts[chosen] = super().resolve()
        return self.readings.parts[chosen]


class ReadPictures:
    """The readings of the last uploads, as many as their pixels leave room for."""

    def __init__(self, corpus: Corpus, most_bytes: int = SERVE_LIMITS.cache_bytes) -> None:
        self._corpus = corpus
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
        return UploadQuestion(
            upload.path,
            self._corpus.ocr(),
            self._corpus.detector(),
            panel,
            crop,
            scale,
            page,
            upload.name,
            readings=readings,
        )
