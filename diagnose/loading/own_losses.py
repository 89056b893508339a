"""Whether a custom loss asks for what the task of its output asks for.

Integer labels under several units look like classes, but a metric loss compares the rows of a batch and never reads a
unit as a class. So the loss itself is asked: it must prefer predictions that are right for the task. A loss that
prefers wrong ones, where it is clear which these are, has its sign the wrong way round.
"""

from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import numpy as np

from diagnose.loading.models.losses import as_keras_computes
from diagnose.loading.signatures import Port
from diagnose.subject import Rows, Task

_TRIED = 32  # rows on which the loss is computed
_READ = 20_000  # rows from which they are chosen
_CELLS = 1_000_000  # most numbers of these, and of the outputs that are tried
_SURE = {"softmax": 0.95, "sigmoid": 0.95}  # what a right prediction gives its unit; unbounded heads give `_LOGIT`
_LOGIT = 3.0
_LOPSIDED = 3.0  # times: a loss that punishes errors to one side more does not ask for the centre, but for a quantile
_CLEARLY = 1e-3  # relative difference between the losses of right and wrong predictions
_FAR = 0.1  # the same, for a loss that prefers the wrong ones: share of the larger loss


@dataclass(frozen=True)
class Preference:
    """What a loss gives for right predictions, and for those that are wrong for the task, each in its own way.

    `central`: errors to either side are about equally bad, or the task has no sides.
    """

    right: float
    wrong: tuple[float, ...]
    central: bool = True

    @property
    def fits(self) -> bool:
        """Whether the loss asks for the task: what is wrong has a higher loss, or none at all."""
        worse = (not other - self.right <= _CLEARLY * self._size(other) for other in self.wrong)  # NaN is worse
        return isfinite(self.right) and all(worse) and self.central

    @property
    def opposed(self) -> bool:
        """Whether the loss is clearly lower for everything that is wrong."""
        numbers = (self.right, *self.wrong)
        return all(map(isfinite, numbers)) and all(
            self.right - other > _FAR * self._size(other) for other in self.wrong
        )

    def _size(self, other: float) -> float:
        return max(abs(self.right), abs(other), _CLEARLY)


def preference(task: Task, loss: Any, targets: Rows, port: Port) -> Preference | None:
    """What the loss prefers, right predictions of this task or wrong ones; None if it cannot be asked.

    Wrong are those of another class, the opposite labels, or numbers that are off to either side, which must be about
    equally bad: squared errors are no measure of a quantile. Targets that are all the same say nothing about a task.

    Args:
        task: as labels and head suggest.
        loss: the user's own loss, as `compile` takes it.
        targets: of the output, rows first.
        port: the output.
    """
    row = tuple(size for size in port.shape or () if size is not None)
    if port.shape is None or len(row) < len(port.shape):
        return None
    some = _different(targets, max(2, min(_TRIED, _CELLS // max(1, prod(row)))))
    tried = _classes(some, row, port.activation or "") if task.classifies else _numbers(some, row)
    if tried is None or not len(some) or bool((some == some[:1]).all()):
        return None
    try:
        right, *wrong = (_mean(loss, some, predicted) for predicted in tried)
    except Exception:  # noqa: BLE001 - a custom loss may raise anything
        return None
    return Preference(right, tuple(wrong), task.classifies or _lopsided(right, wrong) <= _LOPSIDED)


def names_right_outputs(task: Task, targets: Rows, port: Port, inputs: int) -> bool:
    """Whether labels and head leave no doubt which outputs are right, whatever the loss prefers.

    They do for numbers, for one unit per class, and for a sigmoid of rows with one input. A unit may also be a distance
    of two inputs, which is low for the label 1, or a critic's value of rows with the labels -1 and 1.

    Args:
        task, targets, port: as in `preference`.
        inputs: number of the model's inputs.
    """
    if task in (Task.REGRESSION, Task.MULTICLASS):
        return True
    some = _different(targets, _TRIED)  # they may be memory-mapped
    probable = bool(some.size) and bool(some.min() >= 0)
    return task.classifies and port.activation == "sigmoid" and inputs == 1 and probable


def _lopsided(right: float, wrong: list[float]) -> float:
    """How many times as bad an error to one side is as the same error to the other; 1 if that is unknown."""
    low, high = sorted(loss - right for loss in wrong)
    return high / low if np.isfinite(high) and low > 0 else 1.0


def _different(targets: Rows, count: int) -> Rows:
    """A few finite targets, with as many different ones as there are, so that a rare class is among them."""
    read = max(count, min(_READ, _CELLS // max(1, int(np.prod(targets.shape[1:])))))
    some = np.asarray(targets[:: -(-len(targets) // read)], np.float32)
    some = some[np.isfinite(some.reshape(len(some), -1)).all(axis=1)]
    _, first = np.unique(some.reshape(len(some), -1), axis=0, return_index=True)
    first = first[:: -(-len(first) // count) or 1]
    rest = np.setdiff1d(np.arange(len(some)), first)[: max(0, count - len(first))]
    chosen: Rows = some[np.concatenate([first, rest])]
    return chosen


def _classes(targets: Rows, row: tuple[int, ...], activation: str) -> list[Rows] | None:
    """Predictions of the true class and of others; None if the targets do not fit the units."""
    shape = (len(targets), *row)
    if targets.size == prod(shape):
        hot = targets.reshape(shape)
        single = shape[-1] > 1 and bool(np.allclose(hot.sum(axis=-1), 1, atol=1e-3))
    elif targets.size * shape[-1] == prod(shape) and targets.min() >= 0 and targets.max() < shape[-1]:
        hot = np.eye(shape[-1], dtype=np.float32)[targets.reshape(shape[:-1]).astype(int)]
        single = True
    else:
        return None
    low, high = float(hot.min()), float(hot.max())
    if not np.isin(hot, (low, high)).all():  # soft labels are probabilities themselves
        return [hot, np.roll(hot, 1, axis=-1)] if activation in _SURE and single else None
    yes = hot == high
    if single:
        return [_head(yes, activation), _head(np.roll(yes, 1, axis=-1), activation)]
    switches = [yes.astype(np.float32)] if activation not in _SURE else []  # a distance or a value, not a logit
    return [_head(yes, activation), _head(~yes, activation), *switches]


def _head(yes: Rows, activation: str) -> Rows:
    """What the head gives if it is sure of these units."""
    sure = _SURE.get(activation)
    if sure is None:
        return np.where(yes, _LOGIT, -_LOGIT).astype(np.float32)
    rest = (1 - sure) / max(1, yes.shape[-1] - 1) if activation == "softmax" else 1 - sure
    return np.where(yes, sure, rest).astype(np.float32)


def _numbers(targets: Rows, row: tuple[int, ...]) -> list[Rows] | None:
    """The targets themselves, and numbers off to either side; None if their number differs from that of the units."""
    shape = (len(targets), *row)
    if targets.size != prod(shape):
        return None
    exact = targets.reshape(shape)
    off = float(exact.std()) or 1.0
    return [exact, exact + off, exact - off]


def _mean(loss: Any, targets: Rows, predicted: Rows) -> float:
    return float(np.mean(np.asarray(as_keras_computes(loss)(targets, predicted))))
