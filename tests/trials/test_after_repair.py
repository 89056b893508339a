"""What improves a model once its first cause is repaired: trials and the learning curve on top of the repair."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import diagnose
from diagnose import trying
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import Evaluation, Modes, ModeScores, Repaired
from diagnose.measuring.planning import Planner, planner_for
from diagnose.reasoning.once_repaired import after_repair
from diagnose.reasoning.verdicts import verdicts
from diagnose.settings import Effort, Settings
from diagnose.stages import silent
from diagnose.trials import planning as trials
from diagnose.trials import rows_curve
from diagnose.trials.combinations import Combinations
from diagnose.trials.interventions.data import STANDARDISE_INPUTS
from diagnose.trials.interventions.layers import LEAKY
from diagnose.trials.interventions.optimizer import MORE_STEPS
from diagnose.trials.joining import AFTER, Trial
from diagnose.trials.paired import plan_of
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan
from diagnose.trials.rounds import LUCK
from diagnose.trials.running import RATE_CHOSEN
from diagnose.trials.train_skill import TrainSkill
from tests.checks.builders_training import evaluation, score
from tests.reasoning.test_unrepaired import RATE, on_dev, on_train, sick
from tests.reasoning.test_verdicts import LARGE, NOTHING
from tests.trials.models import SOFTMAX, Scene, dense, net
from tests.trials.test_repaired import examined

UNSCALED = Scene("scale-inputs", net(dense(16), SOFTMAX), scale=3000.0)
SCALE = Trial("scale-inputs", STANDARDISE_INPUTS)


@pytest.fixture
def planner() -> Iterator[Planner]:
    with planner_for(UNSCALED.subject(), Settings(effort=Effort.DEEP), silent) as made:
        yield made


@pytest.fixture
def on_top(planner: Planner) -> Combinations:
    return Combinations(planner, {}, plan_of(planner.bench, {}), 1.0, TrainSkill(), below=SCALE)


def test_both_arms_have_the_repair_and_only_one_has_the_change(planner: Planner, on_top: Combinations) -> None:
    pair = on_top._pair(Trial("leaky", LEAKY, when=AFTER))
    assert not isinstance(pair, DoesNotApply)
    own = plan_of(planner.bench, {})
    scaled = STANDARDISE_INPUTS.change(own)
    assert isinstance(scaled, TrainingPlan)
    assert [one.plan.changes[: len(scaled.changes)] for one in pair] == [scaled.changes] * 2
    assert len(pair[1].plan.changes) == len(scaled.changes) + 1
    for one in (*pair, pair[1].first_seed, pair[0].other_seeds):  # what travels to another process makes the same plan
        again = one.change(own)
        assert isinstance(again, TrainingPlan)
        assert (again.changes, again.seeds) == (one.plan.changes, one.plan.seeds)


def test_a_change_of_the_rate_is_not_tried_on_top_of_another() -> None:
    with planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        own = plan_of(planner.bench, {})
        slower = Intervention("Slower.", lambda plan: plan.changed("half the rate", rates=(plan.rates[0] / 2,)))
        below = Combinations(planner, {}, own, 1.0, TrainSkill(), below=Trial("lower-learning-rate", slower))
        again = Trial("warm-up", replace(slower, about="Slower still."))
        assert below._pair(again) is RATE_CHOSEN
        assert not isinstance(below._pair(Trial("leaky", LEAKY)), DoesNotApply)
        alone = Combinations(planner, {}, own, 1.0, TrainSkill())
        assert not isinstance(alone._pair(again), DoesNotApply)


def test_more_steps_at_the_rates_of_the_repair_are_no_other_rate() -> None:
    with planner_for(UNSCALED.subject(), Settings(), silent) as planner:
        own = plan_of(planner.bench, {}, 4)
        falling = Intervention("Falls.", lambda plan: plan.changed("falls", rates=(np.linspace(0.4, 0.1, plan.steps),)))
        below = Combinations(planner, {}, own, 1.0, TrainSkill(), below=Trial("warm-up", falling))
        pair = below._pair(Trial("train-longer", MORE_STEPS))
        assert not isinstance(pair, DoesNotApply)
        longer = pair[1].plan
        assert longer.steps == len(longer.rates[0]) == 8
        np.testing.assert_allclose(longer.rates[0], [0.4, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1])


def test_the_effect_says_what_it_is_on_top_of_and_the_model_as_it_is_stays_untried(planner: Planner) -> None:
    none = Intervention("Never.", lambda plan: DoesNotApply("there is none", needless=True))
    wanted = [Trial("leaky", LEAKY, when=AFTER), Trial("another", none, when=AFTER)]
    (effect,) = trials.try_remedies(planner, {}, wanted, below=SCALE)
    assert (effect.remedy, effect.on_top_of, effect.direction) == ("leaky", ("scale-inputs",), "necessary")
    assert effect.control == SCALE.intervention.change(plan_of(planner.bench, {})).what  # type: ignore[union-attr]
    assert effect.control not in effect.what
    assert effect.before > 0.5  # with scaled inputs
    assert not planner.untried and not planner.needless
    assert [run.name for run in planner.executed] == ["trial of leaky after the repair"]


def changes_of(*effects: Effect) -> dict[str, object]:
    """The verdicts on a sick model whose repair is known, with effects on top of it."""
    cure = on_train(RATE, True), on_dev(RATE, 0.4, 0.2, True)
    fixed = replace(NOTHING, variance=LARGE, effects={one.remedy: one for one in effects})
    lists = after_repair(verdicts(sick(*cure)), fixed)
    return {verdict.item: verdict for verdict in lists["machine_learning_yearning"]}


def test_the_verdict_after_the_repair_rests_on_its_trials() -> None:
    told = changes_of(
        replace(on_dev("dropout", 0.2, 0.15, True), control="learning rate 0.01"),
        on_dev("bigger-network", 0.2, 0.1, True),
    )
    regularise, bigger, shape = (told[item] for item in ("regularize", "bigger-network", "change-architecture"))
    assert (regularise.verdict, regularise.after_repair) == ("dont-yet", "do")  # type: ignore[attr-defined]
    because = "Fix cause 1 first. After the repair, with dropout the dev error falls from 20 % to 15 %."
    assert regularise.because == because  # type: ignore[attr-defined]
    assert regularise.payoff.after == 0.15 and "against learning rate 0.01" in regularise.payoff.metric  # type: ignore[attr-defined]
    assert "Dropout" in regularise.snippet  # type: ignore[attr-defined]
    assert bigger.after_repair == "do"  # type: ignore[attr-defined]  # what was measured overrules that variance is larger
    assert shape.because.startswith("Fix cause 1 first: ") and shape.payoff.how == "unknown"  # type: ignore[attr-defined]


def test_a_payoff_for_the_model_as_it_is_stays() -> None:
    longer = on_dev("train-longer", 0.4, 0.3, True)
    now = verdicts(sick(on_train(RATE, True), on_dev(RATE, 0.4, 0.2, True), longer))
    fixed = replace(NOTHING, effects={"train-longer": on_dev("train-longer", 0.2, 0.19, None)})
    told = {one.item: one for one in after_repair(now, fixed)["machine_learning_yearning"]}["train-longer"]
    assert told.payoff is not None and told.payoff.after == 0.3
    assert "This fixes cause 1" in told.because and "After the repair, with" in told.because


WEAK = replace(on_train(RATE, False), before=0.3, after=0.45)


@pytest.mark.parametrize(
    ("tried", "shown", "has_copy"),
    [
        (on_train(RATE, True), None, True),
        (WEAK, on_dev(RATE, 0.4, 0.2, True), True),
        (replace(WEAK, restores=None), on_dev(RATE, 0.4, 0.2, True), True),  # it learned well without
        (WEAK, on_dev(RATE, 0.4, 0.39, None), False),
        (replace(WEAK, after=0.35), on_dev(RATE, 0.4, 0.2, True), False),  # not compared: it learns no better
    ],
)
def test_a_repair_gets_a_copy_if_it_restores_learning_or_lowers_the_dev_error(
    planner: Planner, monkeypatch: pytest.MonkeyPatch, tried: Effect, shown: Effect | None, has_copy: bool
) -> None:
    compared: list[str] = []

    def cures(_: Planner, __: object, ___: object, again: dict[Trial, Effect], ____: object) -> tuple[Effect, ...]:
        compared.extend(trial.remedy for trial in again)
        return (shown,) if shown is not None and again else ()

    monkeypatch.setattr(trying, "situation_so_far", lambda *_: sick(tried))
    monkeypatch.setattr(trying, "try_cures", cures)
    monkeypatch.setattr(
        trying, "measure_repaired", lambda *_: Repaired("a rate", 300, evaluation(score(0.1), score(0.2)))
    )
    monkeypatch.setattr(trying, "on_new_rows", lambda *_: None)
    measured: dict[type, object] = {}
    trial = Trial(RATE, LEAKY, frozenset({"learning-rate-too-low"}))
    _, cure = trying.tried_repairs(planner, measured, [trial], (tried,), ())
    assert (cure is not None) is has_copy is (Repaired in measured)
    assert compared == ([] if tried.after == 0.35 else [RATE])


def test_no_copy_has_the_repair_of_another_cause_where_that_of_the_first_needs_no_training(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshed = on_dev("refresh-statistics", 0.4, 0.2, True)
    monkeypatch.setattr(trying, "situation_so_far", lambda *_: sick(refreshed, code="moving-statistics-lag"))
    monkeypatch.setattr(trying, "try_cures", lambda *_: ())
    monkeypatch.setattr(trying, "on_new_rows", lambda *_: None)
    copied: list[str] = []

    def measured_copy(_: Planner, __: object, trial: Trial, ___: Effect) -> Repaired:
        copied.append(trial.remedy)
        return Repaired("a change", 300, evaluation(score(0.1), score(0.2)))

    monkeypatch.setattr(trying, "measure_repaired", measured_copy)
    higher = Trial("raise-learning-rate", LEAKY, frozenset({"learning-rate-too-low"}))
    quicker = Trial("lower-momentum", LEAKY, frozenset({"moving-statistics-lag"}))
    for trials_of, effects in (
        ([higher], (refreshed, on_train("raise-learning-rate", True))),
        ([higher, quicker], (refreshed, on_train("raise-learning-rate", True), on_train("lower-momentum", True))),
    ):
        trying.tried_repairs(planner, {}, trials_of, effects, ())
    assert copied == ["lower-momentum"]


def test_a_repair_that_needs_no_training_leaves_what_its_instrument_scored(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshed = on_dev("refresh-statistics", 0.4, 0.0, True)
    monkeypatch.setattr(trying, "situation_so_far", lambda *_: sick(refreshed, code="moving-statistics-lag"))
    monkeypatch.setattr(trying, "try_cures", lambda *_: ())
    monkeypatch.setattr(trying, "measure_repaired", lambda *_: pytest.fail("nothing is left to train"))
    gain = Interval(0.3, 0.5)
    train, dev = (
        ModeScores(name, 50, (score(0.4),), (score(0.0),), (score(left),), (gain,), (gain,))
        for name, left in (("train", 0.01), ("dev", 0.0))
    )
    known: dict[type, object] = {
        Modes: Modes((), train, dev, 32, 10, 100, 0.4),
        Evaluation: evaluation(score(0.4), score(0.4)),
    }
    quicker = Trial("lower-momentum", LEAKY, frozenset({"moving-statistics-lag"}))
    for effects in ((refreshed,), (refreshed, on_train("lower-momentum", True))):
        known.pop(Repaired, None)
        _, cure = trying.tried_repairs(planner, known, [quicker], effects, ())
        copy = known[Repaired]
        assert isinstance(copy, Repaired) and copy.steps == 0
        errors = [split.scores[0].error for split in (copy.evaluation.train, copy.evaluation.dev)]  # type: ignore[union-attr]
        assert errors == [0.01, 0.0] and copy.evaluation.dev.rows == 50  # type: ignore[union-attr]
        assert (cure is not None) is (len(effects) == 2)  # what trials on top of the repair have, instead


@pytest.mark.parametrize(
    ("helps", "code", "has_copy"),
    [
        (True, "moving-statistics-lag", True),
        (False, "moving-statistics-lag", False),
        (True, "single-unit-softmax", False),
    ],
)
def test_a_longer_training_is_a_repair_where_the_first_cause_has_it(
    planner: Planner, monkeypatch: pytest.MonkeyPatch, helps: bool, code: str, has_copy: bool
) -> None:
    longer = on_dev("train-longer", 0.4, 0.2 if helps else 0.39, helps)
    monkeypatch.setattr(trying, "situation_so_far", lambda *_: sick(longer, code=code))
    asked: list[Trial] = []
    copy = Repaired("2 times the steps", 600, evaluation(score(0.1), score(0.2)))

    def measured_copy(_: Planner, __: object, trial: Trial, ___: Effect) -> Repaired:
        asked.append(trial)
        return copy

    monkeypatch.setattr(trying, "measure_repaired", measured_copy)
    measured: dict[type, object] = {}
    cure = trying.longer_repair(planner, measured, (), (longer,))
    assert (cure is not None) is has_copy is (measured.get(Repaired) is copy)
    assert [trial.intervention for trial in asked] == [MORE_STEPS] * has_copy
    at_once = Repaired("new statistics", 0, evaluation(score(0.1), score(0.1)))
    known: dict[type, object] = {Repaired: at_once}
    trying.longer_repair(planner, known, (), (longer,))
    assert known == {Repaired: at_once} and len(asked) == has_copy


@pytest.mark.slow
def test_a_deep_examination_tells_what_is_left_to_gain_after_the_repair() -> None:
    found = examined(effort="deep")
    after = [effect for effect in found.effects if effect.after_repair]
    assert {effect.on_top_of for effect in after} == {("lower-learning-rate",)}
    assert {"dropout", "regularize", "more-data", "train-longer"} <= {effect.remedy for effect in after}
    titles = set(found.settings["plan"])
    assert {"trial of dropout after the repair", f"{rows_curve.TITLE} {AFTER}", f"{LUCK} {AFTER}"} <= titles
    lists = {verdict.item: verdict for verdict in found.verdicts["machine_learning_yearning"]}
    tried = lists["regularize"]
    assert "Fix cause 1 first. After the repair, with " in tried.because and tried.payoff is not None
    assert tried.payoff.how == "measured" and "against learning rate" in tried.payoff.metric
    more = lists["more-data"].payoff
    assert more is not None and more.how == "estimated" and "against learning rate" in more.metric
    assert not any("against learning rate" in remedy.payoff.metric for remedy in found.remedies)
    assert not any(figure.evidence.title.startswith("Learning curve") for figure in found.figures)
    assert isinstance(found, diagnose.Diagnosis)
