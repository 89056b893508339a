"""Interventions on labels as shares of the classes, which a cross-entropy takes as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from diagnose.subject import Output, Rows, Split, Task
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

SMOOTHING = 0.1  # share of a label that is spread over all classes
SPARSE, CATEGORICAL, BINARY = (f"{kind}_crossentropy" for kind in ("sparse_categorical", "categorical", "binary"))
LOSSES = {BINARY: "BinaryCrossentropy", SPARSE: "CategoricalCrossentropy", CATEGORICAL: "CategoricalCrossentropy"}


def with_shares(plan: TrainingPlan, what: str, smoothing: float | None = None) -> TrainingPlan | DoesNotApply:
    """Return the plan with its labels as shares of the classes, and the loss that takes them.

    `smoothing` is that of the loss; None keeps the user's own.
    """
    output, train = plan.outputs[0], plan.train
    if len(plan.outputs) > 1 or not takes_shares(output):
        return DoesNotApply("the loss is not a cross-entropy of one output")
    if train.targets[0].size not in (train.rows, train.rows * (output.classes or 1)) or train.targets[0].ndim > 2:
        return DoesNotApply("a row does not have one label")
    own = smoothing_of(plan.loss or plan.model.loss)
    if smoothing is not None and own > 0:
        return DoesNotApply("the loss already smoothes the labels", needless=True)
    loss = _loss(output, own if smoothing is None else smoothing)
    if output.loss != SPARSE:
        return plan.changed(what, loss=loss)
    splits = [replace(one, targets=(one_hot(one.targets[0], output.classes or 0),)) for one in (train, plan.dev)]
    outputs = (replace(output, loss=CATEGORICAL),)
    return plan.changed(what, loss=loss, outputs=outputs, train=splits[0], dev=splits[1])


def takes_shares(output: Output) -> bool:
    """Whether the loss of an output compares one label with probabilities."""
    fits = {Task.BINARY: (BINARY,), Task.MULTICLASS: (SPARSE, CATEGORICAL)}.get(output.task, ())
    return output.loss in fits and not output.custom_loss


def smoothing_of(loss: Any) -> float:
    """The label smoothing of a compiled loss; 0 for one by name."""
    return float(getattr(loss, "label_smoothing", 0.0) or 0.0)


def one_hot(labels: Rows, classes: int) -> Rows:
    """Integer labels as one column per class: [rows, classes]."""
    return np.asarray(np.eye(classes, dtype="float32")[np.ravel(labels).astype(int)])


def loss_text(output: Output, smoothing: float) -> str:
    """The loss that takes shares, as code."""
    kind = LOSSES.get(output.loss, "CategoricalCrossentropy")
    smoothed = f", label_smoothing={smoothing:g}" if smoothing else ""
    return f"keras.losses.{kind}(from_logits={output.from_logits}{smoothed})"


def one_hot_text(output: Output, train: Split) -> str:
    """The labels as one column per class, as code; a comment where they are shares already."""
    if output.loss != SPARSE or train.targets[0].size != train.rows:
        return "# the labels are shares of the classes already"
    return f'y_train, y_dev = (np.eye({output.classes}, dtype="float32")[np.ravel(y)] for y in (y_train, y_dev))'


def _loss(output: Output, smoothing: float) -> Any:
    import keras

    return getattr(keras.losses, LOSSES[output.loss])(from_logits=output.from_logits, label_smoothing=smoothing)


def _smoothed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return with_shares(plan, f"labels smoothed by {SMOOTHING:g}", SMOOTHING)


LABEL_SMOOTHING = Intervention(f"Spreads {SMOOTHING:g} of every label over all classes.", _smoothed)
