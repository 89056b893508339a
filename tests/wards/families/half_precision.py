"""Half precision: float16 with and without loss scaling, and bfloat16, on digits and on numbers."""

from dataclasses import replace
from typing import Any

import keras
from keras import layers

from tests.wards.data import Data, digits, friedman, moved_targets, multiplied
from tests.wards.models import HEADS
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam, sgd

# --- networks -------------------------------------------------------------------------------------


def half(
    data: Data, policy: str, norm: bool = False, picture: bool = False, hidden: tuple[int, ...] = (64, 64)
) -> keras.Model:
    """Dense or convolution layers under a dtype policy; a mixed one keeps the head in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        tensor = source = keras.Input(data.train[0].shape[1:])
        if picture:
            tensor = layers.Flatten()(layers.Conv2D(8, 3, 2, "same", activation="relu")(tensor))
        for units in hidden:
            tensor = layers.Dense(units)(tensor)
            tensor = layers.BatchNormalization(momentum=0.9)(tensor) if norm else tensor
            tensor = layers.ReLU()(tensor)
        settings = {"dtype": "float32"} if policy.startswith("mixed") else {}
        outputs = layers.Dense(data.units[0], HEADS[data.tasks[0]], **settings)(tensor)
        return keras.Model(source, outputs, name="half")
    finally:
        keras.config.set_dtype_policy(before)


# --- cases ----------------------------------------------------------------------------------------

PRECISION = {"numeric-precision"}
SLOW = {"learning-rate-too-low", "undertrained"}


def recipe(policy: str, optimizer: Any, **settings: Any) -> Recipe:
    """Digits under a policy."""
    return Recipe(make(digits), make(half, policy=policy), optimizer, epochs=12, **settings)


MIXED = recipe("mixed_float16", adam())
PURE = recipe("float16", adam(epsilon=1e-4))
PURE_SGD = recipe("float16", sgd(0.1))
SINGLE_SLOW = replace(recipe("float32", sgd(2e-3)), epochs=60)
NUMBERS = Recipe(make(friedman), make(half, policy="float16"), adam(3e-3, epsilon=1e-4), epochs=15)

HALF: tuple[Case, ...] = (
    sick(
        "half-float16-adam-epsilon-1e-7",
        "half-precision",
        PURE,
        PRECISION | {"poor-optimizer-settings"},
        optimizer=adam(),
    ),
    sick(
        "half-mixed-columns-in-millions",
        "half-precision",
        MIXED,
        PRECISION | {"inputs-not-scaled"},
        spoil=(make(multiplied, factor=1e6),),
    ),
    sick(
        "half-float16-pixels-0-4080-sgd",
        "half-precision",
        PURE_SGD,
        PRECISION | {"inputs-not-scaled"},
        spoil=(make(multiplied, factor=4080.0),),
    ),
    sick(
        "half-bfloat16-updates-lost",
        "half-precision",
        SINGLE_SLOW,
        PRECISION | SLOW,
        model=make(half, policy="bfloat16"),
    ),
    sick(
        "half-float16-targets-in-thousands",
        "half-precision",
        NUMBERS,
        PRECISION | {"targets-not-scaled"},
        spoil=(make(moved_targets, factor=2000.0, shift=5000.0),),
    ),
    sick("half-mixed-adam-x300", "half-precision", MIXED, {"learning-rate-too-high"}, optimizer=adam(0.3)),
    healthy("half-mixed-float16", "half-precision", MIXED, quick=True),
    healthy("half-float16-adam-epsilon-1e-4", "half-precision", PURE),
    healthy("half-float16-sgd", "half-precision", PURE_SGD),
    healthy("half-mixed-bfloat16", "half-precision", MIXED, model=make(half, policy="mixed_bfloat16")),
    healthy(
        "half-mixed-convolution",
        "half-precision",
        MIXED,
        data=make(digits, layout="image"),
        model=MIXED.model.but(norm=True, picture=True),
    ),
    healthy("half-float16-numbers", "half-precision", NUMBERS),
)
