"""What a change is compared with: trainings without it, with the same seeds and with others."""

from collections.abc import Iterator

import numpy as np
import pytest

from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import LIKELY, Effect
from diagnose.intervals import chance_below
from diagnose.measurements import Array
from diagnose.measuring.bench import Bench
from diagnose.measuring.planning import Planner, planner_for
from diagnose.settings import Effort, Settings
from diagnose.stages import silent
from diagnose.trials.arms import Planned
from diagnose.trials.dev_error import DevArm, DevError, trainings_beside
from diagnose.trials.joining import Trial
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan
from diagnose.trials.rounds import LUCK, MORE_SEEDS, NO_CHANGE, Rounds
from tests.checks.builders_training import score
from tests.trials.models import SOFTMAX, Scene, dense, net

SEEDS, ROWS, OTHERS = 3, 200, 3
LEFT = Remaining(score(0.05), score(0.1), None, alone=True)


def arm(errors: Array, *others: Array) -> DevArm:
    return DevArm(errors, np.tile(np.arange(errors.shape[1]), (len(errors), 1)), 0, 1e-3, (), (), others)


def drawn(draw: np.random.Generator, shared: float, gain: float = 0.0) -> tuple[Array, DevArm]:
    """The errors with a change, whose luck is by so much that of the same seed without it, and those without it."""

    def luck() -> Array:
        return np.asarray(0.3 * draw.normal(size=(SEEDS, 1)) + draw.normal(size=(SEEDS, ROWS)))

    rows = 2 + draw.normal(size=ROWS)
    same = luck()
    changed = rows - gain + shared * same + np.sqrt(1 - shared**2) * luck()
    return changed, arm(rows + same, *(rows + luck() for _ in range(OTHERS)))


def compared(changed: Array, without: DevArm) -> Array:
    return changed - without.compared_with(changed)


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7, 0.95])
def test_the_gain_is_nearer_to_the_truth_than_with_either_kind_of_training_alone(shared: float) -> None:
    draw = np.random.default_rng(0)
    found, same, all_alike = [], [], []
    for _ in range(400):
        changed, without = drawn(draw, shared)
        found.append(compared(changed, without).mean())
        same.append((changed - without.errors).mean())
        all_alike.append((changed - np.mean([without.errors, *without.others], axis=0)).mean())
    errors = [float(np.sqrt(np.mean(np.square(each)))) for each in (found, same, all_alike)]
    assert errors[0] <= 1.05 * min(errors[1:])
    assert errors[0] < 0.9 * max(errors[1:])


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_a_change_without_effect_is_rarely_likely_to_help(shared: float) -> None:
    draw = np.random.default_rng(1)
    chances = [chance_below(compared(*drawn(draw, shared))) for _ in range(1000)]
    assert 0.02 < np.mean(np.array(chances) >= LIKELY) < 0.08


def test_without_other_seeds_the_same_ones_are_compared() -> None:
    changed, without = drawn(np.random.default_rng(0), 0.5)
    np.testing.assert_array_equal(arm(without.errors).compared_with(changed), without.errors)
    np.testing.assert_array_equal(without.compared_with(without.errors), without.errors)  # all of its luck is shared
    same = arm(without.errors, without.errors)  # the seeds change nothing
    np.testing.assert_allclose(same.compared_with(changed), without.errors)


def test_before_is_the_mean_of_all_trainings_without_the_change() -> None:
    without = arm(np.full((2, 10), 0.2), np.full((2, 10), 0.4))
    effect = DevError(LEFT, 1).effect("", "", (without, arm(np.full((2, 10), 0.1))), control="", steps=1, values={})
    assert effect.before == pytest.approx(0.3)
    assert effect.after == pytest.approx(0.3 + 0.1 - 0.2)  # it has all of its luck in common with the first ones
    none = DevError(LEFT, 1).effect("", "", (without, arm(np.full((2, 10), 0.0))), control="", steps=1, values={})
    assert none.after == pytest.approx(0.1)


def test_an_error_is_not_below_0() -> None:
    without = arm(np.full((2, 10), 0.2), np.zeros((2, 10)))
    effect = DevError(LEFT, 1).effect("", "", (without, arm(np.zeros((2, 10)))), control="", steps=1, values={})
    assert (effect.before, effect.after) == (pytest.approx(0.1), 0.0)


def test_as_many_as_pay() -> None:
    assert [trainings_beside(changes) for changes in (1, 3, 9, 16, 18)] == [1, 1, 2, 3, 3]


def test_each_look_is_compared_with_its_own_trainings() -> None:
    """They may have different numbers of other seeds beside them."""
    first = arm(np.full((2, 10), 0.2), np.full((2, 10), 0.4))
    second = arm(np.full((2, 10), 0.5))
    looks = (first, arm(np.full((2, 10), 0.0))), (second, arm(np.full((2, 10), 0.4)))
    effect = DevError(LEFT, 1).effect("", "", *looks, control="", steps=1, values={})
    assert effect.seeds == 4 and effect.before == pytest.approx((0.3 + 0.5) / 2)
    assert effect.after - effect.before == pytest.approx(((0.0 - 0.2) + (0.4 - 0.5)) / 2)


class ToldDevError(DevError):
    """Trains nothing: an arm has its first seed in hundredths as error, and a hundredth less with a change."""

    def train(self, bench: Bench, plan: TrainingPlan) -> DevArm:
        error = plan.seeds[0] / 100 - 0.01 * bool(plan.changes)
        wobble = np.linspace(-1e-3, 1e-3, len(plan.seeds) * 20).reshape(len(plan.seeds), 20)
        return arm(0.2 + error + wobble)

    def accept(self, control: DevArm, steps: int) -> None:
        pass


def change(name: str) -> Trial:
    return Trial(name, Intervention("Changes.", lambda plan: plan.changed(name)))


CHANGES = [change(name) for name in "abcdefghi"]


@pytest.fixture
def planner() -> Iterator[Planner]:
    subject = Scene("", net(dense(8), SOFTMAX)).subject()
    with planner_for(subject, Settings(effort=Effort.DEEP), silent) as made:
        yield made


def rounds(planner: Planner, most: int = len(CHANGES)) -> Rounds:
    return Rounds(planner, {}, plan_of(planner.bench, {}), 1.0, ToldDevError(LEFT, len(CHANGES)), most=most)


def test_at_effort_deep_all_changes_are_compared_with_other_seeds_too(planner: Planner) -> None:
    *found, luck = rounds(planner).run(CHANGES)
    assert [effect.remedy for effect in found] == list("abcdefghi")
    assert luck.what == NO_CHANGE and not luck.likely and luck.remedy == ""
    assert {round(effect.before, 4) for effect in found} == {0.23}  # of seeds from 0, 3 and 6 on
    assert next(run.name for run in planner.executed) == LUCK


def test_at_standard_effort_the_same_seeds_do() -> None:
    subject = Scene("", net(dense(8), SOFTMAX)).subject()
    with planner_for(subject, Settings(), silent) as planner:
        found = list(rounds(planner, 3).run(CHANGES))
    assert {round(effect.before, 4) for effect in found if effect.seeds == SEEDS} == {0.2}
    assert not any(effect.what == NO_CHANGE for effect in found)


def test_no_training_is_compared_with_twice(planner: Planner) -> None:
    run = rounds(planner)
    list(run.run(CHANGES))
    own, pair = run._own, run._pair(CHANGES[0])
    assert not isinstance(pair, DoesNotApply)
    without, _ = run._compared(pair)
    assert [float(other.mean().round(4)) for other in without.others] == [0.23, 0.26]
    placebo = Planned(own.change, own.plan.changed("a placebo"))
    run._arms.train([placebo])
    alone, _ = run._compared((placebo, pair[1]))
    assert not alone.others


class OpenDevError(ToldDevError):
    """The same, where each change has two fifths of the rows better by more than it has the others worse."""

    def train(self, bench: Bench, plan: TrainingPlan) -> DevArm:
        found = super().train(bench, plan)
        if not plan.changes:
            return found
        better = {"a": 0.08, "b": 0.05}.get(plan.changes[0], -0.02)
        return arm(found.errors - better * (np.arange(20) < 8) + 0.02 * (np.arange(20) >= 8))


def test_what_may_help_gets_more_seeds_at_effort_deep(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    criterion = OpenDevError(LEFT, len(CHANGES))

    def run() -> list[Effect]:
        made = Rounds(planner, {}, plan_of(planner.bench, {}), 1.0, criterion, most=len(CHANGES))
        return [effect for effect in made.run(CHANGES) if effect.remedy]

    found = {effect.remedy: effect for effect in run()}
    assert [code for code, effect in found.items() if effect.seeds == 2 * SEEDS] == ["a", "b"]
    assert all(effect.seeds == SEEDS for code, effect in found.items() if code not in "ab")
    assert {code for code, effect in found.items() if effect.helps is None and (effect.chance or 0) > 0.5} <= {*"ab"}
    trained = [run.name for run in planner.executed]
    assert trained[-2:] == ["trial of a with more seeds", "trial of b with more seeds"]  # the most promising first
    assert found["a"].interval is not None and found["a"].interval.level == pytest.approx(1 - 0.05 / 18)  # two looks

    once = planner.fits
    monkeypatch.setattr(planner, "fits", lambda work: once(work) and len(planner.executed) < 2 * len(trained) - 1)
    kept = {effect.remedy: effect.seeds for effect in run()}
    assert (kept["a"], kept["b"]) == (2 * SEEDS, SEEDS)
    assert [missed.what for missed in planner.missed] == [MORE_SEEDS]


def test_without_time_for_all_the_changes_come_first(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rounds(planner)
    most = run._work(pair for pair in map(run._pair, CHANGES) if not isinstance(pair, DoesNotApply) for pair in pair)
    monkeypatch.setattr(planner, "fits", lambda work: work.steps <= most.steps)
    found = list(run.run(CHANGES))
    assert len(found) == len(CHANGES) and {round(effect.before, 4) for effect in found} == {0.2}
    assert [missed.what for missed in planner.missed] == [LUCK]
