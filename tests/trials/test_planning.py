"""Trials in an examination: only for a sick model, and within the time budget."""

from typing import Any

import keras
import numpy as np
import pytest

import diagnose
from diagnose.loading import LoadOptions, subject_from
from diagnose.measurements import NotMeasured
from diagnose.measuring import planning
from diagnose.measuring.work import Work
from diagnose.settings import Effort, Settings
from diagnose.stages import silent
from diagnose.trials import combinations, estimating
from diagnose.trials import planning as trials
from diagnose.trials.combinations import Combinations
from diagnose.trials.interventions.data import STANDARDISE_INPUTS
from diagnose.trials.interventions.layers import LEAKY, RELU
from diagnose.trials.interventions.optimizer import ADAM
from diagnose.trials.interventions.structure import NORMALISED
from diagnose.trials.joining import Joint, Trial, joined, on_top
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import Intervention
from diagnose.trials.train_skill import TrainSkill
from tests.trials.models import SOFTMAX, Scene, dense, net

PLAIN = Scene("nothing", net(dense(16), SOFTMAX))
UNSCALED = Scene("scale-inputs", net(dense(16), SOFTMAX), scale=3000.0)
ONLY = ["does-not-learn", "input-scale", "learning-rate-too-high", "constant-predictions"]


def telling(remedy: str, intervention: Intervention) -> Trial:
    """A trial that may confirm a cause."""
    return Trial(remedy, intervention, frozenset({f"{remedy} is missing"}))


def examined(scene: Scene, epochs: int = 3, **options: Any) -> diagnose.Diagnosis:
    """Train on rows that can be classified, then examine with the checks of the gate and of the input scale."""
    subject = scene.subject()
    x, _ = scene.rows()
    x = np.tile(x, (10, 1)) + np.random.default_rng(1).normal(size=(10 * len(x), x.shape[1])).astype("float32")
    y = (x[:, 1] > 0).astype("int64") + (x[:, 2] > 0)
    subject.model.fit(x, y, epochs=epochs, verbose=0)
    return diagnose.examine(subject.model, (x, y), batch_size=8, **{"only": ONLY} | options)


@pytest.fixture(scope="module")
def diagnosis() -> diagnose.Diagnosis:
    return examined(UNSCALED)


def test_a_trial_that_restores_learning_confirms_the_cause(diagnosis: diagnose.Diagnosis) -> None:
    effect = next(effect for effect in diagnosis.effects if effect.remedy == "scale-inputs")
    assert effect.restores and effect.causes == ("inputs-not-scaled",)
    cause = next(cause for cause in diagnosis.causes if cause.code == "inputs-not-scaled")
    assert (cause.state, cause.rank) == ("confirmed", 1)
    first = diagnosis.remedies[0]
    assert (first.code, first.payoff.how) == ("scale-inputs", "measured")
    assert (first.payoff.before, first.payoff.after) == (effect.before, effect.after)
    assert "trial of scale-inputs" in diagnosis.settings["plan"]


def test_trials_share_the_unchanged_model_as_control(diagnosis: diagnose.Diagnosis) -> None:
    effects = [effect for effect in diagnosis.effects if not effect.on_dev]
    assert len(effects) > 1
    assert len({effect.before for effect in effects if not effect.control}) == 1


def test_a_model_that_learns_gets_no_repairs() -> None:
    diagnosis = examined(PLAIN, epochs=20)
    assert all(effect.on_dev for effect in diagnosis.effects)


def test_quick_trains_nothing() -> None:
    diagnosis = examined(UNSCALED, effort="quick")
    assert diagnosis.state == "sick"
    assert all(effect.on_dev for effect in diagnosis.effects)
    assert not [name for name in diagnosis.settings["plan"] if name.startswith("trial")]
    assert diagnosis.remedies[0].payoff.reason == "effort quick does not train"


def test_trials_beyond_the_budget_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "BUDGETS", dict.fromkeys(Effort, 0.01))
    diagnosis = examined(UNSCALED)
    assert all(effect.on_dev for effect in diagnosis.effects)
    gaps = {gap.what: gap for gap in diagnosis.coverage}
    assert "time budget" in gaps["trial of scale-inputs"].why
    assert "--effort deep" in gaps["trial of scale-inputs"].how_to_get_it


@pytest.mark.slow
def test_trials_are_half_as_long_if_time_is_short(
    monkeypatch: pytest.MonkeyPatch, diagnosis: diagnose.Diagnosis
) -> None:
    first = next(effect for effect in diagnosis.effects if effect.remedy == "scale-inputs")
    monkeypatch.setattr(Combinations, "first_fits", lambda *_: False)
    short = examined(UNSCALED)
    again = next(effect for effect in short.effects if effect.remedy == first.remedy)
    assert (first.steps, again.steps) == (300, 150)
    title = f"trial of {first.remedy}"
    assert (diagnosis.settings["plan"][title], short.settings["plan"][title]) == (1.0, 0.5)
    monkeypatch.undo()
    repeated = examined(UNSCALED, plan=short.settings["plan"])
    assert next(effect for effect in repeated.effects if effect.remedy == first.remedy).steps == 150


def test_the_time_left_counts_every_trial_that_is_likely() -> None:
    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        likely = [estimating.likely_trials(planner, TrainSkill, count) for count in range(4)]
        one, *more = (planner.seconds(work) for work in likely[1:])
        assert not likely[0] and 1.4 * one < more[0] < more[1] < 3 * one  # the control is shared
        planner._account.charge(Work(seconds=planner._account.left - 0.8 * one))
        assert estimating.likely_trials(planner, TrainSkill, 1).steps < likely[1].steps
    with planning.planner_for(UNSCALED.subject(), Settings(effort=Effort.QUICK), silent) as planner:
        assert not estimating.likely_trials(planner, TrainSkill, 3)


def test_before_the_trials_the_time_left_includes_those_that_are_called_for() -> None:
    from diagnose.pipeline import chosen, needs_of
    from diagnose.trying import work_of_trials

    settings = Settings(only=frozenset(ONLY))
    with planning.planner_for(UNSCALED.subject(), settings, silent) as planner:
        checks = chosen(settings)
        assert not work_of_trials(planner, checks, {})  # nothing is suspected before anything was measured
        measured = planner.measure(needs_of(checks))
        called_for = work_of_trials(planner, checks, measured)
        assert called_for.loops > 1 and called_for.steps > estimating.first_trial(planner.bench).steps


def test_a_trial_that_fits_at_full_size_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        plan, skill = plan_of(planner.bench, {}), TrainSkill()
        wanted = (telling("relu-instead", RELU), telling("scale-inputs", STANDARDISE_INPUTS))
        assert Combinations(planner, {}, plan, 1.0, skill).first_fits(wanted)  # the first one does not apply
        planner._account.charge(Work(seconds=60.0))
        assert not Combinations(planner, {}, plan, 1.0, skill).first_fits(wanted)
        assert 0 < planner._account.seconds(estimating.first_trial(planner.bench)) < 10


def test_the_first_trial_may_go_a_little_over_the_budget_of_an_effort_once() -> None:
    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        trial = Work(seconds=10.0)
        planner._account.charge(Work(seconds=58.0))
        planner.lend(Work(seconds=20.0))  # too much over it
        assert not planner.fits(trial)
        planner.lend(trial)
        assert planner.fits(trial)
        planner._account.charge(trial)
        planner.lend(trial)
        assert not planner.fits(trial)
    with planning.planner_for(UNSCALED.subject(), Settings(budget=5.0), silent) as planner:
        planner.lend(trial)
        assert not planner.fits(trial)  # seconds that the user gave are kept


def test_only_a_remedy_that_would_change_nothing_is_needless() -> None:
    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        wanted = (Trial("relu-instead", RELU), Trial("default-optimizer", ADAM))
        assert trials.try_remedies(planner, {}, wanted) == ()
        assert planner.needless == {"relu-instead"}  # the layers have ReLU
        assert "no learning-rate sweep" in planner.untried["default-optimizer"]  # it may help, and cannot be tried


def test_an_intervention_that_fails_costs_one_trial() -> None:
    def broken(plan: Any) -> Any:
        raise AttributeError("the layer has never been called")

    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        wanted = (Trial("initialise", Intervention("Breaks.", broken)), Trial("relu-instead", RELU))
        assert trials.try_remedies(planner, {}, wanted) == ()
        assert "the layer has never been called" in planner.untried["initialise"]
        assert planner.needless == {"relu-instead"}


def test_after_an_interrupt_the_other_trials_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainSkill, "train", interrupted)
    diagnosis = examined(UNSCALED)
    assert diagnosis.settings["interrupted"]
    assert diagnosis.state == "sick"
    assert any(gap.what.startswith("trial of") and "interrupted" in gap.why for gap in diagnosis.coverage)


def test_a_trial_that_fails_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    real = TrainSkill.train

    def fails_for_scaling(self: Any, bench: Any, plan: Any) -> Any:
        if plan.changes == ("standardised inputs",):
            raise NotMeasured("Net has a custom train_step", "Pass its history.")
        return real(self, bench, plan)

    monkeypatch.setattr(TrainSkill, "train", fails_for_scaling)
    diagnosis = examined(UNSCALED)
    assert "lower-learning-rate" in {effect.remedy for effect in diagnosis.effects}
    assert next(gap.why for gap in diagnosis.coverage if gap.what == "trial of scale-inputs").endswith("train_step")


def test_a_repeated_plan_runs_the_same_trials(diagnosis: diagnose.Diagnosis) -> None:
    plan = {name: scale for name, scale in diagnosis.settings["plan"].items() if name != "trial of lower-learning-rate"}
    again = examined(UNSCALED, plan=plan)
    assert {e.remedy for e in again.effects} == {e.remedy for e in diagnosis.effects} - {"lower-learning-rate"}


def two_faults(scale: float = 3000.0, rate: float = 50.0, shift: float = 9000.0) -> Any:
    """Inputs of 3,000 and a rate of 50: neither repair is enough alone."""
    scene = Scene("", net(dense(16), SOFTMAX), optimizer=lambda: keras.optimizers.SGD(rate, momentum=0.9))
    model = scene.subject().model
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 6)).astype("float32")
    y = (x[:, 1] > 0).astype("int64") + (x[:, 2] > 0)
    x = scale * x + shift
    return subject_from(model, (x, y), (x[:90], y[:90]), options=LoadOptions(batch_size=8))


def test_faults_that_hide_each_other_are_found_together() -> None:
    with planning.planner_for(two_faults(), Settings(), silent) as planner:
        wanted = (telling("relu-instead", RELU), telling("scale-inputs", STANDARDISE_INPUTS))
        alone, *necessary = trials.try_remedies(planner, {}, wanted)
    assert (alone.remedy, alone.direction, alone.restores) == ("scale-inputs", "sufficient", False)
    assert {effect.remedy for effect in necessary} == {"scale-inputs", "lower-learning-rate"}
    for effect in necessary:
        assert effect.direction == "necessary" and effect.restores
        assert effect.before < 0.3 and effect.after > 0.7
    assert necessary[0].control == "the better learning rate"
    assert necessary[1].control == "standardised inputs" and necessary[1].values == {"lower_rate": "0.01"}
    assert "with standardised inputs, too, learning is restored" in necessary[0].message


def test_one_change_is_not_joined() -> None:
    scene = Scene("", net(dense(16), SOFTMAX), scale=3000.0, optimizer=lambda: keras.optimizers.SGD(0.01))
    with planning.planner_for(scene.subject(), Settings(), silent) as planner:
        own = plan_of(planner.bench, {})
        assert joined(own, [Trial("scale-inputs", STANDARDISE_INPUTS)]) is None  # the rate is the usual one
        assert joined(own, [Trial("relu-instead", RELU)]) is None


def slower(plan: Any) -> Any:
    return plan.changed("learning rate 1e-5", rates=(np.full(plan.steps, 1e-5),), rate_name="lower_rate")


ALONE = (
    Trial("scale-inputs", STANDARDISE_INPUTS, frozenset({"inputs-not-scaled"})),
    Trial("lower-learning-rate", Intervention("Lowers the rate.", slower), frozenset({"learning-rate-too-high"})),
)


def test_a_cure_is_tried_on_top_of_another_one() -> None:
    with planning.planner_for(two_faults(100.0, 0.05, shift=0.0), Settings(), lambda title: None) as planner:
        scaled, lowered, lowered_too, scaled_too = trials.try_remedies(planner, {}, ALONE)
        assert planner.executed[-1].name == "trial of lower-learning-rate on top of scale-inputs"
    assert scaled.restores and lowered.restores
    assert (lowered_too.remedy, lowered_too.on_top_of) == ("lower-learning-rate", ("scale-inputs",))
    assert (scaled_too.remedy, scaled_too.on_top_of) == ("scale-inputs", ("lower-learning-rate",))
    assert {lowered_too.direction, scaled_too.direction} == {"necessary"}
    assert (lowered_too.before, scaled_too.before) == (scaled.after, lowered.after)  # the same trainings
    assert lowered_too.after == scaled_too.after
    assert lowered_too.control == scaled.what


def test_ways_to_the_same_end_are_not_tried_on_top_of_each_other() -> None:
    same = tuple(Trial(trial.remedy, trial.intervention, frozenset({"one cause"})) for trial in ALONE)
    with planning.planner_for(UNSCALED.subject(), Settings(), lambda title: None) as planner:
        assert {effect.direction for effect in trials.try_remedies(planner, {}, same)} == {"sufficient"}
        own = plan_of(planner.bench, {})
        assert on_top(own, ALONE[1], ALONE[1]) is None
        both = on_top(own, *ALONE)
        assert both is not None and len(both.rates) == 2  # the user's own, and the lower one


def test_what_eases_several_causes_comes_last_and_hides_none(monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        combinations, "joined", lambda own, wanted: together.append(tuple(one.remedy for one in wanted))
    )
    eases, leaky = Trial("normalise-layers", NORMALISED), Trial("revive-units", LEAKY)
    scaled, relu = telling("scale-inputs", STANDARDISE_INPUTS), telling("relu-instead", RELU)  # the last does not apply
    for wanted, order in (((eases, scaled, leaky, relu), [scaled, eases, leaky]), ((eases, relu), [eases])):
        with planning.planner_for(UNSCALED.subject(), Settings(), lambda title: None) as planner:
            effects = trials.try_remedies(planner, {}, wanted)
        assert [effect.remedy for effect in effects] == [trial.remedy for trial in order]
    assert together == [("relu-instead",)]  # not in the first examination: there, scaling restores learning


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (0.1 * 0.5 ** np.arange(100), "raise-learning-rate"),  # nothing is left of it after a few steps
        (np.linspace(0.1, 0.0, 100), "lower-learning-rate"),
        (np.linspace(0.0, 0.1, 100), "lower-learning-rate"),
        (np.full(100, 0.001), "raise-learning-rate"),
    ],
)
def test_a_rate_is_lower_or_higher_than_a_schedule_on_the_whole(given: np.ndarray, remedy: str) -> None:
    with planning.planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        own = plan_of(planner.bench, {}).changed("a schedule", rates=(given,))
    assert set(Joint(own, {}, own, {}).members(0.01)) == {remedy}
    assert Joint(own, {}, own, {}).members(float(given[0])) == {}
