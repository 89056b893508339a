"""Looks for rows of dev and test that are nearly rows of train: changed copies, and series that overlap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnose.findings import Interval
from diagnose.intervals import mean_interval
from diagnose.measurements import DOES_NOT_APPLY, Array, Close, Flattered, Measurements, Neighbours, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.dataset import no_split
from diagnose.measuring.own_loss import reference_of
from diagnose.measuring.scoring import columns_are_classes, row_errors
from diagnose.measuring.work import Work
from diagnose.subject import Rows, Split, Task

ROWS = 1_000  # of the split
TRAIN_ROWS = 10_000  # of train: a copy is found only if its original is among them
CELLS = 40_000_000  # most cells of the training rows that are compared
WIDEST = 20_000  # most cells of a row
NEAR, FAR = 10, 20  # neighbours that show how dense the rows are: more than a row has copies
CHANCE = 1e-3  # probability, by the density, of a nearest row as close as that
SAME = 1e-3  # of the distance of the tenth neighbour: equal rows, within single precision
FEWEST = 5 * FAR  # training rows
FEW = 20  # rows with and without a close training row, to compare their errors
TICKS = 4  # fewest time steps of a series
SHIFTS = 8  # most steps that a series is shifted
DISTINCT = 4  # fewest different values in the part that overlaps: constant parts coincide by chance
SECONDS = 1.5  # of the reference machine, per split

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


def neighbours(bench: Bench, measured: Measurements) -> Neighbours:
    """Compare dev and test with train: distances of nearest rows, overlapping series, and the errors of the net."""
    subject = bench.subject
    others = [split for split in subject.splits if split.name in ("dev", "test")]
    if not others:
        missing = no_split("dev")
        raise NotMeasured(missing.reason, missing.how)
    if token_inputs(subject.model) or any(rows.dtype.kind not in "biuf" for rows in subject.train.inputs):
        raise NotMeasured("the distance between texts or tokens means little", DOES_NOT_APPLY)
    if sum(int(np.prod(rows.shape[1:])) for rows in subject.train.inputs) > WIDEST:
        raise NotMeasured(f"a row has more than {WIDEST:,} numbers", DOES_NOT_APPLY)
    if subject.train.rows < FEWEST:
        raise NotMeasured(f"train has fewer than {FEWEST} rows", "Pass more training rows.")
    return Neighbours({split.name: _compare(bench, split) for split in others})


def neighbours_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `neighbours`."""
    return Work(seconds=SECONDS * sum(split.name in ("dev", "test") for split in bench.subject.splits))


def _compare(bench: Bench, split: Split) -> Close:
    train = bench.subject.train
    width = sum(int(np.prod(rows.shape[1:])) for rows in train.inputs)
    chosen = bench.sample(train, max(FEWEST, min(TRAIN_ROWS, CELLS // max(width, 1))))
    index = bench.sample(split, ROWS)
    found = close_rows(*_scaled(train, split, chosen, index))
    overlapping = np.zeros(len(index), bool)
    for mine, other in zip(train.inputs, split.inputs, strict=True):
        overlapping |= overlaps(np.asarray(mine[chosen]), np.asarray(other[index]))
    return Close(
        rows=len(index),
        rows_train=len(chosen),
        spatial=all(rows.ndim > 2 for rows in train.inputs),
        share=float(found.close.mean()),
        expected=CHANCE,
        overlapping=float(overlapping.mean()),
        dimension=found.dimension,
        network=_of_the_network(bench, split, index, found.close | overlapping),
        nearest=_of_the_nearest(bench, split, (chosen, index), found),
    )


def _scaled(train: Split, split: Split, chosen: Places, index: Places) -> tuple[Array, Array]:
    """The inputs as [rows, cells] in single precision: images by one scale, tables by one per column."""
    sides: tuple[list[Array], list[Array]] = ([], [])
    for mine, other in zip(train.inputs, split.inputs, strict=True):
        ours, theirs = (np.nan_to_num(np.asarray(rows, np.float32)) for rows in (mine[chosen], other[index]))
        axes = tuple(range(max(ours.ndim - 1, 1)))
        mean, std = ours.mean(axis=axes), ours.std(axis=axes)
        for side, rows in zip(sides, (ours, theirs), strict=True):
            side.append(((rows - mean) / np.where(std > 0, std, 1)).reshape(len(rows), -1))
    return np.concatenate(sides[0], axis=1), np.concatenate(sides[1], axis=1)


@dataclass(frozen=True)
class Found:
    """Which rows are close to a training row, the nearest training rows of each (the nearest first), and m."""

    close: Flags
    places: Places
    dimension: float


def close_rows(ours: Array, theirs: Array) -> Found:
    """Which of `theirs` are much closer to one of `ours` than the density of `ours` around it explains.

    Rows that were copied and changed are close to each other within train, too, so distances within train are no null.
    The null is the density: if rows lie evenly around a point in m directions, the nearest of the k nearest is at
    most r times as far as the k-th with probability 1 - (1 - r ** m) ** (k - 1). m is estimated from the tenth and the
    twentieth neighbour (Levina and Bickel 2004), beyond the copies of a row. Equal rows do not count.

    Args:
        ours: [rows, features]; at least FAR + 1 rows.
        theirs: [rows, features].
    """
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(2):
        distances, places = NearestNeighbors(n_neighbors=FAR, algorithm="brute").fit(ours).kneighbors(theirs)
    nearest, near, far = distances[:, 0], distances[:, NEAR - 1], distances[:, FAR - 1]
    usable = near > 0
    if not usable.any():
        return Found(np.zeros(len(theirs), bool), places, 0.0)
    with np.errstate(divide="ignore"):
        growth = float(np.median(np.log(far[usable] / near[usable])))
    dimension = float(np.log(FAR / NEAR)) / max(growth, 1e-6)
    ratio = np.where(usable, nearest / np.where(usable, near, 1), 1.0)
    with np.errstate(under="ignore"):
        chance = 1 - (1 - np.minimum(ratio, 1.0) ** dimension) ** (NEAR - 1)
    return Found((chance < CHANCE) & (nearest > SAME * near), places, dimension)


def overlaps(ours: Rows, theirs: Rows) -> Flags:
    """Which of `theirs`, moved by at most SHIFTS steps, coincide with one of `ours` where both have values.

    Args:
        ours: [rows, steps] or [rows, steps, features].
        theirs: the same for other rows.
    """
    found = np.zeros(len(theirs), bool)
    if ours.ndim not in (2, 3) or ours.shape[1] < TICKS:
        return found
    ours, theirs = (np.asarray(rows, np.float32).reshape(len(rows), ours.shape[1], -1) for rows in (ours, theirs))
    weights = np.random.default_rng(9).integers(1, 2**63, ours.shape[1:], dtype=np.uint64) | np.uint64(1)
    for step in range(1, min(SHIFTS, ours.shape[1] // 2) + 1):
        kept = ours.shape[1] - step
        for mine, other in ((ours[:, step:], theirs[:, :kept]), (ours[:, :kept], theirs[:, step:])):
            rich = _distinct(other) >= DISTINCT
            found |= rich & np.isin(_hashed(other, weights[:kept]), _hashed(mine, weights[:kept]))
    return found


def _distinct(rows: Rows) -> NDArray[np.int64]:
    ordered = np.sort(rows.reshape(len(rows), -1), axis=1)
    return np.asarray((np.diff(ordered, axis=1) != 0).sum(axis=1) + 1)


def _hashed(rows: Rows, weights: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A random linear form over the bits of each row; different rows collide with probability 2 ** -64."""
    bits = np.ascontiguousarray(rows + np.float32(0)).reshape(len(rows), -1).view(np.uint32)
    return np.asarray(bits.astype(np.uint64) @ weights.ravel())


def _of_the_network(bench: Bench, split: Split, index: Places, close: Flags) -> Flattered | None:
    """The errors of the first output on rows with and without a close training row; None if there are few of either."""
    if min(int(close.sum()), int((~close).sum())) < FEW:
        return None
    errors = _row_errors(bench, split, index)
    near, far = errors[close & np.isfinite(errors)], errors[~close & np.isfinite(errors)]
    if min(len(near), len(far)) < FEW:
        return None
    difference = float(far.mean() - near.mean())
    half = 1.96 * float(np.hypot(near.std(ddof=1) / np.sqrt(len(near)), far.std(ddof=1) / np.sqrt(len(far))))
    return Flattered(float(near.mean()), float(far.mean()), Interval(difference - half, difference + half))


def _of_the_nearest(bench: Bench, split: Split, rows: tuple[Places, Places], found: Found) -> Flattered | None:
    """The errors of a nearest-neighbour model of the first output on the close rows, with and without their copies.

    None if there are too few close rows, or several targets a row.
    """
    output, (chosen, index) = bench.subject.outputs[0], rows
    ours = np.asarray(bench.subject.train.targets[0][chosen])
    theirs = np.asarray(split.targets[0][index[found.close]])
    if output.task in (Task.BINARY, Task.MULTICLASS) and columns_are_classes(output, ours):
        ours, theirs = ours.argmax(axis=-1), theirs.argmax(axis=-1)
    if found.close.sum() < FEW or ours.size != len(ours):
        return None
    ours, theirs = ours.reshape(-1).astype(np.float64), theirs.reshape(-1).astype(np.float64)
    nearest, beyond = ours[found.places[found.close, 0]], ours[found.places[found.close, NEAR - 1 :]]
    if output.task.classifies:
        helped, without = nearest != theirs, (beyond != theirs[:, None]).mean(axis=1)
    else:
        helped, without = np.square(nearest - theirs), np.square(beyond.mean(axis=1) - theirs)
    return Flattered(float(helped.mean()), float(without.mean()), mean_interval(without - helped))


def _row_errors(bench: Bench, split: Split, index: Places) -> Array:
    from diagnose.measuring.tensorflow_training import compile_prediction
    from diagnose.measuring.training import predict_all

    output = bench.subject.outputs[0]
    inputs, _, _ = bench.batch(split, index)
    with bench.at(None) as model:
        predicted = predict_all(compile_prediction(model, inputs), np.arange(len(index)))[0]
    reference = reference_of(bench, 0, bench.subject.train.targets[0])
    return row_errors(output, np.asarray(split.targets[0][index]), predicted, reference)
