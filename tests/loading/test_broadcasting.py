"""Targets whose shape differs from that of the outputs, and a loss that accepts it."""

from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, subject_from
from diagnose.loading.broadcasting import broadcasts

SHAPES = [
    ((1,), (1,)),
    ((1,), (40, 1)),
    ((), (40, 1)),
    ((40,), (40, 1)),
    ((1,), (3,)),
    ((28, 28), (28, 28, 1)),
    ((8, 8, 3), (8, 8, 1)),
    ((2,), (3,)),
    ((5,), (40, 1)),
    ((1,), (8, 8, 1)),
]


@pytest.mark.parametrize(("target", "output"), SHAPES)
def test_it_agrees_with_keras(target: tuple[int, ...], output: tuple[int, ...]) -> None:
    rows = 7
    try:
        keras.losses.MeanSquaredError()(np.zeros((rows, *target)), np.zeros((rows, *output)))
        accepted = True
    except Exception:  # noqa: BLE001 - each backend has its own
        accepted = False
    assert broadcasts(target, output) is accepted


def over_time(loss: Any) -> Any:
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.Dense(1)])
    model.compile("sgd", loss)
    return model


def test_one_target_for_all_steps_is_taken_as_it_is() -> None:
    x, y = np.zeros((12, 5, 2), "float32"), np.arange(12.0)[:, None]
    subject = subject_from(over_time("mse"), (x, y), options=LoadOptions())
    assert subject.train.targets[0].shape == (12, 1)


def test_a_loss_that_compares_shapes_refuses_them() -> None:
    x, y = np.zeros((12, 5, 2), "float32"), (np.arange(12.0) % 2)[:, None]
    with pytest.raises(InputError, match="its loss binary_crossentropy cannot compare them"):
        subject_from(over_time("binary_crossentropy"), (x, y), options=LoadOptions())
