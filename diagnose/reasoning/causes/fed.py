"""Causes in the rows as they are fed to the model."""

from diagnose.checks.data.empty_vocabulary import empty_vocabulary
from diagnose.checks.data.fed_unlike_training import fed_unlike_training
from diagnose.checks.data.inverted_labels import inverted_labels
from diagnose.checks.data.label_format import label_format
from diagnose.checks.data.label_order import label_order
from diagnose.checks.data.non_finite_data import non_finite_data
from diagnose.checks.data.order_kept import order_kept
from diagnose.checks.data.preprocessing_mismatch import preprocessing_mismatch
from diagnose.checks.data.texts_cut import texts_cut
from diagnose.checks.data.token_range import token_range
from diagnose.checks.network.frozen_statistics import frozen_statistics
from diagnose.checks.process.log_unlike_evaluation import log_unlike_evaluation
from diagnose.reasoning.causes.declared import FALLS_SHORT, DeclaredCause, Role
from diagnose.reasoning.remedies import data

FED: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "non-finite-data",
        "The data contains NaN or infinite values",
        "Missing or infinite values reach the model unchanged.",
        Role.FACT,
        {non_finite_data: 3.0},
        (data.CLEAN_DATA,),
        explains=("non-finite-training", "non-finite-weights", "plateau", "learning-rate-too-high"),
    ),
    DeclaredCause(
        "bad-label-format",
        "The labels are not in the format that the loss expects",
        "The loss misreads the labels.",
        Role.FACT,
        {label_format: 3.0},
        (data.FIX_LABELS,),
        family="head",
        explains=(
            "plateau",
            "wrong-output-units",
            "inverted-labels",
            "learning-rate-too-high",
            "over-regularized",
        ),
        confirmed_by=(data.FIX_LABELS,),
    ),
    DeclaredCause(
        "inverted-labels",
        "The classes are numbered in another order than in training",
        "The model tells the classes apart, but the data gives them other numbers.",
        Role.FACT,
        {inverted_labels: 3.0},
        (data.RENUMBER,),
        explains=(
            "inconsistent-preprocessing",
            "undertrained",
            "plateau",
            "learning-rate-too-low",
            "learning-rate-too-high",
            "high-bias",
            "high-variance",
            "data-mismatch",
        ),
    ),
    DeclaredCause(
        "bad-tokens",
        "Words and tokens do not fit the vocabulary",
        "Some tokens have no vector, or most words share one, so that the net cannot tell them apart.",
        Role.FACT,
        {token_range: 3.0, empty_vocabulary: 3.0},
        (data.ADAPT_VOCABULARY, data.FIX_TOKENS),
        explains=(*FALLS_SHORT, "dead-units"),
    ),
    DeclaredCause(
        "texts-cut-short",
        "Texts are cut short",
        "What a text layer cuts off never reaches the net, and it would have told the target.",
        Role.FACT,
        {texts_cut: 3.0},
        (data.WHOLE_TEXTS,),
        explains=(*FALLS_SHORT, "dead-units"),
    ),
    DeclaredCause(
        "inconsistent-preprocessing",
        "The preprocessing is inconsistent",
        "The rows are not prepared as in training: the weights did better then, two splits are scaled differently, or a"
        " frozen base gets values of another size than it was trained on.",
        Role.FACT,
        {fed_unlike_training: 3.0, frozen_statistics: 3.0, preprocessing_mismatch: 2.5, log_unlike_evaluation: 1.5},
        (data.SAME_PREPROCESSING,),
        family="feeding",
        explains=(
            "not-shuffled",
            "inputs-not-scaled",
            "data-mismatch",
            "dev-unlike-train",
            "high-variance",
            "saturated-units",
            "bad-initialization",
        ),
    ),
    DeclaredCause(
        "not-shuffled",
        "The rows are fed in the order of their targets",
        "Each batch teaches one target and undoes what earlier batches taught about the others.",
        Role.FACT,
        {label_order: 2.5, order_kept: 2.5},
        (data.SHUFFLE,),
        explains=(
            "learning-rate-too-high",
            "plateau",
            "exploding-gradients",
            "poor-optimizer-settings",
            "beaten-by-baseline",
            "high-bias",
        ),
    ),
)
