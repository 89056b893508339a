"""What a pair of a model and its data is made of: the recipe, its rows, and parts of models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from benchmarks.quality.made import Rows

DEV, HIDDEN = 300, 1000  # rows: what the examination gets, and what only the benchmark sees


@dataclass(frozen=True)
class Pair:
    """A recipe: `train` rows of `data`, with as many again for the remedy "more data".

    `part` is "tuning", "held-out", "fresh", "last", "open" or "unseen".
    """

    name: str
    family: str
    data: Callable[[], Rows]
    model: Callable[[Rows], Any]
    train: int
    epochs: int
    optimizer: Callable[[], Any] = keras.optimizers.Adam
    batch_size: int = 32
    part: str = "tuning"

    def split(self) -> dict[str, Rows]:
        """The rows of train, more, dev, hidden and others (if so many are left), without overlap.

        "twice" are train and more.
        """
        x, y = self.data()
        order = np.random.default_rng(0).permutation(len(x))
        sizes = {"train": self.train, "more": self.train, "dev": DEV, "hidden": HIDDEN, "others": HIDDEN}
        ends = np.cumsum(list(sizes.values()))
        assert ends[-2] <= len(x), self.name
        parts = np.split(order, ends)[:-1]
        drawn = {name: (x[part], y[part]) for name, part in zip(sizes, parts, strict=True)}
        twice = (np.concatenate(both) for both in zip(drawn["train"], drawn["more"], strict=True))
        return {**drawn, "twice": (next(twice), next(twice))}

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


# --- models -------------------------------------------------------------------------------------------


def source_for(x: NDArray[Any]) -> Any:
    return keras.Input(x.shape[1:], dtype="int32" if x.dtype.kind == "i" else "float32")


def head_for(y: NDArray[Any]) -> list[Any]:
    return [layers.Dense(1) if y.dtype.kind == "f" else layers.Dense(int(y.max()) + 1, "softmax")]


def stack(*hidden: Callable[[], Any], head: Callable[[NDArray[Any]], list[Any]] = head_for) -> Callable[[Rows], Any]:
    """A Sequential model with these hidden layers and the head that the targets ask for, or another one."""

    def make(rows: Rows) -> Any:
        x, y = rows
        last = head(y)  # made first: the weights of a layer depend on how many were made before it
        return keras.Sequential([source_for(x), *(layer() for layer in hidden), *last])

    return make


def graph(hidden: Callable[[Any], Any]) -> Callable[[Rows], Any]:
    """A functional model: the source, what `hidden` makes of it, and the head that the targets ask for."""

    def make(rows: Rows) -> Any:
        x, y = rows
        source = source_for(x)
        (head,) = head_for(y)
        return keras.Model(source, head(hidden(source)))

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


def normalised(*filters: int, momentum: float = 0.99) -> list[Callable[[], Any]]:
    """Convolutions, each with BatchNormalization, and a mean over what is left."""
    blocks = [
        (
            lambda size=size: layers.Conv2D(size, 3, padding="same", use_bias=False),
            lambda: layers.BatchNormalization(momentum=momentum),
            layers.ReLU,
        )
        for size in filters
    ]
    return [*(layer for block in blocks for layer in block), layers.GlobalAveragePooling2D]


def normalised_along_time(*filters: int) -> list[Callable[[], Any]]:
    blocks = [
        (lambda size=size: layers.Conv1D(size, 5, use_bias=False), layers.BatchNormalization, layers.ReLU)
        for size in filters
    ]
    return [*(layer for block in blocks for layer in block), layers.GlobalAveragePooling1D]


def residual(units: int, blocks: int) -> Callable[[Any], Any]:
    """Dense layers, each pair of which is added to what it is given."""

    def hidden(source: Any) -> Any:
        x = layers.Dense(units, "relu")(layers.Flatten()(source))
        for _ in range(blocks):
            x = layers.Add()([x, layers.Dense(units)(layers.Dense(units, "relu")(x))])
        return x

    return hidden


def residual_convolution(filters: int, blocks: int) -> Callable[[Any], Any]:
    """Convolutions with BatchNormalization, each pair of which is added to what it is given."""

    def hidden(source: Any) -> Any:
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(source)
        for _ in range(blocks):
            change = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x)))
            change = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(change))
            x = layers.ReLU()(layers.Add()([x, change]))
        return layers.GlobalAveragePooling2D()(x)

    return hidden


def attentive(words: int, size: int) -> Callable[[Any], Any]:
    """Embedded tokens, a convolution, then attention that is added to what it is given."""

    def hidden(source: Any) -> Any:
        x = layers.Conv1D(size, 3, padding="same", activation="relu")(layers.Embedding(words, size)(source))
        x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, size // 2)(x, x)]))
        return layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(x))

    return hidden


def drop(rate: float) -> Callable[[], Any]:
    return lambda: layers.Dropout(rate)


def adam(rate: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.Adam(rate)


def adamw(decay: float) -> Callable[[], Any]:
    return lambda: keras.optimizers.AdamW(weight_decay=decay)


def sgd(rate: float, momentum: float = 0.9) -> Callable[[], Any]:
    return lambda: keras.optimizers.SGD(rate, momentum=momentum)


FLAT = layers.Flatten
