"""OCR by Tesseract through pytesseract: the `tesseract` program must be installed beside the Python package."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.errors import MissingDependencyError

_TARGET_SIDE = 1500
"""Longer side, in px, that small images are enlarged to: Tesseract wants letters of 20 px and more."""

_MAX_SIDE = 6000
_MAX_ENLARGEMENT = 3.0
_TIMEOUT_S = 60
"""Time a page may take; a page that takes longer is given up."""


class TesseractEngine:
    """Finds and reads lines with the `tesseract` program; a process a call, so threads may share it."""

    name = "tesseract"

    def __init__(self) -> None:
        self._module: ModuleType | None = None

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Lines of text; small images are enlarged to a longer side of `side_limit` px, at most `longest`."""
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 4:
            return []
        page, scale = _enlarge(pixels, side_limit or _TARGET_SIDE, longest or _MAX_SIDE)
        words = self._data(page, "--psm 11")
        return _join_words(words, scale)

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Text and confidence (0 to 1) of crops that hold one line each."""
        answers = []
        for crop in crops:
            if crop.ndim != 3 or min(crop.shape[:2]) < 4:
                answers.append(("", 0.0))
                continue
            scale = max(1.0, 48 / crop.shape[0])
            line = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            padded = cv2.copyMakeBorder(line, 12, 12, 12, 12, cv2.BORDER_REPLICATE)
            lines = _join_words(self._data(np.asarray(padded, np.uint8), "--psm 7"), 1.0)
            text = " ".join(line.text for line in lines)
            answers.append((text, float(np.mean([line.confidence for line in lines])) if lines else 0.0))
        return answers

    def _data(self, page: Pixels, config: str) -> dict[str, list[str]]:
        """Tesseract's table of words of an image."""
        module = self._load()
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

    def _load(self) -> ModuleType:
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
    return MissingDependencyError(
        "OCR engine 'tesseract' needs the tesseract program, which is not on PATH",
        "install it (Debian/Ubuntu: apt install tesseract-ocr; macOS: brew install tesseract; "
        "Windows: winget install UB-Mannheim.TesseractOCR), or use --ocr rapidocr",
    )


def _enlarge(pixels: Pixels, side: int, most: int) -> tuple[Pixels, float]:
    """The image at a size Tesseract reads well, and the factor."""
    longest = max(pixels.shape[:2])
    scale = min(max(1.0, min(side / longest, _MAX_ENLARGEMENT)), most / longest)
    if scale == 1.0:
        return pixels, 1.0
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8), scale


def _join_words(words: dict[str, list[str]], scale: float) -> list[TextBox]:
    """Words of one line joined, boxes back in px of the image as given."""
    grouped: dict[tuple[str, str, str], list[int]] = {}
    for index, text in enumerate(words["text"]):
        if text.strip() and float(words["conf"][index]) >= 0:
            key = (words["block_num"][index], words["par_num"][index], words["line_num"][index])
            grouped.setdefault(key, []).append(index)
    lines = []
    for members in grouped.values():
        left = [float(words["left"][i]) for i in members]
        top = [float(words["top"][i]) for i in members]
        right = [a + float(words["width"][i]) for a, i in zip(left, members, strict=True)]
        bottom = [a + float(words["height"][i]) for a, i in zip(top, members, strict=True)]
        corners = (min(left), min(top), max(right), max(bottom))
        x0, y0, x1, y1 = (round(corner / scale) for corner in corners)
        confidence = float(np.mean([float(words["conf"][i]) for i in members])) / 100
        lines.append(TextBox(" ".join(words["text"][i] for i in members), (x0, y0, x1, y1), confidence))
    return lines
