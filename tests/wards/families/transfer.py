"""Transfer: a small base that learned on other rows, under a new head."""

from dataclasses import replace

import keras
import numpy as np
from keras import layers

from tests.wards import data
from tests.wards import references as ref
from tests.wards.data import Array, Data
from tests.wards.families.rows import times
from tests.wards.models import freeze, head, inputs
from tests.wards.recipe import Recipe, healthy, make, sick

PRETRAINED: dict[str, list[np.ndarray]] = {}  # weights of the bases that this process has pretrained


def few_digits(rows: int = 220, top: float = 255.0, dimmed: float = 1.0) -> Data:
    """A few digits of those that no base has seen, between 0 and `top`; dev is the usual one. `dimmed` < 1: darker."""
    whole = noisy_digits(top * dimmed)
    x, y = whole.train
    return replace(whole, train=(x[800 : 800 + rows], y[800 : 800 + rows]))


def noisy_digits(top: float, noise: float = 0.3) -> Data:
    """Digits under noise (a share of `top`), so that a classifier of a few rows needs features learned elsewhere."""
    rng = np.random.default_rng(0)

    def changed(x: Array) -> Array:
        return np.clip(x + rng.normal(0, noise * top, x.shape), 0, top).astype("float32")

    return data.digits("image", top).mapped(x=changed)


def convolutional_base(norm: bool = True, momentum: float = 0.9) -> keras.Model:
    """Two convolutions and an average over the picture; it expects pixels between -1 and 1."""
    source = keras.Input((8, 8, 1))
    tensor = source
    for channels in (24, 48):
        tensor = layers.Conv2D(channels, 3, padding="same", activation=None if norm else "relu")(tensor)
        if norm:
            tensor = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(tensor))
        tensor = layers.MaxPooling2D()(tensor)
    return keras.Model(source, layers.Flatten()(tensor), name="base")


def pretrained_base(norm: bool = True) -> keras.Model:
    """The base after 25 epochs on 800 other digits. The seeds of the training go on as if it came from a file."""
    base = convolutional_base(norm)
    if str(norm) not in PRETRAINED:
        seed = int(np.random.randint(2**31))
        keras.utils.set_random_seed(1000)  # not a seed of a case: with the teacher's fresh head, its features would do
        teacher_base = convolutional_base(norm)
        teacher = keras.Sequential([teacher_base, layers.Dense(10, "softmax")])
        teacher.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
        x, y = noisy_digits(1.0).train
        teacher.fit(2 * x[:800] - 1, y[:800], epochs=25, verbose=0)
        PRETRAINED[str(norm)] = teacher_base.get_weights()
        keras.utils.set_random_seed(seed)
    base.set_weights(PRETRAINED[str(norm)])
    return base


def slow_statistics(base: keras.Model, momentum: float) -> None:
    """Set the momentum of all normalisation layers."""
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum


def transferred(
    data: Data,
    *,
    pretrained: bool = True,
    norm: bool = True,
    frozen: bool = True,
    keep: int = 0,
    training: bool | None = False,
    momentum: float = 0.99,
    prepared: bool = True,
    hidden: int = 0,
    dropout: float = 0.0,
    frozen_head: bool = False,
) -> keras.Model:
    """The base under a new head.

    `prepared` brings pixels from 0..255 to -1..1 inside the model; `keep` layers of a frozen base still learn;
    `training` is the mode that the base is called in.
    """
    base = pretrained_base(norm) if pretrained else convolutional_base(norm)
    slow_statistics(base, momentum)
    if frozen:
        freeze(base, keep)
    tensor = source = inputs(data)
    if prepared:
        tensor = layers.Rescaling(2 / 255, -1)(tensor)
    tensor = base(tensor, training=training)
    if hidden:
        tensor = layers.Dense(hidden, "relu")(tensor)
    if dropout:
        tensor = layers.Dropout(dropout)(tensor)
    last = head(data)
    last.trainable = not frozen_head
    return keras.Model(source, last(tensor), name="transferred")


FROZEN = Recipe(make(few_digits), make(transferred), ref.adam(5e-3), epochs=25, batch_size=16)
TUNED = Recipe(make(few_digits), make(transferred, frozen=False), ref.adam(1e-3), epochs=12, batch_size=16)
DIMMED = replace(TUNED, data=make(few_digits, dimmed=0.3))

TRANSFER = (
    # What people forget: the preprocessing of the base, its weights, its mode, a small rate, the head.
    sick(
        "transfer-preprocessing-forgotten",
        "transfer",
        FROZEN,
        {"inputs-not-scaled", "inconsistent-preprocessing"},
        model=FROZEN.model.but(prepared=False),
    ),
    sick(
        "transfer-frozen-random-base",
        "transfer",
        FROZEN,
        {"frozen-layers"},
        model=FROZEN.model.but(pretrained=False),
    ),
    sick("transfer-fine-tuned-x200", "transfer", TUNED, {"learning-rate-too-high"}, optimizer=ref.adam(0.2)),
    sick(
        "transfer-statistics-of-another-domain",
        "transfer",
        DIMMED,
        {"moving-statistics-lag", "normalization-misuse", "undertrained"},
        model=DIMMED.model.but(training=None, momentum=0.999),
    ),
    sick(
        "transfer-head-frozen-too",
        "transfer",
        FROZEN,
        {"frozen-layers"},
        model=FROZEN.model.but(frozen_head=True, hidden=0),
    ),
    sick(
        "transfer-dev-prepared-otherwise",
        "transfer",
        FROZEN,
        {"inconsistent-preprocessing", "data-mismatch", "dev-unlike-train"},
        handed=(make(times, factor=2 / 255, shift=-1.0, splits=("dev",)),),
    ),
    sick(
        "transfer-head-barely-trained",
        "transfer",
        FROZEN,
        {"learning-rate-too-low", "undertrained"},
        optimizer=ref.sgd(1e-4),
        epochs=3,
    ),
    # Most weights frozen by design, dropout that makes train look worse than dev, a small rate on all layers.
    healthy("transfer-frozen", "transfer", FROZEN),
    healthy("transfer-frozen-dropout", "transfer", FROZEN, model=FROZEN.model.but(hidden=64, dropout=0.5), epochs=30),
    healthy("transfer-fine-tuned", "transfer", TUNED),
    healthy("transfer-last-block-learns", "transfer", FROZEN, model=FROZEN.model.but(keep=5), optimizer=ref.adam(2e-3)),
    healthy("transfer-no-batch-norm", "transfer", FROZEN, model=FROZEN.model.but(norm=False)),
    healthy(
        "transfer-prepared-outside",
        "transfer",
        FROZEN,
        model=FROZEN.model.but(prepared=False),
        spoil=(make(times, factor=2 / 255, shift=-1.0),),
    ),
)
