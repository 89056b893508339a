"""Examples of structured data: inputs and outputs by name, weights of classes and rows, recommendations."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, above, below, last
from tests.wards.examples.rows import customers, held_out

CITIES = ["ulm", "bonn", "kiel", "mainz", "trier", "jena"]


def _split(count: int = 1_500) -> tuple[Any, Any]:
    """Rows by column with targets, of train and of dev."""
    table, y = customers(count)
    columns = [held_out(column) for column in table.values()]
    (y_train,), (y_dev,) = held_out(y)
    train = {name: rows[0][0] for name, rows in zip(table, columns, strict=True)}
    dev = {name: rows[1][0] for name, rows in zip(table, columns, strict=True)}
    return (train, y_train), (dev, y_dev)


def _as_tensors(rows: tuple[Any, Any]) -> tuple[Any, Any]:
    """Columns of text as tensors, which is how Keras takes them."""
    columns, y = rows
    return {name: tf.constant(c.astype(str)) if c.dtype == object else c for name, c in columns.items()}, y


def by_name(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Preprocessing layers in the model; `tf.data` gives a dict by column. Tensors have other names than keys."""
    train, dev = (_as_tensors(rows) for rows in _split())
    sources = {
        "age": keras.Input((1,), name="age"),
        "income": keras.Input((1,)),
        "city": keras.Input((1,), dtype="string", name="town"),
    }
    numbers = []
    for name in ("age", "income"):
        normal = layers.Normalization(axis=None)
        normal.adapt(train[0][name])
        numbers.append(normal(sources[name]))
    known = layers.StringLookup(vocabulary=CITIES, output_mode="one_hot")(sources["city"])
    tensor = layers.Dense(16, "relu")(layers.Concatenate()([*numbers, known]))
    model = keras.Model(sources, layers.Dense(1, "sigmoid")(layers.Dropout(0.2)(tensor)))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    fed, held = (tf.data.Dataset.from_tensor_slices(rows).batch(32) for rows in (train, dev))
    return model, last(model.fit(fed, epochs=10, validation_data=held, verbose=0, callbacks=callbacks))


def in_and_out_by_name(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Wide and deep parts, two outputs by name with weights of their losses."""
    (x, y), (x_dev, y_dev) = _split()

    def numbers(columns: Any) -> dict[str, Any]:
        city = np.array([CITIES.index(name) for name in columns["city"].ravel()])
        scaled = np.hstack([(columns["age"] - 40) / 12, (np.log(columns["income"]) - 10) / 0.4]).astype("float32")
        return {"numbers": scaled, "city": city.reshape(-1, 1)}

    def targets(columns: Any, bought: Any) -> dict[str, Any]:
        return {"bought": bought.reshape(-1, 1), "spent": (numbers(columns)["numbers"].sum(axis=1) * bought)[:, None]}

    sources = {"numbers": keras.Input((2,), name="numbers"), "city": keras.Input((1,), dtype="int64", name="city")}
    place = layers.Flatten()(layers.Embedding(6, 4)(sources["city"]))
    deep = layers.Dense(32, "relu")(layers.Concatenate()([sources["numbers"], place]))
    both = layers.Concatenate()([deep, sources["numbers"]])
    outputs = {"bought": layers.Dense(1, "sigmoid", name="bought")(both), "spent": layers.Dense(1, name="spent")(both)}
    model = keras.Model(sources, outputs)
    model.compile(
        keras.optimizers.Adam(5e-3),
        {"bought": "binary_crossentropy", "spent": "mse"},
        loss_weights={"bought": 1.0, "spent": 0.5},
        metrics={"bought": ["accuracy"], "spent": ["mae"]},
    )
    held = (numbers(x_dev), targets(x_dev, y_dev))
    settings = {"epochs": 12, "validation_data": held, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(numbers(x), targets(x, y), **settings))


def imbalanced(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """One row in 15 is positive; class weights make up for it, and metrics are named."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2_400, 8)).astype("float32")
    y = (x[:, 0] + x[:, 1] + 0.3 * generator.normal(size=len(x)) > 2.1).astype("int64")
    train, dev = held_out(x, y)
    hidden = [layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(32, "relu")]
    model = keras.Sequential([keras.Input((8,)), *hidden, layers.Dense(1, "sigmoid")])
    metrics = [keras.metrics.AUC(name="auc"), keras.metrics.Recall(name="recall")]
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=metrics)
    weight = {0: 1.0, 1: float((1 - y.mean()) / y.mean())}
    settings = {"class_weight": weight, "epochs": 12, "batch_size": 64, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(*train, validation_data=dev, **settings))


def weighted(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Regression with a weight for each row, a schedule that warms up, and early stopping."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1_600, 6)).astype("float32")
    y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * generator.normal(size=len(x))).astype("float32")
    weight = generator.uniform(0.5, 2.0, len(x)).astype("float32")
    train, dev = held_out(x, y, weight)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)])
    rate = keras.optimizers.schedules.CosineDecay(1e-4, 1_000, warmup_target=5e-3, warmup_steps=100)
    model.compile(keras.optimizers.Adam(rate), "mse", metrics=["mae"])
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    settings = {"sample_weight": train[2], "validation_data": dev, "epochs": 25, "verbose": 0}
    return model, last(model.fit(*train[:2], callbacks=[*callbacks, stop], **settings))


class Recommender(keras.Model):
    """Users and films as vectors, whose product is the rating."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.films = layers.Embedding(60, 8), layers.Embedding(40, 8)
        self.liking = layers.Embedding(60, 1)

    def call(self, inputs: Any) -> Any:
        user, film = self.users(inputs[:, 0]), self.films(inputs[:, 1])
        return keras.ops.sigmoid(keras.ops.sum(user * film, axis=1, keepdims=True) + self.liking(inputs[:, 0]))


def recommender(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    generator = np.random.default_rng(0)
    users, films = generator.normal(size=(60, 2)), generator.normal(size=(40, 2))
    pairs = generator.permutation(np.stack(np.meshgrid(range(60), range(40)), axis=-1).reshape(-1, 2))
    liked = 1 / (1 + np.exp(-2 * (users[pairs[:, 0]] * films[pairs[:, 1]]).sum(axis=1)))
    train, dev = held_out(pairs, liked.astype("float32"))
    model = Recommender()
    model.compile(keras.optimizers.Adam(2e-2), "binary_crossentropy", metrics=["mae"])
    return model, last(model.fit(*train, epochs=10, batch_size=64, validation_data=dev, verbose=0, callbacks=callbacks))


TABLES = (
    Example("inputs by name", "structured data", by_name, above("val_accuracy", 0.85)),
    Example("outputs by name", "structured data", in_and_out_by_name, above("val_bought_accuracy", 0.85)),
    Example("class weights", "structured data", imbalanced, above("val_auc", 0.93)),
    Example("sample weights", "structured data", weighted, below("val_mae", 0.35)),
    Example("recommender", "structured data", recommender, below("val_mae", 0.12)),
)
