from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from mirsearch.cli.parts import load_detector, load_extractor, load_ocr
from mirsearch.corpus import Panel
from mirsearch.errors import WorkersError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.ingest.ingest import Ingest
from mirsearch.ingest.remote import client as remote
from mirsearch.ingest.remote.client import RemoteWorkers
from mirsearch.ingest.remote.messages import FigureAnswer, FileAnswer, FileTask, ImageAnswer, WorkerSetup, pack, unpack
from mirsearch.ingest.remote.taking import take_answer
from mirsearch.ingest.remote.worker import analyze_file
from mirsearch.ingest.summary import IngestSummary
from mirsearch.query import Filters
from mirsearch.search.answer import stored_json
from mirsearch.sources.discover import find_figures

FILES = 4


class InProcess:
    """An executor that calls at once. `answers` change what comes back, one after the other."""

    answers: ClassVar[list[Callable[[bytes], bytes]]] = []
    tasks: ClassVar[list[FileTask]] = []
    made = 0
    count = 2

    def __init__(self) -> None:
        type(self).made += 1

    def submit(self, function: Callable[[bytes], bytes], task: bytes, /) -> Future[bytes]:
        future: Future[bytes] = Future()
        asked = unpack(FileTask, task)
        if asked.file is None and asked.shared is None:
            future.set_result(function(task))
            return future
        self.tasks.append(asked)
        change = self.answers.pop(0) if self.answers else None
        try:
            future.set_result(function(task) if change is None else change(task))
        except BaseException as error:
            if isinstance(error, BrokenExecutor) and str(error) == "at submit":
                raise
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(FILES):
        pixels = np.random.default_rng(number).integers(40, 160, (96, 120, 3), dtype=np.uint8)
        pixels[86:89, 8:48] = 255
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    (folder / "p0.txt").write_text("[SemImageFile]\nPixelSize=2.5\nDataSize=120x96\n")
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    return folder


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> RemoteWorkers:
    InProcess.answers, InProcess.tasks, InProcess.made = [], [], 0
    monkeypatch.setattr(remote, "open_executor", lambda spec: InProcess())
    return RemoteWorkers("in-process", "efficientnet", "rapidocr", "runs")


def run(folder: Path, place: Path, workers: Any) -> tuple[IngestSummary, list[Any]]:
    from mirsearch.analysis.analyzer import FigureAnalyzer

    model = load_extractor("efficientnet")
    with open_index(str(place), create=ExtractorIdentity(model.name, model.version, model.dims)) as index:
        analyzer = FigureAnalyzer(load_ocr("rapidocr"), load_detector("runs"))
        summary = Ingest(index, analyzer, model, workers=workers).run(find_figures([folder]))
        return summary, contents(index)


def contents(index: Index) -> list[Any]:
    panels = list(index.select_panels(Filters()))
    vectors = [index.vector(stored.panel.id).tobytes() for stored in panels]
    thumbnails = [index.thumbnail(stored.panel.id) for stored in panels]
    return [[stored_json(stored) for stored in panels], vectors, thumbnails]


@pytest.fixture(scope="module")
def expected(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[IngestSummary, list[Any]]:
    return run(pictures, tmp_path_factory.mktemp("one") / "index", 1)


def test_workers_elsewhere_make_the_same_corpus_with_the_same_failures(
    pictures: Path, workers: RemoteWorkers, expected: tuple[IngestSummary, list[Any]], tmp_path: Path
) -> None:
    summary, found = run(pictures, tmp_path / "index", workers)
    assert found == expected[1]
    assert summary.failures == expected[0].failures
    assert len(summary.failures) == 1
    sent = {task.name: task for task in InProcess.tasks}
    assert sent["p0.png"].beside.keys() == {"p0.txt"}
    assert all(task.file for task in sent.values())


def test_real_processes_make_the_same_corpus(
    pictures: Path, expected: tuple[IngestSummary, list[Any]], tmp_path: Path
) -> None:
    own = RemoteWorkers("processes:1", "efficientnet", "rapidocr", "runs")
    assert run(pictures, tmp_path / "index", own)[1] == expected[1]


def test_a_shared_folder_is_named_and_files_that_are_not_there_are_sent(
    pictures: Path, workers: RemoteWorkers, expected: tuple[IngestSummary, list[Any]], tmp_path: Path
) -> None:
    def not_there(task: bytes) -> bytes:
        return analyze_file(pack(dataclasses.replace(unpack(FileTask, task), shared=str(tmp_path / "nowhere"))))

    InProcess.answers = [not_there]
    shared = dataclasses.replace(workers, shared=(pictures,))
    assert run(pictures, tmp_path / "index", shared)[1] == expected[1]
    assert [task.file is None for task in InProcess.tasks].count(False) == 1
    assert len(InProcess.tasks) == FILES + 2


def lose(task: bytes) -> bytes:
    raise RuntimeError("the node was taken away\nand more")


def break_pool(task: bytes) -> bytes:
    raise BrokenExecutor("at submit")


def test_a_file_whose_worker_is_lost_or_talks_nonsense_is_tried_once_more(
    pictures: Path, workers: RemoteWorkers, expected: tuple[IngestSummary, list[Any]], tmp_path: Path
) -> None:
    InProcess.answers = [lose, lambda task: b"nonsense", lambda task: pack(FileAnswer()), break_pool]
    summary, found = run(pictures, tmp_path / "index", workers)
    assert InProcess.answers == []
    assert found == expected[1]
    assert len(summary.failures) == 1
    assert InProcess.made == 2, "an executor that is broken is replaced"


def test_a_file_that_is_lost_twice_is_a_failure_with_its_cause(
    pictures: Path, workers: RemoteWorkers, tmp_path: Path
) -> None:
    InProcess.answers = [lose, lose]
    summary, found = run(pictures / "p1.png", tmp_path / "index", workers)
    assert found[0] == []
    assert [reason for _, reason in summary.failures] == [
        "its worker was lost 2 times: the node was taken away (ingest it alone to see why)"
    ]
    assert len(InProcess.tasks) == 2


def test_a_worker_with_another_version_or_without_a_model_ends_the_run_in_one_line(
    pictures: Path, workers: RemoteWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr(remote.mirsearch, "__version__", "9.9")
        setup_seen = unpack(FileAnswer, analyze_file(pack(FileTask(setup()))))
        assert setup_seen.refusal.endswith("has mirsearch 9.9, and this is mirsearch 0.0")
    with pytest.raises(WorkersError, match=r"the worker at .*: no OCR engine named 'gone' is installed"):
        run(pictures, tmp_path / "index", dataclasses.replace(workers, ocr="gone"))
    with pytest.raises(WorkersError, match=r"has the analysis '.* rapidocr .*', and this is 'made up'"):
        remote.RemoteWork(workers, setup(mirsearch=remote.mirsearch.__version__), lambda count: None).probe()


def setup(**changes: Any) -> WorkerSetup:
    model = load_extractor("efficientnet")
    values: dict[str, Any] = {
        "mirsearch": "0.0", "analysis": "made up", "extractor": model.name, "extractor_version": model.version,
        "dims": model.dims, "extractor_spec": "efficientnet", "weights": None, "device": None, "ocr": "rapidocr",
        "scalebars": "runs",
    }  # fmt: skip
    return WorkerSetup(**(values | changes))


JPEG = b"\xff\xd8\xff\xe0 and so on"
UNIT = np.eye(1, 4, dtype="<f4").tobytes()


def answer(panel: dict[str, Any] | None = None, **figure: Any) -> FileAnswer:
    image = ImageAnswer((Panel(**({"box": (0, 0, 9, 9)} | (panel or {}))),), figure.pop("vectors", UNIT), (JPEG,))
    values: dict[str, Any] = {
        "number": 0, "width": 10, "height": 10, "fragment": "", "description": "", "total": 1, "images": (image,)
    }  # fmt: skip
    return FileAnswer(figures=(FigureAnswer(**(values | figure)),))


def test_an_answer_that_no_analysis_gives_is_refused() -> None:
    task = FileTask(setup(dims=4))
    assert take_answer(answer(), task).figures[0].ready[0].vectors.shape == (1, 4)
    wrong = [
        answer({"box": (0, 0, 11, 9)}), answer({"box": (5, 0, 5, 9)}), answer({"kind": "virus"}),
        answer({"id": "0123-a"}), answer({"kind_confidence": 2.0}), answer({"caption": "x" * 60_000}),
        answer(vectors=UNIT * 2), answer(vectors=b"\0" * 16), answer(vectors=np.full(4, np.nan, "<f4").tobytes()),
        answer(width=0), answer(number=-1), answer(total=0), answer(fragment="#planes=\n"), FileAnswer(),
        FileAnswer(failures=(("rm -rf", "x"),)), FileAnswer(figures=answer().figures * 2),
    ]  # fmt: skip
    for each in wrong:
        with pytest.raises(ValueError, match="that no analysis gives"):
            take_answer(unpack(FileAnswer, pack(each)), task)
    with pytest.raises(ValueError, match="another page"):
        take_answer(answer(), dataclasses.replace(task, page=3))


def test_what_is_sent_lies_nowhere_but_in_the_workers_own_folder(tmp_path: Path) -> None:
    named = str(tmp_path / "outside.png")
    told = unpack(FileAnswer, analyze_file(pack(FileTask(
        setup(mirsearch=remote.mirsearch.__version__, analysis=_version()), name=f"../../../../..{named}",
        place="asked/as.png", file=b"no picture", beside={"../" * 9 + str(tmp_path / "beside.txt"): b"x"},
    ))))  # fmt: skip
    assert [stage for stage, _ in told.failures] == ["read"]
    assert not list(tmp_path.iterdir())


def _version() -> str:
    from mirsearch.analysis.analyzer import FigureAnalyzer

    return FigureAnalyzer(load_ocr("rapidocr"), load_detector("runs")).version
