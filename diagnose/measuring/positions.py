"""Counts classes at positions by row, and estimates ratios of these counts with rows as the unit.

Positions of one row resemble each other, so that intervals over positions are far too narrow. The standard errors are
those of ratio estimators for clusters (Cochran 1977, "Sampling Techniques", section 6.5); intervals are Wilson's with
the effective number of rows (Korn, Graubard 1998, "Confidence intervals for proportions with small expected number of
positive counts", Survey Methodology 24).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnose.intervals import share_interval
from diagnose.measurements import Array, Estimate, PositionClass, Positions

MOST_CLASSES = 100
RARELY = 0.25  # recall; below, the best threshold of a class is searched
THRESHOLDS = 200  # that are tried
AT_ONCE = 1_000_000  # positions that are counted together


@dataclass(frozen=True)
class _Counts:
    """Positions by row and class, [rows, classes]: of a class, predicted as it, and both."""

    actual: Array
    predicted: Array
    both: Array

    @property
    def union(self) -> Array:
        return self.actual + self.predicted - self.both

    def macro_dice(self) -> float:
        return float(np.mean(2 * self.both.sum(0) / (self.actual + self.predicted).sum(0)))


def positions(
    truth: NDArray[np.int64], chosen: NDArray[np.int64], constant: NDArray[np.int64], probability: Array
) -> Positions | None:
    """Return how well each class is found; None for a single position a row, or a single class.

    Args:
        truth: classes [rows, positions]; negative where a position does not count.
        chosen: predicted classes [rows, positions]; -1 for none.
        constant: those of the best constant prediction.
        probability: of each class [rows, positions, classes].
    """
    if truth.ndim < 2 or truth.shape[1] < 2 or not truth.size:
        return None
    sizes = np.bincount(truth[truth >= 0].ravel())
    numbers = np.argsort(-sizes, kind="stable")[:MOST_CLASSES]
    numbers = numbers[sizes[numbers] > 0]
    if len(numbers) < 2:
        return None
    counts, simple = _counted(truth, chosen, numbers), _counted(truth, constant, numbers)
    total = float(sizes.sum())
    recall, precision = _ratio(counts.both, counts.actual), _ratio(counts.both, counts.predicted)
    dice, iou = _ratio(2 * counts.both, counts.actual + counts.predicted), _ratio(counts.both, counts.union)
    rare = [number if recall.values[place] < RARELY else -1 for place, number in enumerate(numbers)]
    best = [_best_threshold(truth, probability, int(number)) for number in rare]
    return Positions(
        per_row=truth.shape[1],
        rows=len(truth),
        classes=tuple(
            PositionClass(
                number=int(number),
                share=float(counts.actual[:, place].sum() / total),
                predicted=float(counts.predicted[:, place].sum() / total),
                rows=int(np.count_nonzero(counts.actual[:, place])),
                recall=recall.estimate(place),
                precision=precision.estimate(place) if counts.predicted[:, place].any() else None,
                iou=iou.estimate(place),
                dice=dice.estimate(place),
                best_dice=best[place][0],
                threshold=best[place][1],
            )
            for place, number in enumerate(numbers)
        ),
        macro_recall=recall.mean(),
        macro_iou=iou.mean(),
        macro_dice=dice.mean(),
        constant_dice=simple.macro_dice(),
    )


def _best_threshold(truth: NDArray[np.int64], probability: Array, number: int) -> tuple[float | None, float | None]:
    """The best dice of a class over thresholds of its probability, and that threshold; None without a probability."""
    if not 0 <= number < probability.shape[-1]:
        return None, None
    counts = truth >= 0
    step = np.minimum((probability[..., number][counts] * THRESHOLDS).astype(np.int64), THRESHOLDS - 1)
    right = np.bincount(step[truth[counts] == number], minlength=THRESHOLDS)[::-1].cumsum()
    taken = np.bincount(step, minlength=THRESHOLDS)[::-1].cumsum()
    dice = 2 * right / (taken + right[-1])
    best = int(dice.argmax())
    return float(dice[best]), (THRESHOLDS - 1 - best) / THRESHOLDS


def _counted(truth: NDArray[np.int64], chosen: NDArray[np.int64], numbers: NDArray[np.int64]) -> _Counts:
    """Count a part of the rows at a time, which bounds the memory."""
    column = np.full(int(max(truth.max(), chosen.max())) + 2, len(numbers))  # the last one is for all others, and -1
    column[numbers] = np.arange(len(numbers))
    step = max(1, AT_ONCE // truth.shape[1])
    starts = range(0, len(truth), step)
    parts = [_tables(truth[at : at + step], chosen[at : at + step], column, len(numbers)) for at in starts]
    return _Counts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _tables(
    truth: NDArray[np.int64], chosen: NDArray[np.int64], column: NDArray[np.int64], classes: int
) -> tuple[Array, Array, Array]:
    """The fields of `_Counts` for these rows; `column` is the column of each class."""
    counts = truth >= 0
    row = np.broadcast_to(np.arange(len(truth))[:, None], truth.shape)[counts] * (classes + 1)
    actual, predicted = row + column[truth[counts]], row + column[chosen[counts]]
    right = actual[truth[counts] == chosen[counts]]

    def table(cells: NDArray[np.int64]) -> Array:
        found = np.bincount(cells, minlength=len(truth) * (classes + 1)).astype(np.float64)
        return found.reshape(len(truth), -1)[:, :-1]

    return table(actual), table(predicted), table(right)


@dataclass(frozen=True)
class _Ratio:
    """Ratios of two sums over rows, by class: values, contributions of the rows to the error [rows, classes]."""

    values: Array
    residuals: Array
    rows: Array  # rows that have something to say, by class

    def estimate(self, place: int) -> Estimate:
        return _estimate(float(self.values[place]), _standard_error(self.residuals[:, place]), float(self.rows[place]))

    def mean(self) -> Estimate:
        """The plain mean over the classes; rows are paired."""
        residuals = self.residuals.mean(axis=1)
        return _estimate(float(self.values.mean()), _standard_error(residuals), float(self.rows.min()))


def _ratio(part: Array, whole: Array) -> _Ratio:
    sums = np.maximum(whole.sum(axis=0), 1.0)
    values = part.sum(axis=0) / sums
    return _Ratio(values, (part - values * whole) / sums, np.maximum((whole > 0).sum(axis=0), 1))


def _standard_error(residuals: Array) -> float:
    rows = len(residuals)
    return float(np.sqrt(rows / max(rows - 1, 1) * np.square(residuals).sum()))


def _estimate(value: float, error: float, rows: float) -> Estimate:
    return Estimate(value, share_interval(value, error, rows))
