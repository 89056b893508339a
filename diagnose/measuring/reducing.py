"""Reduces tensors of one layer to small arrays, inside the compiled function that computes them."""

from typing import Any

import numpy as np

from diagnose.measurements.magnitudes import EDGES
from diagnose.measuring import backend
from diagnose.measuring.walking import Part

POSITIONS = 16  # most pixels or time steps of a row in the statistics; extremes use all
EVERY_ROW, EVERY_POSITION = 4, 8  # of the rows, and of these positions, every n-th is counted by size
UNITS = 64  # most units whose values are counted by size
WEIGHTS = 4_096  # most gradients of one kernel that are counted by size
SEED = 0  # of the choice of positions, units and weights
TANH_SATURATED = 0.97
SIGMOID_SATURATED = (0.03, 0.97)


def statistics(tensor: Any, bounds: tuple[float, float] | None) -> tuple[Any, Any, Any]:
    """Return counts (values, rows), an array [9, units], see `Tally` for the order of its rows, and counts by size."""
    from keras import ops

    tensor = ops.cast(tensor if len(tensor.shape) > 1 else tensor[:, None], "float32")
    units = tensor.shape[-1]
    rows = ops.shape(tensor)[0]
    cells = ops.reshape(tensor, (rows, -1, units))  # rows, positions, units
    low, high = ops.min(ops.min(cells, axis=1), axis=0), ops.max(ops.max(cells, axis=1), axis=0)
    cells = _some_positions(cells)
    row_means = ops.mean(cells, axis=1)
    values = ops.reshape(cells, (-1, units))
    mean, row_mean = ops.mean(values, axis=0), ops.mean(row_means, axis=0)
    finite = ops.isfinite(values)
    saturated = ops.zeros_like(mean) if bounds is None else _count((values < bounds[0]) | (values > bounds[1]))
    table = [
        mean,
        ops.sum(ops.square(values - mean), axis=0),
        row_mean,
        ops.sum(ops.square(row_means - row_mean), axis=0),
        low,
        high,
        _count(values > 0),
        saturated,
        _count(ops.logical_not(finite)),
    ]
    counts = [ops.cast(ops.shape(values)[0], "float32"), ops.cast(rows, "float32")]
    return ops.stack(counts), ops.stack(table), by_size(_few(cells))


def _few(cells: Any) -> Any:
    """A sample of the values of one layer that is enough for a small histogram, always at the same places."""
    from keras import ops

    units = cells.shape[-1]
    some = cells[::EVERY_ROW, ::EVERY_POSITION]
    if units <= UNITS:
        return some
    return ops.take(some, np.sort(np.random.default_rng(SEED).permutation(units)[:UNITS]).astype("int32"), axis=-1)


def kernel_sizes(gradient: Any) -> Any:
    """Count the gradients of one kernel by size: all of them, or those of a seeded sample that stands for all."""
    from keras import ops

    values, size = ops.reshape(gradient, (-1,)), int(np.prod(gradient.shape))
    if size <= WEIGHTS:
        return by_size(values)
    chosen = np.sort(np.random.default_rng(SEED).integers(0, size, WEIGHTS)).astype("int32")
    return by_size(ops.take(values, chosen)) * (size / WEIGHTS)


def by_size(values: Any) -> Any:
    """Count finite values by size: [number of all, of those that are not 0, of those at or above each inner edge]."""
    from keras import ops

    sizes = ops.abs(ops.cast(ops.reshape(values, (-1, 1)), "float32"))
    least = np.asarray([-1.0, 0.0, *EDGES[1:-1]], "float32")  # the outer bins are open
    return ops.sum(ops.cast(sizes > least, "float32"), axis=0)


def _some_positions(cells: Any) -> Any:
    """Take at most POSITIONS of each row, the same in all rows and batches; all if their number is not fixed."""
    from keras import ops

    positions = cells.shape[1]
    if positions is None or positions <= POSITIONS:
        return cells
    chosen = np.sort(np.random.default_rng(SEED).permutation(positions)[:POSITIONS])
    return ops.take(cells, chosen.astype("int32"), axis=1)


def _count(condition: Any) -> Any:
    from keras import ops

    return ops.sum(ops.cast(condition, "float32"), axis=0)


def saturation_bounds(part: Part) -> tuple[float, float] | None:
    """The values outside which an activation is saturated."""
    from diagnose.measuring.naming import activation_name

    name = activation_name(part.inner)
    if name == "tanh":
        return -TANH_SATURATED, TANH_SATURATED
    return SIGMOID_SATURATED if name in ("sigmoid", "hard_sigmoid") else None


def squares_of(gradients: list[Any]) -> tuple[Any, Any]:
    """Return sum of squares and number of values over all calls of a part; nan without gradients."""
    from keras import ops

    known = [gradient for gradient in gradients if gradient is not None]
    if not known:
        return ops.convert_to_tensor(np.float32(np.nan)), ops.convert_to_tensor(np.float32(1))
    sizes = [ops.cast(ops.size(gradient), "float32") for gradient in known]
    return sum(backend.sum_of_squares(gradient) for gradient in known), sum(sizes)
