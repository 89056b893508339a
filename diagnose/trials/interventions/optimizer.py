"""Interventions on the optimizer and its learning rate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "lion", "rmsprop"})
ADAM_RATES = (1e-3, 1e-2, 1e-4)  # optimizers are compared at tuned rates only: an untuned one says nothing
APART = 2.0  # times: rates closer than this are about the same


def _lower(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "lower", lambda usable, own: usable * APART <= own)


def _raised(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "higher", lambda usable, own: usable >= own * APART)


def _at_usable_rate(plan: TrainingPlan, word: str, differs: Any) -> TrainingPlan | DoesNotApply:
    import numpy as np

    if plan.usable_rate is None:
        return DoesNotApply("the sweep over learning rates found none that works")
    own = float(plan.rates[0][0])
    if not differs(plan.usable_rate, own):
        return DoesNotApply(f"no {word} rate works better")
    rates = (np.full(plan.steps, plan.usable_rate),)
    return plan.changed(f"learning rate {plan.usable_rate:g}", rates=rates, rate_name="rate")


def _adam(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras
    import numpy as np

    if _name(plan.optimizer) in ADAPTIVE:
        return DoesNotApply("the optimizer adapts its steps already")
    if plan.best_rate is None:
        return DoesNotApply("without a sweep over learning rates Adam would be compared with an untuned optimizer")
    rates = tuple(np.full(plan.steps, rate) for rate in ADAM_RATES)
    adam = keras.optimizers.Adam(ADAM_RATES[0])
    return plan.changed("Adam", optimizer=adam, rates=rates, rate_name="adam_rate")


def _tuned(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """The user's own optimizer at the best rate of the sweep."""
    import numpy as np

    if plan.best_rate is None:
        return DoesNotApply("no learning rate was swept")
    what = f"{type(plan.optimizer).__name__} at learning rate {plan.best_rate:.2g}"
    return replace(plan, rates=(np.full(plan.steps, plan.best_rate),), changes=(what,))


def _name(optimizer: Any) -> str:
    return type(getattr(optimizer, "inner_optimizer", optimizer)).__name__.lower()


LOWER_RATE = Intervention("The learning rate is the middle of those that work, where that is lower.", _lower)
RAISE_RATE = Intervention("The learning rate is the middle of those that work, where that is higher.", _raised)
ADAM = Intervention(
    "Adam at the best of three learning rates, beside the model's own optimizer at its best rate.", _adam, _tuned
)
