"""Every snippet runs when it is pasted beside a model and its data, and a model that it rebuilds can be trained."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from diagnose.describing.facts import Values
from diagnose.reasoning.remedies import REMEDIES, DeclaredRemedy
from diagnose.reasoning.verdicts import SNIPPETS

ROWS, SIDE, CLASSES = 24, 12, 3
EVERY = {remedy.code: remedy for remedy in (*REMEDIES, *SNIPPETS.values())}
FILLED = {code: remedy for code, remedy in EVERY.items() if "$" in remedy.snippet and "softmax" not in remedy.snippet}


@pytest.fixture(scope="module", autouse=True)
def eagerly() -> Iterator[None]:
    """Nothing is traced: each snippet trains for a step or two."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def pasted_beside(classes: int | None) -> dict[str, Any]:
    """The names that a snippet may use: a small convolutional net, classifying or (None) predicting a number."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    head = layers.Dense(1) if classes is None else layers.Dense(classes, activation="softmax")
    hidden = [
        layers.Conv2D(4, 3, activation="relu"),
        layers.Dropout(0.6),
        layers.Flatten(),
        layers.Dense(8, activation="relu", kernel_regularizer="l2"),
    ]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *hidden, head])
    model.compile("adam", "mean_squared_error" if classes is None else "sparse_categorical_crossentropy")
    names: dict[str, Any] = {"model": model, "groups": np.arange(2 * ROWS) // 4, "x_test": None}
    for split in ("train", "dev"):
        names[f"x_{split}"] = rng.normal(size=(ROWS, SIDE, SIDE, 1)).astype("float32")
        numbers = rng.normal(size=ROWS).astype("float32")
        names[f"y_{split}"] = numbers if classes is None else np.arange(ROWS) % classes
    return names


def run(remedy: DeclaredRemedy, classes: int | None) -> None:
    loss = "mean_squared_error" if classes is None else "sparse_categorical_crossentropy"
    names = pasted_beside(classes)
    before = names["model"]
    snippet = Values(loss=loss, classes=classes or 1).fill(remedy.snippet)
    assert "$" not in snippet
    exec(compile(snippet, remedy.code, "exec"), names)
    if names["model"] is not before:
        labels = names["y_train"]
        if classes is not None and names["model"].loss in ("binary_crossentropy", "mse"):
            labels = np.eye(classes)[labels]
        assert np.all(np.isfinite(names["model"].train_on_batch(names["x_train"], labels)))


@pytest.mark.parametrize("code", EVERY)
def test_it_runs_beside_a_classifier(code: str) -> None:
    run(EVERY[code], CLASSES)


@pytest.mark.parametrize("code", FILLED)
def test_what_is_filled_in_fits_a_regression_too(code: str) -> None:
    run(FILLED[code], None)
