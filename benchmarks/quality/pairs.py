"""Models and data on which remedies are compared by brute force: four families of data, directions and mild faults.

The misses of the *tuning* half were read, and rules were made for their kinds. The *held-out* half has other data and
other models, written down before any of them was trained.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
    """A recipe: `train` rows of `data`, with as many again for the remedy "more data".

    `half` is "tuning" or "held-out".
    """

    name: str
    family: str
    data: Callable[[], Rows]
    model: Callable[[Rows], Any]
    train: int
    epochs: int
    optimizer: Callable[[], Any] = keras.optimizers.Adam
    batch_size: int = 32
    half: str = "tuning"

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


def shapes(noise: float = 0.4) -> Callable[[], Rows]:
    """Images of a disc, a square, a ring or a cross at any place, under noise, [rows, 12, 12, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        y = draw.integers(0, 4, 5000)
        down, across = (np.arange(12)[None, :] - draw.uniform(3.5, 7.5, (5000, 1)) for _ in range(2))
        far = np.hypot(down[:, :, None], across[:, None, :])
        widest = np.maximum(np.abs(down)[:, :, None], np.abs(across)[:, None, :])
        narrowest = np.minimum(np.abs(down)[:, :, None], np.abs(across)[:, None, :])
        kinds = np.stack([far < 3, widest < 2.7, (far < 3.4) & (far > 1.8), (narrowest < 0.9) & (widest < 3.4)])
        clean = kinds[y, np.arange(5000)]
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y

    return make


def shells(features: int = 8, noise: float = 0.1) -> Callable[[], Rows]:
    """Points around the origin; the class is the shell that they lie in, with some wrong labels."""

    def make() -> Rows:
        x, y = datasets.make_gaussian_quantiles(n_samples=6000, n_features=features, n_classes=3, random_state=0)
        draw = np.random.default_rng(0)
        return x.astype("float32"), np.where(draw.random(len(y)) < noise, draw.integers(0, 3, len(y)), y)

    return make


def impedance(scaled: bool = True) -> Callable[[], Rows]:
    """The second regression problem of Friedman, whose columns are of four orders of magnitude."""

    def make() -> Rows:
        x, y = datasets.make_friedman2(6000, noise=100.0, random_state=0)
        x = (x - x.mean(axis=0)) / x.std(axis=0) if scaled else x
        return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def bumps(noise: float = 0.5) -> Callable[[], Rows]:
    """A wide and a narrow bump; the class tells which comes first, and how far apart they are, [rows, 32, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        first, apart = draw.uniform(4, 12, (5000, 1)), draw.uniform(6, 16, (5000, 1))
        turned = draw.random((5000, 1)) < 0.5
        time = np.arange(32)[None, :]
        wide, narrow = np.where(turned, first + apart, first), np.where(turned, first, first + apart)
        clean = np.exp(-(((time - wide) / 3) ** 2)) + np.exp(-((time - narrow) ** 2))
        y = turned[:, 0] + 2 * (apart[:, 0] > 11)
        return (clean + noise * draw.normal(size=clean.shape))[..., None].astype("float32"), y.astype(int)

    return make


def walks(length: int = 24, noise: float = 0.3) -> Callable[[], Rows]:
    """Noisy walks that turn back to their mean; the target is their value three steps later."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        steps = draw.normal(size=(6000, length + 3))
        walk = np.zeros_like(steps)
        for time in range(1, length + 3):
            walk[:, time] = 0.9 * walk[:, time - 1] - 0.3 * walk[:, time - 2] * (time > 1) + steps[:, time]
        seen = walk[:, :length] + noise * draw.normal(size=(6000, length))
        y = walk[:, -1] + walk[:, length - 2] * walk[:, length - 6] / 4
        return seen[..., None].astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

    return make


def phrases(words: int = 200, length: int = 16) -> Callable[[], Rows]:
    """Rows of tokens; the class is the sign of the sum of the words' weights, and a "not" turns that of the next."""

    def make() -> Rows:
        draw = np.random.default_rng(0)
        x = draw.integers(1, words, (5000, length))
        x[draw.random(x.shape) < 0.15] = 1
        weight = draw.normal(size=words) * (draw.random(words) < 0.5)
        weight[1] = 0
        turned = np.concatenate([np.zeros((5000, 1), bool), x[:, :-1] == 1], axis=1)
        total = (np.where(turned, -1, 1) * weight[x]).sum(axis=1)
        return x.astype("int32"), (total + 0.3 * draw.normal(size=5000) > 0).astype(int)

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


def normalised(*filters: int) -> list[Callable[[], Any]]:
    """Convolutions, each with BatchNormalization, and a mean over what is left."""
    blocks = [
        (
            lambda size=size: layers.Conv2D(size, 3, padding="same", use_bias=False),
            layers.BatchNormalization,
            layers.ReLU,
        )
        for size in filters
    ]
    return [*(layer for block in blocks for layer in block), layers.GlobalAveragePooling2D]


def drop(rate: float) -> Callable[[], Any]:
    return lambda: layers.Dropout(rate)


def adam(rate: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.Adam(rate)


def sgd(rate: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.SGD(rate, momentum=0.9)


FLAT = layers.Flatten

TUNING = (
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


HELD_OUT = tuple(
    replace(pair, half="held-out")
    for pair in (
        Pair("shapes-200-convolution", "images", shapes(), stack(*convolution(16, 16), FLAT), 200, 20),
        Pair("shapes-200-normalised", "images", shapes(), stack(*normalised(16, 32)), 200, 20),
        Pair("shapes-dense", "images", shapes(), stack(FLAT, *dense(128)), 800, 20),
        Pair("shapes-noisy", "images", shapes(0.9), stack(*convolution(16, 16), FLAT), 800, 15),
        Pair("shapes-one-filter", "images", shapes(), stack(*convolution(1), FLAT), 800, 20),
        Pair("shapes-sgd-1e-3", "images", shapes(), stack(*convolution(16), FLAT), 800, 8, sgd(1e-3)),
        Pair("shapes-one-epoch", "images", shapes(), stack(*normalised(16, 32)), 1000, 1),
        Pair(
            "shapes-l2",
            "images",
            shapes(),
            stack(FLAT, *dense(64, kernel_regularizer=keras.regularizers.L2(0.1))),
            800,
            15,
        ),
        Pair("shells-overfitted", "tables", shells(), stack(*dense(256, 128)), 300, 60),
        Pair("shells-three-units", "tables", shells(), stack(*dense(3)), 1000, 30),
        Pair("shells-linear", "tables", shells(5), stack(), 1000, 20),
        Pair("shells-adam-3e-5", "tables", shells(), stack(*dense(64, 64)), 1000, 10, adam(3e-5)),
        Pair("shells-dropout", "tables", shells(), stack(*dense(64), drop(0.5), *dense(64), drop(0.5)), 1000, 30),
        Pair("shells-wrong-labels", "tables", shells(noise=0.4), stack(*dense(128)), 1000, 40),
        Pair("shells-sigmoid", "tables", shells(), stack(*dense(32, 32, 32, activation="sigmoid")), 1000, 20),
        Pair("shells-adam-0.1", "tables", shells(), stack(*dense(64)), 1000, 15, adam(0.1)),
        Pair("impedance-200", "tables", impedance(), stack(*dense(128, 128)), 200, 60),
        Pair("impedance-raw", "tables", impedance(scaled=False), stack(*dense(64)), 1000, 20),
        Pair("impedance-few-epochs", "tables", impedance(), stack(*dense(32)), 1000, 4),
        Pair("impedance-narrow", "tables", impedance(), stack(*dense(2)), 1000, 30),
        Pair("bumps-150", "sequences", bumps(), stack(FLAT, *dense(64)), 150, 40),
        Pair("bumps-along-time", "sequences", bumps(), stack(*along_time(16)), 800, 15),
        Pair("bumps-lstm", "sequences", bumps(), stack(lambda: layers.LSTM(16)), 800, 8),
        Pair("bumps-noisy", "sequences", bumps(1.0), stack(FLAT, *dense(128)), 600, 30),
        Pair("walks-dense", "sequences", walks(), stack(FLAT, *dense(128)), 300, 40),
        Pair("walks-recurrent", "sequences", walks(), stack(*recurrent(8)), 800, 6),
        Pair(
            "walks-convolution",
            "sequences",
            walks(),
            stack(lambda: layers.Conv1D(16, 3, activation="relu"), FLAT),
            800,
            5,
        ),
        Pair("phrases-300", "texts", phrases(), stack(*embedded(16, 200), *dense(32)), 300, 30),
        Pair("phrases-one-number", "texts", phrases(), stack(*embedded(1, 200)), 1000, 20),
        Pair("phrases-adam-1e-4", "texts", phrases(), stack(*embedded(16, 200)), 1000, 10, adam(1e-4)),
        Pair("phrases-flat", "texts", phrases(), stack(lambda: layers.Embedding(200, 16), FLAT, *dense(64)), 1000, 12),
        Pair("phrases-gru", "texts", phrases(), stack(lambda: layers.Embedding(200, 16), *recurrent(16)), 1000, 6),
    )
)
PAIRS = (*TUNING, *HELD_OUT)
