"""Reads a legacy `torch.save` file of tensors into numpy arrays, without torch and without running code in the file.

The layout: five pickles (magic number, protocol, machine facts, the object, the storage keys in order), then each
storage as an int64 count and its raw little-endian elements. Tensors are views into storages, strides and all.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
_REINSTALL = "reinstall the package that brings it"


class _Storage(NamedTuple):
    key: str
    dtype: str
    length: int


class _View(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _View:
    return _View(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _rebuild_parameter(view: _View, *_: Any) -> _View:
    return view


class _Unpickler(pickle.Unpickler):
    """Accepts the few names that a saved state dict needs and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name in the file stands for; UnpicklingError for a name that no state dict needs."""
        if module == "collections" and name == "OrderedDict":
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no file of weights needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage of a persistent id; UnpicklingError for another kind of id, or a view into a storage."""
        if not (isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage" and pid[1] in _DTYPES):
            raise pickle.UnpicklingError("it refers to something that is not a storage")
        if len(pid) == 6 and pid[5] is not None:
            raise pickle.UnpicklingError("it holds views of storages, which this reader does not support")
        return _Storage(str(pid[2]), _DTYPES[pid[1]], int(pid[4]))


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a legacy `torch.save` file by name, in the file's order, C-contiguous.

    Raises MissingDependencyError if the file is missing, cut short, of another format, or holds more than tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        pickle.PickleError,
    ) as error:
        raise MissingDependencyError(f"{path}: these weights can't be read: {error}", _REINSTALL) from error


def _read(file: BinaryIO, size: int) -> dict[str, NDArray[Any]]:
    if _Unpickler(file).load() != _MAGIC:
        raise ValueError("not a legacy torch file")
    _Unpickler(file).load()  # protocol
    _Unpickler(file).load()  # byte order and type sizes of the machine that wrote it
    tensors = _Unpickler(file).load()
    keys = _Unpickler(file).load()
    if not isinstance(tensors, Mapping) or not isinstance(keys, list):
        raise ValueError("not a dictionary of tensors")
    views = {str(name): view for name, view in tensors.items() if isinstance(view, _View)}
    dtypes = {view.storage.key: view.storage for view in views.values()}
    storages: dict[str, NDArray[Any]] = {}
    for key in map(str, keys):
        count = int.from_bytes(file.read(8), "little", signed=True)
        kind = dtypes.get(key)
        if kind is None or count != kind.length or count * np.dtype(kind.dtype).itemsize > size:
            raise ValueError(f"storage {key} does not have the size that its tensors need")
        raw = file.read(count * np.dtype(kind.dtype).itemsize)
        storages[key] = np.frombuffer(raw, kind.dtype, count)
    return {name: _materialize(view, storages[view.storage.key]) for name, view in views.items()}


def _materialize(view: _View, storage: NDArray[Any]) -> NDArray[Any]:
    if len(view.shape) != len(view.strides) or min((view.offset, *view.shape, *view.strides)) < 0:
        raise ValueError("a tensor has an impossible shape")
    if prod(view.shape) > storage.size:  # a view with strides of 0 could have any number of elements
        raise ValueError("a tensor has more elements than its storage")
    if 0 not in view.shape:
        last = view.offset + sum((n - 1) * step for n, step in zip(view.shape, view.strides, strict=True))
        if last >= storage.size:
            raise ValueError("a tensor reaches beyond its storage")
    item = storage.dtype.itemsize
    window = np.lib.stride_tricks.as_strided(
        storage[view.offset :], view.shape, tuple(step * item for step in view.strides), writeable=False
    )
    return np.ascontiguousarray(window).reshape(view.shape)
