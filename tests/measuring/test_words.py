"""What layers that number words let through is counted, and what it costs is measured with a linear model."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.measurements import Evaluation, LookupLayer, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.measuring.words import words
from diagnose.settings import Settings
from diagnose.subject import Output, Task
from tests.measuring.subjects import digits, subject

ROWS = 400
TOPICS = np.array([["sun", "beach", "sea"], ["snow", "ice", "ski"]])


def texts() -> tuple[np.ndarray, np.ndarray]:
    """Texts of eight filler words and then two about a topic, and the topic. (rows,)"""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 2, ROWS)
    filler = rng.choice(["the", "a", "we", "went", "to", "and"], (ROWS, 8))
    told = TOPICS[topic[:, None], rng.integers(0, 3, (ROWS, 2))]
    return np.array([" ".join(row) for row in np.concatenate([filler, told], axis=1)]), topic


def measured(layer: Any, x: Any, y: Any, kind: str = "string") -> LookupLayer:
    """The only lookup layer of an (untrained) model behind it."""
    source = keras.Input((), dtype=kind) if x.ndim == 1 else keras.Input(x.shape[1:], dtype=kind)
    tensor = layers.Embedding(50, 4)(layer(source))
    tensor = layers.GlobalAveragePooling1D()(tensor) if len(tensor.shape) == 3 else tensor
    model = keras.Model(source, layers.Dense(2, "softmax")(tensor))
    model.compile("adam", "sparse_categorical_crossentropy")
    output = Output("topic", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=2)
    with Bench(subject(model, (x,), (y,), output, epochs=0, dev=True), Settings()) as bench:
        (found,) = words(bench, {}).layers
    return found


def adapted(x: Any, **settings: Any) -> Any:
    layer = layers.TextVectorization(**settings)
    layer.adapt(x)
    return layer


def test_a_whole_vocabulary_and_whole_texts_lose_nothing() -> None:
    x, y = texts()
    found = measured(adapted(x), x, y)
    assert (found.kind, found.entries, found.unknown, found.dropped) == ("TextVectorization", 12, 0.0, 0.0)
    assert found.tokens == 10 * 300
    assert found.by_vocabulary is None and found.by_length is None


def test_a_small_vocabulary_loses_the_words_that_tell_the_target() -> None:
    x, y = texts()
    found = measured(adapted(x, max_tokens=8), x, y)  # six words beside padding and unknown
    assert found.entries == 6
    assert found.unknown == pytest.approx(0.2, abs=0.01)
    assert found.by_vocabulary is not None
    assert found.by_vocabulary.skill > 0.9
    assert found.by_vocabulary.kept_skill < 0.2
    assert found.by_vocabulary.lost.low > 0.3


def test_a_vocabulary_of_other_texts_is_as_bad() -> None:
    x, y = texts()
    found = measured(adapted(np.array(["other words entirely"])), x, y)
    assert found.unknown == 1.0
    assert found.by_vocabulary is not None and found.by_vocabulary.lost.low > 0.3


def test_the_texts_that_the_report_shows_are_read_as_the_model_reads_them() -> None:
    x, y = texts()
    layer = adapted(x, max_tokens=8, output_sequence_length=9)
    source = keras.Input((), dtype="string")
    tensor = layers.GlobalAveragePooling1D()(layers.Embedding(50, 4)(layer(source)))
    model = keras.Model(source, layers.Dense(2, "softmax")(tensor))
    model.compile("adam", "sparse_categorical_crossentropy")
    output = Output("topic", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=2)
    examined = subject(model, (x,), (y,), output, epochs=0, dev=True)
    with Bench(examined, Settings()) as bench:
        alone = words(bench, {}).read
        read = words(bench, {Evaluation: evaluation(bench, {})}).read
    row = examined.train.first[1]
    assert read["train", row] == (*str(examined.train.inputs[0][row]).split()[:8], "[UNK]")
    assert {split for split, _ in alone} == {"train"}
    assert len([row for split, row in read if split == "dev"]) == 24


def test_a_length_that_cuts_the_end_off() -> None:
    x, y = texts()
    found = measured(adapted(x, output_sequence_length=8), x, y)
    assert (found.length, round(found.dropped, 2), found.unknown) == (8, 0.2, 0.0)
    assert found.by_length is not None and found.by_length.lost.low > 0.3


def test_rare_words_that_tell_nothing_cost_nothing() -> None:
    x, y = texts()
    noise = np.char.add(x, np.char.add(" x", np.arange(ROWS).astype(str)))
    found = measured(adapted(x), noise, y)
    assert found.unknown == pytest.approx(1 / 11, abs=0.01)
    assert found.by_vocabulary is not None
    assert found.by_vocabulary.lost.low <= 0.0


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "Hashing"])
def test_categories_that_a_layer_cannot_tell_apart(kind: str) -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(1, 9, (ROWS, 1))
    y = (cells[:, 0] % 2).astype("int64")
    x = cells if kind == "IntegerLookup" else cells.astype(str)
    layer = (
        layers.Hashing(1) if kind == "Hashing" else getattr(layers, kind)(vocabulary=[98, 99] if x is cells else ["z"])
    )
    found = measured(layer, x, y, "int64" if x is cells else "string")
    assert (found.kind, found.unknown) == (kind, 1.0)
    assert found.by_vocabulary is not None and found.by_vocabulary.lost.low > 0.3


def test_a_model_without_such_a_layer_is_not_measured() -> None:
    with Bench(digits(), Settings()) as bench, pytest.raises(NotMeasured, match="no layer numbers words"):
        words(bench, {})
