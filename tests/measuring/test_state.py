"""The guard restores the model and random states bit for bit."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import diagnose
from diagnose.measuring import planning
from diagnose.measuring.activations import forward
from diagnose.measuring.bench import Bench
from diagnose.measuring.dataset import dataset
from diagnose.measuring.evaluation import conversions, evaluation
from diagnose.measuring.gradients import backward
from diagnose.measuring.network import network
from diagnose.measuring.state import fingerprint, guard
from diagnose.settings import Settings
from tests.measuring.architectures import EVERY, labels, numbers, sequential
from tests.measuring.everything import changed, everything


def draws():
    return (
        random.random(),
        np.random.rand(),
        float(tf.random.uniform(())),
        float(keras.random.uniform(())),
        keras.layers.Dense(1).name,
    )


@pytest.fixture(params=["never trained", "trained"])
def model(request):
    built = sequential().model
    built.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if request.param == "trained":
        built.fit(numbers(6), labels(3), verbose=0)
    return built


def test_training_compiling_and_random_numbers_are_undone(model):
    keras.utils.set_random_seed(5)
    before, optimizer = fingerprint(model), model.optimizer
    with guard(model):
        keras.utils.set_random_seed(9)
        draws()
        model.fit(numbers(6), labels(3), verbose=0)
        model.evaluate(numbers(6), labels(3), verbose=0)
        model.get_layer("drop").rate = 0.0
        model.get_layer("first").trainable = False
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(numbers(6), labels(3), verbose=0)
        assert fingerprint(model) != before
    assert fingerprint(model) == before
    assert model.optimizer is optimizer
    after = draws()
    keras.utils.set_random_seed(5)
    assert after[:-1] == draws()[:-1]


def test_the_guard_restores_after_an_exception(model):
    before = fingerprint(model)
    with pytest.raises(ZeroDivisionError), guard(model):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        raise ZeroDivisionError
    assert fingerprint(model) == before


def test_a_later_training_is_not_affected_by_the_block():
    def trained(disturb):
        keras.utils.set_random_seed(5)
        built = sequential().model
        if disturb:
            with guard(built):
                built.fit(numbers(6), labels(3), verbose=0)
        built.fit(numbers(6), labels(3), verbose=0)
        return [weight.tobytes() for weight in built.get_weights()]

    assert trained(disturb=True) == trained(disturb=False)


@pytest.mark.parametrize("build", EVERY, ids=lambda build: build.__name__)
def test_instruments_leave_the_subject_bit_identical(build):
    subject = build()
    before = fingerprint(subject.model)
    with Bench(subject, Settings()) as bench:
        for instrument in (network, dataset, evaluation, conversions, forward, backward):
            instrument(bench, {})
    assert fingerprint(subject.model) == before


def stateful() -> tuple[Any, Any, Any]:
    """A model whose RNN keeps its state, with everything that draws random numbers or keeps statistics."""
    stack = keras.layers
    built = keras.Sequential(
        [
            keras.Input((5, 4), batch_size=8),
            stack.GRU(6, stateful=True, return_sequences=True),
            stack.BatchNormalization(),
            stack.GaussianNoise(0.1),
            stack.Dropout(0.2),
            stack.LSTM(4, stateful=True),
            stack.Dense(1, activation="sigmoid"),
        ]
    )
    built.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return built, *_rows((5, 4), built)


def mixed_precision() -> tuple[Any, Any, Any]:
    stack = keras.layers
    with _policy("mixed_float16"):
        built = keras.Sequential(
            [
                keras.Input((4,)),
                stack.Dense(8, activation="relu"),
                stack.BatchNormalization(),
                stack.GaussianNoise(0.1),
                stack.Dropout(0.2),
                stack.Dense(1, activation="sigmoid", dtype="float32"),
            ]
        )
        built.compile("adam", "binary_crossentropy", metrics=["auc"])
    return built, *_rows((4,), built)


@contextmanager
def _policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _rows(shape: tuple[int, ...], built: Any) -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(32, *shape)).astype("float32")
    y = (x.reshape(32, -1)[:, 0] > 0).astype("float32")
    built.fit(x, y, batch_size=8, verbose=0)
    return x, y


@pytest.mark.parametrize("how", [None, RuntimeError, MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("build", [stateful, mixed_precision], ids=lambda build: build.__name__)
@pytest.mark.slow
def test_an_independent_walk_finds_nothing_changed(build, how, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every instrument of effort quick runs, and then fails in the given way."""
    built, x, y = build()

    def then_fail(measure: Any) -> Any:
        def instrument(*given: Any) -> Any:
            try:
                return measure(*given)
            finally:
                if how is not None:
                    raise how

        return instrument

    failing = tuple(replace(one, measure=then_fail(one.measure)) for one in planning.INSTRUMENTS)
    monkeypatch.setattr(planning, "INSTRUMENTS", failing)
    before = everything(built)
    assert any("rnn_state" in name for name in before) == (build is stateful)
    diagnose.examine(built, (x, y), effort="quick")
    assert changed(before, everything(built)) == []


def test_the_independent_walk_sees_a_change() -> None:
    built, x, _ = stateful()
    before = everything(built)
    built(x[:8], training=True)
    assert {name.split(" ", 1)[1] for name in changed(before, everything(built))} >= {"rnn_state", "moving_mean"}
