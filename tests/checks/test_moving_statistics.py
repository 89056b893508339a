"""Moving statistics that lag behind, and logs that the loaded weights do not keep."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diagnose.checks.data.fed_unlike_training import fed_unlike_training
from diagnose.checks.network.moving_statistics import moving_statistics
from diagnose.checks.process.log_unlike_evaluation import log_unlike_evaluation
from diagnose.findings import Interval, Severity, Skipped
from diagnose.measurements import Conversions, History, Modes, ModeScores, MovingLayer, Run, Score
from diagnose.subject import Task
from tests.checks import builders as b
from tests.checks import builders_training as training
from tests.checks.builders_training import baseline

NOTHING = Modes((), b.MISSING, b.MISSING, 32, 0, 100, None)


def mode_scores(moving: Score, refreshed: Score, batch: Score | None = None) -> ModeScores:
    batch = batch or refreshed
    power = 1 if moving.task.classifies else 2
    gains = [moving.error**power - one.error**power for one in (refreshed, batch)]
    around = [(Interval(gain - 0.01, gain + 0.01),) for gain in gains]
    return ModeScores("train", 1000, (moving,), (batch,), (refreshed,), around[0], around[1])


def modes(moving: float, refreshed: float, batch: float | None = None, left: float | None = 0.4, **given: Any) -> Modes:
    """Errors of a classifier of ten classes."""
    scores = [b.score(error=e) for e in (moving, refreshed, refreshed if batch is None else batch)]
    train = mode_scores(scores[0], scores[1], scores[2])
    layer = MovingLayer("norm", 0.99, 2.0)
    return Modes((layer,), train, b.MISSING, 32, 100, None if left is None else 92, left, **given)


def test_a_net_without_moving_statistics_is_clean() -> None:
    assert b.findings(moving_statistics, NOTHING) == ()


def test_statistics_that_follow_the_weights_are_clean() -> None:
    assert b.findings(moving_statistics, modes(0.02, 0.01)) == ()
    assert b.findings(moving_statistics, modes(0.10, 0.08)) == ()
    assert b.findings(moving_statistics, modes(0.05, 0.06)) == ()


def test_statistics_that_lag_are_an_error_with_the_steps_and_the_momentum() -> None:
    [finding] = b.findings(moving_statistics, modes(0.5, 0.02))
    assert finding.severity is Severity.ERROR
    assert finding.value == pytest.approx(0.48 / 0.9)
    assert finding.where.layer == "norm"
    assert "from 50 % to 2 %" in finding.message
    assert "after 92 steps at momentum 0.99, 40 % of their initial values are left" in finding.message


def test_a_smaller_lag_is_a_warning() -> None:
    assert b.severities(moving_statistics, modes(0.2, 0.1)) == [Severity.WARNING]


def test_a_lag_whose_cure_leaves_a_bad_net_is_a_hint() -> None:
    assert b.severities(moving_statistics, modes(0.95, 0.7)) == [Severity.HINT]
    better = baseline(0.05, 0.7)
    better = replace(better, outputs=(replace(better.outputs[0], output="y"),))
    assert b.severities(moving_statistics, modes(0.7, 0.4), better) == [Severity.HINT]


@pytest.mark.parametrize(("best", "severity"), [(1.0, Severity.HINT), (0.7, Severity.ERROR)])
def test_a_cure_that_stays_far_behind_other_trainings_of_the_model_is_a_hint(best: float, severity: Severity) -> None:
    rates = training.sweep(0.2, {0.01: [best] * 3, 0.2: [0.3] * 3})
    assert b.severities(moving_statistics, modes(0.7, 0.45), rates) == [severity]  # skill 0.5 once cured


def test_a_difference_within_the_noise_is_clean() -> None:
    sure = modes(0.2, 0.1)
    assert isinstance(sure.train, ModeScores)
    noisy = ModeScores(**{**vars(sure.train), "refreshed_gain": (Interval(-0.02, 0.22),)})
    assert b.findings(moving_statistics, Modes(**{**vars(sure), "train": noisy})) == ()


def test_predictions_that_depend_on_the_batch_are_a_warning() -> None:
    [finding] = b.findings(moving_statistics, modes(0.5, 0.5, 0.05))
    assert finding.severity is Severity.WARNING
    assert "each batch of 32 rows" in finding.message
    assert b.findings(moving_statistics, modes(0.2, 0.2, 0.15)) == ()


def test_regression_is_judged_by_the_squared_error() -> None:
    def number(rmse: float) -> Score:
        return b.score(error=rmse, task=Task.REGRESSION, constant_error=1.0, skill=1 - rmse**2)

    train = mode_scores(number(2.0), number(0.3))
    lagging = Modes((MovingLayer("norm", 0.99, 2.0),), train, b.MISSING, 32, 100, 40, 0.67)
    [finding] = b.findings(moving_statistics, lagging)
    assert finding.severity is Severity.ERROR
    assert "from RMSE 2 to RMSE 0.3" in finding.message


# --- Inputs that differ from those of the training -----------------------------------------------------


def converted(error: float) -> Conversions:
    score = b.score(error=error, loss=0.1)
    return Conversions(1000, (b.score(error=0.5, loss=2.0),), (("x / 255", (score,), Interval(1.8, 2.0)),))


def test_settled_statistics_and_a_conversion_that_helps_speak_for_the_inputs() -> None:
    settled = modes(0.5, 0.02, left=1e-6)
    assert b.findings(moving_statistics, settled, converted(0.02)) == ()
    assert len(b.findings(fed_unlike_training, converted(0.02), settled)) == 1


def test_statistics_that_had_no_time_speak_for_the_lag() -> None:
    early = modes(0.5, 0.02, left=0.5)
    assert len(b.findings(moving_statistics, early, converted(0.02))) == 1
    assert b.findings(fed_unlike_training, converted(0.02), early) == ()


def test_a_conversion_that_helps_more_than_new_statistics_is_reported() -> None:
    assert len(b.findings(fed_unlike_training, converted(0.02), modes(0.5, 0.3, left=0.5))) == 1


# --- The log ---------------------------------------------------------------------------------------------


def log(*errors: float) -> History:
    unknown = np.full(len(errors), np.nan)
    run = Run(None, np.arange(1.0, len(errors) + 1), unknown, unknown, np.array(errors), unknown)
    return History("recorded", (run,), None, None, None, None, None, True)


def test_an_evaluation_as_good_as_the_log_is_clean() -> None:
    assert b.findings(log_unlike_evaluation, log(0.5, 0.2, 0.1), b.evaluation(b.scores("train", b.score(0.08)))) == ()
    assert b.findings(log_unlike_evaluation, log(0.5, 0.2, 0.1), b.evaluation(b.scores("train", b.score(0.15)))) == ()


def test_an_evaluation_far_below_the_log_is_a_warning() -> None:
    [finding] = b.findings(log_unlike_evaluation, log(0.5, 0.1, 0.05), b.evaluation(b.scores("train", b.score(0.84))))
    assert finding.severity is Severity.WARNING
    assert "10 % or less" in finding.message


def test_moving_statistics_explain_the_log() -> None:
    evaluation = b.evaluation(b.scores("train", b.score(0.84)))
    assert b.severities(log_unlike_evaluation, log(0.5, 0.1, 0.05), evaluation, modes(0.84, 0.05)) == [Severity.INFO]


def test_weights_of_an_earlier_epoch_may_be_worse_than_the_last_one() -> None:
    assert (
        b.findings(log_unlike_evaluation, log(0.8, 0.5, 0.5, 0.0), b.evaluation(b.scores("train", b.score(0.5)))) == ()
    )


def test_a_log_without_errors_is_skipped() -> None:
    outcome = log_unlike_evaluation.run(
        {History: log(float("nan")), type(b.evaluation()): b.evaluation(b.scores("train", b.score(0.5)))}
    )
    assert isinstance(outcome, Skipped)


def test_a_running_training_is_told_only_if_the_statistics_will_not_settle() -> None:
    def watched(planned: int | None) -> Any:
        return training.history(training.run([2.3, 0.2]), origin="live", running=True, planned=planned)

    lagging = modes(0.6, 0.05)
    assert [finding.severity for finding in b.findings(moving_statistics, lagging, watched(100))] == [Severity.ERROR]
    assert "may still settle" in training.skipped(moving_statistics, lagging, watched(10_000))
    assert "may still settle" in training.skipped(moving_statistics, lagging, watched(None))
