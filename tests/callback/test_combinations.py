"""Training with the callback is, bit for bit, training without it; and the callback sees every step of it."""

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import diagnose
from diagnose.measuring.backend import random_state
from tests.callback.trainings import BATCH, EPOCHS, ROWS, TRAININGS, Training, generator

BY_NAME = pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)


@pytest.fixture(scope="module", autouse=True)
def _two_devices() -> None:
    """Two logical CPUs, for the tests with two replicas."""
    if len(tf.config.list_logical_devices("CPU")) < 2:
        pytest.skip("TensorFlow was started with one logical CPU in this process")


def _state(model: Any) -> list[Any]:
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


@BY_NAME
def test_bit_identical(training: Training) -> None:
    plain, plain_history = training.run()
    expected = (random.random(), np.random.random(), random_state())
    callback = diagnose.DiagnosisCallback()
    watched, history = training.run(callback)
    assert (random.random(), np.random.random(), random_state()) == expected
    assert history == plain_history
    for ours, theirs in zip(_state(watched), _state(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@BY_NAME
def test_every_step_is_seen(training: Training) -> None:
    callback = diagnose.DiagnosisCallback()
    model, history = training.run(callback)
    (run,) = _history(callback).runs
    per_epoch = 3 if training.data is generator else -(-len(_train_rows(training)) // BATCH)
    assert len(run.step_losses) == len(run.gradient_norms) == EPOCHS * per_epoch
    assert np.isfinite(run.step_losses).all()
    assert (run.gradient_norms[np.isfinite(run.gradient_norms)] > 0).all()
    if training.policy == "float32" and not training.fitted:
        sizes = np.full(per_epoch, BATCH) if training.data is generator else np.diff([*range(0, ROWS, BATCH), ROWS])
        np.testing.assert_allclose(np.average(run.step_losses[:per_epoch], weights=sizes), history["loss"][0], rtol=0.02)


@BY_NAME
def test_nothing_stays_in_the_model(training: Training) -> None:
    before: dict[str, Any] = {}

    class Remember(keras.callbacks.Callback):
        def set_model(self, model: Any) -> None:
            super().set_model(model)
            before.update(model=set(vars(model)), optimizer=set(vars(model.optimizer)))

    model, _ = training.run(Remember(), diagnose.DiagnosisCallback())
    for name in ("train_step", "compute_loss", "_autoconvert_optionals"):
        assert name not in vars(model)
    assert "apply" not in vars(model.optimizer)
    for function in (model.train_function, model.test_function):
        assert "diagnose" not in getattr(function, "__module__", "")


@BY_NAME
def test_diagnosis(training: Training) -> None:
    callback = diagnose.DiagnosisCallback()
    training.run(callback)
    found = callback.diagnosis
    assert not [check for check in found.checks if check.outcome == "crashed"]
    assert found.state != "unknown"
    assert {split["name"] for split in found.subject["splits"]} >= {"train"}


def _history(callback: Any) -> Any:
    return callback._session._history()


def _train_rows(training: Training) -> Any:
    share = training.fitted.get("validation_split", 0.0)
    return range(int(ROWS * (1 - share)))
