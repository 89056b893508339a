"""Interventions on a model that learns: for less error on new rows."""

from __future__ import annotations

from typing import Any

from diagnose.trials.interventions.optimizer import with_settings
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

LEAST_DECAY = 0.01  # decoupled weight decay of long trainings, as fast.ai advises
RATE = 0.3  # share of the units that is dropped
SHORT = 10  # part of a training over which weights are averaged: a tenth
TAIL = 0.25  # part of a training over which stochastic weight averaging takes weights, as its authors advise
MOMENTS = 20  # at which weights are taken; more of them would be nearly the same
LEAST_MEMORY, MOST_MEMORY = 0.9, 0.999  # momentum of the averaged weights


def _decayed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    decay = decay_for(float(plan.rates[0].max()), plan.steps)
    if (getattr(plan.optimizer, "weight_decay", None) or 0.0) >= decay / 2:
        return DoesNotApply("the optimizer already decays the weights", needless=True)
    return with_settings(plan, f"weight decay {decay:g}", weight_decay=decay)


def decay_for(rate: float, steps: int) -> float:
    """The decoupled weight decay with which an unused weight shrinks to a third over a training.

    In every step a weight loses `rate` times this share. What matters is how long weights are remembered, counted in
    trainings (Wang and Aitchison 2024, arXiv:2405.13698): a decay of 0.01 does nothing in a few hundred steps.
    """
    return max(LEAST_DECAY, float(f"{1 / (rate * max(steps, 1)):.1g}")) if rate > 0 else LEAST_DECAY


def _averaged(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if (already := _averages(plan)) is not None:
        return already
    memory = memory_for(plan.steps)
    what = f"weights averaged over the last steps (momentum {memory:g})"
    return with_settings(plan, what, use_ema=True, ema_momentum=memory)


def _averaged_at_the_end(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    if (already := _averages(plan)) is not None:
        return already
    return plan.changed(f"the mean of the weights over the last {TAIL:.0%} of the steps", averaged=TAIL)


def _averages(plan: TrainingPlan) -> DoesNotApply | None:
    if getattr(plan.optimizer, "use_ema", False):
        return DoesNotApply("the optimizer already averages the weights", needless=True)
    return DoesNotApply("the weights are averaged already") if plan.averaged else None


def memory_for(steps: int) -> float:
    """The momentum of an exponential average over about the last tenth of a training."""
    return round(min(max(1 - SHORT / max(steps, 1), LEAST_MEMORY), MOST_MEMORY), 4)


def _dropped(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    first = next((layer for layer in plan.layers if layer.weights and not isinstance(layer, keras.Model)), None)
    chosen = {id(layer) for layer in plan.layers if isinstance(layer, keras.layers.Dense) and layer is not first}
    if any(isinstance(layer, keras.layers.Dropout) and layer.rate >= RATE for layer in plan.layers):
        return DoesNotApply(f"the model already drops {RATE:g} of some units", needless=True)
    if not chosen:
        return DoesNotApply("no Dense layer follows another layer with weights")

    def after_dropout(layer: Any, copy: Any) -> Any:
        if id(layer) not in chosen:
            return copy
        return keras.Sequential([keras.layers.Dropout(RATE), copy], name=layer.name)

    return plan.edited(f"dropout of {RATE:g} before the Dense layers", after_dropout)


WEIGHT_DECAY = Intervention(
    "Gives the optimizer a decoupled weight decay that shrinks an unused weight to a third over the training.", _decayed
)
AVERAGED_WEIGHTS = Intervention(
    "Averages the weights over about the last tenth of the training, and ends with the average.", _averaged
)
WEIGHTS_OF_THE_TAIL = Intervention(
    f"Averages the weights over the last {TAIL:.0%} of the training, then re-estimates the statistics of "
    "BatchNormalization.",
    _averaged_at_the_end,
)
DROPOUT = Intervention(f"Drops {RATE:g} of what each Dense layer after the first layer gets.", _dropped)
