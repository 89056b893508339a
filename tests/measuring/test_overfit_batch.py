"""Overfitting 16 rows, and the loss before training."""

import keras
import numpy as np
import pytest

from diagnose.measurements import Initial, OverfitBatch
from diagnose.measuring.bench import Bench
from diagnose.measuring.initial import initial
from diagnose.measuring.overfit_batch import overfit_batch
from diagnose.settings import Settings
from diagnose.subject import Subject
from tests.measuring.subjects import digits, numbers


def measure(case: Subject) -> OverfitBatch:
    with Bench(case, Settings()) as bench:
        found = overfit_batch(bench, {})
    assert isinstance(found, OverfitBatch)
    return found


def test_regularization_does_not_prevent_overfitting() -> None:
    layers = [
        keras.layers.GaussianNoise(1.0),
        keras.layers.Dense(64, kernel_regularizer=keras.regularizers.L2(1.0)),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Dropout(0.9),
        keras.layers.Dense(10, activation="softmax"),
    ]
    found = measure(digits(layers))
    assert found.solved
    assert (found.rows, found.distinct) == (16, 16)
    assert found.attempts[-1].steps < 500


def test_a_net_without_signal_fails_at_every_rate() -> None:
    layers = [keras.layers.Dense(8, activation="relu", kernel_initializer="zeros"), keras.layers.Dense(10, "softmax")]
    layers[1].kernel_initializer = keras.initializers.Zeros()
    found = measure(digits(layers))
    assert not found.solved
    assert [attempt.rate for attempt in found.attempts] == [1e-3, 1e-2, 1e-4]


def test_the_loss_of_regression_is_relative_to_the_variance() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    found = measure(numbers(x @ np.arange(4.0) + 5, x))
    assert found.solved
    assert found.attempts[-1].loss <= 0.01


@pytest.mark.parametrize(
    ("activation", "from_logits", "low", "high"), [("softmax", False, 2.0, 3.2), (None, False, 4.0, 20.0)]
)
def test_the_initial_loss_shows_a_missing_softmax(
    activation: str | None, from_logits: bool, low: float, high: float
) -> None:
    case = digits([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation=activation)])
    with Bench(case, Settings()) as bench:
        found = initial(bench, {})
    assert isinstance(found, Initial)
    assert len(found.losses[0]) == 3
    assert all(low < loss < high for loss in found.losses[0])
    assert found.expected[0] == pytest.approx(np.log(10))
