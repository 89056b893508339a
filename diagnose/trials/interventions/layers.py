"""Interventions on layers: activations, initializers, depth, dropout, regularization, frozen layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, tensor_of

SATURATING = frozenset({"sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax", "exponential"})
USUAL_STARTS = ("He", "Glorot", "Lecun", "VarianceScaling")  # initializers that scale with the fan-in
DEEP = 6  # hidden layers with kernels from which a shallower net is tried
SHALLOW = 2  # hidden layers with kernels that remain then
QUICK = 0.9  # highest momentum of moving statistics that remains
LIGHT = 0.2  # highest dropout rate that remains
DROPOUT = frozenset({"rate", "dropout", "recurrent_dropout"})  # layer settings that are dropout rates


def mixes(layer: Any) -> bool:
    """Whether a layer is a Dense or convolution layer: it has a kernel and an activation, and is not recurrent."""
    config = layer.get_config() if hasattr(layer, "kernel_initializer") else {}
    return {"kernel_initializer", "activation"} <= config.keys() and "recurrent_initializer" not in config


def with_config(layer: Any, **changes: Any) -> Any:
    """Return the layer with changed settings; settings that it does not have are ignored."""
    config = layer.get_config()
    return type(layer).from_config({**config, **{key: value for key, value in changes.items() if key in config}})


def activation_of(layer: Any) -> str | None:
    """The name of a layer's activation; None if it has none."""
    if not hasattr(layer, "activation"):
        return "relu" if type(layer).__name__ in {"ReLU", "LeakyReLU", "PReLU", "ELU"} else None
    return getattr(layer.activation, "__name__", type(layer.activation).__name__.lower())


def _relu(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    chosen = _identities(layer for layer in plan.hidden if mixes(layer) and activation_of(layer) in SATURATING)
    if not chosen:
        return DoesNotApply("no hidden layer has a saturating activation", needless=True)

    def relu(layer: Any, copy: Any) -> Any:
        return with_config(copy, activation="relu", kernel_initializer="he_normal") if id(layer) in chosen else copy

    return plan.edited("ReLU and He initialisation in hidden layers", relu)


def _he(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    def unusual(layer: Any) -> bool:
        return not type(layer.kernel_initializer).__name__.startswith(USUAL_STARTS)

    chosen = [layer for layer in plan.layers if mixes(layer)]
    if not any(unusual(layer) for layer in chosen):
        return DoesNotApply("all kernels already have an initializer that scales with the fan-in", needless=True)
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
        return DoesNotApply("the output layer is not a Dense layer")
    if not any(activation_of(layer) == "linear" for layer in chosen):
        return DoesNotApply("every hidden layer already has an activation", needless=True)
    if any(activation_of(layer) not in (None, "linear") for layer in plan.hidden):
        return DoesNotApply("some hidden layers already have activations")
    those = _identities(chosen)

    def relu(layer: Any, copy: Any) -> Any:
        return with_config(copy, activation="relu") if id(layer) in those else copy

    return plan.edited("ReLU in hidden layers", relu)


def _shallow(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    hidden = [layer for layer in plan.hidden if mixes(layer)]
    if len(hidden) < DEEP:
        return DoesNotApply(f"there are fewer than {DEEP} hidden Dense or convolution layers", needless=True)
    if not plan.is_chain:
        return DoesNotApply("the layers do not follow each other one by one")
    surplus = [layer for layer in hidden[SHALLOW:] if keeps_shape(layer)]
    if not surplus:
        return DoesNotApply("no hidden layer can be removed, as each changes the shape of its input")
    those = _identities(surplus)

    def left_out(layer: Any, copy: Any) -> Any:
        return keras.layers.Identity(name=layer.name) if id(layer) in those else copy

    what = f"{len(hidden) - len(surplus)} hidden layers instead of {len(hidden)}"
    return plan.edited(what, left_out)


def keeps_shape(layer: Any) -> bool:
    """Whether a layer's output has the shape of its input; not for the parts of a custom layer, which have neither."""
    source, result = tensor_of(layer, "input"), tensor_of(layer, "output")
    return source is not None and result is not None and source.shape == result.shape


def _light_dropout(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _with_settings(
        plan,
        f"dropout of at most {LIGHT:g}",
        lambda key, value: key in DROPOUT and isinstance(value, int | float) and value > LIGHT,
        LIGHT,
        f"no layer has a dropout rate above {LIGHT:g}",
    )


def _quick_statistics(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    import keras

    norms = (layer for layer in plan.layers if isinstance(layer, keras.layers.BatchNormalization))
    chosen = _identities(layer for layer in norms if layer.momentum > QUICK)
    if not chosen:
        return DoesNotApply(f"no BatchNormalization layer has a momentum above {QUICK:g}", needless=True)

    def quick(layer: Any, copy: Any) -> Any:
        return with_config(copy, momentum=QUICK) if id(layer) in chosen else copy

    return plan.edited(f"BatchNormalization with momentum {QUICK:g}", quick)


def _free(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    return _with_settings(
        plan,
        "no regularization",
        lambda key, value: key.endswith("regularizer") and value is not None,
        None,
        "no layer has a regularizer",
    )


def _leaky(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    why = "no layer has a ReLU as its activation"
    changed = _with_settings(
        plan, "leaky ReLU", lambda key, value: key == "activation" and value == "relu", "leaky_relu", why
    )
    return DoesNotApply(why) if isinstance(changed, DoesNotApply) else changed  # a lower rate may still help


def _with_settings(
    plan: TrainingPlan, what: str, wanted: Callable[[str, Any], bool], value: Any, otherwise: str
) -> TrainingPlan | DoesNotApply:
    """Set every wanted setting of every layer to this value."""
    found = {id(layer): [key for key, own in _settings(layer).items() if wanted(key, own)] for layer in plan.layers}
    if not any(found.values()):
        return DoesNotApply(otherwise, needless=True)

    def changed(layer: Any, copy: Any) -> Any:
        keys = found.get(id(layer), [])
        return with_config(copy, **dict.fromkeys(keys, value)) if keys else copy

    return plan.edited(what, changed)


def _settings(layer: Any) -> dict[str, Any]:
    """The config of a layer; empty if it has none, and for a Lambda layer, whose config is code."""
    try:
        return {} if type(layer).__name__ == "Lambda" else layer.get_config()
    except NotImplementedError:
        return {}


def _trainable(plan: TrainingPlan) -> TrainingPlan | DoesNotApply:
    frozen = [layer for layer in plan.layers if layer.weights and not layer.trainable and not hasattr(layer, "adapt")]
    if not frozen:
        return DoesNotApply("every layer is trainable", needless=True)

    def trainable(model: Any) -> None:
        for layer in model._flatten_layers():  # a model's flag does not override those of its layers
            layer.trainable = True

    return plan.changed("all layers trainable", adjust=(*plan.adjust, trainable))


def _identities(layers: Iterable[Any]) -> frozenset[int]:
    """Identify layers by object: nested models may have layers of the same name."""
    return frozenset(id(layer) for layer in layers)


RELU = Intervention(
    "Gives hidden Dense and convolution layers with a saturating activation ReLU and He initialisation.", _relu
)
HE = Intervention("Gives every Dense and convolution layer He initialisation and zero biases.", _he)
ACTIVATIONS = Intervention(
    "Gives every hidden Dense and convolution layer a ReLU, if no hidden layer has an activation.", _non_linear
)
SHALLOWER = Intervention(
    f"Keeps, of {DEEP} or more hidden layers in a row, the first {SHALLOW} and those that change the shape.", _shallow
)
LIGHT_DROPOUT = Intervention(f"Reduces every dropout rate to at most {LIGHT:g}.", _light_dropout)
QUICK_STATISTICS = Intervention(
    f"Reduces the momentum of every BatchNormalization layer to at most {QUICK:g}.", _quick_statistics
)
NO_PENALTIES = Intervention("Removes the regularizers of all layers.", _free)
LEAKY = Intervention("Gives every layer with a ReLU a leaky one.", _leaky)
UNFREEZE = Intervention("Makes every layer trainable, from its current weights.", _trainable)
