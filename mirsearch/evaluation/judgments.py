"""Judged queries: TREC qrels, or a csv table of image, text and the ids of relevant panels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirsearch.errors import UsageError
from mirsearch.evaluation.tables import read_table, read_text

_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("query", "query_id", "qid"),
    "image": ("file", "path", "picture"),
    "like": ("panel", "panel_id"),
    "text": ("words", "question"),
    "relevant": ("relevant_ids", "answers", "relevant_id"),
    "group": ("sample", "article", "paper"),
    "field_of_view": ("fov",),
}
"""Columns of a table of queries, each with its other titles."""
_ID_SEPARATOR = re.compile(r"[\s;|]+")
_MAX_GRADE = 1_000


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query with what is relevant to it: grades (0 is not relevant) by ids of panels, figures or articles.

    `image` is a file or a panel of the index, `like` a panel of the index. `group` names queries that belong together,
    such as those of one sample. `field_of_view` is a length with its unit.
    """

    id: str
    image: str | None = None
    like: str | None = None
    text: str | None = None
    relevant: Mapping[str, int] | None = None
    group: str | None = None
    field_of_view: str | None = None


def read_judgments(path: Path, queries: Path | None = None) -> list[JudgedQuery]:
    """Return the judged queries of a file: a csv table with a column `relevant`, or TREC qrels.

    Qrels name their queries: `queries` is a csv table of what each of them asks (id, image, like, text). Without it,
    each name must be a panel of the index. Raises UsageError if a file can't be used.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{path} is empty", "give TREC qrels, or a csv table: image,text,relevant")
    if len(lines[0].split()) == 4 and _is_grade(lines[0].split()[3]):
        judged = _read_qrels(path, lines)
        if queries is None:
            return [JudgedQuery(name, like=name, relevant=grades) for name, grades in judged.items()]
        asked = {query.id: query for query in _read_queries(queries)}
        missing = next((name for name in judged if name not in asked), None)
        if missing is not None:
            raise UsageError(f"{queries} has no query {missing!r}, which {path} judges", "add a row with this id")
        return [replace(asked[name], relevant=grades) for name, grades in judged.items()]
    if queries is not None:
        raise UsageError(f"{path} is no TREC qrels file: --queries has no use", "leave it out")
    found = _read_queries(path)
    if not any(query.relevant for query in found):
        raise UsageError(f"{path} has no column `relevant` with ids", "give TREC qrels, or a csv: image,text,relevant")
    return found


def _read_qrels(path: Path, lines: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the grades by query and id. A line is: query, a number that has no use, id, grade."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if len(cells) != 4 or not _is_grade(cells[3]):
            raise UsageError(f"{path}, line {number}: not QUERY 0 ID GRADE", "give TREC qrels")
        judged.setdefault(cells[0], {})[cells[2]] = max(int(cells[3]), 0)
    return judged


def _is_grade(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,4}", text) is not None and int(text) <= _MAX_GRADE


def _read_queries(path: Path) -> list[JudgedQuery]:
    """Return the queries of a csv table, with what is relevant where it has such a column."""
    rows = read_table(path)
    columns = _find_columns(rows[0]) if rows else {}
    if not {"image", "like", "text"} & set(columns):
        raise UsageError(f"{path} has no column image, like or text", "give a csv table: image,text,relevant")
    found = []
    for number, row in enumerate(rows[1:], start=1):
        cells = {name: row[at].strip() for name, at in columns.items() if at < len(row) and row[at].strip()}
        relevant = dict.fromkeys(filter(None, _ID_SEPARATOR.split(cells.pop("relevant", ""))), 1)
        if not {"image", "like", "text"} & set(cells):
            raise UsageError(f"{path}, row {number + 1}: it asks nothing", "give an image, a panel or words")
        found.append(JudgedQuery(cells.pop("id", str(number)), relevant=relevant, **cells))
    names = [query.id for query in found]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise UsageError(f"{path} has the query {twice!r} twice", "give each query a name of its own")
    return _relative_images(found, path.parent)


def _find_columns(titles: Sequence[str]) -> dict[str, int]:
    """Return the number of each known column."""
    plain = [re.sub(r"[\s-]+", "_", title.strip().casefold()) for title in titles]
    found: dict[str, int] = {}
    for name, others in _COLUMNS.items():
        at = next((plain.index(title) for title in (name, *others) if title in plain), None)
        if at is not None:
            found[name] = at
    return found


def _relative_images(queries: Sequence[JudgedQuery], folder: Path) -> list[JudgedQuery]:
    """Return the queries with images that lie beside the table by their whole path."""
    return [
        replace(query, image=str(folder / query.image))
        if query.image and not Path(query.image).is_file() and (folder / query.image).is_file()
        else query
        for query in queries
    ]
