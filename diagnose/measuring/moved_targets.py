"""Rows whose targets at positions fit better after a move: a mask that was not mirrored along with its picture."""

from collections.abc import Callable

import numpy as np

from diagnose.intervals import wilson
from diagnose.measurements import Array, Moved
from diagnose.subject import Rows

CLEAR = 0.25  # of 1: how much better one placement must fit, in the share of the positions at which both differ
FEWEST = 30  # rows with a clear answer
MOVES: dict[int, tuple[tuple[str, Callable[[Rows], Rows]], ...]] = {
    1: (
        ("one position later", lambda y: np.roll(y, 1, axis=1)),
        ("one position earlier", lambda y: np.roll(y, -1, axis=1)),
        ("in reverse order", lambda y: y[:, ::-1]),
    ),
    2: (
        ("mirrored left to right", lambda y: y[:, :, ::-1]),
        ("mirrored upside down", lambda y: y[:, ::-1]),
        ("turned by 180 degrees", lambda y: y[:, ::-1, ::-1]),
    ),
}

Errors = Callable[[Rows], Array]


def moved_targets(split: str, targets: Rows, axes: int, errors: Errors) -> Moved | None:
    """Return the move after which most rows fit better than as given; None if too few rows are clear for any.

    Args:
        split: name of the split of these rows.
        targets: of the rows, [rows, positions ...]; where they do not change, a row says nothing.
        axes: number of axes of positions, 1 or 2.
        errors: of predictions that do not come from a fit on these rows, against given targets: the share of wrong
            positions of each row.
    """
    given = errors(targets)
    found = [_share(split, how, targets, move(targets), given=given, errors=errors) for how, move in MOVES[axes]]
    return max((one for one in found if one is not None), key=lambda one: one.share, default=None)


def _share(split: str, how: str, targets: Rows, moved: Rows, *, given: Array, errors: Errors) -> Moved | None:
    differ = (targets != moved).reshape(len(targets), -1).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        better = (given - errors(moved)) / differ
    clear = np.isfinite(better) & (np.abs(better) > CLEAR)
    rows, count = int(clear.sum()), int((better[clear] > 0).sum())
    return Moved(split, how, count / rows, wilson(count, rows), rows) if rows >= FEWEST else None
