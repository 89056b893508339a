"""Canonical names of activations, initializers and classes."""

import re
from typing import Any

LAYERS = {
    "LeakyReLU": "leaky_relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "Softmax": "softmax",
}  # activation layers without a function attribute
SYNONYMS = {"swish": "silu"}


def activation_name(layer: Any) -> str | None:
    """Return the activation that a layer applies last ("relu", "linear", "softmax", ...); None if it has none.

    A custom function has its own name.
    """
    kind = type(layer).__name__
    if kind == "ReLU":
        return "leaky_relu" if getattr(layer, "negative_slope", 0) else "relu"
    if kind in LAYERS:
        return LAYERS[kind]
    activation = getattr(layer, "activation", None)
    if activation is None or not callable(activation):
        return None
    if hasattr(activation, "weights"):  # a layer as activation: Dense(8, activation=LeakyReLU())
        return activation_name(activation)
    name = getattr(activation, "__name__", snake_case(type(activation).__name__))
    return SYNONYMS.get(name, name)


def initializer_text(initializer: Any) -> str | None:
    """Return class name and non-zero numbers without the seed: "RandomNormal(stddev=0.05)"."""
    if initializer is None:
        return None
    config = initializer.get_config() if hasattr(initializer, "get_config") else {}
    numbers = {
        key: value for key, value in config.items() if isinstance(value, int | float) and value and key != "seed"
    }
    name = type(initializer).__name__ if config or hasattr(initializer, "get_config") else str(initializer)
    inside = ", ".join(f"{key}={value:g}" for key, value in numbers.items())
    return f"{name}({inside})" if inside else name


def snake_case(name: str) -> str:
    """ "RMSprop" -> "rmsprop", "AdamW" -> "adamw", "LossScaleOptimizer" -> "loss_scale_optimizer"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()
