"""How alike the targets of neighbouring rows are, against random orders of the same rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Feeding

ORDERS = 50  # random orders, to estimate the correlation by chance
MOST_CLASSES = 100  # with more classes, a batch has too few rows of each to compare
BLOCKS = 64  # of consecutive rows that are read


def feeding(target: NDArray[np.generic], sizes: Sequence[int], seed: int) -> Feeding | None:
    """How alike the values of a target are within consecutive batches of these sizes.

    None if there are not two batches of two rows, or the target is not numeric.
    """
    values = _values(target)
    if values is None or len(sizes) < 2 or max(sizes) < 2:
        return None
    generator = np.random.default_rng(seed)
    chance = [_alike(generator.permutation(values), sizes) for _ in range(ORDERS)]
    return Feeding(len(sizes), len(values), _alike(values, sizes), max(chance))


def order_of(target: NDArray[np.generic], batch_size: int, seed: int) -> Feeding | None:
    """The same for the rows of a split as they lie there, in blocks of `batch_size` rows spread evenly over it."""
    count = min(BLOCKS, len(target) // batch_size)
    if count < 2:
        return None
    starts = np.linspace(0, len(target) - batch_size, count).astype(int)
    return feeding(np.concatenate([target[start : start + batch_size] for start in starts]), [batch_size] * count, seed)


def classes_of(target: NDArray[np.generic]) -> NDArray[np.generic] | None:
    """The class of each row; None if the target holds no classes."""
    if target.ndim == 2 and target.shape[1] > 1:
        return np.asarray(target.argmax(axis=1))
    flat = target.reshape(len(target), -1)
    return flat[:, 0] if flat.shape[1] == 1 and np.array_equal(flat, np.round(flat.astype(np.float64))) else None


def _values(target: NDArray[np.generic]) -> NDArray[np.float64] | None:
    """The target as [rows, values]: classes one-hot (up to `MOST_CLASSES`), other numbers unchanged."""
    if target.dtype.kind not in "biuf" or not np.isfinite(target).all():
        return None
    classes = classes_of(target)
    if classes is not None and len(known := np.unique(classes)) <= MOST_CLASSES:
        return np.asarray(classes[:, None] == known, np.float64)
    return target.reshape(len(target), -1)[:, :MOST_CLASSES].astype(np.float64)


def _alike(values: NDArray[np.float64], sizes: Sequence[int]) -> float:
    """Intraclass correlation of consecutive batches (one-way analysis of variance); 0 if the values are constant."""
    counts, starts = np.array(sizes, np.float64), np.cumsum([0, *sizes[:-1]])
    centred = values - values.mean(axis=0)
    squares = float((np.square(np.add.reduceat(centred, starts)) / counts[:, None]).sum())  # of batch means
    between = squares / (len(sizes) - 1)
    inside = max(float(np.square(centred).sum()) - squares, 0.0) / max(len(values) - len(sizes), 1)
    typical = (counts.sum() - np.square(counts).sum() / counts.sum()) / (len(sizes) - 1)
    total = between + (typical - 1) * inside
    return (between - inside) / total if total > 0 else 0.0
