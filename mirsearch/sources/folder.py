"""The source `folder`: image files, with captions and article data from a table beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from mirsearch.corpus import Article, Origin
from mirsearch.errors import SourceError
from mirsearch.imaging.images import is_image_file, is_image_name
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text, label_of, make_article
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.permissions import permission_note
from mirsearch.sources.tables import TABLE_NAMES, Row, Table, is_table_name, read_table
from mirsearch.sources.walking import Listing, Walker

MAX_FAILURES = 20
"""Failures of one table told one by one; more are counted."""
_SUFFIX_TRIES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")


class FolderSource:
    """Images of folders (and those below) or given one by one; captions.csv, .tsv or .jsonl beside them is read.

    Options: `recursive` (yes, no), `captions` (another name of the table).
    """

    name = "folder"
    priority = 0
    claims_tree = False
    """Its folders' sub-folders may be other sources': see mirsearch.sources.discover."""

    def recognizes(self, path: Path) -> bool:
        """A folder that holds an image or a table of captions; a file that is an image or a table."""
        if path.is_dir():
            return any(is_image_name(each) or each.name.lower() in TABLE_NAMES for each in path.iterdir())
        return is_image_name(path) or is_table_name(path) or is_image_file(path)

    def find(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Figures of each path in turn, every file once; SourceError where a single path has none."""
        captions = _Captions(request.columns, request.options.get("captions"))
        recursive = request.options.get("recursive", "yes").lower() not in ("no", "false", "0")
        gathered: list[Path | SourceFailure] = []
        walker = Walker()
        for path in request.paths:
            gathered.extend(_gather(path, recursive, walker, captions))
        done: set[Path] = set()
        for item in gathered:
            if isinstance(item, SourceFailure):
                yield item
            elif item not in done:
                done.add(item)
                yield from captions.figures(item)
        for path in captions.named():
            if path not in done:
                done.add(path)
                yield from captions.figures(path)
        yield from captions.failures()
        if not done and not gathered and not captions.known:
            where = ", ".join(map(str, request.paths)) or "nothing given"
            raise SourceError(f"{where}: no image files", "give images (png, jpg, tif, gif, bmp, webp) or their folder")


def _gather(path: Path, recursive: bool, walker: Walker, captions: _Captions) -> Iterator[Path | SourceFailure]:
    """Image files of one path asked for; tables met on the way are handed to `captions`."""
    path = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    if not path.is_dir():
        if is_table_name(path):
            captions.read(path, whole=True)
        else:
            captions.beside(path.parent, whole=False)
            yield path
        return
    found = walker.walk(path) if recursive else iter((walker.enter(path),))
    for item in found:
        if isinstance(item, SourceFailure):
            yield item
        elif isinstance(item, Listing) and captions.beside(item.folder, whole=True):
            yield from (each for each in item.files if is_image_name(each))


@dataclass
class _Captions:
    """Tables read so far, and what they say of each file."""

    columns: Mapping[str, str]
    table_name: str | None
    rows: dict[Path, tuple[Path, list[Row]]] = field(default_factory=dict)
    whole: set[Path] = field(default_factory=set)
    tables: dict[Path, Path | None] = field(default_factory=dict)
    known: dict[Path, bool] = field(default_factory=dict)
    problems: dict[Path, list[SourceFailure]] = field(default_factory=dict)

    def beside(self, folder: Path, whole: bool) -> bool:
        """Read the folder's table, if it has one; False where it has one that can't be used.

        Only of a `whole` folder are rows that name missing files failures: a single image may leave others unasked.
        """
        if folder not in self.tables:
            self.tables[folder] = self._table(folder)
        path = self.tables[folder]
        return path is None or self.read(path, whole)

    def _table(self, folder: Path) -> Path | None:
        """The folder's table: the first of the names we know, in any case, or the one asked for."""
        if self.table_name:
            return folder / self.table_name if (folder / self.table_name).is_file() else None
        try:
            there = {each.name.lower(): each for each in sorted(folder.iterdir(), reverse=True) if is_table_name(each)}
        except OSError:  # a folder whose files may be opened by name only
            there = {name: folder / name for name in TABLE_NAMES}
        return next((there[name] for name in TABLE_NAMES if name in there and there[name].is_file()), None)

    def read(self, path: Path, whole: bool) -> bool:
        """Read a table once; False where it can't be used."""
        if whole:
            self.whole.add(path)
        if path in self.known:
            return self.known[path]
        try:
            table = read_table(path, self.columns)
        except SourceError as error:
            self.known[path] = False
            left_out = "; the images of its folder are left out" if whole else ""
            failure = SourceFailure.of(path, error)
            self.problems[path] = [SourceFailure(failure.location, f"{failure.reason}{left_out}")]
            return False
        self.known[path] = True
        self.problems[path] = list(_table_problems(path, table))
        self._match(path, table, whole)
        return True

    def _match(self, path: Path, table: Table, whole: bool) -> None:
        names = _Names(path.parent)
        for row in table.rows:
            where = f"{path}:{row.line}"
            try:
                image = names.find(row.fields.get("file", ""))
            except SourceError as error:
                if whole:
                    self.problems[path].append(SourceFailure(where, str(error)))
                continue
            others = self._rows_of(image, path)
            same = next((each for each in others if each.fields.get("page") == row.fields.get("page")), None)
            if same is None:
                others.append(row)
            elif same.fields != row.fields:
                reason = f"{image.name} was named on line {same.line} already; that line counts, remove one of them"
                self.problems[path].append(SourceFailure(where, reason, note=True))

    def _rows_of(self, image: Path, table: Path) -> list[Row]:
        """Rows of an image to add to; a table nearer to the image replaces what a farther one said."""
        earlier, rows = self.rows.get(image, (table, []))
        if earlier != table and len(table.parts) > len(earlier.parts):
            rows = []
        self.rows[image] = (table, rows)
        return rows

    def named(self) -> list[Path]:
        """Files that tables read as a whole name, in order."""
        return [image for image, (table, _) in self.rows.items() if table in self.whole]

    def figures(self, path: Path) -> Iterator[FoundFigure | SourceFailure]:
        """The file's figures: one for each row that names it, or one without a caption."""
        for row in self.rows[path][1] if path in self.rows else [Row(0, {})]:
            yield _figure(path, row)

    def failures(self) -> Iterator[SourceFailure]:
        """What was wrong with the tables, the first of each kind's many one by one."""
        for path, problems in self.problems.items():
            yield from problems[:MAX_FAILURES]
            rest = problems[MAX_FAILURES:]
            if rest:
                note = all(each.note for each in rest)
                yield SourceFailure(str(path), f"{len(rest)} more lines like these; mend the table", note=note)


def _table_problems(path: Path, table: Table) -> Iterator[SourceFailure]:
    if table.guessed:
        reason = f"not UTF-8, read as {table.guessed}: letters such as µ or é may be wrong; save it as UTF-8"
        yield SourceFailure(str(path), reason, note=True)
    for line, reason in table.problems:
        yield SourceFailure(f"{path}:{line}", reason)


class _Names:
    """Finds the files a table names, in its folder or below, never outside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lowered: dict[str, list[Path]] | None = None

    def find(self, given: str) -> Path:
        """The file of a name as given; without its suffix, in other letters' case, or by its last part. SourceError."""
        parts = PureWindowsPath(given).parts  # takes both kinds of slash; "." has none
        if not parts:
            raise SourceError("no file named", "write the image's file name in this row")
        if ".." in parts:
            raise SourceError(f"{given!r} lies outside the table's folder", "put the table beside its images")
        for tail in (parts, parts[-1:]):
            path = self._folder.joinpath(*tail) if not _is_rooted(tail) else None
            if path is not None and (hit := _existing(path)) is not None:
                return hit
        matches = self._by_lower(parts[-1].lower())
        if len(matches) == 1:
            return matches[0]
        raise SourceError(f"no file {clean_text(given, 200)!r} here", "check the name, or remove the row")

    def _by_lower(self, name: str) -> list[Path]:
        if self._lowered is None:
            self._lowered = {}
            for each in sorted(self._folder.iterdir()):
                if is_image_name(each):
                    for key in {each.name.lower(), each.stem.lower()}:
                        self._lowered.setdefault(key, []).append(each)
        return self._lowered.get(name, [])


def _is_rooted(parts: tuple[str, ...]) -> bool:
    return not parts or ":" in parts[0] or parts[0].startswith(("\\", "/"))


def _existing(path: Path) -> Path | None:
    try:
        if path.is_file():
            return path
        tries = (path.with_name(path.name + suffix) for suffix in _SUFFIX_TRIES) if not is_image_name(path) else ()
        return next((each for each in tries if each.is_file()), None)
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return None


def _figure(path: Path, row: Row) -> FoundFigure | SourceFailure:
    fields = row.fields
    page = fields.get("page")
    if page is not None and not (page.isdecimal() and len(page) < 7):
        return SourceFailure(str(path), f"page {clean_text(page, 40)!r} of the table is no number; count from 0")
    caption = clean_text(fields.get("caption", ""), LIMITS.caption_chars)
    return FoundFigure(
        path=path,
        origin=Origin("folder", str(path)),
        caption=caption,
        label=clean_text(fields.get("label", "")) or label_of(caption),
        article=row_article(fields),
        page=int(page) if page is not None else None,
        permission_note=clean_text(fields.get("permission", "")) or permission_note(caption),
    )


def row_article(fields: Mapping[str, str]) -> Article | None:
    """The article of a row's columns."""
    return make_article(
        title=fields.get("title"), doi=fields.get("doi"), pmcid=fields.get("pmcid"), journal=fields.get("journal"),
        year=fields.get("year"), license=fields.get("license"), url=fields.get("url"),
        authors=fields.get("authors", "").split(";"), given_id=fields.get("article"),
    )  # fmt: skip
