"""Interventions on the output and its loss: what the task asks for, where the model has something else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from diagnose.subject import Output, Split, Task
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

ACTIVATIONS = {
    Task.BINARY: "sigmoid",
    Task.MULTICLASS: "softmax",
    Task.MULTILABEL: "sigmoid",
    Task.REGRESSION: "linear",
}
LOSSES = {
    Task.BINARY: "binary_crossentropy",
    Task.MULTICLASS: "sparse_categorical_crossentropy",
    Task.MULTILABEL: "binary_crossentropy",
    Task.REGRESSION: "mean_squared_error",
}


@dataclass(frozen=True)
class UsualHead:
    """What the output of a task looks like, with targets as they are. `units` is None where they do not tell."""

    units: int | None
    activation: str
    loss: str


def usual_head(output: Output, train: Split) -> UsualHead:
    """The output that `output.task` asks for on these targets."""
    columns = 1
    for size in train.targets[0].shape[1:]:
        columns *= int(size)
    loss, units = LOSSES[output.task], columns
    if output.task is Task.BINARY:
        return UsualHead(1 if columns == 1 else None, ACTIVATIONS[output.task], loss)
    if output.task is Task.MULTICLASS:
        one_hot = train.targets[0].ndim > 1 and train.targets[0].shape[-1] > 1
        loss, units = "categorical_crossentropy" if one_hot else loss, output.classes or columns
    return UsualHead(units, ACTIVATIONS[output.task], loss)


@dataclass(frozen=True)
class _Ends:
    """The only output, the Dense layer it comes from, and the usual head for its task."""

    output: Output
    head: Any
    usual: UsualHead

    @property
    def activation(self) -> str:
        return getattr(self.head.activation, "__name__", "")

    @property
    def expected(self) -> str:
        """The activation that the loss, as it is, expects."""
        return "linear" if self.output.from_logits else self.usual.activation

    @property
    def units_fit(self) -> bool:
        """Two softmax units for one of two are as good as one sigmoid."""
        return self.head.units == self.usual.units or (self.output.task is Task.BINARY and self.head.units == 2)


def _ends(plan: TrainingPlan) -> _Ends | DoesNotApply:
    import keras

    output, heads = plan.outputs[0], plan.heads
    if len(plan.outputs) > 1:
        return DoesNotApply("the model has several outputs")
    if not heads or not isinstance(heads[-1], keras.layers.Dense):
        return DoesNotApply("the output comes from another layer than Dense")
    if output.custom_loss:
        return DoesNotApply("the loss is the user's own")
    usual = usual_head(output, plan.train)
    if usual.units is None:
        return DoesNotApply("the targets do not tell how many units the output needs")
    return _Ends(output, heads[-1], usual)


def _units_of_the_task(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    return DoesNotApply("the output has the right number of units") if ends.units_fit else _standard(plan, ends)


def _activation_of_the_task(plan: TrainingPlan, activation: str) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    if ends.usual.activation != activation:
        return DoesNotApply(f"the task asks for a {ends.usual.activation} output")
    if ends.units_fit and ends.activation == ends.expected:
        return DoesNotApply(f"the output is {ends.expected}, as the loss expects")
    return _standard(plan, ends)


def _loss_of_the_task(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    fits = ("crossentropy" in ends.output.loss) is ends.output.task.classifies
    if fits or not ends.units_fit or ends.activation != ends.expected:
        return DoesNotApply("the loss is one for this task, or the output is what is wrong")
    return _with_loss(plan, ends, ends.usual.loss, ends.usual.loss, from_logits=False)


def _logits_of_the_head(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    ends = _ends(plan)
    if isinstance(ends, DoesNotApply):
        return ends
    linear = ends.activation == "linear"
    if not ends.output.task.classifies or not ends.units_fit or linear is ends.output.from_logits:
        return DoesNotApply("the loss reads the output as what it is")
    if not linear and ends.activation != ends.usual.activation:
        return DoesNotApply("the output gives neither logits nor probabilities")
    name = "".join(word.capitalize() for word in ends.usual.loss.split("_"))
    loss = getattr(keras.losses, name)(from_logits=linear)
    what = f"{ends.usual.loss} from {'logits' if linear else 'probabilities'}"
    return _with_loss(plan, ends, loss, what, from_logits=linear)


def _standard(plan: TrainingPlan, ends: _Ends) -> TrainingPlan:
    """The head of the task: units, activation and loss."""
    import keras

    usual = ends.usual

    def standard(layer: Any, copy: Any) -> Any:
        if layer is not ends.head:
            return copy
        return keras.layers.Dense.from_config(
            {**copy.get_config(), "units": usual.units, "activation": usual.activation}
        )

    what = f"{usual.units} {usual.activation} unit{'s' * (usual.units != 1)} and {usual.loss}"
    changed = _with_loss(plan, ends, usual.loss, what, from_logits=False)
    return replace(changed, edits=(*changed.edits, standard))


def _with_loss(plan: TrainingPlan, ends: _Ends, loss: Any, what: str, from_logits: bool) -> TrainingPlan:
    output = replace(ends.output, loss=ends.usual.loss, from_logits=from_logits)
    return plan.changed(what, loss=loss, outputs=(output,))


def activation_of_the_task(activation: str) -> Intervention:
    """The output of the task where that ends in this activation and the model's ends in another."""
    return Intervention(
        f"The output gets a {activation}, its units and its loss, where the task asks for them and it has others.",
        partial(_activation_of_the_task, activation=activation),
    )


UNITS_OF_THE_TASK = Intervention(
    "The output gets the units, the activation and the loss of the task, where its number of units is wrong.",
    _units_of_the_task,
)
LOSS_OF_THE_TASK = Intervention("The loss is the usual one for the task.", _loss_of_the_task)
LOGITS_OF_THE_HEAD = Intervention(
    "The loss reads logits from a linear output, else probabilities.", _logits_of_the_head
)
