"""Sick cases with faults in the network between input and head.

Append within a family: the order decides the half (`recipe.in_halves`).
"""

from typing import Any

from keras import initializers

from tests.wards import models
from tests.wards import references as ref
from tests.wards.recipe import make, sick

SIX = ref.DIGITS_MLP.model.but(hidden=(48,) * 6)


def digits_with(**settings: Any) -> dict[str, Any]:
    """The MLP of the digits with other settings."""
    return {"model": ref.DIGITS_MLP.model.but(**settings)}


SICK_NETWORK = (
    # non-linearity
    sick(
        "no-activation-circles",
        "non-linearity",
        ref.CIRCLES,
        {"missing-nonlinearity"},
        model=ref.CIRCLES.model.but(activation=None),
    ),
    sick(
        "no-activation-xor",
        "non-linearity",
        ref.XOR_NOISY,
        {"missing-nonlinearity"},
        model=ref.XOR_NOISY.model.but(activation=None),
    ),
    sick(
        "no-activation-friedman",
        "non-linearity",
        ref.FRIEDMAN,
        {"missing-nonlinearity"},
        model=ref.FRIEDMAN.model.but(activation=None),
    ),
    *(
        sick(
            f"no-hidden-layer-{name}",
            "non-linearity",
            recipe,
            {"missing-nonlinearity", "high-bias"},
            model=recipe.model.but(hidden=()),
        )
        for name, recipe in (("circles", ref.CIRCLES), ("friedman", ref.FRIEDMAN), ("xor", ref.XOR_NOISY))
    ),
    # depth
    sick(
        "sigmoid-10-layers",
        "depth",
        ref.DIGITS_MLP,
        {"vanishing-gradients", "unsuitable-activation", "too-deep-plain"},
        **digits_with(hidden=(48,) * 10, activation="sigmoid"),
    ),
    sick(
        "sigmoid-5-layers-sgd",
        "depth",
        ref.DIGITS_SGD,
        {"vanishing-gradients", "unsuitable-activation", "too-deep-plain"},
        **digits_with(hidden=(48,) * 5, activation="sigmoid"),
    ),
    sick(
        "relu-24-layers-plain",
        "depth",
        ref.DIGITS_MLP,
        {"too-deep-plain", "vanishing-gradients", "dead-units", "bad-initialization"},
        **digits_with(hidden=(32,) * 24),
    ),
    sick(
        "relu-34-layers-plain",
        "depth",
        ref.MNIST,
        {"too-deep-plain", "vanishing-gradients", "dead-units", "bad-initialization"},
        model=ref.MNIST.model.but(hidden=(32,) * 34),
    ),
    # initialisation
    sick("kernels-zero", "initialisation", ref.DIGITS_MLP, {"bad-initialization"}, **digits_with(initializer="zeros")),
    sick(
        "kernels-constant",
        "initialisation",
        ref.DIGITS_MLP,
        {"bad-initialization"},
        **digits_with(initializer=make(initializers.Constant, value=0.1)),
    ),
    sick(
        "kernels-spread-4",
        "initialisation",
        ref.DIGITS_SGD,
        {"bad-initialization"},
        **digits_with(initializer=make(initializers.RandomNormal, stddev=4.0)),
    ),
    sick(
        "kernels-spread-0.001",
        "initialisation",
        ref.DIGITS_MLP,
        {"bad-initialization"},
        model=SIX.but(initializer=make(initializers.RandomNormal, stddev=1e-3)),
    ),
    sick(
        "kernels-spread-0.02-sgd",
        "initialisation",
        ref.DIGITS_SGD,
        {"bad-initialization"},
        model=SIX.but(initializer=make(initializers.RandomNormal, stddev=0.02)),
    ),
    sick(
        "biases-kill-relu",
        "initialisation",
        ref.DIGITS_MLP,
        {"dead-units", "bad-initialization"},
        **digits_with(bias=make(initializers.Constant, value=-10.0)),
    ),
    # normalisation
    sick(
        "moving-averages-never-arrive",
        "normalisation",
        ref.DIGITS_RESIDUAL,
        {"moving-statistics-lag", "normalization-misuse", "undertrained"},
        model=ref.DIGITS_RESIDUAL.model.but(momentum=0.999),
    ),
    # capacity
    sick(
        "one-unit-bottleneck",
        "capacity",
        ref.DIGITS_MLP,
        {"bottleneck", "high-bias"},
        **digits_with(hidden=(64, 1, 64)),
    ),
    sick(
        "two-units",
        "capacity",
        ref.DIGITS_MLP,
        {"high-bias", "bottleneck", "beaten-by-baseline"},
        **digits_with(hidden=(2,)),
    ),
    sick(
        "one-unit",
        "capacity",
        ref.FRIEDMAN,
        {"high-bias", "bottleneck", "beaten-by-baseline"},
        model=ref.FRIEDMAN.model.but(hidden=(1,)),
    ),
    sick(
        "fashion-4-units",
        "capacity",
        ref.FASHION,
        {"high-bias", "bottleneck", "beaten-by-baseline"},
        target_error=0.08,
        model=make(models.mlp, hidden=(4,), flatten=True),
    ),
    # regularisation
    sick(
        "dropout-0.9",
        "regularisation",
        ref.DIGITS_MLP,
        {"dropout-too-high", "over-regularized"},
        **digits_with(dropout=0.9),
    ),
    sick(
        "dropout-0.95-cancer",
        "regularisation",
        ref.CANCER,
        {"dropout-too-high", "over-regularized"},
        model=ref.CANCER.model.but(dropout=0.95),
    ),
    sick("l2-of-1", "regularisation", ref.DIGITS_MLP, {"over-regularized"}, **digits_with(l2=1.0)),
    sick(
        "l2-of-3-regression", "regularisation", ref.FRIEDMAN, {"over-regularized"}, model=ref.FRIEDMAN.model.but(l2=3.0)
    ),
    # frozen
    sick("all-frozen", "frozen", ref.DIGITS_MLP, {"frozen-layers"}, before=(make(models.freeze),)),
    sick("all-frozen-cnn", "frozen", ref.DIGITS_CNN, {"frozen-layers"}, before=(make(models.freeze),)),
)
