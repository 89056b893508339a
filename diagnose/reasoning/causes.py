"""Every cause that can be named, and what speaks for and against it. Declarations only; `engine` reads them.

A cause is supported by checks (weight: how much its findings say), and may be cleared by a check that
found nothing. Checks and remedies are objects, so a misspelt one is an import error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.conflicting_labels import conflicting_labels
from diagnose.checks.data.fed_unlike_training import fed_unlike_training
from diagnose.checks.data.input_scale import input_scale
from diagnose.checks.data.label_format import label_format
from diagnose.checks.data.label_order import label_order
from diagnose.checks.data.missing_classes import missing_classes
from diagnose.checks.data.no_signal import no_signal
from diagnose.checks.data.non_finite_data import non_finite_data
from diagnose.checks.data.preprocessing_mismatch import preprocessing_mismatch
from diagnose.checks.data.shared_groups import shared_groups
from diagnose.checks.data.shared_rows import shared_rows
from diagnose.checks.data.target_scale import target_scale
from diagnose.checks.data.time_order import time_order
from diagnose.checks.data.token_range import token_range
from diagnose.checks.data.uneven_feature_scales import uneven_feature_scales
from diagnose.checks.generalisation.avoidable_bias import avoidable_bias
from diagnose.checks.generalisation.behind_baseline import behind_baseline
from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.constant_predictions import constant_predictions
from diagnose.checks.generalisation.data_mismatch import data_mismatch
from diagnose.checks.generalisation.dev_overfitting import dev_overfitting
from diagnose.checks.generalisation.dev_set_size import dev_set_size
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.network.activation_spread import activation_spread
from diagnose.checks.network.bottleneck import bottleneck
from diagnose.checks.network.cut_gradient import cut_gradient
from diagnose.checks.network.dead_units import dead_units
from diagnose.checks.network.deep_plain import deep_plain
from diagnose.checks.network.dropout_rate import dropout_rate
from diagnose.checks.network.frozen_layers import frozen_layers
from diagnose.checks.network.initial_loss import initial_loss
from diagnose.checks.network.kernel_scale import kernel_scale
from diagnose.checks.network.logits_mismatch import logits_mismatch
from diagnose.checks.network.loss_choice import loss_choice
from diagnose.checks.network.missing_nonlinearity import missing_nonlinearity
from diagnose.checks.network.output_range import output_range
from diagnose.checks.network.output_units import output_units
from diagnose.checks.network.saturated_units import saturated_units
from diagnose.checks.network.saturating_activations import saturating_activations
from diagnose.checks.network.single_unit_softmax import single_unit_softmax
from diagnose.checks.network.softmax_on_multilabel import softmax_on_multilabel
from diagnose.checks.network.structure_ignored import structure_ignored
from diagnose.checks.network.symmetric_units import symmetric_units
from diagnose.checks.network.unusual_hidden_activation import unusual_hidden_activation
from diagnose.checks.numerics.non_finite_outputs import non_finite_outputs
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.checks.optimisation.batch_size import batch_size
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.exploding_gradients import exploding_gradients
from diagnose.checks.optimisation.large_updates import large_updates
from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.checks.optimisation.learning_rate_too_low import learning_rate_too_low
from diagnose.checks.optimisation.optimizer_settings import optimizer_settings
from diagnose.checks.optimisation.penalty_share import penalty_share
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.slow_learning import slow_learning
from diagnose.checks.optimisation.small_updates import small_updates
from diagnose.checks.optimisation.unstable_seeds import unstable_seeds
from diagnose.checks.optimisation.vanishing_gradients import vanishing_gradients
from diagnose.checks.process.changes_that_help import changes_that_help
from diagnose.checks.process.no_dev_set import no_dev_set
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.checks.process.still_improving import still_improving
from diagnose.reasoning import remedies as to_do
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.registry import Check


class Role(Enum):
    """How a cause takes part in the reasoning.

    FACT: certain by itself, in a sick model or not. SUSPECT: told by signals, so it is named only inside a
    model that hard facts found sick, and is a hint elsewhere. SYMPTOM: a suspect that something else
    usually brings about; in a model that is not sick it is not named at all. RESIDUE: what remains to be said
    when nothing more specific explains it.
    """

    FACT = "fact"
    SUSPECT = "suspect"
    SYMPTOM = "symptom"
    RESIDUE = "residue"


@dataclass(frozen=True)
class DeclaredCause:
    """A cause as the engine reasons with it.

    `about` is one sentence for people. `supported_by`: findings of these suggest it. `witnessed_by`: findings of
    these add weight to a suspicion, and make none. `cleared_by`: weight taken off where that check ran and found
    nothing. Of several suspected causes of one `family` the strongest wins. `explains` names causes that this one
    brings about. `told_anyway`: while a training runs, it is reported even where another cause explains it.
    """

    code: str
    title: str
    about: str
    role: Role
    supported_by: Mapping[Check, float]
    remedies: tuple[DeclaredRemedy, ...]
    kind: Literal["disease", "direction"] = "disease"
    family: str = ""
    explains: tuple[str, ...] = ()
    witnessed_by: Mapping[Check, float] = field(default_factory=dict)
    cleared_by: Mapping[Check, float] = field(default_factory=dict)
    told_anyway: bool = False


# Findings of these open the gate: they tell that the model is sick, not why.
GATE = (does_not_learn, behind_baseline, constant_predictions)

# Without these nothing can be said about the state.
VITAL = (does_not_learn, non_finite_weights)

# While a training runs, the loss is the second witness: findings of these show that it does not get anywhere.
STUCK = (non_finite_training, divergence, plateau)

# The first of them finds that the loss is not finite; findings of LEFT_BEHIND then follow from that.
BLOWN_UP = non_finite_training
LEFT_BEHIND = (non_finite_weights, non_finite_outputs, divergence, plateau)

# A finding of this check confirms the cause that it names in `where.feature`.
TRIAL = changes_that_help

_SIGNAL_LOSS = ("vanishing-gradients", "dead-units", "saturated-units", "plateau")
_BLOW_UP = (
    "exploding-gradients",
    "non-finite-training",
    "non-finite-weights",
    "dead-units",
    "saturated-units",
    "plateau",
)

CAUSES: tuple[DeclaredCause, ...] = (
    # --- data as fed -------------------------------------------------------------------------------
    DeclaredCause(
        "non-finite-data",
        "The data holds NaN or infinite values",
        "Missing or infinite values reach the model as they are.",
        Role.FACT,
        {non_finite_data: 3.0},
        (to_do.CLEAN_DATA,),
        explains=("non-finite-training", "non-finite-weights", "plateau", "learning-rate-too-high"),
    ),
    DeclaredCause(
        "bad-label-format",
        "The labels are not in the form that the loss expects",
        "The loss reads the labels as something they are not.",
        Role.FACT,
        {label_format: 3.0},
        (to_do.FIX_LABELS,),
        family="head",
        explains=("plateau", "wrong-output-units"),
    ),
    DeclaredCause(
        "bad-tokens",
        "Token ids lie outside the embedding's vocabulary",
        "Some tokens have no vector.",
        Role.FACT,
        {token_range: 3.0},
        (to_do.FIX_TOKENS,),
    ),
    DeclaredCause(
        "inconsistent-preprocessing",
        "The data is not what the model was fed in training",
        "The loaded weights answer better once the inputs are converted, or two splits are scaled differently.",
        Role.FACT,
        {fed_unlike_training: 3.0, preprocessing_mismatch: 2.5},
        (to_do.SAME_PREPROCESSING,),
        family="feeding",
        explains=("inputs-not-scaled", "data-mismatch", "high-variance", "saturated-units", "bad-initialization"),
    ),
    DeclaredCause(
        "not-shuffled",
        "The rows are fed in the order of their targets",
        "Each batch teaches one target and undoes what the ones before it taught of the others.",
        Role.FACT,
        {label_order: 2.5},
        (to_do.SHUFFLE,),
        explains=("learning-rate-too-high", "plateau", "exploding-gradients", "poor-optimizer-settings"),
    ),
    # --- head and loss: one winner, in this order ----------------------------------------------------
    DeclaredCause(
        "wrong-output-units",
        "The output has the wrong number of units",
        "The output cannot hold one score per class.",
        Role.FACT,
        {output_units: 3.0},
        (to_do.HEAD_UNITS, to_do.SOFTMAX_HEAD),
        family="head",
        explains=("plateau",),
    ),
    DeclaredCause(
        "single-unit-softmax",
        "A softmax over a single unit",
        "Softmax over one unit always answers 1.",
        Role.FACT,
        {single_unit_softmax: 3.0},
        (to_do.SIGMOID_HEAD,),
        family="head",
        explains=("plateau", "cut-gradient", "vanishing-gradients"),
    ),
    DeclaredCause(
        "softmax-on-multilabel",
        "A softmax where several labels may hold at once",
        "Softmax makes the labels compete: they share one probability of 1.",
        Role.FACT,
        {softmax_on_multilabel: 3.0},
        (to_do.SIGMOID_HEAD,),
        family="head",
    ),
    DeclaredCause(
        "output-range-mismatch",
        "The output cannot reach the targets",
        "The last activation cannot produce the values that the targets have.",
        Role.FACT,
        {output_range: 3.0},
        (to_do.LINEAR_HEAD,),
        family="head",
        explains=("plateau", "targets-not-scaled", "dead-units", "cut-gradient"),
    ),
    DeclaredCause(
        "logits-mismatch",
        "The loss and the output disagree about logits",
        "The loss takes probabilities for logits, or logits for probabilities.",
        Role.FACT,
        {logits_mismatch: 3.0},
        (to_do.LOGITS, to_do.SOFTMAX_HEAD),
        family="head",
        explains=("plateau", "bad-initialization", "learning-rate-too-low"),
    ),
    DeclaredCause(
        "wrong-loss",
        "The loss does not belong to the task or the output",
        "What the loss rewards is not what the task asks for.",
        Role.FACT,
        {loss_choice: 2.5},
        (to_do.MATCH_LOSS,),
        family="head",
        explains=("plateau",),
    ),
    # --- numerics ---------------------------------------------------------------------------------------
    DeclaredCause(
        "non-finite-weights",
        "The weights hold NaN or infinite values",
        "Training blew up and the file holds what was left.",
        Role.FACT,
        {non_finite_weights: 3.0, non_finite_outputs: 1.0},
        (to_do.FRESH_START, to_do.SCALE_INPUTS),
        explains=("non-finite-training", "plateau", "dead-units", "beaten-by-baseline"),
    ),
    # --- scale, start and network -----------------------------------------------------------------------
    DeclaredCause(
        "inputs-not-scaled",
        "The inputs are not scaled",
        "What reaches the first trainable layer is far from unit scale.",
        Role.SUSPECT,
        {input_scale: 2.0, uneven_feature_scales: 1.5},
        (to_do.SCALE_INPUTS,),
        witnessed_by={initial_loss: 0.25, divergence: 0.25, non_finite_training: 0.25},
        explains=(*_BLOW_UP, "learning-rate-too-high", "vanishing-gradients", "bad-initialization"),
    ),
    DeclaredCause(
        "targets-not-scaled",
        "The targets are not scaled",
        "The targets are so large, or so far from zero, that the output takes most of training to reach them.",
        Role.SUSPECT,
        {target_scale: 2.0},
        (to_do.SCALE_TARGETS,),
        witnessed_by={initial_loss: 0.25, divergence: 0.25, non_finite_training: 0.25},
        explains=(*_BLOW_UP, "learning-rate-too-high", "learning-rate-too-low", "undertrained", "bad-initialization"),
    ),
    DeclaredCause(
        "bad-initialization",
        "The initial weights are unsuitable",
        "The first weights are all alike, too large or too small for signals to pass.",
        Role.SUSPECT,
        {symmetric_units: 3.0, kernel_scale: 2.0, activation_spread: 0.6, initial_loss: 1.0},
        (to_do.INITIALISE, to_do.NORMALISE_LAYERS),
        family="signal",
        explains=(*_BLOW_UP, *_SIGNAL_LOSS, "learning-rate-too-high"),
    ),
    DeclaredCause(
        "frozen-layers",
        "Layers that should learn are frozen",
        "Weights that are not trainable stay as they are.",
        Role.SUSPECT,
        {frozen_layers: 2.5},
        (to_do.UNFREEZE,),
        explains=("cut-gradient", "plateau", "learning-rate-too-low"),
    ),
    DeclaredCause(
        "missing-nonlinearity",
        "Hidden layers lack a non-linearity",
        "Linear layers in a row are one linear layer.",
        Role.SUSPECT,
        {missing_nonlinearity: 2.0},
        (to_do.ADD_ACTIVATIONS,),
        explains=("plateau",),
    ),
    DeclaredCause(
        "unsuitable-activation",
        "The hidden activations are unsuitable",
        "The activations squash signal or gradient in every layer.",
        Role.SUSPECT,
        {saturating_activations: 2.0, unusual_hidden_activation: 2.0},
        (to_do.RELU,),
        family="signal",
        explains=_SIGNAL_LOSS,
        witnessed_by={vanishing_gradients: 0.5, overfit_batch: 0.5},
        cleared_by={overfit_batch: 0.5},
    ),
    DeclaredCause(
        "too-deep-plain",
        "The net is deep and plain",
        "Many layers, with neither skip connections nor normalisation.",
        Role.SUSPECT,
        {deep_plain: 2.0},
        (to_do.SHALLOWER, to_do.INITIALISE),
        family="signal",
        explains=(*_SIGNAL_LOSS, "exploding-gradients"),
        witnessed_by={activation_spread: 0.5, overfit_batch: 0.5},
        cleared_by={overfit_batch: 0.5},
    ),
    DeclaredCause(
        "dropout-too-high",
        "Dropout takes too much",
        "So many units are dropped that the signal does not pass in training.",
        Role.SUSPECT,
        {dropout_rate: 2.0},
        (to_do.LESS_DROPOUT,),
        explains=("plateau",),
    ),
    DeclaredCause(
        "over-regularized",
        "The penalties outweigh the data",
        "The optimiser minimises the penalty rather than the error.",
        Role.SUSPECT,
        {penalty_share: 2.0},
        (to_do.LESS_PENALTY, to_do.LESS_DROPOUT),
        explains=("plateau", "vanishing-gradients", "dead-units"),
    ),
    DeclaredCause(
        "bottleneck",
        "A layer is too narrow",
        "Everything has to pass through a layer with too few units.",
        Role.SUSPECT,
        {bottleneck: 2.0},
        (to_do.WIDEN,),
        explains=("high-bias", "plateau", "learning-rate-too-low", "undertrained", "dead-units", "cut-gradient"),
    ),
    # --- optimisation -------------------------------------------------------------------------------------
    DeclaredCause(
        "poor-optimizer-settings",
        "The optimizer's settings are off",
        "Momentum, clipping, decay or epsilon keep the optimiser from moving, or from settling.",
        Role.SUSPECT,
        {optimizer_settings: 2.0},
        (to_do.DEFAULT_OPTIMIZER,),
        family="speed",
        explains=("plateau", "undertrained", "learning-rate-too-low", "learning-rate-too-high"),
    ),
    DeclaredCause(
        "learning-rate-too-high",
        "The learning rate is too high",
        "The steps are too long for the loss to come down.",
        Role.SUSPECT,
        {learning_rate_too_high: 3.0, large_updates: 1.5, divergence: 1.0},
        (to_do.LOWER_RATE,),
        witnessed_by={unstable_seeds: 0.25, non_finite_training: 0.5},
        explains=(*_BLOW_UP, "vanishing-gradients"),
    ),
    DeclaredCause(
        "learning-rate-too-low",
        "The learning rate is too low",
        "The weights hardly move in the steps they are given.",
        Role.SUSPECT,
        {learning_rate_too_low: 3.0, small_updates: 3.0},
        (to_do.RAISE_RATE,),
        witnessed_by={slow_learning: 0.75},
        family="speed",
        explains=("undertrained", "plateau"),
    ),
    DeclaredCause(
        "undertrained",
        "Training stopped too early",
        "The error was still falling when training stopped.",
        Role.SUSPECT,
        {still_improving: 2.0},
        (to_do.TRAIN_LONGER, to_do.RAISE_RATE),
        witnessed_by={slow_learning: 0.5},
        family="speed",
        explains=("high-bias",),
    ),
    DeclaredCause(
        "batch-size",
        "The batch size is extreme",
        "Too few steps, or too noisy ones.",
        Role.SUSPECT,
        {batch_size: 1.5},
        (to_do.BATCH,),
        family="speed",
    ),
    # --- symptoms, named only where nothing that brings them about is suspected ------------------------------
    DeclaredCause(
        "cut-gradient",
        "Some weights get no gradient",
        "A part of the net is cut off from the loss.",
        Role.SYMPTOM,
        {cut_gradient: 2.0},
        (to_do.RECONNECT, to_do.REVIVE),
        explains=("plateau",),
    ),
    DeclaredCause(
        "dead-units",
        "Units are dead",
        "ReLU units that are positive on no row learn nothing and pass nothing on.",
        Role.SYMPTOM,
        {dead_units: 2.0},
        (to_do.REVIVE, to_do.INITIALISE, to_do.LOWER_RATE),
        witnessed_by={cut_gradient: 0.5},
        explains=("cut-gradient", "plateau", "vanishing-gradients"),
    ),
    DeclaredCause(
        "vanishing-gradients",
        "Gradients vanish on the way to the first layers",
        "The first layers get next to no gradient.",
        Role.SYMPTOM,
        {vanishing_gradients: 2.0},
        (to_do.RELU, to_do.NORMALISE_LAYERS, to_do.SHALLOWER),
        witnessed_by={activation_spread: 0.5, overfit_batch: 0.25},
        explains=("plateau",),
        cleared_by={overfit_batch: 0.5},
    ),
    DeclaredCause(
        "saturated-units",
        "Units are saturated",
        "Most sigmoid or tanh units sit where they are flat.",
        Role.SYMPTOM,
        {saturated_units: 2.0},
        (to_do.SCALE_INPUTS, to_do.INITIALISE, to_do.RELU),
        explains=("plateau",),
    ),
    DeclaredCause(
        "exploding-gradients",
        "Gradients explode",
        "Gradients grow from layer to layer or from step to step.",
        Role.SYMPTOM,
        {exploding_gradients: 2.0},
        (to_do.CLIP, to_do.NORMALISE_LAYERS, to_do.INITIALISE),
        witnessed_by={activation_spread: 0.25, divergence: 0.25},
        explains=("non-finite-training",),
    ),
    DeclaredCause(
        "non-finite-training",
        "The loss becomes NaN or infinite in training",
        "Training from fresh weights at these settings blows up.",
        Role.SYMPTOM,
        {non_finite_training: 2.5},
        (to_do.LOWER_RATE, to_do.SCALE_INPUTS, to_do.CLIP),
        told_anyway=True,
    ),
    DeclaredCause(
        "plateau",
        "Training stands still",
        "The training loss stays flat, well above what is possible.",
        Role.SYMPTOM,
        {plateau: 1.0, slow_learning: 0.5, unstable_seeds: 0.5},
        (to_do.DEFAULT_OPTIMIZER, to_do.NORMALISE_LAYERS),
    ),
    # --- what the data allows -------------------------------------------------------------------------------
    DeclaredCause(
        "no-signal",
        "The features do not tell the target",
        "Neither this model nor any baseline predicts better than a constant.",
        Role.FACT,
        {no_signal: 3.0},
        (to_do.CHECK_PAIRING,),
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
        "A class that train lacks cannot be learned; one that dev lacks cannot be judged.",
        Role.FACT,
        {missing_classes: 2.0},
        (to_do.REJOIN_SPLITS,),
        explains=("data-mismatch",),
    ),
    DeclaredCause(
        "class-imbalance",
        "The classes are very unequal",
        "A rare class weighs little in the loss and in accuracy.",
        Role.SUSPECT,
        {class_imbalance: 1.5},
        (to_do.WEIGH_CLASSES,),
    ),
    DeclaredCause(
        "conflicting-labels",
        "Equal rows carry different labels",
        "The same input with different targets sets a floor under the error.",
        Role.FACT,
        {conflicting_labels: 1.0},
        (to_do.FIX_LABELS, to_do.CHECK_PAIRING),
    ),
    DeclaredCause(
        "split-leakage",
        "Dev or test share rows, groups or times with train",
        "What the model has seen of them makes the error look better than it will be.",
        Role.FACT,
        {shared_rows: 2.0, shared_groups: 2.0, time_order: 1.0},
        (to_do.REJOIN_SPLITS, to_do.SPLIT_BY_KEY),
    ),
    # --- generalisation -----------------------------------------------------------------------------------------
    DeclaredCause(
        "best-weights-thrown-away",
        "The best weights were thrown away",
        "Training went on past its best epoch and kept the last one.",
        Role.RESIDUE,
        {best_epoch: 2.0},
        (to_do.KEEP_BEST,),
    ),
    DeclaredCause(
        "dev-set-overfitting",
        "The dev set was overfitted",
        "Test is clearly worse than dev: choices made on dev have fitted it.",
        Role.FACT,
        {dev_overfitting: 2.0},
        (to_do.FRESH_DEV,),
    ),
    DeclaredCause(
        "dev-set-too-small",
        "The dev set is missing or too small",
        "Its interval is wider than the differences that matter.",
        Role.FACT,
        {dev_set_size: 1.0, no_dev_set: 0.5},
        (to_do.BIGGER_DEV,),
    ),
    DeclaredCause(
        "weak-slice",
        "One class is missed",
        "A class with many rows is predicted rarely or never.",
        Role.SUSPECT,
        {class_recall: 1.0},
        (to_do.LOOK_AT_CLASS,),
    ),
    DeclaredCause(
        "data-mismatch",
        "Train and dev come from different sources",
        "The error rises where the distribution changes, not where rows are new.",
        Role.FACT,
        {data_mismatch: 2.0},
        (to_do.DIVERSE_DATA, to_do.TRAIN_DEV),
        kind="direction",
    ),
    DeclaredCause(
        "high-bias",
        "Avoidable bias",
        "The error on the training set itself is above what is possible.",
        Role.FACT,
        {avoidable_bias: 2.0},
        (to_do.BIGGER, to_do.TRAIN_LONGER, to_do.LESS_PENALTY, to_do.ARCHITECTURE),
        kind="direction",
        explains=("beaten-by-baseline",),
        witnessed_by={structure_ignored: 0.25},
    ),
    DeclaredCause(
        "high-variance",
        "Variance",
        "The error rises from rows that were seen to rows that were not.",
        Role.FACT,
        {variance: 2.0},
        (to_do.MORE_DATA, to_do.AUGMENT, to_do.REGULARIZE, to_do.KEEP_BEST, to_do.ARCHITECTURE, to_do.SMALLER),
        kind="direction",
        explains=("beaten-by-baseline",),
    ),
    # --- residue ---------------------------------------------------------------------------------------------------
    DeclaredCause(
        "beaten-by-baseline",
        "A simple baseline does better",
        "On the same rows a scikit-learn model beats the net.",
        Role.RESIDUE,
        {behind_baseline: 2.0},
        (to_do.USE_BASELINE, to_do.SCALE_INPUTS),
    ),
    DeclaredCause(
        "unexplained",
        "No known cause explains it",
        "Something was found that none of the causes that could be checked accounts for.",
        Role.RESIDUE,
        {does_not_learn: 1.0, constant_predictions: 1.0},
        (to_do.READ_FINDINGS, to_do.DEFAULT_OPTIMIZER),
        witnessed_by={overfit_batch: 0.5},
    ),
)
