"""Causes in layers that behave differently in training and afterwards."""

from diagnose.checks.network.moving_statistics import moving_statistics
from diagnose.checks.process.log_unlike_evaluation import log_unlike_evaluation
from diagnose.reasoning.causes.declared import SIGNAL_LOSS, DeclaredCause, Role
from diagnose.reasoning.remedies import modes, optimisation

# With the right statistics the weights do well, so what is accused for their scores with the wrong ones is innocent.
_ACCUSED = (
    "exploding-gradients",
    "cut-gradient",
    "bad-initialization",
    "too-deep-plain",
    "unsuitable-activation",
    "missing-nonlinearity",
    "inputs-not-scaled",
    "targets-not-scaled",
    "frozen-layers",
    "dropout-too-high",
    "over-regularized",
    "bottleneck",
    "poor-optimizer-settings",
    "learning-rate-too-high",
    "learning-rate-too-low",
    "undertrained",
    "batch-size",
    "no-signal",
    "weak-slice",
)

MODES: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "moving-statistics-lag",
        "The moving statistics of BatchNormalization lag behind",
        "In evaluate and predict the layers normalise with other statistics than in training.",
        Role.FACT,
        {moving_statistics: 3.0},
        (
            modes.REFRESH_STATISTICS,
            optimisation.TRAIN_LONGER,
            modes.LOWER_MOMENTUM,
            modes.BATCH_FREE,
            modes.KEEP_BASE_STATISTICS,
        ),
        explains=(*SIGNAL_LOSS, *_ACCUSED),
        witnessed_by={log_unlike_evaluation: 0.25},
        confirmed_by=(modes.REFRESH_STATISTICS,),
    ),
)
