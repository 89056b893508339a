"""Interventions on the precision of numbers: 32 bits instead of 16, and an epsilon that 16 bits can hold."""

from __future__ import annotations

from typing import Any

from diagnose.trials.interventions.layers import with_config
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

HALF = frozenset({"float16", "bfloat16"})
EPSILON = 1e-3  # of an adaptive optimizer for float16 weights; at 1e-4 one of three trainings still blew up


def _single(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if not any(HALF & {layer.variable_dtype, layer.compute_dtype} for layer in plan.layers):
        return DoesNotApply("no layer uses 16-bit numbers", needless=True)

    def single(layer: Any, copy: Any) -> Any:
        return with_config(copy, dtype="float32")

    return plan.edited("float32 in all layers", single)


def _larger_epsilon(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    optimizer = getattr(plan.optimizer, "inner_optimizer", plan.optimizer)
    epsilon = getattr(optimizer, "epsilon", None)
    if not isinstance(epsilon, float) or epsilon >= EPSILON:
        return DoesNotApply("the optimizer has no epsilon below 0.001", needless=True)
    if not any(weight.dtype == "float16" for weight in plan.model.trainable_variables):
        return DoesNotApply("no weight is float16")
    changed = type(optimizer).from_config({**optimizer.get_config(), "epsilon": EPSILON})
    return plan.changed(f"epsilon {EPSILON:g}", optimizer=changed)


SINGLE = Intervention("Uses float32 for the weights and computations of all layers.", _single)
LARGER_EPSILON = Intervention(f"Sets the optimizer's epsilon to {EPSILON:g}.", _larger_epsilon)
