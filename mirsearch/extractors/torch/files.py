"""Reads files of weights made by PyTorch or safetensors, without running code in them."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.torch.device import import_torch
from mirsearch.settings import LIMITS

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "teacher")
_PREFIXES = ("module.", "_orig_mod.", "encoder.", "backbone.")


class WeightsError(MirsearchError):
    """A file of weights can't be read, or belongs to another network."""


def read_weights(path: Path) -> Any:
    """Return what `torch.save` or safetensors wrote: tensors, arrays, plain values; WeightsError for anything else."""
    torch = import_torch("reading weights")
    check_weights_file(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        with torch.serialization.safe_globals(_numpy_names()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError, EOFError, RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError,
        pickle.UnpicklingError, zipfile.BadZipFile, UnicodeDecodeError, OverflowError, AssertionError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path} can't be read as weights: {reason[:200]}", "give a file of torch.save that holds only tensors"
        ) from None


def check_weights_file(path: Path) -> None:
    """Check a file before it is opened: raise if it is missing, too large, or would unpack to too many bytes."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "check the path") from None
    if size > LIMITS.weights_bytes:
        raise WeightsError(
            f"{path} has {size} bytes", f"give a file of weights of at most {LIMITS.weights_bytes} bytes"
        )
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                total = sum(entry.file_size for entry in archive.infolist())
        except (zipfile.BadZipFile, OSError, ValueError):
            return  # torch reports what is wrong
        if total > LIMITS.weights_bytes:
            raise WeightsError(f"{path} unpacks to {total} bytes: this is not a file of weights", "give another file")


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read as safetensors: {error}", "download it again") from None


def _numpy_names() -> list[Any]:
    """Return the names in a pickled numpy array, with old and new modules. They can create only arrays."""
    from numpy._core import multiarray

    kinds = [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "f2", "u1", "?")]
    rebuild: Any = getattr(multiarray, "_reconstruct")  # noqa: B009  (numpy declares no type for it)
    scalar: Any = multiarray.scalar
    old = [(rebuild, "numpy.core.multiarray._reconstruct"), (scalar, "numpy.core.multiarray.scalar")]
    return [np.ndarray, np.dtype, rebuild, scalar, *kinds, *old]


def extract_state_dict(content: Any, path: Path) -> dict[str, Any]:
    """Return the tensors in what was read, unwrapped, and without the prefixes that parallel training adds."""
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    items = content.items() if isinstance(content, Mapping) else ()
    tensors = {str(key): value for key, value in items if hasattr(value, "dtype")}
    if not tensors:
        raise WeightsError(f"{path} holds no named tensors", "give a state dict, or a checkpoint that contains one")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def fill_network(module: Any, state: Mapping[str, Any], path: Path | str, optional: tuple[str, ...] = ()) -> None:
    """Load a state dict into a network; WeightsError names the first tensor that does not fit.

    Tensors whose names begin with one of `optional` are ignored.
    """
    own = module.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    extra = [key for key in state if key not in own and not key.startswith(optional)]
    wrong_shape = [key for key in own if key in state and tuple(own[key].shape) != tuple(state[key].shape)]
    problems = (("it lacks", missing), ("the network has no", extra), ("it has another shape of", wrong_shape))
    for problem, keys in problems:
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise WeightsError(
                f"{path} does not fit the network: {problem} {keys[0]}{more}", "give weights of this architecture"
            )
    module.load_state_dict({key: value for key, value in state.items() if key in own}, strict=False)
