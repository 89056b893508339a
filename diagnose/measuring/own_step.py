"""Judges a model that computes its loss in code of its own by the loss that its own step logs.

The zero point is the loss of the same step by a model that cannot tell rows apart: each layer gives every row the mean
of its outputs over the batch. For a reconstruction that is about the mean row, for a loss that compares embeddings the
same point for all. Of all weights that were scored on the same batches, the ones that do best in this way count, as the
best constant output does elsewhere. The other end is the floor: 0, or the lowest loss that was seen if that is
negative. Batches of the training's size (smaller if a split has not two of them) are the units of intervals. A model
without an own `test_step` is judged in training mode, by its `train_step` with optimizers that change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.measurements import Array, NotMeasured, Score
from diagnose.measurements.tasks import NAME_TASK
from diagnose.measuring import backend
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import own_method
from diagnose.measuring.network import walk_like
from diagnose.measuring.own_loss import FEWEST_BATCHES, MOST_BATCHES, WHOLE_BATCHES, score_of_losses, spread_of
from diagnose.measuring.probe import blinded, call, still_optimizers, tensors
from diagnose.subject import Rows, Split, Task

ALIKE = "the same for every row"
NAME_LOSS = 'Return the total under the key "loss".'

Losses = Callable[[Any], tuple[Any, Any]]


def judged_by_step(bench: Bench) -> bool:
    """Whether the only output has no task, and no loss but the one that the model's own code computes.

    A compiled loss counts for nothing if it is unknown which outputs the model's own step gives it.
    """
    outputs, model = bench.subject.outputs, bench.subject.model
    compiled = getattr(model, "_compile_loss", None) is not None and not own_method(model, "compute_loss")
    only = len(outputs) == 1 and outputs[0].task is Task.OWN_LOSS
    return only and (not compiled or bool(bench.subject.opaque))


def step_score(bench: Bench, model: Any, split: Split, rows: NDArray[np.int64]) -> Score:
    """Score these rows of a split with the weights that `model` has now.

    Raises:
        NotMeasured: the step logs no total loss, fails on these rows, or there are too few rows for two batches.
    """
    own, blind = _losses(bench, model, split, rows)
    place = f"blind {split.name} {len(rows)}"
    if not bench.cache.get(place, blind).mean() <= blind.mean():  # it may be nan
        bench.cache[place] = blind
    constant = bench.cache.setdefault(place, blind)
    floor = min(0.0, *own[np.isfinite(own)], *blind[np.isfinite(blind)], bench.cache.get("floor of own step", 0.0))
    bench.cache["floor of own step"] = floor
    predicted = _outputs(bench, model, split, rows)
    spread = None if predicted is None else spread_of(predicted[_finite(predicted)])
    broken = 0 if predicted is None else int(np.count_nonzero(~_finite(predicted)))
    return score_of_losses(
        bench.subject.outputs[0],
        own,
        constant,
        rows=len(rows),
        floor=floor,
        constant_name=ALIKE,
        batches=True,
        spread=spread,
        non_finite=broken,
        told=float(np.abs(own - blind).mean() / np.abs(own).mean()) if own.any() else 0.0,
    )


def as_fit_gives(bench: Bench, inputs: Any, targets: Any, weights: Any = None) -> Any:
    """Return a batch as `fit` gives it to a step: inputs alone where the user has no targets."""
    import keras

    return keras.utils.pack_x_y_sample_weight(inputs, targets if bench.subject.labelled else None, weights)


def logged_loss(model: Any, logs: Any) -> Any:
    """Return the total loss that a step logged.

    Raises:
        NotMeasured: it logged none.
    """
    names = {name: value for name, value in (logs.items() if isinstance(logs, dict) else ()) if "loss" in name}
    if "loss" in names or len(names) == 1:
        return names["loss"] if "loss" in names else next(iter(names.values()))
    step = f"{type(model).__name__}.{_step(model)}"
    if not names:
        raise NotMeasured(f"{step} logs no loss", NAME_LOSS)
    raise NotMeasured(f"{step} logs {' and '.join(names)}, and no total that should fall", NAME_LOSS)


def forget_metrics(model: Any) -> None:
    """Reset the metrics, so that what a step logs is of its batch alone."""
    for metric in model.metrics:
        metric.reset_state()


# --- One step -----------------------------------------------------------------------------------------


def _step(model: Any) -> str:
    """The method that computes the loss in an evaluation, if it can be had, else in training."""
    return "train_step" if own_method(model, "train_step") and not own_method(model, "test_step") else "test_step"


def _losses(bench: Bench, model: Any, split: Split, rows: NDArray[np.int64]) -> tuple[Array, Array]:
    """The loss of each batch of these rows, and that of the model that cannot tell rows apart: [batches] each."""
    size = _size(bench)
    order = np.random.default_rng(0).permutation(rows)
    starts = range(0, len(order) - size + 1, size)[:MOST_BATCHES]
    if len(starts) < FEWEST_BATCHES:
        raise NotMeasured(f"the loss is that of a batch of {size} rows, and there are only {len(rows)}", WHOLE_BATCHES)
    if "own step" not in bench.cache:
        bench.cache["own step"] = _compiled(bench, model)
    run: Losses = bench.cache["own step"]
    batches = (as_fit_gives(bench, *bench.batch(split, order[start : start + size])) for start in starts)
    try:
        pairs = np.array([[float(value) for value in run(batch)] for batch in batches], np.float64)
    except NotMeasured:
        raise
    except Exception as error:  # code of the user's may raise anything
        name = f"{type(model).__name__}.{_step(model)}"
        raise NotMeasured(f"{name} fails on these rows ({type(error).__name__})", NAME_TASK) from error
    return pairs[:, 0], pairs[:, 1]


def _size(bench: Bench) -> int:
    """Rows of a batch, the same for all splits: a loss that compares rows depends on their number."""
    splits = [*bench.subject.splits, *bench.holdout()]
    return max(1, min(bench.batch_size, *(split.rows // FEWEST_BATCHES for split in splits)))


def _compiled(bench: Bench, model: Any) -> Losses:
    """Compile a pass over one batch with the model's own step, twice: as it is, and blind to the rows."""
    import keras

    parts = walk_like(bench, model).parts
    step = getattr(model, _step(model))

    def once(data: Any) -> Any:
        with keras.StatelessScope(collect_losses=True), still_optimizers():
            forget_metrics(model)
            return logged_loss(model, step(data))

    def both(data: Any) -> Any:
        own = once(data)
        with blinded(parts):
            return own, once(data)

    compiled = backend.compiled(both)
    if getattr(model, "run_eagerly", False):
        return lambda data: tuple(both(tensors(data)))
    return lambda data: tuple(compiled(tensors(data)))


def _outputs(bench: Bench, model: Any, split: Split, rows: NDArray[np.int64]) -> Rows | None:
    """The outputs of some rows, flat; None if the model cannot be called on rows."""
    import keras

    if bench.subject.opaque:
        return None
    inputs, _, _ = bench.batch(split, rows[: _size(bench)])
    with keras.StatelessScope():
        given = keras.tree.flatten(call(model, inputs, training=False))
    flat = np.asarray(keras.ops.convert_to_numpy(given[0]))
    return flat.reshape(len(flat), -1)


def _finite(predicted: Rows) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(predicted).all(axis=1))
