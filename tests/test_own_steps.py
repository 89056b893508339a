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


def fitted(model: Any, *data: Any, epochs: int = 2) -> Any:
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(*data, epochs=epochs, batch_size=32, verbose=0)
    return model


def outcome(found: diagnose.Diagnosis, code: str) -> Any:
    return next(check for check in found.checks if check.code == code)


def test_a_model_without_call_is_judged_by_its_own_step() -> None:
    keras.utils.set_random_seed(1)
    model = fitted(Reconstructs(), X, epochs=15)
    before = [np.array(weight) for weight in (*model.get_weights(), *(v.numpy() for v in model.optimizer.variables))]
    found = diagnose.examine(model, (X,), effort="quick")
    after = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert found.state == "healthy"
    assert found.headline.startswith("No fault found. The train error is loss 0.0")
    assert outcome(found, "dead-units").outcome in {"clean", "findings"}
    assert outcome(found, "non-finite-weights").outcome == "clean"
    assert not [check for check in found.checks if check.outcome == "crashed"]
    assert not [gap for gap in found.coverage if "failed" in gap.why]
    (level,) = found.errors
    assert level.unit == "own loss"
    assert level.constant_error == pytest.approx(float(X.var(axis=0).mean()), rel=0.1)


def test_its_dead_units_are_found() -> None:
    model = fitted(Reconstructs(), X)
    hidden = model.encoder.get_layer("hidden")
    hidden.set_weights([hidden.get_weights()[0], np.full(6, -100.0, "float32")])
    found = diagnose.examine(model, X, effort="quick")
    (dead,) = [finding for finding in found.findings if finding.code == "dead-units"]
    assert "hidden" in dead.message


def test_the_callback_reads_it_too() -> None:
    keras.utils.set_random_seed(1)
    callback = diagnose.DiagnosisCallback()
    model = Reconstructs()
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(X, epochs=15, batch_size=32, verbose=0, callbacks=[callback])
    assert callback.diagnosis.state == "healthy"
    assert outcome(callback.diagnosis, "dead-units").outcome in {"clean", "findings"}


def test_a_loss_of_its_own_that_asks_for_classes_is_judged_by_them() -> None:
    assert diagnose.examine(fitted(Distils(), X, Y), (X, Y), effort="quick").errors[0].unit == "error rate"


def test_a_loss_of_its_own_that_asks_for_something_else_is_judged_by_itself() -> None:
    class Shrinks(Distils):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
            return ops.mean(ops.abs(y_pred))

    model = fitted(Shrinks(), X, Y)
    (level,) = diagnose.examine(model, (X, Y), effort="quick").errors
    assert level.unit == "own loss"
    assert level.error == pytest.approx(float(np.abs(model.predict(X, verbose=0)).mean()), rel=1e-4)
    named = diagnose.examine(model, (X, Y), effort="quick", task="multiclass")
    assert named.errors[0].unit == "error rate"


def test_what_a_model_gives_for_a_row_is_unknown_with_a_compiled_loss_too() -> None:
    """Its own step takes pairs of rows apart: the compiled loss says nothing about the outputs of a pair."""

    class Packs(Pairs):
        def train_step(self, data: Any) -> dict[str, Any]:
            return super().train_step(data[0])

    inputs = keras.Input((8,))
    model = Packs(inputs, layers.Dense(4)(inputs))
    model.compile(keras.optimizers.Adam(1e-2), "mean_squared_error")
    pairs = np.stack([X, X[::-1]], axis=1)
    model.fit(pairs, Y, epochs=1, verbose=0)
    found = diagnose.examine(model, (pairs, Y), effort="quick")
    assert found.state == "unknown"
    assert "a constant output (the same for every row) has about the lowest loss there is" in found.headline
    assert outcome(found, "output-units").outcome == "skipped"
    assert not [gap for gap in found.coverage if "failed" in gap.why]
    assert not [check for check in found.checks if check.outcome == "crashed"]


class Penalises(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        x, reconstruction = inputs
        self.add_loss(ops.mean(ops.square(x - reconstruction)))
        return reconstruction


def test_a_model_whose_layers_add_the_loss_is_compiled() -> None:
    inputs = keras.Input((8,))
    model = keras.Model(inputs, Penalises()([inputs, layers.Dense(8)(layers.Dense(3, "relu")(inputs))]))
    found = diagnose.examine(fitted(model, X), X, effort="quick")
    assert found.state != "unknown"
    (level,) = found.errors
    assert level.error == pytest.approx(float(np.square(X - model.predict(X, verbose=0)).mean()), rel=1e-4)
    assert outcome(found, "vanishing-gradients").outcome in {"clean", "findings"}


def test_a_loss_that_one_output_for_all_rows_would_bring_to_its_floor_tells_nothing() -> None:
    inputs = keras.Input((8,))
    model = fitted(Pairs(inputs, layers.Dense(4)(inputs)), np.stack([X, X[::-1]], axis=1))
    found = diagnose.examine(model, np.stack([X, X[::-1]], axis=1), effort="quick")
    assert found.state == "unknown"
    assert "a constant output (the same for every row) has about the lowest loss there is" in found.headline
    skipped = outcome(found, "input-scale").reason
    assert skipped == "Pairs feeds its rows to its layers in its own train_step, and cannot be called on them"


def test_a_model_that_was_never_fitted_has_no_weights() -> None:
    class Never(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            return {}

    with pytest.raises(InputError, match="the model is not built, so it has no weights yet"):
        diagnose.examine(Never(), X)


def test_the_file_of_a_model_with_its_own_loss_is_examined_like_the_model(tmp_path: Any) -> None:
    inputs = keras.Input((8,))
    adds = keras.Model(inputs, Penalises()([inputs, layers.Dense(8)(layers.Dense(3, "relu")(inputs))]))
    for model, data, unit in ((Distils(), {"y_train": Y}, "error rate"), (adds, {}, "own loss")):
        file, rows, classes = tmp_path / "model.keras", tmp_path / "data.npz", tmp_path / "own.py"
        fitted(model, X, *data.values()).save(file)
        np.savez(rows, x_train=X, **data)
        classes.write_text("from tests.test_own_steps import Distils, Penalises\n")
        found = diagnose.examine(file, rows, effort="quick", custom_objects=classes)
        assert found.errors[0].unit == unit
        assert outcome(found, "dead-units").outcome in {"clean", "findings"}
