"""The callback does not change the training, bit for bit, and sees every step."""

import random
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import diagnose
from diagnose.measuring.backend import array, random_state
from tests.callback.trainings import (
    BATCH,
    EPOCHS,
    ROWS,
    TRAININGS,
    OwnLoss,
    OwnStep,
    Training,
    TwoOptimizers,
    generator,
)

ALONE = (  # all else differs in the data, or combines what is here
    "sequential, arrays",
    "functional, tf.data",
    "subclassed, arrays",
    "own train_step, arrays",
    "own train_step with two optimizers",
    "two outputs",
    "jit_compile",
    "steps_per_execution",
    "mixed float16",
    "gradient accumulation",
)
WRAPPED = ("train_step", "compute_loss", "_autoconvert_optionals")


@pytest.mark.parametrize(
    "training",
    [pytest.param(one, id=one.name, marks=[] if one.name in ALONE else [pytest.mark.slow]) for one in TRAININGS],
)
def test_combination(training: Training) -> None:
    if len(tf.config.list_logical_devices("CPU")) < training.replicas:
        pytest.skip("TensorFlow started with one logical CPU in this process")
    plain, plain_history = training.run()
    expected = _random_states()
    callback = diagnose.DiagnosisCallback()
    model, history = training.run(callback)

    assert _random_states() == expected
    assert history == plain_history
    for ours, theirs in zip(_variables(model), _variables(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [v.path for v in model.optimizer.variables] == [v.path for v in plain.optimizer.variables]

    assert not [name for name in WRAPPED if name in vars(model)]
    assert "apply" not in vars(model.optimizer)
    assert "diagnose" not in model.train_function.__module__

    if training.model is TwoOptimizers:  # no total: losses by epoch, and the gradients of both optimizers
        seen = callback._session._history()
        assert {name: values.tolist() for name, values in seen.reported.items()} == history
        assert np.isfinite(seen.runs[0].gradient_norms).all() and len(seen.runs[0].gradient_norms) == 8
    else:
        _every_step_was_seen(training, callback, history)
    found = callback.diagnosis
    assert not [check for check in found.checks if check.outcome == "crashed"]
    assert not [gap for gap in found.coverage if gap.what in ("the rest of the training", "everything but the history")]
    for ours, theirs in zip(_variables(model), _variables(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _every_step_was_seen(training: Training, callback: Any, history: Any) -> None:
    (run,) = callback._session._history().runs
    rows = int(ROWS * (1 - training.fitted.get("validation_split", 0.0)))
    sizes = [BATCH] * 3 if training.data is generator else np.diff([*range(0, rows, BATCH), rows])
    assert len(run.step_losses) == len(run.gradient_norms) == EPOCHS * len(sizes)
    assert np.isfinite(run.step_losses).all()
    assert (run.gradient_norms[np.isfinite(run.gradient_norms)] > 0).all()
    weighted = {"class_weight", "sample_weight"} & set(training.fitted)
    if training.policy == "float32" and not weighted:  # Keras weights the mean of an epoch by rows
        own = training.model in (OwnStep, OwnLoss)  # these weight all batches equally
        mean = np.average(run.step_losses[: len(sizes)], weights=None if own else sizes)
        np.testing.assert_allclose(mean, history["loss"][0], rtol=1e-4)


def _variables(model: Any) -> list[Any]:
    every = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [array(variable) for variable in every]


def _random_states() -> str:
    """The random states as text, without drawing from them."""
    return repr((random.getstate(), np.random.get_state()[1].tobytes(), random_state()[:2]))
