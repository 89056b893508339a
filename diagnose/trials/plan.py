"""A training as data, and changes to it. Nothing in this file builds or trains a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from diagnose.subject import Output, Split

if TYPE_CHECKING:
    from diagnose.measurements import Array
    from diagnose.measuring.training import Batching, Numbers, Scale

Edit = Callable[[Any, Any], Any]
"""(the user's layer, its current counterpart in the copy) -> its new counterpart in the copy."""

Around = Callable[[Any], Any]
"""The copy -> the copy inside a model of the same task, as with layers before it."""

Adjust = Callable[[Any], None]
"""Changes the built copy, for properties that are not in a layer's config."""


@dataclass(frozen=True)
class TrainingPlan:
    """One short training, the user's own or a changed one. Nothing in it is ever modified.

    `model` is the user's own compiled model; a copy of it is trained, made by `factory` where no config makes it.
    `edits`, `around` and `adjust` change the copy, `loss` and `loss_weights` replace the user's (None: the user's own).
    `batches` change every batch as it is trained on. `averaged` is the share of the steps, at their end, whose weights
    are averaged when the training is over (0: the last weights stay). Of `optimizer`, the class and the settings are
    used, not the state. `rates` are candidate learning rates, one array of shape [steps] each; the best one is used.
    `train` rows are trained on, `dev` rows are evaluated. With `held_out`, some rows are in both: for each seed, in
    order, the numbers of the dev rows on which alone its training is judged, and on which it is not trained; `numbers`
    are those of the train rows among the dev rows. `target_scales` are those by which the targets of each output were
    standardised (None: they were not; (): none were); errors are in the unit of before. `usable_rate` is the middle of
    the rates that work,
    `best_rate` the one that works best (None: unknown). `gradient_norms` holds the norm of each output's gradient at
    the weights that they share, from fresh weights ((): there is one output, or unknown). `changes` are noun phrases,
    in order. `rate_name` is the name of the chosen rate in the remedy's action and snippet ("": they do not use it).
    `reachable` is the skill of each output that counts as 1.
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
    reachable: tuple[float, ...] = (1.0,)
    loss: Any = None
    loss_weights: Any = None
    edits: tuple[Edit, ...] = ()
    around: tuple[Around, ...] = ()
    adjust: tuple[Adjust, ...] = ()
    batches: tuple[Batching, ...] = ()
    averaged: float = 0.0
    usable_rate: float | None = None
    best_rate: float | None = None
    gradient_norms: tuple[float, ...] = ()
    changes: tuple[str, ...] = ()
    rate_name: str = ""
    factory: Callable[[], Any] | None = None
    held_out: tuple[Numbers, ...] = ()
    numbers: Numbers | None = None
    target_scales: tuple[Scale | None, ...] = ()

    @property
    def judged(self) -> Numbers | None:
        """The numbers of all dev rows that are held out from some training; None: the plan does not say which."""
        import numpy as np

        return np.unique(np.concatenate(self.held_out)) if self.held_out else None

    def split_of(self, place: int) -> tuple[Numbers | None, Numbers | None]:
        """The numbers of the train rows and of the dev rows for the seed at this place, [rows] each; None: all."""
        import numpy as np

        if self.numbers is None:
            return None, None
        unseen = self.held_out[place]
        return np.flatnonzero(np.isin(self.numbers, unseen, invert=True)), unseen

    @property
    def what(self) -> str:
        """The changes as one phrase."""
        return phrase(self.changes)

    @property
    def keeps_model(self) -> bool:
        """Whether the model and its loss are the user's: what changes is the optimizer, the data, or the end."""
        changes = (self.edits, self.around, self.adjust)
        return self.loss is None and self.loss_weights is None and not any(changes)

    @property
    def heads(self) -> tuple[Any, ...]:
        """The layers that give the outputs, including those of nested models."""
        return tuple(_heads(self.model))

    @property
    def readouts(self) -> tuple[Any, ...]:
        """The last layers with weights: heads, or what feeds heads without any, as an activation or a reshaping."""
        return tuple(layer for layer in ends_of(self.model) if layer.weights)

    @property
    def hidden(self) -> tuple[Any, ...]:
        """The layers that neither give the outputs nor are the last ones with weights, with those of nested models."""
        ends = {id(layer) for layer in (*self.heads, *self.readouts)}
        return tuple(layer for layer in self.layers if id(layer) not in ends)

    @property
    def layers(self) -> tuple[Any, ...]:
        """All layers, including those of nested models."""
        return tuple(self.model._flatten_layers(include_self=False))

    @property
    def is_chain(self) -> bool:
        """Whether each layer takes the output of the one before, and nothing else."""
        pairs = pairwise(self.model.layers)
        return all(tensor_of(after, "input") is tensor_of(before, "output") is not None for before, after in pairs)

    def changed(self, what: str, **fields: Any) -> TrainingPlan:
        """Return this plan with other fields; `what` is the change as a noun phrase."""
        return replace(self, changes=(*self.changes, what), **fields)

    def edited(self, what: str, edit: Edit) -> TrainingPlan:
        """Return this plan with an edit of the copy's layers; `what` is the change as a noun phrase."""
        return self.changed(what, edits=(*self.edits, edit))


def phrase(changes: Iterable[str]) -> str:
    """Changes as one phrase."""
    return "; ".join(changes) or "no change"


def _heads(model: Any) -> Iterator[Any]:
    tensors = getattr(model, "outputs", None) or []
    for layer in getattr(model, "layers", ()):
        if any(tensor_of(layer, "output") is tensor for tensor in tensors):
            yield layer
            yield from _heads(layer)


def ends_of(model: Any) -> Iterator[Any]:
    """The layers from the outputs back to the last ones with weights, these included; those of nested models, too."""
    import keras

    tensors = list(getattr(model, "outputs", None) or [])
    for layer in reversed(getattr(model, "layers", ())):
        if not any(tensor_of(layer, "output") is tensor for tensor in tensors):
            continue
        if layer.weights and getattr(layer, "layers", None):
            yield from ends_of(layer)
            continue
        yield layer
        if not layer.weights:
            tensors += keras.tree.flatten(tensor_of(layer, "input"))


def tensor_of(layer: Any, side: str) -> Any:
    """Return the "input" or "output" of a layer; None if it was called several times or never."""
    try:
        return getattr(layer, side)
    except (AttributeError, ValueError):
        return None


def rate_text(rate: float) -> str:
    """A learning rate as text and as Python code, with an exponent as reports write it: 6e-5, not 6e-05."""
    return f"{rate:g}".replace("e-0", "e-")


@dataclass(frozen=True)
class DoesNotApply:
    """The reason why an intervention does not apply to a plan.

    `needless`: the model already is what the change would make of it, so the remedy is not worth advising. Otherwise
    the change just cannot be tried. `how` is the way out, as a sentence, where the user has one.
    """

    reason: str
    needless: bool = False
    how: str = ""


Change = Callable[[TrainingPlan], TrainingPlan | DoesNotApply]


def unchanged(plan: TrainingPlan) -> TrainingPlan:
    """Return the plan itself, the control of most interventions."""
    return plan


@dataclass(frozen=True)
class Intervention:
    """The change that a remedy makes, as a pure function of a training plan.

    `about` is one sentence on what is changed. `change` returns the changed plan, or why it does not apply. `control`
    returns the plan to compare it with, if that is not the user's own training. `placebo` returns a change of the same
    kind and size without the reason for it: a gain must be larger than its own. `cost` is the work of a changed step in
    unchanged ones.
    """

    about: str
    change: Change
    control: Change = unchanged
    placebo: Change | None = None
    cost: float = 1.0


def apply_all(plan: TrainingPlan, interventions: Iterable[Intervention]) -> TrainingPlan:
    """Apply every intervention that fits, in order; the result is the repaired reference."""
    for intervention in interventions:
        changed = intervention.change(plan)
        plan = plan if isinstance(changed, DoesNotApply) else changed
    return plan


def apply_all_except(plan: TrainingPlan, interventions: Iterable[Intervention], left_out: Intervention) -> TrainingPlan:
    """Apply every intervention except one; the result is the repaired reference with one of the user's own choices."""
    return apply_all(plan, [other for other in interventions if other is not left_out])
