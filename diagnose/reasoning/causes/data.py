"""Causes in the information that the data holds, and in the splits."""

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.conflicting_labels import conflicting_labels
from diagnose.checks.data.missing_classes import missing_classes
from diagnose.checks.data.no_signal import no_signal
from diagnose.checks.data.padding_not_masked import padding_not_masked
from diagnose.checks.data.position_imbalance import position_imbalance
from diagnose.checks.data.shared_groups import shared_groups
from diagnose.checks.data.shared_rows import shared_rows
from diagnose.checks.data.time_order import time_order
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.remedies import data

DATA: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "no-signal",
        "The inputs carry no usable signal about the target",
        "Neither this model nor any baseline predicts better than a constant.",
        Role.FACT,
        {no_signal: 3.0},
        (data.CHECK_PAIRING,),
        explains=(
            "plateau",
            "high-variance",
            "high-bias",
            "undertrained",
            "learning-rate-too-high",
            "learning-rate-too-low",
            "bottleneck",
            "missing-nonlinearity",
            "unsuitable-activation",
            "inputs-not-scaled",
            "dead-units",
            "batch-size",
            "poor-optimizer-settings",
            "dropout-too-high",
            "conflicting-labels",
        ),
    ),
    DeclaredCause(
        "missing-classes",
        "Classes are missing from a split",
        "A class that train lacks cannot be learned; one that dev lacks cannot be evaluated.",
        Role.FACT,
        {missing_classes: 2.0},
        (data.REJOIN_SPLITS,),
        explains=("data-mismatch",),
    ),
    DeclaredCause(
        "class-imbalance",
        "The classes are imbalanced",
        "A rare class has little weight in the loss and in accuracy.",
        Role.SUSPECT,
        {class_imbalance: 1.5, position_imbalance: 1.5},
        (data.WEIGH_CLASSES, data.MOVE_THRESHOLD, data.FOCAL_LOSS, data.DICE_LOSS),
        explains=("weak-slice", "plateau"),
        confirmed_by=(data.WEIGH_CLASSES,),
    ),
    DeclaredCause(
        "padding-not-masked",
        "Padding is not masked",
        "Padded positions count like real ones.",
        Role.SUSPECT,
        {padding_not_masked: 2.0},
        (data.MASK_PADDING, data.WEIGH_PADDING),
        explains=("class-imbalance", "weak-slice", "plateau"),
    ),
    DeclaredCause(
        "conflicting-labels",
        "Identical rows have different labels",
        "The same input with different targets sets a lower bound on the error.",
        Role.FACT,
        {conflicting_labels: 1.0},
        (data.FIX_LABELS, data.CHECK_PAIRING),
    ),
    DeclaredCause(
        "split-leakage",
        "Training data leaks into dev or test",
        "Dev or test share rows, groups or times with train, so the error looks lower than it will be on new data.",
        Role.FACT,
        {shared_rows: 2.0, shared_groups: 2.0, time_order: 1.0},
        (data.REJOIN_SPLITS, data.SPLIT_BY_KEY),
    ),
)
