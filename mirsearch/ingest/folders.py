"""An ingest of folders and files as a whole: look, tell or refuse, take in, take out, and remember the folders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index
from mirsearch.indexes.own_files import PREFIX, own_files
from mirsearch.ingest.ingest import Ingest
from mirsearch.ingest.inputs import InputOptions, find_inputs
from mirsearch.ingest.preview import IngestPreview, preview_ingest
from mirsearch.ingest.scan import Scan, scan_paths
from mirsearch.ingest.summary import IngestSummary
from mirsearch.ingest.sync import SyncPlan, finish_sync, plan_sync
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure, SourceFailure

FOLDERS = "folders"
"""The list of the folders that an index was fed from, by path, with how they were read."""


@dataclass(frozen=True, slots=True)
class PathIngest:
    """What an ingest of paths is asked for. `sync`: the index follows the folders; `force`: also where most would go.

    `workspace` keeps what is unpacked or cut. `progress` is called with the number of files that were looked at.
    """

    paths: tuple[Path, ...]
    options: InputOptions = field(default_factory=InputOptions)
    sync: bool = False
    force: bool = False
    selection: Selection = field(default_factory=Selection)
    progress: Callable[[int], None] = lambda done: None

    def check(self) -> None:
        """Raise UsageError if the options contradict each other or the paths."""
        if not self.paths:
            raise UsageError("nothing to ingest", "give folders or files, or --keyword nano")
        if self.force and not self.sync:
            raise UsageError("--force is for --sync", "leave it out, or add --sync")
        files = [path for path in self.paths if path.is_file()]
        if self.sync and files:
            raise UsageError(f"{files[0]} is a file, and --sync is for folders", "leave out --sync, or give its folder")

    def preview(self, index: Index | None, workspace: Path) -> IngestPreview:
        """Return what the ingest would do. Writes nothing into the index, and makes none."""
        self.check()
        with ExitStack() as stack:
            if index is None:
                workspace = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mirsearch-")))
            if not self.sync:
                _check_paths(self.paths)
            scan = scan_paths(self.paths, self.options, workspace, self.progress)
            plan = plan_sync(index, scan) if self.sync else None
            preview = preview_ingest(index, scan, plan, self.selection)
        preview.refusal = None if plan is None or self.force else plan.refusal()
        return preview

    def prepare(self, index: Index | None, workspace: Path) -> PreparedIngest:
        """Find the figures. Raises SourceError if there are none, or if a sync would take out too much."""
        self.check()
        if not self.sync:
            return PreparedIngest(self, find_inputs(self.paths, self.options, workspace))
        scan = scan_paths(self.paths, self.options, workspace, self.progress)
        plan = plan_sync(index, scan)
        plan.check(self.force)
        return PreparedIngest(self, scan.items, scan, plan)


def _check_paths(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder", "correct the path")


@dataclass(slots=True)
class PreparedIngest:
    """The figures that were found in paths, and what a sync will take out."""

    request: PathIngest
    items: list[FoundFigure | SourceFailure]
    scan: Scan | None = None
    plan: SyncPlan | None = None

    def run(self, index: Index, work: Ingest) -> IngestSummary:
        """Ingest all, then take out what is gone, and remember the folders for the next update."""
        summary = work.run(self.items, None if self.scan is None else self.scan.hashes)
        if self.plan is not None and self.scan is not None:
            finish_sync(index, self.plan, self.scan, summary)
        if not summary.interrupted:
            _remember(index, self.request)
        return summary


def _remember(index: Index, request: PathIngest) -> None:
    known = index.entries(FOLDERS)
    asked = _to_json(request)
    inside = own_files(index.location)  # what the index keeps itself is no folder that it follows
    folders = {
        str(path.resolve()): asked
        for path in request.paths
        if path.is_dir() and not inside.to_stored(str(path)).startswith(PREFIX)
    }
    changed = {name: value for name, value in folders.items() if known.get(name) != value}
    if changed:
        with index.writer() as writer:
            writer.write_entries(FOLDERS, changed)


def _to_json(request: PathIngest) -> dict[str, Any]:
    options, selection = request.options, request.selection
    pages = list(selection.pages) if isinstance(selection.pages, tuple) else selection.pages
    return {
        "source": options.source, "columns": dict(options.columns), "follow_links": options.follow_links,
        "exclude": list(options.exclude), "sync": request.sync, "pages": pages, "projection": selection.projection,
    }  # fmt: skip


def remembered_folders(index: Index) -> list[PathIngest]:
    """Return the folders that an index was fed from, each with the options of its last ingest."""
    return [_from_json(Path(name), value) for name, value in index.entries(FOLDERS).items()]


def _from_json(folder: Path, value: dict[str, Any]) -> PathIngest:
    pages = value.get("pages")
    selection = Selection(tuple(pages) if isinstance(pages, list) else pages, str(value.get("projection") or "max"))
    options = InputOptions(
        value.get("source"), dict(value.get("columns") or {}), bool(value.get("follow_links")),
        tuple(value.get("exclude") or ()),
    )  # fmt: skip
    return PathIngest((folder,), options, bool(value.get("sync")), selection=selection)


def forget_folders(index: Index, folders: Sequence[Path]) -> list[str]:
    """Let an update leave these folders out; their figures stay. Returns those that were remembered."""
    known = index.entries(FOLDERS)
    names = [name for folder in folders for name in {str(folder), str(folder.resolve())} if name in known]
    if names:
        with index.writer() as writer:
            writer.write_entries(FOLDERS, {}, removed=names)
    return names
