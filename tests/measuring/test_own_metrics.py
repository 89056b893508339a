"""The user's compiled metrics equal those of `evaluate`, and do not change."""

from typing import Any

import keras
import numpy as np
import pytest

import diagnose
from diagnose.measuring.state import fingerprint

ROWS = 300


def rows() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(ROWS, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype("int64") + (x[:, 1] > 0)


def trained(metrics: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
    model.fit(*rows(), epochs=2, verbose=0)
    return model


def test_metrics_equal_those_of_evaluate() -> None:
    model = trained(["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")])
    before = fingerprint(model)
    errors = diagnose.examine(model, rows(), effort="quick").errors
    assert fingerprint(model) == before
    expected = model.evaluate(*rows(), verbose=0, return_dict=True)
    assert errors[0].metrics == {name: pytest.approx(expected[name]) for name in ("accuracy", "top")}


def test_each_output_has_its_own_metrics() -> None:
    given = keras.Input((6,))
    outputs = {"a": keras.layers.Dense(3, "softmax", name="a")(given), "b": keras.layers.Dense(1, name="b")(given)}
    model = keras.Model(given, outputs)
    losses = {"a": "sparse_categorical_crossentropy", "b": "mse"}
    model.compile("adam", losses, metrics={"b": ["mae"]}, weighted_metrics={"a": ["accuracy"]})
    x, y = rows()
    errors = diagnose.examine(model, (x, {"a": y, "b": x[:, 2]}), effort="quick").errors
    assert {error.output: sorted(error.metrics) for error in errors} == {"a": ["accuracy"], "b": ["mae"]}


def test_a_metric_that_fails_does_not_affect_the_errors() -> None:
    class Broken(keras.metrics.Metric):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            if settings.get("name") != "first":
                raise RuntimeError("cannot be copied")

        def update_state(self, *_: Any, **__: Any) -> None: ...

        def result(self) -> float:
            return 0.0

        def get_config(self) -> dict[str, Any]:
            return {"name": "second"}

    errors = diagnose.examine(trained([Broken(name="first")]), rows(), effort="quick").errors
    assert errors[0].metrics == {}
    assert np.isfinite(errors[0].error)
