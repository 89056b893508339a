"""The effect of a trial: gain, interval, and whether it restores learning."""

from typing import Any

import pytest

from diagnose.trials.train_skill import Arm, TrainSkill, paired_interval

REST: Any = {"control": "", "steps": 300, "values": {}}


def compared(before: tuple[float, ...], after: tuple[float, ...]) -> bool | None:
    arms = Arm({"y": before}, 0.1), Arm({"y": after}, 0.1)
    return TrainSkill().effect("widen", "wider", arms, **REST).restores


def test_a_clear_gain_restores_learning() -> None:
    assert compared((0.0, 0.02, 0.0), (0.9, 0.92, 0.95))
    assert compared((0.3, 0.31, 0.3), (0.6, 0.62, 0.61))


def test_one_lucky_seed_of_three_without_the_change_is_no_veto() -> None:
    assert compared((0.0, 0.93, 0.0), (0.9, 0.92, 0.95))
    assert not compared((0.0, 0.93, 0.0), (0.0, 0.92, 0.95))  # one seed fails with the change too
    assert not compared((0.9, 0.93, 0.0), (0.9, 0.92, 0.95))  # bad luck once without the change


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.5, 0.5, 0.5), (0.55, 0.56, 0.57)),  # the gain is too small
        ((0.0, 0.0, 0.0), (0.2, 0.2, 0.2)),  # still close to the constant prediction
        ((0.1, 0.9, 0.2), (0.9, 0.9, 0.9)),  # the seeds differ more than the arms
        ((0.9, 0.9, 0.9), (0.1, 0.1, 0.1)),  # worse
    ],
)
def test_a_small_or_unclear_gain_is_not_enough(before: tuple[float, ...], after: tuple[float, ...]) -> None:
    assert compared(before, after) is False


def test_where_the_training_does_well_without_the_change_there_is_nothing_to_restore() -> None:
    assert compared((0.85, 0.85, 0.85), (0.97, 0.97, 0.97)) is None
    assert compared((0.99, 0.99, 0.99), (1.0, 1.0, 1.0)) is None


def test_on_top_of_another_change_a_gain_counts_however_good_that_is() -> None:
    def on_top(after: float) -> bool | None:
        arms = Arm({"y": (0.8, 0.8, 0.8)}, 0.1), Arm({"y": (after,) * 3}, 0.1)
        found = TrainSkill().effect("widen", "wider", arms, **REST, on_top_of=("scale-inputs",))
        assert (found.direction, found.on_top_of) == ("necessary", ("scale-inputs",))
        return found.restores

    assert on_top(0.95) and on_top(0.85) is False


def test_the_interval_is_of_paired_differences_and_within_the_range_of_skill() -> None:
    low_spread = paired_interval((0.1, 0.5, 0.3), (0.3, 0.7, 0.5))
    assert low_spread is not None
    assert (low_spread.low, low_spread.high) == (pytest.approx(0.2), pytest.approx(0.2))
    wide = paired_interval((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
    assert wide is not None and (wide.low, wide.high) == (-1.0, 1.0)


def test_two_seeds_have_no_interval() -> None:
    assert paired_interval((0.0, 0.1), (0.9, 0.8)) is None


def test_the_message_names_the_control() -> None:
    arms = Arm({"y": (0.2, 0.2, 0.2)}, 0.1), Arm({"y": (0.9, 0.9, 0.9)}, 0.01)
    message = (
        TrainSkill()
        .effect("default-optimizer", "Adam", arms, control="SGD at learning rate 1", steps=300, values={})
        .message
    )
    assert message == (
        "with Adam alone, learning is restored: train skill 0.90 after 300 steps, and 0.20 with SGD at learning rate 1"
    )


def test_the_output_that_gains_most_counts_unless_another_loses() -> None:
    without = Arm({"age": (0.9, 0.9, 0.9), "late": (0.0, 0.0, 0.0)}, 0.1)
    cured = TrainSkill().effect(
        "balance-losses", "weights", (without, Arm({"age": (0.88,) * 3, "late": (0.7,) * 3}, 0.1)), **REST
    )
    assert (cured.output, cured.restores, cured.after) == ("late", True, pytest.approx(0.7))
    assert "train skill of late 0.70" in cured.message
    swapped = TrainSkill().effect(
        "balance-losses", "weights", (without, Arm({"age": (0.2,) * 3, "late": (0.7,) * 3}, 0.1)), **REST
    )
    assert swapped.restores is False
