"""Training code of one's own ends in the same weights with and without the watch, bit for bit."""

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import diagnose
from diagnose.measuring.backend import array, random_state
from tests.callback.trainings import CLASSES, FEATURES, WEIGHTS, Batches, OwnLoss, OwnStep, Subclassed, TwoOptimizers
from tests.callback.trainings import rows as rows_of

BATCH = 16
Arrays = list[np.ndarray]
STAGES = 3  # of a look into the model: it is made a subject of, its rows are read, and it is scored


class OwnComputeLoss(Subclassed):
    """A loss of its own that Keras's step minimises."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        return ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred))


class Reconstructs(keras.Model):  # type: ignore[misc]
    """Takes rows without targets in a step of its own, and draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.noise, self.inner = layers.GaussianNoise(0.1, seed=0), layers.Dense(FEATURES)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.inner(self.noise(inputs, training=training))

    def train_step(self, data: Any) -> Any:
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(x - self(x, training=True)))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class Error(layers.Layer):  # type: ignore[misc]
    """Adds the loss of a reconstruction."""

    def call(self, given: Any, reconstructed: Any) -> Any:
        self.add_loss(ops.mean(ops.square(given - reconstructed)))
        return reconstructed


def adds_loss() -> Any:
    source = keras.Input((FEATURES,))
    return keras.Model(source, Error()(source, layers.Dense(FEATURES)(layers.Dense(3, "relu")(source))))


def by_name() -> Any:
    sources = {name: keras.Input((FEATURES,), name=name) for name in ("left", "right")}
    hidden = layers.Dropout(0.2)(layers.Dense(8, "relu")(layers.Concatenate()(list(sources.values()))))
    heads = {"kind": layers.Dense(CLASSES, "softmax", name="kind"), "size": layers.Dense(1, name="size")}
    return keras.Model(sources, {name: head(hidden) for name, head in heads.items()})


def named(x: Any, y: Any) -> dict[str, Any]:
    return {"x": {"left": x, "right": -x}, "y": {"kind": y, "size": x[:, :1]}}


@dataclass(frozen=True)
class Fit:
    """A training by `fit`.

    Args:
        model: makes it; only the seed decides its random numbers.
        loss: as `compile` takes it.
        data: the rows as `fit` takes them.
        settings: of `fit`.
    """

    model: Callable[[], Any]
    loss: Any = "sparse_categorical_crossentropy"
    data: Callable[[Any, Any], dict[str, Any]] = lambda x, y: {"x": x, "y": y}
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, watched: bool) -> Arrays:
        model = self.model()
        model.compile(keras.optimizers.Adam(0.01), self.loss)
        callback = diagnose.DiagnosisCallback()
        look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: callback._session._look_inside(STAGES))
        callbacks = [callback, look] if watched else []
        settings = {"epochs": 2, "verbose": 0, "callbacks": callbacks, **dict(self.settings)}
        given = self.data(*rows_of())
        model.fit(**given, **settings | ({} if isinstance(given["x"], Batches) else {"batch_size": BATCH}))
        if watched:
            assert callback._session is not None and not callback._session._failure
            assert callback._session.record.steps == 2 * 4
            assert any(name.startswith("look") for name in callback._session.budget.done)
        optimizers = [one for one in vars(model).values() if isinstance(one, keras.optimizers.Optimizer)]
        return [array(v) for owner in (model, model.optimizer, *optimizers) for v in owner.variables]


@dataclass(frozen=True)
class Loop:
    """A training loop without `fit`; `compiled`: its step is a `tf.function`."""

    compiled: bool

    def __call__(self, watched: bool) -> Arrays:
        model, optimizer = Subclassed(), keras.optimizers.Adam(0.01)
        x, y = rows_of()
        model(x[:2])
        optimizer.build(model.trainable_variables)

        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, model(x, training=True)))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            return loss, gradients

        run = tf.function(step) if self.compiled else step
        watch = diagnose.watch(model, optimizer, loss="sparse_categorical_crossentropy")
        with watch if watched else nullcontext():
            for _ in range(2):
                for start in range(0, len(x), BATCH):
                    part = tf.constant(x[start : start + BATCH]), tf.constant(y[start : start + BATCH])
                    loss, gradients = run(*part)
                    if watched:
                        watch.step(loss, {"loss": loss}, rows=part, gradients=gradients)
                if watched:
                    watch.epoch(rows=rows_of(1))
                    watch._session._look_inside(STAGES)
        assert not watch._session._failure
        assert (watch._session.record.steps == 2 * 4) is watched
        return [array(variable) for owner in (model, optimizer) for variable in owner.variables]


KINDS: dict[str, Callable[[bool], Arrays]] = {
    "train_step": Fit(OwnStep),
    "train_step with a loss of its own": Fit(OwnLoss),
    "two optimizers": Fit(TwoOptimizers),
    "compute_loss": Fit(OwnComputeLoss, None),
    "add_loss, x only": Fit(adds_loss, None, lambda x, _: {"x": x}),
    "train_step, x only": Fit(Reconstructs, None, lambda x, _: {"x": x}),
    "PyDataset": Fit(OwnStep, data=lambda x, y: {"x": Batches(x, y)}),
    "inputs and outputs by name": Fit(by_name, {"kind": "sparse_categorical_crossentropy", "size": "mse"}, named),
    "class weights": Fit(OwnStep, settings=(("class_weight", {0: 1.0, 1: 2.0, 2: 0.5}),)),
    "sample weights": Fit(OwnStep, settings=(("sample_weight", WEIGHTS),)),
    "compute_loss, class weights": Fit(OwnComputeLoss, None, settings=(("class_weight", {0: 1.0, 1: 2.0, 2: 0.5}),)),
    "loop": Loop(compiled=False),
    "compiled loop": Loop(compiled=True),
}


def trained(kind: str, watched: bool) -> tuple[Arrays, str]:
    """All variables and random states after the training."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    arrays = KINDS[kind](watched)
    return arrays, repr((random.getstate(), np.random.get_state()[1].tobytes(), random_state()[:2]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_the_same_bit_for_bit_with_and_without_the_watch(kind: str) -> None:
    plain, states = trained(kind, watched=False)
    ours, ours_states = trained(kind, watched=True)
    assert ours_states == states
    assert len(ours) == len(plain) > 4
    for one, other in zip(ours, plain, strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
