"""Learning rates that are too high or too low, by the sweep."""

import math
from dataclasses import replace

import pytest

from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.checks.optimisation.learning_rate_too_low import learning_rate_too_low
from diagnose.checks.optimisation.short_schedule import short_schedule
from diagnose.checks.reading.rates import pictures
from diagnose.findings import Severity
from diagnose.measurements import Evaluation
from tests.checks.builders_training import (
    baseline,
    decay,
    evaluation,
    findings,
    history,
    run,
    score,
    severities,
    skipped,
    sweep,
)

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT
GOOD, POOR = evaluation(score(0.05)), evaluation(score(0.89))
USABLE = {1e-4: (0.90, 0.91), 1e-3: (0.93, 0.94), 1e-2: (0.88, 0.90)}


def test_a_rate_that_learns_nothing_above_the_range_is_an_error() -> None:
    (found,) = findings(learning_rate_too_high, sweep(0.1, USABLE | {0.1: (0.0, 0.01)}), POOR)
    assert found.severity is ERROR
    assert "0.01" in found.message and "0.93" not in found.message and "skill is 0.01 at 0.1" in found.message
    assert found.interval is not None and found.interval.low > 0
    curves = found.evidence[0]
    assert curves.kind == "curves" and {mark.role for mark in curves.marks} == {"healthy", "yours"}


def test_a_rate_above_the_range_that_still_learns_is_left_alone_within_a_factor_of_ten() -> None:
    assert severities(learning_rate_too_high, sweep(0.05, USABLE | {0.05: (0.6, 0.62)}), POOR) == []


def test_a_rate_far_above_the_range_is_reported_even_if_it_learns_something() -> None:
    assert severities(learning_rate_too_high, sweep(0.5, USABLE | {0.5: (0.4, 0.42)}), POOR) == [WARNING]


def test_a_rate_that_diverges_counts_as_learning_nothing() -> None:
    rates = sweep(0.1, USABLE | {0.1: (0.9, 0.9)}, low=1e-4, high=1e-2)
    broken = tuple(replace(p, diverged=(True, True)) if p.rate == 0.1 else p for p in rates.sweep)
    assert severities(learning_rate_too_high, replace(rates, sweep=broken), POOR) == [ERROR]


def test_weights_that_learned_at_the_rate_refute_it() -> None:
    assert severities(learning_rate_too_high, sweep(0.1, USABLE | {0.1: (0.0, 0.0)}), GOOD) == []
    assert severities(learning_rate_too_low, sweep(1e-6, USABLE | {1e-6: (0.1, 0.1)}), GOOD) == []


def test_a_replay_that_learned_at_the_rate_refutes_it_too() -> None:
    learned = history(run(decay(2.3, 0.1, 0.5), final_train_skill=0.9))
    assert severities(learning_rate_too_high, sweep(0.1, USABLE | {0.1: (0.0, 0.0)}), POOR, learned) == []


def test_one_lucky_seed_does_not_clear_a_rate_at_which_the_own_training_learned_nothing() -> None:
    rates = sweep(0.1, {rate: (*skills, 0.9) for rate, skills in USABLE.items()} | {0.1: (0.0, 0.93, 0.0)})
    (found,) = findings(learning_rate_too_high, rates, POOR)
    assert found.severity is ERROR and "(2 of 3 seeds learn nothing)" in found.message
    lucky = history(run([2.3, 0.2], final_train_skill=0.9), run([2.3, 2.3], final_train_skill=0.0))
    assert severities(learning_rate_too_high, rates, POOR, lucky) == [ERROR]
    steady = history(run([2.3, 0.2], final_train_skill=0.9), run([2.3, 0.2], final_train_skill=0.8))
    assert severities(learning_rate_too_high, rates, POOR, steady) == []
    assert severities(learning_rate_too_high, rates, GOOD) == []
    assert severities(learning_rate_too_high, rates, POOR, baseline(0.0, 0.9)) == [ERROR]


def test_seeds_that_fail_at_the_best_rate_too_do_not_accuse_the_rate() -> None:
    rates = sweep(0.1, {1e-3: (0.9, 0.0, 0.9), 0.1: (0.0, 0.93, 0.0)})
    assert severities(learning_rate_too_high, rates, POOR) == []


def test_a_rate_far_below_the_range_is_reported_with_its_effect() -> None:
    (found,) = findings(learning_rate_too_low, sweep(1e-6, USABLE | {1e-6: (0.12, 0.12)}), POOR)
    assert found.severity is WARNING
    assert "skill is 0.12 at 1e-6 and 0.94 at 0.001" in found.message


def test_a_low_rate_is_not_what_a_model_lacks_that_fits_its_rows_better_than_the_baseline_fits_new_ones() -> None:
    rates = sweep(1e-6, USABLE | {1e-6: (0.6, 0.6)})  # reached: 0.72 on train
    overfitted, even = (evaluation(score(0.25), score(dev)) for dev in (0.5, 0.27))
    assert severities(learning_rate_too_low, rates, overfitted, baseline(0.4, 0.5)) == []
    assert severities(learning_rate_too_low, rates, even, baseline(0.4, 0.5)) == [WARNING]  # not overfitted
    assert severities(learning_rate_too_low, rates, overfitted, baseline(0.1, 0.5)) == [WARNING]  # it should fit better
    assert severities(learning_rate_too_low, rates, overfitted) == [WARNING]  # unknown


def test_a_rate_that_learns_nothing_in_the_users_training_either_is_an_error() -> None:
    assert severities(learning_rate_too_low, sweep(1e-7, USABLE | {1e-7: (0.0, 0.0)}), POOR) == [ERROR]


def test_ten_times_below_the_range_is_within_the_noise_and_more_is_not() -> None:
    assert severities(learning_rate_too_low, sweep(1e-5, USABLE | {1e-5: (0.3, 0.3)}), POOR) == []
    assert severities(learning_rate_too_low, sweep(0.9e-5, USABLE | {0.9e-5: (0.3, 0.3)}), POOR) == [WARNING]


def test_seeds_that_disagree_prove_nothing() -> None:
    assert severities(learning_rate_too_low, sweep(1e-6, USABLE | {1e-6: (0.0, 0.93, 0.1)}), POOR) == []


def test_the_two_checks_look_at_their_own_side_only() -> None:
    low, high = sweep(1e-6, USABLE | {1e-6: (0.1, 0.1)}), sweep(0.1, USABLE | {0.1: (0.0, 0.0)})
    assert severities(learning_rate_too_high, low, POOR) == []
    assert severities(learning_rate_too_low, high, POOR) == []


def test_the_loss_shows_learning_that_the_error_hides() -> None:
    rates = sweep(1e-6, USABLE | {1e-6: (0.0, 0.0)})
    imbalanced = tuple(replace(point, skill=(0.0, 0.0), loss=(0.3, 0.3)) for point in rates.sweep)
    assert severities(learning_rate_too_low, replace(rates, sweep=imbalanced), POOR) == []


def test_a_schedule_that_is_over_soon_is_reported_where_constant_rates_come_further() -> None:
    (found,) = findings(short_schedule, sweep(1e-3, USABLE, mean=0.9e-4), evaluation(score(0.45)))
    assert found.severity is WARNING
    assert "0.001 at its highest" in found.message and "falls too soon" in found.message
    assert found.value == pytest.approx(0.935 - 0.5, abs=0.06) and found.threshold == pytest.approx(0.1)
    assert severities(short_schedule, sweep(1e-3, USABLE, mean=0.9e-4), POOR) == [ERROR]  # nothing was learned


@pytest.mark.parametrize(
    ("mean", "known"),
    [
        (1e-3, POOR),  # no schedule
        (2e-4, POOR),  # it falls to a hundredth over the whole training
        (0.9e-4, GOOD),  # the training came as far
        (0.9e-4, None),  # it is unknown how far it came
    ],
)
def test_a_schedule_is_left_alone(mean: float, known: Evaluation | None) -> None:
    assert severities(short_schedule, sweep(1e-3, USABLE, mean=mean), known) == []


def test_a_schedule_is_not_to_blame_where_no_rate_does_well() -> None:
    few = {1e-4: (0.1, 0.12), 1e-3: (0.15, 0.15)}
    assert severities(short_schedule, sweep(1e-3, few, mean=0.9e-4), POOR) == []
    assert skipped(short_schedule, sweep(1e-3, USABLE, mean=None), POOR).startswith("the length of the training")


@pytest.mark.parametrize("check", [learning_rate_too_high, learning_rate_too_low])
def test_without_a_sweep_or_a_rate_the_check_is_skipped(check) -> None:
    assert "unknown" in skipped(check, sweep(None, USABLE))
    assert "flat curve" in skipped(check, sweep(1e-3, USABLE, abstains="flat curve"))
    assert "not part" in skipped(check, sweep(3e-6, USABLE))


def test_two_points_at_one_rate_are_one_point_of_the_picture() -> None:
    """Else the line goes up and down on the spot."""
    rates = sweep(1.0001e-3, USABLE | {1.0001e-3: (0.5, 0.6)})
    (skills,) = [curves for curves in pictures(rates) if "Train skill" in curves.title]
    (line,) = skills.series
    assert len(line.x) == len(set(line.x)) == 3
    assert (line.low[1], line.high[1]) == (0.5, 0.94)


def test_the_interval_of_few_seeds_is_wide_and_within_what_is_possible() -> None:
    (found,) = findings(learning_rate_too_high, sweep(0.1, USABLE | {0.1: (0.0, 0.4)}), POOR)
    assert found.value is not None and found.interval is not None
    half = 4.303 * math.sqrt((0.4**2 / 2 + 0.01**2 / 2) / 2)  # Student's t with 2 degrees of freedom
    assert found.interval.low == pytest.approx(found.value - half, abs=1e-3) and found.interval.high == 1.0


def test_the_axis_says_that_no_skill_of_the_sweep_is_below_0() -> None:
    """Else a trial at the same rate, with a skill of -0.1, contradicts it."""
    (skills,) = [
        curves for curves in pictures(sweep(0.1, USABLE | {0.1: (-0.1, -0.2)})) if "Train skill" in curves.title
    ]
    assert min(skills.series[0].y) == 0 and skills.y_label.endswith("0 or more")
