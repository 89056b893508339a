"""Causes in the information that the data holds, and in the splits."""

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.conflicting_labels import conflicting_labels
from diagnose.checks.data.dev_unlike_train import dev_unlike_train
from diagnose.checks.data.held_out_signal import held_out_signal
from diagnose.checks.data.labels_not_paired import labels_not_paired
from diagnose.checks.data.missing_classes import missing_classes
from diagnose.checks.data.near_duplicates import near_duplicates
from diagnose.checks.data.no_signal import no_signal
from diagnose.checks.data.padding_not_masked import padding_not_masked
from diagnose.checks.data.position_imbalance import position_imbalance
from diagnose.checks.data.shared_groups import shared_groups
from diagnose.checks.data.shared_rows import shared_rows
from diagnose.checks.data.targets_moved import targets_moved
from diagnose.checks.data.time_order import time_order
from diagnose.checks.data.window_too_short import window_too_short
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.remedies import data, generalisation

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
        refuted_by=(held_out_signal,),
    ),
    DeclaredCause(
        "labels-not-paired",
        "Rows and labels of a split do not belong together",
        "The rows of one split tell their targets, those of the other do not: its labels belong to other rows.",
        Role.FACT,
        {labels_not_paired: 3.0},
        (data.CHECK_PAIRING,),
        explains=("high-variance", "data-mismatch", "dev-unlike-train", "weak-slice", "dev-set-overfitting"),
    ),
    DeclaredCause(
        "labels-misaligned",
        "Inputs and targets are moved against each other",
        "Masks or tags were not flipped or shifted along with their inputs.",
        Role.FACT,
        {targets_moved: 3.5},
        (data.FLIP_TOGETHER, data.CHECK_PAIRING),
        explains=(
            "labels-not-paired",
            "dev-unlike-train",
            "high-variance",
            "high-bias",
            "data-mismatch",
            "undertrained",
            "plateau",
            "weak-slice",
            "class-imbalance",
            "conflicting-labels",
            "beaten-by-baseline",
        ),
    ),
    DeclaredCause(
        "dev-unlike-train",
        "The dev set is unlike train",
        "The rows of dev or test come from another source, another time, or another part of sorted data.",
        Role.FACT,
        {dev_unlike_train: 2.0},
        (generalisation.TRAIN_DEV, data.RESHUFFLE, data.LEVEL_FEATURES),
        explains=("high-variance", "data-mismatch", "weak-slice", "beaten-by-baseline"),
    ),
    DeclaredCause(
        "window-too-short",
        "The windows are too short",
        "The target depends on rows before the first step of its window, which the model cannot see.",
        Role.FACT,
        {window_too_short: 2.0},
        (data.LONGER_WINDOWS,),
        explains=("high-bias", "undertrained", "bottleneck"),
    ),
    DeclaredCause(
        "missing-classes",
        "Classes are missing from a split",
        "A class that train lacks cannot be learned; one that dev lacks cannot be evaluated.",
        Role.FACT,
        {missing_classes: 2.0},
        (data.REJOIN_SPLITS,),
        explains=("data-mismatch", "dev-unlike-train"),
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
        (data.FIX_LABELS, data.CHECK_PAIRING, data.EACH_ROW_ONCE),
    ),
    DeclaredCause(
        "split-leakage",
        "Training data leaks into dev or test",
        "Dev or test share rows, groups or times with train, so the error looks lower than it will be on new data.",
        Role.FACT,
        {shared_rows: 2.0, shared_groups: 2.0, near_duplicates: 2.0, time_order: 1.0},
        (data.DROP_SHARED, data.REJOIN_SPLITS, data.SPLIT_BY_KEY),
    ),
)
