"""Read tables of captions: CSV, TSV or JSON lines in common dialects and encodings; match columns by name."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from mirsearch.errors import SourceError
from mirsearch.settings import LIMITS, Limits
from mirsearch.text.foreign import parse_json

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("filename", "file_name", "image", "image_file", "image_name", "image_path", "path", "file_path",
             "figure_path", "img"),
    "caption": ("legend", "full_caption", "figure_caption", "caption_text", "description"),
    "label": ("figure", "fig", "figure_label", "figure_number"),
    "page": ("page_number",),
    "title": ("article_title", "paper_title"),
    "doi": ("article_doi", "paper_doi"),
    "pmcid": ("pmc", "pmc_id"),
    "journal": ("journal_title", "container_title"),
    "year": ("pub_year", "publication_year", "date"),
    "license": ("licence", "rights"),
    "url": ("link", "article_url"),
    "authors": ("author",),
    "article": ("article_id", "paper", "paper_id"),
    "permission": ("permission_note",),
}  # fmt: skip
"""Column names of mirsearch, each with its synonyms."""

TABLE_NAMES = ("captions.csv", "captions.tsv", "captions.jsonl")
_DELIMITERS = (",", ";", "\t", "|")
_MAX_FIELD_CHARS = 1 << 20
_MAX_LINE_VALUES = 10_000
"""Values in one line of JSON."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its line number from 1, and its non-empty texts by mirsearch's column names."""

    line: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its rows, and `problems` (line, reason) of skipped lines.

    `guessed_encoding` names the encoding if it had to be guessed.
    """

    rows: tuple[Row, ...]
    problems: tuple[tuple[int, str], ...] = ()
    guessed_encoding: str | None = None


def is_table_name(path: Path) -> bool:
    """Return whether a file's name is that of a table of captions."""
    return path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson") and not path.name.startswith(".")


def read_table(path: Path, columns: Mapping[str, str] | None = None, limits: Limits = LIMITS) -> Table:
    """Read a table. `columns` maps mirsearch's column names to the table's.

    Raises SourceError with the file, the columns found and the remedy.
    """
    text, guessed_encoding = _read_text(path, limits)
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        raw_rows, problems = _parse_json_lines(text, limits)
    else:
        raw_rows, problems = _parse_csv(text, path, limits)
    names = list(dict.fromkeys(name for _, fields in raw_rows for name in fields))
    if not raw_rows:
        first_problem = f"; first problem: line {problems[0][0]}: {problems[0][1]}" if problems else ""
        raise SourceError(
            f"{path}: no rows{first_problem}",
            "write the column names on the first line, and one figure on each later line",
        )
    mapping = match_columns(names, columns or {}, path)
    rows = []
    for line, fields in raw_rows:
        ours = {our: fields[theirs].strip() for our, theirs in mapping.items() if fields.get(theirs, "").strip()}
        rows.append(Row(line, ours))
    return Table(tuple(rows), tuple(problems), guessed_encoding)


def caption_lookup(table: Table) -> Callable[[Path], str | None]:
    """Return a function that maps an image's path to its caption.

    It takes the first row whose path shares the most parts with the image's path, counted from the end. It returns
    None if no row has the file's name, or if equally good rows name different folders.
    """
    rows: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for row in table.rows:
        parts = PureWindowsPath(row.fields.get("file", "")).parts  # splits at both kinds of slash
        if parts:
            rows.setdefault(parts[-1], []).append((parts, row.fields.get("caption", "")))

    def caption(path: Path) -> str | None:
        path_parts = path.absolute().parts
        candidates = [(_common_tail_length(path_parts, parts), parts, text) for parts, text in rows.get(path.name, ())]
        best = max((length for length, _, _ in candidates), default=0)
        best_rows = [(parts, text) for length, parts, text in candidates if length == best]
        return best_rows[0][1] if len({parts for parts, _ in best_rows}) == 1 else None

    return caption


def _common_tail_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many parts two paths have in common, counted from the end."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    different = (count for count, (first_part, second_part) in enumerate(pairs) if first_part != second_part)
    return next(different, min(len(first), len(second)))


def match_columns(names: list[str], columns: Mapping[str, str], path: Path) -> dict[str, str]:
    """Map mirsearch's column names to the table's. Raises SourceError if `file` or all other columns are missing.

    Columns in `columns` come first, then those with mirsearch's names, then synonyms.
    """
    names_by_key = {_column_key(name): name for name in reversed(names)}
    matched = {}
    for our, theirs in columns.items():
        if our not in COLUMNS:
            raise SourceError(f"no column {our!r} to map to", f"columns are {', '.join(COLUMNS)}")
        if _column_key(theirs) not in names_by_key:
            raise SourceError(f"{path}: no column {theirs!r}; its columns: {_format_names(names)}",
                              f"map one of these with --column {our}=NAME")  # fmt: skip
        matched[our] = names_by_key[_column_key(theirs)]
    taken = set(matched.values())
    for our, others in COLUMNS.items():
        candidates = (names_by_key[key] for key in (our, *others) if key in names_by_key)
        theirs_or_none = next((name for name in candidates if name not in taken), None)
        if our not in matched and theirs_or_none is not None:
            matched[our] = theirs_or_none
            taken.add(theirs_or_none)
    if "file" not in matched:
        raise SourceError(f"{path}: no column for the image's file name; its columns: {_format_names(names)}",
                          "name it 'file', or map it with --column file=NAME")  # fmt: skip
    if len(matched) == 1:
        raise SourceError(f"{path}: no column for the caption or the article; its columns: {_format_names(names)}",
                          "name it 'caption', or map it with --column caption=NAME")  # fmt: skip
    return matched


def _column_key(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())


def _format_names(names: list[str]) -> str:
    shown = [repr(name[:40]) for name in names[:20]]
    return (", ".join(shown) or "none") + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _read_text(path: Path, limits: Limits) -> tuple[str, str | None]:
    """Return the file's text, and the encoding's name if it had to be guessed."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.table_bytes + 1)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or error}", "check its permissions") from error
    if len(data) > limits.table_bytes:
        raise SourceError(f"{path}: more than {limits.table_bytes:,} bytes", "split it over several folders")
    if not data.strip(b"\0 \r\n\t"):
        raise SourceError(f"{path}: empty", "write the columns' names, then a line a figure; or remove the file")
    for encoding in _encodings(data):
        try:
            return data.decode(encoding), None
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", errors="replace"), "cp1252"


def _encodings(data: bytes) -> Iterator[str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    elif data[1:64:2].count(0) > 20:  # UTF-16 without a byte order mark: every second byte of Latin letters is zero
        yield "utf-16-le"
    elif data[0:64:2].count(0) > 20:
        yield "utf-16-be"
    yield "utf-8-sig"


_Rows = list[tuple[int, dict[str, str]]]
_Problems = list[tuple[int, str]]


def _parse_csv(text: str, path: Path, limits: Limits) -> tuple[_Rows, _Problems]:
    rows: _Rows = []
    problems: _Problems = []
    first_line, _, rest = text.partition("\n")
    delimiter = None
    skipped_lines = 0
    if first_line.strip().lower().startswith("sep=") and len(first_line.strip()) == 5:  # spreadsheets write this line
        delimiter, text, skipped_lines = first_line.strip()[4], rest, 1
    header_line = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    delimiter = delimiter or _guess_delimiter(header_line, path)
    previous_limit = csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        header: list[str] | None = None
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) + len(problems) >= limits.table_rows:
                problems.append((reader.line_num + skipped_lines, _too_many_rows(limits)))
                break
            if header is None:
                header = [cell.strip() for cell in cells]
            elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                problems.append((reader.line_num + skipped_lines, f"{len(cells)} cells for {len(header)} columns"
                                 "; put texts that contain the delimiter in double quotes"))  # fmt: skip
            else:
                rows.append((reader.line_num + skipped_lines, dict(zip(header, cells, strict=False))))
    except csv.Error as error:
        problems.append((reader.line_num + skipped_lines, f"not readable as a table from here on: {error}"))
    finally:
        csv.field_size_limit(previous_limit)
    return rows, problems


def _guess_delimiter(header: str, path: Path) -> str:
    """Return the delimiter that gives the most known column names in the header; among equals, the most cells."""
    known_names = {name for our, others in COLUMNS.items() for name in (our, *others)}

    def score(delimiter: str) -> tuple[int, int]:
        cells = header.split(delimiter)
        return sum(_column_key(cell.strip().strip('"')) in known_names for cell in cells), len(cells)

    delimiters = ("\t", *_DELIMITERS) if path.suffix.lower() == ".tsv" else _DELIMITERS
    return max(delimiters, key=score)


def _too_many_rows(limits: Limits) -> str:
    return f"not read from here on: more than {limits.table_rows:,} rows; split the table over several folders"


def _parse_json_lines(text: str, limits: Limits) -> tuple[_Rows, _Problems]:
    rows: _Rows = []
    problems: _Problems = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        if len(rows) + len(problems) >= limits.table_rows:
            problems.append((number, _too_many_rows(limits)))
            break
        try:
            entry = parse_json(line, _MAX_LINE_VALUES)
        except ValueError as error:
            problems.append((number, f"not JSON: {str(error)[:100]}"))
            continue
        if isinstance(entry, dict):
            rows.append((number, {str(key): _cell_text(value) for key, value in entry.items()}))
        else:
            problems.append((number, "not a JSON object"))
    return rows, problems


def _cell_text(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, list):
        return "; ".join(str(item) for item in value if isinstance(item, str | int | float))
    return str(value)
