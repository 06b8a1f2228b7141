"""OCR with Tesseract through pytesseract. The `tesseract` program must be installed besides the Python package."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.errors import MissingDependencyError

_TARGET_SIDE = 1500
"""Longer side in px to which small images are enlarged: Tesseract reads letters of at least 20 px well."""

_MAX_SIDE = 6000
"""Greatest longer side in px of an image that Tesseract gets. A bound on time, not fitted to data."""

_MAX_ENLARGEMENT = 3.0
"""Greatest factor by which a small image is enlarged: a greater one adds no detail. Not fitted to data."""

_TIMEOUT_S = 60
"""Seconds that Tesseract may take for an image. After that, the image counts as having no text."""


class TesseractEngine:
    """Finds and reads lines with the `tesseract` program, in a process of its own. Threads may share an engine."""

    name = "tesseract"

    def __init__(self) -> None:
        self._module: ModuleType | None = None

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Return the lines of text.

        Small images are enlarged to a longer side of `side_limit` px. `longest` is the greatest longer side in px.
        """
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 4:
            return []
        page, scale = _enlarge(pixels, side_limit or _TARGET_SIDE, longest or _MAX_SIDE)
        words = self._word_table(page, "--psm 11")
        return _join_words(words, scale)

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Return text and confidence (0 to 1) for crops that hold one line each."""
        answers = []
        for crop in crops:
            if crop.ndim != 3 or min(crop.shape[:2]) < 4:
                answers.append(("", 0.0))
                continue
            scale = max(1.0, 48 / crop.shape[0])
            line = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            padded = cv2.copyMakeBorder(line, 12, 12, 12, 12, cv2.BORDER_REPLICATE)
            lines = _join_words(self._word_table(np.asarray(padded, np.uint8), "--psm 7"), 1.0)
            text = " ".join(line.text for line in lines)
            answers.append((text, float(np.mean([line.confidence for line in lines])) if lines else 0.0))
        return answers

    def _word_table(self, page: Pixels, config: str) -> dict[str, list[str]]:
        """Return Tesseract's table of the words in an image, column by column."""
        module = self._load_module()
        from PIL import Image

        try:
            table = module.image_to_data(
                Image.fromarray(page), config=config, output_type=module.Output.DICT, timeout=_TIMEOUT_S
            )
        except module.TesseractNotFoundError as error:
            raise _missing_program_error() from error
        except (RuntimeError, module.TesseractError):
            return {"text": []}
        return {key: [str(cell) for cell in column] for key, column in table.items()}

    def _load_module(self) -> ModuleType:
        """Return the module pytesseract. Raises MissingDependencyError if it is not installed."""
        if self._module is None:
            try:
                import pytesseract
            except ImportError as error:
                raise MissingDependencyError(
                    "OCR engine 'tesseract' needs the Python package pytesseract",
                    "install it with: pip install 'mirsearch[tesseract]', or use --ocr rapidocr",
                ) from error
            self._module = pytesseract
        return self._module


def _missing_program_error() -> MissingDependencyError:
    """Return the error for a missing `tesseract` program."""
    return MissingDependencyError(
        "OCR engine 'tesseract' needs the tesseract program, which is not on PATH",
        "install it (Debian/Ubuntu: apt install tesseract-ocr; macOS: brew install tesseract; "
        "Windows: winget install UB-Mannheim.TesseractOCR), or use --ocr rapidocr",
    )


def _enlarge(pixels: Pixels, side: int, max_side: int) -> tuple[Pixels, float]:
    """Return the image at a size that Tesseract reads well, and the factor by which it was scaled."""
    longest = max(pixels.shape[:2])
    scale = min(max(1.0, min(side / longest, _MAX_ENLARGEMENT)), max_side / longest)
    if scale == 1.0:
        return pixels, 1.0
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8), scale


def _join_words(words: dict[str, list[str]], scale: float) -> list[TextBox]:
    """Return one line for the words of each line, with boxes in px of the original image."""
    words_by_line: dict[tuple[str, str, str], list[int]] = {}
    for index, text in enumerate(words["text"]):
        if text.strip() and float(words["conf"][index]) >= 0:
            key = (words["block_num"][index], words["par_num"][index], words["line_num"][index])
            words_by_line.setdefault(key, []).append(index)
    lines = []
    for members in words_by_line.values():
        left = [float(words["left"][i]) for i in members]
        top = [float(words["top"][i]) for i in members]
        right = [a + float(words["width"][i]) for a, i in zip(left, members, strict=True)]
        bottom = [a + float(words["height"][i]) for a, i in zip(top, members, strict=True)]
        corners = (min(left), min(top), max(right), max(bottom))
        x0, y0, x1, y1 = (round(corner / scale) for corner in corners)
        confidence = float(np.mean([float(words["conf"][i]) for i in members])) / 100
        lines.append(TextBox(" ".join(words["text"][i] for i in members), (x0, y0, x1, y1), confidence))
    return lines
