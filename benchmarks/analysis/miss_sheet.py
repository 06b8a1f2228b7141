"""Draw contact sheets: pictures with a line of text above each, three in a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_CELL_SIDE, _CELLS_PER_ROW = 480, 3


def write_cells(cells: Sequence[tuple[str, np.ndarray]], path: Path) -> None:
    """Write (line, RGB picture) pairs as one PNG. If there are none, remove an old sheet."""
    path.parent.mkdir(exist_ok=True)
    if not cells:
        path.unlink(missing_ok=True)
        return
    tiles = [_draw_cell(line, picture) for line, picture in cells]
    blank = np.full((_CELL_SIDE, _CELL_SIDE, 3), 235, np.uint8)
    while len(tiles) % _CELLS_PER_ROW:
        tiles.append(blank)
    rows = [np.hstack(tiles[n : n + _CELLS_PER_ROW]) for n in range(0, len(tiles), _CELLS_PER_ROW)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _draw_cell(line: str, picture: np.ndarray) -> np.ndarray:
    """Return a cell of the sheet: the line of text, and the picture below it."""
    scale = min((_CELL_SIDE - 10) / picture.shape[1], (_CELL_SIDE - 40) / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cell = np.full((_CELL_SIDE, _CELL_SIDE, 3), 235, np.uint8)
    cell[30 : 30 + small.shape[0], 5 : 5 + small.shape[1]] = small
    cv2.putText(cell, line[:66], (5, 20), 0, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return cell
