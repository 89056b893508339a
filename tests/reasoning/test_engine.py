"""The engine on hand-made causes and findings: what is suspected, capped, explained and ranked."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from diagnose.checks.generalisation.behind_baseline import behind_baseline
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.diagnosis import Effect, State
from diagnose.findings import Examined, Finding, Interval, Outcome, Severity, Where
from diagnose.measurements import Evaluation
from diagnose.reasoning.causes import GATE, DeclaredCause, Role
from diagnose.reasoning.engine import Seen, Suspicion, confirmable, gate, state_of, suspect, worth_trying
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.registry import Check, check
from diagnose.trials.interventions.layers import NO_PENALTIES

DOES_NOT_LEARN = GATE[0]


def made(code: str) -> Check:
    @check("Made for a test", family="network")
    def nothing(evaluation: Evaluation) -> Iterator[Finding]:
        yield from ()

    return replace(nothing, code=code)


CONTRACT, SCALE, RATE, DEAD, SPEED, BASELINE = (made(c) for c in ("contract", "scale", "rate", "dead", "speed", "base"))


def declared(code: str, supported_by: dict[Check, float], role: Role = Role.SUSPECT, **more: object) -> DeclaredCause:
    """A cause whose only remedy has the code "cure of CODE", and confirms it."""
    cure = DeclaredRemedy(f"cure of {code}", "Cure it", "It helps.", "", "one line", trial=NO_PENALTIES)
    more = {"confirmed_by": (cure,)} | more
    return DeclaredCause(code, code, "It is so.", role, supported_by, (cure,), **more)  # type: ignore[arg-type]


def tried(code: str, restores: bool, before: float = 0.0) -> Effect:
    """The effect of the remedy of a cause that `declared` made."""
    after = 0.9 if restores else before
    return Effect("", code, before, after, None, "sufficient", 3, remedy=f"cure of {code}", restores=restores)


CAUSES = (
    declared("fact", {CONTRACT: 3.0}, Role.FACT),
    declared("scale", {SCALE: 2.0}, explains=("rate", "dead")),
    declared("rate", {RATE: 2.0}, explains=("dead",)),
    declared("dead", {DEAD: 2.0}, Role.SYMPTOM),
    declared("slow", {SPEED: 2.0}, family="speed", cleared_by={RATE: 0.5}),
    declared("lazy", {SPEED: 1.0}, family="speed"),
    declared("residue", {BASELINE: 1.0}, Role.RESIDUE),
    declared("unexplained", {DOES_NOT_LEARN: 1.0}, Role.RESIDUE),
)


def outcome(check: Check, *severities: Severity) -> Outcome:
    findings = tuple(
        Finding(s, "it is so", code=check.code, check=check.code, id=f"{check.code}-{n}")
        for n, s in enumerate(severities)
    )
    return Examined(check.code, findings)


SICK = outcome(DOES_NOT_LEARN, Severity.ERROR)


def found(*outcomes: Outcome, effects: tuple[Effect, ...] = ()) -> dict[str, Suspicion]:
    return {s.code: s for s in suspect(outcomes, CAUSES, effects=effects)}


def order(*outcomes: Outcome, effects: tuple[Effect, ...] = ()) -> list[str]:
    return [s.code for s in suspect(outcomes, CAUSES, effects=effects)]


def test_a_signal_is_a_hint_in_a_model_that_is_not_sick() -> None:
    assert found(outcome(SCALE, Severity.ERROR))["scale"].severity is Severity.HINT


def test_the_same_signal_names_the_cause_in_a_sick_model() -> None:
    suspicions = found(outcome(SCALE, Severity.ERROR), SICK)
    assert suspicions["scale"].severity is Severity.ERROR
    assert f"{DOES_NOT_LEARN.code}-0" in suspicions["scale"].also_explains
    assert "unexplained" not in suspicions


def test_a_fact_needs_no_gate_and_comes_first() -> None:
    outcomes = (outcome(SCALE, Severity.ERROR), outcome(CONTRACT, Severity.ERROR), SICK)
    assert order(*outcomes)[0] == "fact"
    assert found(outcome(CONTRACT, Severity.ERROR))["fact"].severity is Severity.ERROR


def test_a_symptom_is_explained_by_its_cause() -> None:
    suspicions = found(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK)
    assert suspicions["dead"].explained_by == "rate"
    assert order(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK) == ["rate", "dead"]


@pytest.mark.parametrize(("dead", "root"), [(Severity.WARNING, "flat"), (Severity.ERROR, "dead")])
def test_of_two_that_bring_about_each_other_the_stronger_one_is_the_root(dead: Severity, root: str) -> None:
    causes = (
        declared("dead", {DEAD: 2.0}, Role.SYMPTOM, explains=("flat",)),
        declared("flat", {SPEED: 2.0}, Role.SYMPTOM, explains=("dead",)),
    )
    suspicions = suspect((outcome(DEAD, dead), outcome(SPEED, Severity.ERROR), SICK), causes)
    assert [s.code for s in suspicions if s.explained_by is None] == [root]


def test_a_hint_explains_no_error() -> None:
    assert found(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.HINT), SICK)["dead"].explained_by is None


def test_one_cause_of_a_family_wins() -> None:
    suspicions = found(outcome(SPEED, Severity.ERROR), SICK)
    assert suspicions["slow"].explained_by is None
    assert suspicions["lazy"].explained_by == "slow"


def test_a_cleared_cause_scores_lower() -> None:
    with_rate_clean = found(outcome(SPEED, Severity.ERROR), outcome(RATE), SICK)["slow"].score
    assert with_rate_clean == found(outcome(SPEED, Severity.ERROR), SICK)["slow"].score - 0.5


def test_a_whole_training_that_diverges_says_more_of_the_rate_than_short_ones_that_do_not() -> None:
    behind, rises = outcome(behind_baseline, Severity.ERROR), outcome(divergence, Severity.WARNING)
    ranked = suspect((behind, rises, outcome(learning_rate_too_high)))
    assert ranked[0].code == "learning-rate-too-high" and ranked[0].state == "suspected"
    assert "learning-rate-too-high" not in {one.code for one in suspect((behind, outcome(learning_rate_too_high)))}


def test_a_trial_confirms_and_outranks_a_rule() -> None:
    outcomes = (outcome(SCALE, Severity.WARNING), outcome(SPEED, Severity.WARNING), SICK)
    effects = (tried("slow", restores=True, before=0.3),)
    assert order(*outcomes)[0] == "scale"
    assert found(*outcomes, effects=effects)["slow"].state == "confirmed"
    assert order(*outcomes, effects=effects)[0] == "slow"


def test_a_trial_that_restores_learning_makes_a_suspicion_by_itself() -> None:
    suspicions = found(SICK, effects=(tried("rate", restores=True),))
    assert (suspicions["rate"].state, suspicions["rate"].severity) == ("confirmed", Severity.ERROR)
    assert suspicions["rate"].support == ()
    half = found(SICK, effects=(tried("rate", restores=True, before=0.4),))
    assert half["rate"].severity is Severity.WARNING


def test_a_trial_of_a_remedy_for_several_causes_makes_no_suspicion() -> None:
    cure = CAUSES[0].confirmed_by
    causes = (*CAUSES, declared("twin", {RATE: 2.0}, confirmed_by=cure))
    effects = (tried("fact", restores=True),)
    assert not {"fact", "twin"} & {s.code for s in suspect((SICK,), causes, effects=effects)}
    told = {s.code: s for s in suspect((SICK, outcome(CONTRACT, Severity.ERROR)), causes, effects=effects)}
    assert told["fact"].state == "confirmed"
    assert "twin" not in told


def test_a_trial_without_effect_is_inconclusive_and_explains_nothing_that_was_confirmed() -> None:
    outcomes = (outcome(SCALE, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK)
    effects = (tried("scale", restores=False), tried("rate", restores=True))
    suspicions = found(*outcomes, effects=effects)
    assert suspicions["scale"].state == "inconclusive"
    assert suspicions["rate"].explained_by is None
    assert order(*outcomes, effects=effects)[0] == "rate"


def test_an_inconclusive_cause_explains_nothing_confirmed_through_another_suspect() -> None:
    between = declared("between", {DEAD: 2.0}, explains=("rate",))
    causes = (declared("scale", {SCALE: 2.0}, explains=("between",)), between, *CAUSES[2:])
    outcomes = (outcome(SCALE, Severity.ERROR), outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK)
    effects = (tried("scale", restores=False), tried("rate", restores=True))
    found = {s.code: s for s in suspect(outcomes, causes, effects=effects)}
    assert found["between"].explained_by == "scale"
    assert found["rate"].explained_by is None


def test_in_a_model_that_passes_the_gate_only_facts_are_tried() -> None:
    for outcomes in ((outcome(SCALE, Severity.ERROR),), (outcome(GATE[1], Severity.HINT),)):
        assert worth_trying(suspect(outcomes, CAUSES), Seen(outcomes), CAUSES) == ()
    outcomes = (outcome(CONTRACT, Severity.WARNING), outcome(SCALE, Severity.ERROR))
    wanted = worth_trying(suspect(outcomes, CAUSES), Seen(outcomes), CAUSES)
    assert [remedy.code for remedy in wanted] == ["cure of fact"]


def test_in_a_sick_model_the_remedies_of_suspects_are_tried_first() -> None:
    outcomes = (outcome(RATE, Severity.ERROR), SICK)
    wanted = [remedy.code for remedy in worth_trying(suspect(outcomes, CAUSES), Seen(outcomes), CAUSES)]
    assert wanted[0] == "cure of rate"
    assert sorted(wanted) == sorted(f"cure of {cause.code}" for cause in CAUSES)


def test_residue_is_named_only_without_another_cause() -> None:
    assert order(outcome(BASELINE, Severity.WARNING)) == ["residue"]
    outcomes = (outcome(BASELINE, Severity.WARNING), outcome(CONTRACT, Severity.WARNING))
    assert found(*outcomes)["residue"].explained_by == "fact"


def test_sick_without_a_suspect_is_unexplained() -> None:
    suspicions = found(SICK)
    assert list(suspicions) == ["unexplained"]
    assert suspicions["unexplained"].severity is Severity.ERROR


def test_every_warning_belongs_to_a_cause() -> None:
    stray = outcome(made("stray"), Severity.WARNING)
    assert [f.id for f in found(stray)["unexplained"].support] == ["stray-0"]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ((), State.UNKNOWN),
        ((outcome(DOES_NOT_LEARN), outcome(CONTRACT)), State.HEALTHY),
        ((outcome(DOES_NOT_LEARN), outcome(SCALE, Severity.ERROR)), State.HEALTHY),
        ((outcome(DOES_NOT_LEARN), outcome(CONTRACT, Severity.WARNING)), State.ATTENTION),
        ((outcome(CONTRACT, Severity.ERROR),), State.SICK),
        ((SICK,), State.SICK),
    ],
)
def test_state(outcomes: tuple[Outcome, ...], state: State) -> None:
    assert state_of(suspect(outcomes, CAUSES), Seen(outcomes), (DOES_NOT_LEARN,)) is state


def test_the_gate_is_a_hint_if_nothing_was_found() -> None:
    assert gate(Seen(())) is Severity.HINT


# --- refuted causes ------------------------------------------------------------------------------------------


COUNTER = made("counter")
REFUTABLE = (
    declared("fact", {CONTRACT: 3.0}, Role.FACT, refuted_by=(COUNTER,), explains=("rate",)),
    *(cause for cause in CAUSES if cause.code != "fact"),
)


def test_a_measurement_refutes_a_fact() -> None:
    outcomes = (SICK, outcome(CONTRACT, Severity.ERROR), outcome(COUNTER, Severity.INFO), outcome(RATE, Severity.ERROR))
    ranked = suspect(outcomes, REFUTABLE)
    assert [(s.code, s.state) for s in ranked if s.code in ("rate", "fact")] == [
        ("rate", "suspected"),
        ("fact", "refuted"),
    ]
    refuted = ranked[-1]
    assert (refuted.code, refuted.severity) == ("fact", Severity.HINT)
    assert refuted.against[0].code == "counter"
    assert all(suspicion.explained_by != "fact" for suspicion in ranked)


def test_a_refuted_cause_makes_no_model_sick() -> None:
    outcomes = (outcome(CONTRACT, Severity.ERROR), outcome(COUNTER, Severity.INFO))
    assert state_of(suspect(outcomes, REFUTABLE), Seen(outcomes), (CONTRACT,)) is State.HEALTHY
    assert suspect((outcomes[0], outcome(COUNTER)), REFUTABLE)[0].state == "suspected"


def test_a_measurement_of_one_output_refutes_nothing_about_another() -> None:
    def of(check: Check, output: str, severity: Severity) -> Examined:
        return Examined(check.code, (Finding(severity, "it is so", Where(output=output), check=check.code, id=output),))

    accused = of(CONTRACT, "fare", Severity.ERROR)
    assert suspect((accused, of(COUNTER, "late", Severity.INFO)), REFUTABLE)[0].state == "suspected"
    assert suspect((accused, of(COUNTER, "fare", Severity.INFO)), REFUTABLE)[-1].state == "refuted"


def test_a_remedy_that_helps_many_models_confirms_a_cause_only_where_a_finding_supports_it() -> None:
    scale = CAUSES[1]
    borne_out = replace(scale, confirmed_by=(), borne_out_by=scale.confirmed_by)
    causes = (borne_out, *(cause for cause in CAUSES if cause is not scale))
    helped = (tried("scale", restores=True),)
    supported = suspect((SICK, outcome(SCALE, Severity.HINT)), causes, effects=helped)
    assert (supported[0].code, supported[0].state) == ("scale", "confirmed")
    assert "scale" not in {s.code for s in suspect((SICK,), causes, effects=helped)}
    assert confirmable(scale.remedies[0], supported, causes) == {"scale"}
    assert confirmable(scale.remedies[0], suspect((SICK,), causes), causes) == frozenset()


# --- one repair on top of another ----------------------------------------------------------------------------


def on_top(code: str, below: str, before: float, after: float) -> Effect:
    """The effect of the remedy of a cause, with that of another cause in both trainings."""
    gain = after - before
    effect = replace(tried(code, gain > 0.1), before=before, after=after, interval=Interval(gain - 0.02, gain + 0.02))
    return replace(effect, direction="necessary", on_top_of=(f"cure of {below}",))


BOTH = (SICK, outcome(SCALE, Severity.ERROR), outcome(RATE, Severity.ERROR))
EITHER = (SICK, outcome(SCALE, Severity.ERROR), outcome(SPEED, Severity.ERROR))


def test_what_still_gains_on_top_of_another_repair_is_a_fault_of_its_own() -> None:
    alone = (tried("scale", restores=True), tried("rate", restores=True))
    assert found(*BOTH, effects=alone)["rate"].explained_by == "scale"
    both = (on_top("rate", "scale", 0.4, 0.9), on_top("scale", "rate", 0.9, 0.9))
    suspicions = suspect(BOTH, CAUSES, effects=(*alone, *both))
    assert [(s.code, s.explained_by) for s in suspicions[:2]] == [("rate", None), ("scale", None)]  # what is needed
    assert all(not suspicion.alternatives for suspicion in suspicions)


def test_faults_that_both_gain_on_top_of_each_other_are_two() -> None:
    alone = (tried("scale", restores=True), tried("rate", restores=True))
    both = (on_top("rate", "scale", 0.4, 0.9), on_top("scale", "rate", 0.5, 0.9))
    suspicions = suspect(BOTH, CAUSES, effects=(*alone, *both))
    assert {s.code for s in suspicions if s.explained_by is None and s.state == "confirmed"} == {"scale", "rate"}
    assert all(not suspicion.alternatives for suspicion in suspicions)


def test_two_repairs_of_which_either_is_enough_are_alternatives() -> None:
    alone = (tried("scale", restores=True), tried("slow", restores=True))
    both = (on_top("slow", "scale", 0.9, 0.9), on_top("scale", "slow", 0.9, 0.9))
    suspicions = found(*EITHER, effects=(*alone, *both))
    assert suspicions["scale"].alternatives == ("slow",) and suspicions["slow"].alternatives == ("scale",)
    assert not found(*EITHER, effects=alone)["scale"].alternatives  # unknown without the trial of both


def test_a_repair_that_brings_nothing_in_either_direction_refutes_its_cause() -> None:
    failed = replace(tried("scale", restores=False), interval=Interval(-0.01, 0.02))
    cure, nothing = tried("slow", restores=True), on_top("scale", "slow", 0.9, 0.9)
    suspicion = suspect(EITHER, CAUSES, effects=(failed, cure, nothing))[-1]
    assert (suspicion.code, suspicion.state) == ("scale", "refuted")
    assert [one in suspicion.against for one in (failed, nothing)] == [True, True]
    for effects in ((failed, cure), (replace(failed, interval=Interval(-0.1, 0.2)), cure, nothing)):
        assert found(*EITHER, effects=effects)["scale"].state == "inconclusive"  # one direction; or it may matter


def test_a_trial_with_nothing_to_restore_says_nothing_about_a_cause() -> None:
    nothing = replace(tried("scale", restores=False, before=0.99), restores=None)
    assert found(*BOTH, effects=(nothing,))["scale"].state == "suspected"
    assert found(*BOTH, effects=(nothing,))["scale"].score == found(*BOTH)["scale"].score


def test_trials_refute_no_fact() -> None:
    failed = replace(tried("fact", restores=False), interval=Interval(-0.01, 0.02))
    effects = (failed, tried("slow", restores=True), on_top("fact", "slow", 0.9, 0.9))
    outcomes = (SICK, outcome(CONTRACT, Severity.ERROR), outcome(SPEED, Severity.ERROR))
    assert found(*outcomes, effects=effects)["fact"].state == "inconclusive"
