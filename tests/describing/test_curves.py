"""The curves of the report: a replay is told apart from the training of the model."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.describing.figures import MOST_STEPS, training_curves, while_training
from diagnose.measurements import Update
from tests.checks.builders_training import evaluation, history, run, score

LEVELS = [2.0, 1.0, 0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]


def test_a_replay_stands_beside_the_loss_of_the_loaded_weights() -> None:
    loaded = evaluation(replace(score(0.1), loss=0.25), replace(score(0.2), loss=0.5))
    curves = training_curves(history(run(LEVELS, dev=LEVELS)), loaded)
    own = {line.name: (line.role, set(line.y)) for line in curves.series if line.name.startswith("your model")}
    assert own == {"your model, train": ("train", {0.25}), "your model, dev": ("dev", {0.5})}
    assert "replay" in curves.title


def test_the_log_of_the_training_itself_needs_no_such_lines() -> None:
    curves = training_curves(history(run(LEVELS), origin="recorded"), evaluation(score(0.1)))
    assert not [line for line in curves.series if line.name.startswith("your model")]
    assert curves.title.startswith("Your training")


def test_losses_of_several_outputs_are_left_out() -> None:
    both = evaluation(score(0.1))
    several = replace(both, train=replace(both.train, scores=both.train.scores * 2))
    assert len(training_curves(history(run(LEVELS)), several).series) == len(
        training_curves(history(run(LEVELS))).series
    )


def test_a_replay_of_less_than_an_epoch_is_shown_over_steps() -> None:
    short = run(LEVELS[:5], dev=[2.0, 1.0, 0.4, 0.5, 0.5], epochs=np.array([0.0, 0.01, 0.02, 0.05, 0.1]))
    curves = training_curves(history(short, steps_per_epoch=2_000))
    assert curves.x_label == "step" and curves.title == "A short replay from fresh weights: loss by step"
    assert curves.series[0].x == (0.0, 20.0, 40.0, 100.0, 200.0)
    assert [mark.label for mark in curves.marks] == ["lowest dev: step 40"]
    assert training_curves(history(run(LEVELS), steps_per_epoch=2_000)).x_label == "epoch"
    assert training_curves(history(short, steps_per_epoch=None)).x_label == "epoch"


# --- over the steps -------------------------------------------------------------------------------------------------


def test_the_callback_shows_how_far_steps_move_the_first_the_median_and_the_last_layer() -> None:
    updates = tuple(Update(step, {"a": 0.001, "b": 0.002 * step, "c": 0.03}) for step in (1, 4, 9))
    (curves,) = while_training(history(run(LEVELS), origin="live", updates=updates))
    middle, first, last = curves.series
    assert (first.name, first.y, last.name, last.y) == ("first: a", (0.001,) * 3, "last: c", (0.03,) * 3)
    assert middle.x == (1.0, 4.0, 9.0) and middle.y == pytest.approx((0.002, 0.008, 0.018))
    assert (middle.low, middle.high) == ((0.001,) * 3, (0.03,) * 3)


def test_the_norm_of_the_gradient_is_shown_at_few_points_with_its_range_and_says_whose_it_is() -> None:
    norms = np.abs(np.random.default_rng(0).normal(1, 0.1, 1_234))
    norms[700] = 50.0
    norms[1_200:] = np.nan
    for origin, whose in (("live", "the training"), ("replay", "one replay")):
        (curves,) = while_training(history(run(LEVELS, gradient_norms=norms), origin=origin))
        (line,) = curves.series
        assert len(line.x) == MOST_STEPS and line.x[-1] == 1_234 and curves.title.endswith(whose)
        assert max(line.high[:90]) == 50.0 and np.isnan(line.y[-1])


def test_without_steps_there_is_no_such_figure() -> None:
    assert list(while_training(history(run(LEVELS), origin="recorded"))) == []
