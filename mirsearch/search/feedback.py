"""Turns the vector of a question by what a person marked as alike and as not alike.

Few marks move the vector by Rocchio's rule (Rocchio, "Relevance feedback in information retrieval", in Salton, The
SMART Retrieval System, 1971). From LOGISTIC_MARKS marks of both kinds on, the vector is the weight vector of a logistic
model of the marks, whose prior is the question's own vector (logistic regression on judged items: Lewis, Gale, "A
sequential algorithm for training text classifiers", SIGIR 1994). The score of a linear model is a linear function of
the cosine to its weight vector. So either is a question with one vector, and every index ranks it like any other one.

Then the mean of the panels that are searched is subtracted: what all of them share tells nothing. In Rocchio's optimal
query, too, it is the mean of all that is not relevant, of which the marks are only a part.

Marks that look much like what is wanted would turn the vector away from both (query drift: Mitra, Singhal, Buckley,
"Improving automatic query expansion", SIGIR 1998). So it stays within MIN_COSINE of the mean of what is wanted.

All numbers here were chosen on micrographs of known technique; benchmarks/search/feedback.py measures them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.query import Vector
from mirsearch.ranking import Floats

ALIKE_WEIGHT = 3.0
"""β of Rocchio's rule: the weight of the mean of what is alike, where the question's own vector weighs 1."""
NOT_ALIKE_WEIGHT = 2.0
"""γ of Rocchio's rule: the weight of the mean of what is not alike."""
LOGISTIC_MARKS = 5
"""Marks from which on the logistic model is used, if there are some of both kinds."""
MIN_COSINE = 0.85
"""Least cosine between the turned vector and the mean of what is wanted."""
SAMPLE = 256
"""Panels whose mean stands for that of all panels that are searched; 128 gave the same rise."""
_PENALTY = 0.1
"""Strength of the prior of the logistic model; the marks of each kind weigh 1 together."""
_BIAS_PENALTY = 1e-4
"""The same for the bias, so that the model has a single optimum."""
_MAX_EXPONENT = 50.0
_MAX_STEPS = 60
_TOLERANCE = 1e-10
_MIN_LENGTH = 1e-6
"""Least length of a sum of unit vectors. A shorter one has no direction."""


def turn_vector(
    question: Vector | None, alike: Sequence[Vector], not_alike: Sequence[Vector], searched: NDArray[np.floating]
) -> Vector | None:
    """Return the vector (dims,) that ranks panels by the question's own vector and by those of the marked panels.

    All vectors are of unit length, (dims,). `question` is None for a question without a picture, and `searched` is a
    sample, (n, dims), of the panels that are searched. None is returned where nothing gives a direction.
    """
    if not len(alike) and not len(not_alike):
        return question
    own = [] if question is None else [np.asarray(question, np.float64)]
    liked, disliked = (np.asarray(vectors, np.float64) for vectors in (alike, not_alike))
    wanted = [*own, *([ALIKE_WEIGHT * liked.mean(axis=0)] if len(liked) else [])]
    middle = _direction(np.sum(wanted, axis=0)) if wanted else None
    if middle is None:
        return None if not len(disliked) else _as_vector(_direction(-disliked.mean(axis=0)))
    if not len(disliked):
        turned: Floats | None = middle
    elif len(liked) and len(liked) + len(disliked) >= LOGISTIC_MARKS:
        turned = _direction(_logistic_weights(middle if question is None else own[0], [*own, *liked], disliked))
    else:
        turned = _direction(np.sum(wanted, axis=0) - NOT_ALIKE_WEIGHT * disliked.mean(axis=0))
    if turned is not None and len(searched):
        turned = _direction(turned - np.asarray(searched, np.float64).mean(axis=0))
    return _as_vector(middle if turned is None else _bound_turn(middle, turned))


def _bound_turn(middle: Floats, turned: Floats) -> Floats:
    """Return the unit vector nearest to `turned` whose cosine to `middle` is at least MIN_COSINE."""
    cosine = float(middle @ turned)
    if cosine >= MIN_COSINE:
        return turned
    aside = _direction(turned - cosine * middle)
    return middle if aside is None else MIN_COSINE * middle + math.sqrt(1 - MIN_COSINE**2) * aside


def _logistic_weights(prior: Floats, wanted: Sequence[Floats], unwanted: Floats) -> Floats:
    """Return the weights (dims,) of a logistic model that tells the two kinds apart, by Newton's method.

    The penalty is the squared distance of the weights from `prior`. The weights differ from it by a sum of marked
    vectors alone, so the model is solved in the space that these span.
    """
    marked = np.vstack([*wanted, *unwanted])
    signs = np.repeat([1.0, -1.0], [len(wanted), len(unwanted)])
    shares = np.repeat([1.0 / len(wanted), 1.0 / len(unwanted)], [len(wanted), len(unwanted)])
    basis = np.linalg.qr(np.vstack([marked, prior]).T)[0]
    inputs = np.column_stack([marked @ basis, np.ones(len(marked))])
    start = np.append(prior @ basis, 0.0)
    penalty = np.append(np.full(basis.shape[1], _PENALTY), _BIAS_PENALTY)
    weights = start
    for _ in range(_MAX_STEPS):
        wrong = 1.0 / (1.0 + np.exp(np.clip(signs * (inputs @ weights), -_MAX_EXPONENT, _MAX_EXPONENT)))
        slope = penalty * (weights - start) - inputs.T @ (shares * signs * wrong)
        curvature = (inputs * (shares * wrong * (1.0 - wrong))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        weights = weights - step
        if np.abs(step).max() < _TOLERANCE:
            break
    found: Floats = basis @ weights[:-1]
    return found


def _direction(vector: Floats) -> Floats | None:
    length = float(np.linalg.norm(vector))
    return None if length < _MIN_LENGTH else vector / length


def _as_vector(direction: Floats | None) -> Vector | None:
    return None if direction is None else direction.astype(np.float32)
