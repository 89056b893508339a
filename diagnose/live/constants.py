"""The loss of the best constant prediction, computed with the model's compiled loss."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.loading.models.own_steps import own_step
from diagnose.measuring.evaluation import output_losses
from diagnose.subject import Rows

PART = 256  # rows that the loss gets at once
SMALLEST = 1e-6  # class shares are clipped to this before the logarithm


@dataclass(frozen=True)
class ConstantLoss:
    """The data loss of the best constant prediction: of all outputs, and of each without its weight (None: unknown)."""

    whole: float
    by_output: tuple[float | None, ...]


def constant_loss(model: Any, batch: tuple[Any, ...]) -> ConstantLoss | None:
    """The data loss of the best constant prediction on these rows; None if it cannot be computed.

    Unknown as well where the model's own `compute_loss` makes another loss of the compiled one.

    Candidates per output: class shares and means, their logarithms and log odds (for losses that take logits), and
    medians. Sample weights and output weights count as in training.

    Args:
        model: compiled, with known output shapes.
        batch: (x, y) or (x, y, sample_weight).
    """
    import keras

    compiled = getattr(model, "_compile_loss", None)
    shapes = [tuple(tensor.shape)[1:] for tensor in getattr(model, "outputs", None) or []]
    if compiled is None or len(batch) < 2 or not shapes or own_step(model) == "compute_loss":
        return None
    truth = keras.tree.flatten(batch[1])
    if len(truth) != len(shapes):
        return None
    tried = [list(_constants(np.asarray(y), shape)) for y, shape in zip(truth, shapes, strict=True)]
    if not all(tried):
        return None
    chosen, best = [0] * len(tried), np.inf
    for output, candidates in enumerate(tried):
        for number in range(len(candidates)):
            others = [*chosen[:output], number, *chosen[output + 1 :]]
            loss = _loss(model, batch, _picked(tried, others))
            if loss < best:
                best, chosen = loss, others
    if not np.isfinite(best):
        return None
    return ConstantLoss(float(best), _by_output(model, batch, _picked(tried, chosen)) if len(tried) > 1 else (best,))


def _picked(tried: list[list[Rows]], places: list[int]) -> list[Rows]:
    return [constants[place] for constants, place in zip(tried, places, strict=True)]


def _loss(model: Any, batch: tuple[Any, ...], constants: list[Rows]) -> float:
    def computed(part: tuple[Any, ...], rows: list[Rows]) -> list[Any]:
        return [model._compile_loss(part[1], *_predicted(model, part, rows))]

    try:
        (loss,) = _averaged(batch, constants, computed)
    except Exception:  # noqa: BLE001 - some losses reject a constant prediction
        return float("inf")
    return float("inf") if loss is None else loss


def _by_output(model: Any, batch: tuple[Any, ...], constants: list[Rows]) -> tuple[float | None, ...]:
    def computed(part: tuple[Any, ...], rows: list[Rows]) -> list[Any]:
        return output_losses(model, part[1], *_predicted(model, part, rows))

    return _averaged(batch, constants, computed)


def _averaged(
    batch: tuple[Any, ...], constants: list[Rows], computed: Callable[[tuple[Any, ...], list[Rows]], list[Any]]
) -> tuple[float | None, ...]:
    """The losses that `computed` gives, as their means over parts of the rows; None where it gives none.

    A loss that compares rows may need the cube of their number in memory.
    """
    import keras

    found, sizes = [], []
    with keras.StatelessScope():
        for start in range(0, len(constants[0]), PART):
            chosen = slice(start, start + PART)
            part = keras.tree.map_structure(lambda rows, at=chosen: None if rows is None else rows[at], batch[1:])
            losses = computed((None, *part), [constant[chosen] for constant in constants])
            found.append([None if loss is None else float(keras.ops.mean(loss)) for loss in losses])
            sizes.append(len(constants[0][chosen]))
    return tuple(
        None if None in one else float(np.average(np.array(one, np.float64), weights=sizes))
        for one in zip(*found, strict=True)
    )


def _predicted(model: Any, batch: tuple[Any, ...], constants: list[Rows]) -> tuple[Any, Any]:
    """The constants in the structure of the outputs, and the weights of the rows."""
    import keras

    tensors = [keras.ops.convert_to_tensor(constant) for constant in constants]
    structure = getattr(model, "_outputs_struct", None)  # missing on a Sequential
    predicted = tensors[0] if structure is None else keras.tree.pack_sequence_as(structure, tensors)
    return predicted, batch[2] if len(batch) > 2 else None


def _constants(y: NDArray[Any], shape: tuple[int | None, ...]) -> Iterator[Rows]:
    """Candidate constant predictions for targets `y`, each of shape (rows, *shape)."""
    sizes = [size for size in shape if size is not None]
    if y.dtype.kind not in "biuf" or len(sizes) < len(shape) or not y.size:
        return
    units, cells = (sizes or [1])[-1], int(np.prod(sizes))
    flat = y.reshape(len(y), -1).astype(np.float64)
    if units > 1 and flat.shape[1] * units == cells:  # one integer label per position
        labels = flat[(flat >= 0) & (flat < units)].astype(np.int64)
        rows = [np.bincount(labels, minlength=units) / max(labels.size, 1)]
    elif flat.shape[1] == cells:
        rows = [flat.mean(axis=0), np.median(flat, axis=0)]
    else:
        return
    share = np.clip(rows[0], SMALLEST, 1 - SMALLEST)
    rows += [np.log(share), np.log(share / (1 - share))]
    for row in rows:
        repeated = np.broadcast_to(row, (len(y), cells // len(row), len(row)))
        yield repeated.reshape(len(y), *sizes).astype(np.float32)
