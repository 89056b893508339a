"""Models and data on which remedies are compared by brute force: four families of data, directions and mild faults."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from sklearn import datasets

Rows = tuple[NDArray[Any], NDArray[Any]]  # x, y
DEV, HIDDEN = 300, 1000  # rows: what the examination gets, and what only the benchmark sees


@dataclass(frozen=True)
class Pair:
    """A recipe: `train` rows of `data`, with as many again for the remedy "more data"."""

    name: str
    family: str
    data: Callable[[], Rows]
    model: Callable[[Rows], Any]
    train: int
    epochs: int
    optimizer: Callable[[], Any] = keras.optimizers.Adam
    batch_size: int = 32

    def split(self) -> dict[str, Rows]:
        """The rows of train, more, dev and hidden, drawn without overlap."""
        x, y = self.data()
        order = np.random.default_rng(0).permutation(len(x))
        sizes = {"train": self.train, "more": self.train, "dev": DEV, "hidden": HIDDEN}
        ends = np.cumsum(list(sizes.values()))
        assert ends[-1] <= len(x), self.name
        parts = np.split(order, ends)[:-1]
        return {name: (x[part], y[part]) for name, part in zip(sizes, parts, strict=True)}

    def compiled(self) -> Any:
        """The model with fresh weights."""
        keras.utils.set_random_seed(0)
        rows = self.data()
        model = self.model(rows)
        regression = rows[1].dtype.kind == "f"
        model.compile(
            self.optimizer(), "mean_squared_error" if regression else "sparse_categorical_crossentropy", metrics=[]
        )
        return model


# --- data ---------------------------------------------------------------------------------------------


def digits(wrong: float = 0.0) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.load_digits(return_X_y=True)
        draw = np.random.default_rng(1)
        x, y = np.tile(x, (2, 1)), np.tile(y, 2)  # the second half under noise, so that no row is there twice
        x = x / 16 + np.where(np.arange(len(x))[:, None] < len(x) // 2, 0.0, 0.15) * draw.normal(size=x.shape)
        swapped = draw.random(len(y)) < wrong
        return x.reshape(-1, 8, 8, 1).astype("float32"), np.where(swapped, draw.integers(0, 10, len(y)), y)

    return make


def table(features: int = 30, informative: int = 8, wrong: float = 0.05, classes: int = 3) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.make_classification(
            6000, features, n_informative=informative, n_redundant=4, n_classes=classes, flip_y=wrong, random_state=0
        )
        return x.astype("float32"), y

    return make


def numbers(noise: float = 1.0) -> Callable[[], Rows]:
    def make() -> Rows:
        x, y = datasets.make_friedman1(6000, 10, noise=noise, random_state=0)
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def waves(noise: float = 0.8) -> Callable[[], Rows]:
    """Sines of three frequencies under noise, [rows, 40, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 3, 4000)
        time = np.arange(40)[None, :]
        clean = np.sin((0.2 + 0.12 * y[:, None]) * time + draw.uniform(0, 6.28, (4000, 1)))
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def texts(words: int = 400, length: int = 20) -> Callable[[], Rows]:
    """Rows of tokens of four topics, each with its own frequent words, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        topics = draw.dirichlet(np.full(words, 0.3), 4)
        mixed = 0.35 * topics + 0.65 * topics.mean(axis=0)
        y = draw.integers(0, 4, 4000)
        return np.stack([draw.choice(words, length, p=mixed[label]) for label in y]).astype("int32"), y

    return make


# --- models -------------------------------------------------------------------------------------------


def stack(*hidden: Callable[[], Any]) -> Callable[[Rows], Any]:
    """A Sequential model with these hidden layers and the head that the targets ask for."""

    def make(rows: Rows) -> Any:
        x, y = rows
        head = layers.Dense(1) if y.dtype.kind == "f" else layers.Dense(int(y.max()) + 1, "softmax")
        source = keras.Input(x.shape[1:], dtype="int32" if x.dtype.kind == "i" else "float32")
        return keras.Sequential([source, *(layer() for layer in hidden), head])

    return make


def dense(*units: int, activation: str = "relu", **settings: Any) -> list[Callable[[], Any]]:
    return [lambda size=size: layers.Dense(size, activation, **settings) for size in units]


def convolution(*filters: int) -> list[Callable[[], Any]]:
    return [lambda size=size: layers.Conv2D(size, 3, activation="relu") for size in filters]


def recurrent(units: int) -> list[Callable[[], Any]]:
    return [lambda: layers.GRU(units)]


def along_time(*filters: int) -> list[Callable[[], Any]]:
    return [
        *(lambda size=size: layers.Conv1D(size, 5, activation="relu") for size in filters),
        layers.GlobalMaxPooling1D,
    ]


def embedded(size: int, words: int = 400) -> list[Callable[[], Any]]:
    return [lambda: layers.Embedding(words, size), layers.GlobalAveragePooling1D]


def drop(rate: float) -> Callable[[], Any]:
    return lambda: layers.Dropout(rate)


def adam(rate: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.Adam(rate)


def sgd(rate: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.SGD(rate, momentum=0.9)


FLAT = layers.Flatten

PAIRS = (
    Pair("digits-150-dense", "images", digits(), stack(FLAT, *dense(256, 256)), 150, 40),
    Pair("digits-300-dense", "images", digits(), stack(FLAT, *dense(128)), 300, 40),
    Pair("digits-300-convolution", "images", digits(), stack(*convolution(16, 32), FLAT, *dense(64)), 300, 30),
    Pair("digits-800-convolution", "images", digits(), stack(*convolution(16), FLAT), 800, 15),
    Pair("digits-wrong-labels", "images", digits(0.15), stack(FLAT, *dense(256)), 800, 40),
    Pair("digits-narrow", "images", digits(), stack(FLAT, *dense(4)), 800, 20),
    Pair("digits-few-epochs", "images", digits(), stack(FLAT, *dense(64)), 800, 2),
    Pair("digits-adam-1e-4", "images", digits(), stack(FLAT, *dense(64)), 800, 8, adam(1e-4)),
    Pair("digits-much-dropout", "images", digits(), stack(FLAT, *dense(64), drop(0.7), *dense(64), drop(0.7)), 800, 15),
    Pair("table-overfitted", "tables", table(), stack(*dense(256, 256)), 400, 40),
    Pair("table-many-columns", "tables", table(120, 10), stack(*dense(128)), 500, 30),
    Pair("table-narrow", "tables", table(), stack(*dense(2)), 1000, 30),
    Pair("table-linear", "tables", table(), stack(), 1000, 30),
    Pair("table-few-epochs", "tables", table(), stack(*dense(64)), 1000, 2),
    Pair("table-penalties", "tables", table(), stack(*dense(64, kernel_regularizer="l2")), 1000, 30),
    Pair("table-sgd-1e-4", "tables", table(), stack(*dense(64)), 1000, 10, sgd(1e-4)),
    Pair("table-noise", "tables", table(wrong=0.4), stack(*dense(128, 128)), 800, 30),
    Pair("numbers-overfitted", "tables", numbers(), stack(*dense(256, 256)), 300, 80),
    Pair("numbers-narrow", "tables", numbers(), stack(*dense(2)), 1000, 30),
    Pair("numbers-few-epochs", "tables", numbers(), stack(*dense(64)), 1000, 3),
    Pair("numbers-dropout", "tables", numbers(), stack(*dense(64), drop(0.6)), 1000, 30),
    Pair("waves-overfitted", "sequences", waves(), stack(FLAT, *dense(128)), 300, 40),
    Pair("waves-convolution", "sequences", waves(1.2), stack(*along_time(32, 32)), 400, 30),
    Pair("waves-convolution-few", "sequences", waves(), stack(*along_time(16)), 150, 40),
    Pair("waves-recurrent", "sequences", waves(), stack(*recurrent(16)), 400, 15),
    Pair("waves-few-epochs", "sequences", waves(), stack(*along_time(16)), 800, 2),
    Pair("waves-noise", "sequences", waves(2.0), stack(*along_time(32)), 800, 20),
    Pair("texts-overfitted", "texts", texts(), stack(*embedded(32), *dense(64)), 400, 30),
    Pair("texts-small", "texts", texts(), stack(*embedded(2)), 1000, 20),
    Pair("texts-few-epochs", "texts", texts(), stack(*embedded(16)), 1000, 3),
    Pair("texts-flat", "texts", texts(), stack(lambda: layers.Embedding(400, 16), FLAT, *dense(32)), 1000, 10),
    Pair("texts-dropout", "texts", texts(), stack(*embedded(16), drop(0.7), *dense(16), drop(0.7)), 1000, 15),
)
