"""NaN, infinity, explosion."""

import numpy as np
import pytest

from diagnose.checks.numerics.non_finite_outputs import non_finite_outputs
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.findings import Severity, Skipped
from diagnose.measurements import History, LearningRate, Run, SweepPoint
from tests.checks import builders as b


def run(*losses: float, non_finite_step: int | None = None) -> Run:
    unknown = np.full(1, np.nan)
    return Run(0, unknown, unknown, unknown, unknown, unknown, np.array(losses), non_finite_step=non_finite_step)


def history(*runs: Run, constant_loss: float | None = 2.3) -> History:
    return History("replay", runs, 10, 1000, 200, constant_loss, 0.9, True)


def sweep(own: float | None, *points: tuple[float, tuple[bool, ...]]) -> LearningRate:
    measured = tuple(SweepPoint(rate, (0.5,) * len(d), (0.5,) * len(d), d) for rate, d in points)
    return LearningRate(own, (), measured, None, None, None, None, 100, 1000, 32)


def test_finite_weights_are_clean() -> None:
    assert b.findings(non_finite_weights, b.network()) == ()


def test_nan_in_the_weights_is_an_error_and_names_the_worst() -> None:
    [finding] = b.findings(
        non_finite_weights, b.network(non_finite=(("dense/kernel", 640), ("adam/dense_kernel_velocity", 3)))
    )
    assert finding.severity is Severity.ERROR
    assert finding.value == 643
    assert finding.where.layer == "dense"


def test_predictions_that_are_not_finite_are_reported_by_split() -> None:
    broken = b.scores("dev", b.score(non_finite=10))
    [finding] = b.findings(non_finite_outputs, b.evaluation(b.scores(), broken))
    assert (finding.severity, finding.where.split, finding.value) == (Severity.ERROR, "dev", 0.01)


def test_a_falling_loss_is_clean() -> None:
    assert b.findings(non_finite_training, history(run(2.3, 1.0, 0.5))) == ()


def test_a_loss_that_becomes_nan_is_an_error() -> None:
    [finding] = b.findings(non_finite_training, history(run(2.3, 9.0, float("nan"), non_finite_step=2)))
    assert finding.severity is Severity.ERROR
    assert finding.where.step == 2


def test_nan_at_the_end_counts_even_where_no_step_is_known() -> None:
    assert b.severities(non_finite_training, history(run(2.3, 5.0, float("nan")))) == [Severity.ERROR]


@pytest.mark.parametrize(("peak", "found"), [(2.3e3, []), (2.4e3, [Severity.ERROR])])
def test_an_explosion_is_a_thousand_times_the_constant_prediction(peak: float, found: list[Severity]) -> None:
    assert b.severities(non_finite_training, history(run(2.3, peak, 2.3))) == found


def test_a_loss_that_only_starts_high_has_not_exploded() -> None:
    assert b.findings(non_finite_training, history(run(1e5, 2e4, 10.0, 1.0), constant_loss=1.0)) == ()


def test_one_seed_of_three_is_a_warning() -> None:
    runs = (run(2.3, 1.0), run(2.3, 1.0), run(2.3, float("inf")))
    assert b.severities(non_finite_training, history(*runs)) == [Severity.WARNING]


def test_divergence_counts_at_the_models_own_rate_only() -> None:
    elsewhere = sweep(1e-3, (1e-3, (False, False)), (1.0, (True, True)))
    assert b.findings(non_finite_training, elsewhere) == ()
    assert b.severities(non_finite_training, sweep(1.0, (1.0, (True, True)))) == [Severity.ERROR]
    assert b.severities(non_finite_training, sweep(1.0, (1.0, (True, False, False)))) == [Severity.WARNING]


def test_an_unknown_rate_is_not_judged() -> None:
    assert b.findings(non_finite_training, sweep(None, (1.0, (True, True)))) == ()


def test_without_any_training_it_is_skipped() -> None:
    assert isinstance(non_finite_training.run({}), Skipped)


def test_the_curve_that_blew_up_says_whose_it_is() -> None:
    """The loss of a batch reaches values that the loss of a whole split, beside it, does not."""
    [finding] = b.findings(non_finite_training, history(run(2.3, 9.0, float("nan"), non_finite_step=2)))
    assert "one replay" in finding.evidence[0].title and finding.evidence[0].title.startswith("Loss of each ")
