"""Examples of time series: classification, forecasts, anomalies."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tests.wards.examples.example import Example, Logs, above, below, last
from tests.wards.examples.rows import held_out, series, waves


def classified(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """Convolutions with BatchNormalization, the rate reduced on a plateau."""
    train, dev = held_out(*waves())
    source = tensor = keras.Input((64, 1))
    for _ in range(2):
        tensor = layers.Conv1D(16, 3, padding="same")(tensor)
        tensor = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(tensor))
    model = keras.Model(source, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D()(tensor)))
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    lower = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=4)
    settings = {"epochs": 15, "validation_data": dev, "verbose": 0, "callbacks": [*callbacks, lower]}
    return model, last(model.fit(*train, **settings))


def forecast(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """An LSTM over windows of a series, as Keras cuts them."""
    values = series()

    def windows(part: Any, shuffle: bool) -> Any:
        return keras.utils.timeseries_dataset_from_array(
            part[:-1], part[24:, 0], 24, batch_size=32, shuffle=shuffle, seed=0
        )

    model = keras.Sequential([keras.Input((24, 1)), layers.LSTM(24), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(5e-3), "mse")
    settings = {"validation_data": windows(values[1_200:], False), "epochs": 10, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(windows(values[:1_200], True), **settings))


def anomalies(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """A convolutional autoencoder of normal waves: the rows are their own targets."""
    x, y = waves(900)
    x = x[y == 0]
    model = keras.Sequential(
        [
            keras.Input((64, 1)),
            layers.Conv1D(16, 7, strides=2, padding="same", activation="relu"),
            layers.Dropout(0.1),
            layers.Conv1D(8, 7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(8, 7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(16, 7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(1, 7, padding="same"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    settings = {"validation_split": 0.1, "batch_size": 16, "epochs": 12, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(x, x, **settings))


SERIES = (
    Example("classified series", "time series", classified, above("val_accuracy", 0.9)),
    Example("forecast", "time series", forecast, below("val_loss", 0.1)),
    Example("anomalies", "time series", anomalies, below("val_loss", 0.3)),
)
