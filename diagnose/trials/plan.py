"""A training as data, and what may change it: nothing in this file builds or trains a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from diagnose.subject import Output, Split

if TYPE_CHECKING:
    from diagnose.measurements import Array

Edit = Callable[[Any, Any], Any]
"""(the user's layer, what stands for it in the copy so far) -> what stands for it in the copy."""

Adjust = Callable[[Any], None]
"""Works on the copy once it is built, for what no layer's config holds."""


@dataclass(frozen=True)
class TrainingPlan:
    """One short training, as the user has it or with something changed. Nothing in it is ever modified.

    `model` is the user's own compiled model: the pattern of the copy that is trained. `edits` and `adjust` say how the
    copy differs, `loss` replaces the user's (None: the user's own). `optimizer` is a pattern as well: its class and
    settings count, not its state. `rates` are candidate learning rates, one array of shape [steps] each; the best one
    counts. `train` is learned from, `dev` judges. `usable_rate` is the middle of the rates that were seen to work,
    `best_rate` the one that worked best (None: not known). `changes` says in words what was changed, in order;
    `rate_name` is the name by which the remedy's action and snippet call the chosen rate ("": they name none).
    """

    model: Any
    outputs: tuple[Output, ...]
    train: Split
    dev: Split
    optimizer: Any
    rates: tuple[Array, ...]
    batch_size: int
    steps: int
    seeds: tuple[int, ...]
    loss: Any = None
    edits: tuple[Edit, ...] = ()
    adjust: tuple[Adjust, ...] = ()
    usable_rate: float | None = None
    best_rate: float | None = None
    changes: tuple[str, ...] = ()
    rate_name: str = ""

    @property
    def what(self) -> str:
        """What was changed, in words."""
        return "; ".join(self.changes) or "as it is"

    @property
    def heads(self) -> tuple[Any, ...]:
        """The layers that the outputs come from, those inside a nested model at the end included."""
        return tuple(_heads(self.model))

    @property
    def hidden(self) -> tuple[Any, ...]:
        """Every other layer, those of nested models included."""
        heads = {id(layer) for layer in self.heads}
        return tuple(layer for layer in self.layers if id(layer) not in heads)

    @property
    def layers(self) -> tuple[Any, ...]:
        """All layers, those of nested models included."""
        return tuple(self.model._flatten_layers(include_self=False))

    def changed(self, what: str, **fields: Any) -> TrainingPlan:
        """This plan with other fields; `what` says in words what that changes."""
        return replace(self, changes=(*self.changes, what), **fields)

    def edited(self, what: str, edit: Edit) -> TrainingPlan:
        """This plan with other layers in the copy."""
        return self.changed(what, edits=(*self.edits, edit))


def _heads(model: Any) -> Iterator[Any]:
    tensors = getattr(model, "outputs", None) or []
    for layer in getattr(model, "layers", ()):
        if any(_output(layer) is tensor for tensor in tensors):
            yield layer
            yield from _heads(layer)


def _output(layer: Any) -> Any:
    """The tensor that a layer gives; None where it was called several times or never."""
    try:
        return layer.output
    except (AttributeError, ValueError):
        return None


@dataclass(frozen=True)
class DoesNotApply:
    """Why an intervention changes nothing in this plan."""

    reason: str


Change = Callable[[TrainingPlan], TrainingPlan | DoesNotApply]


def as_it_is(plan: TrainingPlan) -> TrainingPlan:
    """The plan itself: what most interventions are compared with."""
    return plan


@dataclass(frozen=True)
class Intervention:
    """What a remedy does, done to a training plan: a pure function.

    `about` says in one sentence what is changed. `change` gives the changed plan, or why it does not apply. `control`
    gives the plan that the changed one is compared with, where that is not the training as it is.
    """

    about: str
    change: Change
    control: Change = as_it_is


def together(plan: TrainingPlan, interventions: Iterable[Intervention]) -> TrainingPlan:
    """All interventions that apply, one after the other: the repaired reference."""
    for intervention in interventions:
        changed = intervention.change(plan)
        plan = plan if isinstance(changed, DoesNotApply) else changed
    return plan


def put_back(plan: TrainingPlan, interventions: Iterable[Intervention], choice: Intervention) -> TrainingPlan:
    """The repaired reference with one choice of the user's put back: all interventions but that one."""
    return together(plan, [other for other in interventions if other is not choice])
