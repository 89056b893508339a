"""Interventions on a model that learns: for less error on new rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from diagnose.trials.interventions.layers import with_config
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

LEAST_DECAY = 0.01  # decoupled weight decay of long trainings, as fast.ai advises
RATE = 0.3  # share of the units that is dropped
SHIFT, TURN = 0.1, 0.05  # of the size of an image, and of a full circle
SMALLEST = 8  # pixels; smaller images lose what they show
SIZES = ("units", "filters")


def _decayed(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    optimizer = plan.optimizer
    if hasattr(optimizer, "inner_optimizer"):
        return DoesNotApply("the optimizer scales the loss, and its weight decay cannot be set from outside")
    decay = decay_for(float(plan.rates[0].max()), plan.steps)
    if (getattr(optimizer, "weight_decay", None) or 0.0) >= decay / 2:
        return DoesNotApply("the optimizer already decays the weights", needless=True)
    changed = type(optimizer).from_config({**optimizer.get_config(), "weight_decay": decay})
    return plan.changed(f"weight decay {decay:g}", optimizer=changed)


def decay_for(rate: float, steps: int) -> float:
    """The decoupled weight decay with which an unused weight shrinks to a third over a training.

    In every step a weight loses `rate` times this share. What matters is how long weights are remembered, counted in
    trainings (Wang and Aitchison 2024, arXiv:2405.13698): a decay of 0.01 does nothing in a few hundred steps.
    """
    return max(LEAST_DECAY, float(f"{1 / (rate * max(steps, 1)):.1g}")) if rate > 0 else LEAST_DECAY


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


def _augmented(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    shapes = [tuple(rows.shape[1:]) for rows in plan.train.inputs]
    if len(shapes) > 1 or len(plan.outputs) > 1 or len(shapes[0]) != 3 or min(shapes[0][:2]) < SMALLEST:
        return DoesNotApply("the model does not take one image and give one output")
    if len(plan.train.targets[0].shape) > 2:
        return DoesNotApply("the targets would have to move with the images")
    if any(type(layer).__name__.startswith("Random") for layer in plan.layers):
        return DoesNotApply("the model already augments its images", needless=True)

    def inside(copy: Any) -> Any:
        moves = [keras.layers.RandomTranslation(SHIFT, SHIFT), keras.layers.RandomRotation(TURN)]
        return keras.Sequential([keras.Input(shapes[0]), *moves, copy])

    return replace(plan, around=(*plan.around, inside), changes=(*plan.changes, "small shifts and turns of the images"))


def _plain(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    from diagnose.measuring.copying import augments, without_augmentation

    if not any(augments(layer) for layer in plan.layers):
        return DoesNotApply("the model does not augment its rows", needless=True)
    return plan.edited("no augmentation", without_augmentation)


def _resized(by: Callable[[int], int], what: str) -> Callable[[TrainingPlan], TrainingPlan | DoesNotApply]:
    def change(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
        sized = [layer for layer in plan.hidden if layer.weights and _size(layer)]
        chosen = {id(layer) for layer in sized}
        if not chosen:
            return DoesNotApply("no hidden layer has a number of units")

        def resized(layer: Any, copy: Any) -> Any:
            if id(layer) not in chosen:
                return copy
            config = copy.get_config()
            return with_config(copy, **{key: by(config[key]) for key in SIZES if isinstance(config.get(key), int)})

        return plan.edited(what, resized)

    return change


def _size(layer: Any) -> bool:
    try:
        config = layer.get_config()
    except NotImplementedError:
        return False
    return any(isinstance(config.get(key), int) for key in SIZES)


WEIGHT_DECAY = Intervention(
    "Gives the optimizer a decoupled weight decay that shrinks an unused weight to a third over the training.", _decayed
)
DROPOUT = Intervention(f"Drops {RATE:g} of what each Dense layer after the first layer gets.", _dropped)
AUGMENTATION = Intervention("Shifts and turns every training image by a little.", _augmented, cost=2.5)
NO_AUGMENTATION = Intervention("Removes the augmentation layers.", _plain)
TWICE_THE_UNITS = Intervention(
    "Doubles the units or filters of every hidden layer.",
    _resized(lambda size: 2 * size, "twice the units in hidden layers"),
    cost=3.0,
)
HALF_THE_UNITS = Intervention(
    "Halves the units or filters of every hidden layer.",
    _resized(lambda size: max(size // 2, 1), "half the units in hidden layers"),
)
