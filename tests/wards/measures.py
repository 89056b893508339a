"""How predictions are scored: 0 is of no use, 1 is perfect.

The functions that build a `Measure` are part of the key of the trainings that name them, docstring included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.wards.data import Array


@dataclass(frozen=True)
class Measure:
    """A score and its floor.

    Args:
        score: from inputs, targets and predictions (each an array, or a tuple where there are several).
        constant: from inputs and targets, the score of the best constant prediction.
    """

    score: Callable[[Any, Any, Any], float]
    constant: Callable[[Any, Any], float]


def parts(arrays: Any) -> tuple[Any, ...]:
    """One array per input or output, as a tuple."""
    return tuple(arrays) if isinstance(arrays, tuple | list) else (arrays,)


def r2(output: int = 0) -> Measure:
    """The explained share of the variance of numbers, clipped at 0. Shapes may differ in axes of length one."""

    def score(_: Any, y: Any, p: Any) -> float:
        return explained(parts(y)[output], parts(p)[output])

    return Measure(score, lambda x, y: 0.0)


def explained(y: Array, p: Array) -> float:
    """The explained share of the variance of `y`, not below 0; 0 for predictions that are not finite."""
    if not np.isfinite(p).all():
        return 0.0
    spread = ((y - y.mean(axis=0)) ** 2).sum()
    return max(0.0, 1 - float(((y - p.reshape(y.shape)) ** 2).sum() / max(spread, 1e-12)))


def recall(output: int = 0, padding: int | None = None, logits: bool = False) -> Measure:
    """Mean recall over the classes of all positions, without those where the first input is `padding`.

    y: (rows, *positions) or one more axis of length one; p: (rows, *positions, classes), or one unit for two classes.
    """

    def chosen(x: Any, y: Any) -> tuple[Array, Any]:
        labels = parts(y)[output]
        kept = np.ones(labels.size, bool) if padding is None else parts(x)[0].ravel() != padding
        return labels.ravel()[kept], kept

    def score(x: Any, y: Any, p: Any) -> float:
        labels, kept = chosen(x, y)
        return balanced(labels, predicted_classes(parts(p)[output], logits).ravel()[kept])

    return Measure(score, lambda x, y: 1 / len(np.unique(chosen(x, y)[0])))


def dice(output: int = 0, classes: tuple[int, ...] = (1,), logits: bool = False) -> Measure:
    """Mean Dice coefficient over the foreground classes, of all positions of all rows. Shapes as in `recall`."""

    def score(_: Any, y: Any, p: Any) -> float:
        labels = parts(y)[output].ravel()
        return overlap(labels, predicted_classes(parts(p)[output], logits).ravel(), classes)

    def constant(_: Any, y: Any) -> float:
        labels = parts(y)[output].ravel()
        return max(overlap(labels, np.full_like(labels, one), classes) for one in classes)

    return Measure(score, constant)


def predicted_classes(p: Array, logits: bool) -> Array:
    """The class of each position; not a number counts as class -1."""
    classes = p[..., 0] > (0.0 if logits else 0.5) if p.shape[-1] == 1 else p.argmax(axis=-1)
    return np.where(np.isfinite(p).all(axis=-1), classes, -1)


def balanced(labels: Array, predicted: Array) -> float:
    """Mean recall over the classes that occur."""
    return float(np.mean([np.mean(predicted[labels == one] == one) for one in np.unique(labels)]))


def overlap(labels: Array, predicted: Array, classes: tuple[int, ...]) -> float:
    """Mean Dice coefficient over the classes that occur."""
    sizes = [(np.sum(labels == one), np.sum(predicted == one), one) for one in classes if np.any(labels == one)]
    return float(np.mean([2 * np.sum((labels == one) & (predicted == one)) / (a + b) for a, b, one in sizes]))
