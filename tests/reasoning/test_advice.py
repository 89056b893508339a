"""What a sound model is told, from measurements to headline and steps: only what has a ground."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from diagnose.checks import CHECKS
from diagnose.checks.process.still_improving import levelled_off
from diagnose.diagnosis import Effect, State
from diagnose.findings import Severity
from diagnose.measurements import Evaluation, Layer
from diagnose.reasoning.advising import steps
from diagnose.reasoning.causes import CAUSES
from diagnose.reasoning.engine import Seen, Suspicion, suspect
from diagnose.reasoning.prescribing import headline, remedies
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.reasoning.snippets import Values
from diagnose.reasoning.verdicts import Situation, situation, verdicts
from diagnose.subject import Task
from tests.checks.builders_training import (
    MISSING,
    baseline,
    decay,
    dense,
    evaluation,
    history,
    network,
    regression,
    run,
    score,
    split,
)

DROPOUT = (dense("dense"), Layer("dropout", "Dropout", dropout=0.5), dense("out"))
FLIP = (Layer("flip", "RandomFlip"), dense("dense"), dense("out"))


def told(*measured: Any) -> tuple[Situation, dict[str, str], list[DeclaredRemedy], str]:
    """Situation, verdicts by item, next steps and the headline of a model without a fault."""
    known = {type(one): one for one in measured}
    outcomes = tuple(check.run(known) for check in CHECKS)
    seen = Seen(outcomes)
    suspicions = suspect(outcomes)
    now = situation(suspicions, seen, images=True, measurements=known)
    lists = verdicts(now)
    answers = {verdict.item: verdict.verdict for items in lists.values() for verdict in items}
    taken = remedies(suspicions, steps(now, suspicions, lists), Values(), frozenset({Task.MULTICLASS, Task.REGRESSION}))
    return now, answers, [step.code for step in taken], headline(State.HEALTHY, suspicions, (), left=now.remaining)


def by_item(*measured: Any) -> dict[str, str]:
    return told(*measured)[1]


def next_steps(*measured: Any) -> Sequence[Any]:
    return told(*measured)[2]


def said(*measured: Any) -> str:
    return told(*measured)[3]


def test_a_perfect_net_is_left_alone() -> None:
    perfect = evaluation(score(0.0), score(0.002))
    assert next_steps(perfect, network()) == []
    assert set(by_item(perfect, network()).values()) <= {"dont-yet", "unknown"}
    assert by_item(perfect, network())["bigger-network"] == "dont-yet"
    assert said(perfect, network()) == (
        "No fault found. The dev error is 0.2 % and the train error 0 %: no overfitting was measured."
    )


def test_a_remedy_that_would_change_nothing_is_not_advised() -> None:
    cause = next(cause for cause in CAUSES if cause.code == "bad-initialization")
    suspicion = Suspicion(cause, 1.0, Severity.ERROR, "suspected", ())

    def advised(**known: Any) -> list[str]:
        return [one.code for one in remedies((suspicion,), (), Values(), frozenset({Task.MULTICLASS}), **known)]

    assert "initialise" in advised()
    assert "initialise" in advised(untried={"initialise": "the time budget is used up"})
    assert advised(needless={"initialise"}) == [code for code in advised() if code != "initialise"]


def test_what_alone_restored_learning_is_advised_also_where_another_cause_explains_it() -> None:
    scale, rate = (
        next(cause for cause in CAUSES if cause.code == code)
        for code in ("inputs-not-scaled", "learning-rate-too-high")
    )
    suspicions = (
        Suspicion(scale, 1.0, Severity.ERROR, "confirmed", ()),
        Suspicion(rate, 1.0, Severity.ERROR, "confirmed", (), explained_by=scale.code),
    )

    def advised(*effects: Effect) -> list[str]:
        return [one.code for one in remedies(suspicions, (), Values(), frozenset({Task.MULTICLASS}), effects)]

    tried = Effect("", "a lower rate", 0.0, 0.98, None, "sufficient", 3, remedy="lower-learning-rate", restores=True)
    assert "lower-learning-rate" not in advised()
    assert advised(tried) == [*advised(), "lower-learning-rate"]


@pytest.mark.parametrize("bound", [(), (baseline(0.27, 0.26),)])
def test_a_net_at_the_noise_level_is_told_neither_more_data_nor_a_bigger_net(bound: tuple[Any, ...]) -> None:
    measured = (evaluation(score(0.25), score(0.26)), network(), *bound)
    told_items = by_item(*measured)
    assert told_items["bigger-network"] == "unknown" and "do" not in told_items.values()
    assert next_steps(*measured) == ["estimate-target-error"]
    assert "no overfitting was measured; whether it can be avoided is unknown without --target-error" in said(*measured)


def test_a_small_variance_beside_an_unknown_bias_is_not_a_reason_for_more_data() -> None:
    measured = (evaluation(score(0.10, rows=5000), score(0.127, rows=5000)), network())
    told_items = by_item(*measured)
    assert {told_items[item] for item in ("more-data", "regularize", "augmentation", "bigger-network")} == {"unknown"}
    assert next_steps(*measured) == ["estimate-target-error"]
    assert said(*measured) == (
        "No fault found. Of the 12.7 % dev error, 2.7 points are overfitting; whether the rest can be avoided is"
        " unknown without --target-error."
    )


def test_regression_at_the_noise_level_is_told_no_more_data() -> None:
    measured = (evaluation(regression(0.65, rows=4000), regression(0.61, rows=4000)), network(Task.REGRESSION))
    assert by_item(*measured)["more-data"] in ("unknown", "dont-yet")
    assert not {"more-data", "bigger-network"} & set(next_steps(*measured))
    assert said(*measured).startswith(
        "No fault found. Of the squared dev error (RMSE 6.24), 10 % is overfitting; whether"
    )


def test_a_gap_that_is_barely_beyond_chance_is_not_a_reason_to_regularise() -> None:
    levels = evaluation(regression(0.81, rows=400), regression(0.72, rows=100))
    now, told_items, offered, _ = told(levels, network(Task.REGRESSION))
    assert now.variance is not None
    assert {told_items["more-data"], told_items["regularize"]} == {"unknown"}
    assert offered == ["estimate-target-error"]


def test_an_overfitted_net_gets_cheap_steps_first_and_its_size_in_the_headline() -> None:
    measured = (evaluation(score(0.016), score(0.205)), network())
    offered = next_steps(*measured)
    assert offered[0] == "augmentation" and offered[-1] == "more-data"
    assert "estimate-target-error" not in offered
    assert said(*measured) == "No fault found. Of the 20.5 % dev error, 18.9 points are overfitting."


def test_a_train_dev_set_separates_overfitting_from_mismatch() -> None:
    levels = evaluation(score(0.02), score(0.20), train_dev=score(0.14))
    assert said(levels, network()) == (
        "No fault found. Of the 20.0 % dev error, 12.0 points are overfitting and 6.0 points are data mismatch."
    )


def test_a_memorised_training_set_is_all_overfitting() -> None:
    memorised = (evaluation(score(0.0), score(0.24)), network())
    assert said(*memorised) == "No fault found. All of the 24.0 % dev error is overfitting."
    told_items = by_item(*memorised)
    assert told_items["train-longer"] == "dont-yet"
    assert told_items["regularize"] == told_items["regularization"] == "do"  # the lists agree
    exact = evaluation(regression(1.0), regression(0.7))
    assert said(exact, network()).startswith("No fault found. All of the squared dev error (RMSE 5.48) is overfitting")


def test_half_overfitting_half_unknown_gets_training_runs_but_not_weeks() -> None:
    measured = (evaluation(score(0.20, rows=9000), score(0.30, rows=9000)), network())
    told_items = by_item(*measured)
    assert (told_items["augmentation"], told_items["regularize"], told_items["more-data"]) == ("do", "do", "unknown")
    assert "more-data" not in next_steps(*measured)


def test_an_underfitted_net_gets_a_bigger_one_and_the_bound_is_at_least() -> None:
    measured = (evaluation(score(0.28), score(0.28)), network(), baseline(0.22, 0.28, se=0.01))
    now, told_items, offered, text = told(*measured)
    assert told_items["bigger-network"] == "do" and told_items["more-data"] == "dont-yet"
    assert offered[0] == "bigger-network"
    assert now.bias is not None and "avoidable bias at least 6.0 points" in now.bias.message
    assert text == "No fault found. Of the 28.0 % dev error, at least 6.0 points are avoidable bias."


@pytest.mark.parametrize(("layers", "step"), [(DROPOUT, "less-dropout"), (FLIP, "less-augmentation")])
def test_what_costs_train_error_is_weakened_before_the_net_grows(layers: tuple[Layer, ...], step: str) -> None:
    bound = baseline(0.22, 0.28, se=0.01)
    offered = next_steps(evaluation(score(0.28), score(0.28)), network(layers=layers), bound)
    assert offered[0] == step and "bigger-network" not in offered
    assert step not in next_steps(evaluation(score(0.28), score(0.28)), network(), bound)


def test_dropout_stays_where_it_closes_a_gap_or_nothing_is_left() -> None:
    for levels in (evaluation(score(0.016), score(0.205)), evaluation(score(0.001), score(0.002))):
        assert "less-dropout" not in next_steps(levels, network(layers=DROPOUT))
    assert next_steps(evaluation(score(0.28), score(0.28)), network(layers=DROPOUT))[0] == "less-dropout"


def test_a_light_penalty_is_not_worth_removing() -> None:
    levels = evaluation(score(0.28), score(0.28))
    assert "less-regularization" not in next_steps(levels, network(penalty=0.001))
    assert "less-regularization" in next_steps(levels, network(penalty=0.3))


def test_without_a_dev_set_the_step_is_to_hold_one_out() -> None:
    alone = evaluation(score(0.10))
    assert next_steps(alone, network())[0] == "hold-out-dev-set"
    assert {by_item(alone, network())[item] for item in ("more-data", "regularize", "augmentation")} == {"unknown"}
    assert said(alone, network()) == (
        "No fault found. The train error is 10.0 %; the error on new rows is unknown without a dev set."
    )
    trained_on = Evaluation(split("train", score(0.1)), split("dev", score(0.1), seen="yes"), MISSING, MISSING)
    assert next_steps(trained_on, network())[0] == "hold-out-dev-set"


def test_a_given_target_makes_bias_known() -> None:
    met = (evaluation(score(0.10), score(0.105)), network(target=0.10))
    assert by_item(*met)["bigger-network"] == "dont-yet" and next_steps(*met) == []
    assert "--target-error" not in said(*met)
    within = (evaluation(score(0.02), score(0.08)), network(target=0.10))
    assert "do" not in by_item(*within).values() and next_steps(*within) == []
    missed = (evaluation(score(0.10), score(0.105)), network(target=0.02))
    assert by_item(*missed)["bigger-network"] == "do"
    assert said(*missed) == "No fault found. Of the 10.5 % dev error, 8.0 points are avoidable bias."
    variance = (evaluation(score(0.10), score(0.16)), network(target=0.10))
    assert by_item(*variance)["more-data"] == "do"


def test_the_order_of_outputs_changes_nothing() -> None:
    fine, overfitted = ("fine", score(0.10), score(0.10)), ("poor", score(0.02), score(0.20))

    def of(*outputs: tuple[str, Any, Any]) -> Evaluation:
        named = [(replace(train, output=name), replace(dev, output=name)) for name, train, dev in outputs]
        train, dev = (split(name, *side) for name, side in zip(("train", "dev"), zip(*named, strict=True), strict=True))
        return Evaluation(train, dev, MISSING, MISSING)

    first, second = of(fine, overfitted), of(overfitted, fine)
    assert said(first, network()) == said(second, network())
    assert said(first, network()) == "No fault found. Of the 20.0 % dev error of poor, 18.0 points are overfitting."
    assert by_item(first, network()) == by_item(second, network())


def test_a_rise_after_the_best_epoch_makes_keeping_the_best_weights_the_first_step() -> None:
    errors = [0.5, 0.2, 0.15, 0.14, 0.16, 0.17, 0.18, 0.19, 0.2, 0.2]
    rising = history(run(decay(2, 0.1, 0.5, 10), dev_error=errors), origin="recorded")
    assert next_steps(evaluation(score(0.016), score(0.205)), network(), rising)[0] == "keep-best-weights"


def test_accuracy_of_numbers_is_said_to_mean_nothing() -> None:
    levels = evaluation(regression(0.6, metrics={"accuracy": 0.0}), regression(0.6))
    assert "fit-metric" in next_steps(levels)
    plain = evaluation(regression(0.6, metrics={"mae": 2.0}), regression(0.6))
    assert "fit-metric" not in next_steps(plain)


def test_classes_are_never_said_to_be_alike() -> None:
    """One at 55 % beside others at 80 % and more may be chance: then it is unknown which rows fail."""
    matrix = ((55.0, 45.0, 0.0), (20.0, 80.0, 0.0), (0.0, 10.0, 90.0))
    uneven = evaluation(score(0.2), score(0.25, classes=3, confusion=matrix, predicted=(0.25, 0.45, 0.3)))
    assert by_item(uneven, network())["more-diverse-data"] == "unknown"


# --- levelled off -------------------------------------------------------------------------------------------------


def test_the_loss_had_levelled_off_only_where_the_curve_says_so() -> None:
    flat = [1.0, 0.5, 0.3, 0.2, *[0.2] * 6]
    falling = decay(2.0, 0.1, 0.3, 10)
    assert "train loss had levelled off (0.0 % per epoch" in levelled_off(history(run(flat), origin="recorded"))
    assert levelled_off(history(run(falling), origin="recorded")) == ""
    assert levelled_off(history(run(flat))) == ""  # a replay that is shorter than the training shows nothing
    assert levelled_off(history(run(flat), whole=True)).startswith("In our replay of your whole training, the train")
    assert "dev loss" in levelled_off(history(run(falling, dev=[1.0, 0.8, *[0.7] * 8]), origin="recorded"))
    rising = [1.0, 0.5, 0.3, *[0.3 * 1.05**epoch for epoch in range(7)]]
    assert "train loss had stopped falling (+4.9 % per epoch" in levelled_off(history(run(rising), origin="recorded"))


def test_a_training_whose_end_is_unknown_may_still_improve() -> None:
    levels = evaluation(score(0.20), score(0.20))
    assert by_item(levels, network(), history(run([1.0, 0.5, 0.4])))["train-longer"] == "unknown"
    flat = history(run([1.0, 0.5, 0.3, 0.2, *[0.2] * 6]), origin="recorded")
    assert by_item(levels, network(), flat)["train-longer"] == "dont-yet"
