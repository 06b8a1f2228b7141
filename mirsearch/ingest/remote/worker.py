"""What a worker does: it loads the models once, and analyzes files whose bytes it is sent. It knows no index."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import mirsearch
from mirsearch.errors import MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.ingest.analyzed import AnalyzedFile, FileRequest, ReadyFigure, ReadyImage
from mirsearch.ingest.figure_analysis import Analyzer
from mirsearch.ingest.preparing import FilePreparer
from mirsearch.ingest.remote.messages import (
    FigureAnswer,
    FileAnswer,
    FileTask,
    ImageAnswer,
    WorkerSetup,
    pack,
    unpack,
)

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Models:
    analyzer: Analyzer
    extractor: Extractor


_loaded: dict[WorkerSetup, _Models | str] = {}
"""The models of this process, or why it can't be a worker, by what was asked for."""
_loading = threading.Lock()


def analyze_file(message: bytes) -> bytes:
    """Return the answer to a task, both as messages. All that a file makes go wrong is part of the answer."""
    try:
        task = unpack(FileTask, message)
    except ValueError as error:
        told = f"{_name()} has mirsearch {mirsearch.__version__} and can't read what it is sent ({error})"
        return pack(FileAnswer(refusal=told))
    models = _models(task.setup)
    if isinstance(models, str):
        return pack(FileAnswer(refusal=models))
    if task.file is None and task.shared is None:
        return pack(FileAnswer())
    with _local_file(task) as path:
        if path is None:
            return pack(FileAnswer(wants_file=True))
        log.info("analyzing %s (%s)", task.name, task.content)
        preparer = FilePreparer(models.analyzer, models.extractor, task.selection)
        file = preparer.prepare(FileRequest(path, task.caption, task.panels, task.page), task.content)
        return pack(_answer(file, str(path), task.place))


def _models(setup: WorkerSetup) -> _Models | str:
    """Return the models that are asked for, loaded once a process; a text if this worker can't have the same."""
    with _loading:
        if setup not in _loaded:
            try:
                _loaded[setup] = _load(setup)
            except MirsearchError as error:
                _loaded[setup] = f"{_name()}: {error}"
        return _loaded[setup]


def _load(setup: WorkerSetup) -> _Models | str:
    from mirsearch import plugins
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.extractors.factory import open_extractor, open_recorded_extractor
    from mirsearch.indexes.base import ExtractorIdentity

    if setup.mirsearch != mirsearch.__version__:
        return f"{_name()} has mirsearch {mirsearch.__version__}, and this is mirsearch {setup.mirsearch}"
    weights = None if setup.weights is None else Path(setup.weights)
    extractor = open_extractor(setup.extractor_spec, weights, setup.device)
    identity = ExtractorIdentity(setup.extractor, setup.extractor_version, setup.dims)
    if weights is None and (extractor.version, extractor.dims) != (identity.version, identity.dims):
        extractor = open_recorded_extractor(identity, None, setup.device)  # an older version, of an older index
    analyzer = FigureAnalyzer(plugins.load("ocr", setup.ocr)(), plugins.create("scalebars", setup.scalebars))
    wanted = (setup.extractor, setup.extractor_version, setup.dims)
    own = (extractor.name, extractor.version, extractor.dims)
    if own != wanted:
        return f"{_name()} has the extractor {own[0]} {own[1]} ({own[2]} dims), and this is {wanted[0]} {wanted[1]}"
    if analyzer.version != setup.analysis:
        return f"{_name()} has the analysis {analyzer.version!r}, and this is {setup.analysis!r}"
    return _Models(analyzer, extractor)


def _name() -> str:
    return f"the worker at {socket.gethostname()} (process {os.getpid()})"


@contextmanager
def _local_file(task: FileTask) -> Iterator[Path | None]:
    """Yield the path of a task's file on this machine; None if it is not where it was said to be, or is another."""
    if task.shared is not None:
        path = Path(task.shared)
        yield path if _begins(path, task.content) else None
        return
    with tempfile.TemporaryDirectory(prefix="mirsearch-worker-") as folder:
        path = Path(folder) / _safe_name(task.name)
        path.write_bytes(task.file or b"")
        for name, content in task.beside.items():
            (Path(folder) / _safe_name(name)).write_bytes(content)
        yield path


def _safe_name(name: str) -> str:
    """Return the last part of a name: what is sent is written into the worker's own folder and nowhere else."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return last if last not in ("", ".", "..") and "\0" not in last else "figure"


def _begins(path: Path, content: str) -> bool:
    """Return whether the sha256 of a file begins like this."""
    read = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                read.update(chunk)
    except OSError:
        return False
    return read.hexdigest().startswith(content)


def _answer(file: AnalyzedFile, path: str, place: str) -> FileAnswer:
    """Return what was found as plain data. Messages name the file as the ingest knows it."""
    return FileAnswer(
        figures=tuple(map(_figure, file.figures)),
        failures=tuple((stage, reason.replace(path, place)) for stage, reason in file.failures),
        seconds=dict(file.seconds),
        notes=tuple(note.replace(path, place) for note in file.notes),
    )


def _figure(own: ReadyFigure) -> FigureAnswer:
    return FigureAnswer(
        own.number, own.width, own.height, own.fragment, own.description, own.total, tuple(map(_image, own.ready))
    )


def _image(own: ReadyImage) -> ImageAnswer:
    return ImageAnswer(own.panels, own.vectors.astype("<f4").tobytes(), own.thumbnails)
