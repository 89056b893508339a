"""Remedies for 16-bit numbers that are too small, too large or too coarse."""

from diagnose.reasoning.remedies import in_place
from diagnose.reasoning.remedies.declared import TRAIN, DeclaredRemedy, rebuilt, with_heads
from diagnose.trials.interventions import precision

SINGLE_PRECISION = DeclaredRemedy(
    "single-precision",
    "Train in float32",
    "float32 holds numbers down to 1e-38 with 7 digits, so that neither squared gradients nor small updates are lost.",
    rebuilt("single", '    if "dtype" in config:\n        config["dtype"] = "float32"\n'),
    "one line and one training run",
    trial=precision.SINGLE,
)
LARGER_EPSILON = DeclaredRemedy(
    "larger-epsilon",
    f"Set the optimizer's epsilon to {precision.EPSILON:g}",
    "Squared gradients below 6e-8 are 0 in float16, and an epsilon as small leaves a division by almost 0.",
    "import keras\n\n"
    "old = model\n"
    "model = keras.models.clone_model(old)  # fresh weights\n"
    "optimizer = type(old.optimizer).from_config("
    f'{{**old.optimizer.get_config(), "epsilon": {precision.EPSILON:g}}})\n' + TRAIN.replace("$optimizer", "optimizer"),
    "one line and one training run",
    trial=precision.LARGER_EPSILON,
)
MIXED_PRECISION = DeclaredRemedy(
    "mixed-precision",
    "Keep the weights in float32 and compute in 16 bits, with a scaled loss and a float32 output layer",
    "Mixed precision is as fast as float16; the loss scale keeps small gradients above zero, and float32 weights keep"
    " small updates.",
    with_heads(
        rebuilt(
            "mixed",
            '    if "dtype" in config:\n        config["dtype"] = "float32" if layer in heads else "mixed_float16"\n',
        )
    ).replace("$optimizer", "keras.optimizers.LossScaleOptimizer($optimizer)"),
    "a few lines and one training run",
    in_place=in_place.mixed,
)
