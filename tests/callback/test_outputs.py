"""Several outputs of a watched training: each has curves of its own at its end."""

from typing import Any

import keras
import numpy as np

import diagnose
from diagnose.findings import Curves
from diagnose.live.recording import APART, Record
from diagnose.live.steps import Steps
from diagnose.measurements import History

ROWS = 256


def rows(seed: int) -> tuple[Any, dict[str, Any]]:
    """A class that the inputs tell, and a number that they do not."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(ROWS, 6)).astype("float32")
    return x, {"kind": x[:, :3].argmax(axis=1), "noise": generator.normal(size=(ROWS, 1)).astype("float32")}


def fitted(epochs: int) -> tuple[diagnose.DiagnosisCallback, dict[str, list[float]]]:
    keras.utils.set_random_seed(0)
    source = keras.Input((6,))
    hidden = keras.layers.Dense(16, "relu")(source)
    outputs = {
        "kind": keras.layers.Dense(3, "softmax", name="kind")(hidden),
        "noise": keras.layers.Dense(1, name="noise", kernel_initializer="zeros")(hidden),
    }
    model, callback = keras.Model(source, outputs), diagnose.DiagnosisCallback()
    losses = {"kind": "sparse_categorical_crossentropy", "noise": "mse"}
    model.compile(keras.optimizers.Adam(5e-3), losses, metrics={"kind": ["accuracy"], "noise": []})
    settings = {"validation_data": rows(1), "callbacks": [callback], "verbose": 0}
    x, y = rows(0)
    return callback, model.fit(x, y, epochs=epochs, batch_size=16, **settings).history


def test_each_output_has_its_curves_and_is_judged_by_them() -> None:
    callback, logs = fitted(12)
    found = callback.diagnosis
    titles = {figure.evidence.title: figure.evidence for figure in found.figures if isinstance(figure.evidence, Curves)}
    assert {f"This training: loss by epoch, of {name}" for name in ("kind", "noise")} <= set(titles)
    assert "Logged losses by epoch" not in titles
    train, dev, constant = titles["This training: loss by epoch, of kind"].series
    assert list(train.y) == logs["kind_loss"] and list(dev.y) == logs["val_kind_loss"]
    share = np.bincount(rows(0)[1]["kind"]) / ROWS
    assert np.isclose(constant.y[0], -(share * np.log(share)).sum(), rtol=1e-3)
    errors = titles["Error by epoch (this training), of kind"].series
    assert np.allclose(errors[1].y, 1 - np.array(logs["val_kind_accuracy"]))
    judged = {finding.where.output for finding in found.findings if finding.check in ("plateau", "best-epoch")}
    assert judged == {"noise"}


def test_few_epochs_do_not_tell_outputs_apart() -> None:
    record = Record()
    for epoch in range(APART):
        record.add(Steps(np.full(50, 1.0), np.zeros(50), np.ones(50)))
        record.end_epoch({"loss": 1.0, "kind_loss": 1.0 / (epoch + 1), "val_kind_loss": 0.5})
        whole = record.history(2.0, 100, None, None)
        view = record.of_output(whole, "kind", 1.5, 0.1)
        assert (view is None) == (epoch + 1 < APART)
    assert isinstance(view, History)
    assert view.constant_loss == 1.5 and view.dev_se == 0.1 and view.first_loss is None
    assert view.runs[0].train_loss.tolist() == [1 / (epoch + 1) for epoch in range(APART)]
    assert record.of_output(whole, "other", None, None) is None
