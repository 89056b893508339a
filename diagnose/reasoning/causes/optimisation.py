"""Causes in the way the model is trained."""

from diagnose.checks.network.killed_units import killed_units
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.optimisation.batch_size import batch_size
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.large_updates import large_updates
from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.checks.optimisation.learning_rate_too_low import learning_rate_too_low
from diagnose.checks.optimisation.optimizer_settings import optimizer_settings
from diagnose.checks.optimisation.overwritten_weights import overwritten_weights
from diagnose.checks.optimisation.short_schedule import short_schedule
from diagnose.checks.optimisation.slow_learning import slow_learning
from diagnose.checks.optimisation.small_updates import small_updates
from diagnose.checks.optimisation.unbalanced_losses import unbalanced_losses
from diagnose.checks.optimisation.unmoved_weights import unmoved_weights
from diagnose.checks.optimisation.unstable_seeds import unstable_seeds
from diagnose.checks.process.still_improving import still_improving
from diagnose.reasoning.causes.declared import BLOW_UP, DeclaredCause, Role
from diagnose.reasoning.remedies import data, optimisation, outputs

OPTIMISATION: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "poor-optimizer-settings",
        "The optimizer settings are unsuitable",
        "Momentum, clipping, decay or epsilon keep the optimizer from moving or from settling.",
        Role.SUSPECT,
        {optimizer_settings: 2.0},
        (optimisation.DEFAULT_OPTIMIZER,),
        family="speed",
        explains=("plateau", "undertrained", "learning-rate-too-low", "learning-rate-too-high"),
        confirmed_by=(optimisation.DEFAULT_OPTIMIZER,),
    ),
    DeclaredCause(
        "learning-rate-too-high",
        "The learning rate is too high",
        "The steps are too large for the loss to come down.",
        Role.SUSPECT,
        {
            learning_rate_too_high: 3.0,
            large_updates: 1.5,
            overwritten_weights: 1.0,
            divergence: 1.0,
            killed_units: 0.75,
        },
        (optimisation.LOWER_RATE, optimisation.WARM_UP),
        witnessed_by={unstable_seeds: 0.25, non_finite_training: 0.5},
        explains=(*BLOW_UP, "vanishing-gradients"),
        cleared_by={learning_rate_too_high: 0.5},  # of short trainings: the whole one may still diverge
        confirmed_by=(optimisation.LOWER_RATE,),
    ),
    DeclaredCause(
        "learning-rate-too-low",
        "The learning rate is too low",
        "The weights hardly change in the given number of steps.",
        Role.SUSPECT,
        {learning_rate_too_low: 3.0, short_schedule: 3.0, small_updates: 3.0, unmoved_weights: 1.0},
        (optimisation.RAISE_RATE, optimisation.WARM_UP, optimisation.DEFAULT_OPTIMIZER, optimisation.TRAIN_LONGER),
        witnessed_by={slow_learning: 0.75},
        family="speed",
        explains=("undertrained", "plateau"),
        cleared_by={learning_rate_too_low: 0.75},
        confirmed_by=(optimisation.RAISE_RATE,),
    ),
    DeclaredCause(
        "undertrained",
        "Training stopped too early",
        "The error was still falling when training stopped.",
        Role.SUSPECT,
        {still_improving: 2.0},
        (optimisation.TRAIN_LONGER, optimisation.RAISE_RATE),
        witnessed_by={slow_learning: 0.5},
        family="speed",
        explains=("high-bias",),
        idea="train-longer",
        confirmed_by=(optimisation.TRAIN_LONGER,),
    ),
    DeclaredCause(
        "unbalanced-losses",
        "One output's loss drowns another's",
        "The layers that the outputs share follow the largest loss, and the learning rate that suits it does not move"
        " the others.",
        Role.SUSPECT,
        {unbalanced_losses: 2.5},
        (outputs.BALANCE_LOSSES, data.SCALE_TARGETS),
        explains=("learning-rate-too-low", "undertrained", "plateau", "high-bias", "beaten-by-baseline"),
        confirmed_by=(outputs.BALANCE_LOSSES,),
    ),
    DeclaredCause(
        "batch-size",
        "The batch size is extreme",
        "Training takes too few steps, or steps that are too noisy.",
        Role.SUSPECT,
        {batch_size: 1.5},
        (optimisation.BATCH,),
        family="speed",
    ),
)
