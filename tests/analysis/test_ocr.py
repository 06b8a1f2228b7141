"""Test the two OCR engines on drawn lines."""

from __future__ import annotations

import builtins
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rapidocr
from PIL import Image

from mirsearch import plugins
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.ocr.tesseract import TesseractEngine
from mirsearch.errors import MissingDependencyError
from tests.support.bar_drawings import write_text

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="the tesseract program is not installed")


def draw_page(*texts: str) -> np.ndarray:
    image = Image.new("RGB", (420, 90 * len(texts)), "white")
    for index, text in enumerate(texts):
        write_text(image, text, (210, 45 + 90 * index), 36, "black")
    return np.asarray(image)


@pytest.fixture(scope="module")
def rapid():
    return RapidOcrEngine(threads=1)


def test_rapidocr_finds_lines_where_they_are(rapid):
    lines = rapid.read(draw_page("500 nm", "TEM 200 kV"))
    assert [line.text.replace(" ", "") for line in lines] == ["500nm", "TEM200kV"]
    for index, line in enumerate(lines):
        x0, y0, x1, y1 = line.box
        assert x0 < 210 < x1
        assert y0 < 45 + 90 * index < y1
        assert y1 - y0 < 80
        assert line.confidence > 0.8


@pytest.mark.parametrize(("side", "longest"), [(64, None), (160, None), (None, 300)])
def test_rapidocr_reads_at_other_sizes(rapid, side, longest):
    assert [line.text.replace(" ", "") for line in rapid.read(draw_page("500 nm"), side, longest)] == ["500nm"]


def test_rapidocr_keeps_memory_only_for_images_of_usual_size():
    engine = RapidOcrEngine(threads=1)
    small = draw_page("500 nm")
    assert [line.text.replace(" ", "") for line in engine.read(small, 160)] == ["500nm"]
    assert set(engine._engines) == {"detector", "recognizer"}
    large = np.full((700, 900, 3), 255, np.uint8)
    large[300 : 300 + small.shape[0], 200 : 200 + small.shape[1]] = small
    assert [line.text.replace(" ", "") for line in engine.read(large)] == ["500nm"]
    assert set(engine._engines) == {"detector", "large detector", "recognizer"}


def test_rapidocr_has_as_many_threads_as_told_and_none_turns_idly():
    engine = RapidOcrEngine(threads=2)
    assert [line.text.replace(" ", "") for line in engine.read(draw_page("500 nm"), 160)] == ["500nm"]
    for session in (engine._engines["detector"].text_det.session, engine._engines["recognizer"].text_rec.session):
        options = session.session.get_session_options()
        assert options.intra_op_num_threads == min(2, os.cpu_count())
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_rapidocr_recognizes_crops_in_order(rapid):
    answers = rapid.recognize([draw_page("10 nm"), np.zeros((0, 5, 3), np.uint8), draw_page("2 mm")])
    assert [text.replace(" ", "") for text, _ in answers] == ["10nm", "", "2mm"]
    assert answers[1][1] == 0


def count_lines(engine, monkeypatch):
    """Return a list that gets the widths in px of the lines that each call of the recognizer reads at once."""
    engine.recognize([draw_page("1 nm")])
    calls = []
    for width, recognizer in engine._line_reader._recognizers.items():

        def count(lines, width=width, recognize=recognizer.recognize_txt):
            calls.append([max(width, 48 * line.shape[1] // line.shape[0]) for line in lines])
            return recognize(lines)

        monkeypatch.setattr(recognizer, "recognize_txt", count)
    return calls


def test_rapidocr_reads_a_line_again_only_if_many_others_came_between(monkeypatch):
    engine = RapidOcrEngine(threads=1)
    calls = count_lines(engine, monkeypatch)
    monkeypatch.setattr("mirsearch.analysis.ocr.line_reader._MOST_READINGS", 2)
    page = draw_page("10 nm")
    tall = np.ascontiguousarray(page.reshape(2 * page.shape[0], page.shape[1] // 2, 3))
    first, second, other = engine.recognize([page, page, tall])
    assert first == second != other
    assert sum(map(len, calls)) == 2
    engine.recognize([draw_page("2 mm"), draw_page("5 mm")])
    engine.recognize([page])
    assert sum(map(len, calls)) == 5
    assert len(engine._line_reader._readings) == 2


def test_rapidocr_reads_short_lines_at_once_as_it_reads_each_alone(monkeypatch):
    crops = [draw_page(text)[:, 150:270] for text in ("5", "nm", "a", "20")]  # 120 px of 90
    crops += [draw_page(text)[:, 120:300] for text in ("10", "b")] + [draw_page("500 nm")]
    engine, alone = RapidOcrEngine(threads=1), RapidOcrEngine(threads=1)
    calls = count_lines(engine, monkeypatch)
    together = engine.recognize(crops)
    assert calls == [[96] * 4, [112] * 2, [224]]
    for crop, (text, confidence) in zip(crops, together, strict=True):
        ((text_alone, confidence_alone),) = alone.recognize([crop])
        assert text == text_alone
        assert confidence == pytest.approx(confidence_alone, abs=1e-4)
    assert [text.replace(" ", "") for text, _ in together] == ["5", "nm", "a", "20", "10", "b", "500nm"]


def test_rapidocr_prints_nothing(capfd):
    engine = RapidOcrEngine(threads=1)
    engine.read(draw_page("500 nm"))
    engine.read(np.full((80, 80, 3), 255, np.uint8))
    assert capfd.readouterr() == ("", "")


def test_rapidocr_accepts_odd_images(rapid):
    for shape in ((1, 1, 3), (3, 400, 3), (40, 9, 3), (9, 3000, 3)):
        assert rapid.read(np.full(shape, 200, np.uint8)) == []
    assert rapid.recognize([]) == []


def test_threads_can_share_rapidocr():
    engine = RapidOcrEngine(threads=1)
    texts = ["5 nm", "20 nm", "100 nm", "500 nm"] * 2
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda text: engine.read(draw_page(text))[0].text.replace(" ", ""), texts))
    assert answers == [text.replace(" ", "") for text in texts]


@needs_tesseract
def test_tesseract_finds_lines_where_they_are():
    lines = TesseractEngine().read(draw_page("12 nm"))  # of letters that no O can be taken for
    assert [line.text.replace(" ", "") for line in lines] == ["12nm"]
    x0, y0, x1, y1 = lines[0].box
    assert x0 < 210 < x1
    assert y0 < 45 < y1


@needs_tesseract
def test_tesseract_recognizes_crops():
    answers = TesseractEngine().recognize([draw_page("500 nm"), np.zeros((0, 0, 3), np.uint8)])
    assert answers[0][0].replace(" ", "") == "500nm"
    assert answers[1] == ("", 0.0)


def test_tesseract_without_its_package_names_the_extra(monkeypatch):
    real_import = builtins.__import__

    def import_without_pytesseract(name, *arguments, **options):
        if name == "pytesseract":
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "pytesseract", raising=False)
    monkeypatch.setattr(builtins, "__import__", import_without_pytesseract)
    with pytest.raises(MissingDependencyError) as caught:
        TesseractEngine().read(draw_page("5 nm"))
    assert "mirsearch[tesseract]" in caught.value.remedy


def test_tesseract_without_its_program_says_how_to_install_it(monkeypatch):
    pytesseract = pytest.importorskip("pytesseract")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "/nonexistent/tesseract")
    with pytest.raises(MissingDependencyError) as caught:
        TesseractEngine().read(draw_page("5 nm"))
    assert "apt install tesseract-ocr" in caught.value.remedy


@pytest.mark.parametrize("name", ["rapidocr", "tesseract"])
def test_engines_are_registered_and_cheap_to_construct(name):
    assert plugins.load("ocr", name)().name == name


def test_a_missing_or_damaged_model_is_told_and_not_downloaded(monkeypatch, tmp_path):
    """rapidocr would download it, without a word."""
    requested = []
    monkeypatch.setattr("rapidocr.utils.download_file.requests.get", lambda url, **_: requested.append(url))
    folder = Path(rapidocr.__file__).parent / "models"
    shutil.copytree(folder, tmp_path / "models")
    detector = next((tmp_path / "models").glob("*_det_*.onnx"))
    detector.write_bytes(detector.read_bytes()[:-9])
    next((tmp_path / "models").glob("*_rec_*.onnx")).unlink()
    monkeypatch.setattr("rapidocr.main.root_dir", tmp_path)
    engine = RapidOcrEngine(threads=1)
    with pytest.raises(MissingDependencyError, match="missing or damaged"):
        engine.read(draw_page("500 nm"))
    with pytest.raises(MissingDependencyError, match="missing or damaged"):
        engine.recognize([draw_page("500 nm")])
    assert requested == []
