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
from diagnose.measuring.probe import blinded, call, tensors
from diagnose.measuring.train_steps import still_optimizers
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


class StepScores:
    """Scores the weights that a model has at the time, again and again on the same batches of a split.

    Args:
        bench: of the subject.
        model: the subject's model or a copy of it.
        split: holds the rows.
        chosen: numbers of the rows to draw the batches from.

    Raises:
        NotMeasured: there are too few rows for two batches.
    """

    def __init__(self, bench: Bench, model: Any, split: Split, chosen: NDArray[np.int64]) -> None:
        size, order = _size(bench), np.random.default_rng(0).permutation(chosen)
        starts = range(0, len(order) - size + 1, size)[:MOST_BATCHES]
        if len(starts) < FEWEST_BATCHES:
            raise NotMeasured(
                f"the loss is that of a batch of {size} rows, and there are only {len(order)}", WHOLE_BATCHES
            )
        self._bench, self._model, self._split = bench, model, split
        self._batches = [order[start : start + size] for start in starts]
        self._alike: Array | None = None  # the losses of the weights that do best without telling rows apart
        self._floor = 0.0
        self.rows = size * len(starts)

    def score(self) -> Score:
        """Score the weights that the model has now.

        Raises:
            NotMeasured: the step logs no total loss, or fails on these rows.
        """
        own, blind = self._losses()
        if self._alike is None or not self._alike.mean() <= blind.mean():  # it may be nan
            self._alike = blind
        self._floor = min([self._floor, *own[np.isfinite(own)], *blind[np.isfinite(blind)]])
        predicted = self._outputs()
        spread = None if predicted is None else spread_of(predicted[_finite(predicted)])
        broken = 0 if predicted is None else int(np.count_nonzero(~_finite(predicted)))
        return score_of_losses(
            self._bench.subject.outputs[0],
            own,
            self._alike,
            rows=self.rows,
            floor=self._floor,
            constant_name=ALIKE,
            batches=True,
            spread=spread,
            non_finite=broken,
            told=float(np.abs(own - blind).mean() / np.abs(own).mean()) if own.any() else 0.0,
        )

    def _losses(self) -> tuple[Array, Array]:
        """The loss of each batch, and that of the model that cannot tell rows apart: [batches] each."""
        run = _step_of(self._bench, self._model)
        batches = (as_fit_gives(self._bench, *self._bench.batch(self._split, rows)) for rows in self._batches)
        try:
            pairs = np.array([[float(value) for value in run(batch)] for batch in batches], np.float64)
        except NotMeasured:
            raise
        except Exception as error:  # code of the user's may raise anything
            name = f"{type(self._model).__name__}.{_step(self._model)}"
            raise NotMeasured(f"{name} fails on these rows ({type(error).__name__})", NAME_TASK) from error
        return pairs[:, 0], pairs[:, 1]

    def _outputs(self) -> Rows | None:
        """The outputs of the first batch, flat; None if the model cannot be called on rows."""
        import keras

        if self._bench.subject.opaque:
            return None
        inputs, _, _ = self._bench.batch(self._split, self._batches[0])
        with keras.StatelessScope():
            given = keras.tree.flatten(call(self._model, inputs, training=False))
        flat = np.asarray(keras.ops.convert_to_numpy(given[0]))
        return flat.reshape(len(flat), -1)


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


def _size(bench: Bench) -> int:
    """Rows of a batch, the same for all splits: a loss that compares rows depends on their number."""
    splits = [*bench.subject.splits, *bench.holdout()]
    return max(1, min(bench.batch_size, *(split.rows // FEWEST_BATCHES for split in splits)))


def _step_of(bench: Bench, model: Any) -> Losses:
    """The compiled step of this model; that of the last one is kept."""
    kept = bench.cache.get("own step")
    if kept is None or kept[0] is not model:
        kept = bench.cache["own step"] = (model, _compiled(bench, model))
    found: Losses = kept[1]
    return found


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


def _finite(predicted: Rows) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(predicted).all(axis=1))
