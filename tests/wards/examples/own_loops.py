"""Examples with steps and loops of their own around an ordinary loss."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, above, last, own
from tests.wards.examples.rows import digits, held_out


def _hidden() -> list[Any]:
    return [layers.Dense(64, "relu"), layers.Dropout(0.2), layers.Dense(10)]


class OwnStep(keras.Model):
    """The step as the guide writes it: the compiled loss and metrics, called by hand."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=predicted)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


def _fitted(model: Any, callbacks: Sequence[Any], rate: float = 5e-3) -> tuple[Any, Logs]:
    x, y = digits()
    train, dev = held_out(x.reshape(-1, 64), y)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model, last(model.fit(*train, epochs=8, validation_data=dev, verbose=0, callbacks=callbacks))


def _ends() -> tuple[Any, Any]:
    """The input and the output of a functional classifier."""
    source = tensor = keras.Input((64,))
    for layer in _hidden():
        tensor = layer(tensor)
    return source, tensor


def own_step(callbacks: Sequence[Any], rate: float = 5e-3) -> tuple[Any, Logs]:
    return _fitted(OwnStep(*_ends()), callbacks, rate)


class Accumulating(keras.Model):
    """Sums the gradients of two halves of a batch, with a loss and a metric of its own names; not compiled with one."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = keras.Sequential(_hidden())
        self.loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.acc_metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.stack(inputs, training=training)

    @property
    def metrics(self) -> list[Any]:
        return [self.loss_metric, self.acc_metric]

    def train_step(self, data: Any) -> Any:
        x, y = data
        half = tf.shape(x)[0] // 2
        total = None
        for part in (slice(None, half), slice(half, None)):
            with tf.GradientTape() as tape:
                predicted = self(x[part], training=True)
                loss = self.loss_fn(y[part], predicted)
            gradients = tape.gradient(loss, self.trainable_variables)
            total = gradients if total is None else [one + two for one, two in zip(total, gradients, strict=True)]
            self.loss_metric.update_state(loss)
            self.acc_metric.update_state(y[part], predicted)
        self.optimizer.apply([gradient / 2 for gradient in total], self.trainable_variables)
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data: Any) -> Any:
        x, y = data
        predicted = self(x, training=False)
        self.loss_metric.update_state(self.loss_fn(y, predicted))
        self.acc_metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


def accumulating(callbacks: Sequence[Any], rate: float = 5e-3) -> tuple[Any, Logs]:
    x, y = digits()
    train, dev = held_out(x.reshape(-1, 64), y)
    model = Accumulating()
    model.compile(keras.optimizers.Adam(rate))
    return model, last(model.fit(*train, epochs=8, validation_data=dev, verbose=0, callbacks=callbacks))


class Adversary(keras.Model):
    """Trains on rows that were moved against the loss, too: two passes in one step."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        worse = x + 0.05 * tf.sign(tape.gradient(loss, x))
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=predicted)
            total = loss + 0.5 * self.compute_loss(y=y, y_pred=self(worse, training=True))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, weights), weights)
        for metric in self.metrics:
            metric.update_state(total) if metric.name == "loss" else metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


def adversary(callbacks: Sequence[Any], rate: float = 5e-3) -> tuple[Any, Logs]:
    return _fitted(Adversary(*_ends()), callbacks, rate)


LOOPS = (
    Example("own step", "own loop", own_step, above("val_accuracy", 0.93), own()),
    Example("accumulated gradients", "own loop", accumulating, above("val_accuracy", 0.93), own()),
    Example("adversarial rows", "own loop", adversary, above("val_accuracy", 0.93), own()),
)
