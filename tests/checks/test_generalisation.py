"""Checks on generalisation: the gates, the directions, and healthy models that look sick."""

from dataclasses import replace
from math import hypot, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.behind_baseline import behind_baseline
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.constant_predictions import constant_predictions
from diagnose.checks.generalisation.data_mismatch import data_mismatch
from diagnose.checks.generalisation.dev_overfitting import dev_overfitting
from diagnose.checks.generalisation.dev_set_size import dev_set_size
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.generalisation.unfit_metric import unfit_metric
from diagnose.checks.reading.gaps import Gap, Level, level, share
from diagnose.checks.reading.wording import number
from diagnose.findings import Interval, Severity
from diagnose.measurements import Evaluation, Network
from diagnose.subject import Task
from tests.checks.builders_training import (
    MISSING,
    baseline,
    confusion,
    continuation,
    evaluation,
    findings,
    network,
    regression,
    score,
    severities,
    skipped,
)

ERROR, WARNING, HINT, INFO = Severity.ERROR, Severity.WARNING, Severity.HINT, Severity.INFO

# --- the gates --------------------------------------------------------------------------------------------


def test_a_model_at_chance_does_not_learn() -> None:
    (found,) = findings(does_not_learn, evaluation(score(0.9)))
    assert found.severity is ERROR and found.where.split == "train" and found.rows == 1000
    assert "no better than the best constant prediction's 90 %" in found.message


def test_a_model_far_worse_than_a_constant_says_so() -> None:
    (found,) = findings(does_not_learn, evaluation(score(0.99, constant=0.5, classes=2, confusion=())))
    assert found.severity is ERROR and "worse than" in found.message and found.value == pytest.approx(-0.98)


def test_a_small_but_certain_gain_is_learning() -> None:
    little = score(0.85, beats_constant_error=Interval(0.03, 0.07))
    assert severities(does_not_learn, evaluation(little)) == []


def test_the_loss_shows_learning_with_imbalanced_classes() -> None:
    same_error = {"beats_constant_error": Interval(-0.01, 0.01), "skill": 0.0}
    seen = score(0.05, constant=0.05, classes=2, beats_constant_loss=Interval(0.02, 0.06), **same_error)
    unseen = score(
        0.05, constant=0.05, classes=2, beats_constant_loss=Interval(-0.02, 0.01), confusion=(), **same_error
    )
    assert severities(does_not_learn, evaluation(seen)) == []
    assert severities(does_not_learn, evaluation(unseen)) == [ERROR]


def test_few_rows_with_skill_do_not_prove_failure() -> None:
    unsure = {"beats_constant_error": Interval(-0.3, 0.9), "beats_constant_loss": Interval(-0.2, 1.0), "classes": 2}
    perfect = score(0.0, rows=4, constant=0.5, **unsure)
    part = score(0.25, rows=4, constant=0.5, **unsure)
    chance = score(0.5, rows=4, constant=0.5, **unsure)
    assert severities(does_not_learn, evaluation(perfect)) == []
    assert severities(does_not_learn, evaluation(part)) == []
    assert severities(does_not_learn, evaluation(chance)) == [ERROR]


def test_weighted_classes_cost_accuracy_and_are_a_hint_at_most() -> None:
    weighted = score(
        0.15,
        constant=0.02,
        classes=2,
        confusion=((833.0, 147.0), (3.0, 17.0)),
        beats_constant_error=Interval(-0.15, -0.11),
        beats_constant_loss=Interval(-0.4, -0.2),
    )
    (found,) = findings(does_not_learn, evaluation(weighted))
    assert found.severity is HINT and "balanced accuracy is 85 %" in found.message


def test_predictions_that_are_not_finite_do_not_learn() -> None:
    broken = score(0.9, skill=nan, non_finite=1000, beats_constant_error=Interval(nan, nan))
    broken = replace(broken, beats_constant_loss=Interval(-inf, -inf), confusion=())
    (found,) = findings(does_not_learn, evaluation(broken))
    assert found.severity is ERROR and "NaN or infinite" in found.message and found.value is None


def test_constant_targets_and_untrained_models_are_not_judged() -> None:
    same = score(0.0, constant=0.9, constant_error=0.0, skill=0.0, beats_constant_error=Interval(0, 0))
    assert severities(does_not_learn, evaluation(replace(same, beats_constant_loss=Interval(-1, 1)))) == []
    assert "never trained" in skipped(does_not_learn, evaluation(score(0.9)), network(trained=False))
    assert skipped(does_not_learn, Evaluation(MISSING, MISSING, MISSING, MISSING)) == "not given"


def test_regression_is_judged_by_squared_errors() -> None:
    assert severities(does_not_learn, evaluation(regression(0.8))) == []
    assert severities(does_not_learn, evaluation(regression(-0.5))) == [ERROR]
    assert severities(does_not_learn, evaluation(regression(0.01))) == [ERROR]


@pytest.mark.parametrize(
    ("best", "net", "expected"),
    [(0.10, 0.50, [ERROR]), (0.10, 0.20, [WARNING]), (0.18, 0.20, []), (0.30, 0.20, []), (0.20, 0.20, [])],
)
def test_a_baseline_that_does_better(best, net, expected) -> None:
    assert severities(behind_baseline, baseline(best, net), network()) == expected


def test_ten_percent_and_certainty_are_both_needed() -> None:
    assert severities(behind_baseline, baseline(0.181, 0.20, se=0.001)) == []
    assert severities(behind_baseline, baseline(0.179, 0.20, se=0.001)) == [HINT]
    assert severities(behind_baseline, baseline(0.40, 0.50, se=0.001)) == [WARNING]
    assert severities(behind_baseline, baseline(0.10, 0.20, se=0.06)) == []
    assert severities(behind_baseline, baseline(0.10, 0.60, se=0.3)) == []


def test_few_rows_and_baselines_without_signal_are_not_reported() -> None:
    assert severities(behind_baseline, baseline(0.0, 0.6, rows=29, se=0.05)) == []
    assert severities(behind_baseline, baseline(0.0, 0.6, rows=30, se=0.05)) == [ERROR]
    assert severities(behind_baseline, baseline(0.0, 0.6, rows=12, se=0.05), network(Task.REGRESSION)) == [ERROR]
    assert severities(behind_baseline, baseline(0.1, 0.6, signal=False)) == []


def test_rows_that_the_net_may_have_seen_are_named() -> None:
    (found,) = findings(behind_baseline, baseline(0.1, 0.5, held_out="train"), network())
    assert "may have seen" in found.message and found.evidence[0].labels[-1] == "your model"


# --- gaps -----------------------------------------------------------------------------------------------------


def test_a_gap_counts_above_a_point_and_two_standard_errors() -> None:
    assert not Gap(Level(0.05, 0.0), Level(0.0599, 0.0)).counts
    assert Gap(Level(0.05, 0.0), Level(0.0601, 0.0)).counts
    assert not Gap(Level(0.05, 0.03), Level(0.14, 0.04)).counts
    assert Gap(Level(0.05, 0.03), Level(0.16, 0.04)).counts
    assert not Gap(Level(0.05, 0.01), Level(inf, 0.01)).counts
    assert not Gap(Level(0.05, 0.01), Level(0.9, inf)).counts


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2))
def test_standard_errors_of_independent_rows_add_in_squares(low, high, one, other) -> None:
    gap = Gap(Level(low, one), Level(high, other))
    assert gap.se == pytest.approx(hypot(one, other))
    assert gap.interval.low <= gap.size <= gap.interval.high
    assert not gap.counts or gap.interval.low > 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=4))
def test_shares_of_a_gap_sum_to_one(parts) -> None:
    shares = [share(part, *parts[:i], *parts[i + 1 :]) for i, part in enumerate(parts)]
    assert all(0 <= one <= 1 for one in shares)
    assert sum(shares) == pytest.approx(1.0) or not any(shares)


# --- bias -------------------------------------------------------------------------------------------------------


def test_train_error_above_a_target_is_a_warning_with_its_share() -> None:
    (found,) = findings(avoidable_bias, evaluation(score(0.20), score(0.22)), network(target=0.08))
    assert found.severity is WARNING and found.value == pytest.approx(0.12)
    assert "avoidable bias 12.0 points (95 % interval 9.6 to 14.6)" in found.message
    assert "86 % of the gap" in found.message
    assert found.evidence[0].threshold == pytest.approx(0.08)


def test_a_bias_that_is_a_small_part_of_the_gap_stays_a_hint() -> None:
    assert severities(avoidable_bias, evaluation(score(0.10), score(0.40)), network(target=0.05)) == [HINT]


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 0.938), (0.02, 0.99), (0.5, 1.0), (0.9, 0.1)])
def test_the_interval_of_a_gap_of_error_rates_stays_within_what_is_possible(lower: float, upper: float) -> None:
    ends = [level(score(rate, rows=60), 1.0) for rate in (lower, upper)]
    interval = Gap(*ends).interval
    assert -1.0 <= interval.low < upper - lower < interval.high <= 1.0


def test_a_target_that_is_met_leaves_no_bias() -> None:
    assert severities(avoidable_bias, evaluation(score(0.07), score(0.09)), network(target=0.08)) == []
    assert severities(avoidable_bias, evaluation(score(0.09), score(0.1)), network(target=0.08)) == []


def test_a_baseline_bounds_the_bias_and_a_clearly_better_one_makes_it_a_warning() -> None:
    levels = evaluation(score(0.20), score(0.21))
    (found,) = findings(avoidable_bias, levels, network(), baseline(0.10, 0.21))
    assert found.severity is WARNING and "bound set by gradient boosting" in found.message
    assert severities(avoidable_bias, levels, network(), baseline(0.10, 0.21, se=0.08)) == [HINT]
    assert severities(avoidable_bias, levels, network(), baseline(0.25, 0.21)) == []


def test_without_target_and_baseline_the_bias_is_unknown() -> None:
    assert "neither a target" in skipped(avoidable_bias, evaluation(score(0.3), score(0.3)), network())
    no_signal = baseline(0.9, 0.9, signal=False)
    assert "neither a target" in skipped(avoidable_bias, evaluation(score(0.3)), network(), no_signal)


def test_regression_bias_is_a_share_of_the_variance() -> None:
    targeted = network(Task.REGRESSION, target=2.0)
    (found,) = findings(avoidable_bias, evaluation(regression(0.7), regression(0.68)), targeted)
    assert found.severity is WARNING and found.value == pytest.approx(0.30 - 0.04)
    assert (
        "RMSE 5.48" in found.message and "of RMSE 2" in found.message and "% of the target's variance" in found.message
    )


# --- mismatch, dev and test -------------------------------------------------------------------------------------


def test_an_error_that_rises_between_sources_is_a_mismatch() -> None:
    (found,) = findings(data_mismatch, evaluation(score(0.02), score(0.20), train_dev=score(0.04)), network())
    assert found.severity is WARNING and found.value == pytest.approx(0.16)


def test_a_mismatch_beside_a_larger_variance_is_a_hint() -> None:
    levels = evaluation(score(0.02), score(0.46), train_dev=score(0.38))
    assert severities(data_mismatch, levels, network()) == [HINT]


def test_a_mismatch_needs_a_train_dev_set_and_a_gap() -> None:
    assert skipped(data_mismatch, evaluation(score(0.02), score(0.20)), network()) == "not given"
    assert severities(data_mismatch, evaluation(score(0.02), score(0.05), train_dev=score(0.045)), network()) == []


@pytest.mark.parametrize(
    ("rows", "error", "expected"), [(99, 0.1, [HINT]), (100, 0.1, [INFO]), (3_000, 0.1, [INFO]), (10_000, 0.1, [])]
)
def test_what_a_dev_set_can_show(rows, error, expected) -> None:
    assert severities(dev_set_size, evaluation(score(0.05), score(error, rows=rows))) == expected


def test_a_hundred_rows_show_twelve_points() -> None:
    (found,) = findings(dev_set_size, evaluation(score(0.05), score(0.10, rows=100)))
    assert "100 rows with 10 errors" in found.message and "12." in found.message
    assert found.evidence[0].rows[1][0] == "1,000"


def test_a_dev_set_counts_all_its_rows() -> None:
    scored = evaluation(score(0.05), score(0.10, rows=1_000))
    of_ten_thousand = replace(scored, dev=replace(scored.dev, sampled=True, population=10_000))
    assert severities(dev_set_size, scored) == [INFO]
    assert severities(dev_set_size, of_ten_thousand) == []
    unknown = replace(scored, dev=replace(scored.dev, sampled=True))
    assert "the total is unknown" in skipped(dev_set_size, unknown)


def test_few_errors_are_a_note() -> None:
    assert severities(dev_set_size, evaluation(score(0.0), score(0.0005, rows=20_000))) == [INFO]


def test_a_dev_set_that_cannot_tell_the_model_from_a_constant_is_a_warning() -> None:
    nothing = {"beats_constant_error": Interval(-0.1, 0.3), "beats_constant_loss": Interval(-0.4, 0.5)}
    assert severities(dev_set_size, evaluation(score(0.05), score(0.4, rows=20, **nothing))) == [WARNING]
    worse = {**nothing, "beats_constant_loss": Interval(-4.0, -0.5)}
    assert severities(dev_set_size, evaluation(score(0.05), score(0.4, rows=20, **worse))) == [HINT]
    assert severities(dev_set_size, evaluation(score(0.05), score(0.1, rows=20))) == [HINT]


def test_regression_dev_sets_are_judged_by_their_squared_error() -> None:
    assert severities(dev_set_size, evaluation(regression(0.9), regression(0.8, rows=50))) == [HINT]
    assert severities(dev_set_size, evaluation(regression(0.9), regression(0.8, rows=20_000))) == []


def test_a_test_error_above_dev_is_a_hint_from_two_and_a_warning_from_three_standard_errors() -> None:
    assert severities(dev_overfitting, evaluation(score(0.05), score(0.10), score(0.11))) == []
    assert severities(dev_overfitting, evaluation(score(0.05), score(0.10), score(0.135))) == [HINT]
    assert severities(dev_overfitting, evaluation(score(0.05), score(0.10), score(0.16))) == [WARNING]
    assert severities(dev_overfitting, evaluation(score(0.05), score(0.16), score(0.10))) == []
    assert skipped(dev_overfitting, evaluation(score(0.05), score(0.10))) == "not given"


# --- predictions ------------------------------------------------------------------------------------------------


def test_one_class_for_every_row_is_a_collapse() -> None:
    one = score(0.9, predicted=(0.0, 0.97, 0.03), actual=(0.3, 0.4, 0.3))
    (found,) = findings(constant_predictions, evaluation(one), network())
    assert found.severity is ERROR and found.where.label == "1"
    below = score(0.9, predicted=(0.0, 0.94, 0.06), actual=(0.3, 0.4, 0.3))
    assert severities(constant_predictions, evaluation(below)) == []


def test_predicting_a_class_that_dominates_is_not_a_collapse() -> None:
    assert severities(constant_predictions, evaluation(score(0.1, predicted=(0.0, 1.0), actual=(0.2, 0.8)))) == []


def test_flat_regression_predictions_are_a_collapse() -> None:
    assert severities(constant_predictions, evaluation(regression(0.0, spread=0.04))) == [ERROR]
    assert severities(constant_predictions, evaluation(regression(0.1, spread=0.05))) == []


def test_a_collapse_on_dev_alone_is_found_there() -> None:
    flat = score(0.9, predicted=(1.0, 0.0), actual=(0.5, 0.5))
    (found,) = findings(constant_predictions, evaluation(score(0.05), flat))
    assert found.where.split == "dev"


def test_a_class_that_is_never_found_is_a_warning() -> None:
    matrix = ((500.0, 0.0, 0.0), (0.0, 400.0, 0.0), (90.0, 10.0, 0.0))
    missed = score(0.1, classes=3, confusion=matrix, predicted=(0.59, 0.41, 0.0))
    (found,) = findings(class_recall, evaluation(score(0.05), missed), network())
    assert found.severity is WARNING and found.where.label == "2" and found.where.split == "dev"
    assert "none of 100 dev rows" in found.message


def test_a_class_that_is_found_once_in_150_rows_is_a_warning() -> None:
    matrix = ((500.0, 0.0, 0.0), (0.0, 400.0, 0.0), (100.0, 49.0, 1.0))
    missed = score(0.14, classes=3, confusion=matrix, predicted=(0.57, 0.42, 0.01))
    (found,) = findings(class_recall, evaluation(score(0.05), missed), network())
    assert found.severity is WARNING
    assert "only 1 of 150 dev rows of class 2 is recognised (all classes: 86 %)" in found.message


def test_class_names_are_used_where_known() -> None:
    names = network()
    head = replace(names.heads[0], output=replace(names.heads[0].output, class_names=("cat", "dog", "emu")))
    matrix = ((500.0, 0.0, 0.0), (0.0, 400.0, 0.0), (90.0, 10.0, 0.0))
    missed = score(0.1, classes=3, confusion=matrix, predicted=(0.59, 0.41, 0.0))
    (found,) = findings(class_recall, evaluation(missed), replace(names, heads=(head,)))
    assert found.where.label == "emu"


def test_weak_recall_must_be_certain_and_rare_classes_are_left_out() -> None:
    def judged(matrix) -> list[Severity]:
        wide = tuple(tuple(map(float, row)) for row in matrix)
        return severities(class_recall, evaluation(score(0.1, classes=2, confusion=wide, predicted=(0.8, 0.2))))

    assert judged(((850, 50), (80, 20))) == [HINT]
    assert judged(((850, 50), (55, 45))) == []
    assert judged(((960, 0), (40, 0))) == []
    assert judged(((80, 4), (6, 3))) == []
    assert judged(confusion(0.1, 1000, 2)) == []
    assert "2 to 30 classes" in skipped(class_recall, evaluation(score(0.1, confusion=())))


def test_numbers_in_messages_have_one_format_and_zero_no_sign() -> None:
    assert [number(value) for value in (1e-7, 1.1e-4, 0.0123, 12_345.0, -0.0)] == [
        "1e-7",
        "1.1e-4",
        "0.0123",
        "12,345",
        "0",
    ]


# --- metrics -------------------------------------------------------------------------------------------------------


def numbers(loss: str = "mean_squared_error") -> Network:
    known = network(Task.REGRESSION)
    return replace(known, heads=tuple(replace(h, output=replace(h.output, loss=loss)) for h in known.heads))


@pytest.mark.parametrize("name", ["accuracy", "acc", "categorical_accuracy", "auc_1", "f1_score", "Precision"])
def test_a_metric_of_classes_on_numbers_is_said(name: str) -> None:
    (found,) = findings(unfit_metric, evaluation(regression(0.6, metrics={name: 0.0, "mae": 2.0})), numbers())
    assert found.severity is HINT and found.message.startswith(f"{name} 0 on train: ") and "mae" not in found.message


@pytest.mark.parametrize("name", ["mae", "root_mean_squared_error", "r2_score", "inaccuracy_cost", "mean_io_u"])
def test_metrics_of_numbers_and_of_the_own_kind_are_fine(name: str) -> None:
    assert severities(unfit_metric, evaluation(regression(0.6, metrics={name: 0.1})), numbers()) == []


def test_accuracy_of_classes_and_of_rounded_values_is_not_judged() -> None:
    assert "predicts numbers" in skipped(unfit_metric, evaluation(score(0.1, metrics={"accuracy": 0.9})), network())
    pixels = evaluation(regression(0.6, metrics={"accuracy": 0.8}))
    assert "predicts numbers" in skipped(unfit_metric, pixels, numbers("binary_crossentropy"))


# --- intervals ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 400))
def test_the_interval_of_a_gap_stays_inside_what_is_possible(few: int, many: int) -> None:
    lower, upper = score(few / 40, rows=40), score(many / 400, rows=400)
    span = Gap(level(lower, 1.0), level(upper, 1.0)).interval
    assert -1.0 <= span.low <= many / 400 - few / 40 <= span.high <= 1.0


def test_a_baseline_is_compared_on_the_scale_of_its_threshold() -> None:
    (found,) = findings(behind_baseline, baseline(0.10, 0.50), network())
    assert found.value is not None and found.interval is not None and found.threshold == 0.25
    assert found.interval.low < found.value < found.interval.high


def test_how_much_lower_a_baseline_is_is_told_of_the_error_that_is_shown() -> None:
    """Not of the squared error: 6.6 to 4.92 are 25 % less, and 44 % less of the square."""
    known = baseline(0.1, 0.6)
    (output,) = known.outputs
    best = replace(output.best, error=4.92, skill=0.8)
    numbers = replace(output, net_error=6.6, net_skill=0.4, best=best, candidates=(best,), relative=0.44)
    (found,) = findings(behind_baseline, replace(known, outputs=(numbers,)), network(Task.REGRESSION))
    assert "RMSE 6.6 " in found.message and found.message.endswith("25 % lower")


def test_a_baseline_that_a_longer_training_catches_up_with_is_a_hint() -> None:
    behind = baseline(0.1, 0.3)
    lacking = behind.outputs[0].best.skill - behind.outputs[0].net_skill
    assert severities(behind_baseline, behind, network()) == [WARNING]
    assert severities(behind_baseline, behind, network(), continuation(lacking - 0.09)) == [HINT]
    assert severities(behind_baseline, behind, network(), continuation(lacking - 0.11)) == [WARNING]
    assert severities(behind_baseline, behind, network(), continuation(lacking - 0.09, helps=None)) == [WARNING]
    assert severities(behind_baseline, behind, network(), continuation(lacking - 0.09, output="another")) == [WARNING]


def test_a_bias_that_a_longer_training_closes_is_a_hint() -> None:
    levels, behind = evaluation(score(0.30), score(0.30)), baseline(0.1, 0.3)
    lacking = behind.outputs[0].best.skill - behind.outputs[0].net_skill
    assert severities(avoidable_bias, levels, network(), behind) == [WARNING]
    assert severities(avoidable_bias, levels, network(), behind, continuation(lacking - 0.09)) == [HINT]
    assert severities(avoidable_bias, levels, network(), behind, continuation(lacking - 0.11)) == [WARNING]
    targeted = network(target=0.05)  # a target stands
    assert severities(avoidable_bias, levels, targeted, behind, continuation(lacking - 0.09)) == [WARNING]
