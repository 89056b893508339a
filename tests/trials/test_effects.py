"""What two arms of a trial come to: gain, interval, and whether it is a cure."""

import pytest

from diagnose.trials.effects import effect, paired_interval
from diagnose.trials.paired import Arm


def compared(before: tuple[float, ...], after: tuple[float, ...]) -> bool | None:
    arms = Arm(before, 0.1), Arm(after, 0.1)
    return effect("widen", "wider", arms, control="", steps=300, values={}).restores


def test_a_clear_gain_restores_learning() -> None:
    assert compared((0.0, 0.02, 0.0), (0.9, 0.92, 0.95))
    assert compared((0.3, 0.31, 0.3), (0.6, 0.62, 0.61))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.5, 0.5, 0.5), (0.55, 0.56, 0.57)),  # less than matters
        ((0.0, 0.0, 0.0), (0.2, 0.2, 0.2)),  # still next to the constant prediction
        ((0.1, 0.9, 0.2), (0.9, 0.9, 0.9)),  # the seeds differ more than the arms
        ((0.9, 0.9, 0.9), (0.1, 0.1, 0.1)),  # worse
    ],
)
def test_anything_less_does_not(before: tuple[float, ...], after: tuple[float, ...]) -> None:
    assert compared(before, after) is False


def test_the_interval_is_of_paired_differences_and_stays_inside_what_is_possible() -> None:
    low_spread = paired_interval((0.1, 0.5, 0.3), (0.3, 0.7, 0.5))
    assert low_spread is not None
    assert (low_spread.low, low_spread.high) == (pytest.approx(0.2), pytest.approx(0.2))
    wide = paired_interval((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
    assert wide is not None and (wide.low, wide.high) == (-1.0, 1.0)


def test_two_seeds_have_no_interval() -> None:
    assert paired_interval((0.0, 0.1), (0.9, 0.8)) is None


def test_the_message_names_what_it_was_compared_with() -> None:
    arms = Arm((0.2, 0.2, 0.2), 0.1), Arm((0.9, 0.9, 0.9), 0.01)
    told = effect("default-optimizer", "Adam", arms, control="SGD at learning rate 0.1", steps=300, values={}).message
    assert told == (
        "Adam: this change alone restores learning: train skill 0.90 with it, and SGD at learning rate 0.1 has 0.20"
        " after 300 steps"
    )
