"""The first seen rows of a split, few enough to keep: whole batches, spread evenly over what has passed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 1_024  # kept in the end: enough to call a unit dead, few enough to look at often
MOST_BYTES = 64 << 20  # of all rows while they are collected
FEWEST_BATCHES = 8  # rows of few batches may all be of one kind

Structure = Any


class Collector:
    """Keeps every `stride`-th batch; when there are too many, every other one goes and the stride doubles.

    So at any time the kept batches are spread evenly over all that have passed, in bounded memory.
    """

    def __init__(self) -> None:
        self.stride = 1
        self.batch_size: int | None = None  # rows of the largest batch that was kept
        self._batches: list[list[NDArray[Any]]] = []
        self._structure: Structure = None

    def offer(self, number: int, structure: Structure, arrays: list[NDArray[Any]]) -> None:
        """Take batch `number` (from 0): its arrays in the flat order of `structure`, rows first."""
        if number % self.stride:
            return
        self.batch_size = max(self.batch_size or 0, len(arrays[0]))
        self._structure = structure
        self._batches.append([np.array(array[: self._rows_per_batch(arrays)]) for array in arrays])
        while len(self._batches) >= 2 * FEWEST_BATCHES and self._rows() > 2 * ROWS:
            self._batches = self._batches[::2]
            self.stride *= 2

    def rows(self, seed: int) -> tuple[Structure, ...] | None:
        """At most `ROWS` of the kept rows as (x,), (x, y) or (x, y, sample_weight); None where there are none.

        Where there are more, each value of the first target that looks like a class keeps its share.
        """
        import keras

        if not self._batches:
            return None
        joined = [np.concatenate(parts) for parts in zip(*self._batches, strict=True)]
        chosen = _spread(_classes(keras.tree.pack_sequence_as(self._structure, joined)), len(joined[0]), seed)
        packed = keras.tree.pack_sequence_as(self._structure, [array[chosen] for array in joined])
        return packed if isinstance(packed, tuple) else (packed,)

    def _rows(self) -> int:
        return sum(len(batch[0]) for batch in self._batches)

    def _rows_per_batch(self, arrays: list[NDArray[Any]]) -> int:
        row = sum(array[:1].nbytes for array in arrays)
        return max(1, min(2 * ROWS // FEWEST_BATCHES, MOST_BYTES // (2 * FEWEST_BATCHES * max(row, 1))))


def _classes(batch: Any) -> NDArray[Any] | None:
    """The class of each row where the first target has one, for stratifying."""
    import keras

    if not isinstance(batch, tuple) or len(batch) < 2:
        return None
    targets = [target for target in keras.tree.flatten(batch[1]) if target is not None]
    first = np.asarray(targets[0]) if targets else None
    if first is None or first.dtype.kind not in "biuf" or not np.isfinite(first).all():
        return None
    if first.ndim == 2 and first.shape[1] > 1:
        return np.asarray(first.argmax(axis=1))
    flat = first.reshape(len(first), -1)
    return flat[:, 0] if flat.shape[1] == 1 and np.array_equal(flat, np.round(flat)) else None


def _spread(classes: NDArray[Any] | None, rows: int, seed: int) -> NDArray[np.int64]:
    """At most `ROWS` row numbers in their order: sorted by class in a random order, then every n-th."""
    if rows <= ROWS:
        return np.arange(rows)
    mixed = np.random.default_rng(seed).permutation(rows)
    if classes is not None:
        mixed = mixed[np.argsort(classes[mixed], kind="stable")]
    return np.sort(mixed[np.linspace(0, rows - 1, ROWS).astype(np.int64)])
