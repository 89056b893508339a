"""Groups predictions by their size and by their position, and counts residuals, for the figures of the report."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diagnose.findings import Interval
from diagnose.intervals import mean_interval, wilson
from diagnose.measurements import Array, Group, Reliability, Residuals, Score, Thresholds
from diagnose.measuring.scoring import Counted, Reference, classes_and_probabilities
from diagnose.subject import Output, Rows, Task

BINS = 10  # of equal width for probabilities, of equal count for numbers
POINTS = 100  # thresholds at most
RESIDUAL_BINS = 30
STRETCHES = 32  # groups of neighbouring positions at most
SEQUENCE = 3  # axes of the predictions of a sequence: rows, positions, classes or numbers; pictures have more
TAIL = 0.002  # share of residuals beyond each outer edge
CELLS = 4_000_000  # probabilities, or numbers, that are looked at


def described(given: Score, output: Output, rows: tuple[Rows, Rows], reference: Reference, counted: Counted) -> Score:
    """Return the score with how sure the predictions are, or with where numbers miss their targets.

    Args:
        given: the score of these rows.
        output, reference, counted: as in `score`.
        rows: targets and predictions.
    """
    every = max(1, -(-rows[1].size // CELLS))
    y_true, y_pred = (part[::every] for part in rows)
    counted = None if counted is None else counted[::every]
    if reference.own is not None:
        return given
    if not output.task.classifies:
        return replace(given, residuals=residuals(y_true, y_pred), along=missed_along(y_true, y_pred))
    truth, probability = classes_and_probabilities(output, y_true, y_pred, reference, counted)
    in_order = output.task is not Task.MULTILABEL and y_pred.ndim <= SEQUENCE
    return replace(
        given,
        reliability=reliability(truth, probability),
        thresholds=thresholds(truth, probability),
        along=wrong_along(truth, probability) if in_order else (),
    )


def reliability(truth: NDArray[np.int64], probability: Array) -> Reliability | None:
    """Return how often predictions are right, by their probability.

    Args:
        truth: classes [rows, positions]; negative where a position does not count.
        probability: of each class [rows, positions, classes].
    """
    single = truth.shape[1] == 1
    counts = truth >= 0
    sure, right = probability.max(axis=-1)[counts], (probability.argmax(axis=-1) == truth)[counts]
    if not sure.size:
        return None
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    groups = []
    for number in np.unique(place):
        inside = place == number
        rows, correct = int(inside.sum()), float(right[inside].sum())
        interval = wilson(correct, rows) if single else None
        groups.append(Group(rows, float(sure[inside].mean()), correct / rows, interval))
    apart = sum(group.count * abs(group.predicted - group.observed) for group in groups)
    return Reliability(tuple(groups), apart / sure.size)


def thresholds(truth: NDArray[np.int64], probability: Array) -> Thresholds | None:
    """Return what each threshold of the second of two classes brings; None without rows of both classes."""
    if truth.shape[1] != 1 or probability.shape[-1] != 2:
        return None
    known = truth[:, 0] >= 0
    positive, given = truth[known, 0] == 1, probability[known, 0, 1]
    rows, of_these = len(given), int(positive.sum())
    if not 0 < of_these < rows:
        return None
    order = np.argsort(-given, kind="stable")
    above, right = given[order], np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(above)), rows - 1)  # rows with the same probability change sides together
    last = last[np.unique(np.linspace(0, len(last) - 1, POINTS).astype(np.int64))]
    taken, found = last + 1, right[last]
    return Thresholds(
        values=_floats(above[last]),
        false_positives=_floats((taken - found) / (rows - of_these)),
        recall=_floats(found / of_these),
        precision=_floats(found / taken),
        positives=of_these / rows,
    )


def wrong_along(truth: NDArray[np.int64], probability: Array) -> tuple[Group, ...]:
    """Return the share of wrong classes by position, with `Group.predicted` the position from 1; () for one position.

    Args:
        truth, probability: as in `reliability`.
    """
    groups = []
    for part in _neighbours(truth.shape[1]):
        counts = truth[:, part] >= 0
        wrong, rows = float((probability[:, part].argmax(axis=-1) != truth[:, part])[counts].sum()), int(counts.sum())
        if rows:
            interval = wilson(wrong, rows) if part.size == 1 else None
            groups.append(Group(rows, float(part.mean() + 1), wrong / rows, interval))
    return tuple(groups)


def missed_along(y_true: Rows, y_pred: Rows) -> tuple[Group, ...]:
    """Return the RMSE by position, as `wrong_along`; () as well if predictions and targets have other shapes."""
    if y_true.shape != y_pred.shape or y_pred.ndim not in (2, SEQUENCE):
        return ()
    squares = np.square(np.asarray(y_pred, np.float64) - np.asarray(y_true, np.float64))
    groups = []
    for part in _neighbours(y_pred.shape[1]):
        found = squares[:, part].reshape(len(squares), -1)
        usable = np.isfinite(found).all(axis=1)
        if usable.sum() > 1:
            span = mean_interval(found[usable].mean(axis=1))  # a row is one observation
            interval = Interval(max(span.low, 0.0) ** 0.5, span.high**0.5, span.level)
            groups.append(
                Group(int(usable.sum()), float(part.mean() + 1), float(found[usable].mean() ** 0.5), interval)
            )
    return tuple(groups)


def _neighbours(positions: int) -> list[NDArray[np.int64]]:
    """The positions from 0 in at most `STRETCHES` parts; none if there is only one."""
    return np.array_split(np.arange(positions), min(positions, STRETCHES)) if positions > 1 else []


def residuals(y_true: Rows, y_pred: Rows) -> Residuals | None:
    """Return where numbers miss their targets; None if predictions and targets have other shapes or vary in nothing."""
    target, given = (np.asarray(part, np.float64).reshape(len(part), -1) for part in (y_true, y_pred))
    if target.shape != given.shape:
        return None
    single, usable = target.shape[1] == 1, np.isfinite(target) & np.isfinite(given)
    predicted, missed = given[usable], (given - target)[usable]
    low, high = np.quantile(missed, (TAIL, 1 - TAIL)) if missed.size else (0.0, 0.0)
    if not high > low:
        return None
    counts, edges = np.histogram(np.clip(missed, low, high), RESIDUAL_BINS, (low, high))
    parts = np.array_split(np.argsort(predicted, kind="stable"), BINS)
    groups = tuple(
        Group(
            len(part),
            float(predicted[part].mean()),
            float(missed[part].mean()),
            mean_interval(missed[part]) if single and len(part) > 1 else None,
        )
        for part in parts
        if len(part)
    )
    return Residuals(_floats(edges), tuple(int(count) for count in counts), groups)


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
