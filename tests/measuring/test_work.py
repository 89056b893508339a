"""The estimates of the planner, which rest on the model and not on the clock."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from diagnose.measuring.bench import Bench
from diagnose.measuring.work import TICK, ClockAccount, Work, step_seconds
from diagnose.settings import Settings
from diagnose.subject import Output, Task
from tests.measuring.subjects import subject

STEPS = 40


def seconds(*stack: Any) -> float:
    """Estimated seconds of a training step of a net on sequences of token ids."""
    model = keras.Sequential([keras.Input((STEPS,)), *stack, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 20, (64, STEPS)), rng.integers(0, 3, 64)
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=3)
    with Bench(subject(model, rows[:1], rows[1:], output, epochs=0, dev=True), Settings()) as bench:
        return step_seconds(bench)


@pytest.mark.parametrize("kind", [layers.GRU, layers.LSTM, layers.SimpleRNN])
def test_a_mask_does_not_change_the_number_of_time_steps(kind: Any) -> None:
    plain, masked = (seconds(layers.Embedding(20, 8, mask_zero=masked), kind(8)) for masked in (False, True))
    assert masked == pytest.approx(plain)
    assert plain > STEPS * TICK


def test_a_budget_in_seconds_learns_how_slow_the_machine_is() -> None:
    account = ClockAccount(None, 100.0)  # type: ignore[arg-type]  # a bench is needed for steps only
    fit = Work(seconds=4.0)
    assert account.seconds(fit) == 4.0
    account.charge(fit, took=12.0)
    assert account.seconds(fit) == 12.0
    account.charge(Work(seconds=8.0), took=2.0)  # 14 seconds for 12
    assert account.seconds(Work(seconds=6.0)) == 7.0
    account.charge(Work(seconds=100.0), took=1.0)
    assert account.seconds(fit) == 4.0  # never counted on being faster


def test_two_directions_take_one_after_the_other() -> None:
    one, both = (
        seconds(layers.Embedding(20, 8), layer) for layer in (layers.GRU(8), layers.Bidirectional(layers.GRU(8)))
    )
    assert both - one == pytest.approx(STEPS * TICK, rel=0.1)
