"""The steps of an acquisition: a planned article, a figure's result, and where a figure's file is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mirsearch.acquisition.ledger import FigureState
from mirsearch.acquisition.services.base import ArticlePlan, Hit
from mirsearch.sources.base import SourceFailure, SourceItem


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


def figure_path(workspace: Path, state: FigureState) -> Path:
    """Return where a figure's file is kept: in the workspace, under its article's id and version."""
    url, _, inner_path = state.figure.url.partition("#")
    segment = url.split("/")[-1 if inner_path else -2]
    name = state.article.rpartition(":")[2]
    folder = segment if segment.startswith(name) else name
    return workspace / "figures" / _safe_file_name(folder) / _safe_file_name(state.figure.name)


def _safe_file_name(name: str) -> str:
    """Return a name that every file system accepts. Different names are unlikely to become equal."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).lstrip(".")[-120:] or "_"
