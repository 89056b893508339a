"""Interventions on the rows: the scale of inputs and targets, and the numbers of classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnose.checks.reading.objectives import BINARY
from diagnose.subject import Rows, Split, Task
from diagnose.trials.interventions.optimizer import rates_after_scaling
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

if TYPE_CHECKING:
    from diagnose.measuring.training import Scale

SPREAD = (0.1, 3.0)  # range of the standard deviation of a scaled feature
IMBALANCED = 10.0  # positions of the largest class over those of the smallest
CENTRE = 3.0  # largest absolute mean of a scaled feature
UNEVEN = 100.0  # ratio of standard deviations between scaled features
TABLE = 50  # features; with more, they are pixels or counts in one unit
CLASSES = 2  # that a binary cross-entropy tells apart
NO_ROWS = DoesNotApply("there are no rows")


def _standardised_inputs(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    from diagnose.measuring.copying import token_inputs

    if not plan.train.rows:
        return NO_ROWS
    tokens = token_inputs(plan.model)
    scales = [None if place in tokens else scale_of(rows) for place, rows in enumerate(plan.train.inputs)]
    if not any(scale is not None and unscaled(scale) for scale in scales):
        return DoesNotApply("the inputs are already scaled", needless=True)

    def scaled(split: Split) -> Split:
        inputs = tuple(_standardised(rows, scale) for rows, scale in zip(split.inputs, scales, strict=True))
        return replace(split, inputs=inputs)

    return plan.changed("standardised inputs", train=scaled(plan.train), dev=scaled(plan.dev))


def _standardised_targets(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if not plan.train.rows:
        return NO_ROWS
    tasks = [output.task for output in plan.outputs]
    scales = [
        scale_of(y) if task is Task.REGRESSION else None for y, task in zip(plan.train.targets, tasks, strict=True)
    ]
    if not any(scale is not None and unscaled(scale) for scale in scales):
        return DoesNotApply("no numeric target needs scaling", needless=True)

    def scaled(split: Split) -> Split:
        targets = tuple(_standardised(y, scale) for y, scale in zip(split.targets, scales, strict=True))
        return replace(split, targets=targets)

    return plan.changed(
        "standardised targets",
        train=scaled(plan.train),
        dev=scaled(plan.dev),
        target_scales=tuple(scales),
        rates=rates_after_scaling(plan),
        rate_name="scaled_rate",
    )


def scale_of(rows: Rows) -> Scale | None:
    """Return mean and standard deviation of each feature or channel (1 for a constant one); None for text."""
    import numpy as np

    if rows.dtype.kind not in "biuf":
        return None
    axes = tuple(range(max(rows.ndim - 1, 1)))
    values = np.asarray(rows, np.float64)
    std = values.std(axis=axes)
    return values.mean(axis=axes), np.where(std > 0, std, 1.0)


def unscaled(scale: Scale) -> bool:
    """Whether a network would have to get used to this scale first."""
    mean, std = scale
    low, high = SPREAD
    uneven = std.size <= TABLE and std.max() > UNEVEN * std[std > 0].min(initial=std.max())
    return bool((std > high).any() or (abs(mean) > CENTRE).any() or std.max() < low or uneven)


def _standardised(rows: Rows, scale: Any) -> Rows:
    return rows if scale is None else ((rows - scale[0]) / scale[1]).astype("float32")


def _numbered_classes(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """Labels 0 and 1, in the order of the two numbers that stand for the classes in train."""
    import numpy as np

    output, known = plan.outputs[0], np.unique(plan.train.targets[0])
    if len(plan.outputs) > 1 or output.custom_loss:
        return DoesNotApply("the model has several outputs, or the loss is a custom one")
    if output.loss not in BINARY or len(known) != CLASSES:
        return DoesNotApply("the labels are not one of two numbers")
    if np.array_equal(known, np.arange(CLASSES)):
        return DoesNotApply("the classes are numbered from 0", needless=True)

    def numbered(split: Split) -> Split:
        labels = split.targets[0]
        return replace(split, targets=(np.searchsorted(known, labels).astype(labels.dtype),))

    return plan.changed("labels 0 and 1", train=numbered(plan.train), dev=numbered(plan.dev))


def _weighted_positions(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import numpy as np

    if plan.train.sample_weight is not None:
        return DoesNotApply("the rows already have weights", needless=True)
    if len(plan.outputs) > 1 or not plan.train.rows:
        return DoesNotApply("the model has several outputs, or there are no rows")
    if plan.outputs[0].task not in (Task.BINARY, Task.MULTICLASS):
        return DoesNotApply("a label of a multi-label output cannot be weighted by its class")
    labels = class_of_each(plan.train.targets[0])
    if labels.ndim < 2:
        return DoesNotApply("accuracy, by which trials are judged, does not show what class weights do")
    _, number, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 2 or counts.max() <= IMBALANCED * counts.min():
        return DoesNotApply("the classes are not imbalanced", needless=True)
    weights = np.sqrt(labels.size / (len(counts) * counts))[number].reshape(labels.shape).astype("float32")
    return plan.changed("positions weighted by class", train=replace(plan.train, sample_weight=weights))


def class_of_each(targets: Rows) -> Rows:
    """The class of every row or position, from integers or one-hot columns."""
    import numpy as np

    columns = targets.shape[-1] if targets.ndim > 1 else 1
    if columns > 1 and bool((targets.sum(axis=-1) == 1).all()):
        return np.asarray(targets.argmax(axis=-1))
    labels = np.rint(targets).astype(int)
    return np.asarray(labels[..., 0] if columns == 1 and labels.ndim > 1 else labels)


WEIGH_POSITIONS = Intervention(
    "Weighs every position by the inverse square root of the share of its class.", _weighted_positions
)
NUMBER_CLASSES = Intervention(
    "Makes labels of two other numbers 0 and 1, as a binary cross-entropy expects them.", _numbered_classes
)
STANDARDISE_INPUTS = Intervention("Standardises every numeric input by column or channel.", _standardised_inputs)
STANDARDISE_TARGETS = Intervention("Standardises every numeric target by column.", _standardised_targets)
