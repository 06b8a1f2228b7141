"""Reads a file of safetensors into numpy arrays: a header in JSON, then the raw elements of each tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "<u1"}
_MAX_HEADER = 16 << 20


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file by name. Raises MissingDependencyError if the file is damaged or cut off."""
    try:
        data = np.fromfile(path, np.uint8)
        size = int.from_bytes(data[:8].tobytes(), "little")
        if len(data) < 8 or size > min(_MAX_HEADER, len(data) - 8):
            raise ValueError("its header is cut off")
        header = json.loads(data[8 : 8 + size].tobytes())
        return {name: _tensor(data[8 + size :], entry) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MissingDependencyError(
            f"{path} is no usable file of weights: {error}", "reinstall its package"
        ) from error


def _tensor(data: NDArray[np.uint8], entry: Mapping[str, Any]) -> NDArray[Any]:
    begin, end = map(int, entry["data_offsets"])
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(map(int, entry["shape"]))
    if not 0 <= begin <= end <= len(data) or end - begin != prod(shape) * dtype.itemsize:
        raise ValueError("a tensor is cut off")
    return np.frombuffer(data[begin:end].tobytes(), dtype).reshape(shape)
