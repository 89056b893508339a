"""A headline quotes one clause of a finding."""

import pytest

from diagnose.reasoning.prescribing import _clause


@pytest.mark.parametrize(
    ("message", "clause"),
    [
        (
            "dev error is 7.2 % against 0 % on train: variance 7.2 points (95 % interval 4.8 to 9.7)",
            "dev error is 7.2 % against 0 % on train",
        ),
        (
            "on dev rows the net's error is 11 % (skill 0.88) and that of ridge 5.6 % (skill 0.94), 48 % less",
            "on dev rows the net's error is 11 % and that of ridge 5.6 %, 48 % less",
        ),
        (
            "with standardised inputs alone, learning is restored: train skill 0.97, and 0.00 without the change",
            "with standardised inputs alone, learning is restored",
        ),
    ],
)
def test_a_headline_takes_the_first_clause_that_says_something(message: str, clause: str) -> None:
    assert _clause(message) == clause
