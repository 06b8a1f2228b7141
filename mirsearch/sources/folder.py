"""The source `folder`: image files, with captions and article data from a table beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from mirsearch.corpus import Article, Origin
from mirsearch.errors import SourceError
from mirsearch.readers.find import is_readable_file, is_readable_name
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text, figure_label, make_article
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.folder_walker import FolderListing, FolderWalker
from mirsearch.sources.permissions import permission_note
from mirsearch.sources.skipped import SkippedKinds, is_unreadable
from mirsearch.sources.tables import TABLE_NAMES, Row, Table, is_table_name, read_table

MAX_FAILURES = 20
"""Failures of one table that are reported one by one; further ones are only counted."""
_GUESSED_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")


class FolderSource:
    """Image files, given one by one or in folders (with their subfolders). A captions.csv, .tsv or .jsonl is read.

    Options: `recursive` (yes, no), `captions` (another name for the table).
    """

    name = "folder"
    priority = 0
    claims_subfolders = False
    """Subfolders may belong to other sources: see mirsearch.sources.discover."""

    def recognizes(self, path: Path) -> bool:
        """Return whether a folder holds an image or a table of captions, or whether a file is one."""
        if path.is_dir():
            return any(
                is_readable_name(entry) or entry.name.lower() in TABLE_NAMES or is_unreadable(entry)
                for entry in path.iterdir()
            )
        return is_readable_name(path) or is_table_name(path) or is_readable_file(path)

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield the figures of each path in turn, every file once. Raise SourceError if no path has an image."""
        tables = _CaptionTables(request.columns, request.options.get("captions"))
        recursive = request.options.get("recursive", "yes").lower() not in ("no", "false", "0")
        collected: list[Path | SourceFailure] = []
        walker, skipped = FolderWalker(), SkippedKinds(archives=recursive)
        for path in request.paths:
            collected.extend(_collect_images(path, recursive, walker, tables, skipped))
        done: set[Path] = set()
        for item in collected:
            if isinstance(item, SourceFailure):
                yield item
            elif item not in done:
                done.add(item)
                yield from tables.figures(item)
        for path in tables.named_images():
            if path not in done:
                done.add(path)
                yield from tables.figures(path)
        yield from tables.failures()
        yield from skipped.notes()
        if not done and not collected and not tables.readable and not skipped.counts:
            locations = ", ".join(map(str, request.paths)) or "no path given"
            raise SourceError(f"{locations}: no image files", "give images (png, jpg, tif, …) or their folder")


def _collect_images(
    path: Path, recursive: bool, walker: FolderWalker, tables: _CaptionTables, skipped: SkippedKinds
) -> Iterator[Path | SourceFailure]:
    """Yield the image files of one path. Tables on the way are read into `tables`."""
    path = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    if not path.is_dir():
        if is_table_name(path):
            tables.read(path, take_all=True)
        else:
            tables.read_beside(path.parent, take_all=False)
            yield path
        return
    listings = walker.walk(path) if recursive else iter((walker.visit(path),))
    for item in listings:
        if isinstance(item, SourceFailure):
            yield item
        elif isinstance(item, FolderListing) and tables.read_beside(item.folder, take_all=True):
            yield from (file for file in item.files if is_readable_name(file))
            skipped.add(item.files)


@dataclass
class _CaptionTables:
    """The tables read so far, and their rows for each image."""

    columns: Mapping[str, str]
    table_name: str | None
    rows: dict[Path, tuple[Path, list[Row]]] = field(default_factory=dict)
    fully_taken: set[Path] = field(default_factory=set)
    tables: dict[Path, Path | None] = field(default_factory=dict)
    readable: dict[Path, bool] = field(default_factory=dict)
    problems: dict[Path, list[SourceFailure]] = field(default_factory=dict)

    def read_beside(self, folder: Path, take_all: bool) -> bool:
        """Read the folder's table, if it has one. Return False if the folder has a table that can't be used.

        Rows that name missing files are failures only with `take_all`: for a single image, the other rows don't matter.
        """
        if folder not in self.tables:
            self.tables[folder] = self._find_table(folder)
        path = self.tables[folder]
        return path is None or self.read(path, take_all)

    def _find_table(self, folder: Path) -> Path | None:
        """Return the folder's table: the name given as an option, else the first of TABLE_NAMES in any case."""
        if self.table_name:
            return folder / self.table_name if (folder / self.table_name).is_file() else None
        try:
            entries = sorted(folder.iterdir(), reverse=True)
            files_by_name = {entry.name.lower(): entry for entry in entries if is_table_name(entry)}
        except OSError:  # the folder can't be listed, but its files may open by name
            files_by_name = {name: folder / name for name in TABLE_NAMES}
        return next(
            (files_by_name[name] for name in TABLE_NAMES if name in files_by_name and files_by_name[name].is_file()),
            None,
        )

    def read(self, path: Path, take_all: bool) -> bool:
        """Read a table once. Return False if it can't be used."""
        if take_all:
            self.fully_taken.add(path)
        if path in self.readable:
            return self.readable[path]
        try:
            table = read_table(path, self.columns)
        except SourceError as error:
            self.readable[path] = False
            left_out = "; the images of its folder are skipped" if take_all else ""
            failure = SourceFailure.from_error(path, error)
            self.problems[path] = [SourceFailure(failure.location, f"{failure.reason}{left_out}")]
            return False
        self.readable[path] = True
        self.problems[path] = list(_table_problems(path, table))
        self._match(path, table, take_all)
        return True

    def _match(self, path: Path, table: Table, take_all: bool) -> None:
        finder = _ImageFinder(path.parent)
        for row in table.rows:
            location = f"{path}:{row.line}"
            try:
                image = finder.find(row.fields.get("file", ""))
            except SourceError as error:
                if take_all:
                    self.problems[path].append(SourceFailure(location, str(error)))
                continue
            rows = self._rows_to_extend(image, path)
            same = next((other for other in rows if other.fields.get("page") == row.fields.get("page")), None)
            if same is None:
                rows.append(row)
            elif same.fields != row.fields:
                reason = f"{image.name} is named on line {same.line} already, which is used; remove one of the lines"
                self.problems[path].append(SourceFailure(location, reason, is_note=True))

    def _rows_to_extend(self, image: Path, table: Path) -> list[Row]:
        """Return the image's list of rows. A table nearer to the image replaces the rows of a farther one."""
        previous_table, rows = self.rows.get(image, (table, []))
        if previous_table != table and len(table.parts) > len(previous_table.parts):
            rows = []
        self.rows[image] = (table, rows)
        return rows

    def named_images(self) -> list[Path]:
        """Return the images named in tables that are taken in full, in order."""
        return [image for image, (table, _) in self.rows.items() if table in self.fully_taken]

    def figures(self, path: Path) -> Iterator[FoundFigure | SourceFailure]:
        """Yield a file's figures: one for each row that names it, or one without a caption."""
        for row in self.rows[path][1] if path in self.rows else [Row(0, {})]:
            yield _make_figure(path, row)

    def failures(self) -> Iterator[SourceFailure]:
        """Yield the problems of each table: the first MAX_FAILURES one by one, then their count."""
        for path, problems in self.problems.items():
            yield from problems[:MAX_FAILURES]
            rest = problems[MAX_FAILURES:]
            if rest:
                is_note = all(problem.is_note for problem in rest)
                yield SourceFailure(str(path), f"{len(rest)} more lines like these; correct the table", is_note=is_note)


def _table_problems(path: Path, table: Table) -> Iterator[SourceFailure]:
    if table.guessed_encoding:
        reason = f"not UTF-8, read as {table.guessed_encoding}: letters such as µ or é may be wrong; save it as UTF-8"
        yield SourceFailure(str(path), reason, is_note=True)
    for line, reason in table.problems:
        yield SourceFailure(f"{path}:{line}", reason)


class _ImageFinder:
    """Finds the files that a table names, in the table's folder or below it, never outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files_by_name: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path:
        """Return the file that a name stands for. Raises SourceError if there is none.

        The name may lack its suffix, differ in case, or have other folders before its last part.
        """
        parts = PureWindowsPath(name).parts  # takes both kinds of slash; "." has none
        if not parts:
            raise SourceError("this row names no file", "write the image's file name in it")
        if ".." in parts:
            raise SourceError(f"{name!r} lies outside the table's folder", "put the table beside its images")
        for tail in (parts, parts[-1:]):
            path = self._folder.joinpath(*tail) if not _is_absolute(tail) else None
            if path is not None and (file := _existing_file(path)) is not None:
                return file
        matches = self._images_by_name(parts[-1].lower())
        if len(matches) == 1:
            return matches[0]
        raise SourceError(
            f"no file {clean_text(name, 200)!r} in the table's folder", "check the name, or remove the row"
        )

    def _images_by_name(self, name: str) -> list[Path]:
        if self._files_by_name is None:
            self._files_by_name = {}
            for entry in sorted(self._folder.iterdir()):
                if is_readable_name(entry):
                    for key in {entry.name.lower(), entry.stem.lower()}:
                        self._files_by_name.setdefault(key, []).append(entry)
        return self._files_by_name.get(name, [])


def _is_absolute(parts: tuple[str, ...]) -> bool:
    return not parts or ":" in parts[0] or parts[0].startswith(("\\", "/"))


def _existing_file(path: Path) -> Path | None:
    try:
        if path.is_file():
            return path
        guesses = (
            (path.with_name(path.name + suffix) for suffix in _GUESSED_SUFFIXES) if not is_readable_name(path) else ()
        )
        return next((guess for guess in guesses if guess.is_file()), None)
    except (OSError, ValueError):  # the name is too long or contains a zero byte
        return None


def _make_figure(path: Path, row: Row) -> FoundFigure | SourceFailure:
    fields = row.fields
    page = fields.get("page")
    if page is not None and not (page.isdecimal() and len(page) < 7 and int(page) > 0):
        return SourceFailure(
            str(path), f"page {clean_text(page, 40)!r} in the table is no page number; pages are counted from 1"
        )
    caption = clean_text(fields.get("caption", ""), LIMITS.caption_chars)
    return FoundFigure(
        path=path,
        origin=Origin("folder", str(path)),
        caption=caption,
        label=clean_text(fields.get("label", "")) or figure_label(caption),
        article=article_from_row(fields),
        page=int(page) - 1 if page is not None else None,
        permission_note=clean_text(fields.get("permission", "")) or permission_note(caption),
    )


def article_from_row(fields: Mapping[str, str]) -> Article | None:
    """Return the article that a row's columns describe; None if they describe none."""
    return make_article(
        title=fields.get("title"), doi=fields.get("doi"), pmcid=fields.get("pmcid"), journal=fields.get("journal"),
        year=fields.get("year"), license=fields.get("license"), url=fields.get("url"),
        authors=fields.get("authors", "").split(";"), fallback_id=fields.get("article"),
    )  # fmt: skip
