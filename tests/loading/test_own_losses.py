"""Custom losses: which ask for the task that labels and head suggest, and which name none."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from diagnose.loading import LoadOptions, subject_from
from diagnose.loading.own_losses import Preference, names_right_outputs, preference
from diagnose.loading.signatures import Port
from diagnose.subject import Task

ROWS = 400
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 10, ROWS)
ONE_HOT = np.eye(10, dtype="float32")[LABELS]
RARE = (np.arange(ROWS) % 200 == 7).astype("float32")[:, None]
PAIRS = (np.arange(ROWS) % 2).astype("float32")[:, None]
NUMBERS = GENERATOR.normal(size=(ROWS, 1)).astype("float32")
MASKS = (GENERATOR.random((50, 8, 8, 1)) < 0.2).astype("float32")
DUMMY = np.zeros((ROWS, 1), "float32")


def focal(y: Any, p: Any) -> Any:
    p = ops.clip(p, 1e-7, 1.0)
    return -ops.sum(y * ops.square(1 - p) * ops.log(p), axis=-1)


def sparse_focal(y: Any, p: Any) -> Any:
    return focal(ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), 10), p)


def binary_focal(y: Any, p: Any) -> Any:
    p = ops.clip(p, 1e-7, 1 - 1e-7)
    return -ops.mean(y * (1 - p) ** 2 * ops.log(p) + (1 - y) * p**2 * ops.log(1 - p), axis=-1)


def binary_focal_of_logits(y: Any, p: Any) -> Any:
    return binary_focal(y, ops.sigmoid(p))


def dice(y: Any, p: Any) -> Any:
    return 1 - (2 * ops.sum(y * p) + 1) / (ops.sum(y) + ops.sum(p) + 1)


def quantile(y: Any, p: Any) -> Any:
    return ops.mean(ops.maximum(0.95 * (y - p), -0.05 * (y - p)), axis=-1)


def median(y: Any, p: Any) -> Any:
    return ops.mean(ops.maximum(0.5 * (y - p), -0.5 * (y - p)), axis=-1)


def huber(y: Any, p: Any) -> Any:
    return keras.losses.huber(y, p, delta=0.5)


class Squares(keras.losses.Loss):  # type: ignore[misc]
    """A loss class: Keras does not align the ranks for it."""

    def call(self, y: Any, p: Any) -> Any:
        return ops.mean(ops.square(y - p), axis=-1)


def triplet(y: Any, p: Any) -> Any:
    """All rows of a batch against each other."""
    y = ops.reshape(y, (-1,))
    apart = ops.sum(ops.square(p[:, None] - p[None]), axis=-1)
    same = ops.cast(y[:, None] == y[None], p.dtype)
    return ops.mean(ops.maximum(ops.max(apart * same, axis=1) - ops.min(apart + 1e6 * same, axis=1) + 1.0, 0.0))


def near_if_one(y: Any, distance: Any) -> Any:
    return ops.mean(y * distance**2 + (1 - y) * ops.maximum(1 - distance, 0.0) ** 2)


def near_if_zero(y: Any, distance: Any) -> Any:
    return near_if_one(1 - y, distance)


def wasserstein(y: Any, p: Any) -> Any:
    return ops.mean(y * p)


def gaussian(y: Any, p: Any) -> Any:
    return ops.mean(p[:, 1:] + ops.square(y - p[:, :1]) / ops.exp(2 * p[:, 1:]), axis=-1)


def fails(y: Any, p: Any) -> Any:
    raise ValueError("not for these shapes")


Case = tuple[Task, Callable[..., Any], np.ndarray, tuple[int, ...], str | None]

NAMES: dict[str, Case] = {
    "focal, one-hot": (Task.MULTICLASS, focal, ONE_HOT, (10,), "softmax"),
    "focal, integers": (Task.MULTICLASS, sparse_focal, LABELS, (10,), "softmax"),
    "focal, a column of integers": (Task.MULTICLASS, sparse_focal, LABELS[:, None], (10,), "softmax"),
    "focal, a rare class": (Task.BINARY, binary_focal, RARE, (1,), "sigmoid"),
    "focal, flat targets": (Task.BINARY, binary_focal, RARE[:, 0], (1,), "sigmoid"),
    "focal of logits": (Task.BINARY, binary_focal_of_logits, RARE, (1,), "linear"),
    "focal, soft labels": (Task.MULTICLASS, focal, 0.9 * ONE_HOT + 0.01, (10,), "softmax"),
    "dice": (Task.BINARY, dice, MASKS, (8, 8, 1), "sigmoid"),
    "median": (Task.REGRESSION, median, NUMBERS, (1,), "linear"),
    "huber": (Task.REGRESSION, huber, NUMBERS[:, 0], (1,), "linear"),
    "squares by row and column": (Task.REGRESSION, Squares(), NUMBERS[:, 0], (1,), "linear"),
}
NAME_NONE: dict[str, Case] = {
    "triplets on as many units as classes": (Task.MULTICLASS, triplet, LABELS, (10,), "linear"),
    "triplets on more units": (Task.MULTICLASS, triplet, LABELS, (16,), None),
    "triplets on a softmax": (Task.MULTICLASS, triplet, LABELS, (10,), "softmax"),
    "contrastive, one is near": (Task.BINARY, near_if_one, PAIRS, (1,), None),
    "contrastive, zero is near": (Task.BINARY, near_if_zero, PAIRS, (1,), None),
    "quantile": (Task.REGRESSION, quantile, NUMBERS, (1,), "linear"),
    "wasserstein": (Task.REGRESSION, wasserstein, 2 * PAIRS - 1, (1,), "linear"),
    "dummy targets": (Task.BINARY, triplet, DUMMY, (16,), "linear"),
    "mean and spread": (Task.REGRESSION, gaussian, NUMBERS, (2,), "linear"),
    "a loss that fails": (Task.REGRESSION, fails, NUMBERS, (1,), "linear"),
}


def asked(case: Case) -> Preference | None:
    task, loss, targets, shape, activation = case
    return preference(task, loss, targets, Port("y", shape, activation=activation))


@pytest.mark.parametrize("case", NAMES.values(), ids=NAMES.keys())
def test_a_loss_that_prefers_right_predictions_names_the_task(case: Case) -> None:
    found = asked(case)
    assert found is not None and found.fits and not found.opposed


@pytest.mark.parametrize("case", NAME_NONE.values(), ids=NAME_NONE.keys())
def test_a_loss_that_does_not_care_names_none(case: Case) -> None:
    found = asked(case)
    assert found is None or not found.fits


@pytest.mark.parametrize("case", NAMES.values(), ids=NAMES.keys())
def test_with_the_other_sign_it_prefers_wrong_predictions(case: Case) -> None:
    task, loss, *rest = case
    found = asked((task, lambda y, p: -loss(y, p), *rest))
    assert found is not None and found.opposed and not found.fits


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("case", NAME_NONE.values(), ids=NAME_NONE.keys())
def test_a_loss_without_right_predictions_has_no_wrong_sign(case: Case, sign: int) -> None:
    task, loss, targets, shape, activation = case
    found = asked((task, lambda y, p: sign * loss(y, p), targets, shape, activation))
    clear = names_right_outputs(task, targets, Port("y", shape, activation=activation), inputs=2)
    assert found is None or not (found.opposed and clear) or case == NAME_NONE["quantile"]


@pytest.mark.parametrize(
    ("task", "targets", "activation", "inputs", "clear"),
    [
        (Task.BINARY, PAIRS, "sigmoid", 1, True),
        (Task.BINARY, PAIRS, "sigmoid", 2, False),  # may be a distance of two inputs
        (Task.BINARY, PAIRS, "linear", 1, False),
        (Task.BINARY, 2 * PAIRS - 1, "sigmoid", 1, False),  # may be a critic's value
        (Task.REGRESSION, NUMBERS, "linear", 2, True),
        (Task.MULTICLASS, LABELS, "softmax", 2, True),
    ],
)
def test_labels_and_head_may_leave_open_what_is_right(
    task: Task, targets: np.ndarray, activation: str, inputs: int, clear: bool
) -> None:
    assert names_right_outputs(task, targets, Port("y", (1,), activation=activation), inputs) is clear


@pytest.mark.parametrize(
    ("units", "activation", "loss", "task", "expected"),
    [
        (10, "softmax", sparse_focal, None, Task.MULTICLASS),
        (16, None, triplet, None, Task.OWN_LOSS),
        (16, None, triplet, "multiclass", Task.MULTICLASS),
        (10, "softmax", "sparse_categorical_crossentropy", "own-loss", Task.OWN_LOSS),
        (10, "softmax", lambda y, p: -sparse_focal(y, p), None, Task.MULTICLASS),
    ],
)
def test_a_subject_has_the_task_or_none(units: int, activation: Any, loss: Any, task: Any, expected: Task) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])
    model.compile("sgd", loss)
    x = GENERATOR.normal(size=(ROWS, 4)).astype("float32")
    assert subject_from(model, (x, LABELS), options=LoadOptions(task=task)).outputs[0].task is expected
