"""Models that compute their loss in code of their own, after `fit`."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import diagnose
from diagnose.errors import InputError

ROWS = 480  # dead units need a few hundred
X = np.random.default_rng(0).random((ROWS, 8)).astype("float32")
Y = np.arange(ROWS) % 3


class Reconstructs(keras.Model):  # type: ignore[misc]
    """A small variational autoencoder, as keras.io writes it: without `call`."""

    def __init__(self) -> None:
        super().__init__(name="vae")
        self.encoder = keras.Sequential([keras.Input((8,)), layers.Dense(6, "relu", name="hidden"), layers.Dense(2)])
        self.decoder = keras.Sequential([keras.Input((2,)), layers.Dense(8, "sigmoid")])

    def train_step(self, data: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(data - self.decoder(self.encoder(data))))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


class Distils(keras.Model):  # type: ignore[misc]
    """A loss of its own in `compute_loss`, and targets."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"name": "student"} | settings)
        self.head = layers.Dense(3)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        return ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True))

    def call(self, x: Any) -> Any:
        return self.head(x)


class Pairs(keras.Model):  # type: ignore[misc]
    """Rows of another form than its input: pairs."""

    def train_step(self, data: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(self(data[:, 0]) - self(data[:, 1])))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


def fitted(model: Any, *data: Any) -> Any:
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(*data, epochs=2, batch_size=32, verbose=0)
    return model


def outcome(found: diagnose.Diagnosis, code: str) -> Any:
    return next(check for check in found.checks if check.code == code)


def test_a_model_without_call_is_examined_as_far_as_it_allows() -> None:
    model = fitted(Reconstructs(), X)
    before = [np.array(weight) for weight in (*model.get_weights(), *(v.numpy() for v in model.optimizer.variables))]
    found = diagnose.examine(model, (X,), effort="quick")
    after = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert found.state == "unknown"
    assert found.headline == (
        "The state is unknown: Reconstructs has no call(), so only its train_step knows what it gives for a row."
    )
    assert outcome(found, "dead-units").outcome in {"clean", "findings"}
    assert outcome(found, "non-finite-weights").outcome == "clean"
    assert outcome(found, "non-finite-outputs").outcome == "skipped"
    assert not [check for check in found.checks if check.outcome == "crashed"]
    assert not [gap for gap in found.coverage if "failed" in gap.why]
    assert found.errors == ()


def test_its_dead_units_are_found() -> None:
    model = fitted(Reconstructs(), X)
    hidden = model.encoder.get_layer("hidden")
    hidden.set_weights([hidden.get_weights()[0], np.full(6, -100.0, "float32")])
    found = diagnose.examine(model, X, effort="quick")
    (dead,) = [finding for finding in found.findings if finding.code == "dead-units"]
    assert "hidden" in dead.message


def test_the_callback_reads_it_too() -> None:
    callback = diagnose.DiagnosisCallback()
    model = Reconstructs()
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(X, epochs=2, batch_size=32, verbose=0, callbacks=[callback])
    assert callback.diagnosis.state == "unknown"
    assert outcome(callback.diagnosis, "dead-units").outcome in {"clean", "findings"}


def test_a_loss_of_its_own_is_unknown_until_the_task_is_named() -> None:
    model = fitted(Distils(), X, Y)
    found = diagnose.examine(model, (X, Y), effort="quick")
    assert found.state == "unknown"
    assert "the loss is computed in Distils.compute_loss, code of the model" in found.headline
    named = diagnose.examine(model, (X, Y), effort="quick", task="multiclass")
    assert named.errors[0].unit == "error rate"


class Penalises(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        x, reconstruction = inputs
        self.add_loss(ops.mean(ops.square(x - reconstruction)))
        return reconstruction


def test_a_model_whose_layers_add_the_loss_is_compiled() -> None:
    inputs = keras.Input((8,))
    model = keras.Model(inputs, Penalises()([inputs, layers.Dense(8)(layers.Dense(3, "relu")(inputs))]))
    found = diagnose.examine(fitted(model, X), X, effort="quick")
    assert found.state == "unknown"
    assert found.headline == "The state is unknown: the loss is computed in add_loss, code of the model."


def test_rows_of_another_form_than_the_input_are_said_to_be_so() -> None:
    inputs = keras.Input((8,))
    model = fitted(Pairs(inputs, layers.Dense(4)(inputs)), np.stack([X, X[::-1]], axis=1))
    found = diagnose.examine(model, np.stack([X, X[::-1]], axis=1), effort="quick")
    assert found.state == "unknown"
    assert "Pairs feeds its rows to its layers in its own train_step, and cannot be called on them" in found.headline


def test_a_model_that_was_never_fitted_has_no_weights() -> None:
    class Never(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            return {}

    with pytest.raises(InputError, match="the model is not built, so it has no weights yet"):
        diagnose.examine(Never(), X)


def test_the_file_of_a_model_with_its_own_loss_is_examined_like_the_model(tmp_path: Any) -> None:
    inputs = keras.Input((8,))
    adds = keras.Model(inputs, Penalises()([inputs, layers.Dense(8)(layers.Dense(3, "relu")(inputs))]))
    for model, data, step in ((Distils(), {"y_train": Y}, "Distils.compute_loss"), (adds, {}, "add_loss")):
        file, rows, classes = tmp_path / "model.keras", tmp_path / "data.npz", tmp_path / "own.py"
        fitted(model, X, *data.values()).save(file)
        np.savez(rows, x_train=X, **data)
        classes.write_text("from tests.test_own_steps import Distils, Penalises\n")
        found = diagnose.examine(file, rows, effort="quick", custom_objects=classes)
        assert f"the loss is computed in {step}, code of the model" in found.headline
        assert outcome(found, "dead-units").outcome in {"clean", "findings"}
