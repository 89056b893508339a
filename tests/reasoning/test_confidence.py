"""The confidence of a cause is a probability that follows what the reasoning knows of it."""

import math

import pytest

from diagnose.findings import Severity
from diagnose.reasoning.causes import Role
from diagnose.reasoning.confidence import WEIGHTS, confidence, traits

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


def test_every_trait_has_a_weight() -> None:
    assert traits(Role.FACT, ERROR, "confirmed", first=True, root=True).keys() == WEIGHTS.keys()


def test_the_first_cause_is_more_likely_than_what_it_explains() -> None:
    first = confidence(Role.SUSPECT, ERROR, "suspected", first=True, root=True)
    other = confidence(Role.SYMPTOM, ERROR, "suspected", first=False, root=False)
    confirmed = confidence(Role.SUSPECT, ERROR, "confirmed", first=True, root=True)
    assert first is not None and other is not None and confirmed is not None
    assert 0 < other < 0.5 < first < confirmed < 1


def test_it_is_the_logistic_function_of_the_weights() -> None:
    given = confidence(Role.FACT, WARNING, "suspected", first=True, root=True)
    total = WEIGHTS["always"] + WEIGHTS["first"] + WEIGHTS["fact"]
    assert given == pytest.approx(1 / (1 + math.exp(-total)), abs=0.005)


@pytest.mark.parametrize(("severity", "state"), [(HINT, "suspected"), (ERROR, "refuted")])
def test_hints_and_refuted_causes_have_none(severity: Severity, state: str) -> None:
    assert confidence(Role.FACT, severity, state, first=False, root=True) is None  # type: ignore[arg-type]
