"""The tools: search, show, facets. Each takes plain JSON, and returns plain JSON and pictures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mirsearch.errors import MirsearchError, NotFoundError, UsageError
from mirsearch.query import Filters, StoredPanel
from mirsearch.search.answer import answer_json, stored_json
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.corpus import Corpus, public_json
from mirsearch.web.fields import FilterFields, SearchFields, Word, make_filters, make_question
from mirsearch.web.pictures import FigurePictures, make_jpeg
from mirsearch.web.uploads import ReadPictures, Upload

FACETS = ("techniques", "kinds", "years", "journals", "licenses", "sources", "fields_of_view")
_MOST_VALUES = 100
_MOST_SHOWN = 50
_MOST_PICTURES = 12
_PICTURE_SIDE = 720
"""Longer side of a shown picture, px."""
_BASE64_CHARS = SERVE_LIMITS.upload_bytes * 4 // 3 + 4


class SearchTool(SearchFields):
    """Search with words, an image, a panel of the index, or several of them: the options of `mirsearch query`."""

    image_path: str | None = Field(default=None, max_length=4_000, description="File of a micrograph or figure.")
    image_base64: str | None = Field(
        default=None, max_length=_BASE64_CHARS, description="The bytes of a micrograph or figure, in place of a file."
    )
    pictures: int = Field(
        default=0, ge=0, le=_MOST_PICTURES, description="Also return small pictures of so many of the best hits."
    )


class ShowTool(BaseModel):
    """What to show."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: Word = Field(description="Id of a panel, figure or article, a DOI, or a PMC id.")
    pictures: bool = Field(default=True, description="Also return the picture.")


class FacetsTool(FilterFields):
    """Filters, as those of a search; without any, the whole corpus is counted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a tool returns: JSON, and JPEGs."""

    data: dict[str, Any]
    pictures: tuple[bytes, ...] = ()


class Tools:
    """The tools of a corpus. Files of this machine are read only where `reads_files`."""

    def __init__(self, corpus: Corpus, reads_files: bool) -> None:
        self._corpus, self._reads_files = corpus, reads_files
        self._read_pictures = ReadPictures(corpus.reader)
        self._pictures = FigurePictures(corpus)

    def search(self, wanted: SearchTool) -> Shown:
        """Return the answer in the JSON of `mirsearch query`, without paths of this machine."""
        names = SearchFields.model_fields
        given = {name: value for name, value in wanted.given.items() if name in names}
        fields = SearchFields.model_validate(given)
        with self._image(wanted) as image:
            question = make_question(fields, image, self._read_pictures, fields.top, for_people=False)
            answer = self._corpus.ask(question)
        shown = [self._small_picture(hit.stored.panel.id) for hit in answer.hits[: wanted.pictures]]
        return Shown(public_json(answer_json(answer)), tuple(picture for picture in shown if picture))

    @contextmanager
    def _image(self, wanted: SearchTool) -> Iterator[list[Upload]]:
        if wanted.image_path is not None and wanted.image_base64 is not None:
            raise UsageError("image_path and image_base64 are given", "give one of them")
        if wanted.image_base64 is not None:
            data = _decode(wanted.image_base64)
            with tempfile.TemporaryDirectory(prefix="mirsearch-mcp-") as folder:
                path = Path(folder) / "image"
                path.write_bytes(data)
                yield [Upload(hashlib.sha256(data).hexdigest()[:32], path, "image")]
        elif wanted.image_path is not None:
            if not self._reads_files:
                raise UsageError("this server reads no files", "give the image as image_base64")
            yield [_file(Path(wanted.image_path).expanduser())]
        else:
            yield []

    def show(self, wanted: ShowTool) -> Shown:
        """Return the panels of an id as `mirsearch show` tells them, with pictures. NotFoundError if there are none."""
        found = self._corpus.index.find_panels(wanted.id)
        if not found:
            raise NotFoundError(f"nothing in the index has the id {wanted.id!r}", "search for it first")
        data = {
            "panels": [public_json(stored_json(stored)) for stored in found[:_MOST_SHOWN]],
            "not_shown": max(len(found) - _MOST_SHOWN, 0),
        }
        return Shown(data, tuple(self._show_pictures(wanted.id, found)) if wanted.pictures else ())

    def _show_pictures(self, wanted_id: str, found: list[StoredPanel]) -> Iterator[bytes]:
        """Yield the panel itself, the whole figure, or small pictures of an article's panels."""
        figure = found[0].figure
        if len(found) == 1:
            yield self._pictures.panel(found[0].panel.id, _PICTURE_SIDE).data
            return
        if figure.id.startswith(wanted_id) and (pixels := self._pictures.original(figure)) is not None:
            yield make_jpeg(pixels, 2 * _PICTURE_SIDE).data
            return
        for stored in found[:_MOST_PICTURES]:
            if picture := self._small_picture(stored.panel.id):
                yield picture

    def _small_picture(self, panel_id: str) -> bytes | None:
        try:
            return self._pictures.panel(panel_id, 0).data
        except MirsearchError:  # the index may hold no picture of it
            return None

    def facets(self, wanted: FacetsTool) -> Shown:
        """Return how many panels (of sources: figures) have each value, the most frequent values first."""
        counts = self._counts(make_filters(wanted))
        return Shown({name: _most_frequent(counts[name]) for name in FACETS})

    def _counts(self, filters: Filters) -> Mapping[str, Any]:
        return self._corpus.counts() if filters.is_empty else self._corpus.counts_of(filters)

    def hide(self, text: str) -> str:
        """Return a message without paths of this machine."""
        return self._corpus.hide_paths(text)


def _most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:_MOST_VALUES])


def _decode(text: str) -> bytes:
    """Return the bytes of a base64 text, which may be a data URL. UsageError if it is none."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("image_base64 is no base64", "give the bytes of an image file in base64") from error
    if not data:
        raise UsageError("image_base64 is empty", "give the bytes of an image file in base64")
    return data


def _file(path: Path) -> Upload:
    try:
        state = path.stat()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "check image_path") from error
    known = f"{path.absolute()} {state.st_mtime_ns} {state.st_size}"
    return Upload(hashlib.sha256(known.encode("utf-8", "replace")).hexdigest()[:32], path, path.name)
