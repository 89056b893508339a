"""Interventions on the output layer and its loss: they replace them with the usual ones for the task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

from diagnose.subject import Output, Split, Task
from diagnose.trials.interventions.layers import mixes, with_config
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, ends_of

ACTIVATIONS = {
    Task.BINARY: "sigmoid",
    Task.MULTICLASS: "softmax",
    Task.MULTILABEL: "sigmoid",
    Task.REGRESSION: "linear",
    Task.OWN_LOSS: "linear",
}
LOSSES = {
    Task.BINARY: "binary_crossentropy",
    Task.MULTICLASS: "sparse_categorical_crossentropy",
    Task.MULTILABEL: "binary_crossentropy",
    Task.REGRESSION: "mean_squared_error",
    Task.OWN_LOSS: "mean_squared_error",
}


@dataclass(frozen=True)
class UsualHead:
    """The usual output layer and loss of a task. `units` is None if the targets do not determine it."""

    units: int | None
    activation: str
    loss: str


def usual_head(output: Output, train: Split, shape: tuple[int | None, ...] = ()) -> UsualHead:
    """Return the usual output layer and loss for `output.task` and the targets of `train`.

    Args:
        output: of the model.
        train: its targets say how many numbers, labels or classes a row has, or a position of a row.
        shape: of the output of one row; () if unknown. All of several axes but the last are positions: pixels, steps.
    """
    targets, positions = tuple(map(int, train.targets[0].shape[1:])), shape[:-1]
    if len(targets) >= len(positions) and all(a in (b, None) for a, b in zip(positions, targets, strict=False)):
        targets = targets[len(positions) :]
    columns, loss = prod(targets), LOSSES[output.task]
    if output.task is Task.OWN_LOSS:  # only its loss knows how many units it needs
        return UsualHead(None, ACTIVATIONS[output.task], loss)
    if output.task is Task.BINARY:
        return UsualHead(1 if columns == 1 else None, ACTIVATIONS[output.task], loss)
    if output.task is Task.MULTICLASS:
        loss = "categorical_crossentropy" if columns > 1 else loss
        return UsualHead(output.classes or columns, ACTIVATIONS[output.task], loss)
    return UsualHead(columns, ACTIVATIONS[output.task], loss)


def row_shape(model: Any) -> tuple[int | None, ...]:
    """The shape of the only output of one row; () if there are several, or it is unknown."""
    outputs = list(getattr(model, "outputs", None) or [])
    return tuple(outputs[0].shape[1:]) if len(outputs) == 1 else ()


def output_activation(model: Any) -> str:
    """The name of the activation of a model's output, which may be a layer of its own; "" if unknown."""
    names = [name for layer in ends_of(model) if (name := _activation_of(layer))]
    return next((name for name in names if name != "linear"), names[-1] if names else "")


def _activation_of(layer: Any) -> str | None:
    from diagnose.measuring.naming import activation_name

    name = activation_name(layer)
    last = (-1, len(layer.output.shape) - 1)
    return f"{name} over axis {layer.axis}" if type(layer).__name__ == "Softmax" and layer.axis not in last else name


@dataclass(frozen=True)
class _Ends:
    """The only output, the last layer with weights, the layers after it, and the usual head for the task."""

    output: Output
    head: Any
    after: tuple[Any, ...]
    usual: UsualHead
    activation: str

    @property
    def expected(self) -> str:
        """The activation that the current loss expects."""
        return "linear" if self.output.from_logits else self.usual.activation

    @property
    def activated_twice(self) -> bool:
        """Whether the last layer with weights has an activation before the one of the output."""
        return bool(self.after) and _activation_of(self.head) not in (None, "linear")

    @property
    def units_fit(self) -> bool:
        """Whether the number of units is right; for a binary task two softmax units are as good as one sigmoid unit."""
        units = getattr(self.head, "units", None) or getattr(self.head, "filters", None)
        return units == self.usual.units or (self.output.task is Task.BINARY and units == 2)


def _ends(plan: TrainingPlan) -> _Ends | DoesNotApply:
    from diagnose.measuring.network import ACTIVATES, PASSES

    output, ends = plan.outputs[0], tuple(ends_of(plan.model))
    head, after = (ends[-1], ends[:-1]) if ends else (None, ())
    if len(plan.outputs) > 1:
        return DoesNotApply("the model has several outputs")
    if head is None or not mixes(head) or any(type(layer).__name__ not in ACTIVATES | PASSES for layer in after):
        return DoesNotApply("the output layer is not a Dense or convolution layer")
    if output.custom_loss and output.opposed is None:
        return DoesNotApply("the loss is a custom one")
    usual = usual_head(output, plan.train, row_shape(plan.model))
    if usual.units is None:
        return DoesNotApply("the number of output units cannot be derived from the targets")
    return _Ends(output, head, after, usual, output_activation(plan.model))


def _units_of_the_task(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    if ends.units_fit:
        return DoesNotApply("the output has the right number of units", needless=True)
    return _standard(plan, ends)


def _activation_of_the_task(plan: TrainingPlan, activation: str) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    if ends.usual.activation != activation:
        return DoesNotApply(f"the task needs a {ends.usual.activation} output")
    if ends.units_fit and ends.activation == ends.expected and not ends.activated_twice:
        return DoesNotApply(f"the output is already {ends.expected}, as the loss expects", needless=True)
    return _standard(plan, ends)


def _loss_of_the_task(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    fits = ends.output.opposed is None and ("crossentropy" in ends.output.loss) is ends.output.task.classifies
    if fits or not ends.units_fit or ends.activation != ends.expected:
        return DoesNotApply("the loss fits the task, or the output layer has to be fixed first")
    return _with_loss(plan, ends, ends.usual.loss, ends.usual.loss, from_logits=False)


def _own_loss_turned(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    from diagnose.loading.models.losses import per_output

    output = plan.outputs[0]
    if len(plan.outputs) > 1:
        return DoesNotApply("the model has several outputs")
    if output.opposed is None:
        return DoesNotApply("the loss is not known to prefer wrong outputs", needless=True)
    own = per_output(plan.model.loss, [output.name])[0]

    def turned(y_true: Any, y_pred: Any) -> Any:
        return -own(y_true, y_pred)

    return plan.changed("the own loss with its sign turned", loss=turned, outputs=(replace(output, opposed=None),))


def _logits_of_the_head(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    linear = ends.activation == "linear"
    if not ends.output.task.classifies or not ends.units_fit:
        return DoesNotApply("the output does not classify, or has to be fixed first")
    if linear is ends.output.from_logits:
        return DoesNotApply("from_logits already matches the output", needless=True)
    if not linear and ends.activation != ends.usual.activation:
        return DoesNotApply("the output is neither logits nor probabilities")
    name = "".join(word.capitalize() for word in ends.usual.loss.split("_"))
    loss = getattr(keras.losses, name)(from_logits=linear)
    what = f"{ends.usual.loss} on {'logits' if linear else 'probabilities'}"
    return _with_loss(plan, ends, loss, what, from_logits=linear)


def _aligned_shapes(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """One output per target: by another shape of the targets, or by a head that sees the whole row."""
    import keras

    if len(plan.outputs) > 1 or not plan.heads:
        return DoesNotApply("the model has several outputs, or its output layer is unknown")
    head, rows = plan.heads[-1], plan.train.targets[0]
    output = tuple(head.output.shape[1:])
    values = int(rows[0].size)
    if None in output or plan.outputs[0].task not in (Task.REGRESSION, Task.BINARY):
        return DoesNotApply("the number of outputs of a row is not fixed, or they are classes")
    if prod(output) == values:
        if rows.shape[1:] == output:
            return DoesNotApply("targets and outputs have the same shape", needless=True)
        return _with_targets(plan, "targets in the shape of the outputs", output)
    sequences = getattr(head, "return_sequences", False)
    dense = isinstance(head, keras.layers.Dense)
    if len(output) < 2 or output[-1] != values or not (dense or sequences):
        return DoesNotApply("the output layer cannot be made to give one output per target")

    def flattened(layer: Any, copy: Any) -> Any:
        if layer is not head:
            return copy
        if sequences:
            return type(copy).from_config({**copy.get_config(), "return_sequences": False})
        return keras.Sequential([keras.layers.Flatten(), copy])

    aligned = _with_targets(plan, "one output per target", (values,))
    return replace(aligned, edits=(*aligned.edits, flattened))


def _with_targets(plan: TrainingPlan, what: str, shape: tuple[int, ...]) -> TrainingPlan:
    splits = [replace(one, targets=(one.targets[0].reshape(one.rows, *shape),)) for one in (plan.train, plan.dev)]
    return plan.changed(what, train=splits[0], dev=splits[1])


def _standard(plan: TrainingPlan, ends: _Ends) -> TrainingPlan | DoesNotApply:
    """Replace units, activation and loss with the usual ones."""
    from keras.layers import Activation, Softmax

    from diagnose.measuring.network import ACTIVATES

    usual, after = ends.usual, ends.after
    if len(after) > 1 or any(type(layer).__name__ not in ACTIVATES for layer in after):
        return DoesNotApply("other layers follow the output layer")
    if after and isinstance(after[0], Softmax) and usual.activation != "softmax":
        return DoesNotApply("a softmax layer follows the output layer")

    def standard(layer: Any, copy: Any) -> Any:
        if layer is ends.head:
            activation = "linear" if after else usual.activation
            return with_config(copy, units=usual.units, filters=usual.units, activation=activation)
        if not after or layer is not after[0]:
            return copy
        return Softmax(name=layer.name) if isinstance(layer, Softmax) else Activation(usual.activation, name=layer.name)

    what = f"{usual.units} {usual.activation} unit{'s' * (usual.units != 1)} and {usual.loss}"
    changed = _with_loss(plan, ends, usual.loss, what, from_logits=False)
    return replace(changed, edits=(*changed.edits, standard))


def _with_loss(plan: TrainingPlan, ends: _Ends, loss: Any, what: str, from_logits: bool) -> TrainingPlan:
    output = replace(ends.output, loss=ends.usual.loss, from_logits=from_logits, custom_loss=False, opposed=None)
    return plan.changed(what, loss=loss, outputs=(output,))


def activation_of_the_task(activation: str) -> Intervention:
    """Return the intervention that replaces a wrong output layer, for tasks whose output has this activation."""
    return Intervention(
        f"Replaces the output layer and the loss with the usual {activation} output of the task.",
        partial(_activation_of_the_task, activation=activation),
    )


UNITS_OF_THE_TASK = Intervention(
    "Replaces an output layer with a wrong number of units, and its loss, with the usual ones for the task.",
    _units_of_the_task,
)
ALIGNED_SHAPES = Intervention(
    "Gives targets the shape of the outputs, or the output layer one output per target (Flatten before it).",
    _aligned_shapes,
)
LOSS_OF_THE_TASK = Intervention("Replaces the loss with the usual one for the task.", _loss_of_the_task)
OWN_LOSS_TURNED = Intervention("Turns the sign of an own loss that prefers wrong outputs.", _own_loss_turned)
LOGITS_OF_THE_HEAD = Intervention(
    "Sets from_logits of the loss: True for a linear output, else False.", _logits_of_the_head
)
