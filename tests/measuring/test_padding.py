"""Which positions count, and what is found at padded ones. Nothing is trained."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.loading import LoadOptions, subject_from
from diagnose.measuring.bench import Bench
from diagnose.measuring.counting import counted
from diagnose.measuring.dataset import dataset
from diagnose.measuring.padding import trailing_zeros
from diagnose.settings import Effort, Settings
from diagnose.subject import Subject

ROWS, STEPS, WORDS = 40, 12, 20
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 8, ROWS)
TOKENS = np.where(np.arange(STEPS) < LENGTHS[:, None], RNG.integers(1, WORDS, (ROWS, STEPS)), 0)
TAGS = np.where(TOKENS == 0, 0, 1 + TOKENS % 3)


def tagger(mask: bool = False, loss: Any = "sparse_categorical_crossentropy", every_step: bool = True) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((STEPS,)),
            layers.Embedding(WORDS, 4, mask_zero=mask),
            layers.GRU(4, return_sequences=every_step),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile("adam", loss)
    return model


def subject(model: keras.Model, *rows: Any) -> Subject:
    return subject_from(model, rows or (TOKENS, TAGS), None, options=LoadOptions(batch_size=8))


def examined(found: Subject) -> tuple[Any, Any]:
    with Bench(found, Settings(effort=Effort.QUICK)) as bench:
        return dataset(bench, {}), counted(bench, found.train, np.arange(ROWS))[0]


def test_zeros_between_tokens_are_not_padding() -> None:
    assert trailing_zeros(np.array([[3, 0, 2, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])).tolist() == [
        [False, False, False, True, True],
        [True] * 5,
        [False] * 5,
    ]


def test_padding_without_a_mask_is_counted_and_described() -> None:
    data, counts = examined(subject(tagger()))
    assert counts is None
    [found] = data.padding
    assert found.share == pytest.approx((TOKENS == 0).mean())
    assert (found.masked, found.recurrent, found.positions, found.label, found.elsewhere) == (False, True, True, 0, 0.0)


@pytest.mark.parametrize("way", ["mask", "weight", "ignore"])
def test_hidden_positions_do_not_count(way: str) -> None:
    ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    found = {
        "mask": lambda: subject(tagger(mask=True)),
        "weight": lambda: subject(tagger(), TOKENS, TAGS, (TOKENS != 0).astype("float32")),
        "ignore": lambda: subject(tagger(loss=ignoring)),
    }[way]()
    data, counts = examined(found)
    assert counts.tolist() == (TOKENS != 0).tolist()
    assert data.padding[0].masked


@pytest.mark.parametrize("mask", [True, False])
def test_padding_in_front_of_one_target_a_row(mask: bool) -> None:
    data, counts = examined(subject(tagger(mask, every_step=False), TOKENS, TAGS.max(axis=1)))
    assert counts is None
    assert data.padding[0].masked is mask and not data.padding[0].positions


def test_tags_that_vary_at_padded_positions_are_not_described() -> None:
    data, _ = examined(subject(tagger(), TOKENS, RNG.integers(0, 4, TAGS.shape)))
    assert data.padding[0].label is None
