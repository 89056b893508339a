"""Both remedy lists in typical situations."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import FAST_AI, MACHINE_LEARNING_YEARNING, Effect, Remedy, State
from diagnose.findings import Finding, Interval, Severity
from diagnose.reasoning import prescribing
from diagnose.reasoning.advising import steps
from diagnose.reasoning.causes import CAUSES
from diagnose.reasoning.engine import Suspicion
from diagnose.reasoning.snippets import Values
from diagnose.reasoning.verdicts import WAYS, Situation, verdicts
from diagnose.subject import Task
from tests.checks.builders_training import score

NOTHING = Situation(
    repair=None,
    bias=None,
    bias_known=True,
    variance=None,
    variance_known=True,
    mismatch=None,
    weak_class=None,
    imbalance=None,
    improving=None,
    improving_known=True,
    structure=None,
    images=True,
)
TASKS = frozenset({Task.MULTICLASS})
VALUES = Values()
LARGE = Finding(Severity.WARNING, "a large gap", value=0.2, id="large-1")
SMALL = Finding(Severity.HINT, "a small gap", value=0.02, id="small-1")


def suspicion(code: str, severity: Severity = Severity.WARNING) -> Suspicion:
    cause = next(cause for cause in CAUSES if cause.code == code)
    return Suspicion(cause, 1.0, severity, "suspected", (LARGE,))


def offered_for(
    suspicions: Sequence[Suspicion],
    now: Situation,
    tasks: frozenset[Task] = TASKS,
    effects: Sequence[Effect] = (),
    values: Values = VALUES,
) -> list[Remedy]:
    return list(prescribing.remedies(suspicions, steps(now, suspicions, verdicts(now)), values, tasks, effects))


def answers(now: Situation) -> dict[str, str]:
    return {v.item: v.verdict for verdict_list in verdicts(now).values() for v in verdict_list}


def test_the_lists_are_in_their_authors_order() -> None:
    lists = verdicts(NOTHING)
    assert tuple(v.item for v in lists["machine_learning_yearning"]) == MACHINE_LEARNING_YEARNING
    assert tuple(v.item for v in lists["fast_ai"]) == FAST_AI


@pytest.mark.parametrize("smaller", [None, SMALL])
def test_under_dominant_bias_no_more_data_and_no_regularisation(smaller: Finding | None) -> None:
    told = answers(replace(NOTHING, bias=LARGE, variance=smaller))
    assert told["bigger-network"] == "do"
    assert {told[item] for item in ("more-data", "regularize", "augmentation", "smaller-network")} == {"dont-yet"}


def test_variance_asks_for_data_and_regularisation_and_never_for_a_bigger_net() -> None:
    told = answers(replace(NOTHING, bias=SMALL, variance=LARGE))
    assert {told[item] for item in ("more-data", "regularize", "augmentation")} == {"do"}
    assert {told[item] for item in ("bigger-network", "smaller-network", "reduce-complexity")} == {"dont-yet"}


def test_augmentation_of_other_data_than_images_is_unknown() -> None:
    assert answers(replace(NOTHING, variance=LARGE, images=False))["augmentation"] == "unknown"


def test_without_dev_variance_and_its_items_are_unknown() -> None:
    told = answers(replace(NOTHING, variance_known=False))
    assert {told[item] for item in ("more-data", "regularize", "augmentation")} == {"unknown"}


def test_a_sick_model_only_gets_its_repair() -> None:
    told = answers(replace(NOTHING, variance=LARGE, repair=suspicion("single-unit-softmax")))
    assert set(told.values()) == {"dont-yet"}


def test_an_item_that_is_the_repair_is_to_do() -> None:
    told = answers(replace(NOTHING, repair=suspicion("undertrained")))
    assert told.pop("train-longer") == "do"
    assert set(told.values()) == {"dont-yet"}


@pytest.mark.parametrize(("code", "answer"), [("learning-rate-too-low", "do"), ("single-unit-softmax", "dont-yet")])
def test_a_training_that_is_too_slow_may_go_on_for_longer(code: str, answer: str) -> None:
    slow = replace(NOTHING, improving=SMALL, repair=suspicion(code))
    told = answers(slow)
    assert told.pop("train-longer") == answer
    assert set(told.values()) == {"dont-yet"}
    behind = {verdict.item: verdict.measurements for verdict in verdicts(slow)["machine_learning_yearning"]}
    assert behind["train-longer"] == (SMALL.id if answer == "do" else LARGE.id,)


@pytest.mark.parametrize(("helps", "answer"), [(True, "do"), (False, "dont-yet"), (None, "dont-yet")])
def test_a_longer_training_that_was_tried_is_judged_by_what_it_brought(helps: bool | None, answer: str) -> None:
    longer = {"train-longer": on_dev("train-longer", 0.4, 0.3, helps)}
    slow = replace(NOTHING, improving=SMALL, repair=suspicion("learning-rate-too-low"), effects=longer)
    assert answers(slow)["train-longer"] == answer
    assert answers(replace(slow, repair=suspicion("single-unit-softmax")))["train-longer"] == "dont-yet"


def test_the_repair_of_the_root_comes_first() -> None:
    roots = (
        suspicion("learning-rate-too-high"),
        replace(suspicion("dead-units"), explained_by="learning-rate-too-high"),
    )
    now = replace(NOTHING, repair=roots[0])
    codes = [r.code for r in offered_for(roots, now)]
    assert codes[0] == "lower-learning-rate"
    assert "more-data" not in codes


def test_variance_is_never_treated_with_the_learning_rate() -> None:
    now = replace(NOTHING, variance=LARGE)
    offered = [r.code for r in offered_for((suspicion("high-variance"),), now)]
    assert offered[0] == "augmentation" and offered[-1] == "more-data"  # days come after a training run
    assert not {"lower-learning-rate", "raise-learning-rate", "bigger-network"} & set(offered)


def test_bias_is_never_treated_with_data() -> None:
    now = replace(NOTHING, bias=LARGE)
    offered = [r.code for r in offered_for((suspicion("high-bias"),), now)]
    assert offered[0] == "bigger-network"
    assert not {"more-data", "regularize", "augmentation"} & set(offered)


def test_a_payoff_needs_the_same_remedy_at_the_same_value() -> None:
    roots = (suspicion("learning-rate-too-high"), suspicion("bad-initialization"))
    effect = Effect(
        "learning-rate-too-high", "learning rate 0.03", 0.1, 0.9, Interval(0.7, 0.9), "sufficient", 3,
        remedy="lower-learning-rate", restores=True, steps=300, values={"lower_rate": "0.03"},
    )  # fmt: skip
    offered = offered_for(roots, replace(NOTHING, repair=roots[0]), effects=(effect,), values=Values(lower_rate="0.5"))
    payoffs = {remedy.code: remedy.payoff for remedy in offered}
    assert payoffs["lower-learning-rate"].how == "measured"
    assert {payoff.how for code, payoff in payoffs.items() if code != "lower-learning-rate"} == {"unknown"}
    tried = next(remedy for remedy in offered if remedy.code == "lower-learning-rate")
    assert "to 0.03 " in tried.action and "learning_rate=0.03" in tried.snippet
    span = tried.payoff.interval
    assert span is not None and (span.low, span.high) == (pytest.approx(0.8), 1.0)


def test_of_the_remedies_of_a_cause_the_one_that_restored_learning_comes_first() -> None:
    root = suspicion("learning-rate-too-low")
    untried = [remedy.code for remedy in offered_for((root,), replace(NOTHING, repair=root))]
    assert untried[:3] == ["raise-learning-rate", "warm-up", "default-optimizer"]
    effect = Effect(
        "", "Adam", 0.0, 0.7, Interval(0.6, 0.8), "sufficient", 3, remedy="default-optimizer", restores=True, steps=300
    )
    offered = offered_for((root,), replace(NOTHING, repair=root), effects=(effect,))
    assert [remedy.code for remedy in offered][:2] == ["default-optimizer", "raise-learning-rate"]


@pytest.mark.parametrize(("repaired", "first"), [(0.45, "train-longer"), (0.25, "raise-learning-rate")])
def test_of_the_cures_of_a_cause_the_one_that_lowers_the_dev_error_most_comes_first(
    repaired: float, first: str
) -> None:
    root = suspicion("learning-rate-too-low")
    cure = Effect("", "rate", 0.2, 0.9, None, "sufficient", 3, remedy="raise-learning-rate", restores=True, steps=300)
    copy, longer = on_dev("raise-learning-rate", 0.5, repaired, None), on_dev("train-longer", 0.5, 0.35, True)
    offered = offered_for((root,), replace(NOTHING, repair=root), effects=(cure, copy, longer))
    assert offered[0].code == first


@pytest.mark.parametrize("after", [0.46, 0.2])
def test_a_cure_of_the_first_cause_comes_first_if_its_dev_error_cannot_be_compared(after: float) -> None:
    """With scaled targets errors have another scale; a higher rate lowers the error of one output a little."""
    root, slow = suspicion("targets-not-scaled"), suspicion("learning-rate-too-low")
    known = {"direction": "sufficient", "seeds": 3, "restores": True, "steps": 300, "interval": None, "code": ""}
    scaled = Effect(what="targets", before=0.0, after=0.6, remedy="scale-targets", **known)  # type: ignore[arg-type]
    raised = Effect(what="rate", before=0.7, after=0.9, remedy="raise-learning-rate", **known)  # type: ignore[arg-type]
    effects = (scaled, raised, on_dev("raise-learning-rate", 0.49, after, None))
    offered = offered_for((root, replace(slow, explained_by=root.code)), replace(NOTHING, repair=root), effects=effects)
    assert [remedy.code for remedy in offered][:2] == ["scale-targets", "raise-learning-rate"]


@pytest.mark.parametrize(
    ("task", "expected"), [(Task.MULTICLASS, "softmax-cross-entropy"), (Task.BINARY, "sigmoid-head")]
)
def test_a_remedy_for_another_task_is_not_offered(task: Task, expected: str) -> None:
    root = suspicion("single-unit-softmax", Severity.ERROR)
    offered = offered_for((root,), replace(NOTHING, repair=root), frozenset({task}))
    assert [remedy.code for remedy in offered] == [expected]


def on_dev(remedy: str, before: float, after: float, helps: bool | None, forecast: bool = False) -> Effect:
    change = Interval(after - before - 0.01, after - before + 0.01)
    return Effect(
        "", remedy, before, after, change, "sufficient", 3,
        remedy=remedy, metric="dev error", helps=helps, forecast=forecast, steps=400,
    )  # fmt: skip


def after_trials(*effects: Effect) -> Situation:
    return replace(NOTHING, bias=SMALL, variance=LARGE, effects={effect.remedy: effect for effect in effects})


def test_what_lowers_the_dev_error_is_to_do_whatever_the_rules_expect() -> None:
    now = after_trials(on_dev("smaller-network", 0.2, 0.1, True))
    told = {verdict.item: verdict for verdict in verdicts(now)["machine_learning_yearning"]}
    smaller = told["smaller-network"]
    assert (smaller.verdict, "Tried: with" in smaller.because) == ("do", True)
    assert smaller.payoff is not None and (smaller.payoff.before, smaller.payoff.after) == (0.2, 0.1)
    assert smaller.payoff.interval == Interval(pytest.approx(0.09), pytest.approx(0.11))  # type: ignore[arg-type]


def test_an_idea_is_not_advised_once_all_ways_to_it_have_failed() -> None:
    decay, dropout = on_dev("regularize", 0.2, 0.2, False), on_dev("dropout", 0.2, 0.21, False)
    assert answers(after_trials(decay))["regularize"] == "unknown"  # dropout may help
    assert answers(after_trials(decay, dropout))["regularize"] == "dont-yet"
    assert answers(after_trials(decay, on_dev("dropout", 0.2, 0.15, True)))["regularize"] == "do"
    assert answers(after_trials(decay, on_dev("dropout", 0.2, 0.2, None)))["regularize"] == "unknown"


def test_clear_gains_come_first_even_if_they_take_days() -> None:
    suspicions = [suspicion("high-variance", Severity.HINT)]
    now = after_trials(
        on_dev("regularize", 0.2, 0.19, None),
        on_dev("dropout", 0.2, 0.15, True),
        on_dev("more-data", 0.2, 0.1, True, True),
    )
    offered = offered_for(suspicions, now, effects=list(now.effects.values()))
    assert [remedy.code for remedy in offered][:2] == ["dropout", "more-data"]
    assert [remedy.payoff.how for remedy in offered][:2] == ["measured", "estimated"]
    assert "regularize" not in {remedy.code for remedy in offered}  # dropout is the better way to the same idea


@pytest.mark.parametrize(("longer", "first"), [(0.106, "dropout"), (0.104, "train-longer")])
def test_of_nearly_equal_gains_the_cheapest_comes_first(longer: float, first: str) -> None:
    now = after_trials(on_dev("train-longer", 0.2, longer, True), on_dev("dropout", 0.2, 0.11, True))
    offered = offered_for([suspicion("high-variance", Severity.HINT)], now, effects=list(now.effects.values()))
    assert [remedy.code for remedy in offered][:2] == [first, *({"dropout", "train-longer"} - {first})]


@pytest.mark.parametrize(("more", "first"), [(0.11, "regularize"), (0.06, "more-data")])
def test_what_takes_days_comes_first_if_it_brings_more_than_twice_as_much(more: float, first: str) -> None:
    now = after_trials(on_dev("regularize", 0.2, 0.15, True), on_dev("more-data", 0.2, more, True, True))
    offered = offered_for([suspicion("high-variance", Severity.HINT)], now, effects=list(now.effects.values()))
    assert offered[0].code == first
    unsure = [replace(effect, helps=None) for effect in now.effects.values()]
    offered = offered_for([suspicion("high-variance", Severity.HINT)], after_trials(*unsure), effects=unsure)
    assert next(remedy.code for remedy in offered if remedy.code in ("regularize", "more-data")) == first


@pytest.mark.parametrize(("chance", "first"), [(0.96, "dropout"), (0.9, "deeper-network")])
def test_of_likely_gains_the_largest_comes_first(chance: float, first: str) -> None:
    likely = replace(on_dev("dropout", 0.2, 0.1, None), chance=chance)
    tried = [likely, on_dev("deeper-network", 0.2, 0.15, True)]
    offered = offered_for([], replace(NOTHING, effects={effect.remedy: effect for effect in tried}), effects=tried)
    assert offered[0].code == first


def test_where_no_gain_is_sure_the_most_promising_change_is_advised() -> None:
    tried = [on_dev("dropout", 0.2, 0.19, None), on_dev("deeper-network", 0.2, 0.18, None)]
    now = replace(NOTHING, effects={effect.remedy: effect for effect in tried})
    assert [remedy.code for remedy in offered_for([], now, effects=tried)] == ["deeper-network"]
    assert (answers(now)["bigger-network"], answers(now)["regularize"]) == ("unknown", "dont-yet")
    failed = [replace(effect, after=0.21) for effect in tried]
    assert offered_for([], replace(now, effects={effect.remedy: effect for effect in failed}), effects=failed) == []
    surely = [*tried, on_dev("dropout", 0.2, 0.15, True)]
    codes = [one.code for one in offered_for([], replace(now, effects={e.remedy: e for e in surely}), effects=surely)]
    assert codes == ["dropout"]


def test_every_item_says_what_it_costs() -> None:
    ways = {way.cost for every in WAYS.values() for way in every}
    for items in verdicts(NOTHING).values():
        assert all(verdict.cost in ways and verdict.cost for verdict in items)


def effect_on_dev(**changes: Any) -> Effect:
    known = {"what": "more steps", "before": 0.156, "after": 0.123, "interval": Interval(-0.05, -0.01), "helps": True}
    return Effect(**{"code": "", "direction": "sufficient", "seeds": 3, "metric": "dev error", **known, **changes})


def test_the_headline_of_a_sound_model_says_what_the_next_step_brings() -> None:
    left = Remaining(score(0.15), score(0.156), None)

    def told(effect: Effect | None) -> str:
        return prescribing.headline(State.HEALTHY, (), (), left=left, next_step=effect)

    assert "; whether it can be avoided is unknown" in told(None)
    assert told(effect_on_dev()) == (
        "No fault found. The dev error is 15.6 % and the train error 15.0 %: no overfitting was measured; the next step"
        " lowers the dev error to 12.3 %."
    )
    assert "; in trainings of 300 steps the next step lowers the dev error from 15.6 % to 12.3 %." in told(
        effect_on_dev(steps=300)
    )
    assert told(effect_on_dev(helps=None)) == told(effect_on_dev(forecast=True)) == told(None)


def test_a_loss_of_ones_own_is_not_called_an_error() -> None:
    train, dev = (
        replace(
            score(0.1),
            task=Task.OWN_LOSS,
            error=loss,
            error_interval=Interval(loss - 0.01, loss + 0.01),
            constant_loss=0.5,
        )
        for loss in (0.013, 0.145)
    )
    said = prescribing.where_the_error_is(Remaining(train, dev, None))
    assert said.startswith("Of the dev loss 0.145, 91 % is overfitting")
