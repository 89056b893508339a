"""The task of each output, inferred from its labels, then its loss, then its last layer.

Faulty programs combine them wrongly, so if labels and loss disagree, the labels decide: {0, 1} under a squared error
is still one of two, and integer labels 0 to K - 1 on K linear units are still one of many. A custom loss is asked
whether it agrees (`own_losses`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnose.errors import InputError
from diagnose.loading.models.losses import LossWords
from diagnose.loading.signatures import Port
from diagnose.subject import Rows, Task

_SPARSE = {"sparse_categorical_crossentropy"}
_CATEGORICAL = {"categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge"}
_BINARY = {"binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge"}
_BOUNDED = {"softmax", "sigmoid"}
_ROWS = 100_000  # labels looked at
_ODD_ROWS = 0.01  # under a categorical loss: share of rows that are not one-hot before the labels are several of many
_MOST_CLASSES = 1_000  # integers on a single unit: from this number on they are values, not classes


@dataclass(frozen=True)
class Judgement:
    """A task and its number of classes (None for regression)."""

    task: Task
    classes: int | None


def infer_task(targets: Rows, port: Port, loss: LossWords, inputs: Sequence[Rows] = ()) -> Judgement:
    """Infer the task of one output.

    Args:
        targets: as fitted to the model, first axis rows.
        port: the output: the shape of one row and the activation of its last layer.
        loss: its loss.
        inputs: the model's inputs, to recognise an autoencoder.
    """
    some = np.asarray(_some(targets))
    if _repeats_input(targets, inputs):
        return Judgement(Task.REGRESSION, None)
    units = port.shape[-1] if port.shape else None
    if loss.name in _SPARSE:
        return Judgement(Task.MULTICLASS, units or _count(some))
    columns = _columns(some, port)
    if columns > 1:
        return _wide(some.reshape(-1, columns), loss)
    return _single(some.reshape(-1), units or 1, port, loss)


def forced(task: Task, targets: Rows, port: Port) -> Judgement:
    """The task as the user says, with the number of classes that goes with it.

    Raises:
        InputError: the labels are not classes.
    """
    units = port.shape[-1] if port.shape else None
    if task in (Task.REGRESSION, Task.OWN_LOSS):
        return Judgement(task, None)
    if task is Task.BINARY:
        return Judgement(task, 2)
    classes = units if units and units > 1 else _count(np.asarray(_some(targets)))
    if classes > max(units or 1, _MOST_CLASSES):
        raise InputError(
            f"--task {task}: the labels go up to {classes - 1:,}, and each counts as a class: number them from 0"
        )
    return Judgement(task, classes)


def _some(rows: Rows) -> Rows:
    """At most `_ROWS` rows, spread over the whole, so that sorted data shows all its classes."""
    step = max(1, -(-rows.shape[0] // _ROWS))
    return rows[::step]


def _repeats_input(targets: Rows, inputs: Sequence[Rows]) -> bool:
    """Whether the targets are the inputs themselves: an autoencoder, whatever their values."""
    if targets.ndim < 2 or targets[0].size < 2:
        return False
    alike = (rows for rows in inputs if rows.shape == targets.shape)
    return any(np.array_equal(rows[:64], targets[:64].astype(rows.dtype), equal_nan=True) for rows in alike)


def _columns(targets: Rows, port: Port) -> int:
    """Numbers per decision: the last axis, where the targets have the output's rank."""
    rank = len(port.shape) if port.shape else 1
    return int(targets.shape[-1]) if targets.ndim == rank + 1 else 1


def _count(labels: Rows) -> int:
    finite = labels[np.isfinite(labels)]
    return max(2, int(finite.max()) + 1) if finite.size else 2


def _wide(rows: Rows, loss: LossWords) -> Judgement:
    """Several columns: one-hot, several of many, or numbers."""
    columns = rows.shape[1]
    finite = rows[np.isfinite(rows).all(axis=1)]
    switches = bool(np.all((finite == 0) | (finite == 1))) and bool(finite.any())
    if switches:
        odd = float(np.mean(finite.sum(axis=1) != 1))
        single = odd <= _ODD_ROWS if loss.name in _CATEGORICAL else odd == 0
        return Judgement(Task.MULTICLASS if single else Task.MULTILABEL, columns)
    shares = loss.name in _CATEGORICAL and len(finite) and np.allclose(finite.sum(axis=1), 1, atol=1e-3)
    return Judgement(Task.MULTICLASS, columns) if shares else Judgement(Task.REGRESSION, None)


def _single(values: Rows, units: int, port: Port, loss: LossWords) -> Judgement:
    """One column: two classes, many classes under integer labels, or numbers."""
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    whole = bool(distinct.size) and bool(np.all(distinct == np.round(distinct)))
    if units > 1 and whole and distinct[0] >= 0 and distinct[-1] < units:
        return Judgement(Task.MULTICLASS, units)
    if whole and set(distinct.tolist()) <= {0.0, 1.0}:
        return Judgement(Task.BINARY, 2)
    if loss.name in {"hinge", "squared_hinge"} and set(distinct.tolist()) <= {-1.0, 1.0}:
        return Judgement(Task.BINARY, 2)
    labels = whole and distinct[0] >= 0 and distinct.size > 2 and distinct[-1] < _MOST_CLASSES
    classifies = loss.name in _BINARY | _CATEGORICAL or port.activation in _BOUNDED
    if labels and classifies:
        return Judgement(Task.MULTICLASS, int(distinct[-1]) + 1)
    if whole and distinct.size == 2 and classifies:
        return Judgement(Task.BINARY, 2)
    return Judgement(Task.REGRESSION, None)
