"""Rows of train and dev together, of which every training holds out others: more rows to judge a change on.

Splits of the data vary more than seeds do, so that both are drawn anew (Bouthillier et al. 2021, arXiv:2103.03098).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diagnose.measurements import Dataset, Shift
from diagnose.measuring.bench import DEV_ROWS
from diagnose.trials.plan import TrainingPlan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnose.measurements import Measurements
    from diagnose.measuring.bench import Bench
    from diagnose.measuring.training import Numbers
    from diagnose.subject import Rows, Split

LOOK = 1_000  # seeds from one look at a change to the next; the trainings of one look use fewer
TWINS = 0.01  # share of rows with an equal row; with more, a held-out row is often one that was trained on


def may_pool(bench: Bench, measured: Measurements) -> bool:
    """Whether dev is small, and rows of train could as well be rows of dev.

    That is so where the two cannot be told apart, and where no row tells of another one: by its owner, its time, its
    place in the file, or as its copy.
    """
    shift, dataset = measured.get(Shift), measured.get(Dataset)
    if not isinstance(shift, Shift) or not isinstance(dataset, Dataset):
        return False
    subject, (train, dev) = bench.subject, bench.holdout()
    if dev.name not in shift.splits:
        return False
    apart = shift.splits[dev.name]
    alike = apart.auc <= apart.null_auc and all(target.distance <= target.null for target in apart.targets)
    ordered = apart.in_order or apart.continues or subject.train.times is not None or subject.train.groups is not None
    weighted = {split.sample_weight is None for split in (train, dev)}
    twins = [
        twins.share for twins in (dataset.train.duplicates, dataset.shared_rows.get(dev.name)) if twins is not None
    ]
    apart_from_copies = max(twins, default=0.0) <= TWINS
    return alike and not ordered and apart_from_copies and len(weighted) == 1 and dev.rows < min(DEV_ROWS, train.rows)


def in_folds(own: TrainingPlan) -> TrainingPlan:
    """The same training on rows of train and dev together; each seed holds out as many others as dev has.

    No row is held out twice before each one was.
    """
    pool = _joined(own.train, own.dev)
    held_out = _folds(pool.rows, own.dev.rows, own.seeds[0], range(len(own.seeds)))
    return replace(own, train=pool, dev=pool, numbers=np.arange(pool.rows), held_out=held_out)


def looked_again(plan: TrainingPlan) -> TrainingPlan:
    """The same training for a second look: with as many other seeds; where rows are held out, with the next ones."""
    seeds = tuple(seed + LOOK for seed in plan.seeds)
    if not plan.held_out:
        return replace(plan, seeds=seeds)
    following = range(len(seeds), 2 * len(seeds))
    return replace(plan, seeds=seeds, held_out=_folds(plan.dev.rows, len(plan.held_out[0]), plan.seeds[0], following))


def _folds(rows: int, size: int, seed: int, numbers: Iterable[int]) -> tuple[Numbers, ...]:
    """The numbers of the rows in these folds of `size` rows, one after another of a partition, then of the next one."""
    found = []
    for number in numbers:
        partition, place = divmod(number, rows // size)
        shuffled = np.random.default_rng([seed, 13, partition]).permutation(rows)
        found.append(np.sort(shuffled[place * size :][:size]))
    return tuple(found)


def _joined(train: Split, dev: Split) -> Split:
    """The rows of both splits, those of train first."""

    def both(ours: Rows, theirs: Rows) -> Rows:
        return np.concatenate([ours, theirs])

    weight = None
    if train.sample_weight is not None and dev.sample_weight is not None:
        weight = both(train.sample_weight, dev.sample_weight)
    return replace(
        train,
        inputs=tuple(map(both, train.inputs, dev.inputs)),
        targets=tuple(map(both, train.targets, dev.targets)),
        sample_weight=weight,
    )
