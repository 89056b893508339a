"""Which positions of a row count: those that neither a mask, nor a weight of 0, nor the loss ignores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measuring.bench import Bench
from diagnose.measuring.probe import call, tensors
from diagnose.measuring.scoring import Counted
from diagnose.subject import Rows, Split

AT_ONCE = 256  # rows


def counted(bench: Bench, split: Split, index: NDArray[np.int64]) -> tuple[Counted, ...]:
    """Return for each output which positions [rows, positions] of these rows count in the loss; None: all of them.

    Keras leaves out the positions that the mask of the output hides, weighs those with a sample weight of 0 by 0, and
    a loss may have an `ignore_class`.
    """
    outputs = bench.subject.outputs
    if not any(_several(rows) for rows in split.targets):
        return (None,) * len(outputs)
    masks = _masks(bench, split, index)
    loss = getattr(bench.subject.model, "loss", None)
    ignored = getattr(loss, "ignore_class", None) if len(outputs) == 1 else None
    found = []
    for place, targets in enumerate(split.targets):
        shape = (len(index), max(1, int(np.prod(targets.shape[1:]))))
        parts = [_flat(masks[place], len(index)), _flat(_weighted(split, index), len(index))]
        if ignored is not None:
            parts.append(_flat(np.asarray(targets[index]) != ignored, shape[0]))
        known = [part for part in parts if part is not None]
        found.append(np.logical_and.reduce(known) if known and len({part.shape for part in known}) == 1 else None)
    return tuple(found)


def _several(targets: Rows) -> bool:
    return targets.ndim > 1 and int(np.prod(targets.shape[1:])) > 1


def _flat(part: Rows | None, rows: int) -> NDArray[np.bool_] | None:
    return None if part is None else np.asarray(part, bool).reshape(rows, -1)


def _weighted(split: Split, index: NDArray[np.int64]) -> Rows | None:
    """Positions with a weight; None if each row has one weight only."""
    weights = split.sample_weight
    return None if weights is None or weights.ndim < 2 else np.asarray(weights[index]) != 0


def _masks(bench: Bench, split: Split, index: NDArray[np.int64]) -> list[Rows | None]:
    """The mask of each output as Keras's loss sees it; None for outputs without one."""
    if not bench.cache.setdefault("masked outputs", may_mask(bench.subject.model)):
        return [None] * len(bench.subject.outputs)
    import keras

    parts: list[list[Any]] = []
    with bench.at(None) as model, keras.StatelessScope():
        for start in range(0, len(index), AT_ONCE):
            inputs, _, _ = bench.batch(split, index[start : start + AT_ONCE])
            predicted = keras.tree.flatten(call(model, tensors(inputs), training=False))
            parts.append([_mask(output) for output in predicted])
    each = list(zip(*parts, strict=True))
    return [None if any(part is None for part in output) else np.concatenate(output) for output in each]


def _mask(output: Any) -> Rows | None:
    import keras

    mask = getattr(output, "_keras_mask", None)
    return None if mask is None else np.asarray(keras.ops.convert_to_numpy(mask))


def may_mask(model: Any) -> bool:
    """Return whether some layer computes a mask."""
    layers = model._flatten_layers(include_self=False)
    return any(getattr(layer, "mask_zero", False) or type(layer).__name__ == "Masking" for layer in layers)
