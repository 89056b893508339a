"""Compares the rows of dev and test with those of train: a two-sample classifier, every feature, and the targets."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diagnose.findings import Interval
from diagnose.measurements import Array, FeatureShift, Measurements, NotMeasured, Shift, SplitShift, TargetShift
from diagnose.measuring.bench import Bench
from diagnose.measuring.dataset import no_split
from diagnose.measuring.scoring import columns_are_classes
from diagnose.measuring.summaries import Summary, summaries
from diagnose.measuring.work import Work
from diagnose.subject import Output, Rows, Split, Task

ROWS = 1_000  # of each split
FEWEST = 20  # rows of a split that can be compared
DRAWS = 19  # splits without a difference: the largest of them is exceeded by chance once in 20
FOLDS = 4
WIDTH = 40  # principal components that the classifier gets, with their squares
LIKE = 0.7  # mean squared difference of neighbouring rows over that of random rows; below, rows are in some order
SORTED = 0.95  # rank correlation with the row number from which on train is sorted
AFTER = 0.9  # share of the split's rows that lie beyond 95 % of train where train ends
SHOWN = 10
SECONDS = 1.5  # of the reference machine, per split
TARGETS = 100_000  # most targets of a split that are read
COLUMNS = 50  # most columns of a target that are compared one by one

Flags = NDArray[np.bool_]


def shift(bench: Bench, measured: Measurements) -> Shift:
    """Compare every split but train and train-dev with train, on seeded samples of at most ROWS rows.

    The null is simulated by random splits of both samples; if neighbouring rows of the file are alike, by cutting
    blocks out of train; and if rows have owners (`Split.groups`), by taking the rows of some owners out of train.
    """
    subject = bench.subject
    others = [split for split in subject.splits if split.name in ("dev", "test")]
    if not others:
        missing = no_split("dev")
        raise NotMeasured(missing.reason, missing.how)
    few = next((split for split in (subject.train, *others) if split.rows < FEWEST), None)
    if few is not None:
        raise NotMeasured(f"{few.name} has fewer than {FEWEST} rows", "Pass more rows.")
    return Shift({split.name: _compare(bench, split) for split in others})


def shift_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `shift`."""
    return Work(seconds=SECONDS * sum(split.name in ("dev", "test") for split in bench.subject.splits))


def _compare(bench: Bench, split: Split) -> SplitShift:
    train = bench.subject.train
    places = [bench.sample(rows, ROWS) for rows in (train, split)]
    ours, theirs = summaries(bench, [(train, places[0]), (split, places[1])])
    classes = bench.strata(train)[places[0]]
    owners = None if train.groups is None else np.unique(train.groups[places[0]], return_inverse=True)[1]
    pool = Pool(ours.table, theirs.table, in_order(ours.table, classes), bench.settings.seed, owners)
    auc = pool.auc(pool.member)
    distances = pool.distances(pool.member)
    null = pool.null
    return SplitShift(
        rows=len(theirs.table),
        rows_train=len(ours.table),
        auc=auc,
        auc_interval=auc_interval(auc, len(theirs.table), len(ours.table)),
        null_auc=max(pool.auc(member) for member in null),
        null_distance=max(float(pool.distances(member).max()) for member in null),
        draws=len(null),
        in_order=pool.ordered,
        features=tuple(_features(ours, theirs, distances)),
        targets=tuple(_target(bench, place, split) for place in range(len(bench.subject.outputs))),
        continues=_continues(bench, split, ours, theirs),
    )


def in_order(table: Array, groups: NDArray[np.int64]) -> bool:
    """Whether rows are more like their neighbours in the file than like other rows of their class (von Neumann)."""
    centred = (
        table
        - np.stack([table[groups == group].mean(axis=0) for group in np.unique(groups)])[
            np.unique(groups, return_inverse=True)[1]
        ]
    )
    spread = centred.var(axis=0)
    if not (spread > 0).any():
        return False
    ratio = np.square(np.diff(centred, axis=0)).mean(axis=0)[spread > 0] / (2 * spread[spread > 0])
    return float(np.median(ratio)) < LIKE


def auc_interval(auc: float, rows: int, others: int) -> Interval:
    """The 95 % interval of an area under the curve (Hanley and McNeil 1982)."""
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (rows - 1) * (one - auc**2) + (others - 1) * (two - auc**2)
    half = 1.96 * float(np.sqrt(max(variance, 0.0) / (rows * others)))
    return Interval(max(0.0, auc - half), min(1.0, auc + half))


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows of train and of another split together."""

    ours: Array
    theirs: Array
    ordered: bool
    seed: int
    owners: NDArray[np.int64] | None = None  # of the rows of train

    @cached_property
    def table(self) -> Array:
        return np.concatenate([self.ours, self.theirs])

    @cached_property
    def member(self) -> Flags:
        """Whether a row of the pool is of the other split."""
        return np.arange(len(self.table)) >= len(self.ours)

    @cached_property
    def null(self) -> list[Flags]:
        """Memberships without a difference; shorter than the pool where only train is cut."""
        generator = np.random.default_rng([self.seed, 6])
        rows, size = len(self.ours), min(len(self.theirs), len(self.ours) // 2)
        if self.owners is not None and len(np.unique(self.owners)) > 1:
            return [_of_some(self.owners, size, generator) for _ in range(DRAWS)]
        if not self.ordered:
            return [generator.permutation(self.member) for _ in range(DRAWS)]
        starts = np.linspace(0, rows - size, DRAWS).astype(int)
        return [(np.arange(rows) >= start) & (np.arange(rows) < start + size) for start in starts]

    def distances(self, member: Flags) -> Array:
        """The Kolmogorov-Smirnov distance of every feature."""
        order, last = self._order(len(member))
        share = np.where(member, 1 / member.sum(), -1 / (~member).sum())[order].cumsum(axis=0)
        return np.asarray(np.abs(np.where(last, share, 0.0)).max(axis=0))

    def _order(self, rows: int) -> tuple[NDArray[np.int64], Flags]:
        """The order of the first rows by every feature, and where a group of equal values ends."""
        if rows not in self._orders:
            order = np.argsort(self.table[:rows], axis=0, kind="stable")
            values = np.take_along_axis(self.table[:rows], order, axis=0)
            last = np.concatenate([values[1:] != values[:-1], np.ones((1, values.shape[1]), bool)])
            self._orders[rows] = order, last
        return self._orders[rows]

    @cached_property
    def _orders(self) -> dict[int, tuple[NDArray[np.int64], Flags]]:
        return {}

    @cached_property
    def _components(self) -> Array:
        """Standardised principal components and their squares: a shift is linear, another scale is not."""
        centred = self.table - self.table.mean(axis=0)
        spread = centred.std(axis=0)
        values = centred[:, spread > 0] / spread[spread > 0]
        if values.shape[1] > WIDTH:
            directions = np.linalg.svd(values, full_matrices=False)[2][:WIDTH]
            values = values @ directions.T
        values = np.clip(values / np.maximum(values.std(axis=0), 1e-12), -5, 5)
        return np.concatenate([values, np.square(values)], axis=1)

    def auc(self, member: Flags) -> float:
        """The cross-validated area under the curve of a linear classifier; folds are blocks if rows are in order."""
        from sklearn.linear_model import RidgeClassifier
        from sklearn.metrics import roc_auc_score
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        x = self._components[: len(member)]
        if not x.shape[1]:
            return 0.5
        folds, scores = self._folds(member), np.zeros(len(member))
        with threadpool_limits(1):
            for fold in range(FOLDS):
                model = RidgeClassifier(alpha=10.0, class_weight="balanced")
                model.fit(x[folds != fold], member[folds != fold])
                scores[folds == fold] = model.decision_function(x[folds == fold])
        return float(roc_auc_score(member, scores))

    def _folds(self, member: Flags) -> NDArray[np.int64]:
        """A fold for every row, of equal share on both sides."""
        generator = np.random.default_rng([self.seed, 7])
        folds = np.zeros(len(member), np.int64)
        for side in (member, ~member):
            place = np.arange(side.sum()) if self.ordered else generator.permutation(side.sum())
            folds[side] = place * FOLDS // side.sum()
        return folds


def _of_some(owners: NDArray[np.int64], size: int, generator: np.random.Generator) -> Flags:
    """The rows of randomly chosen owners, about `size`, but not of all."""
    names, counts = np.unique(owners, return_counts=True)
    order = generator.permutation(len(names))
    taken = max(1, min(len(names) - 1, int(np.searchsorted(counts[order].cumsum(), size)) + 1))
    return np.asarray(np.isin(owners, names[order[:taken]]))


def _features(ours: Summary, theirs: Summary, distances: Array) -> list[FeatureShift]:
    low, high = ours.table.min(axis=0), ours.table.max(axis=0)
    beyond = ((theirs.table < low) | (theirs.table > high)).mean(axis=0)
    chosen = np.argsort(-distances, kind="stable")[:SHOWN]
    return [
        FeatureShift(
            name=ours.names[place],
            distance=float(distances[place]),
            beyond=float(beyond[place]),
            range=(float(theirs.table[:, place].min()), float(theirs.table[:, place].max())),
            train_range=(float(low[place]), float(high[place])),
        )
        for place in chosen
    ]


# --- Targets ----------------------------------------------------------------------------------------


def _target(bench: Bench, place: int, split: Split) -> TargetShift:
    output = bench.subject.outputs[place]
    ours, theirs = (_values(output, rows.targets[place]) for rows in (bench.subject.train, split))
    low, high = ours.min(axis=0), ours.max(axis=0)
    numbers = not output.task.classifies
    generator = np.random.default_rng([bench.settings.seed, 8])
    sides = [rows[generator.permutation(len(rows))[:ROWS]] for rows in (ours, theirs)]
    if not numbers:
        sides = _shares(*sides)
    pool = Pool(sides[0], sides[1], ordered=False, seed=bench.settings.seed)
    return TargetShift(
        output=output.name,
        distance=float(pool.distances(pool.member).max()),
        null=max(float(pool.distances(member).max()) for member in pool.null),
        beyond=float(((theirs < low) | (theirs > high)).any(axis=1).mean()) if numbers else 0.0,
        range=(float(theirs.min()), float(theirs.max())),
        train_range=(float(low.min()), float(high.max())),
    )


def _values(output: Output, targets: Rows) -> Array:
    """[rows, columns]: class numbers, label columns or numbers; the mean of a row with many."""
    some = np.asarray(targets[:: max(1, -(-len(targets) // TARGETS))])
    if output.task in (Task.BINARY, Task.MULTICLASS) and columns_are_classes(output, some):
        some = some.argmax(axis=-1)
    values = np.nan_to_num(np.asarray(some, np.float64).reshape(len(some), -1))
    return values if values.shape[1] <= COLUMNS else values.mean(axis=1, keepdims=True)


def _shares(ours: Array, theirs: Array) -> list[Array]:
    """One column of 0 and 1 per class, so that distances are differences of class shares."""
    if ours.shape[1] > 1:
        return [ours, theirs]
    classes = np.unique(np.concatenate([ours, theirs]))
    return [np.asarray(side == classes[None], np.float64) for side in (ours, theirs)]


def _continues(bench: Bench, split: Split, ours: Summary, theirs: Summary) -> str:
    """The target or feature by which the rows of train are sorted, if the split goes on where train ends."""
    train = bench.subject.train
    for place, output in enumerate(bench.subject.outputs):
        values, others = (_values(output, rows.targets[place]) for rows in (train, split))
        if goes_on(values[:, :1], others[:, :1]).any():
            return f"target {output.name}"
    found = np.flatnonzero(goes_on(ours.table, theirs.table))
    return ours.names[found[0]] if found.size else ""


def goes_on(ours: Array, theirs: Array) -> Flags:
    """For every column, whether train is sorted by it in file order and the other rows lie beyond its end."""
    from scipy.stats import rankdata

    ranks = rankdata(ours, axis=0)
    centred = ranks - ranks.mean(axis=0)
    rows = np.arange(len(ours)) - (len(ours) - 1) / 2
    scale = np.sqrt(np.square(centred).sum(axis=0) * np.square(rows).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (centred * rows[:, None]).sum(axis=0) / scale
    rises = (theirs > np.quantile(ours, 0.95, axis=0)).mean(axis=0) >= AFTER
    falls = (theirs < np.quantile(ours, 0.05, axis=0)).mean(axis=0) >= AFTER
    found: Flags = ((correlation >= SORTED) & rises) | ((correlation <= -SORTED) & falls)
    return found
