"""`diagnose.watch`: a training loop of one's own."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import diagnose
from diagnose.errors import InputError

ROWS = 512


def rows(seed: int = 0) -> tuple[Any, Any]:
    x = np.random.default_rng(seed).normal(size=(ROWS, 6)).astype("float32")
    return x, x[:, :3].argmax(axis=1)


def model() -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")])


def loop(rate: float, watch: Any = None, epochs: int = 12) -> Any:
    """Trains as a guide to custom loops does it, without `compile`."""
    made, optimizer = model(), keras.optimizers.SGD(rate)
    optimizer.build(made.trainable_variables)
    measure = keras.losses.SparseCategoricalCrossentropy()

    @tf.function
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = measure(y, made(x, training=True))
        optimizer.apply(tape.gradient(loss, made.trainable_variables), made.trainable_variables)
        return loss

    x, y = rows()

    def train(seen: Any) -> None:
        for _ in range(epochs):
            for start in range(0, ROWS, 16):
                part = tf.constant(x[start : start + 16]), tf.constant(y[start : start + 16])
                loss = step(*part)
                if seen is not None:
                    seen.step(loss, {"loss": loss}, rows=part)
            if seen is not None:
                x_dev, y_dev = rows(1)
                seen.epoch({"val_loss": float(measure(y_dev, made(x_dev)))}, rows=(x_dev, y_dev))

    if watch is None:
        train(None)
        return made, None
    with watch(made, optimizer) as seen:
        train(seen)
    return made, seen


def test_a_loop_trains_as_without_the_watch_and_is_diagnosed(tmp_path: Path) -> None:
    plain, _ = loop(0.1)
    watched, seen = loop(
        0.1, lambda *given: diagnose.watch(*given, loss="sparse_categorical_crossentropy", out=tmp_path)
    )
    for ours, theirs in zip(watched.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert seen.notices == ()
    (written,) = tmp_path.glob("*.json")
    assert json.loads(written.read_text())["settings"]["live"] is False
    assert not list(tmp_path.glob("*.html"))
    found = seen.diagnosis
    assert found.state == "healthy", found.headline
    assert [(split["rows"], split["population"]) for split in found.subject["splits"]] == [(ROWS, ROWS), (256, ROWS)]
    assert {score.split for score in found.errors} == {"train", "dev"}
    assert written.with_suffix(".html").exists()


def test_a_loop_whose_rate_is_too_high_is_told_so() -> None:
    _, seen = loop(100.0, lambda *given: diagnose.watch(*given, loss="sparse_categorical_crossentropy"))
    assert seen.diagnosis.state == "sick"
    assert "learning-rate-too-high" in {cause.code for cause in seen.diagnosis.causes}


def test_a_model_without_a_loss_is_not_called_anything_else() -> None:
    _, seen = loop(0.1, diagnose.watch, epochs=2)
    found = seen.diagnosis
    assert found.state == "unknown"
    (gap,) = [gap for gap in found.coverage if gap.what == "everything but the history"]
    assert gap.why == "the model is not compiled, so it has no loss: compile it, or pass loss="
    assert "the loss went from" in found.headline


def test_an_error_in_the_loop_goes_through() -> None:
    with pytest.raises(RuntimeError, match="in the loop"), diagnose.watch(model(), keras.optimizers.SGD()) as seen:
        seen.step(1.0)
        raise RuntimeError("in the loop")
    assert seen.diagnosis.settings["interrupted"] is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"overhead": 1.0}, "overhead must be between 0 and 1, got 1.0"),
        ({"optimizer": "adam"}, "optimizer must be a keras.optimizers.Optimizer, got str"),
    ],
)
def test_wrong_arguments(given: dict[str, Any], message: str) -> None:
    settings = {"optimizer": keras.optimizers.SGD()} | given
    with pytest.raises(InputError, match=message):
        diagnose.watch(model(), **settings)


def norms(*given: Any) -> list[float]:
    """What a loop whose steps give these gradients has recorded."""
    with diagnose.watch(model(), keras.optimizers.SGD()) as seen:
        for gradients in given:
            seen.step(1.0, gradients=gradients)
    assert ("single steps" in {gap.what for gap in seen.diagnosis.coverage}) == (given == (None,))
    (run,) = seen._session._history().runs
    return run.gradient_norms.tolist()


def test_gradients_of_any_structure_or_their_norm() -> None:
    sparse = tf.IndexedSlices(tf.constant([[3.0, 0.0]]), tf.constant([1]), tf.constant([5, 2]))
    assert norms([tf.constant([[3.0]]), None, tf.constant([4.0])]) == pytest.approx([5.0])
    assert norms({"a": sparse, "b": np.array([4.0])}) == pytest.approx([5.0])
    assert norms(tf.constant(5.0), 7.0) == pytest.approx([5.0, 7.0])
    assert np.isnan(norms(None)).all()


def test_gradients_that_spike_are_seen() -> None:
    optimizer, x, y = keras.optimizers.SGD(0.1), *rows()
    made = model()
    optimizer.build(made.trainable_variables)
    measure = keras.losses.SparseCategoricalCrossentropy()
    with diagnose.watch(made, optimizer, loss="sparse_categorical_crossentropy") as seen:
        for number in range(160):
            with tf.GradientTape() as tape:
                loss = measure(y, made(x, training=True))
            gradients = tape.gradient(loss, made.trainable_variables)
            optimizer.apply(gradients, made.trainable_variables)
            spike = 1e4 if number % 20 == 19 else 1.0
            seen.step(loss, rows=(x, y), gradients=[spike * gradient for gradient in gradients])
    (found,) = [finding for finding in seen.diagnosis.findings if finding.check == "exploding-gradients"]
    assert "in training the gradient norm spikes to" in found.message
