"""Checks on process: the sick, the boundary, and healthy models that look sick."""

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pytest

from diagnose.checks.process.no_dev_set import no_dev_set
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.checks.process.still_improving import still_improving
from diagnose.checks.process.worse_than_replays import worse_than_replays
from diagnose.findings import Severity
from diagnose.measurements import Attempt, Evaluation, History, Network, OverfitBatch
from diagnose.reasoning.remedies.optimisation import KEEP_BEST
from diagnose.subject import Task
from tests.checks.builders_training import (
    MISSING,
    continuation,
    dataset,
    decay,
    dense,
    evaluation,
    findings,
    history,
    network,
    run,
    score,
    severities,
    skipped,
    split,
)

ERROR, WARNING, HINT, INFO = Severity.ERROR, Severity.WARNING, Severity.HINT, Severity.INFO

# --- memorising one batch ----------------------------------------------------------------------------------


def batch(loss: float, error: float, solved: bool = False, rows: int = 16, distinct: int = 16) -> OverfitBatch:
    return OverfitBatch(rows, distinct, (Attempt(1e-3, 500, nan, 1.0), Attempt(1e-2, 500, loss, error)), solved)


def test_a_net_that_cannot_learn_one_batch_is_an_error() -> None:
    (found,) = findings(overfit_batch, batch(0.98, 0.9), network(), evaluation(score(0.9)))
    assert found.severity is ERROR and found.value == pytest.approx(0.98)
    assert "cannot memorise 16 rows" in found.message and "90 % of the rows are wrong" in found.message
    assert found.evidence[0].kind == "table"


def test_a_net_that_learns_one_batch_is_clean() -> None:
    assert severities(overfit_batch, batch(0.01, 0.0, solved=True)) == []


@pytest.mark.parametrize(
    ("tried", "built", "loaded"),
    [
        (batch(0.25, 0.1), network(), evaluation(score(0.9))),
        (batch(0.9, 0.9, distinct=12), network(), evaluation(score(0.9))),
        (batch(0.9, 0.9), network(trainable_parameters=15), evaluation(score(0.9))),
        (batch(0.9, 0.9), network(Task.REGRESSION, layers=[dense("out", fan_in=7)]), evaluation(score(0.9))),
        (batch(0.9, 0.9), network(), evaluation(score(0.1))),
    ],
    ids=["near", "repeated rows", "few weights", "linear", "learned anyway"],
)
def test_failing_for_another_reason_is_a_hint(tried, built, loaded) -> None:
    assert severities(overfit_batch, tried, built, loaded) == [HINT]


def test_one_row_is_not_a_batch() -> None:
    assert "different rows" in skipped(overfit_batch, batch(0.9, 0.9, distinct=1))


# --- stopped too early ---------------------------------------------------------------------------------------


def test_a_training_that_had_only_started_to_learn() -> None:
    falling = np.linspace(2.3, 1.6, 10)
    recorded = history(run(falling, dev=falling + 0.05), origin="recorded")
    (found,) = findings(still_improving, recorded)
    assert found.severity is WARNING and found.value == pytest.approx(0.046, abs=0.005)
    assert found.interval is not None and found.interval.low > 0.01


def test_a_training_that_has_learned_most_is_a_hint() -> None:
    falling = np.geomspace(2.3, 0.3, 10)
    assert severities(still_improving, history(run(falling, dev=falling + 0.05), origin="live")) == [HINT]


@pytest.mark.parametrize(("error", "severity"), [(0.6, WARNING), (0.16, HINT)])
def test_a_high_loss_with_most_rows_right_is_a_hint(error: float, severity: Severity) -> None:
    falling = np.linspace(2.3, 1.6, 10)
    errors = np.linspace(0.9, error, 10)
    recorded = history(run(falling, dev=falling + 0.05, train_error=errors), origin="recorded")
    assert severities(still_improving, recorded) == [severity]


def test_a_train_loss_that_falls_alone_is_not_reported() -> None:
    train = np.geomspace(2.3, 0.01, 12)
    flat, rising = [*decay(2.3, 0.5, 0.6, 12)], [*decay(2.3, 0.5, 0.9, 8), 0.55, 0.6, 0.65, 0.7]
    for dev in (flat, rising):
        assert severities(still_improving, history(run(train, dev=dev), origin="recorded")) == []


def test_a_fall_within_the_noise_is_not_reported() -> None:
    noisy = [2.3, 1.0, 0.80, 0.83, 0.78, 0.82, 0.79, 0.81, 0.77, 0.80]
    assert severities(still_improving, history(run(noisy, dev=noisy), origin="recorded")) == []


def test_a_short_replay_always_falls_and_proves_nothing() -> None:
    falling = np.linspace(2.3, 1.6, 10)
    assert severities(still_improving, history(run(falling, dev=falling)), evaluation(score(0.05))) == []
    assert "not followed" in skipped(still_improving, history(run(falling, dev=falling)))


def test_longer_replays_that_beat_the_loaded_weights_show_undertraining() -> None:
    replays = history(*(run(decay(2.3, 0.2, 0.4), seed=seed, final_dev_skill=0.85) for seed in range(3)))
    loaded = evaluation(score(0.7))
    (found,) = findings(still_improving, replays, loaded, network(iterations=100))
    assert found.severity is WARNING and "1,200 steps" in found.message and "after 100 steps" in found.message
    assert severities(still_improving, replays, loaded, network()) == [HINT]
    assert severities(still_improving, replays, loaded, network(iterations=5_000)) == []


def test_loaded_weights_as_good_as_the_replays_are_trained_enough() -> None:
    replays = history(run(decay(2.3, 0.2, 0.4), final_dev_skill=0.85))
    assert severities(still_improving, replays, evaluation(score(0.15)), network(iterations=100)) == []


def test_replays_that_only_memorise_their_rows_do_not_count() -> None:
    learned = run(decay(2.3, 0.0, 0.6), final_train_skill=1.0, final_dev_skill=0.3)
    assert severities(still_improving, history(learned), evaluation(score(0.6)), network(iterations=100)) == []


def test_a_longer_training_decides() -> None:
    falling = np.geomspace(2.3, 0.3, 10)
    seen = history(run(falling, dev=falling + 0.05), origin="live")
    flat = history(run(np.full(12, 0.3), dev=np.full(12, 0.35)), origin="live")
    loaded = evaluation(score(0.2))
    for known in (seen, flat):
        assert severities(still_improving, known, loaded, continuation(0.05, helps=True)) == [HINT]
        assert severities(still_improving, known, loaded, continuation(0.15, helps=True)) == [WARNING]
    assert severities(still_improving, flat, loaded, continuation(0.0, helps=False)) == []


def test_a_longer_training_tells_of_its_own_output_only() -> None:
    learned = history(run(decay(1, 0, 0.5, 20), final_dev_skill=0.9))
    seen = replace(learned, by_output={"first": learned, "second": learned})
    scores = (replace(score(0.6), output="first"), replace(score(0.6), output="second"))
    both = Evaluation(split("train", *scores), split("dev", *scores), MISSING, MISSING)
    told = {
        f.where.output: f.message for f in findings(still_improving, seen, both, continuation(0.05, output="second"))
    }
    assert "500 more steps" in told["second"] and "of second from" in told["second"]
    assert "500 more steps" not in told["first"]


def test_a_longer_training_that_brings_nothing_is_at_most_a_hint() -> None:
    high = np.linspace(2.3, 1.6, 10)
    seen = history(run(high, dev=high + 0.05), origin="recorded")
    assert severities(still_improving, seen, continuation(0.0, helps=None)) == [WARNING]
    (found,) = findings(still_improving, seen, continuation(0.0, helps=False))
    assert found.severity is HINT and found.message.endswith("do not lower the dev error")


# --- no dev set ----------------------------------------------------------------------------------------------------


def test_no_rows_to_evaluate_on() -> None:
    assert severities(no_dev_set, evaluation(score(0.1)), dataset(500)) == [HINT]
    assert severities(no_dev_set, evaluation(score(0.1), test=score(0.2)), dataset(500)) == [INFO]
    assert severities(no_dev_set, evaluation(score(0.1), score(0.2)), dataset(500)) == []


def test_a_dev_set_that_could_not_be_evaluated_is_there_all_the_same() -> None:
    data = dataset(500)
    given = replace(data, dev=replace(data.train, name="dev"))
    broken = Evaluation(split("train", score(0.1)), MISSING, MISSING, MISSING)
    assert severities(no_dev_set, broken, given) == []


def test_a_loss_that_falls_back_to_where_it_was_does_not_improve() -> None:
    collapsed = [2.3, 1.2, 1.0, 1.4, 2.3, 2.26, 2.22, 2.18, 2.14, 2.1]
    recorded = history(run(collapsed, dev=collapsed), origin="recorded")
    assert severities(still_improving, recorded) == []


def test_a_loss_that_settles_at_the_constants_does_not_improve() -> None:
    settling = np.geomspace(4.0, 2.3, 10)
    recorded = history(run(settling, dev=settling), origin="recorded")
    assert severities(still_improving, recorded) == []


# --- worse than the same training ------------------------------------------------------------------------------


def replayed(*skills: float, **changed: Any) -> History:
    """Replays of 12 epochs of 100 steps that end with these skills on dev."""
    curve = decay(2.3, 0.3, 0.5)
    runs = [run(curve, dev=curve, seed=seed, final_dev_skill=skill) for seed, skill in enumerate(skills)]
    return history(*runs, **{"whole": True, **changed})


def loaded(skill: float) -> Evaluation:
    return evaluation(replace(score(0.4), skill=skill), replace(score(0.45), skill=skill))


def test_weights_of_a_training_that_ended_on_a_peak() -> None:
    (found,) = findings(worse_than_replays, replayed(0.84, 0.85, 0.86), loaded(0.5), network(iterations=1200))
    assert found.severity is WARNING and found.value == pytest.approx(0.35)
    assert "as many steps (1,200) end with skill 0.85" in found.message and "0.50 on train" in found.message


@pytest.mark.parametrize(
    ("skills", "weights"),
    [
        ((0.84, 0.85, 0.86), 0.8),  # within a tenth
        ((0.6, 0.95, 0.95), 0.5),  # seeds differ by as much
        ((0.84, 0.85, 0.86), 0.02),  # it never got off the ground
        ((0.84, 0.85), 0.5),  # two replays
    ],
)
def test_weights_like_those_of_a_replay_are_clean(skills: tuple[float, ...], weights: float) -> None:
    assert severities(worse_than_replays, replayed(*skills), loaded(weights), network(iterations=1200)) == []


@pytest.mark.parametrize(
    ("skills", "unseen", "found"),
    [
        ((0.65, 0.70, 0.80), 0.3, [WARNING]),  # within 3 standard deviations on train, but not on the same rows
        ((0.65, 0.70, 0.80), 0.4, []),  # a further training may lie there
        ((0.84, 0.85, 0.86), 0.76, []),  # within a tenth
    ],
)
def test_weights_that_are_worse_than_every_replay_on_the_same_rows(
    skills: tuple[float, ...], unseen: float, found: list[Severity]
) -> None:
    weights = evaluation(replace(score(0.2), skill=0.8), replace(score(0.7), skill=unseen))
    assert severities(worse_than_replays, replayed(*skills), weights, network(iterations=1200)) == found


def test_replays_that_were_judged_on_other_rows_than_dev_are_compared_on_train_alone() -> None:
    weights = evaluation(replace(score(0.2), skill=0.8), replace(score(0.7), skill=0.3))
    other = replayed(0.65, 0.70, 0.80, dev_origin="held out from train")
    assert severities(worse_than_replays, other, weights, network(iterations=1200)) == []


@pytest.mark.parametrize(("changed", "steps"), [({"whole": False}, 1200), ({"origin": "recorded"}, 1200), ({}, 600)])
def test_only_replays_of_the_whole_training_count(changed: dict[str, Any], steps: int) -> None:
    told = skipped(worse_than_replays, replayed(0.8, 0.8, 0.8, **changed), loaded(0.5), network(iterations=steps))
    assert "not replayed with as many steps" in told


@pytest.mark.parametrize(("weights", "helps"), [(0.5, True), (0.8, None)])
def test_another_training_is_what_brings_only_weights_that_fall_short_further(
    weights: float, helps: bool | None
) -> None:
    """Of four trainings one is the worst by luck."""
    curve = decay(2.3, 0.3, 0.5)
    runs = [
        run(curve, dev=curve, dev_error=decay(0.9, 0.16 - 0.01 * seed, 0.5), seed=seed, final_dev_skill=skill)
        for seed, skill in enumerate((0.84, 0.85, 0.86))
    ]
    built, found = network(iterations=1200), history(*runs, whole=True)
    assert KEEP_BEST.measured is not None
    [effect] = KEEP_BEST.measured({History: found, Evaluation: loaded(weights), Network: built})
    assert (effect.helps, effect.forecast) == (helps, helps is None)
    assert effect.before == (0.45 if helps else pytest.approx(effect.after))
    if helps:  # that of a fourth training: wider than the three
        assert effect.interval is not None
        assert effect.interval.low < 0.14 - 0.45 < 0.16 - 0.45 < effect.interval.high < 0
