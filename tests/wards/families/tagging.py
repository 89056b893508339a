"""Tagging: a label for every position of sentences that are padded to one length."""

from dataclasses import replace

import keras
import numpy as np
from keras import layers

from tests.wards import references as ref
from tests.wards.data import Array, Data
from tests.wards.families.rows import drawn
from tests.wards.measures import recall
from tests.wards.models import head, inputs
from tests.wards.recipe import Recipe, healthy, make, sick


def tagged(rows: int = 700, steps: int = 16, words: int = 6, names: float = 0.25, weighted: bool = False) -> Data:
    """Sentences of `words` +- 2 tokens, 0 after their end; x and y (rows, steps).

    A tag is 1 for a name, 2 for the word after it, 0 for any other and for padding. Names are the ids 2 to 11 of 60,
    but not after id 1; the share of tokens drawn from them is `names`. `weighted`: a weight per position that evens
    the tags out and is 0 for padding.
    """
    rng = np.random.default_rng(0)
    drawn_names = rng.random((rows, steps)) < names
    x = np.where(drawn_names, rng.integers(2, 12, (rows, steps)), rng.integers(12, 60, (rows, steps)))
    x = np.where(rng.random((rows, steps)) < 0.15, 1, x)
    before = np.pad(x, ((0, 0), (1, 0)))[:, :-1]
    is_name = (x >= 2) & (x < 12) & (before != 1)
    y = np.where(is_name, 1, np.where(np.pad(is_name, ((0, 0), (1, 0)))[:, :-1], 2, 0))
    inside = np.arange(steps) < rng.integers(words - 2, words + 3, (rows, 1))
    x, y = np.where(inside, x, 0).astype("int32"), np.where(inside, y, 0)
    data = replace(drawn(x, y, "multiclass", 3), vocabulary=60)
    if not weighted:
        return data
    x, y = data.train
    counts = np.bincount(y[x > 0], minlength=3)
    return replace(data, train=(x, y, (np.where(x > 0, counts.sum() / (3 * counts)[y], 0)).astype("float32")))


def relisted(data: Data) -> Data:
    """Dev tokens numbered by a vocabulary of their own."""
    order = np.random.default_rng(4).permutation(np.arange(1, data.vocabulary))
    return data.mapped(x=lambda x: np.concatenate([[0], order])[x].astype("int32"), splits=("dev",))


def moved_tags(data: Data, splits: tuple[str, ...] = ("dev",)) -> Data:
    """Tags one position late: the tokens got no start mark, the tags did."""
    return data.mapped(y=lambda y: np.roll(y, 1, axis=1), splits=splits)


def tagger(
    data: Data,
    *,
    cell: str = "GRU",
    width: int = 24,
    masked: bool = True,
    convolution: bool = False,
    out: str = "softmax",
) -> keras.Model:
    """An embedding, a recurrent layer in both directions or convolutions, and a dense layer at each position."""
    source = inputs(data)
    tensor = layers.Embedding(data.vocabulary, 16, mask_zero=masked)(source)
    if convolution:
        for _ in range(2):
            tensor = layers.Conv1D(width, 3, padding="same", activation="relu")(tensor)
    else:
        tensor = layers.Bidirectional(getattr(layers, cell)(width, return_sequences=True))(tensor)
    return keras.Model(source, head(data, activation=out)(tensor), name="tagger")


def neighbours(data: Data) -> Array:
    """A linear classifier on each token with the one before and after it: probabilities (rows, steps, tags)."""
    from sklearn.linear_model import LogisticRegression

    def features(x: Array) -> Array:
        padded = np.eye(data.vocabulary, dtype="float32")[np.pad(x, ((0, 0), (1, 1)))]
        return np.concatenate([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], axis=2)

    x, y = data.train[:2]
    linear = LogisticRegression(max_iter=200).fit(features(x)[x > 0], y[x > 0])
    dev = features(data.judged[0])
    return np.asarray(linear.predict_proba(dev.reshape(-1, dev.shape[2]))).reshape(*dev.shape[:2], -1)


TAGGED = Recipe(
    make(tagged),
    make(tagger),
    ref.adam(0.01),
    epochs=10,
    measures=(make(recall, padding=0),),
    baseline=make(neighbours),
)
LONG = replace(TAGGED, data=make(tagged, steps=48), optimizer=ref.sgd(0.5), epochs=12)
RARE = replace(TAGGED, data=make(tagged, rows=900, names=0.02, weighted=True), optimizer=ref.adam(3e-3), epochs=8)
SCARCE = replace(
    TAGGED,
    data=make(tagged, rows=1400, steps=20, words=10, names=0.012, weighted=True),
    model=make(tagger, cell="LSTM", width=16),
    optimizer=ref.adam(3e-3),
    epochs=5,
)

TAGGING = (
    # Nine positions in ten are padding, or the tags that matter are two in a hundred.
    sick(
        "tagging-padding-not-masked",
        "tagging",
        LONG,
        {"padding-not-masked"},
        model=LONG.model.but(masked=False),
    ),
    sick(
        "tagging-rare-names",
        "tagging",
        RARE,
        {"class-imbalance", "weak-slice"},
        data=RARE.data.but(weighted=False),
    ),
    sick("tagging-adam-x100", "tagging", TAGGED, {"learning-rate-too-high"}, optimizer=ref.adam(1.0)),
    sick(
        "tagging-sgd-1e-3",
        "tagging",
        TAGGED,
        {"learning-rate-too-low", "undertrained"},
        optimizer=ref.sgd(1e-3),
    ),
    sick(
        "tagging-dev-vocabulary-of-its-own",
        "tagging",
        TAGGED,
        {"dev-unlike-train", "inconsistent-preprocessing", "data-mismatch", "labels-not-paired"},
        handed=(make(relisted),),
    ),
    sick(
        "tagging-dev-tags-one-late",
        "tagging",
        TAGGED,
        {"labels-not-paired", "labels-misaligned", "dev-unlike-train"},
        handed=(make(moved_tags),),
    ),
    # Padding that the loss does see but that does no harm, rare tags that are learned.
    healthy("tagging-gru", "tagging", TAGGED),
    healthy("tagging-lstm", "tagging", TAGGED, model=TAGGED.model.but(cell="LSTM")),
    healthy("tagging-convolution-unmasked", "tagging", TAGGED, model=TAGGED.model.but(convolution=True, masked=False)),
    healthy("tagging-long-padding-unmasked", "tagging", TAGGED, model=TAGGED.model.but(masked=False), epochs=15),
    healthy("tagging-rare-names-weighted", "tagging", RARE, epochs=15),
    healthy("tagging-few-names", "tagging", TAGGED, data=make(tagged, rows=1200, names=0.06)),
    healthy("tagging-long-sentences", "tagging", TAGGED, data=make(tagged, rows=500, steps=24, words=16)),
    # Appended, so that no case above changes its half.
    sick(
        "tagging-rare-names-convolution",
        "tagging",
        SCARCE,
        {"class-imbalance", "weak-slice"},
        data=SCARCE.data.but(weighted=False, rows=1000),
        model=make(tagger, convolution=True, width=16),
    ),
    sick(
        "tagging-scarce-names-lstm",
        "tagging",
        SCARCE,
        {"class-imbalance", "weak-slice"},
        data=SCARCE.data.but(weighted=False),
    ),
    sick(
        "tagging-lstm-rmsprop-1e-6",
        "tagging",
        TAGGED,
        {"learning-rate-too-low", "undertrained"},
        model=TAGGED.model.but(cell="LSTM"),
        optimizer=make(keras.optimizers.RMSprop, learning_rate=1e-6),
    ),
    sick(
        "tagging-convolution-sgd-1e-4",
        "tagging",
        TAGGED,
        {"learning-rate-too-low", "undertrained"},
        model=TAGGED.model.but(convolution=True, masked=False),
        optimizer=ref.sgd(1e-4),
    ),
)
