"""Whether the weights are those of the best epoch."""

from dataclasses import replace

import numpy as np

from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.findings import Severity
from tests.checks.builders_training import (
    decay,
    evaluation,
    findings,
    history,
    run,
    score,
    severities,
    skipped,
)

ERROR, WARNING, HINT, INFO = Severity.ERROR, Severity.WARNING, Severity.HINT, Severity.INFO


OVERTRAINED = [0.5, 0.2, 0.15, 0.12, 0.13, 0.15, 0.16, 0.17, 0.17, 0.17]


def test_a_best_epoch_well_before_the_end_is_named() -> None:
    recorded = history(run(decay(2, 0, 0.5, 10), dev_error=OVERTRAINED, first_epoch=1), origin="recorded")
    (found,) = findings(best_epoch, recorded, evaluation(score(0.0), score(0.17)))
    assert found.severity is WARNING and found.where.epoch == 4
    assert found.evidence[0].marks[0].x == 4.0


def test_an_error_within_two_standard_errors_of_its_best_epoch_is_not_reported() -> None:
    near = [0.5, 0.2, 0.15, 0.12, 0.13, 0.13, 0.135, 0.135, 0.135, 0.135]
    recorded = history(run(decay(2, 0, 0.5, 10), dev_error=near, first_epoch=1), origin="recorded")
    assert severities(best_epoch, recorded, evaluation(score(0.0), score(0.135))) == []


def test_a_rise_at_a_restart_is_expected_while_the_training_runs() -> None:
    rates = np.array([0.1, 0.05, 0.01, 0.001, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    cyclical = run(decay(2, 0, 0.5, 10), dev_error=OVERTRAINED, first_epoch=1, learning_rates=rates)
    dev = evaluation(score(0.0), score(0.17))
    live = history(cyclical, origin="live", running=True)
    assert severities(best_epoch, live, dev) == []
    assert severities(best_epoch, history(cyclical, whole=True), dev) == []
    assert severities(best_epoch, replace(live, running=False), dev) == [WARNING]  # and the weights are kept


def test_weights_that_are_as_good_as_the_best_epoch_were_kept() -> None:
    recorded = history(run(decay(2, 0, 0.5, 10), dev_error=OVERTRAINED), origin="recorded")
    assert severities(best_epoch, recorded, evaluation(score(0.0), score(0.125))) == []


def test_a_loss_that_rises_while_the_error_stays_is_a_hint() -> None:
    flat = [0.5, 0.2, 0.15, 0.12, 0.121, 0.12, 0.121, 0.12, 0.121, 0.12]
    loss = [1.5, 0.6, 0.5, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7]
    recorded = history(run(decay(2, 0, 0.5, 10), dev=loss, dev_error=flat), origin="recorded")
    (found,) = findings(best_epoch, recorded, evaluation(score(0.0), score(0.12, loss=0.7)))
    assert found.severity is HINT and "dev loss" in found.message


def test_best_epochs_near_the_end_or_within_the_noise_are_not_reported() -> None:
    late = [*decay(0.5, 0.1, 0.4, 8), 0.13, 0.14]
    noise = [0.5, 0.2, 0.15, 0.12, 0.125, 0.124, 0.126, 0.125, 0.124, 0.125]
    for errors in (late, noise):
        recorded = history(run([1.0] * 10, dev_error=errors), origin="recorded")
        assert severities(best_epoch, recorded, evaluation(score(0.0), score(0.2))) == []


def test_a_short_replay_has_no_best_epoch() -> None:
    replay = history(run(decay(2, 0, 0.5, 10), dev_error=OVERTRAINED))
    assert "shorter" in skipped(best_epoch, replay, evaluation(score(0.0), score(0.17)))
    whole = replace(replay, whole=True)
    assert severities(best_epoch, whole, evaluation(score(0.0), score(0.17))) == [HINT]  # not the user's own weights


def test_without_dev_curves_there_is_no_best_epoch() -> None:
    assert "is unknown" in skipped(best_epoch, history(run([2.0, 1.0, 0.5]), origin="recorded"))


def test_a_training_that_never_learned_has_no_best_epoch() -> None:
    worse = [0.86, 0.91, 0.9, 0.92, 0.9, 0.91, 0.92, 0.91, 0.9, 0.91]
    later = [0.92, 0.88, 0.9, 0.92, 0.93, 0.92, 0.92, 0.92, 0.92, 0.92]
    for errors in (worse, later):
        recorded = history(run([2.4] * 10, dev_error=errors), origin="recorded")
        assert severities(best_epoch, recorded, evaluation(score(0.9), score(0.91))) == []


def test_a_training_that_fell_apart_is_not_one_that_went_on_too_long() -> None:
    collapsed = [0.9, 0.6, 0.5, 0.4, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9]
    recorded = history(run([2.0] * 10, dev_error=collapsed), origin="recorded")
    assert severities(best_epoch, recorded, evaluation(score(0.9), score(0.9))) == []


def test_a_training_that_runs_needs_a_larger_rise() -> None:
    errors = [0.5, 0.3, 0.2, 0.1, 0.1, *[0.135] * 6]
    known = history(run([1.0] * 11, dev_error=errors), origin="live", dev_rows=500)
    loaded = evaluation(score(0.02), score(0.135, rows=500))
    ended = findings(best_epoch, known, loaded)
    assert [found.severity for found in ended] == [Severity.WARNING]
    assert ended[0].value is not None and 2 < ended[0].value < 3
    assert severities(best_epoch, replace(known, running=True), loaded) == []
