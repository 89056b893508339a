"""Interventions on the balance of several outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from diagnose.subject import Output
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

UNEQUAL = 3.0  # times: gradients that differ by less are balanced


def balancing(outputs: Sequence[Output], norms: Sequence[float]) -> tuple[float, ...]:
    """Return loss weights with which each output's gradient at the shared weights has the mean norm of all.

    Two significant digits. `norms` are those with the present loss weights; () if they are unknown, or if one is zero.
    """
    if len(norms) != len(outputs) or len(norms) < 2 or min(norms) <= 0:
        return ()
    mean = sum(norms) / len(norms)
    exact = [output.weight * mean / norm for output, norm in zip(outputs, norms, strict=True)]
    return tuple(float(f"{weight:.2g}") for weight in exact)


def as_compiled(model: Any, weights: Sequence[float]) -> Any:
    """Return loss weights in the structure in which `compile` takes them: by name if the losses are."""
    loss = getattr(model, "loss", None)  # there is no model where none could be loaded
    if isinstance(loss, dict) and len(loss) == len(weights):
        return dict(zip(loss, weights, strict=True))
    return list(weights)


def _balanced(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    weights = balancing(plan.outputs, plan.gradient_norms)
    if not weights:
        return DoesNotApply("the model does not have several outputs that share weights")
    if max(plan.gradient_norms) <= UNEQUAL * min(plan.gradient_norms):
        same = "the outputs send gradients of about the same size into the layers that they share"
        return DoesNotApply(same, needless=True)
    outputs = tuple(replace(output, weight=weight) for output, weight in zip(plan.outputs, weights, strict=True))
    shown = ", ".join(f"{output.name} {output.weight:g}" for output in outputs)
    return plan.changed(f"loss weights {shown}", outputs=outputs, loss_weights=as_compiled(plan.model, weights))


BALANCE_LOSSES = Intervention(
    "Weighs the losses such that all outputs send gradients of the same size into the layers that they share.",
    _balanced,
)
