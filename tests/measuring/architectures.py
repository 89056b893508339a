"""Tiny models of every kind of architecture, each as a subject."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from diagnose.subject import Output, Seen, Split, Subject, Task

ROWS = 48
REGRESSION = Output("value", Task.REGRESSION, "mean_squared_error")
TWO = Output("two", Task.BINARY, "binary_crossentropy", classes=2)


def three(**options: Any) -> Output:
    return Output("class", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=3, **options)


def subject_of(model: Any, outputs: tuple[Output, ...], inputs: tuple[Any, ...], targets: tuple[Any, ...]) -> Subject:
    split = Split("train", inputs, targets, Seen.YES)
    return Subject("tiny", model, outputs, split)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(ROWS, *shape)).astype("float32")


def tokens(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 20, (ROWS, *shape))


def labels(classes: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, classes, (ROWS, *shape))


def sequential() -> Subject:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", name="first", kernel_regularizer=keras.regularizers.L2(0.1)),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, name="last", kernel_initializer=keras.initializers.RandomNormal(stddev=0.3)),
            layers.Softmax(name="soft"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return subject_of(model, (three(),), (numbers(6),), (labels(3),))


def many_ends() -> Subject:
    """Two inputs, a shared and a nested part, a merge of two paths, two outputs in a dict."""
    one, other = keras.Input((6,), name="one"), keras.Input((4,), name="other")
    inside = keras.Sequential([keras.Input((5,)), layers.Dense(5, activation="tanh", name="deep")], name="inside")
    shared = layers.Dense(5, activation="relu", name="shared")
    left, right = inside(shared(one)), inside(layers.Dense(5, name="enter")(other))
    joined = layers.Concatenate(name="join")([left, right + shared(one)])
    outputs = {
        "class": layers.Softmax(name="soft")(layers.Dense(3, name="logits")(joined)),
        "value": layers.Reshape((2,), name="shape")(layers.Dense(2, name="numbers")(joined)),
    }
    model = keras.Model([one, other], outputs)
    model.compile(
        "adam", {"class": "sparse_categorical_crossentropy", "value": "mse"}, loss_weights={"class": 2.0, "value": 0.5}
    )
    pair = (three(weight=2.0), Output("value", Task.REGRESSION, "mean_squared_error", weight=0.5))
    return subject_of(model, pair, (numbers(6), numbers(4)), (labels(3), numbers(2)))


class Twice(keras.Model):
    """Subclassed: attached in another order than called, one part called twice, the softmax not in a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(3, name="out")
        self.enter = layers.Dense(5, activation="relu", name="enter")
        self.again = layers.Dense(5, activation="tanh", name="again")
        self.drop = layers.Dropout(0.5, name="drop")

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = self.enter(x)
        x = x + self.again(self.again(x))
        return ops.softmax(self.out(self.drop(x, training=training)))


def subclassed() -> Subject:
    model = Twice()
    model(numbers(6)[:1])
    model.compile("adam", "sparse_categorical_crossentropy")
    return subject_of(model, (three(),), (numbers(6),), (labels(3),))


def recurrent() -> Subject:
    model = keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(20, 6, mask_zero=True, name="words"),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both"),
            layers.TimeDistributed(layers.Dense(3, activation="softmax"), name="each"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return subject_of(model, (three(),), (tokens(7),), (labels(3, 7),))


def attention() -> Subject:
    given = keras.Input((5,), dtype="int32", name="given")
    x = layers.Embedding(20, 8, name="words")(given)
    x = layers.LayerNormalization(name="norm")(x + layers.MultiHeadAttention(2, 4, name="attend")(x, x))
    model = keras.Model(given, layers.Dense(3, activation="softmax", name="last")(layers.Flatten()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return subject_of(model, (three(),), (tokens(5),), (labels(3),))


def residual() -> Subject:
    given = keras.Input((8, 8, 1), name="given")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(layers.Rescaling(0.5, name="scale")(given))
    bent = layers.ReLU(name="bend")(layers.BatchNormalization(name="norm")(x))
    x = layers.Add(name="add")([x, layers.SeparableConv2D(4, 3, padding="same", name="branch")(bent)])
    last = layers.Dense(1, activation="sigmoid", name="last")(layers.GlobalAveragePooling2D(name="pool")(x))
    model = keras.Model(given, last)
    model.compile("adam", "binary_crossentropy")
    return subject_of(model, (TWO,), (numbers(8, 8, 1),), (labels(2),))


def autoencoder() -> Subject:
    given = keras.Input((6,), name="given")
    code = keras.Sequential([keras.Input((6,)), layers.Dense(2, activation="elu", name="squeeze")], name="encoder")
    back = keras.Sequential([keras.Input((2,)), layers.Dense(6, name="expand")], name="decoder")
    model = keras.Model(given, back(code(given)))
    model.compile("sgd", "mse")
    return subject_of(model, (REGRESSION,), (numbers(6),), (numbers(6),))


EVERY: tuple[Callable[[], Subject], ...] = (
    sequential,
    many_ends,
    subclassed,
    recurrent,
    attention,
    residual,
    autoencoder,
)
