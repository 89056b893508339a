"""Live objects: models as they are in memory, and what they show of their training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, subject_from
from diagnose.subject import Task

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = np.arange(12) % 2
NONE = LoadOptions()


def state(model: Any) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in (*model.variables, *model.optimizer.variables)]


def test_a_compiled_model_is_taken_as_it_is(make_model: Make) -> None:
    model = make_model(shape=(3,))
    model.fit(X, Y, verbose=0)
    before = state(model)
    subject = subject_from(model, (X, Y), options=NONE)
    assert subject.model is model
    assert subject.training.iterations == 1
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_uncompiled_model_is_copied(make_model: Make) -> None:
    model = keras.Sequential.from_config(make_model().get_config())
    with pytest.raises(InputError, match="the model is not compiled, so it has no loss: compile it, or pass loss="):
        subject_from(model, (X, Y), options=NONE)
    subject = subject_from(model, (X, Y), options=LoadOptions(loss="mse"))
    assert subject.model is not model
    assert not model.compiled
    np.testing.assert_allclose(subject.model(X), model(X))


def test_options_recompile_a_copy(make_model: Make) -> None:
    model = make_model()
    subject = subject_from(model, (X, Y), options=LoadOptions(loss="mae", learning_rate=0.5))
    assert subject.outputs[0].loss == "mean_absolute_error"
    assert subject.training.learning_rate == pytest.approx(0.5)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert model.loss == "mean_squared_error"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (3, "the model must be a keras.Model or the path of a saved one, got int"),
        (keras.Sequential([keras.layers.Dense(1)]), "the model is not built, so it has no weights yet"),
    ],
)
def test_a_model_that_cannot_be_used(model: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        subject_from(model, (X, Y), options=NONE)


class OwnCall(keras.Model):  # type: ignore[misc]
    """A model by subclassing: what it gives is known only when it runs."""

    def __init__(self, width: int, heads: int = 1) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.dense = keras.layers.Dense(width)

    def call(self, x: Any) -> Any:
        given = self.dense(x)
        return given if self.heads == 1 else [given] * self.heads


def own_call(width: int, heads: int = 1) -> Any:
    model = OwnCall(width, heads)
    model(X[:2])
    return model


def test_a_model_that_cannot_take_the_rows() -> None:
    words = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(5, 2), keras.layers.Flatten()])
    model = keras.Sequential([words, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(InputError, match=r"train: the model cannot take these rows \(InvalidArgumentError: .*indices"):
        subject_from(model, (X + 100, Y), options=NONE)


def test_a_subclassed_model_that_returns_more_than_is_known() -> None:
    model = own_call(1, heads=2)
    model.compile("sgd", "mse")
    with pytest.raises(InputError, match="the model returns 2 arrays, but has 1 outputs"):
        subject_from(model, (X, Y), options=NONE)


def test_a_subclassed_model_without_a_loss_cannot_be_copied() -> None:
    with pytest.raises(InputError, match=r"the model cannot be copied to compile it again \(.*\): compile it first"):
        subject_from(own_call(1), (X, Y), options=LoadOptions(loss="mse"))


def test_a_model_with_a_loss_for_one_of_its_outputs() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in ("price", "area")])
    model.compile("sgd", {"price": "mse"})
    with pytest.raises(InputError, match="the model is compiled without a loss for one of its outputs: pass loss="):
        subject_from(model, (X, [Y, Y]), options=NONE)


def test_a_loss_of_the_users_own_is_tried(make_model: Make) -> None:
    def needs_five(y: Any, p: Any) -> Any:
        return keras.ops.mean(keras.ops.reshape(y, (-1, 5)) - p)

    model = make_model(loss=needs_five)
    with pytest.raises(InputError, match=r'the loss needs_five of "dense.*" cannot compare targets of shape'):
        subject_from(model, (X, Y), options=NONE)
    assert subject_from(make_model(loss=lambda y, p: (y - p) ** 2), (X, Y), options=NONE).outputs[0].custom_loss


class Own(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(10, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.dense(x)


def test_a_subclassed_model_tells_its_output_by_running(rows: Make) -> None:
    model = Own()
    model.compile("adam", "sparse_categorical_crossentropy")
    labels = np.arange(20) % 10
    model.fit(rows(20, 5), labels, verbose=0)
    subject = subject_from(model, (rows(20, 5), labels.reshape(-1, 1)), options=NONE)
    assert (subject.outputs[0].task, subject.outputs[0].classes) == (Task.MULTICLASS, 10)
    assert subject.train.targets[0].shape == (20,)


def test_several_inputs_and_outputs(rows: Make) -> None:
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    kind = keras.layers.Dense(4, activation="softmax", name="kind")(joined)
    price = keras.layers.Dense(1, name="price")(joined)
    model = keras.Model([left, right], [kind, price])
    model.compile("adam", ["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.5])
    x = {"right": rows(8, 2), "left": rows(8, 3)}
    y = {"price": rows(8), "kind": np.arange(8) % 4}
    errors = {"kind": 0.1, "price": 2.0}
    subject = subject_from(model, (x, y), options=LoadOptions(target_error=errors))
    assert [(o.name, o.task, o.weight, o.target_error) for o in subject.outputs] == [
        ("kind", Task.MULTICLASS, 1.0, 0.1),
        ("price", Task.REGRESSION, 0.5, 2.0),
    ]
    np.testing.assert_array_equal(subject.train.inputs[1], x["right"])
    listed = subject_from(model, ([x["left"], x["right"]], [y["kind"], y["price"]]), options=NONE)
    np.testing.assert_array_equal(listed.train.targets[1], subject.train.targets[1])


# --- what is known of the training ---------------------------------------------------------------


def test_epochs_from_steps_and_batch_size(make_model: Make) -> None:
    model = make_model()
    model.fit(X, Y, batch_size=5, epochs=4, verbose=0)
    options = LoadOptions(batch_size=5)
    assert subject_from(model, (X, Y), options=options).training.epochs == 4
    assert subject_from(model, (X, Y), options=replace(options, epochs=7)).training.epochs == 7
    assert subject_from(model, (X, Y), options=NONE).training.epochs is None


@pytest.mark.parametrize("form", ["object", "dict", "json", "csv"])
def test_a_recorded_history(form: str, make_model: Make, tmp_path: Path) -> None:
    model = make_model(activation="sigmoid", loss="binary_crossentropy")
    record = {"loss": [0.7, 0.6], "val_loss": [0.8, float("nan")], "accuracy": [0.5, 0.75]}
    source: Any = record
    if form == "object":
        source = keras.callbacks.History()
        source.history = record
    elif form == "json":
        source = tmp_path / "h.json"
        source.write_text(str(record).replace("'", '"').replace("nan", "NaN"))
    elif form == "csv":
        source = tmp_path / "h.csv"
        pd.DataFrame(record).to_csv(source, index_label="epoch")
    history = subject_from(model, (X, Y), options=LoadOptions(history=source)).history
    run = history.runs[0]
    assert history.origin == "recorded"
    assert run.train_loss.tolist() == [0.7, 0.6]
    assert np.isnan(run.dev_loss[1])
    assert run.train_error.tolist() == [0.5, 0.25]
    assert np.isnan(run.dev_error).all()
