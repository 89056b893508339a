"""Several inputs: one input's fault beside sound ones."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.wards.data import Array, Data, Rows, digits, sentences, split
from tests.wards.models import head
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam, sgd

# --- data: the target needs every input ------------------------------------------------------------


def picture_and_table(top: float = 1.0, raw: bool = False) -> Data:
    """A digit (8, 8, 1) and six numbers: the class counts "five or more" and "the first two numbers add up".

    `raw`: the numbers are in units of their own, up to thousands.
    """
    data, rng = digits("image"), np.random.default_rng(0)

    def joined(rows: Rows) -> Rows:
        numbers = rng.normal(size=(len(rows[0]), 6))
        y = (rows[1] >= 5).astype("int64") + (numbers[:, 0] + numbers[:, 1] > 0)
        numbers = numbers * (3000, 40, 1, 0.2, 500, 12) + (9000, 80, 3, 0.5, 2000, 30) if raw else numbers
        return (rows[0] * np.float32(top), numbers.astype("float32")), y

    return Data(joined(data.train), joined(data.judged), ("multiclass",), (3,))


def tokens_and_table() -> Data:
    """Token ids of a sentence about one of three topics, and four numbers that turn the topic around."""
    data, rng = sentences(), np.random.default_rng(0)

    def joined(rows: Rows) -> Rows:
        numbers = rng.normal(size=(len(rows[0]), 4)).astype("float32")
        return (rows[0], numbers), (rows[1] + (numbers[:, 0] > 0)) % 3

    return Data(joined(data.train), joined(data.judged), ("multiclass",), (3,))


def two_tables(rows: int = 1500) -> Data:
    """A customer's five numbers and a product's four: the price depends on products of both. Standardised."""
    rng = np.random.default_rng(0)
    customer, product = rng.normal(size=(rows, 5)), rng.normal(size=(rows, 4))
    y = customer[:, 0] * product[:, 0] + customer[:, 1] - product[:, 1] + rng.normal(0, 0.2, rows)
    whole = np.concatenate([customer, product], axis=1).astype("float32")
    data = split(whole, ((y - y.mean()) / y.std())[:, None].astype("float32"), "regression", 1)
    return data.mapped(x=lambda x: (x[:, :5], x[:, 5:]))


def left_and_right() -> Data:
    """Two digits: is the left one larger?"""
    data, rng = digits(), np.random.default_rng(0)

    def joined(rows: Rows) -> Rows:
        other = rng.permutation(len(rows[0]))
        return (rows[0], rows[0][other]), (rows[1] > rows[1][other]).astype("int64")

    return Data(joined(data.train), joined(data.judged), ("binary",), (1,))


def one_input(
    data: Data, number: int, factor: float = 1.0, other_rows: bool = False, splits: Any = ("train", "dev")
) -> Data:
    """One input times `factor`, or its rows in another order than those of the others."""

    def change(x: Any) -> Any:
        part = x[number] * np.float32(factor)
        part = part[np.random.default_rng(1).permutation(len(part))] if other_rows else part
        return (*x[:number], part, *x[number + 1 :])

    return data.mapped(x=change, splits=splits)


# --- networks -------------------------------------------------------------------------------------


def branches(data: Data, normalise: bool = False, joined: tuple[int, ...] = (), width: int = 32) -> keras.Model:
    """A branch for each input (convolution for pictures, averaged embedding for tokens, else dense), then two layers.

    `normalise` puts a Rescaling or an adapted Normalization first; `joined` are the branches that are used.
    """
    sources = [keras.Input(part.shape[1:], dtype=str(part.dtype)) for part in data.train[0]]
    ends = [_branch(data, source, part, normalise, width) for source, part in zip(sources, data.train[0], strict=True)]
    tensor = layers.Concatenate()([ends[n] for n in joined] if joined else ends)
    tensor = layers.Dense(width, "relu")(layers.Dense(width, "relu")(tensor))
    return keras.Model(sources, head(data)(tensor), name="branches")


def _branch(data: Data, source: Any, part: Array, normalise: bool, width: int) -> Any:
    if part.ndim == 4:
        tensor = layers.Rescaling(1 / 255)(source) if normalise else source
        return layers.Flatten()(layers.Conv2D(8, 3, 2, activation="relu")(tensor))
    if part.dtype.kind == "i":
        return layers.GlobalAveragePooling1D()(layers.Embedding(data.vocabulary or int(part.max()) + 1, 16)(source))
    mean, variance = part.mean(axis=0), part.var(axis=0)
    tensor = layers.Normalization(mean=mean, variance=variance)(source) if normalise else source
    return layers.Dense(width, "relu")(tensor)


def shared_branch(data: Data, width: int = 48) -> keras.Model:
    """One branch for both inputs, then the difference."""
    sources = [keras.Input((64,)) for _ in data.train[0]]
    shared = keras.Sequential([keras.Input((64,)), layers.Dense(width, "relu"), layers.Dense(8)], name="shared")
    tensor = layers.Subtract()([shared(source) for source in sources])
    return keras.Model(sources, head(data)(layers.Dense(width, "relu")(tensor)), name="shared_branch")


def joined_columns(data: Data) -> Array:
    """A forest over all inputs as one table, tokens as counts."""
    from sklearn.ensemble import RandomForestClassifier

    tables = [
        [_counts(part) if part.dtype.kind == "i" else part.reshape(len(part), -1) for part in x]
        for x in (data.train[0], data.judged[0])
    ]
    x_train, x_dev = (np.concatenate(table, axis=1) for table in tables)
    return np.asarray(RandomForestClassifier(100, random_state=0).fit(x_train, data.train[1]).predict_proba(x_dev))


def _counts(tokens: Array, size: int = 300) -> Array:
    return np.stack([np.bincount(row, minlength=size)[:size] for row in tokens])


# --- cases ----------------------------------------------------------------------------------------

PICTURE = Recipe(make(picture_and_table), make(branches), adam(3e-3), epochs=15)
PICTURE_SGD = replace(PICTURE, optimizer=sgd(0.1))
TABLES = Recipe(make(two_tables), make(branches), adam(5e-3), epochs=15)
PART_OF_IT = {"cut-gradient", "high-bias", "beaten-by-baseline"}

INPUTS: tuple[Case, ...] = (
    sick(
        "inputs-table-x1000-sgd",
        "several-inputs",
        PICTURE_SGD,
        {"inputs-not-scaled"},
        spoil=(make(one_input, number=1, factor=1000.0),),
    ),
    sick(
        "inputs-dev-pictures-in-other-order",
        "several-inputs",
        PICTURE,
        {"labels-not-paired", "data-mismatch"},
        handed=(make(one_input, number=0, other_rows=True, splits=("dev",)),),
    ),
    sick(
        "inputs-pictures-0-255-sgd",
        "several-inputs",
        PICTURE_SGD,
        {"inputs-not-scaled"},
        spoil=(make(one_input, number=0, factor=255.0),),
    ),
    sick("inputs-table-not-joined", "several-inputs", PICTURE, PART_OF_IT, model=make(branches, joined=(0, 0))),
    sick(
        "inputs-dev-table-scaled-otherwise",
        "several-inputs",
        PICTURE,
        {"inconsistent-preprocessing", "data-mismatch", "dev-unlike-train"},
        handed=(make(one_input, number=1, factor=100.0, splits=("dev",)),),
    ),
    sick("inputs-adam-x100", "several-inputs", PICTURE, {"learning-rate-too-high"}, optimizer=adam(0.3)),
    sick("inputs-product-not-joined", "several-inputs", TABLES, PART_OF_IT, model=make(branches, joined=(0, 0))),
    sick("inputs-sgd-1e-5", "several-inputs", PICTURE, {"learning-rate-too-low", "undertrained"}, optimizer=sgd(1e-5)),
    healthy("inputs-picture-and-table", "several-inputs", PICTURE, baseline=make(joined_columns)),
    healthy(
        "inputs-raw-normalised-inside",
        "several-inputs",
        PICTURE,
        data=make(picture_and_table, top=255.0, raw=True),
        model=make(branches, normalise=True),
        baseline=make(joined_columns),
    ),
    healthy("inputs-two-tables", "several-inputs", TABLES),
    healthy(
        "inputs-tokens-and-table",
        "several-inputs",
        PICTURE,
        data=make(tokens_and_table),
        optimizer=adam(5e-3),
        epochs=20,
        baseline=make(joined_columns),
    ),
    healthy("inputs-left-and-right", "several-inputs", PICTURE, data=make(left_and_right), model=make(shared_branch)),
    healthy("inputs-picture-and-table-sgd", "several-inputs", PICTURE_SGD, epochs=25, baseline=make(joined_columns)),
)
