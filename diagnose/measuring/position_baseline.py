"""A baseline for many predictions a row: every position is classified by the inputs around it.

A tag is told by its token, a pixel by the pixels beside it. What such a model reaches, a tagger or a segmentation net
must reach, too.
"""

import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.intervals import paired_interval
from diagnose.measurements import Array, Candidate, Moved, OutputBaseline, Score, Within
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import token_inputs
from diagnose.measuring.counting import counted
from diagnose.measuring.evaluation import constant_of_train
from diagnose.measuring.moved_targets import moved_targets
from diagnose.measuring.scoring import Counted, Reference, class_numbers, constant_reference, row_errors, score
from diagnose.subject import Output, Rows, Split, Task

FITTED = 10_000  # positions that the classifier is fitted on
JUDGED = 60_000  # positions of each split that it is evaluated on
FEWEST_ROWS = 30  # to evaluate on
SIDES = {1: 2, 2: 1}  # steps to either side, or pixels around, by the number of axes
MOST_FEATURES = 200  # of a position; wider channels are left out
ROUNDS = 30  # of boosting
SECONDS = 4.0  # of the reference machine


def of_positions(bench: Bench, place: int, splits: tuple[Split, Split], net: Rows) -> OutputBaseline | None:
    """Compare the net with the classifier of positions; None if inputs and targets do not have the same positions.

    Args:
        bench: of the examination.
        place: number of the output.
        splits: rows to fit on, and rows to evaluate on.
        net: the net's outputs for the latter.
    """
    output, (train, dev) = bench.subject.outputs[place], splits
    axes = _shared_axes(output, train, place)
    if axes is None:
        return None
    known, judged = (_rows(bench, place, split, axes) for split in splits)
    mine = constant_of_train(bench, place)
    reference = replace(mine, activation="softmax")
    kind = _ByToken if 0 in token_inputs(bench.subject.model) else _ByNeighbourhood
    make = partial(kind, output.classes or 2, len(axes), bench.settings.seed)
    start = time.perf_counter()
    model = _fitted(output, make, known, reference)
    predicted, fitted = model.predict(judged.x), model.predict(known.x)
    seconds = time.perf_counter() - start
    best = judged.score(output, predicted, reference)
    constant = judged.score(output, np.broadcast_to(reference.prediction, predicted.shape), reference)
    ours = judged.score(output, net[judged.index], mine)
    difference = row_errors(output, judged.y, net[judged.index], mine, judged.hidden)
    difference -= row_errors(output, judged.y, predicted, reference, judged.hidden)
    difference = difference[np.isfinite(difference)]
    mean, signal = float(difference.mean()), best.beats_constant_error.low > 0
    sides = {"train": known} | ({} if signal else {dev.name: judged})
    within = [_within(output, make, name, rows) for name, rows in sides.items()]
    moved = (
        [_moved(output, dev.name, model, judged, reference=reference, axes=len(axes))] if dev.name != train.name else []
    )
    if moved and judged.tells(output, reference):
        judge = _fitted(output, make, judged, reference)
        moved.append(_moved(output, train.name, judge, known, reference=reference, axes=len(axes)))
    candidate = _candidate(model.name, best, seconds)
    return OutputBaseline(
        output=output.name,
        candidates=(_candidate("constant", constant, 0.0), candidate),
        best=candidate,
        net_error=ours.error,
        net_skill=ours.skill,
        difference=mean,
        difference_interval=paired_interval(difference),
        relative=mean / ours.error if ours.error > 0 else 0.0,
        signal=signal,
        null_skill=None,
        train_error=known.score(output, fitted, reference).error,
        rows_train=len(known.x),
        rows_dev=len(judged.x),
        within=tuple(one for one in within if one is not None),
        moved=tuple(one for one in moved if one is not None),
    )


def _moved(output: Output, split: str, model: Any, rows: "_Rows", *, reference: Reference, axes: int) -> Moved | None:
    """How the targets of these rows fit after a move, by a model of other rows."""
    predicted = model.predict(rows.x)
    return moved_targets(
        split, rows.y, axes, lambda targets: row_errors(output, targets, predicted, reference, rows.hidden)
    )


@dataclass(frozen=True)
class _Rows:
    """Some rows of a split: inputs, targets, which positions count, and their numbers."""

    x: Rows
    y: Rows
    hidden: Counted
    index: NDArray[np.int64]

    def part(self, chosen: NDArray[np.int64]) -> "_Rows":
        hidden = None if self.hidden is None else self.hidden[chosen]
        return _Rows(self.x[chosen], self.y[chosen], hidden, self.index[chosen])

    def tells(self, output: Output, reference: Reference) -> bool:
        """Whether there are enough rows, of two classes, to fit a judge of other rows."""
        return len(self.x) >= FEWEST_ROWS and len(np.unique(class_numbers(output, self.y, reference))) > 1

    def score(self, output: Output, predicted: Array, reference: Reference) -> Score:
        return score(output, self.y, predicted, reference, self.hidden)


def _rows(bench: Bench, place: int, split: Split, axes: tuple[int, ...]) -> _Rows:
    """Rows spread evenly over the split, with about JUDGED positions in all."""
    most = max(FEWEST_ROWS, JUDGED // max(1, int(np.prod(axes))))
    index = np.unique(np.linspace(0, split.rows - 1, min(split.rows, most)).astype(np.int64))
    hidden = counted(bench, split, index)[place]
    return _Rows(np.asarray(split.inputs[0][index]), np.asarray(split.targets[place][index]), hidden, index)


def _fitted(output: Output, make: Any, rows: _Rows, reference: Reference) -> Any:
    """The classifier, fitted on the positions of these rows that count."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    classes = class_numbers(output, rows.y, reference)
    classes = np.where((classes < (output.classes or 2)) & (True if rows.hidden is None else rows.hidden), classes, -1)
    model = make()
    with threadpool_limits(1):  # more threads are not faster on so few positions
        model.fit(rows.x, classes)
    return model


def _within(output: Output, make: Any, split: str, rows: _Rows) -> Within | None:
    """The classifier on a quarter of these rows, fitted on the others; None for too few rows."""
    order = np.random.default_rng(5).permutation(len(rows.x))
    held, rest = rows.part(order[: len(order) // 4]), rows.part(order[len(order) // 4 :])
    if len(held.x) < FEWEST_ROWS // 4:
        return None
    reference = constant_reference(output, rest.y, "softmax", rest.hidden)
    model = _fitted(output, make, rest, reference)
    found = held.score(output, model.predict(held.x), reference)
    return Within(
        split, model.name, found.error, found.error_interval, found.skill, found.beats_constant_error, found.rows
    )


def has_positions(bench: Bench, place: int) -> bool:
    """Return whether `of_positions` applies to an output."""
    return _shared_axes(bench.subject.outputs[place], bench.subject.train, place) is not None


def _shared_axes(output: Output, train: Split, place: int) -> tuple[int, ...] | None:
    """The axes of positions that the only input and the targets share; None if there are none."""
    if len(train.inputs) > 1 or output.task not in (Task.BINARY, Task.MULTICLASS):
        return None
    x, y = train.inputs[0], train.targets[place]
    numbers = class_numbers(output, np.asarray(y[:1]), Reference(np.zeros((1, output.classes or 2))))
    for axes in (x.shape[1:], x.shape[1:-1]):
        if len(axes) in SIDES and numbers.shape[1] == int(np.prod(axes)) > 1 and y.shape[1 : 1 + len(axes)] == axes:
            features = int(np.prod(x.shape[1 + len(axes) :])) * (2 * SIDES[len(axes)] + 1) ** len(axes)
            return tuple(axes) if features <= MOST_FEATURES and x.dtype.kind in "biuf" else None
    return None


def _candidate(name: str, judged: Score, seconds: float) -> Candidate:
    return Candidate(name, judged.error, judged.error_interval, judged.loss, judged.skill, seconds)


class _ByToken:
    """The shares of the classes that each token had in training."""

    name = "most frequent class of each token"

    def __init__(self, classes: int, axes: int, seed: int) -> None:
        self.classes = classes
        self.tokens: NDArray[Any] = np.empty(0)
        self.shares: Array = np.empty((0, classes))
        self.prior: Array = np.full(classes, 1 / classes)

    def fit(self, x: Rows, classes: NDArray[np.int64]) -> None:
        known = classes >= 0
        self.tokens, number = np.unique(x.reshape(classes.shape)[known], return_inverse=True)
        counts = np.zeros((len(self.tokens), self.classes))
        np.add.at(counts, (number.reshape(-1), classes[known]), 1.0)
        self.prior = counts.sum(axis=0) / max(counts.sum(), 1.0)
        self.shares = (counts + self.prior) / (counts.sum(axis=1, keepdims=True) + 1)

    def predict(self, x: Rows) -> Array:
        flat = x.reshape(len(x), -1)
        place = np.clip(np.searchsorted(self.tokens, flat), 0, len(self.tokens) - 1)
        return np.where((self.tokens[place] == flat)[..., None], self.shares[place], self.prior)


class _ByNeighbourhood:
    """Gradient boosting on the values at a position and beside it."""

    name = "gradient boosting on each position's neighbourhood"

    def __init__(self, classes: int, axes: int, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.classes, self.axes, self.seed = classes, axes, seed
        self.model: Any = HistGradientBoostingClassifier(
            max_iter=ROUNDS, learning_rate=0.2, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )

    def fit(self, x: Rows, classes: NDArray[np.int64]) -> None:
        flat = classes.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        chosen = np.random.default_rng(self.seed).permutation(known)[:FITTED]
        self.model.fit(self._around(x)[chosen], flat[chosen])

    def predict(self, x: Rows) -> Array:
        positions = int(np.prod(x.shape[1 : 1 + self.axes]))
        shares = np.zeros((len(x) * positions, self.classes))
        shares[:, self.model.classes_.astype(int)] = self.model.predict_proba(self._around(x))
        return shares.reshape(len(x), positions, self.classes)

    def _around(self, x: Rows) -> Array:
        """[rows * positions, features]: the values of each position and of those beside it."""
        side = SIDES[self.axes]
        values = np.nan_to_num(np.asarray(x, np.float64), posinf=0.0, neginf=0.0)
        values = values.reshape(*x.shape[: 1 + self.axes], -1)
        padded = np.pad(values, [(0, 0), *[(side, side)] * self.axes, (0, 0)], mode="edge")
        sizes = x.shape[1 : 1 + self.axes]
        parts = [
            padded[(slice(None), *(slice(start, start + size) for start, size in zip(starts, sizes, strict=True)))]
            for starts in product(range(2 * side + 1), repeat=self.axes)
        ]
        return np.concatenate(parts, axis=-1).reshape(-1, len(parts) * values.shape[-1])
