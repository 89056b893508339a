"""The probability that a named cause is right.

A logistic regression on what the reasoning knows of a cause, fitted on models with planted faults whose causes are
known (`benchmarks.quality.calibration`, the tuning half; docs/accuracy.md has its reliability on the other half).
"""

import math
from typing import Literal

from diagnose.findings import Severity
from diagnose.reasoning.causes import Role

State = Literal["suspected", "confirmed", "refuted", "inconclusive"]

WEIGHTS: dict[str, float] = {
    "always": -2.24,
    "first": 3.46,
    "another root": 0.16,
    "fact": 1.49,
    "confirmed": 0.84,
    "not confirmed by its trial": 0.99,
    "error": -0.22,
}


def traits(role: Role, severity: Severity, state: State, *, first: bool, root: bool) -> dict[str, bool]:
    """What the probability depends on.

    Args:
        role, severity, state: of the cause.
        first: whether it is the first one.
        root: whether no other cause brings it about.
    """
    return {
        "always": True,
        "first": first,
        "another root": root and not first,
        "fact": role is Role.FACT,
        "confirmed": state == "confirmed",
        "not confirmed by its trial": state == "inconclusive",
        "error": severity is Severity.ERROR,
    }


def confidence(role: Role, severity: Severity, state: State, *, first: bool, root: bool) -> float | None:
    """The probability (0 to 1) that a disease is a right cause; None for hints and for what is refuted.

    See `traits` for the arguments.
    """
    if severity.rank < Severity.WARNING.rank or state == "refuted":
        return None
    known = traits(role, severity, state, first=first, root=root)
    return round(1 / (1 + math.exp(-sum(WEIGHTS[name] for name, present in known.items() if present))), 2)
