"""Whether a model already has what a remedy prescribes, for remedies without a trial that would tell."""

from collections.abc import Callable
from typing import Any

from diagnose.measurements import Activations, Evaluation, Forward, Measurements, SplitScores
from diagnose.subject import Task
from diagnose.trials.interventions.data import unscaled
from diagnose.trials.interventions.optimizer import ADAPTIVE_DEFAULT, own_settings
from diagnose.trials.interventions.precision import HALF
from diagnose.trials.plan import TrainingPlan

InPlace = Callable[[TrainingPlan, Measurements], bool]

USUAL_BATCH = (32, 256)  # rows


def scaled_inputs(_: TrainingPlan, measured: Measurements) -> bool:
    """The inputs reach the first layer with weights scaled: the model itself may do it."""
    forward = measured.get(Forward)
    current = forward.current if isinstance(forward, Forward) else None
    entering = current.first_inputs if isinstance(current, Activations) else ()
    return bool(entering) and not any(unscaled((one.mean, one.std)) for one in entering)


def nothing_shared(_: TrainingPlan, measured: Measurements) -> bool:
    """Dev has no row of train, or no other rows, so that nothing would be left to train on."""
    evaluation = measured.get(Evaluation)
    dev = evaluation.dev if isinstance(evaluation, Evaluation) else None
    return not (isinstance(dev, SplitScores) and dev.new_rows)


def masked(plan: TrainingPlan, _: Measurements) -> bool:
    """Every embedding masks the padding."""
    found = [layer for layer in plan.layers if type(layer).__name__ == "Embedding"]
    return bool(found) and all(layer.mask_zero for layer in found)


def no_base(plan: TrainingPlan, _: Measurements) -> bool:
    """No model inside the model has a BatchNormalization layer that still updates its statistics."""
    import keras

    bases = [layer for layer in plan.layers if isinstance(layer, keras.Model)]
    inside = [layer for base in bases for layer in base._flatten_layers(include_self=False)]
    return not any(isinstance(layer, keras.layers.BatchNormalization) and layer.trainable for layer in inside)


def default_adam(plan: TrainingPlan, _: Measurements) -> bool:
    """The optimizer adapts its steps as Adam does, and has no settings of its own but the learning rate."""
    optimizer = _inner(plan.optimizer)
    usual = type(optimizer).__module__.startswith("keras.") and type(optimizer).__name__ in ADAPTIVE_DEFAULT
    return usual and not own_settings(optimizer)


def warmed_up(plan: TrainingPlan, _: Measurements) -> bool:
    """The learning rate has a schedule that warms it up."""
    return bool(getattr(getattr(_inner(plan.optimizer), "_learning_rate", None), "warmup_steps", 0))


def usual_batch(plan: TrainingPlan, _: Measurements) -> bool:
    """The batches are of a usual size."""
    low, high = USUAL_BATCH
    return low <= plan.batch_size <= high


def mixed(plan: TrainingPlan, _: Measurements) -> bool:
    """The weights are in float32 and, where layers compute in float16, the loss is scaled."""
    scaled = hasattr(plan.optimizer, "inner_optimizer")
    return not any(
        layer.variable_dtype in HALF or (layer.compute_dtype == "float16" and not scaled) for layer in plan.layers
    )


def names_its_task(plan: TrainingPlan, _: Measurements) -> bool:
    """No output is judged by a loss of the user's own."""
    return all(output.task is not Task.OWN_LOSS for output in plan.outputs)


def loss_is(word: str) -> InPlace:
    """The loss of every output has this word in its name."""
    return lambda plan, _: bool(plan.outputs) and all(word in output.loss.lower() for output in plan.outputs)


def _inner(optimizer: Any) -> Any:
    return getattr(optimizer, "inner_optimizer", optimizer)
