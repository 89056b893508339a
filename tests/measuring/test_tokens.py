"""Rows of tokens as numbers: counts, and what their order adds."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.measurements import Baseline, OutputBaseline
from diagnose.measuring.baseline import baseline
from diagnose.measuring.bench import Bench
from diagnose.measuring.candidates import ORDERED
from diagnose.measuring.tokens import bags, order, reordered
from diagnose.settings import Settings
from diagnose.subject import Output, Task
from tests.measuring.subjects import subject

ROWS, STEPS = 600, 10


def which_first() -> tuple[np.ndarray, np.ndarray]:
    """Token ids in which 1 and 2 occur once each, and whether 1 comes first; two zeros follow. (rows, steps + 2)"""
    rng = np.random.default_rng(0)
    x = rng.integers(3, 15, (ROWS, STEPS))
    places = np.stack([rng.permutation(STEPS)[:2] for _ in range(ROWS)])
    x[np.arange(ROWS), places[:, 0]], x[np.arange(ROWS), places[:, 1]] = 1, 2
    return np.pad(x, ((0, 0), (0, 2))), (places[:, 0] < places[:, 1]).astype("int64")


def measured(between: Any) -> OutputBaseline:
    """The baselines beside an untrained net with a layer between embedding and head."""
    keras.utils.set_random_seed(0)
    x, y = which_first()
    embedding = layers.Embedding(15, 8, mask_zero=True)
    model = keras.Sequential([keras.Input(x.shape[1:]), embedding, between, layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    output = Output("first", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=2)
    with Bench(subject(model, (x,), (y,), output, epochs=0, dev=True), Settings()) as bench:
        found = baseline(bench, {})
    assert isinstance(found, Baseline)
    return found.outputs[0]


def test_bags_count_the_most_frequent_tokens() -> None:
    like = np.array([[1, 1, 2], [1, 3, 3]])
    np.testing.assert_allclose(bags(np.array([[3, 3, 9]]), like, 2), [[0.0, np.log(3)]])


def test_the_order_tells_first_places_and_neighbours() -> None:
    like = np.array([[5, 6, 7, 8], [6, 5, 7, 7]])
    found = order(np.array([[5, 6, 5, 9]]), like)
    np.testing.assert_allclose(found[0, :4], [1.0, 0.75, 0.0, 0.0])  # of 5, 6, 7, 8; 9 is unknown
    assert found[0, 4:].sum() == 2  # 5-6 and 6-5


def test_tokens_change_places_and_padding_stays() -> None:
    x, _ = which_first()
    moved = reordered(x, seed=0)
    assert (moved[:, -2:] == 0).all() and (moved != x).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(np.sort(moved, axis=1), np.sort(x, axis=1))


def test_a_baseline_sees_the_order_that_counts_do_not_tell() -> None:
    found = measured(layers.GlobalAveragePooling1D())
    [ordered] = [candidate for candidate in found.candidates if candidate.ordered]
    assert found.best == ordered and found.signal
    assert ordered.skill > 0.7
    assert max(one.skill for one in found.candidates if not one.ordered) < 0.3


def test_a_baseline_that_takes_too_long_does_not_keep_the_others_from_being_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "diagnose.measuring.baseline.fitting_seconds", lambda output, name, *_: 1e6 if name in ORDERED else 1e-3
    )
    names = [candidate.name for candidate in measured(layers.GlobalAveragePooling1D()).candidates]
    assert names == ["constant", "logistic regression", "nearest neighbours", "gradient boosting"]


@pytest.mark.parametrize(("between", "sees"), [(layers.GlobalAveragePooling1D, False), (layers.GRU, True)])
def test_only_a_net_that_sees_the_order_changes_its_outputs(between: Any, sees: bool) -> None:
    change = measured(between() if between is not layers.GRU else between(8)).order_change
    assert change is not None
    assert change > 0.1 if sees else change < 1e-4
