"""Text with TextVectorization, inside the model or before it."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.wards.data import Array, Data, split
from tests.wards.models import head
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam, sgd

# --- data -----------------------------------------------------------------------------------------


def words(count: int) -> Array:
    """Made-up words of two or three syllables."""
    rng = np.random.default_rng(0)
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    made = dict.fromkeys("".join(rng.choice(syllables, rng.integers(2, 4))) for _ in range(3 * count))
    return np.array(list(made)[:count])


def texts(rows: int = 1500, longest: int = 24) -> Data:
    """Texts of 6 to `longest` words about one of three topics; few words are frequent and most are rare. (rows,)"""
    rng, vocabulary = np.random.default_rng(0), words(300)
    frequent = 1 / np.arange(1, len(vocabulary) + 1) ** 0.7
    topics, made = rng.integers(0, 3, rows), []
    for topic in topics:
        length = rng.integers(6, longest + 1)
        common = rng.choice(len(vocabulary), length, p=frequent / frequent.sum())
        topical = 100 + topic * 30 + rng.integers(0, 30, length)
        made.append(" ".join(vocabulary[np.where(rng.random(length) < 0.25, topical, common)]))
    return split(np.array(made), topics, "multiclass", 3)


def token_ids(length: int = 24, own_vocabulary: bool = False) -> Data:
    """The texts as token ids, filled up with 0 to `length`; `own_vocabulary`: that of dev is made from dev."""
    data = texts()
    layer = vectorizer(data.train[0], length)
    x, x_dev = (np.asarray(layer(part)).astype("int32") for part in (data.train[0], data.judged[0]))
    if own_vocabulary:
        x_dev = np.asarray(vectorizer(data.judged[0], length)(data.judged[0])).astype("int32")
    rows = (x, data.train[1]), (x_dev, data.judged[1])
    return replace(data, train=rows[0], dev=rows[1], vocabulary=302)


def vectorizer(adapted: Array, length: int | None = None, mode: str = "int", most: int | None = None) -> Any:
    """A TextVectorization, adapted to texts."""
    settings = {"output_sequence_length": length} if mode == "int" else {}
    layer = layers.TextVectorization(max_tokens=most, output_mode=mode, **settings)
    layer.adapt(adapted)
    return layer


# --- networks -------------------------------------------------------------------------------------


def inside(
    data: Data, mode: str = "int", length: int | None = None, most: int | None = None, adapted: bool = True
) -> keras.Model:
    """Text -> class. Without `adapted`, the vocabulary was made from a text without any of the words."""
    source = keras.Input((), dtype="string")
    layer = vectorizer(data.train[0] if adapted else np.array(["text"]), length, mode, most)
    tensor = layer(source)
    if mode == "int":
        tensor = layers.GlobalAveragePooling1D()(layers.Embedding(layer.vocabulary_size(), 16)(tensor))
    return keras.Model(source, head(data)(layers.Dense(16, "relu")(tensor)), name="text_inside")


def adapted_elsewhere(data: Data) -> keras.Model:
    """Text -> class, with a vocabulary of 300 other words."""
    source = keras.Input((), dtype="string")
    layer = vectorizer(np.array([" ".join(words(600)[300:])]))
    tensor = layers.GlobalAveragePooling1D()(layers.Embedding(layer.vocabulary_size(), 16)(layer(source)))
    return keras.Model(source, head(data)(layers.Dense(16, "relu")(tensor)), name="text_inside")


def ids(data: Data, kind: str = "GRU", masked: bool = True) -> keras.Model:
    """Token ids -> class, by a recurrent layer ("GRU", "LSTM"), "convolution", or "dense" without an embedding."""
    tensor = source = keras.Input(data.train[0].shape[1:], dtype="float32" if kind == "dense" else "int32")
    if kind == "dense":
        tensor = layers.Dense(32, "relu")(layers.Dense(32, "relu")(tensor))
    else:
        tensor = layers.Embedding(data.vocabulary, 16, mask_zero=masked and kind != "convolution")(tensor)
        if kind == "convolution":
            tensor = layers.GlobalMaxPooling1D()(layers.Conv1D(24, 3, activation="relu")(tensor))
        else:
            tensor = getattr(layers, kind)(16)(tensor)
    return keras.Model(source, head(data)(tensor), name="token_ids")


def term_frequencies(data: Data) -> Array:
    """Logistic regression on TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(*data.train)
    return np.asarray(model.predict_proba(data.judged[0]))


# --- cases ----------------------------------------------------------------------------------------

BEHIND = {"high-bias", "beaten-by-baseline"}

INSIDE = Recipe(make(texts), make(inside), adam(5e-3), epochs=12, baseline=make(term_frequencies))
COUNTS = replace(INSIDE, model=make(inside, mode="multi_hot"))
BEFORE = Recipe(make(token_ids), make(ids), adam(5e-3), epochs=8)
LONG = replace(BEFORE, data=make(token_ids, length=80), model=make(ids, kind="LSTM"))
CONVOLUTION = replace(BEFORE, model=make(ids, kind="convolution"), epochs=12)

TEXT: tuple[Case, ...] = (
    sick(
        "text-dev-has-its-own-vocabulary",
        "text-vectorization",
        CONVOLUTION,
        {"inconsistent-preprocessing", "data-mismatch", "dev-unlike-train"},
        data=make(token_ids, own_vocabulary=True),
    ),
    sick(
        "text-lstm-reads-padding",
        "text-vectorization",
        LONG,
        {"padding-not-masked"},
        model=LONG.model.but(masked=False),
    ),
    sick(
        "text-never-adapted", "text-vectorization", INSIDE, BEHIND | {"bad-tokens"}, model=make(inside, adapted=False)
    ),
    sick(
        "text-ids-as-numbers",
        "text-vectorization",
        CONVOLUTION,
        {"inputs-not-scaled"},
        model=make(ids, kind="dense"),
    ),
    sick(
        "text-first-two-words",
        "text-vectorization",
        INSIDE,
        BEHIND | {"texts-cut-short"},
        model=make(inside, length=2),
    ),
    sick("text-vocabulary-of-20", "text-vectorization", INSIDE, BEHIND | {"bad-tokens"}, model=make(inside, most=20)),
    sick("text-gru-adam-x100", "text-vectorization", BEFORE, {"learning-rate-too-high"}, optimizer=adam(0.5)),
    sick("text-sgd-1e-4", "text-vectorization", COUNTS, {"learning-rate-too-low", "undertrained"}, optimizer=sgd(1e-4)),
    # With 12 epochs their dev accuracy falls by 4 points after the third: that is a fault.
    healthy("text-inside", "text-vectorization", INSIDE, epochs=4),
    healthy("text-multi-hot", "text-vectorization", COUNTS, epochs=3),
    healthy("text-tf-idf", "text-vectorization", COUNTS, model=make(inside, mode="tf_idf")),
    # Appended, so that no case above changes its half.
    sick(
        "text-vocabulary-of-other-texts",
        "text-vectorization",
        INSIDE,
        BEHIND | {"bad-tokens"},
        model=make(adapted_elsewhere),
    ),
    healthy("text-vocabulary-of-200", "text-vectorization", INSIDE, model=make(inside, most=200), epochs=4),
)
