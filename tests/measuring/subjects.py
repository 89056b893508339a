"""Tiny subjects for the tests of trainings: a few hundred rows of digits or noise."""

from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits

from diagnose.subject import Output, Seen, Split, Subject, Task, Training

ROWS = 600  # a quarter of them is dev


def digits(
    layers: list[Any] | None = None,
    optimizer: Any = None,
    *,
    loss: Any = "sparse_categorical_crossentropy",
    epochs: int = 0,
    scale: float = 1 / 16,
    dev: bool = True,
) -> Subject:
    """A classifier of scikit-learn's digits, trained for `epochs`."""
    keras.utils.set_random_seed(7)
    x, y = load_digits(return_X_y=True)
    x = (x[:ROWS] * scale).astype("float32")
    y = y[:ROWS].astype("int64")
    hidden = [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((64,)), *(layers or hidden)])
    model.compile(optimizer or keras.optimizers.Adam(3e-3), loss)
    return subject(model, (x,), (y,), Output("out", Task.MULTICLASS, str(loss), classes=10), epochs=epochs, dev=dev)


def numbers(targets: np.ndarray, features: np.ndarray, optimizer: Any = None) -> Subject:
    """A small regression net on the given rows."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [keras.Input(features.shape[1:]), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(optimizer or keras.optimizers.Adam(1e-2), "mse")
    return subject(
        model, (features,), (targets,), Output("y", Task.REGRESSION, "mean_squared_error"), epochs=0, dev=True
    )


def subject(
    model: Any, inputs: tuple[Any, ...], targets: tuple[Any, ...], output: Output, *, epochs: int, dev: bool
) -> Subject:
    cut = len(targets[0]) * 3 // 4
    train = Split("train", tuple(x[:cut] for x in inputs), tuple(y[:cut] for y in targets), Seen.YES)
    judge = Split("dev", tuple(x[cut:] for x in inputs), tuple(y[cut:] for y in targets), Seen.NO)
    if epochs:
        model.fit(train.inputs[0], train.targets[0], epochs=epochs, batch_size=32, verbose=0)
    rate = model.optimizer._learning_rate
    return Subject(
        name="tiny",
        model=model,
        outputs=(output,),
        train=train,
        dev=judge if dev else None,
        training=Training(
            optimizer=type(model.optimizer).__name__.lower(),
            learning_rate=float(rate) if hasattr(rate, "assign") else None,
            batch_size=32,
            epochs=epochs or None,
            iterations=int(model.optimizer.iterations) or None,
        ),
        trained=epochs > 0,
    )
