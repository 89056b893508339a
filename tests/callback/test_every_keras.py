"""What holds on every Keras that pyproject allows: `.ci/run` runs this file on the oldest one, too.

Single steps are seen from Keras 3.12 on. Without them the losses by epoch, the rows of `probe` and the network are
read.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import diagnose
from diagnose.live.watching import SEAM
from tests.callback.trainings import CLASSES, FEATURES, OwnStep, rows, two_outputs, two_targets

SEEN = hasattr(keras.Model, SEAM)


def normalised() -> Any:
    hidden = [layers.Dense(8), layers.BatchNormalization(), layers.ReLU(), layers.Dense(CLASSES, "softmax")]
    return keras.Sequential([keras.Input((FEATURES,)), *hidden])


def fitted(make: Any, data: Any, loss: Any, *callbacks: Any) -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    model = make()
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(*data, epochs=3, batch_size=16, verbose=0, validation_data=data, callbacks=list(callbacks))
    return model


@pytest.mark.parametrize("kind", ["sequential", "own step", "two outputs"])
def test_a_training_is_watched_as_far_as_this_keras_lets_it(kind: str, tmp_path: Path) -> None:
    make = {"sequential": normalised, "own step": OwnStep, "two outputs": two_outputs}[kind]
    x, y = rows()
    classes = "sparse_categorical_crossentropy"
    loss: Any = {"kind": classes, "size": "mse"} if kind == "two outputs" else classes
    data = (x, two_targets(x, y)["y"]) if kind == "two outputs" else (x, y)
    callback = diagnose.DiagnosisCallback(probe=data, out=tmp_path)
    model, plain = fitted(make, data, loss, callback), fitted(make, data, loss)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    found = callback.diagnosis
    assert found.state != "unknown", found.headline
    assert [(check.code, check.reason) for check in found.checks if check.outcome == "crashed"] == []
    unseen = [gap.why for gap in found.coverage if gap.what == "single steps and rows as fed"]
    assert unseen == ([] if SEEN else [f"needs Keras 3.12 or newer with {SEAM}, and this is {keras.__version__}"])
    (run,) = callback._session._history().runs
    assert np.isfinite(run.train_loss).all() and np.isfinite(run.dev_loss[-1])
    assert list(tmp_path.glob("*.html"))


def test_a_loop_is_watched() -> None:
    model, optimizer = normalised(), keras.optimizers.Adam(0.01)
    x, y = (tf.constant(part) for part in rows())
    with diagnose.watch(model, optimizer, loss="sparse_categorical_crossentropy") as watch:
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, model(x, training=True)))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            watch.step(loss, rows=(x, y), gradients=gradients)
    found = watch.diagnosis
    assert found.state != "unknown", found.headline
    assert [(check.code, check.reason) for check in found.checks if check.outcome == "crashed"] == []


def test_a_saved_model_is_examined(tmp_path: Path) -> None:
    data = rows()
    model = fitted(normalised, data, "sparse_categorical_crossentropy")
    model.save(tmp_path / "net.keras")
    found = diagnose.examine(tmp_path / "net.keras", data, effort="quick")
    assert found.state != "unknown", found.headline
    assert [(check.code, check.reason) for check in found.checks if check.outcome == "crashed"] == []
