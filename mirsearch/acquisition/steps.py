"""The steps of an acquisition: a planned article, a figure's result, and where a figure's file is kept."""

from __future__ import annotations

import errno
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from mirsearch.acquisition.ledger import FigureState
from mirsearch.acquisition.services.base import ArticlePlan, FetchedFigure, Hit
from mirsearch.errors import MirsearchError, SourceError
from mirsearch.imaging.damage import MEMORY_REASON, is_memory_error
from mirsearch.sources.articles import clean_text
from mirsearch.sources.base import SourceFailure, SourceItem

_OWN_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EMFILE)
"""Errors of this machine's disk and files: no contents from outside cause them."""


@dataclass(frozen=True, slots=True)
class PlannedArticle:
    """An article of the search with its plan, or the reason why there is none."""

    hit: Hit
    plan: ArticlePlan | None = None
    failure: SourceFailure | None = None
    halt: str | None = None


@dataclass(frozen=True, slots=True)
class FigureResult:
    """What became of one figure: `item` goes to the ingest, the other fields are for the report."""

    item: SourceItem | None = None
    state: FigureState | None = None
    failed: bool = False
    skipped: str | None = None
    size: int = 0
    fetched: bool = False
    halt: str | None = None


def foreign_error(name: str, error: Exception) -> SourceError:
    """Return the failure of one page, article or figure for whatever its contents made go wrong."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, MirsearchError) or (isinstance(error, OSError) and error.errno in _OWN_ERRORS):
        raise error  # of this machine, such as a full disk or a busy ledger
    if is_memory_error(error):
        return SourceError(f"{name}: {MEMORY_REASON}", "close other programs, and run it again")
    kind = type(error).__name__
    return SourceError(f"{name}: its contents can't be used ({kind}: {clean_text(str(error), 120)})", "report it")


def figure_path(workspace: Path, state: FigureState) -> Path:
    """Return where a figure's file is kept: in the workspace, under its article's id and version.

    Its name has the figure's position and a hash of its address: two figures never share a file.
    """
    address = hashlib.sha256(state.figure.url.encode("utf-8", "replace")).hexdigest()[:16]
    name = f"{state.position + 1:03}-{address}-{file_ending(state.figure.name)}"
    return _article_folder(workspace, state) / name


def file_ending(name: str) -> str:
    """Return the end of the file name that a figure of this name gets, behind position and address."""
    return _safe_file_name(name)[-60:]


def stored_file(workspace: Path, state: FigureState) -> Path | None:
    """Return the file that holds a figure's bytes, by their hash; None if there is none.

    mirsearch 0.2 and earlier named files without position and address.
    """
    if state.fetched is None:
        return None
    old_path = _article_folder(workspace, state) / _safe_file_name(state.figure.name)
    paths = (figure_path(workspace, state), old_path)
    return next((path for path in paths if _has_content(path, state.fetched)), None)


def _has_content(path: Path, fetched: FetchedFigure) -> bool:
    try:
        if path.stat().st_size != fetched.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == fetched.sha256
    except OSError:
        return False


def _article_folder(workspace: Path, state: FigureState) -> Path:
    url, _, inner_path = state.figure.url.partition("#")
    segment = url.split("/")[-1 if inner_path else -2]
    name = state.article.rpartition(":")[2]
    folder = segment if segment.startswith(name) else name
    return workspace / "figures" / _safe_file_name(folder)


def _safe_file_name(name: str) -> str:
    """Return a name that every file system accepts. Different names are unlikely to become equal."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).lstrip(".")[-120:] or "_"
