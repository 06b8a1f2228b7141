"""OCR with rapidocr: PP-OCR models in ONNX, shipped in its wheel, run by onnxruntime."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.errors import MissingDependencyError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from rapidocr import RapidOCR

    from mirsearch.analysis.ocr.line_reader import LineReader

DEFAULT_MIN_SIDE = 736
"""Least shorter side in px of the image that the text detector gets, if the caller gives none: rapidocr's default."""

MAX_SIDE = 2000
"""Greatest longer side in px of the image that the text detector gets. The recognizer reads the full resolution.

A bound on time; chosen by hand on drawn figures.
"""

MAX_ENLARGEMENT = 3.0
"""Greatest factor by which an image is enlarged for the text detector.

A greater one adds no detail and takes as long as a large figure. Chosen by hand on drawn figures.
"""

MIN_CONFIDENCE = 0.5
"""Least confidence of the recognizer (0 to 1) in a line that is kept; chosen by hand on drawn figures."""

_MOST_KEPT_PIXELS = 500_000
"""Pixels of an image up to which the text detector keeps its memory for the next: about 100 MB."""


class RapidOcrEngine:
    """Finds and reads lines of text. It loads its models at first use, prints nothing, and may be shared by threads."""

    name = "rapidocr"

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._engines: dict[str, RapidOCR] = {}
        self._line_reader: LineReader | None = None

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Return the lines of text, from top to bottom.

        The text detector gets an image whose shorter side is at least `side_limit` px and whose longer side is at most
        `longest` px. The recognizer reads the lines from the original pixels.
        """
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 4:
            return []
        quads = self._find_lines(np.ascontiguousarray(pixels[:, :, ::-1]), side_limit or DEFAULT_MIN_SIDE, longest)
        if not quads:
            return []
        texts = self.recognize([_straighten(pixels, quad) for quad in quads])
        height, width = pixels.shape[:2]
        lines = []
        for quad, (text, confidence) in zip(quads, texts, strict=True):
            if text.strip() and confidence >= MIN_CONFIDENCE:
                x0, y0 = np.floor(quad.min(axis=0)).astype(int)
                x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
                box = (max(0, int(x0)), max(0, int(y0)), min(width, int(x1)), min(height, int(y1)))
                lines.append(TextBox(text.strip(), box, confidence))
        return lines

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Return text and confidence (0 to 1) for crops that hold one line each; ("", 0) for a crop without area."""
        filled = [at for at, crop in enumerate(crops) if crop.ndim == 3 and min(crop.shape[:2]) >= 2]
        readings = dict(zip(filled, self._reader().read([crops[at] for at in filled]), strict=True)) if filled else {}
        return [readings.get(at, ("", 0.0)) for at in range(len(crops))]

    def _reader(self) -> LineReader:
        """Return what reads lines; its model is loaded at first use."""
        from mirsearch.analysis.ocr.line_reader import LineReader

        if self._line_reader is None:
            recognizer = self._engine("recognizer")
            with self._lock:
                self._line_reader = self._line_reader or LineReader(recognizer)
        return self._line_reader

    def _find_lines(self, bgr: Pixels, side_limit: int, longest: int | None = None) -> list[NDArray[np.float32]]:
        """Return the quadrilaterals (4, 2) of text lines in px of the image; arguments are as in `read`."""
        height, width = bgr.shape[:2]
        scale = min(
            max(1.0, side_limit / min(height, width)), MAX_ENLARGEMENT, (longest or MAX_SIDE) / max(height, width)
        )
        size = (max(32, round(width * scale)), max(32, round(height * scale)))
        resized = bgr if size == (width, height) else cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR)
        part = "detector" if size[0] * size[1] <= _MOST_KEPT_PIXELS else "large detector"
        result = self._engine(part)(resized, use_det=True, use_cls=False, use_rec=False)
        if result.boxes is None:
            return []
        to_original = np.array([width / size[0], height / size[1]], np.float32)
        return [np.asarray(quad, np.float32) * to_original for quad in result.boxes]

    def _engine(self, part: str) -> RapidOCR:
        """Return the rapidocr pipeline for a part, such as "detector"; build it at first use."""
        with self._lock:
            if part not in self._engines:
                self._engines[part] = _build_engine(part, self._threads or settings.thread_count())
            return self._engines[part]


def _build_engine(part: str, threads: int) -> RapidOCR:
    """Return a rapidocr pipeline that either finds lines or reads them, so that no call changes another's settings.

    Keeping memory between calls saves the detector a fifth of its time and the recognizer next to nothing. What a large
    image takes is given back.
    """
    from omegaconf import flag_override
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").disabled = True  # it writes every model path and every empty result to stderr
    options: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.use_det": part != "recognizer",
        "Global.use_cls": False,
        "Global.use_rec": part == "recognizer",
        "Global.text_score": 0.0,
        "Global.max_side_len": MAX_SIDE * 2,
        "Det.limit_side_len": 32,
    }
    engine = RapidOCR(params=options)
    wanted = engine.cfg.Rec if part == "recognizer" else engine.cfg.Det
    model = _find_model(wanted, Path(engine.cfg.Global.model_root_dir))
    with flag_override(wanted, "allow_objects", True):
        wanted.session = _open_session(model, threads, keeps_memory=part == "detector")
    return engine


def _open_session(model: Path, threads: int, *, keeps_memory: bool) -> InferenceSession:
    """Return a session as rapidocr itself would open it, whose threads sleep while they have nothing to do.

    As they come, they turn idly for a while and wait for more: that takes twice the processor time, which other threads
    and processes need.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = keeps_memory
    options.intra_op_num_threads, options.inter_op_num_threads = min(threads, os.cpu_count() or 1), 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    arena = {"arena_extend_strategy": "kSameAsRequested"}
    return onnxruntime.InferenceSession(str(model), options, [("CPUExecutionProvider", arena)])


def _find_model(wanted: Any, folder: Path) -> Path:
    """Return the file of rapidocr's model. Raise MissingDependencyError if it is not the one that its package has.

    rapidocr itself would download it, without a word.
    """
    from rapidocr.inference_engine.base import FileInfo, InferSession

    names = ("engine_type", "ocr_version", "task_type", "lang_type", "model_type")
    info = InferSession.get_model_url(FileInfo(**{name: wanted[name] for name in names}))
    path = folder / Path(info["model_dir"]).name
    try:
        with path.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == info["SHA256"]
    except OSError:
        is_whole = False
    if not is_whole:
        raise MissingDependencyError(
            f"the OCR model {path} is missing or damaged",
            "install its package again: pip install --force-reinstall --no-deps rapidocr",
        )
    return path


def _straighten(pixels: Pixels, quad: NDArray[np.float32]) -> Pixels:
    """Return the line in a quadrilateral as an upright crop. A line much taller than wide is turned by 90 degrees."""
    width_px = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[3] - quad[2]))
    height_px = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    width, height = max(2, round(float(width_px))), max(2, round(float(height_px)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    crop = cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    upright = np.rot90(crop) if height >= 1.5 * width else crop
    return np.ascontiguousarray(upright, np.uint8)
