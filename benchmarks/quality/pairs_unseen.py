"""The part "unseen" of the pairs: other data and other models than those of `pairs.py`, written down before training.

The data is in `made_unseen.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import keras
from keras import layers

from benchmarks.quality.made_unseen import (
    arms,
    brackets,
    flags,
    galaxies,
    gestures,
    grains,
    idioms,
    machines,
    matches,
    mushrooms,
    patients,
    pendulums,
    probes,
    spectra,
    strokes,
    tides,
    urgencies,
    valves,
)
from benchmarks.quality.recipes import FLAT, Pair, along_time, dense, drop, graph, recurrent, sgd, stack


def pooled(*filters: int) -> list[Callable[[], Any]]:
    """Convolutions, each of which is followed by a maximum over two by two."""
    blocks = [
        (lambda size=size: layers.Conv2D(size, 3, padding="same", activation="relu"), layers.MaxPooling2D)
        for size in filters
    ]
    return [layer for block in blocks for layer in block]


def strided(*filters: int) -> list[Callable[[], Any]]:
    return [partial(layers.Conv2D, size, 3, strides=2, padding="same", activation="relu") for size in filters]


def separated(*filters: int) -> list[Callable[[], Any]]:
    """Separable convolutions with BatchNormalization after a plain one, and a maximum over what is left."""
    blocks = [
        (
            lambda size=size: layers.SeparableConv2D(size, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization,
            layers.ReLU,
        )
        for size in filters[1:]
    ]
    return [
        lambda: layers.Conv2D(filters[0], 3, padding="same", activation="relu"),
        *(layer for block in blocks for layer in block),
        layers.GlobalMaxPooling2D,
    ]


def wide_and_deep(*units: int) -> Callable[[Any], Any]:
    """Dense layers with Dropout, beside the columns as they are."""

    def hidden(source: Any) -> Any:
        x = source
        for size in units:
            x = layers.Dropout(0.1)(layers.Dense(size, "gelu")(x))
        return layers.Concatenate()([source, x])

    return hidden


def dilated(filters: int, blocks: int) -> Callable[[Any], Any]:
    """Causal convolutions that look further and further back, each of which is added to what it is given."""

    def hidden(source: Any) -> Any:
        x = layers.Conv1D(filters, 1)(source)
        for block in range(blocks):
            change = layers.Conv1D(filters, 3, padding="causal", dilation_rate=2**block, activation="relu")(x)
            x = layers.Add()([x, layers.SpatialDropout1D(0.1)(change)])
        return layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])

    return hidden


UNSEEN: tuple[Pair, ...] = tuple(
    replace(pair, part="unseen")
    for pair in (
        Pair("matches-dense", "tables", matches(), stack(*dense(64, 32)), 800, 40),
        Pair("matches-momentum", "tables", matches(), stack(*dense(48, 24)), 1000, 25, sgd(0.02, momentum=0.99)),
        Pair(
            "matches-clipped",
            "tables",
            matches(),
            stack(*dense(32, activation="elu"), drop(0.1)),
            1200,
            20,
            lambda: keras.optimizers.SGD(0.01, momentum=0.9, clipnorm=0.05),
        ),
        Pair(
            "machines-small",
            "tables",
            machines(),
            stack(lambda: layers.Dense(10), layers.LayerNormalization, layers.ReLU),
            1000,
            30,
            lambda: keras.optimizers.Nadam(2e-3),
        ),
        Pair(
            "machines-unscaled",
            "tables",
            machines(scaled=False),
            stack(*dense(48, 48), drop(0.1)),
            1000,
            25,
            keras.optimizers.RMSprop,
        ),
        Pair("mushrooms-wide", "tables", mushrooms(), stack(*dense(256), drop(0.4)), 400, 40, batch_size=16),
        Pair("mushrooms-zeros", "tables", mushrooms(), stack(*dense(64, kernel_initializer="zeros")), 1000, 20),
        Pair("patients-wide-and-deep", "tables", patients(), graph(wide_and_deep(64, 32)), 900, 12, batch_size=24),
        Pair(
            "patients-adagrad",
            "tables",
            patients(),
            stack(*dense(64, 32, activation="leaky_relu")),
            1000,
            25,
            keras.optimizers.Adagrad,
        ),
        Pair(
            "arms-silu",
            "tables",
            arms(),
            stack(*dense(64, 64, activation="silu")),
            1000,
            40,
            lambda: keras.optimizers.SGD(0.03, momentum=0.9, nesterov=True),
        ),
        Pair(
            "arms-sigmoid-head",
            "tables",
            arms(),
            stack(*dense(64, 32), head=lambda _: [layers.Dense(1, "sigmoid")]),
            900,
            30,
        ),
        Pair("spectra-250", "tables", spectra(), stack(*dense(64, 32)), 250, 60, batch_size=16),
        Pair(
            "spectra-schedule",
            "tables",
            spectra(),
            stack(*dense(48, activation="tanh")),
            600,
            25,
            lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(3e-3, 20, 0.5)),
        ),
        Pair("flags-pooled", "images", flags(), stack(*pooled(12, 24), FLAT, *dense(48)), 350, 20),
        Pair(
            "flags-relu-logits",
            "images",
            flags(),
            stack(*pooled(12, 24), FLAT, head=lambda y: [layers.Dense(int(y.max()) + 1, "relu"), layers.Softmax()]),
            800,
            12,
        ),
        Pair(
            "grains-strided",
            "images",
            grains(),
            stack(*strided(16, 32), layers.GlobalAveragePooling2D, *dense(32)),
            800,
            15,
            lambda: keras.optimizers.Adam(2e-3),
        ),
        Pair(
            "grains-tiny-targets",
            "images",
            grains(tiny=True),
            stack(*strided(12, 24), FLAT, *dense(24)),
            900,
            15,
        ),
        Pair("strokes-separated", "images", strokes(), stack(*separated(16, 32, 64), drop(0.2)), 700, 15),
        Pair(
            "strokes-no-activation",
            "images",
            strokes(),
            stack(*2 * [lambda: layers.Conv2D(12, 3)], FLAT, lambda: layers.Dense(48)),
            900,
            15,
        ),
        Pair(
            "galaxies-pooled", "images", galaxies(), stack(*pooled(12, 24, 24), FLAT, *dense(32), drop(0.3)), 1000, 15
        ),
        Pair(
            "galaxies-lion",
            "images",
            galaxies(),
            stack(*strided(12, 24), FLAT, *dense(32)),
            1000,
            15,
            lambda: keras.optimizers.Lion(3e-3),
        ),
        Pair(
            "gestures-both-ways",
            "sequences",
            gestures(),
            stack(lambda: layers.Bidirectional(layers.GRU(10))),
            600,
            15,
            lambda: keras.optimizers.Adam(3e-3),
        ),
        Pair(
            "gestures-relu-recurrent",
            "sequences",
            gestures(),
            stack(
                lambda: layers.SimpleRNN(32, "relu", recurrent_initializer=keras.initializers.RandomNormal(0.0, 0.5))
            ),
            800,
            10,
        ),
        Pair("valves-dilated", "sequences", valves(), graph(dilated(20, 4)), 900, 12),
        Pair(
            "valves-noise-layer",
            "sequences",
            valves(),
            stack(lambda: layers.GaussianNoise(1.0), *along_time(24, 24), *dense(24)),
            1000,
            15,
        ),
        Pair("tides-gelu", "sequences", tides(), stack(FLAT, *dense(96, 96, activation="gelu")), 400, 50),
        Pair("tides-datum", "sequences", tides(datum=100.0), stack(FLAT, *dense(32, 32)), 1000, 20),
        Pair(
            "pendulums-strided-gru",
            "sequences",
            pendulums(),
            stack(lambda: layers.Conv1D(16, 6, strides=3, activation="relu"), *recurrent(20)),
            900,
            15,
            lambda: keras.optimizers.Adam(clipnorm=1.0),
        ),
        Pair(
            "probes-large-batches",
            "sequences",
            probes(),
            stack(*2 * [lambda: layers.Conv1D(32, 3, activation="relu")], layers.GlobalAveragePooling1D, *dense(32)),
            1000,
            20,
            batch_size=500,
        ),
        Pair(
            "idioms-two-by-two",
            "texts",
            idioms(),
            stack(
                lambda: layers.Embedding(120, 16),
                lambda: layers.Conv1D(64, 2, activation="relu"),
                layers.GlobalMaxPooling1D,
                drop(0.4),
            ),
            1200,
            25,
        ),
        Pair(
            "idioms-adadelta",
            "texts",
            idioms(),
            stack(lambda: layers.Embedding(120, 16), FLAT, *dense(48)),
            1000,
            20,
            keras.optimizers.Adadelta,
        ),
        Pair(
            "brackets-gru",
            "texts",
            brackets(),
            stack(lambda: layers.Embedding(14, 8), *recurrent(24)),
            1000,
            15,
            lambda: keras.optimizers.AdamW(3e-3),
        ),
        Pair(
            "urgencies-most",
            "texts",
            urgencies(),
            stack(lambda: layers.Embedding(400, 24), layers.GlobalMaxPooling1D, *dense(32)),
            900,
            25,
        ),
        Pair(
            "urgencies-penalty",
            "texts",
            urgencies(),
            stack(
                lambda: layers.Embedding(400, 16, embeddings_regularizer=keras.regularizers.L2(0.01)),
                layers.GlobalMaxPooling1D,
                *dense(32),
            ),
            1200,
            20,
            batch_size=48,
        ),
    )
)
