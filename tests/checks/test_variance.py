"""Variance: the sick, the boundary, and healthy models that look sick."""

import numpy as np
import pytest

from diagnose.checks.generalisation.variance import variance
from diagnose.findings import Severity
from diagnose.measurements import Evaluation
from diagnose.subject import Task
from tests.checks.builders_training import (
    MISSING,
    baseline,
    decay,
    evaluation,
    findings,
    history,
    network,
    regression,
    run,
    score,
    severities,
    skipped,
    split,
)

ERROR, WARNING, HINT, INFO = Severity.ERROR, Severity.WARNING, Severity.HINT, Severity.INFO


def test_a_healthy_gap_is_a_hint_with_its_number() -> None:
    (found,) = findings(variance, evaluation(score(0.02), score(0.08)), network())
    assert found.severity is HINT and found.value == pytest.approx(0.06)
    assert "dev error is 8 % against 2 % on train: variance 6.0 points" in found.message
    assert found.interval is not None and found.interval.low > 0.03


def test_perfect_train_accuracy_alone_is_not_a_warning() -> None:
    assert severities(variance, evaluation(score(0.0), score(0.05)), network(), baseline(0.12, 0.05)) == [HINT]


def test_a_missed_target_makes_variance_a_warning_and_a_met_one_does_not() -> None:
    levels = evaluation(score(0.02), score(0.15))
    assert severities(variance, levels, network(target=0.05)) == [WARNING]
    assert severities(variance, levels, network(target=0.15)) == [HINT]


def test_a_missed_target_that_is_bias_leaves_variance_a_hint() -> None:
    assert severities(variance, evaluation(score(0.40), score(0.46)), network(target=0.05)) == [HINT]


def test_a_clearly_better_baseline_makes_variance_a_warning_on_unseen_rows_only() -> None:
    levels = evaluation(score(0.02), score(0.20))
    assert severities(variance, levels, network(), baseline(0.10, 0.20)) == [WARNING]
    assert severities(variance, levels, network(), baseline(0.10, 0.20, held_out="train")) == [HINT]


def test_a_train_error_below_the_optimum_is_memorising() -> None:
    (found,) = findings(variance, evaluation(score(0.01), score(0.12)), network(target=0.05))
    assert found.severity is WARNING and "all of the gap" in found.message


def test_a_dev_error_that_rose_after_its_minimum_makes_variance_a_warning() -> None:
    levels = evaluation(score(0.02), score(0.20))
    rising = run(decay(2, 0.1, 0.5, 10), dev_error=[0.5, 0.2, 0.15, 0.14, 0.16, 0.17, 0.18, 0.19, 0.2, 0.2])
    recorded = history(rising, origin="recorded")
    (found,) = findings(variance, levels, network(), recorded)
    assert found.severity is WARNING and "standard errors above its minimum" in found.message
    assert severities(variance, levels, network(), history(rising)) == [HINT]
    assert severities(variance, levels, network(), history(rising, whole=True)) == [
        HINT
    ]  # not the training of these weights


def test_one_noisy_epoch_and_a_rising_loss_do_not_count_as_a_rise_of_the_error() -> None:
    levels = evaluation(score(0.02), score(0.15))
    noisy = run(
        [1.0] * 8, dev=[1, 0.8, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7], dev_error=[0.3, 0.2, 0.15, 0.14, 0.15, 0.14, 0.15, 0.3]
    )
    assert severities(variance, levels, network(), history(noisy, origin="live")) == [HINT]


@pytest.mark.parametrize("better", [1, 2])
def test_an_error_that_was_never_lower_than_at_the_end_has_not_risen(better: int) -> None:
    falling = [0.5, 0.3, 0.25, 0.2, 0.19, 0.2, 0.19, 0.2, *[0.1] * better]  # the median of the last three lies above
    levels = evaluation(score(0.02), score(0.10))
    assert severities(variance, levels, network(), history(run([1.0] * 10, dev_error=falling), origin="live")) == [HINT]


def test_no_gap_and_too_few_rows_find_nothing() -> None:
    assert severities(variance, evaluation(score(0.10), score(0.105)), network()) == []
    assert severities(variance, evaluation(score(0.02), score(0.10, rows=30)), network()) == []
    assert severities(variance, evaluation(score(0.10), score(0.02)), network()) == []


def test_variance_is_measured_on_train_dev_if_given() -> None:
    (found,) = findings(variance, evaluation(score(0.02), score(0.30), train_dev=score(0.08)), network())
    assert found.value == pytest.approx(0.06) and found.where.split == "train_dev"


def test_without_unseen_rows_variance_is_unknown() -> None:
    assert skipped(variance, evaluation(score(0.02)), network()) == "not given"
    trained_on = Evaluation(split("train", score(0.02)), split("dev", score(0.02), seen="yes"), MISSING, MISSING)
    assert "trained on" in skipped(variance, trained_on, network())


def test_regression_variance_compares_squared_errors() -> None:
    (found,) = findings(variance, evaluation(regression(0.95), regression(0.85)), network(Task.REGRESSION))
    assert found.severity is HINT and found.value == pytest.approx(0.10)
    rising = run([0.1] * 8, dev_error=np.sqrt([40, 20, 15, 14, 20, 25, 26, 27]).tolist())
    watched = history(rising, origin="live", dev_se=2.0)
    levels = evaluation(regression(0.95), regression(0.73))
    assert severities(variance, levels, network(Task.REGRESSION), watched) == [WARNING]
