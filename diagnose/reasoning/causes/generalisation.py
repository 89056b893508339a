"""Causes of the error on new rows, and what is left unexplained."""

from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.behind_baseline import behind_baseline
from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.constant_predictions import constant_predictions
from diagnose.checks.generalisation.data_mismatch import data_mismatch
from diagnose.checks.generalisation.dev_overfitting import dev_overfitting
from diagnose.checks.generalisation.dev_set_size import dev_set_size
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.generalisation.unfit_metric import unfit_metric
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.network.structure_ignored import structure_ignored
from diagnose.checks.process.no_dev_set import no_dev_set
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.checks.process.worse_than_replays import worse_than_replays
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.remedies import data, generalisation, network, optimisation

GENERALISATION: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "best-weights-thrown-away",
        "The best weights were not kept",
        "Training kept its last weights, and earlier ones were better.",
        Role.RESIDUE,
        {best_epoch: 2.0, worse_than_replays: 2.0},
        (optimisation.KEEP_BEST,),
        idea="regularize",
        confirmed_by=(optimisation.KEEP_BEST,),
    ),
    DeclaredCause(
        "dev-set-overfitting",
        "The dev set is overfitted",
        "Test is clearly worse than dev: choices made on dev have overfitted it.",
        Role.FACT,
        {dev_overfitting: 2.0},
        (generalisation.FRESH_DEV,),
    ),
    DeclaredCause(
        "dev-set-too-small",
        "The dev set is missing or too small",
        "The uncertainty of the dev error is larger than the differences that matter.",
        Role.FACT,
        {dev_set_size: 1.0, no_dev_set: 0.5},
        (generalisation.HOLD_OUT, generalisation.BIGGER_DEV),
    ),
    DeclaredCause(
        "metric-mismatch",
        "A metric does not fit the task",
        "A metric that does not measure the error misleads every choice that is made by it.",
        Role.FACT,
        {unfit_metric: 1.0},
        (generalisation.FIT_METRIC,),
    ),
    DeclaredCause(
        "weak-slice",
        "A class has low recall",
        "A class with many rows is rarely or never recognised.",
        Role.RESIDUE,
        {class_recall: 1.0},
        (generalisation.LOOK_AT_CLASS, data.WEIGH_CLASSES),
    ),
    DeclaredCause(
        "data-mismatch",
        "Data mismatch between train and dev",
        "The error rises because the distribution changes, not because the rows are new.",
        Role.FACT,
        {data_mismatch: 2.0},
        (generalisation.DIVERSE_DATA, generalisation.TRAIN_DEV),
        kind="direction",
    ),
    DeclaredCause(
        "high-bias",
        "Avoidable bias",
        "The error on the training rows is already above the best known error.",
        Role.FACT,
        {avoidable_bias: 2.0},
        (
            optimisation.TRAIN_LONGER,
            network.LESS_DROPOUT,
            network.LESS_PENALTY,
            generalisation.LESS_AUGMENTATION,
            optimisation.RAISE_RATE,
            generalisation.BIGGER,
            generalisation.DEEPER,
            optimisation.WARM_UP,
            optimisation.ANNEAL,
            optimisation.ADD_MOMENTUM,
            network.NORMALISE_LAYERS,
            network.RESIDUAL_LINKS,
            data.DROP_SUSPECTS,
            optimisation.RESTART_RATE,
            optimisation.CYCLE_RATE,
            generalisation.TARGET_ERROR,
            generalisation.ARCHITECTURE,
        ),
        kind="direction",
        explains=("beaten-by-baseline",),
        witnessed_by={structure_ignored: 0.25},
    ),
    DeclaredCause(
        "high-variance",
        "Variance",
        "The model does much better on training rows than on new ones.",
        Role.FACT,
        {variance: 2.0},
        (
            optimisation.KEEP_BEST,
            generalisation.AUGMENT,
            generalisation.REGULARIZE,
            generalisation.DROPOUT,
            optimisation.WARM_UP,
            data.DROP_SUSPECTS,
            generalisation.MIXUP,
            generalisation.WORD_DROPOUT,
            optimisation.ANNEAL,
            generalisation.AVERAGE,
            generalisation.NOISE,
            generalisation.SMOOTH_LABELS,
            generalisation.SMALLER_BATCHES,
            generalisation.CUTMIX,
            generalisation.AVERAGE_TAIL,
            data.EACH_ROW_ONCE,
            optimisation.RESTART_RATE,
            optimisation.CYCLE_RATE,
            generalisation.MORE_DATA,
            generalisation.ARCHITECTURE,
            generalisation.SMALLER,
        ),
        kind="direction",
        explains=("beaten-by-baseline",),
    ),
    DeclaredCause(
        "beaten-by-baseline",
        "A simple baseline does better",
        "A scikit-learn model beats the net on the same rows.",
        Role.RESIDUE,
        {behind_baseline: 2.0},
        (generalisation.USE_BASELINE, data.SCALE_INPUTS),
    ),
    DeclaredCause(
        "unexplained",
        "No known cause explains the findings",
        "None of the causes that were checked accounts for what was found.",
        Role.RESIDUE,
        {does_not_learn: 1.0, constant_predictions: 1.0},
        (generalisation.READ_FINDINGS, optimisation.DEFAULT_OPTIMIZER),
        witnessed_by={overfit_batch: 0.5},
    ),
)
