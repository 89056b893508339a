"""Rows whose targets at positions fit better after a move."""

import numpy as np
import pytest

from diagnose.measurements import Array, Moved
from diagnose.measuring.moved_targets import Errors, moved_targets
from diagnose.subject import Rows

ROWS = 100


def masks(size: tuple[int, ...]) -> Rows:
    return (np.random.default_rng(0).random((ROWS, *size)) < 0.2).astype("int64")


def judged_by(predicted: Rows) -> Errors:
    def errors(targets: Rows) -> Array:
        return np.asarray((targets != predicted).reshape(ROWS, -1).mean(axis=1), np.float64)

    return errors


def of_mixed(true: Rows, moved: Rows, count: int) -> Moved | None:
    """What is found where the first `count` rows have moved targets."""
    given = np.concatenate([moved[:count], true[count:]])
    return moved_targets("train", given, true.ndim - 1, judged_by(true))


@pytest.mark.parametrize(
    ("how", "index"),
    [
        ("mirrored left to right", (slice(None), slice(None), slice(None, None, -1))),
        ("mirrored upside down", (slice(None), slice(None, None, -1))),
        ("turned by 180 degrees", (slice(None), slice(None, None, -1), slice(None, None, -1))),
    ],
)
def test_masks_that_were_flipped_without_their_pictures(how: str, index: tuple[slice, ...]) -> None:
    true = masks((8, 6))
    found = of_mixed(true, true[index], 40)
    assert found is not None
    assert (found.how, found.share, found.rows) == (how, 0.4, ROWS)
    assert found.interval.low > 0.3


def test_tags_that_were_shifted_by_a_step() -> None:
    true = masks((12,))
    found = of_mixed(true, np.roll(true, -1, axis=1), ROWS)
    assert found is not None and (found.how, found.share) == ("one position later", 1.0)


def test_targets_in_place_fit_as_they_are() -> None:
    true = masks((8, 6))
    found = of_mixed(true, true, 0)
    assert found is not None and found.share == 0.0


def test_predictions_that_tell_nothing_and_symmetric_masks_give_no_answer() -> None:
    true = masks((8, 6))
    assert moved_targets("train", true, 2, judged_by(np.zeros_like(true))) is None
    same = np.broadcast_to(true[:, :1, :1], true.shape)
    assert moved_targets("train", same, 2, judged_by(true)) is None
