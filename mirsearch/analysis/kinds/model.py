"""Tell classes of pictures by their features: multinomial logistic regression with several forms of each class.

A class such as fluorescence looks quite different in gray, in color and inverted, so that each of its forms has weights
of its own and a class has the probabilities of its forms together. `benchmarks/analysis/technique.py --fit` fits the
weights; they are stored beside this module as plain .npy files, which are read without unzipping.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "plot", "schematic", "photo", "gel", "diffraction", "map", "EDX", "EBSD",
    "SEM", "TEM", "HRTEM", "STEM", "Cryo-TEM", "AFM", "optical", "fluorescence",
)  # fmt: skip
"""The classes of pictures: drawings, then pictures that have no technique, maps, and micrographs by technique."""

KIND_OF = (
    {name: name for name in CLASSES[:6]} | {"EDX": "map", "EBSD": "map"} | dict.fromkeys(CLASSES[8:], "micrograph")
)
"""Kind of corpus.KINDS of each class."""

DRAWN = frozenset(("plot", "schematic"))
"""Kinds that are drawn rather than imaged."""

_SAME_KIND = np.array([[float(KIND_OF[one] == KIND_OF[other]) for one in CLASSES] for other in CLASSES])
"""Which classes (classes, classes) are of one kind."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Weights (n, forms) and bias (forms,) of each form, and the class (forms,) to which it belongs."""

    weights: Matrix
    bias: Matrix
    classes: NDArray[np.int_]

    def probabilities(self, values: Matrix) -> NDArray[np.float64]:
        """Return the probability of each class of CLASSES for features (n,) or (pictures, n)."""
        scores = np.asarray(values @ self.weights + self.bias, np.float64)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        result: NDArray[np.float64] = scores @ (self.classes[:, None] == np.arange(len(CLASSES)))
        return result

    def tempered(self, temperature: float) -> Model:
        """Return the model with all scores multiplied by `temperature`: below 1 it is less sure."""
        return Model(self.weights * np.float32(temperature), self.bias * np.float32(temperature), self.classes)

    def pack(self) -> bytes:
        """Return the model as the bytes of an .npy file: a column each form, of class, bias and weights."""
        buffer = BytesIO()
        np.save(buffer, np.vstack([self.classes, self.bias, self.weights]).astype(np.float32))
        return buffer.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class StagedModel:
    """Two models of the same values: `kinds` tells the kind of a picture, `classes` the class within that kind.

    Pictures of many origins tell kinds apart best. Their techniques are known less surely, so that fewer teach these.
    """

    kinds: Model
    classes: Model

    def probabilities(self, values: Matrix) -> NDArray[np.float64]:
        """Return the probability of each class of CLASSES for values (n,) or (pictures, n)."""
        by_kind = self.kinds.probabilities(values) @ _SAME_KIND
        classes = self.classes.probabilities(values)
        joined = by_kind * classes / np.maximum(classes @ _SAME_KIND, 1e-12)
        result: NDArray[np.float64] = joined / joined.sum(axis=-1, keepdims=True)
        return result


def unpack_model(data: bytes) -> Model:
    """Return the model that :meth:`Model.pack` packed."""
    table = np.load(BytesIO(data), allow_pickle=False)
    return Model(table[2:], table[1], table[0].astype(int))


@cache
def load_model(name: str) -> Model:
    """Return a stored model, read once: `features` for features alone, `kinds` and `texture` for texture, too."""
    return unpack_model(files(__package__).joinpath(f"{name}.npy").read_bytes())


@cache
def load_staged_model() -> StagedModel:
    """Return the stored model of features and texture, read once."""
    return StagedModel(load_model("kinds"), load_model("texture"))


def fit_model(
    values: Matrix, forms: NDArray[np.int_], classes: NDArray[np.int_], weight: Matrix, penalty: float, steps: int = 150
) -> Model:
    """Fit a model to features (pictures, n) and the number of each picture's form, by accelerated gradient descent.

    `classes` (forms,) tells the class of each form, `weight` (pictures,) how much each picture counts. Half of
    `penalty` is the factor of the squared weights of the scaled features (ridge). Nesterov's method (1983), with the
    step that the bound of the curvature allows.
    """
    share = (weight / weight.sum()).astype(np.float32)
    mean = share @ values
    deviation = np.sqrt(share @ (values - mean) ** 2) + 1e-6
    scaled = np.hstack([(values - mean) / deviation, np.ones((len(values), 1))]).astype(np.float32)
    truth = np.eye(len(classes), dtype=np.float32)[forms]
    weighed = scaled * share[:, None]
    ridge = np.full((scaled.shape[1], 1), penalty, np.float32)
    ridge[-1] = 0
    step = np.float32(1 / (0.5 * np.linalg.eigvalsh(scaled.T @ weighed)[-1] + penalty))
    found = ahead = np.zeros((scaled.shape[1], len(classes)), np.float32)
    pace = 1.0
    for _ in range(steps):
        scores = scaled @ ahead
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        moved = ahead - step * (weighed.T @ (scores - truth) + ridge * ahead)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = moved + np.float32((pace - 1) / faster) * (moved - found)
        found, pace = moved, faster
    weights = found[:-1] / deviation[:, None]
    return Model(weights.astype(np.float32), (found[-1] - mean @ weights).astype(np.float32), np.asarray(classes, int))
