"""What several changes together tell of how much seeds differ."""

import numpy as np
import pytest

from diagnose.intervals import FEWEST, SeedSpread, seed_ratio, trainings_error, trainings_interval
from diagnose.measurements import Array
from diagnose.trials.dev_error import DevArm, DevError
from tests.trials.test_unchanged import LEFT

SEEDS, ROWS, CHANGES = 3, 150, 10
SAME = np.tile(np.arange(ROWS), (SEEDS, 1))
OTHER = np.arange(SEEDS * ROWS).reshape(SEEDS, ROWS)


def drawn(draw: np.random.Generator, rows: Array, *, unlike: float) -> list[Array]:
    """The differences that changes without any effect make, [seeds, rows] each, all against the same trainings.

    Seeds differ by about as much as the means of rows do, and by change the more, the more `unlike` the changes are.
    """
    of_rows = draw.normal(size=SEEDS * ROWS)
    control = 0.1 * draw.normal(size=(SEEDS, 1)) + 0.5 * draw.normal(size=(SEEDS, ROWS))
    spreads = 0.1 * np.exp(unlike * draw.normal(size=CHANGES))
    return [
        draw.normal() * of_rows[rows]
        + spread * draw.normal(size=(SEEDS, 1))
        + draw.normal(size=(SEEDS, ROWS))
        - control
        for spread in spreads
    ]


@pytest.mark.parametrize("rows", [SAME, OTHER], ids=["same rows", "other rows"])
@pytest.mark.parametrize("unlike", [0.0, 0.7])
@pytest.mark.parametrize("level", [0.95, 0.997])
def test_intervals_hold_as_often_as_they_say_and_are_narrower(rows: Array, unlike: float, level: float) -> None:
    draw = np.random.default_rng(0)
    held, widths, alone = [], [], []
    for _ in range(100):
        several = drawn(draw, rows, unlike=unlike)
        like = SeedSpread.of([seed_ratio(each, rows) for each in several], SEEDS - 1)
        spans = [trainings_interval(each, level, rows, like) for each in several]
        held += [span.low <= 0 <= span.high for span in spans]
        widths += [span.high - span.low for span in spans]
        alone += [span.high - span.low for span in (trainings_interval(each, level, rows) for each in several)]
    assert np.mean(held) > level - 0.02
    assert np.mean(widths) < (0.8 if level == 0.95 else 0.6) * np.mean(alone)


def test_the_less_alike_the_comparisons_are_the_less_each_learns_from_the_others() -> None:
    draw = np.random.default_rng(1)
    alike = draw.chisquare(2, size=40) / 2
    unlike = alike * np.exp(2 * draw.normal(size=40))
    few, many = SeedSpread.of([*unlike], 2), SeedSpread.of([*alike], 2)
    assert few is not None and many is not None
    assert few.freedom < 5 and 20 < many.freedom <= 2 * 39
    assert many.ratio == pytest.approx(1.0, rel=0.4)
    assert SeedSpread.of([1.0] * (FEWEST - 1), 2) is None
    same = SeedSpread.of([0.0] * FEWEST, 2)
    assert same is not None and 0 < same.ratio < 0.1


def test_one_comparison_keeps_what_it_says_of_itself() -> None:
    quiet = np.tile(np.linspace(-1, 1, ROWS), (SEEDS, 1)) + 1e-3 * np.random.default_rng(0).normal(size=(SEEDS, ROWS))
    loud = quiet + np.array([[-1.0], [0.0], [1.0]])
    like = SeedSpread(1.0, 4.0)
    for values in (quiet, loud):
        error, freedom = trainings_error(values, OTHER, like)
        assert np.isfinite(error) and freedom >= 6.0  # its own two, and the four of the others
    assert trainings_error(quiet, OTHER, like)[0] < trainings_error(loud, OTHER, like)[0]
    assert trainings_error(loud, OTHER, like)[0] < trainings_error(loud, OTHER)[0]


def test_the_criterion_learns_from_all_changes_with_the_same_number_of_seeds() -> None:
    draw = np.random.default_rng(2)

    def arm(seeds: int) -> DevArm:
        return DevArm(draw.normal(size=(seeds, ROWS)), SAME[:1].repeat(seeds, axis=0), 0, 1e-3, (), ())

    without = arm(3)
    pairs = [(without, arm(3)) for _ in range(5)]
    criterion = DevError(LEFT, 5)
    assert criterion.pooled(pairs).spread is not None
    assert criterion.pooled(pairs[:3]).spread is None
    one = arm(1)
    assert criterion.pooled([*pairs, (one, arm(1))]).spread == criterion.pooled(pairs).spread
    six = arm(6)
    assert criterion.pooled([*pairs, (six, arm(6))]).spread is None
    plain, pooled = (
        each.effect("", "", pairs[0], control="", steps=1, values={}) for each in (criterion, criterion.pooled(pairs))
    )
    assert plain.interval is not None and pooled.interval is not None
    assert (plain.before, plain.after) == (pooled.before, pooled.after) and plain.interval != pooled.interval
