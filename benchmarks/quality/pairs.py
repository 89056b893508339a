"""Models and data on which remedies are compared by brute force: four families of data, directions and mild faults.

Each part has other data and other models than those before it, written down before any of them was trained. The misses
were read after the first run of each part, and rules were made for their kinds: from those of *last* only one, on
weights that are worse on dev than replays of their training; from *open* a mend of the count of changes that apply.
The data of *open* is in `made_open.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from benchmarks.quality.made import (
    Rows,
    angles,
    bumps,
    chirps,
    clusters,
    commands,
    digits,
    dots,
    echoes,
    gratings,
    impedance,
    lamps,
    leaves,
    maps,
    moons,
    numbers,
    orders,
    phrases,
    products,
    pulses,
    rhythms,
    shapes,
    shells,
    squares,
    subjects,
    table,
    tanks,
    texts,
    tiles,
    votes,
    walks,
    waves,
    yields,
)
from benchmarks.quality.made_open import (
    beats,
    cells,
    credit,
    dials,
    doses,
    gaits,
    glyphs,
    houses,
    languages,
    loads,
    reviews,
    sales,
    signs,
    species,
    sums,
    switches,
    textures,
    tickets,
)

DEV, HIDDEN = 300, 1000  # rows: what the examination gets, and what only the benchmark sees


@dataclass(frozen=True)
class Pair:
    """A recipe: `train` rows of `data`, with as many again for the remedy "more data".

    `part` is "tuning", "held-out", "fresh", "last" or "open".
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
    replace(pair, part="held-out")
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


FRESH = tuple(
    replace(pair, part="fresh")
    for pair in (
        Pair("gratings-300-convolution", "images", gratings(), stack(*convolution(16, 32), FLAT, *dense(32)), 300, 25),
        Pair("gratings-dense", "images", gratings(), stack(FLAT, *dense(256)), 600, 30),
        Pair("gratings-normalised", "images", gratings(1.2), stack(*normalised(16, 16)), 800, 12),
        Pair("gratings-adam-1e-4", "images", gratings(), stack(*convolution(16), FLAT), 800, 8, adam(1e-4)),
        Pair(
            "gratings-dropout",
            "images",
            gratings(),
            stack(FLAT, *dense(128), drop(0.7), *dense(128), drop(0.7)),
            800,
            20,
        ),
        Pair("dots-convolution", "images", dots(), stack(*convolution(8, 8), FLAT, *dense(32)), 600, 20),
        Pair("dots-two-filters", "images", dots(), stack(*convolution(2), FLAT), 1000, 20),
        Pair("dots-few-epochs", "images", dots(), stack(*convolution(16, 16), FLAT), 1000, 2),
        Pair("squares-overfitted", "tables", squares(), stack(*dense(256, 256)), 300, 40),
        Pair("squares-four-units", "tables", squares(), stack(*dense(4)), 1000, 30),
        Pair("squares-linear", "tables", squares(), stack(), 1000, 20),
        Pair("squares-wrong-labels", "tables", squares(0.3), stack(*dense(128, 64)), 1000, 40),
        Pair("squares-tanh", "tables", squares(), stack(*dense(32, 32, 32, 32, activation="tanh")), 800, 20, sgd(1e-3)),
        Pair("clusters-200", "tables", clusters(), stack(*dense(128)), 200, 40),
        Pair("clusters-adam-0.05", "tables", clusters(), stack(*dense(64, 64)), 1000, 20, adam(0.05)),
        Pair(
            "clusters-l2",
            "tables",
            clusters(),
            stack(*dense(128, kernel_regularizer=keras.regularizers.L2(0.03))),
            1000,
            25,
        ),
        Pair("angles-raw", "tables", angles(scaled=False), stack(*dense(64)), 1000, 20),
        Pair("angles-200", "tables", angles(), stack(*dense(128, 128)), 200, 60),
        Pair("angles-few-epochs", "tables", angles(), stack(*dense(32, 32)), 1000, 4),
        Pair("products-overfitted", "tables", products(), stack(*dense(256)), 500, 60),
        Pair("products-narrow", "tables", products(), stack(*dense(4)), 1000, 40),
        Pair("products-dropout", "tables", products(), stack(*dense(128), drop(0.6)), 1000, 30),
        Pair("chirps-convolution", "sequences", chirps(), stack(*along_time(32, 32)), 500, 20),
        Pair("chirps-dense", "sequences", chirps(), stack(FLAT, *dense(128)), 1000, 20),
        Pair("chirps-gru", "sequences", chirps(0.5), stack(*recurrent(16)), 800, 8),
        Pair("echoes-convolution", "sequences", echoes(), stack(*along_time(32, 32)), 800, 20),
        Pair("echoes-four-filters", "sequences", echoes(0.2), stack(*along_time(4)), 1000, 20),
        Pair("maps-dense", "sequences", maps(), stack(FLAT, *dense(64, 64)), 300, 40),
        Pair("maps-sgd-1e-4", "sequences", maps(), stack(FLAT, *dense(64)), 1000, 20, sgd(1e-4)),
        Pair("votes-embedded", "texts", votes(), stack(*embedded(16, 300), *dense(32)), 500, 30),
        Pair("votes-few-epochs", "texts", votes(), stack(*embedded(16, 300)), 1000, 4),
        Pair("votes-dropout", "texts", votes(), stack(*embedded(32, 300), drop(0.6), *dense(32), drop(0.6)), 1000, 15),
        Pair("orders-flat", "texts", orders(), stack(lambda: layers.Embedding(60, 8), FLAT, *dense(32)), 600, 20),
        Pair(
            "orders-lstm", "texts", orders(), stack(lambda: layers.Embedding(60, 16), lambda: layers.LSTM(16)), 1000, 8
        ),
    )
)
LAST = tuple(
    replace(pair, part="last")
    for pair in (
        Pair("tiles-200-convolution", "images", tiles(), stack(*convolution(16, 16), FLAT, *dense(32)), 200, 30),
        Pair("tiles-dense", "images", tiles(), stack(FLAT, *dense(128, 64)), 800, 25),
        Pair("tiles-normalised", "images", tiles(1.4), stack(*normalised(16, 32)), 600, 15),
        Pair("tiles-sgd-1e-3", "images", tiles(), stack(*convolution(8, 8), FLAT), 1000, 8, sgd(1e-3)),
        Pair("tiles-one-filter", "images", tiles(), stack(*convolution(1), FLAT, *dense(16)), 1000, 20),
        Pair("lamps-convolution", "images", lamps(), stack(*convolution(16, 16), FLAT), 500, 20),
        Pair("lamps-dense", "images", lamps(), stack(FLAT, *dense(256)), 1000, 25),
        Pair("lamps-few-epochs", "images", lamps(), stack(*convolution(16), FLAT, *dense(32)), 1000, 2),
        Pair("lamps-dropout", "images", lamps(), stack(FLAT, *dense(64), drop(0.6), *dense(64), drop(0.6)), 1000, 20),
        Pair("leaves-overfitted", "tables", leaves(), stack(*dense(128, 128)), 400, 50),
        Pair("leaves-two-units", "tables", leaves(), stack(*dense(2)), 1000, 30),
        Pair("leaves-wrong-labels", "tables", leaves(wrong=0.35), stack(*dense(256)), 1000, 40),
        Pair("leaves-adam-1e-5", "tables", leaves(), stack(*dense(64)), 1000, 15, adam(1e-5)),
        Pair("moons-linear", "tables", moons(), stack(), 1000, 25),
        Pair("moons-200", "tables", moons(20), stack(*dense(64, 64)), 200, 50),
        Pair("moons-sigmoid", "tables", moons(), stack(*dense(16, 16, 16, activation="sigmoid")), 1000, 15),
        Pair(
            "moons-l1", "tables", moons(), stack(*dense(64, kernel_regularizer=keras.regularizers.L1(0.02))), 1000, 20
        ),
        Pair("yields-raw", "tables", yields(scaled=False), stack(*dense(64, 32)), 1000, 20),
        Pair("yields-overfitted", "tables", yields(0.6), stack(*dense(128, 128)), 300, 60),
        Pair("yields-three-units", "tables", yields(), stack(*dense(3)), 1000, 30),
        Pair("yields-few-epochs", "tables", yields(), stack(*dense(64)), 1000, 3),
        Pair("yields-adam-0.1", "tables", yields(), stack(*dense(64, 64)), 1000, 20, adam(0.1)),
        Pair("pulses-along-time", "sequences", pulses(), stack(*along_time(16, 16)), 500, 20),
        Pair("pulses-dense", "sequences", pulses(), stack(FLAT, *dense(64)), 1000, 20),
        Pair("pulses-gru", "sequences", pulses(0.3), stack(*recurrent(12)), 1000, 8),
        Pair("tanks-dense", "sequences", tanks(), stack(FLAT, *dense(128)), 500, 30),
        Pair("tanks-lstm", "sequences", tanks(), stack(lambda: layers.LSTM(16)), 800, 10),
        Pair("rhythms-along-time", "sequences", rhythms(), stack(*along_time(32)), 600, 20),
        Pair("rhythms-adam-3e-5", "sequences", rhythms(), stack(FLAT, *dense(64)), 1000, 15, adam(3e-5)),
        Pair("subjects-embedded", "texts", subjects(), stack(*embedded(32, 500), *dense(64)), 600, 25),
        Pair("subjects-few-epochs", "texts", subjects(), stack(*embedded(16, 500)), 1000, 5),
        Pair("subjects-one-number", "texts", subjects(), stack(*embedded(1, 500), *dense(8)), 1000, 30),
        Pair("commands-flat", "texts", commands(), stack(lambda: layers.Embedding(80, 16), FLAT, *dense(64)), 1000, 20),
        Pair("commands-gru", "texts", commands(), stack(lambda: layers.Embedding(80, 16), *recurrent(16)), 1000, 10),
    )
)
OPEN = tuple(
    replace(pair, part="open")
    for pair in (
        Pair("credit-dense", "tables", credit(), stack(*dense(64, 32)), 800, 30),
        Pair("credit-decay", "tables", credit(), stack(*dense(256), drop(0.3)), 1000, 20, adamw(0.01)),
        Pair("credit-raw", "tables", credit(scaled=False), stack(*dense(64, 32)), 1000, 20),
        Pair(
            "species-normalised",
            "tables",
            species(),
            stack(
                lambda: layers.Dense(64, use_bias=False), layers.BatchNormalization, layers.ReLU, *dense(32), drop(0.2)
            ),
            600,
            30,
        ),
        Pair(
            "species-wide-weights",
            "tables",
            species(),
            stack(
                *3 * [lambda: layers.Dense(48, "tanh", kernel_initializer=keras.initializers.RandomNormal(0.0, 1.5))]
            ),
            1000,
            25,
        ),
        Pair("signs-250", "tables", signs(), stack(*dense(256, 128)), 250, 40),
        Pair(
            "signs-negative-biases",
            "tables",
            signs(),
            stack(*dense(64, 32, bias_initializer=keras.initializers.Constant(-2.0))),
            1000,
            25,
        ),
        Pair("houses-dense", "tables", houses(), stack(*dense(64, 64)), 1000, 40),
        Pair(
            "houses-relu-head", "tables", houses(), stack(*dense(64), head=lambda _: [layers.Dense(1, "relu")]), 800, 30
        ),
        Pair("houses-priced", "tables", houses(priced=True), stack(*dense(32, 32)), 1000, 25),
        Pair("doses-sigmoid", "tables", doses(), stack(*dense(*6 * [24], activation="sigmoid")), 1000, 25),
        Pair("loads-six-units", "tables", loads(), stack(*dense(6)), 1000, 40),
        Pair("loads-decay", "tables", loads(), stack(*dense(64, 64)), 800, 30, adamw(5.0)),
        Pair("cells-normalised", "images", cells(), stack(*normalised(16, 24)), 600, 12),
        Pair("cells-adam-0.03", "images", cells(), stack(*convolution(16, 16), FLAT, *dense(32)), 1000, 15, adam(0.03)),
        Pair("textures-residual", "images", textures(), graph(residual_convolution(16, 1)), 700, 14),
        Pair(
            "glyphs-l2",
            "images",
            glyphs(),
            stack(FLAT, *dense(128, kernel_regularizer=keras.regularizers.L2(1e-3))),
            400,
            30,
        ),
        Pair("glyphs-lag", "images", glyphs(), stack(*normalised(16, 32, momentum=0.999)), 600, 10),
        Pair("glyphs-bottleneck", "images", glyphs(), stack(FLAT, *dense(128, 2, 64)), 1000, 20),
        Pair("dials-convolution", "images", dials(), stack(*convolution(12, 12), FLAT, *dense(32)), 800, 12),
        Pair("gaits-normalised", "sequences", gaits(), stack(*normalised_along_time(24, 24)), 500, 20),
        Pair("gaits-sgd-1e-3", "sequences", gaits(), stack(lambda: layers.LSTM(16)), 800, 8, sgd(1e-3, momentum=0.0)),
        Pair("switches-gru", "sequences", switches(), stack(*recurrent(20), drop(0.2)), 800, 10),
        Pair("sales-residual", "sequences", sales(), graph(residual(48, 2)), 600, 30),
        Pair("sales-few-epochs", "sequences", sales(), stack(*recurrent(16)), 1000, 2),
        Pair(
            "beats-strided",
            "sequences",
            beats(),
            stack(
                lambda: layers.Conv1D(16, 7, strides=2, activation="relu"),
                lambda: layers.Conv1D(32, 5, strides=2, activation="relu"),
                FLAT,
                *dense(32),
            ),
            900,
            20,
        ),
        Pair(
            "beats-two-softmaxes",
            "sequences",
            beats(),
            stack(*along_time(24, 24), head=lambda y: [layers.Dense(int(y.max()) + 1, "softmax"), layers.Softmax()]),
            1000,
            15,
        ),
        Pair("sums-lstm", "sequences", sums(), stack(lambda: layers.LSTM(24)), 900, 18),
        Pair(
            "reviews-gru",
            "texts",
            reviews(),
            stack(lambda: layers.Embedding(250, 16, mask_zero=True), *recurrent(16), drop(0.5)),
            1000,
            10,
        ),
        Pair(
            "languages-along-time",
            "texts",
            languages(),
            stack(lambda: layers.Embedding(26, 12), *along_time(48), drop(0.3)),
            700,
            15,
        ),
        Pair("languages-attention", "texts", languages(), graph(attentive(26, 24)), 900, 8),
        Pair(
            "languages-no-softmax",
            "texts",
            languages(),
            stack(lambda: layers.Embedding(26, 12), FLAT, *dense(48), head=lambda y: [layers.Dense(int(y.max()) + 1)]),
            1000,
            15,
        ),
        Pair("tickets-embedded", "texts", tickets(), stack(*embedded(24, 300), *dense(32)), 800, 25),
        Pair(
            "tickets-frozen",
            "texts",
            tickets(),
            stack(lambda: layers.Embedding(300, 12, trainable=False), layers.GlobalAveragePooling1D, *dense(32)),
            1000,
            20,
        ),
    )
)
PAIRS = (*TUNING, *HELD_OUT, *FRESH, *LAST, *OPEN)
