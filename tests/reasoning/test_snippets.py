"""Every snippet runs with a model and its data, and a model that it rebuilds can be trained."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from diagnose.loading import LoadOptions, subject_from
from diagnose.reasoning.remedies import REMEDIES, DeclaredRemedy
from diagnose.reasoning.snippets import Values, optimizer_text, values_of
from diagnose.reasoning.verdicts import WAYS
from diagnose.subject import Task

ROWS, SIDE, CLASSES = 24, 12, 3
EVERY = {remedy.code: remedy for remedy in (*REMEDIES, *(way for ways in WAYS.values() for way in ways))}
OF_NUMBERS = {"scale-targets"}  # of a cause that only regressions have
CLASSIFYING = {
    c: r for c, r in EVERY.items() if c not in OF_NUMBERS and (r.tasks is None or Task.MULTICLASS in r.tasks)
}
NUMBERS = {code: r for code, r in EVERY.items() if "$" in r.snippet and (r.tasks is None or Task.REGRESSION in r.tasks)}


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
    for split in ("train", "dev", "new"):
        names[f"x_{split}"] = rng.normal(size=(ROWS, SIDE, SIDE, 1)).astype("float32")
        numbers = rng.normal(size=ROWS).astype("float32")
        names[f"y_{split}"] = numbers if classes is None else np.arange(ROWS) % classes
    return names


def run(remedy: DeclaredRemedy, classes: int | None) -> None:
    names = pasted_beside(classes)
    before = names["model"]
    rows = [(names[f"x_{split}"], names[f"y_{split}"]) for split in ("train", "dev")]
    subject = subject_from(before, *rows, options=LoadOptions(epochs=1, batch_size=ROWS))
    snippet = values_of(subject, {}).fill(remedy.snippet)
    assert "$" not in snippet
    exec(compile(snippet.replace("epochs=100", "epochs=2"), remedy.code, "exec"), names)
    if names["model"] is not before:
        assert ("training run" in remedy.cost or remedy.slow) is ("model.fit(" in snippet)
        if "model.fit(" in snippet:
            history = names["model"].history.history
            assert np.isfinite(history["loss"]).all() and len(history["val_loss"]) == len(history["loss"])


@pytest.mark.parametrize("code", CLASSIFYING)
def test_a_snippet_runs_with_a_classifier(code: str) -> None:
    run(EVERY[code], CLASSES)


@pytest.mark.parametrize("code", NUMBERS)
def test_a_snippet_runs_with_a_regression(code: str) -> None:
    run(EVERY[code], None)


def test_the_users_own_optimizer_and_metrics_are_kept() -> None:
    import keras

    model = pasted_beside(CLASSES)["model"]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows = (np.zeros((4, SIDE, SIDE, 1)), np.arange(4) % CLASSES)
    values = values_of(subject_from(model, rows, options=LoadOptions()), {})
    assert values.fill("$optimizer$metrics | $optimizer_at_rate") == (
        'keras.optimizers.SGD(learning_rate=0.05, momentum=0.9), metrics=["accuracy"] | '
        "keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)"
    )
    for optimizer in (keras.optimizers.Adam(schedule), keras.optimizers.AdamW(0.002, weight_decay=0.1)):
        made = eval(optimizer_text(optimizer), {"keras": keras})
        assert made.get_config() | {"name": ""} == optimizer.get_config() | {"name": ""}


def test_a_whole_learning_rate_is_a_float_which_keras_requires() -> None:
    import keras

    values, names = Values(optimizer_at_rate="keras.optimizers.SGD(learning_rate=$rate)"), {"keras": keras}
    assert float(eval(values.fill("$optimizer_at_lower_rate", {"lower_rate": "2"}), names).learning_rate) == 2
    assert float(eval(optimizer_text(keras.optimizers.SGD(5.0)), names).learning_rate) == 5


def test_a_custom_optimizer_is_created_from_its_class() -> None:
    import keras

    class Mine(keras.optimizers.SGD):
        pass

    assert "type(old.optimizer).from_config" in optimizer_text(Mine(0.1))
    names = {"old": pasted_beside(CLASSES)["model"]}
    names["old"].compile(Mine(0.1, momentum=0.5), "sparse_categorical_crossentropy")
    made = eval(optimizer_text(names["old"].optimizer, "0.3"), names)
    assert (type(made), made.momentum, round(float(made.learning_rate), 6)) == (Mine, 0.5, 0.3)


def test_of_several_outputs_the_snippet_scales_the_one_with_the_largest_numbers() -> None:
    import keras

    rng = np.random.default_rng(0)
    x, late = rng.normal(size=(ROWS, 4)).astype("float32"), np.arange(ROWS) % 2
    source = keras.Input((4,))
    heads = [
        keras.layers.Dense(1, name=name, activation=how)(source) for name, how in (("late", "sigmoid"), ("fare", None))
    ]
    model = keras.Model(source, heads)
    model.compile("sgd", ["binary_crossentropy", "mse"])
    y = [late, 50 * rng.normal(size=ROWS).astype("float32")]
    subject = subject_from(model, (x, y), options=LoadOptions(epochs=1))
    names: dict[str, Any] = {"model": model, "x_train": x, "y_train": list(y), "x_dev": x, "y_dev": list(y)}
    exec(compile(values_of(subject, {}).fill(EVERY["scale-targets"].snippet), "scale-targets", "exec"), names)
    assert names["y_train"][0] is late and np.std(names["y_train"][1]) == pytest.approx(1, abs=0.01)
    assert np.all(np.isfinite(names["model"].train_on_batch(x, names["y_train"])))


def test_a_snippet_trains_as_the_user_did() -> None:
    names = pasted_beside(CLASSES)
    train, dev = ((names[f"x_{split}"], names[f"y_{split}"]) for split in ("train", "dev"))

    def call(*rows: Any, **known: int) -> str:
        values = values_of(subject_from(names["model"], *rows, options=LoadOptions(**known)), {})
        return values.fill(EVERY["dropout"].snippet).splitlines()[-1]

    rows = "model.fit(x_train, y_train, "
    seen = f"{rows}validation_data=(x_dev, y_dev), batch_size="
    assert call(train, dev, batch_size=8, epochs=7) == f"{seen}8, epochs=7)"
    assert call(train, batch_size=8, epochs=7) == f"{rows}batch_size=8, epochs=7)"
    assert call(train, dev) == f"{seen}32, epochs=400)  # epochs: as many as in your training, which is unknown here"


def test_every_snippet_that_needs_a_new_training_has_one_line_that_trains() -> None:
    by_hand = {  # what the user has to build
        *("move-together", "longer-windows", "adapt-vocabulary", "whole-texts", "fix-tokens", "mend-own-loss"),
        *("reconnect", "weigh-loss-terms", "balance-adversaries", "change-architecture"),
    }
    for remedy in EVERY.values():
        lines = [line for line in remedy.snippet.splitlines() if "model.fit(" in line]
        rows = "mixed" if remedy.code in ("mixup", "cutmix") else "x_train, y_train"
        assert all(line.startswith(f"model.fit({rows}, ") for line in lines)
        if "training run" in remedy.cost:
            assert len(lines) == (remedy.code not in by_hand), remedy.code


def own_squares(y: Any, p: Any) -> Any:
    """A loss that Keras does not know by its name."""
    return (y - p) ** 2


@pytest.mark.parametrize("compiled", [{"loss": own_squares}, {"loss": "mse", "metrics": [own_squares]}])
def test_a_model_with_an_own_loss_or_metric_can_be_cloned(compiled: dict[str, Any]) -> None:
    names = pasted_beside(None)
    names["model"].compile("adam", **compiled)
    subject = subject_from(names["model"], (names["x_train"], names["y_train"]), options=LoadOptions(epochs=1))
    exec(compile(values_of(subject, {}).fill(EVERY["regularize"].snippet), "regularize", "exec"), names)
    assert names["model"] is not subject.model and names["model"].loss == compiled["loss"]


def test_a_model_of_keras_parts_is_cloned_as_it_is() -> None:
    model = pasted_beside(CLASSES)["model"]
    rows = (np.zeros((4, SIDE, SIDE, 1)), np.arange(4) % CLASSES)
    values = values_of(subject_from(model, rows, options=LoadOptions()), {})
    assert "old.compiled" not in values.fill(EVERY["regularize"].snippet)
