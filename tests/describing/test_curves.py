"""The curves of the report: a replay is told apart from the training of the model."""

from dataclasses import replace

from diagnose.describing.figures import training_curves
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
