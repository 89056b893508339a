"""Interventions on the layers of the copy: activations, initialisers, depth, dropout, penalties, frozen layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan

SATURATING = frozenset({"sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax", "exponential"})
USUAL_STARTS = ("He", "Glorot", "Lecun", "VarianceScaling")  # initialisers that fit the fan-in
DEEP = 6  # hidden layers with kernels from which fewer are tried
SHALLOW = 2  # hidden layers with kernels that are left then
LIGHT = 0.2  # dropout rate that is left: each unit still passes in four of five steps
DROPOUT = frozenset({"rate", "dropout", "recurrent_dropout"})  # settings that hold a dropout rate


def mixes(layer: Any) -> bool:
    """Whether it is a Dense layer or a convolution: a kernel, its initialiser and an activation, no recurrence."""
    config = layer.get_config() if hasattr(layer, "kernel_initializer") else {}
    return {"kernel_initializer", "activation"} <= config.keys() and "recurrent_initializer" not in config


def with_config(layer: Any, **changes: Any) -> Any:
    """The same layer with other settings; those that it does not have are left out."""
    config = layer.get_config()
    return type(layer).from_config({**config, **{key: value for key, value in changes.items() if key in config}})


def _activation(layer: Any) -> str | None:
    if not hasattr(layer, "activation"):
        return "relu" if type(layer).__name__ in {"ReLU", "LeakyReLU", "PReLU", "ELU"} else None
    return getattr(layer.activation, "__name__", type(layer.activation).__name__.lower())


def _relu(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    chosen = _identities(layer for layer in plan.hidden if mixes(layer) and _activation(layer) in SATURATING)
    if not chosen:
        return DoesNotApply("no hidden layer has a saturating activation")

    def relu(layer: Any, copy: Any) -> Any:
        return with_config(copy, activation="relu", kernel_initializer="he_normal") if id(layer) in chosen else copy

    return plan.edited("ReLU and He initialisation in hidden layers", relu)


def _he(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    def unusual(layer: Any) -> bool:
        return not type(layer.kernel_initializer).__name__.startswith(USUAL_STARTS)

    chosen = [layer for layer in plan.layers if mixes(layer)]
    if not any(unusual(layer) for layer in chosen):
        return DoesNotApply("the kernels start from an initialiser that fits their size")
    those = _identities(chosen)

    def he(layer: Any, copy: Any) -> Any:
        if id(layer) not in those:
            return copy
        return with_config(copy, kernel_initializer="he_normal", bias_initializer="zeros")

    return plan.edited("He initialisation", he)


def _non_linear(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    chosen = [layer for layer in plan.hidden if mixes(layer)]
    if not plan.heads or not isinstance(plan.heads[-1], keras.layers.Dense):
        return DoesNotApply("the output comes from another layer than Dense")
    if not chosen or any(_activation(layer) not in (None, "linear") for layer in plan.hidden):
        return DoesNotApply("the hidden layers have activations, or there are none")
    those = _identities(chosen)

    def relu(layer: Any, copy: Any) -> Any:
        return with_config(copy, activation="relu") if id(layer) in those else copy

    return plan.edited("ReLU in hidden layers", relu)


def _shallow(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    hidden = [layer for layer in plan.hidden if mixes(layer)]
    if not isinstance(plan.model, keras.Sequential) or len(hidden) < DEEP:
        return DoesNotApply(f"the model is not a plain stack of {DEEP} or more hidden layers")
    surplus = [layer for layer in hidden[SHALLOW:] if layer.input.shape == layer.output.shape]
    if not surplus:
        return DoesNotApply("no hidden layer keeps the shape of its input, so none can be left out")
    those = _identities(surplus)

    def left_out(layer: Any, copy: Any) -> Any:
        return keras.layers.Identity(name=layer.name) if id(layer) in those else copy

    what = f"{len(hidden) - len(surplus)} hidden layers instead of {len(hidden)}"
    return plan.edited(what, left_out)


def _light_dropout(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _with_settings(
        plan,
        f"dropout of {LIGHT:g} at most",
        lambda key, value: key in DROPOUT and isinstance(value, int | float) and value > LIGHT,
        LIGHT,
        f"no layer drops more than {LIGHT:.0%} of its units",
    )


def _free(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _with_settings(
        plan,
        "without penalties",
        lambda key, value: key.endswith("regularizer") and value is not None,
        None,
        "no layer has a penalty",
    )


def _with_settings(
    plan: TrainingPlan, what: str, wanted: Callable[[str, Any], bool], value: Any, otherwise: str
) -> TrainingPlan | DoesNotApply:
    """Give every wanted setting of every layer this value."""
    found = {id(layer): [key for key, own in _settings(layer).items() if wanted(key, own)] for layer in plan.layers}
    if not any(found.values()):
        return DoesNotApply(otherwise)

    def changed(layer: Any, copy: Any) -> Any:
        keys = found.get(id(layer), [])
        return with_config(copy, **dict.fromkeys(keys, value)) if keys else copy

    return plan.edited(what, changed)


def _settings(layer: Any) -> dict[str, Any]:
    """Its config; nothing for a layer that does not tell it, and for a Lambda, whose config is code."""
    try:
        return {} if type(layer).__name__ == "Lambda" else layer.get_config()
    except NotImplementedError:
        return {}


def _trainable(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    frozen = [layer for layer in plan.layers if layer.weights and not layer.trainable and not hasattr(layer, "adapt")]
    if not frozen:
        return DoesNotApply("every layer is trainable")

    def trainable(model: Any) -> None:
        for layer in model._flatten_layers():  # the flag of a model does not reach layers that have one of their own
            layer.trainable = True

    return plan.changed("every layer trainable, from the weights it has", adjust=(*plan.adjust, trainable))


def _identities(layers: Iterable[Any]) -> frozenset[int]:
    """Layers are told apart as objects: two of one name may stand in two nested models."""
    return frozenset(id(layer) for layer in layers)


RELU = Intervention(
    "Hidden Dense and convolution layers with a saturating activation get ReLU and He initialisation.", _relu
)
HE = Intervention("Every Dense and convolution layer starts from He initialisation and a bias of 0.", _he)
ACTIVATIONS = Intervention(
    "Every hidden Dense and convolution layer gets a ReLU, where none bends its input.", _non_linear
)
SHALLOWER = Intervention(
    f"Of {DEEP} or more hidden layers in a row the first {SHALLOW} are kept, and those that change the shape.", _shallow
)
LIGHT_DROPOUT = Intervention(f"No layer drops more than {LIGHT:.0%} of its units.", _light_dropout)
NO_PENALTIES = Intervention("No layer has a penalty.", _free)
UNFREEZE = Intervention("Every layer is trainable, from the weights that it has.", _trainable)
