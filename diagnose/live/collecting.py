"""Keeps a small sample of the rows fed to a split: whole batches, spread evenly over those seen."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Feeding
from diagnose.measuring.row_order import classes_of, feeding

ROWS = 1_024  # rows in the final sample: enough to call a unit dead, few enough to evaluate often
MOST_BYTES = 64 << 20  # bytes of all rows while collecting
FEWEST_BATCHES = 8  # at least; the rows of a few batches may all be alike

Structure = Any


class Collector:
    """Keeps every `stride`-th batch. When there are too many, it drops every other one and doubles the stride.

    The kept batches are always spread evenly over those seen, in bounded memory.
    """

    def __init__(self) -> None:
        self.stride = 1
        self.batch_size: int | None = None  # rows of the largest kept batch
        self._batches: list[list[NDArray[Any]]] = []
        self._structure: Structure = None

    def offer(self, number: int, structure: Structure, arrays: list[NDArray[Any]]) -> None:
        """Keep batch `number` (from 0) if it is due. `arrays`: in the flat order of `structure`, rows first."""
        if number % self.stride:
            return
        self.batch_size = max(self.batch_size or 0, len(arrays[0]))
        self._structure = structure
        self._batches.append([np.array(array[: self._rows_per_batch(arrays)]) for array in arrays])
        while len(self._batches) >= 2 * FEWEST_BATCHES and self._rows() > 2 * ROWS:
            self._batches = self._batches[::2]
            self.stride *= 2

    def rows(self, seed: int) -> tuple[Structure, ...] | None:
        """At most `ROWS` of the kept rows as (x,), (x, y) or (x, y, sample_weight); None if there are none.

        The sample is stratified by the first target if that holds classes.
        """
        if not self._batches:
            return None
        joined = [np.concatenate(parts) for parts in zip(*self._batches, strict=True)]
        chosen = _spread(_classes(keras.tree.pack_sequence_as(self._structure, joined)), len(joined[0]), seed)
        packed = keras.tree.pack_sequence_as(self._structure, [array[chosen] for array in joined])
        return packed if isinstance(packed, tuple) else (packed,)

    def feeding(self, seed: int) -> Feeding | None:
        """How alike the first target's values are within the kept batches; None if it has no numeric values."""
        if not self._batches:
            return None
        sizes = [len(batch[0]) for batch in self._batches]
        joined = [np.concatenate(parts) for parts in zip(*self._batches, strict=True)]
        first = _first_target(keras.tree.pack_sequence_as(self._structure, joined))
        return None if first is None else feeding(first, sizes, seed)

    def _rows(self) -> int:
        return sum(len(batch[0]) for batch in self._batches)

    def _rows_per_batch(self, arrays: list[NDArray[Any]]) -> int:
        row = sum(array[:1].nbytes for array in arrays)
        return max(1, min(2 * ROWS // FEWEST_BATCHES, MOST_BYTES // (2 * FEWEST_BATCHES * max(row, 1))))


def _first_target(batch: Any) -> NDArray[Any] | None:
    """The first target, or None unless it is numeric and finite."""
    if not isinstance(batch, tuple) or len(batch) < 2:
        return None
    targets = [target for target in keras.tree.flatten(batch[1]) if target is not None]
    first = np.asarray(targets[0]) if targets else None
    return None if first is None or first.dtype.kind not in "biuf" or not np.isfinite(first).all() else first


def _classes(batch: Any) -> NDArray[Any] | None:
    """The class of each row by the first target, for stratifying; None if that holds no classes."""
    first = _first_target(batch)
    return None if first is None else classes_of(first)


def _spread(classes: NDArray[Any] | None, rows: int, seed: int) -> NDArray[np.int64]:
    """At most `ROWS` row numbers, ascending: rows shuffled, sorted by class, every n-th taken."""
    if rows <= ROWS:
        return np.arange(rows)
    mixed = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        mixed = mixed[np.argsort(classes[mixed], kind="stable")]
    return np.sort(mixed[np.linspace(0, rows - 1, ROWS).astype(np.int64)])
