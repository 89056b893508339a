"""Scores outputs whose loss names no task (`Task.OWN_LOSS`) by this loss itself.

The zero point is the best constant output: what the loss gives if every row gets the same output. The other end is the
floor: 0, or the lowest loss that was seen if that is negative. A loss that compares the rows of a batch (triplets,
contrastive pairs) is computed on batches of the size used in training, and these are then the units of intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.errors import InputError
from diagnose.intervals import mean_interval
from diagnose.measurements import HISTORY, Array, NotMeasured, OutputSpread, Score
from diagnose.measurements.tasks import NAME_TASK
from diagnose.measuring import backend
from diagnose.measuring.bench import Bench
from diagnose.measuring.network import activation_of_head
from diagnose.measuring.probe import build_loss, call
from diagnose.measuring.scoring import Counted, Reference, constant_reference
from diagnose.subject import Output, Rows, Task

ROWS = 1_024  # training rows from which constants and floor are chosen
AT_ONCE = 512  # rows of one call, if the loss judges each row by itself
MOST_BATCHES = 64  # of a loss that compares rows; the standard error is then an eighth of the spread of batches
FEWEST_BATCHES = 2
SPREAD_ROWS = 256  # rows whose outputs are compared with each other
SPREAD_CELLS = 1_000_000  # most numbers of these
DRAWS = 5  # of points for the labels
NOISE = 0.1  # of a coordinate of a row around the point of its label
FEWEST_OF_LABEL = 8  # rows, on average
SAME = 1e-4  # relative difference below which the loss of a row does not depend on the other rows
WHOLE_BATCHES = "Pass at least two batches of rows."

Losses = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class OwnMeasure:
    """The user's own loss of one output, and the constant output that it is compared with.

    `losses` takes targets and predictions and returns the losses before their mean. `batch` is the number of rows it
    compares with each other; None: each row is judged by itself. `constant` is an output of one row, flat.
    """

    losses: Losses
    batch: int | None
    constant: Array
    constant_name: str
    floor: float
    by_label: tuple[float, float] | None = None

    def values(self, y_true: Rows, y_pred: Rows) -> Array:
        """The loss of each row, or of each batch of rows in a fixed random order: [units]."""
        if self.batch is None:
            parts = range(0, len(y_pred), AT_ONCE)
            return np.concatenate(
                [_by_row(self.losses, y_true[i : i + AT_ONCE], y_pred[i : i + AT_ONCE]) for i in parts]
            )
        order = np.random.default_rng(0).permutation(len(y_pred))
        starts = range(0, len(order) - self.batch + 1, self.batch)[:MOST_BATCHES]
        if len(starts) < FEWEST_BATCHES:
            raise NotMeasured(
                f"the loss compares the {self.batch} rows of a batch, and there are only {len(y_pred)}", WHOLE_BATCHES
            )
        batches = (order[start : start + self.batch] for start in starts)
        return np.array([float(np.mean(_array(self.losses(y_true[rows], y_pred[rows])))) for rows in batches])

    def row_losses(self, y_true: Rows, y_pred: Rows) -> Array:
        """The loss of each row; nan for a loss that compares rows."""
        return self.values(y_true, y_pred) if self.batch is None else np.full(len(y_pred), np.nan)

    def score(self, output: Output, y_true: Rows, y_pred: Rows) -> Score:
        """Score predictions and the constant output on the same rows.

        Raises:
            InputError: predictions and targets differ in number.
            NotMeasured: there are too few rows for two batches.
        """
        if len(y_true) != len(y_pred):
            raise InputError(
                f"output '{output.name}' must have {len(y_true)} predictions, one per target, got {len(y_pred)}"
            )
        constant = np.broadcast_to(self.constant.reshape(y_pred.shape[1:]), y_pred.shape).astype(y_pred.dtype)
        finite = np.isfinite(y_pred.reshape(len(y_pred), -1)).all(axis=1)
        return score_of_losses(
            output,
            self.values(y_true, y_pred),
            self.values(y_true, constant),
            rows=len(y_pred),
            floor=self.floor,
            constant_name=self.constant_name,
            batches=self.batch is not None,
            spread=spread_of(y_pred[finite]),
            non_finite=int(np.count_nonzero(~finite)),
            by_label=self.by_label,
        )


def score_of_losses(
    output: Output,
    own: Array,
    constant: Array,
    *,
    rows: int,
    floor: float,
    constant_name: str,
    batches: bool,
    spread: OutputSpread | None,
    non_finite: int,
    by_label: tuple[float, float] | None = None,
    told: float | None = None,
) -> Score:
    """Score an output by a loss of the user's own.

    Args:
        output: what is scored.
        own, constant: the loss, and that of the best constant output, of each row or batch of rows: [units].
        rows: number of rows.
        floor: the lowest loss that can be.
        constant_name: what the constant output is.
        batches: whether the units are batches.
        spread, non_finite: how outputs differ, and how many rows have some that are not finite.
        by_label: the loss if rows of one label lie together, and if labels are mixed.
        told: the share of the loss that changes if the model cannot tell rows apart.
    """
    own, constant = (np.where(np.isfinite(losses), losses, np.inf) for losses in (own, constant))
    loss, constant_loss = float(own.mean()), float(constant.mean())
    lowest = 0.0 if floor == 0 and loss >= 0 else -np.inf
    better = mean_interval(constant - own) if np.isfinite(own).all() else mean_interval(-own)
    return Score(
        output=output.name,
        task=Task.OWN_LOSS,
        rows=rows,
        error=loss,
        error_interval=mean_interval(own, low=lowest),
        loss=loss - floor,
        loss_interval=mean_interval(own - floor),
        constant_error=constant_loss,
        constant_loss=constant_loss - floor,
        beats_constant_error=better,
        beats_constant_loss=better,
        skill=_skill(loss, constant_loss, floor),
        non_finite=non_finite,
        constant=constant_name,
        batches=len(own) if batches else None,
        outputs=spread,
        by_label=by_label,
        told=told,
    )


def reference_of(
    bench: Bench, number: int, targets: Rows, output: Output | None = None, counted: Counted = None
) -> Reference:
    """Return the best constant prediction of an output, for its task or its own loss.

    Args:
        bench: of the subject.
        number: of the output.
        targets: training targets to fit it on; for a loss of its own, rows of train are drawn instead.
        output: the output if it has a replaced head, which gives probabilities.
        counted: which positions of the targets count.
    """
    subject_output = bench.subject.outputs[number]
    if output is not None and output is not subject_output:
        return constant_reference(output, targets, None, counted)
    if subject_output.task is not Task.OWN_LOSS:
        return constant_reference(subject_output, np.asarray(targets), activation_of_head(bench, number), counted)
    key = f"own loss {number}"
    if key not in bench.cache:
        bench.cache[key] = _own_reference(bench, number)
    found: Reference = bench.cache[key]
    return found


def broadcast_losses(bench: Bench, number: int, y_true: Rows, y_pred: Rows) -> tuple[float, float] | None:
    """Return the mean loss as fed, and with targets in the shape of the outputs; None if that changes nothing.

    Keras itself aligns ranks that differ by one for its own losses and for functions, not for loss classes.
    """
    output = bench.subject.outputs[number]
    apart = abs(y_true.ndim - y_pred.ndim)
    if output.task is Task.OWN_LOSS or y_true.size != y_pred.size or apart < (1 if output.custom_loss else 2):
        return None
    fed, predicted = y_true[:AT_ONCE], y_pred[:AT_ONCE]
    with bench.at(None) as model:
        try:
            losses = losses_of(bench, model, number)
            found = [float(np.mean(_array(losses(y, predicted)))) for y in (fed, fed.reshape(predicted.shape))]
        except Exception:  # noqa: BLE001 - a loss may raise anything for shapes it was not made for
            return None
    return found[0], found[1]


def spread_of(predicted: Rows) -> OutputSpread | None:
    """How much the outputs of different rows differ; None for fewer than two rows.

    Effective rank: Roy, Vetterli 2007, "The effective rank: a measure of effective dimensionality".
    """
    if len(predicted) < 2:
        return None
    flat = np.asarray(predicted, np.float64).reshape(len(predicted), -1)
    flat = flat[: max(2, min(SPREAD_ROWS, SPREAD_CELLS // max(1, flat.shape[1])))]
    size, centred = float(np.sqrt(np.square(flat).mean())), flat - flat.mean(axis=0)
    deviation = float(np.sqrt(np.square(centred).mean()))
    shares = np.square(np.linalg.svd(centred, compute_uv=False))
    shares = shares[shares > 0] / shares.sum() if shares.sum() > 0 else np.ones(1)
    pairs = np.random.default_rng(0).integers(len(flat), size=(2, 4 * len(flat)))
    pairs = pairs[:, pairs[0] != pairs[1]]
    apart = np.linalg.norm(flat[pairs[0]] - flat[pairs[1]], axis=1)
    return OutputSpread(
        units=flat.shape[1],
        relative=deviation / size if size > 0 else 0.0,
        distance=float(np.median(apart)),
        rank=float(np.exp(-(shares * np.log(shares)).sum())),
        rows=len(flat),
    )


# --- The measure of one output ---------------------------------------------------------------------


def _own_reference(bench: Bench, number: int) -> Reference:
    if bench.subject.opaque:
        raise NotMeasured(bench.subject.opaque, HISTORY)
    train = bench.subject.train
    rows = np.random.default_rng(bench.settings.seed).permutation(bench.sample(train, ROWS))
    with bench.at(None) as model:
        eager = losses_of(bench, model, number)
        losses = eager if getattr(model, "run_eagerly", False) else backend.compiled(eager)
        predicted = _outputs(bench, model, number, rows)
    targets = np.asarray(train.targets[number][rows])
    if _returns_outputs(losses, targets, predicted):
        raise NotMeasured(
            "the loss is the output itself, so no constant output can be compared with it",
            "Compute the loss in the loss function, and give the model its outputs.",
        )
    batch = None if _separable(losses, targets, predicted) else bench.batch_size
    measure = OwnMeasure(losses, batch, np.zeros(0), "", 0.0)
    own = measure.values(targets, predicted)
    tried = {name: measure.values(targets, rows_of) for name, rows_of in _constants(targets, predicted)}
    means = {name: float(values.mean()) for name, values in tried.items() if np.isfinite(values).all()}
    if not means:
        raise NotMeasured("the loss is not finite for any constant output", "Pass a loss that is finite.")
    best = min(means, key=lambda name: means[name])
    seen = [values[np.isfinite(values)] for values in (own, *tried.values())]
    floor = min(0.0, *(float(values.min()) for values in seen if values.size))
    constant = dict(_constants(targets, predicted))[best][0].reshape(-1).astype(np.float64)
    by_label = None if batch is None else _by_label(measure, targets, predicted)
    return Reference(constant, own=OwnMeasure(losses, batch, constant, best, floor, by_label))


def _by_label(measure: OwnMeasure, targets: Rows, predicted: Rows) -> tuple[float, float] | None:
    """The loss if every label has a point of its own, and if the same points belong to rows of any label.

    Means over `DRAWS` draws of points on the unit sphere, with some noise. None if one is not lower in every draw, or
    the targets are not labels that occur often enough to be compared.
    """
    labels = targets.reshape(len(targets), -1)
    if labels.shape[1] != 1 or predicted.ndim != 2 or not np.isfinite(labels).all():
        return None
    names, numbers = np.unique(labels, return_inverse=True)
    if not 2 <= len(names) <= len(labels) / FEWEST_OF_LABEL or not np.equal(np.mod(names, 1), 0).all():
        return None
    means = []
    for seed in range(DRAWS):
        generator = np.random.default_rng(seed)
        points = generator.normal(size=(len(names), predicted.shape[1]))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        rows = points[numbers.reshape(-1)] + NOISE * generator.normal(size=predicted.shape)
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(predicted.dtype)
        means.append([float(measure.values(targets, p).mean()) for p in (rows, generator.permutation(rows))])
    together, mixed = np.array(means).T
    sure = np.isfinite(means).all() and (bool((together < mixed).all()) or bool((together > mixed).all()))
    return (float(together.mean()), float(mixed.mean())) if sure else None


def losses_of(bench: Bench, model: Any, number: int) -> Losses:
    """Return the losses that an output was compiled with, before their mean, as a function of targets and predictions.

    Raises:
        NotMeasured: the output has no compiled loss.
    """
    import keras

    if getattr(model, "_compile_loss", None) is None:
        raise NotMeasured(f"the loss is computed in {bench.subject.outputs[number].loss}, code of the model", NAME_TASK)
    inputs, targets, _ = bench.batch(bench.subject.train, np.arange(min(2, bench.subject.train.rows)))
    build_loss(model, inputs, targets)
    compiled = model._compile_loss
    count = len(bench.subject.outputs)
    places = keras.tree.pack_sequence_as(compiled._y_pred_build_structure, list(range(count)))
    mine = [loss for path, loss, _, _ in compiled._flat_losses if _at(places, path) == number]
    if not mine:
        raise NotMeasured(f"output '{bench.subject.outputs[number].name}' has no loss", "Name the loss: --loss L.")

    def computed(y_true: Any, y_pred: Any) -> Any:
        convert = keras.ops.convert_to_tensor
        parts = [loss.call(convert(y_true, dtype=loss.dtype), convert(y_pred, dtype=loss.dtype)) for loss in mine]
        return sum(parts[1:], parts[0])

    return computed


def _at(structure: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        structure = structure[key]
    return structure


def _outputs(bench: Bench, model: Any, number: int, rows: Rows) -> Rows:
    import keras

    parts = []
    for start in range(0, len(rows), AT_ONCE // 2):
        inputs, _, _ = bench.batch(bench.subject.train, rows[start : start + AT_ONCE // 2])
        parts.append(_array(keras.tree.flatten(call(model, inputs, training=False))[number]))
    return np.concatenate(parts)


def _separable(losses: Losses, targets: Rows, predicted: Rows) -> bool:
    """Whether the loss of a row is the same in any company."""
    rows = min(32, len(predicted))
    half = rows // 2
    together, alone = (np.asarray(_array(losses(targets[:n], predicted[:n])), np.float64) for n in (rows, half))
    if half < 1 or together.shape[:1] != (rows,) or alone.shape[:1] != (half,):
        return False
    whole, part = together.reshape(rows, -1), alone.reshape(half, -1)
    same = whole.shape[1] == part.shape[1]
    return same and bool(np.allclose(whole[:half], part, rtol=SAME, atol=SAME, equal_nan=True))


def _returns_outputs(losses: Losses, targets: Rows, predicted: Rows) -> bool:
    """Whether the loss is an affine function of the outputs alone: a layer of the model computes the real loss."""
    rows = min(32, len(predicted))
    shape, other = predicted[:rows].shape, targets[:rows][::-1]
    one, two = np.random.default_rng(0).random((2, *shape), np.float32)
    mean = [float(np.mean(_array(losses(targets[:rows], p)))) for p in (one, two, (one + two) / 2, 3 * one - 2 * two)]
    affine = np.allclose(mean[2:], [(mean[0] + mean[1]) / 2, 3 * mean[0] - 2 * mean[1]], rtol=SAME, atol=SAME)
    return affine and np.allclose(mean[0], float(np.mean(_array(losses(other, one)))), rtol=SAME, atol=SAME)


def _constants(targets: Rows, predicted: Rows) -> list[tuple[str, Rows]]:
    """Constant outputs by name; the mean target where targets have the shape of outputs."""
    shape, kind = predicted.shape, predicted.dtype
    finite = predicted[np.isfinite(predicted.reshape(len(predicted), -1)).all(axis=1)]
    found = [("zeros", np.zeros(shape, kind)), ("ones", np.ones(shape, kind))]
    if len(finite):
        found.append(("its own mean output", np.broadcast_to(finite.mean(axis=0), shape).astype(kind)))
    if targets.size == predicted.size and np.isfinite(targets).all():
        mean = targets.reshape(shape).mean(axis=0)
        found.append(("the mean target", np.broadcast_to(mean, shape).astype(kind)))
    return found


def _by_row(losses: Losses, y_true: Rows, y_pred: Rows) -> Array:
    values = np.asarray(_array(losses(y_true, y_pred)), np.float64)
    return np.asarray(values.reshape(len(y_pred), -1).mean(axis=1))


def _array(tensor: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(tensor)


def _skill(loss: float, constant: float, floor: float) -> float:
    """The share of the way from the constant output's loss to the floor; 0 for a constant that is at the floor."""
    if constant <= floor:
        return 0.0
    return (constant - loss) / (constant - floor) if np.isfinite(loss) else -np.inf
