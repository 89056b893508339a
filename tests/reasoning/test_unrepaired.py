"""What is tried, said and advised where the repairs of the first cause bring nothing on new rows."""

from dataclasses import replace

import pytest

from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Effect
from diagnose.findings import Severity
from diagnose.measurements import Repaired
from diagnose.reasoning.advising import may_go_on, may_go_on_anyway, options, steps
from diagnose.reasoning.engine import Seen
from diagnose.reasoning.once_repaired import once_repaired
from diagnose.reasoning.verdicts import Situation, situation, verdicts
from tests.checks.builders_training import evaluation, score
from tests.reasoning.test_verdicts import LARGE, NOTHING, answers, offered_for, on_dev, suspicion

SLOW = suspicion("learning-rate-too-low")
RATE = SLOW.cause.remedies[0].code


def on_train(remedy: str, restores: bool | None) -> Effect:
    return Effect("", remedy, 0.2, 0.6, None, "sufficient", 3, remedy=remedy, restores=restores, steps=300)


def on_top(remedy: str, restores: bool | None) -> Effect:
    return replace(on_train(remedy, restores), on_top_of=("scale-inputs",))


def sick(*effects: Effect, code: str = "learning-rate-too-low") -> Situation:
    now = situation((suspicion(code),), Seen(()), images=True, measurements={}, effects=effects)
    return replace(now, variance=LARGE, remaining=Remaining(score(0.1), score(0.4), None))


@pytest.mark.parametrize(
    ("effects", "unrepaired"),
    [
        ((), False),  # nothing was tried
        ((on_train(RATE, True),), False),  # a cure, whatever it does on dev
        ((on_train(RATE, None),), False),  # open
        ((on_train(RATE, False),), True),
        ((on_train(RATE, True), on_dev(RATE, 0.4, 0.2, True)), False),
        ((on_train(RATE, True), on_dev(RATE, 0.4, 0.45, None)), True),
        ((on_train(RATE, True), on_dev(RATE, 0.4, 0.39, True)), True),  # by a fortieth
        ((on_train(RATE, True), replace(on_dev(RATE, 0.4, 0.3, None), seeds=1)), False),  # one training is too few
        ((on_train(RATE, False), replace(on_dev(RATE, 0.4, 0.3, None), seeds=1)), True),
        ((on_train(RATE, True), replace(on_dev(RATE, 0.4, 0.39, None), seeds=1)), True),
        ((on_train(RATE, False), on_top(RATE, True)), False),  # two faults
        ((on_train(RATE, False), on_top(RATE, None)), True),
        ((on_train(RATE, False), on_top(RATE, True), on_dev(RATE, 0.4, 0.4, None)), False),  # alone it is not enough
        ((on_train(RATE, False), on_dev("train-longer", 0.4, 0.2, True)), False),  # another of its remedies
    ],
)
def test_a_repair_counts_by_what_it_brings_on_new_rows(effects: tuple[Effect, ...], unrepaired: bool) -> None:
    now = sick(*effects)
    assert now.unrepaired is unrepaired
    assert bool(options(now, ())) is unrepaired


def test_a_baseline_that_does_better_has_no_repair_of_its_own() -> None:
    assert sick(code="beaten-by-baseline").unrepaired
    assert not sick(code="single-unit-softmax").unrepaired
    assert not NOTHING.unrepaired


def test_the_larger_part_of_the_error_comes_first_and_no_repair_is_tried_again() -> None:
    first, second = options(sick(on_train(RATE, False)), ())
    assert "dropout" in {remedy.code for remedy in first} and "deeper-network" in {remedy.code for remedy in second}
    assert RATE not in {remedy.code for remedy in (*first, *second)}


def test_where_variance_is_larger_a_longer_training_is_tried_last() -> None:
    overfitted = replace(NOTHING, variance=LARGE, remaining=Remaining(score(0.1), score(0.4), None))
    assert overfitted.variance_dominates and not may_go_on(overfitted) and may_go_on_anyway(overfitted)
    assert not may_go_on_anyway(sick()) and not may_go_on_anyway(NOTHING)


def test_a_hint_says_what_to_try_first() -> None:
    left = Remaining(score(0.1), score(0.4), None)
    now = replace(NOTHING, variance=LARGE, remaining=left, standing=frozenset({"dropout"}))
    hint = suspicion("dropout-too-high", Severity.HINT)
    assert options(now, [hint])[0][0].code == "less-dropout" != options(now, [])[0][0].code
    assert options(now, [replace(hint, state="refuted")]) == options(now, [])


def test_what_was_seen_to_help_is_to_do_and_comes_first() -> None:
    failed = replace(on_train(RATE, False), after=0.2)
    now = sick(failed, on_dev("deeper-network", 0.4, 0.2, True), on_dev("dropout", 0.4, 0.38, None))
    told = {verdict.item: verdict for verdict in verdicts(now)["machine_learning_yearning"]}
    assert told["bigger-network"].verdict == "do" and "No repair of cause 1" in told["bigger-network"].because
    assert "seen to lower it comes first" in told["regularize"].because
    assert {code for code, answer in answers(now).items() if answer == "do"} == {"bigger-network"}
    offered = offered_for([SLOW], now, effects=[*now.effects.values(), *now.repairs.values()])
    codes = [remedy.code for remedy in offered]
    assert (codes[0], codes[-1]) == ("deeper-network", RATE)  # what failed comes last


def test_another_cause_waits_for_the_first_one_that_no_trial_can_repair() -> None:
    fed, lag = suspicion("inconsistent-preprocessing"), suspicion("moving-statistics-lag")
    refreshed = on_dev("refresh-statistics", 0.4, 0.35, True)
    codes = [one.code for one in offered_for([fed, lag], sick(code=fed.code), effects=[refreshed])]
    assert codes[0] in {remedy.code for remedy in fed.cause.remedies} and "refresh-statistics" in codes
    assert offered_for([lag, fed], sick(code=lag.code), effects=[refreshed])[0].code == "refresh-statistics"
    residue = suspicion("beaten-by-baseline")
    offered = offered_for([residue, lag], sick(refreshed, code=residue.code), effects=[refreshed])
    assert offered[0].code == "refresh-statistics"


@pytest.mark.parametrize(("after", "first"), [(0.6, RATE), (0.25, "warm-up")])
def test_a_repair_that_gains_without_being_sure_has_not_failed(after: float, first: str) -> None:
    tried = replace(on_train(RATE, False), after=after)
    others = [remedy.code for remedy in SLOW.cause.remedies if remedy.code not in (RATE, "warm-up")]
    effects = [tried, *(replace(on_train(code, False), after=0.2) for code in others)]
    assert offered_for([SLOW], sick(*effects), effects=effects)[0].code == first


def test_what_a_cure_does_on_new_rows_is_its_payoff() -> None:
    cure, copy = on_train(RATE, True), on_dev(RATE, 0.4, 0.45, None)
    now = sick(cure, copy)
    payoffs = {remedy.code: remedy.payoff for remedy in offered_for([SLOW], now, effects=[copy, cure])}
    assert payoffs[RATE].after == 0.45 and payoffs[RATE].how == "measured"


@pytest.mark.parametrize(("after", "known"), [(0.2, True), (0.45, False)])
def test_what_is_left_after_a_repair_is_told_only_if_it_repairs(after: float, known: bool) -> None:
    now = sick(on_train(RATE, True), on_dev(RATE, 0.4, after, after < 0.4))
    copy = Repaired("learning rate 0.01", 400, evaluation(score(0.1), score(after)))
    left = once_repaired((), (), now, {Repaired: copy})
    assert (left is not None) is known


@pytest.mark.parametrize(("cycle", "first"), [(0.195, RATE), (0.15, "warm-up")])
def test_of_cures_that_leave_as_much_the_one_that_only_removes_the_cause_comes_first(cycle: float, first: str) -> None:
    effects = [
        *(on_train(code, True) for code in (RATE, "warm-up")),
        on_dev(RATE, 0.4, 0.2, True),
        on_dev("warm-up", 0.4, cycle, True),
    ]
    assert offered_for([SLOW], sick(*effects), effects=effects)[0].code == first


def test_what_helps_beside_a_repair_that_helps_waits() -> None:
    now = sick(on_dev(RATE, 0.4, 0.2, True), on_dev("deeper-network", 0.4, 0.3, True))
    assert answers(now)["bigger-network"] == "dont-yet"
    assert steps(now, [SLOW], verdicts(now)) == ()


def test_the_first_step_is_to_do_in_the_lists() -> None:
    """Statistics that lag catch up in a longer training."""
    lag, longer = suspicion("moving-statistics-lag"), on_dev("train-longer", 0.4, 0.0, True)
    now = sick(longer, code=lag.code)
    assert offered_for([lag], now, effects=[longer])[0].code == "train-longer"
    assert {code for code, answer in answers(now).items() if answer == "do"} == {"train-longer"}


@pytest.mark.parametrize(("helps", "answer"), [(True, "do"), (None, "dont-yet")])
def test_an_item_that_the_repair_carries_out_is_to_do_once_it_was_seen_to_help(helps: bool | None, answer: str) -> None:
    """A first hidden layer is a bigger network."""
    now = sick(on_dev("add-hidden-layer", 0.4, 0.2, helps), code="missing-nonlinearity")
    told = {verdict.item: verdict for verdict in verdicts(now)["machine_learning_yearning"]}
    assert told["bigger-network"].verdict == answer
    assert told["bigger-network"].because.startswith("This fixes cause 1" if helps else "Fix cause 1 first")
    assert suspicion("missing-nonlinearity", Severity.WARNING).cause.idea != "bigger-network"
