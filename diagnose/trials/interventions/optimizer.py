"""Interventions on the optimizer and its learning rate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, rate_text

ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "lion", "rmsprop"})
ADAPTIVE_DEFAULT = frozenset({"Adam", "AdamW", "Nadam"})  # Keras's classes that do what Adam does
ADAM_RATES = (1e-3, 1e-2, 1e-4)  # optimizers are compared at tuned rates only; a single rate would not be fair
_NOT_COMPARED = ("name", "learning_rate")
APART = 2.0  # rates within this factor count as the same


def _lower(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "lower", lambda usable, own: usable * APART <= own)


def _raised(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _at_usable_rate(plan, "higher", lambda usable, own: usable >= own * APART)


def _at_usable_rate(plan: TrainingPlan, word: str, differs: Any) -> TrainingPlan | DoesNotApply:
    import numpy as np

    if plan.usable_rate is None:
        return DoesNotApply("the learning-rate sweep found no rate that works and suits this optimizer")
    own = float(plan.rates[0].max())
    if not differs(plan.usable_rate, own):
        return DoesNotApply(f"no {word} rate works better", needless=True)
    rates = (np.full(plan.steps, plan.usable_rate),)
    return plan.changed(f"learning rate {rate_text(plan.usable_rate)}", rates=rates, rate_name=f"{word}_rate")


def _adam(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras
    import numpy as np

    if adapts(plan.optimizer):
        return DoesNotApply("the optimizer is already an adaptive one")
    if plan.best_rate is None:
        return DoesNotApply("there is no learning-rate sweep, so Adam could only be compared with an untuned optimizer")
    rates = tuple(np.full(plan.steps, rate) for rate in ADAM_RATES)
    adam = keras.optimizers.Adam(ADAM_RATES[0])
    return plan.changed("Adam", optimizer=adam, rates=rates, rate_name="adam_rate")


def _tuned(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    """The user's optimizer at the best rate of the sweep."""
    import numpy as np

    if plan.best_rate is None:
        return DoesNotApply("there is no learning-rate sweep")
    what = f"{type(plan.optimizer).__name__} at learning rate {plan.best_rate:.2g}"
    return replace(plan, rates=(np.full(plan.steps, plan.best_rate),), changes=(what,))


def adapts(optimizer: Any) -> bool:
    """Whether the steps of an optimizer do not depend on the size of the gradient."""
    from diagnose.measuring.learning_rate import kind_of

    return kind_of(optimizer) in ADAPTIVE


def own_settings(optimizer: Any) -> dict[str, Any]:
    """Return the settings other than the learning rate that differ from the defaults of a Keras optimizer."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    config = optimizer.get_config()
    usual = type(optimizer)(name=config["name"]).get_config()  # without a name Keras would make up a numbered one
    return {key: value for key, value in config.items() if value != usual.get(key) and key not in _NOT_COMPARED}


def usual_rate(optimizer: Any) -> float:
    """Return the usual learning rate of an optimizer."""
    from diagnose.measuring import learning_rate

    return learning_rate.usual_rate(optimizer)


def rates_after_scaling(plan: TrainingPlan) -> tuple[Any, ...]:
    """Return candidate rates for scaled targets: the user's own, and the usual ones if they suit the scale of the loss.

    The rate at which plain SGD does not diverge falls with the square of the targets' scale, so the user's own may be
    far too low once they are scaled.
    """
    import numpy as np

    usual = usual_rate(plan.optimizer)
    own = float(plan.rates[0].max())
    others = () if adapts(plan.optimizer) else tuple(rate for rate in (usual, 10 * usual) if rate > own * APART)
    return (*plan.rates, *(np.full(plan.steps, rate) for rate in others))


LOWER_RATE = Intervention("Lowers the learning rate to the middle of the rates that work.", _lower)
RAISE_RATE = Intervention("Raises the learning rate to the middle of the rates that work.", _raised)
ADAM = Intervention(
    "Trains with Adam at the best of three learning rates, against your optimizer at its best rate.",
    _adam,
    _tuned,
)
