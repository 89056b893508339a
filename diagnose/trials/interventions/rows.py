"""Interventions that train on fewer rows: without those whose label is doubtful, and without copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from diagnose.subject import Rows, Split, Task
from diagnose.trials.interventions.augmenting import numeric
from diagnose.trials.interventions.data import TABLE, class_of_each
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAREST, AGREE = 10, 6  # training rows around a row, and how many of them must have one other label to doubt its own
FEW = 0.02  # share of the training rows; dropping fewer changes nothing that could be measured
COMPARED = 2e10  # pairs of rows times columns, at most: some seconds
Chosen = Callable[[TrainingPlan], "NDArray[np.bool_] | DoesNotApply"]


def _without(plan: TrainingPlan, chosen: Chosen, what: str) -> TrainingPlan | DoesNotApply:
    """The plan without the chosen rows of train."""
    dropped = chosen(plan)
    if isinstance(dropped, DoesNotApply):
        return dropped
    return _keeping(plan, what.format(dropped.sum()), ~dropped)


def _without_as_many(plan: TrainingPlan, chosen: Chosen) -> TrainingPlan | DoesNotApply:
    """The placebo: the plan without as many rows, drawn at random."""
    dropped = chosen(plan)
    if isinstance(dropped, DoesNotApply):
        return dropped
    import numpy as np

    shuffled = np.random.default_rng(0).permutation(dropped)
    return _keeping(plan, f"{dropped.sum():,} random rows left out", ~shuffled)


def _keeping(plan: TrainingPlan, what: str, kept: NDArray[np.bool_]) -> TrainingPlan:
    """The plan with some of its training rows."""
    numbers = None if plan.numbers is None else plan.numbers[kept]
    return plan.changed(what, train=rows_of(plan.train, kept), numbers=numbers)


def rows_of(split: Split, kept: NDArray[np.bool_]) -> Split:
    """The same split with some of its rows: [rows] true for those that are kept."""
    weight, groups, times = (
        None if part is None else part[kept] for part in (split.sample_weight, split.groups, split.times)
    )
    return replace(
        split,
        inputs=tuple(rows[kept] for rows in split.inputs),
        targets=tuple(rows[kept] for rows in split.targets),
        sample_weight=weight,
        groups=groups,
        times=times,
    )


def _suspects(plan: TrainingPlan) -> NDArray[np.bool_] | DoesNotApply:
    """The rows that most of their nearest training rows contradict with one and the same label: [rows].

    What edited nearest neighbours drop (Wilson 1972, IEEE Transactions on Systems, Man, and Cybernetics 2).
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    train = plan.train
    if len(plan.outputs) > 1 or plan.outputs[0].task not in (Task.BINARY, Task.MULTICLASS):
        return DoesNotApply("a row does not have one label")
    if not numeric(plan):
        return DoesNotApply("rows that are not one array of numbers have no nearest ones")
    labels = class_of_each(train.targets[0])
    if labels.ndim > 1:
        return DoesNotApply("a row has a label at each position")
    columns = prod(train.inputs[0].shape[1:])
    if train.rows <= NEAREST or train.rows**2 * columns > COMPARED:
        return DoesNotApply("there are too few rows, or too many, to compare each with all others")
    rows: NDArray[Any] = np.asarray(train.inputs[0], np.float32).reshape(train.rows, columns)
    if not np.isfinite(rows).all():
        return DoesNotApply("some inputs are not finite")
    if columns <= TABLE:
        spread = rows.std(axis=0)
        rows = rows / np.where(spread > 0, spread, 1)
    nearest = NearestNeighbors(n_neighbors=NEAREST).fit(rows).kneighbors(return_distance=False)
    votes = np.eye(labels.max() + 1, dtype=np.float32)[labels[nearest]].sum(axis=1)
    votes[np.arange(train.rows), labels] = 0
    return _unless_few(votes.max(axis=1) >= AGREE, "hardly a training row is contradicted by those around it")


def _copies(plan: TrainingPlan) -> NDArray[np.bool_] | DoesNotApply:
    """The rows whose inputs an earlier row has, and those whose label is outvoted by rows with the same inputs: [rows].

    One row of each kind stays: the first with the most frequent target.
    """
    import numpy as np

    train = plan.train
    if any(rows.dtype.kind == "O" for rows in (*train.inputs, *train.targets)):
        return DoesNotApply("rows of text or objects are not compared")
    kinds, of_inputs = _numbered(train.inputs, train.rows)
    targets, of_targets = _numbered((of_inputs, *train.targets), train.rows)
    counts = np.bincount(of_targets, minlength=targets)
    order = np.lexsort((np.arange(train.rows), -counts[of_targets], of_inputs))  # by inputs, the best of each first
    first = np.r_[True, np.diff(of_inputs[order]) != 0] if kinds else np.zeros(0, bool)
    dropped = np.ones(train.rows, bool)
    dropped[order[first]] = False
    return _unless_few(dropped, "hardly a training row is there twice")


def _numbered(parts: tuple[Rows, ...], rows: int) -> tuple[int, NDArray[np.int64]]:
    """How many different rows there are, and a number for each row, the same for equal ones: [rows]."""
    import numpy as np

    each = [np.ascontiguousarray(part).reshape(rows, -1) for part in parts]
    numbers: dict[bytes, int] = {}
    found = [numbers.setdefault(b"".join(one[row].tobytes() for one in each), len(numbers)) for row in range(rows)]
    return len(numbers), np.array(found, np.int64)


def _unless_few(dropped: Any, otherwise: str) -> NDArray[np.bool_] | DoesNotApply:
    import numpy as np

    found = np.asarray(dropped, bool)
    return found if found.size and found.mean() >= FEW else DoesNotApply(otherwise, needless=True)


WITHOUT_SUSPECTS = Intervention(
    f"Leaves out the training rows of which {AGREE} of the {NEAREST} nearest have one other label.",
    partial(_without, chosen=_suspects, what="{:,} rows left out whose neighbours have another label"),
    placebo=partial(_without_as_many, chosen=_suspects),
)
EACH_ROW_ONCE = Intervention(
    "Leaves out copies of training rows, those with the rarer label first.",
    partial(_without, chosen=_copies, what="{:,} copies of other rows left out"),
    placebo=partial(_without_as_many, chosen=_copies),
)
