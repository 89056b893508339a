"""The replay: a recorded history is returned, else the training is replayed."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from diagnose.measurements import History, Run, Unavailable
from diagnose.measuring.bench import Bench
from diagnose.measuring.replay import history
from diagnose.settings import Effort, Settings
from diagnose.subject import Subject
from tests.measuring.subjects import digits, numbers


def replayed(case: Subject) -> History:
    with Bench(case, Settings()) as bench:
        found = history(bench, {})
    assert isinstance(found, History)
    return found


def test_a_replay_is_as_long_as_the_users_training_and_learns() -> None:
    case = digits(epochs=8)
    found = replayed(case)
    assert (found.origin, found.whole, len(found.runs)) == ("replay", True, 3)
    for run in found.runs:
        assert len(run.step_losses) == case.training.iterations
        assert len(run.epochs) == len(run.train_loss) == len(run.dev_error) == 13
        assert run.train_loss[0] == pytest.approx(np.log(10), abs=0.7)
        assert run.final_train_skill > 0.8
        assert run.non_finite_step is None


def test_a_run_depends_on_its_seed_only() -> None:
    case = digits(epochs=2)
    first, again = replayed(case), replayed(case)
    np.testing.assert_array_equal(first.runs[0].step_losses, again.runs[0].step_losses)
    np.testing.assert_array_equal(first.runs[2].dev_loss, again.runs[2].dev_loss)
    assert not np.array_equal(first.runs[0].step_losses, first.runs[1].step_losses)


def test_a_recorded_history_is_returned() -> None:
    empty = np.empty(0)
    recorded = History("recorded", (Run(None, empty, empty, empty, empty, empty),), None, None, None, None, None, True)
    assert replayed(replace(digits(), history=recorded)) is recorded


def test_a_recorded_history_gets_the_rates_of_the_schedule() -> None:
    schedule = keras.optimizers.schedules.CosineDecayRestarts(0.01, 10)
    case = digits(optimizer=keras.optimizers.Adam(schedule), epochs=2)
    steps, epochs, known = case.training.iterations or 0, np.array([1.0, 2.0]), np.array([0.5, 0.4])
    recorded = History("recorded", (Run(None, epochs, known, known, known, known),), None, None, None, None, None, True)
    training = replace(case.training, schedule="CosineDecayRestarts")
    (run,) = replayed(replace(case, training=training, history=recorded)).runs
    assert run.learning_rates == pytest.approx([float(schedule(steps // 2)), float(schedule(steps))])


def test_effort_quick_does_not_train() -> None:
    with Bench(digits(), Settings(effort=Effort.QUICK)) as bench:
        assert isinstance(history(bench, {}), Unavailable)


def test_divergence_is_recorded() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    case = numbers(x[:, 0], x, keras.optimizers.SGD(1e4))
    run = replayed(case).runs[0]
    assert run.non_finite_step is not None
    assert np.isnan(run.final_train_skill)


def test_without_dev_rows_are_held_out_from_train() -> None:
    assert replayed(digits(dev=False, epochs=1)).dev_origin == "held out from train"
