"""Writes a dataset into a new folder, figure by figure. The folder appears when all of it is there."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from mirsearch.acquisition.attribution import CreditList
from mirsearch.acquisition.ledger import Ledger
from mirsearch.errors import UsageError
from mirsearch.files.partial import temporary_folder
from mirsearch.indexes.base import Index
from mirsearch.licenses import license_address
from mirsearch.query import Filters, Order, StoredPanel
from mirsearch.transfer.dataset import croissant, rows
from mirsearch.transfer.dataset.pictures import LeftOutError, Picture, figure_pictures, thumbnail_picture
from mirsearch.transfer.dataset.rights import license_name, reason_not_to_share
from mirsearch.transfer.dataset.shards import ShardWriter

Progress = Callable[[int], None]
_COCO = "annotations.json"
_PANELS = "panels.jsonl"
_CREDITS = "CREDITS.txt"


@dataclass(frozen=True, slots=True)
class DatasetOptions:
    """What a dataset has.

    `thumbnails`: where a file is gone or has changed, the small picture of the index. `any_license`: also what may not
    be passed on, for use within the house. `shards`: the pictures as WebDataset, too.
    """

    thumbnails: bool = False
    any_license: bool = False
    shards: bool = False


@dataclass(slots=True)
class DatasetSummary:
    """How many pictures and panels were written; the panels that were left out by the reason; panels by licence."""

    pictures: int = 0
    panels: int = 0
    thumbnails: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch export --dataset` tells."""
        return asdict(self) | {"left_out": dict(self.left_out), "licenses": dict(self.licenses)}


def export_dataset(
    index: Index,
    folder: Path,
    filters: Filters,
    ledger: Ledger,
    options: DatasetOptions | None = None,
    progress: Progress = lambda panels: None,
) -> DatasetSummary:
    """Write the panels that pass the filters as a dataset. UsageError if the folder is not new or empty."""
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty", "give a new folder")
    if not folder.parent.is_dir():
        raise UsageError(f"{folder.parent} does not exist", "give a folder in a folder that exists")
    with temporary_folder(folder.parent) as part:
        writer = _DatasetWriter(index, part, ledger, options or DatasetOptions())
        writer.write(index.select_panels(filters, Order("figure.id")), progress)
        writer.finish(folder.name)
        part.replace(folder)
    return writer.summary


class _DatasetWriter:
    """Writes the parts of a dataset. Lists go to files as they come; COCO's one file is put together at the end."""

    def __init__(self, index: Index, folder: Path, ledger: Ledger, options: DatasetOptions) -> None:
        self._index, self._folder, self._options = index, folder, options
        self.summary = DatasetSummary()
        self._licenses: dict[str, int] = {}
        self._credits = CreditList(ledger)
        self._shards = ShardWriter(folder)
        self._lists: dict[str, IO[str]] = {}
        self._made: set[Path] = set()

    def write(self, panels: Iterable[StoredPanel], progress: Progress) -> None:
        """Write figure by figure."""
        with ExitStack() as files:
            for name in ("images", "annotations", "panels"):
                path = self._folder / f"{name}.jsonl"
                self._lists[name] = files.enter_context(path.open("w", encoding="utf-8", errors="backslashreplace"))
            files.callback(self._shards.close)
            for _, group in groupby(panels, lambda stored: stored.figure.id):
                self._write_figure(list(group))
                progress(self.summary.panels + self.summary.left_out.total())

    def _write_figure(self, panels: Sequence[StoredPanel]) -> None:
        reason = None if self._options.any_license else reason_not_to_share(panels[0].figure)
        if reason is not None:
            self.summary.left_out[reason] += len(panels)
            return
        try:
            for picture in figure_pictures(panels[0].figure, panels):
                self._write_picture(picture)
        except LeftOutError as error:
            if not self._options.thumbnails:
                self.summary.left_out[error.message] += len(panels)
                return
            for stored in panels:
                self._write_thumbnail(stored)

    def _write_thumbnail(self, stored: StoredPanel) -> None:
        try:
            self._write_picture(thumbnail_picture(stored, self._index.thumbnail(stored.panel.id)))
            self.summary.thumbnails += 1
        except LeftOutError as error:
            self.summary.left_out[error.message] += 1

    def _write_picture(self, picture: Picture) -> None:
        self.summary.pictures += 1
        image = rows.image_row(picture, self.summary.pictures, self._licenses)
        place = self._folder / image["file_name"]
        if place.parent not in self._made:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(place.parent)
        place.write_bytes(picture.content)
        self._write_row("images", image)
        flat = []
        for stored, box in picture.annotations:
            self.summary.panels += 1
            license_ = license_name(stored.figure)
            self.summary.licenses[license_ or "unknown"] += 1
            annotation = rows.annotation_row(stored, box, picture, self.summary.pictures, self.summary.panels)
            flat.append(rows.panel_row(annotation, image, stored.panel.kind, license_))
            self._write_row("annotations", annotation)
            self._write_row("panels", flat[-1])
            self._credits.add(stored.figure)
        if self._options.shards:
            self._shards.add(picture, image, flat)

    def _write_row(self, name: str, row: dict[str, Any]) -> None:
        self._lists[name].write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")

    def finish(self, name: str) -> None:
        """Write what tells of the whole: COCO's file, credits, README, and the description in Croissant."""
        created = datetime.now(UTC).date().isoformat()
        info = {"description": "Panels of microscopy figures, exported by mirsearch", "date_created": created}
        self._join_coco(info)
        (self._folder / _CREDITS).write_text("".join(f"{line}\n" for line in self._credits.lines()), encoding="utf-8")
        (self._folder / "README.md").write_text(_readme(name, self.summary), encoding="utf-8")
        files = {
            _COCO: (_sha256(self._folder / _COCO), "application/json"),
            _PANELS: (_sha256(self._folder / _PANELS), "application/jsonlines"),
            _CREDITS: (_sha256(self._folder / _CREDITS), "text/plain"),
        }
        addresses = [license_address(license_) or license_ or "unknown" for license_ in self._licenses]
        described = croissant.describe(name, created, files, addresses, self._options.shards)
        (self._folder / "croissant.json").write_text(json.dumps(described, indent=2, ensure_ascii=False), "utf-8")

    def _join_coco(self, info: dict[str, str]) -> None:
        with (self._folder / _COCO).open("w", encoding="utf-8") as stream:
            licenses = rows.license_rows(self._licenses)
            stream.write(f'{{"info": {json.dumps(info)},\n"licenses": {json.dumps(licenses)},\n')
            stream.write(f'"categories": {json.dumps(rows.category_rows())}')
            for name in ("images", "annotations"):
                path = self._folder / f"{name}.jsonl"
                stream.write(f',\n"{name}": [')
                for number, line in enumerate(_lines(path)):
                    stream.write((",\n" if number else "\n") + line)
                stream.write("]")
                path.unlink()
            stream.write("}\n")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield line.rstrip("\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _readme(name: str, summary: DatasetSummary) -> str:
    lines = [
        f"# {name}", "", f"{summary.panels:,} panels in {summary.pictures:,} pictures, exported by mirsearch.", "",
        "- `images/`: the pictures", f"- `{_COCO}`: panels as boxes, in the form of COCO",
        f"- `{_PANELS}`: one line for each panel", f"- `{_CREDITS}`: whom to name, and under which licence",
        "- `croissant.json`: the description in Croissant",
        "- `shards/`: the same in the form of WebDataset, if asked for",
        "", "## Licences", "", "Each picture has the licence of its article.", "", "| licence | panels |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| {license_} | {count:,} |" for license_, count in summary.licenses.most_common()]
    if summary.left_out:
        lines += ["", "## Left out", "", "| reason | panels |", "|---|---|"]
        lines += [f"| {reason} | {count:,} |" for reason, count in summary.left_out.most_common()]
    return "\n".join([*lines, ""])
