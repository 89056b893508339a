"""Moving statistics are excluded before anything else is accused, and hide no fault that they do not explain."""

from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.network.activation_spread import activation_spread
from diagnose.checks.network.moving_statistics import moving_statistics
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.checks.numerics.numeric_precision import numeric_precision
from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.diagnosis import Effect
from diagnose.findings import Examined, Finding, Severity
from diagnose.reasoning.engine import Suspicion, suspect
from diagnose.registry import Check

ERROR, HINT = Severity.ERROR, Severity.HINT


def found(*pairs: tuple[Check, Severity], effects: tuple[Effect, ...] = ()) -> dict[str, Suspicion]:
    outcomes = [
        Examined(check.code, (Finding(severity, "it is so", code=check.code, check=check.code, id=f"{check.code}-1"),))
        for check, severity in pairs
    ]
    return {suspicion.code: suspicion for suspicion in suspect(outcomes, effects=effects)}


def refreshed(restores: bool) -> Effect:
    after = 0.95 if restores else 0.3
    return Effect("", "new", 0.1, after, None, "sufficient", 1, remedy="refresh-statistics", restores=restores)


def test_lag_explains_what_the_scores_of_the_loaded_weights_accuse() -> None:
    accused = ((does_not_learn, ERROR), (activation_spread, ERROR), (learning_rate_too_high, ERROR))
    suspicions = found((moving_statistics, ERROR), *accused, effects=(refreshed(True),))
    assert next(iter(suspicions)) == "moving-statistics-lag"
    assert suspicions["moving-statistics-lag"].state == "confirmed"
    for code in ("bad-initialization", "learning-rate-too-high"):
        assert suspicions[code].explained_by == "moving-statistics-lag"


def test_a_lag_that_is_not_the_whole_fault_hides_no_other_cause() -> None:
    suspicions = found(
        (moving_statistics, HINT), (does_not_learn, ERROR), (learning_rate_too_high, ERROR), effects=(refreshed(False),)
    )
    assert next(iter(suspicions)) == "learning-rate-too-high"
    assert suspicions["learning-rate-too-high"].explained_by is None


def test_precision_explains_weights_that_are_not_finite() -> None:
    suspicions = found((non_finite_weights, ERROR), (numeric_precision, ERROR), (does_not_learn, ERROR))
    assert next(iter(suspicions)) == "numeric-precision"
    assert suspicions["non-finite-weights"].explained_by == "numeric-precision"
