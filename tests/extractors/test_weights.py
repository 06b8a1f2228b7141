"""Reading weights saved by torch, without torch. The tests write files as torch.save does."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.efficientnet.extractor import weights_path
from mirsearch.extractors.efficientnet.weights import read_state_dict

MAGIC = 0x1950A86A20F9469CFC6C


class Tensor:
    """Pickles as a torch tensor does: a call that makes a view of a storage."""

    def __init__(self, storage: np.ndarray, key: str, shape: tuple, strides: tuple, offset: int = 0) -> None:
        self.storage, self.key, self.shape, self.strides, self.offset = storage, key, shape, strides, offset

    def __reduce__(self) -> tuple:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (Storage(self), self.offset, self.shape, self.strides, False, OrderedDict())


class Storage:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class Pickler(pickle.Pickler):
    def persistent_id(self, item: object) -> object:
        if not isinstance(item, Storage):
            return None
        tensor = item.tensor
        return ("storage", sys.modules["torch"].FloatStorage, tensor.key, "cpu", tensor.storage.size, None)


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Provide modules that contain only the names in a saved file."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def rebuild() -> None:
        raise AssertionError

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    torch._utils = utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return


def save(path: Path, tensors: dict[str, object]) -> Path:
    storages = {t.key: t.storage for t in tensors.values() if isinstance(t, Tensor)}
    with path.open("wb") as file:
        for head in (MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, file, 2)
        Pickler(file, 2).dump(OrderedDict(tensors))
        pickle.dump(list(storages), file, 2)
        for storage in storages.values():
            file.write(storage.size.to_bytes(8, "little") + storage.astype("<f4").tobytes())
    return path


NUMBERS = np.arange(24, dtype=np.float32)


@pytest.mark.usefixtures("torch_names")
class TestMadeFiles:
    def test_strides_are_honored(self, tmp_path: Path) -> None:
        tensors = {
            "plain": Tensor(NUMBERS, "0", (4, 6), (6, 1)),
            "turned": Tensor(NUMBERS, "0", (6, 4), (1, 6)),
            "channels_last": Tensor(NUMBERS, "0", (2, 3, 2, 2), (12, 1, 6, 3)),
            "part": Tensor(NUMBERS, "0", (2, 2), (6, 2), offset=7),
            "number": Tensor(NUMBERS, "0", (), (), offset=5),
        }
        found = read_state_dict(save(tmp_path / "weights.pth", tensors))
        assert list(found) == list(tensors)
        assert np.array_equal(found["plain"], NUMBERS.reshape(4, 6))
        assert np.array_equal(found["turned"], NUMBERS.reshape(4, 6).T)
        assert np.array_equal(found["channels_last"], NUMBERS.reshape(2, 2, 2, 3).transpose(0, 3, 1, 2))
        assert np.array_equal(found["part"], [[7, 9], [13, 15]])
        assert found["number"] == 5
        assert all(array.flags.c_contiguous for array in found.values())

    @pytest.mark.parametrize(
        "tensor",
        [
            Tensor(NUMBERS, "0", (5, 6), (6, 1)),
            Tensor(NUMBERS, "0", (4, 6), (6, 1), offset=1),
            Tensor(NUMBERS, "0", (1 << 40,), (0,)),
            Tensor(NUMBERS, "0", (2,), (-1,), offset=3),
            Tensor(NUMBERS, "0", (2, 2), (1,)),
        ],
        ids=["too large", "past the end", "endless", "backwards", "odd strides"],
    )
    def test_impossible_views_are_refused(self, tmp_path: Path, tensor: Tensor) -> None:
        with pytest.raises(MissingDependencyError, match=r"weights\.pth"):
            read_state_dict(save(tmp_path / "weights.pth", {"bad": tensor}))

    def test_a_name_that_is_no_tensor_is_refused_and_not_called(self, tmp_path: Path) -> None:
        trace = tmp_path / "called"

        class Harmful:
            def __reduce__(self) -> tuple:
                return os.mkdir, (str(trace),)

        tensors = {"good": Tensor(NUMBERS, "0", (24,), (1,)), "bad": Harmful()}
        with pytest.raises(MissingDependencyError, match="mkdir"):
            read_state_dict(save(tmp_path / "weights.pth", tensors))
        assert not trace.exists()

    @pytest.mark.parametrize("kept", [0, 3, 60, 200, -1, -40])
    def test_a_file_cut_short_is_refused(self, tmp_path: Path, kept: int) -> None:
        path = save(tmp_path / "weights.pth", {"a": Tensor(NUMBERS, "0", (24,), (1,))})
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(MissingDependencyError):
            read_state_dict(path)


@pytest.mark.parametrize("content", [b"not weights", b"PK\x03\x04 a newer format", pickle.dumps({"a": 1})])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(MissingDependencyError, match="reinstall"):
        read_state_dict(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="nowhere"):
        read_state_dict(tmp_path / "nowhere.pth")


def test_the_packaged_weights_are_whole() -> None:
    weights = read_state_dict(weights_path())
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_blocks.15._project_conv.weight"].shape == (320, 1152, 1, 1)
    assert weights["_fc.weight"].shape == (1000, 1280)
    variances = [array for name, array in weights.items() if name.endswith("running_var")]
    assert len(variances) == 49
    assert all((array >= 0).all() for array in variances)
    assert all(np.isfinite(array).all() for array in weights.values())
