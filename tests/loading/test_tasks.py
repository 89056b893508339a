"""Tasks inferred from labels, loss and last layer: one table, no model."""

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models.losses import LossWords
from diagnose.loading.signatures import Port
from diagnose.loading.tasks import forced, infer_task
from diagnose.subject import Task

GENERATOR = np.random.default_rng(0)
ZERO_ONE = np.tile([0, 1], 20).reshape(-1, 1)
TEN = np.tile(np.arange(10), 4)
ONE_HOT = np.eye(3)[np.tile(np.arange(3), 10)]
MULTI_HOT = np.vstack([ONE_HOT, [[1, 1, 0]] * 10])
NUMBERS = GENERATOR.normal(size=(40, 1))
SHARES = GENERATOR.dirichlet([1, 1, 1], size=40)

CASES = {
    "binary cross-entropy": (ZERO_ONE, 1, "sigmoid", "binary_crossentropy", Task.BINARY, 2),
    "logits": (ZERO_ONE, 1, "linear", "binary_crossentropy", Task.BINARY, 2),
    "squared error on {0, 1}": (ZERO_ONE, 1, "sigmoid", "mean_squared_error", Task.BINARY, 2),
    "squared error on {0, 1}, linear": (ZERO_ONE, 1, "linear", "mean_squared_error", Task.BINARY, 2),
    "softmax of one unit": (ZERO_ONE, 1, "softmax", "categorical_crossentropy", Task.BINARY, 2),
    "hinge": (ZERO_ONE * 2 - 1, 1, "tanh", "hinge", Task.BINARY, 2),
    "sparse": (TEN, 10, "softmax", "sparse_categorical_crossentropy", Task.MULTICLASS, 10),
    "sparse, two units": (ZERO_ONE[:, 0], 2, "softmax", "sparse_categorical_crossentropy", Task.MULTICLASS, 2),
    "one-hot": (ONE_HOT, 3, "softmax", "categorical_crossentropy", Task.MULTICLASS, 3),
    "one-hot under squared error": (ONE_HOT, 3, "softmax", "mean_squared_error", Task.MULTICLASS, 3),
    "one-hot under binary cross-entropy": (ONE_HOT, 3, "sigmoid", "binary_crossentropy", Task.MULTICLASS, 3),
    "soft labels": (SHARES, 3, "softmax", "categorical_crossentropy", Task.MULTICLASS, 3),
    "integer labels on linear units": (TEN, 10, "linear", "mean_squared_error", Task.MULTICLASS, 10),
    "several of many": (MULTI_HOT, 3, "sigmoid", "binary_crossentropy", Task.MULTILABEL, 3),
    "several of many under softmax": (MULTI_HOT, 3, "softmax", "categorical_crossentropy", Task.MULTILABEL, 3),
    "numbers": (NUMBERS, 1, "linear", "mean_squared_error", Task.REGRESSION, None),
    "numbers, several": (GENERATOR.normal(size=(40, 3)), 3, "linear", "mean_squared_error", Task.REGRESSION, None),
    "few integers are still numbers": (TEN % 5, 1, "linear", "mean_squared_error", Task.REGRESSION, None),
    "few integers on a sigmoid are classes": (TEN % 5, 1, "sigmoid", "mean_squared_error", Task.MULTICLASS, 5),
    "integers under binary cross-entropy": (TEN, 1, "sigmoid", "binary_crossentropy", Task.MULTICLASS, 10),
    "large integers on a sigmoid are values": (
        np.array([0, 1, 3, 10**9]),
        1,
        "sigmoid",
        "binary_crossentropy",
        Task.REGRESSION,
        None,
    ),
    "shares under binary cross-entropy": (NUMBERS % 1, 1, "sigmoid", "binary_crossentropy", Task.REGRESSION, None),
    "nan among the labels": (np.where(TEN == 9, np.nan, TEN % 2), 1, "sigmoid", "mse", Task.BINARY, 2),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_task(case: tuple[np.ndarray, int, str, str, Task, int | None]) -> None:
    targets, units, activation, loss, task, classes = case
    judged = infer_task(targets, Port("out", (units,), activation=activation), LossWords(loss))
    assert (judged.task, judged.classes) == (task, classes)


def test_an_autoencoder_is_regression_whatever_its_values() -> None:
    pixels = (GENERATOR.random((40, 6)) > 0.5).astype("float32")
    port = Port("out", (6,), activation="sigmoid")
    assert infer_task(pixels, port, LossWords("binary_crossentropy"), [pixels]).task is Task.REGRESSION
    assert infer_task(pixels, port, LossWords("binary_crossentropy"), [pixels[::-1]]).task is Task.MULTILABEL


def test_one_odd_row_does_not_make_one_hot_labels_several_of_many() -> None:
    labels = np.vstack([np.eye(3)[np.arange(300) % 3], [[1, 1, 0]]])
    port = Port("out", (3,), activation="softmax")
    assert infer_task(labels, port, LossWords("categorical_crossentropy")).task is Task.MULTICLASS


def test_every_position_of_an_image_is_judged() -> None:
    masks = np.zeros((5, 4, 4, 1))
    masks[:, 0] = 1
    port = Port("out", (4, 4, 1), activation="sigmoid")
    assert infer_task(masks, port, LossWords("binary_crossentropy")).task is Task.BINARY


def test_sorted_labels_show_all_their_classes() -> None:
    labels = np.repeat([0, 1], 150_000)
    assert infer_task(labels, Port("out", (1,)), LossWords("mean_squared_error")).task is Task.BINARY


@pytest.mark.parametrize(
    ("task", "units", "classes"),
    [("regression", 1, None), ("binary", 1, 2), ("multiclass", 1, 10), ("multilabel", 4, 4)],
)
def test_the_user_decides(task: str, units: int, classes: int | None) -> None:
    judged = forced(Task(task), TEN, Port("out", (units,)))
    assert (judged.task, judged.classes) == (Task(task), classes)


def test_the_user_calls_values_classes() -> None:
    expected = "--task multiclass: the labels go up to 1,000,000,000, and each counts as a class: number them from 0"
    with pytest.raises(InputError, match=expected):
        forced(Task.MULTICLASS, np.array([0, 10**9]), Port("out", (1,)))
