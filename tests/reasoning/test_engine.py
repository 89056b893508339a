"""The engine on hand-made causes and findings: what is suspected, capped, explained and ranked."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from diagnose.diagnosis import State
from diagnose.findings import Examined, Finding, Outcome, Severity, Where
from diagnose.measurements import Evaluation
from diagnose.reasoning.causes import GATE, TRIAL, DeclaredCause, Role
from diagnose.reasoning.engine import Seen, Suspicion, gate, state_of, suspect
from diagnose.reasoning.remedies import DEFAULT_OPTIMIZER
from diagnose.registry import Check, check

DOES_NOT_LEARN = GATE[0]


def made(code: str) -> Check:
    @check("Made for a test", family="network")
    def nothing(evaluation: Evaluation) -> Iterator[Finding]:
        yield from ()

    return replace(nothing, code=code)


CONTRACT, SCALE, RATE, DEAD, SPEED, BASELINE = (made(c) for c in ("contract", "scale", "rate", "dead", "speed", "base"))


def declared(code: str, supported_by: dict[Check, float], role: Role = Role.SUSPECT, **more: object) -> DeclaredCause:
    return DeclaredCause(code, code, "It is so.", role, supported_by, (DEFAULT_OPTIMIZER,), **more)  # type: ignore[arg-type]


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


def outcome(check: Check, *severities: Severity, about: str | None = None) -> Outcome:
    findings = tuple(
        Finding(s, "it is so", where=Where(feature=about), code=check.code, check=check.code, id=f"{check.code}-{n}")
        for n, s in enumerate(severities)
    )
    return Examined(check.code, findings)


SICK = outcome(DOES_NOT_LEARN, Severity.ERROR)


def found(*outcomes: Outcome) -> dict[str, Suspicion]:
    return {s.code: s for s in suspect(outcomes, CAUSES)}


def order(*outcomes: Outcome) -> list[str]:
    return [s.code for s in suspect(outcomes, CAUSES)]


def test_a_signal_is_a_hint_in_a_model_that_is_not_sick() -> None:
    assert found(outcome(SCALE, Severity.ERROR))["scale"].severity is Severity.HINT


def test_the_same_signal_names_the_cause_in_a_sick_one() -> None:
    suspicions = found(outcome(SCALE, Severity.ERROR), SICK)
    assert suspicions["scale"].severity is Severity.ERROR
    assert f"{DOES_NOT_LEARN.code}-0" in suspicions["scale"].also_explains
    assert "unexplained" not in suspicions


def test_a_fact_needs_no_gate_and_comes_first() -> None:
    outcomes = (outcome(SCALE, Severity.ERROR), outcome(CONTRACT, Severity.ERROR), SICK)
    assert order(*outcomes)[0] == "fact"
    assert found(outcome(CONTRACT, Severity.ERROR))["fact"].severity is Severity.ERROR


def test_a_symptom_goes_to_what_brings_it_about() -> None:
    suspicions = found(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK)
    assert suspicions["dead"].explained_by == "rate"
    assert order(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.ERROR), SICK) == ["rate", "dead"]


def test_a_hint_explains_no_error() -> None:
    assert found(outcome(DEAD, Severity.ERROR), outcome(RATE, Severity.HINT), SICK)["dead"].explained_by is None


def test_of_a_family_one_wins() -> None:
    suspicions = found(outcome(SPEED, Severity.ERROR), SICK)
    assert suspicions["slow"].explained_by is None
    assert suspicions["lazy"].explained_by == "slow"


def test_what_was_cleared_weighs_less() -> None:
    with_rate_clean = found(outcome(SPEED, Severity.ERROR), outcome(RATE), SICK)["slow"].score
    assert with_rate_clean == found(outcome(SPEED, Severity.ERROR), SICK)["slow"].score - 0.5


def test_an_experiment_confirms_and_outranks_a_rule() -> None:
    outcomes = (
        outcome(SCALE, Severity.WARNING),
        outcome(SPEED, Severity.WARNING),
        outcome(TRIAL, Severity.WARNING, about="slow"),
        SICK,
    )
    assert found(*outcomes)["slow"].state == "confirmed"
    assert order(*outcomes)[0] == "slow"


def test_an_experiment_without_effect_is_inconclusive_and_explains_nothing_that_was_confirmed() -> None:
    outcomes = (
        outcome(SCALE, Severity.ERROR),
        outcome(RATE, Severity.ERROR),
        Examined(
            TRIAL.code,
            (
                *outcome(TRIAL, Severity.INFO, about="scale").findings,  # type: ignore[union-attr]
                *outcome(TRIAL, Severity.ERROR, about="rate").findings,  # type: ignore[union-attr]
            ),
        ),
        SICK,
    )
    suspicions = found(*outcomes)
    assert suspicions["scale"].state == "inconclusive"
    assert suspicions["rate"].explained_by is None
    assert order(*outcomes)[0] == "rate"


def test_nor_does_it_by_way_of_another_suspect() -> None:
    between = declared("between", {DEAD: 2.0}, explains=("rate",))
    causes = (declared("scale", {SCALE: 2.0}, explains=("between",)), between, *CAUSES[2:])
    outcomes = (
        outcome(SCALE, Severity.ERROR),
        outcome(DEAD, Severity.ERROR),
        outcome(RATE, Severity.ERROR),
        Examined(
            TRIAL.code,
            (
                *outcome(TRIAL, Severity.INFO, about="scale").findings,  # type: ignore[union-attr]
                *outcome(TRIAL, Severity.ERROR, about="rate").findings,  # type: ignore[union-attr]
            ),
        ),
        SICK,
    )
    found = {s.code: s for s in suspect(outcomes, causes)}
    assert found["between"].explained_by == "scale"
    assert found["rate"].explained_by is None


def test_residue_remains_only_where_nothing_else_does() -> None:
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


def test_the_gate_is_a_hint_where_nothing_was_found() -> None:
    assert gate(Seen(())) is Severity.HINT
