"""Scores predictions, per row and overall, with NumPy only.

Scores depend on the output's task, not on the compiled loss. Classification is first converted to
probabilities of shape (rows, positions, classes) and the true class of each
(row, position). A position is a pixel or a time step; a multi-label output has one position per label,
each with two classes; most outputs have a single position.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError
from diagnose.intervals import mean_interval, paired_interval, rate_interval, root
from diagnose.measurements import Array, NotMeasured, Positions, Score
from diagnose.measuring.positions import positions
from diagnose.subject import Output, Rows, Task

FINITE = "Pass rows whose targets are finite numbers."
SMALLEST = 1e-7  # probabilities are clipped here, as Keras clips them
MOST_CONFUSED = 30  # most classes of a stored confusion matrix
MOST_SEPARATED = 30  # most classes whose separation is computed
PROBABILITIES = frozenset({"sigmoid", "hard_sigmoid", "softmax"})
MARGINS = frozenset({"hinge", "squared_hinge", "categorical_hinge"})
LOG_LOSSES = frozenset({"kl_divergence", "poisson"})  # and every loss with "crossentropy" in its name


class OwnJudge(Protocol):
    """Judges predictions by the user's own loss (`own_loss`)."""

    def score(self, output: Output, y_true: Rows, y_pred: Rows) -> Score: ...

    def row_losses(self, y_true: Rows, y_pred: Rows) -> Array: ...


@dataclass(frozen=True)
class Reference:
    """The best constant prediction of an output, and how to interpret the output's numbers.

    `prediction`: class probabilities of shape (positions, classes), with a single position for all
    except multi-label outputs; for regression the mean of every target cell, shape (cells,).
    `labels`: the two label values of a binary output, negative first. `activation`: canonical name of the
    head's activation; None: unknown, so that the range of the numbers decides whether they are probabilities.
    `own` judges an output with `Task.OWN_LOSS`; `prediction` is then its best constant output.
    """

    prediction: Array
    labels: tuple[float, float] = (0.0, 1.0)
    activation: str | None = None
    own: OwnJudge | None = None


Counted = NDArray[np.bool_] | None
"""Which positions of which rows count, [rows, positions]; None: all."""


def constant_reference(
    output: Output, y_train: Rows, activation: str | None = None, counted: Counted = None
) -> Reference:
    """Fit the best constant prediction to training targets (any shape, rows first) at the positions that count.

    Raises:
        NotMeasured: no row has finite targets.
    """
    truth = np.asarray(y_train)
    usable = _finite(truth)
    truth, counted = truth[usable], None if counted is None else counted[usable]
    if not len(truth):
        raise NotMeasured(f"no training row has a finite target for output '{output.name}'", FINITE)
    if not output.task.classifies:
        return Reference(_flat(truth).mean(axis=0), activation=activation)
    labels = _two_labels(output, truth)
    if output.task is Task.MULTILABEL:
        rate = (_flat(truth) > sum(labels) / 2).mean(axis=0)
        return Reference(np.stack([1 - rate, rate], axis=-1), labels, activation)
    soft = _soft_targets(output, truth)
    if soft is not None:
        return Reference(soft.mean(axis=(0, 1))[None], labels, activation)
    classes = _class_numbers(output, truth, labels)
    if counted is not None and counted.shape == classes.shape:
        classes = np.where(counted, classes, -1)
    counts = np.bincount(classes[classes >= 0].ravel(), minlength=output.classes or 2)
    return Reference((counts / max(counts.sum(), 1))[None], labels, activation)


def row_errors(output: Output, y_true: Rows, y_pred: Rows, reference: Reference, counted: Counted = None) -> Array:
    """Return the error of each row: the share of wrong positions (0 or 1 for a single one), or the squared error.

    A row with a non-finite prediction is wrong (inf for regression); nan for non-finite targets. For a loss of the
    user's own, the errors are the losses.

    Raises:
        InputError: the shapes of predictions and targets do not match.
    """
    if reference.own is not None:
        return reference.own.row_losses(y_true, y_pred)
    return _judge(output, y_true, y_pred, reference, counted).errors


def class_numbers(output: Output, y_true: Rows, reference: Reference) -> NDArray[np.int64]:
    """Return the true class of each position: [rows, positions]."""
    return _class_numbers(output, np.asarray(y_true), reference.labels)


def row_losses(output: Output, y_true: Rows, y_pred: Rows, reference: Reference) -> Array:
    """Return the log loss of each row in nats, or its squared error; for non-finite values see `row_errors`.

    For `Task.OWN_LOSS` the user's own loss of each row, nan if it compares rows.
    """
    if reference.own is not None:
        return reference.own.row_losses(y_true, y_pred)
    return _judge(output, y_true, y_pred, reference).losses


def classes_and_probabilities(
    output: Output, y_true: Rows, y_pred: Rows, reference: Reference, counted: Counted = None
) -> tuple[NDArray[np.int64], Array]:
    """Return the true classes [rows, positions], -1 where a position does not count, and the probability of each class.

    Raises:
        InputError: the shapes of predictions and targets do not match, or the task has no classes.
    """
    judged = _judge(output, y_true, y_pred, reference, counted)
    if judged.truth is None or judged.probability is None:
        raise InputError(f"the task of output '{output.name}' must have classes, got {output.task}")
    known = np.isfinite(judged.constant_losses)[:, None] & ~judged.non_finite[:, None]
    known = known & (judged.truth < judged.probability.shape[-1])
    return np.where(known, judged.truth, -1), judged.probability


def score(output: Output, y_true: Rows, y_pred: Rows, reference: Reference, counted: Counted = None) -> Score:
    """Score predictions and the constant prediction on the same rows.

    Args:
        output: the output that is scored.
        y_true: targets, rows first; integers, one-hot, soft or numbers.
        y_pred: predictions for these rows: probabilities, logits or values.
        reference: from `constant_reference` on training targets.
        counted: which positions count.

    Raises:
        InputError: the shapes of predictions and targets do not match.
        NotMeasured: no row has a finite target.
    """
    if reference.own is not None:
        return reference.own.score(output, y_true, y_pred)
    judged = _judge(output, y_true, y_pred, reference, counted)
    usable = np.isfinite(judged.constant_losses)
    if not usable.any():
        raise NotMeasured(f"no row has a finite target for output '{output.name}'", FINITE)
    errors, losses = judged.errors[usable], judged.losses[usable]
    constant_errors, constant_losses = judged.constant_errors[usable], judged.constant_losses[usable]
    error, constant_error = float(errors.mean()), float(constant_errors.mean())
    classifies = output.task.classifies
    found = _positions(judged, usable)
    return Score(
        output=output.name,
        task=output.task,
        rows=len(errors),
        error=error if classifies else float(np.sqrt(error)),
        error_interval=rate_interval(errors) if classifies else root(mean_interval(errors, low=0.0)),
        loss=float(losses.mean()),
        loss_interval=mean_interval(losses, low=0.0),
        constant_error=constant_error if classifies else float(np.sqrt(constant_error)),
        constant_loss=float(constant_losses.mean()),
        beats_constant_error=paired_interval(constant_errors - errors),
        beats_constant_loss=paired_interval(constant_losses - losses),
        skill=_skill(error, constant_error) if found is None else found.skill,
        non_finite=int(np.count_nonzero(judged.non_finite[usable])),
        predicted=_shares(output, judged.chosen, usable, judged.classes),
        actual=_shares(output, judged.truth, usable, judged.classes),
        spread=judged.spread,
        row_sum_error=judged.row_sum_error,
        confusion=_confusion(output, judged, usable),
        positions=found,
        separation=judged.separation,
        own_constant_error=_own_constant_error(output, truth=np.asarray(y_true)[usable], judged=judged, usable=usable),
    )


def _own_constant_error(output: Output, truth: Rows, judged: "_Judged", usable: NDArray[np.bool_]) -> float:
    """The error of the constant prediction that is the best for these very rows, in the unit of `Score.error`."""
    if judged.truth is None:
        return float(np.sqrt(_flat(truth).var(axis=0).mean()))
    numbers = judged.truth[usable]
    if output.task is Task.MULTILABEL:
        rates = np.ma.masked_less(numbers, 0).mean(axis=0)  # -1: hidden from the loss
        return float(np.minimum(rates, 1 - rates).mean())
    _, counts = np.unique(numbers[numbers >= 0], return_counts=True)
    return float(1 - counts.max() / counts.sum())


def _skill(error: float, constant: float) -> float:
    if constant == 0:
        return 0.0 if error == 0 else -np.inf
    return 1.0 - error / constant


# --- Rows ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """Errors and losses of model and constant per row, classes per (row, position)."""

    errors: Array
    losses: Array
    constant_errors: Array
    constant_losses: Array
    non_finite: NDArray[np.bool_]
    spread: float | None
    truth: NDArray[np.int64] | None = None
    chosen: NDArray[np.int64] | None = None
    constant: NDArray[np.int64] | None = None
    probability: Array | None = None
    classes: int = 0
    row_sum_error: float | None = None
    separation: tuple[float, ...] = ()


def _judge(output: Output, y_true: Rows, y_pred: Rows, reference: Reference, counted: Counted = None) -> _Judged:
    truth, raw = np.asarray(y_true), np.asarray(y_pred)
    if len(truth) != len(raw):
        raise InputError(f"output '{output.name}' must have {len(truth)} predictions, one per target, got {len(raw)}")
    if output.task.classifies:
        return _judge_classes(output, truth, raw, reference, counted)
    return _judge_values(output, truth, raw, reference)


def _judge_values(output: Output, truth: Rows, raw: Rows, reference: Reference) -> _Judged:
    usable, finite = _finite(truth), _finite(raw)
    target, prediction = _flat(truth), _flat(_stretched(raw, truth))
    if prediction.shape[1] not in (1, target.shape[1]) and target.shape[1] != 1:
        raise InputError(
            f"output '{output.name}' must have {target.shape[1]} numbers per row, as targets, got {prediction.shape[1]}"
        )
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.square(prediction - target).mean(axis=1)
        constant = np.square(reference.prediction - target).mean(axis=1)
    errors[~finite] = np.inf
    errors[~usable] = constant[~usable] = np.nan
    both = usable & finite
    target_variance = float(target[both].var(axis=0).mean()) if both.any() else 0.0
    spread = float(np.sqrt(prediction[both].var(axis=0).mean() / target_variance)) if target_variance > 0 else None
    return _Judged(errors, errors, constant, constant, ~finite, spread)


def _stretched(raw: Rows, truth: Rows) -> Rows:
    """Outputs with an axis of length one, stretched over the targets as the loss does; unchanged if they do not fit."""
    fits = raw.ndim == truth.ndim and all(r in (1, t) for r, t in zip(raw.shape, truth.shape, strict=True))
    return np.broadcast_to(raw, truth.shape) if fits else raw


def _judge_classes(output: Output, truth: Rows, raw: Rows, reference: Reference, counted: Counted) -> _Judged:
    finite, usable = _finite(raw), _finite(truth)
    probability, row_sum_error = _probabilities(output, np.where(np.isfinite(raw), raw, 0.0), reference)
    classes = _class_numbers(output, np.where(np.isfinite(truth), truth, 0), reference.labels)
    if classes.shape[1] == 1:  # one label for all positions, as the loss stretches it
        classes = np.broadcast_to(classes, probability.shape[:2])
    if classes.shape != probability.shape[:2]:
        raise InputError(
            f"output '{output.name}' must have {classes.shape[1]} predictions per row, as targets, "
            f"got {probability.shape[1]}"
        )
    soft = _soft_targets(output, truth)
    if soft is not None and soft.shape != probability.shape:
        soft = None
    chosen = probability.argmax(axis=-1)
    counted = counted if counted is not None and counted.shape == classes.shape else None
    errors, losses = _class_errors(chosen, classes, counted), _log_losses(probability, classes, soft, counted)
    errors[~finite], losses[~finite] = 1.0, -np.log(SMALLEST)
    prior = np.broadcast_to(reference.prediction, (*classes.shape, reference.prediction.shape[-1]))
    simple = np.broadcast_to(reference.prediction.argmax(axis=-1), classes.shape)
    constant_errors = _class_errors(simple, classes, counted)
    soft_prior = soft if soft is not None and soft.shape == prior.shape else None
    constant_losses = _log_losses(prior, classes, soft_prior, counted)
    if counted is not None:
        usable = usable & counted.any(axis=1)
        classes, chosen = np.where(counted, classes, -1), np.where(counted, chosen, -1)
    for values in (errors, losses, constant_errors, constant_losses):
        values[~usable] = np.nan
    return _Judged(
        errors,
        losses,
        constant_errors,
        constant_losses,
        ~finite,
        float(probability[finite].std(axis=0).mean()) if finite.any() else None,
        classes,
        chosen,
        simple,
        probability,
        max(probability.shape[-1], reference.prediction.shape[-1]),
        row_sum_error,
        _separation(probability, classes, usable & finite),
    )


def _over_positions(values: Rows, counted: Counted) -> Array:
    """The mean of each row over the positions that count; nan if none does."""
    if counted is None:
        return np.asarray(values.mean(axis=1, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        return np.asarray((values * counted).sum(axis=1, dtype=np.float64) / counted.sum(axis=1))


def _class_errors(chosen: Rows, classes: Rows, counted: Counted) -> Array:
    return _over_positions(chosen != classes, counted)


def _log_losses(probability: Rows, classes: Rows, soft: Array | None, counted: Counted) -> Array:
    """Mean log loss over positions; a label without an output unit has the highest loss."""
    if soft is not None:
        log = np.log(np.clip(probability, SMALLEST, 1.0))
        return _over_positions(-(soft * log).sum(axis=-1), counted)
    known = (classes >= 0) & (classes < probability.shape[-1])
    numbers = np.where(known, classes, 0)[..., None]
    given = np.take_along_axis(probability, numbers, axis=-1)[..., 0]
    given = np.where(known, given, 0.0)
    return _over_positions(-np.log(np.clip(given, SMALLEST, 1.0)), counted)


# --- Reading predictions ----------------------------------------------------------------------------


def _probabilities(output: Output, raw: Rows, reference: Reference) -> tuple[Array, float | None]:
    """Return probabilities (rows, positions, classes), and mean |sum - 1| of the output's own probabilities."""
    raw = np.asarray(raw, np.float64)
    raw = raw[:, None] if raw.ndim == 1 else raw
    if output.task is Task.MULTILABEL:
        return _pair(_positive(output, _flat(raw), reference)), None
    units = raw.shape[-1]
    if units == 1 and (output.task is Task.BINARY or (output.classes or 2) <= 2):
        return _pair(_positive(output, _flat(raw), reference)), None
    if units == 1:  # one number for many classes: the nearest class
        nearest = np.clip(np.rint(_flat(raw)), 0, (output.classes or 2) - 1).astype(np.int64)
        return np.eye(output.classes or 2)[nearest], None
    return _many(output, raw.reshape(len(raw), -1, units), reference.activation)


def _pair(positive: Array) -> Array:
    return np.stack([1 - positive, positive], axis=-1)


def _positive(output: Output, raw: Array, reference: Reference) -> Array:
    """The probability of the positive class from the value of one unit."""
    from scipy.special import expit

    if reference.activation in PROBABILITIES:
        return np.clip(raw, 0.0, 1.0)
    if output.loss in MARGINS:
        return np.clip((raw + 1) / 2, 0.0, 1.0)
    unbounded = reference.activation in (None, "linear")
    if output.from_logits or (_is_log_loss(output) and unbounded and _leaves_unit_range(raw)):
        return np.asarray(expit(raw))
    low, high = (0.0, 1.0) if _is_log_loss(output) else reference.labels
    return np.clip((raw - low) / (high - low), 0.0, 1.0)


def _many(output: Output, raw: Array, activation: str | None) -> tuple[Array, float | None]:
    """Class probabilities from K units: softmax for logits, else the values divided by their sum."""
    from scipy.special import softmax

    sums = raw.sum(axis=-1, keepdims=True)
    is_distribution = not _leaves_unit_range(raw) and bool(np.all(np.abs(sums - 1) < 1e-3))
    bounded = is_distribution or activation in PROBABILITIES
    negative = bool(raw.min(initial=0.0) < -1e-6)
    if not bounded and (output.from_logits or (negative and (_is_log_loss(output) or output.loss in MARGINS))):
        return np.asarray(softmax(raw, axis=-1)), None
    raw = np.maximum(raw, 0.0)
    total = raw.sum(axis=-1, keepdims=True)
    uniform = 1.0 / raw.shape[-1]
    shares = np.where(total > 0, raw / np.where(total > 0, total, 1.0), uniform)
    return shares, float(np.abs(sums - 1).mean())


def _is_log_loss(output: Output) -> bool:
    return output.custom_loss or "crossentropy" in output.loss or output.loss in LOG_LOSSES


def _leaves_unit_range(raw: Array) -> bool:
    return bool(raw.min(initial=0.0) < -1e-6 or raw.max(initial=1.0) > 1 + 1e-6)


# --- Reading targets --------------------------------------------------------------------------------


def _two_labels(output: Output, truth: Rows) -> tuple[float, float]:
    """The label values of a binary output: the two values in the targets, by default (0, 1)."""
    if output.task is not Task.BINARY:
        return (0.0, 1.0)
    values = np.unique(truth)
    if len(values) != 2 or _has_columns(truth):
        return (-1.0, 1.0) if len(values) == 1 and values[0] == -1 else (0.0, 1.0)
    return (float(values[0]), float(values[1]))


def _class_numbers(output: Output, truth: Rows, labels: tuple[float, float]) -> NDArray[np.int64]:
    """True class of each (row, position), from integers, one-hot columns or the values of a binary output."""
    if output.task is Task.MULTILABEL:
        return (_flat(truth) > sum(labels) / 2).astype(np.int64)
    if columns_are_classes(output, truth):
        return np.asarray(truth.reshape(len(truth), -1, truth.shape[-1]).argmax(axis=-1), np.int64)
    if output.task is Task.BINARY:
        return (_flat(truth) > sum(labels) / 2).astype(np.int64)
    return np.rint(_flat(truth)).astype(np.int64)


def _soft_targets(output: Output, truth: Rows) -> Array | None:
    """Soft targets (rows, positions, classes); None if each target is a single class."""
    if output.task is Task.MULTILABEL or not columns_are_classes(output, truth):
        return None
    if not np.issubdtype(truth.dtype, np.floating) or np.isin(truth, (0, 1)).all():
        return None
    return truth.reshape(len(truth), -1, truth.shape[-1]).astype(np.float64)


def columns_are_classes(output: Output, truth: Rows) -> bool:
    """Whether targets are one-hot or soft; the columns of a sequence of integer labels are time steps."""
    if not _has_columns(truth):
        return False
    if output.loss.startswith("sparse"):
        return truth.shape[-1] == output.classes and bool((np.isin(truth, (0, 1)).all(-1) & (truth.sum(-1) == 1)).all())
    if output.custom_loss and output.classes:  # its name says nothing
        return truth.shape[-1] == output.classes and bool(np.allclose(truth.sum(-1), 1.0))
    return truth.shape[-1] == (output.classes or 2) or output.task is Task.MULTICLASS


def _has_columns(truth: Rows) -> bool:
    return truth.ndim >= 2 and truth.shape[-1] > 1


def _flat(values: Rows) -> Array:
    return np.asarray(values, np.float64).reshape(len(values), -1)


def _finite(values: Rows) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))


# --- What was predicted -----------------------------------------------------------------------------


def _shares(output: Output, numbers: Rows | None, usable: Rows, classes: int) -> tuple[float, ...]:
    """Share of rows (and positions) in each class; for multi-label, share of rows with each label."""
    if numbers is None:
        return ()
    if output.task is Task.MULTILABEL:
        return tuple(float(share) for share in numbers[usable].mean(axis=0))
    inside = numbers[usable]
    inside = inside[(inside >= 0) & (inside < classes)]
    return tuple(float(count) / max(inside.size, 1) for count in np.bincount(inside, minlength=classes))


def _positions(judged: _Judged, usable: Rows) -> Positions | None:
    if judged.truth is None or judged.chosen is None or judged.constant is None or judged.probability is None:
        return None
    rows = slice(None) if usable.all() else usable  # without a copy if all rows are used
    known = np.where(judged.truth[rows] < judged.classes, judged.truth[rows], -1)
    chosen = judged.chosen[rows]
    if judged.non_finite.any():
        chosen = np.where(judged.non_finite[rows, None], -1, chosen)  # predicted as no class
    return positions(known, chosen, judged.constant[rows], judged.probability[rows])


def _separation(probability: Rows, classes: Rows, usable: Rows) -> tuple[float, ...]:
    """By class, the probability that a row of it gets a higher share of it than a row of another class."""
    from scipy.stats import rankdata

    if classes.shape[1] != 1 or probability.shape[-1] > MOST_SEPARATED or not usable.any():
        return ()
    truth, given = classes[usable, 0], probability[usable, 0]
    found = []
    for number in range(given.shape[-1]):
        inside = truth == number
        rows, others = int(inside.sum()), int((~inside).sum())
        ranks = rankdata(given[:, number])[inside].sum() if rows and others else 0.0
        found.append(float((ranks - rows * (rows + 1) / 2) / (rows * others)) if rows and others else float("nan"))
    return tuple(found)


def _confusion(output: Output, judged: _Judged, usable: Rows) -> tuple[tuple[float, ...], ...]:
    """Counts of (row, position) by actual and predicted class."""
    size = judged.classes
    if judged.truth is None or judged.chosen is None or output.task is Task.MULTILABEL or size > MOST_CONFUSED:
        return ()
    actual, predicted = judged.truth[usable], judged.chosen[usable]
    known = (actual >= 0) & (actual < size)
    counts = np.bincount(actual[known] * size + predicted[known], minlength=size * size)
    return tuple(tuple(float(count) for count in row) for row in counts.reshape(size, size))
