"""Causes in the weights, in the scale of inputs and targets, and in the layers."""

from diagnose.checks.data.input_scale import input_scale
from diagnose.checks.data.target_scale import target_scale
from diagnose.checks.data.uneven_feature_scales import uneven_feature_scales
from diagnose.checks.network.activation_spread import activation_spread
from diagnose.checks.network.bottleneck import bottleneck
from diagnose.checks.network.deep_plain import deep_plain
from diagnose.checks.network.dropout_rate import dropout_rate
from diagnose.checks.network.frozen_layers import frozen_layers
from diagnose.checks.network.initial_loss import initial_loss
from diagnose.checks.network.kernel_scale import kernel_scale
from diagnose.checks.network.missing_nonlinearity import missing_nonlinearity
from diagnose.checks.network.order_not_seen import order_not_seen
from diagnose.checks.network.saturating_activations import saturating_activations
from diagnose.checks.network.symmetric_units import symmetric_units
from diagnose.checks.network.unusual_hidden_activation import unusual_hidden_activation
from diagnose.checks.numerics.non_finite_outputs import non_finite_outputs
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.checks.numerics.numeric_precision import numeric_precision
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.penalty_share import penalty_share
from diagnose.checks.optimisation.vanishing_gradients import vanishing_gradients
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.reasoning.causes.declared import BLOW_UP, FALLS_SHORT, SIGNAL_LOSS, DeclaredCause, Role
from diagnose.reasoning.remedies import data, head, network, optimisation, precision

NETWORK: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "numeric-precision",
        "16-bit numbers are too small, too large or too coarse",
        "Numbers of 16 bits underflow, overflow or round away what training needs.",
        Role.SUSPECT,
        {numeric_precision: 3.5},
        (precision.SINGLE_PRECISION, precision.LARGER_EPSILON, precision.MIXED_PRECISION),
        explains=(
            *BLOW_UP,
            "vanishing-gradients",
            "cut-gradient",
            "bad-initialization",
            "poor-optimizer-settings",
            "learning-rate-too-high",
            "learning-rate-too-low",
            "undertrained",
        ),
        confirmed_by=(precision.SINGLE_PRECISION, precision.LARGER_EPSILON),
    ),
    DeclaredCause(
        "order-not-seen",
        "The net does not see the order of the tokens",
        "The target depends on which token comes before which, and the net treats each row as a bag.",
        Role.FACT,
        {order_not_seen: 3.0},
        (network.POSITIONS, network.READ_IN_ORDER),
        explains=FALLS_SHORT,
        confirmed_by=(network.POSITIONS, network.READ_IN_ORDER),
    ),
    DeclaredCause(
        "non-finite-weights",
        "The weights contain NaN or infinite values",
        "Training blew up, and the file holds the broken weights.",
        Role.FACT,
        {non_finite_weights: 3.0, non_finite_outputs: 1.0},
        (optimisation.FRESH_START, data.SCALE_INPUTS),
        explains=("non-finite-training", "plateau", "dead-units", "beaten-by-baseline"),
    ),
    DeclaredCause(
        "inputs-not-scaled",
        "The inputs are not scaled",
        "The values entering the first trainable layer have an unusual or uneven scale.",
        Role.SUSPECT,
        {input_scale: 2.0, uneven_feature_scales: 1.5},
        (data.SCALE_INPUTS,),
        witnessed_by={initial_loss: 0.25, divergence: 0.25, non_finite_training: 0.25},
        explains=(*BLOW_UP, "learning-rate-too-high", "vanishing-gradients", "bad-initialization"),
        confirmed_by=(data.SCALE_INPUTS,),
    ),
    DeclaredCause(
        "targets-not-scaled",
        "The targets are not scaled",
        "The targets are so large, or so far from zero, that most of the training goes into reaching them.",
        Role.SUSPECT,
        {target_scale: 2.0},
        (data.SCALE_TARGETS,),
        witnessed_by={initial_loss: 0.25, divergence: 0.25, non_finite_training: 0.25},
        explains=(
            *BLOW_UP,
            "learning-rate-too-high",
            "learning-rate-too-low",
            "undertrained",
            "bad-initialization",
            "unbalanced-losses",
        ),
        confirmed_by=(data.SCALE_TARGETS,),
    ),
    DeclaredCause(
        "bad-initialization",
        "The initial weights are unsuitable",
        "The initial weights are all equal, or too large or too small to pass the signal.",
        Role.SUSPECT,
        {symmetric_units: 3.0, kernel_scale: 2.0, activation_spread: 0.6, initial_loss: 1.0},
        (network.INITIALISE, network.NORMALISE_LAYERS),
        family="signal",
        explains=(*BLOW_UP, *SIGNAL_LOSS, "learning-rate-too-high"),
        confirmed_by=(network.INITIALISE,),
    ),
    DeclaredCause(
        "frozen-layers",
        "Layers that should learn are frozen",
        "Weights that are not trainable do not change in training.",
        Role.FACT,
        {frozen_layers: 2.5},
        (network.UNFREEZE,),
        explains=("cut-gradient", "plateau", "learning-rate-too-low"),
        confirmed_by=(network.UNFREEZE,),
    ),
    DeclaredCause(
        "missing-nonlinearity",
        "A non-linearity is missing",
        "Linear layers in a row act as one linear layer, and so does an output layer alone.",
        Role.SUSPECT,
        {missing_nonlinearity: 2.0},
        (network.ADD_ACTIVATIONS, network.ADD_HIDDEN),
        explains=("plateau",),
        confirmed_by=(network.ADD_ACTIVATIONS, network.ADD_HIDDEN),
    ),
    DeclaredCause(
        "unsuitable-activation",
        "An activation is unsuitable",
        "It shrinks the signal or the gradient, or rules out what the next layer needs.",
        Role.SUSPECT,
        {saturating_activations: 2.0, unusual_hidden_activation: 2.0},
        (network.RELU, head.SOFTMAX_HEAD, head.SIGMOID_HEAD),
        family="signal",
        explains=SIGNAL_LOSS,
        witnessed_by={vanishing_gradients: 0.5, overfit_batch: 0.5},
        cleared_by={overfit_batch: 0.5},
        confirmed_by=(network.RELU, head.SOFTMAX_HEAD, head.SIGMOID_HEAD),
    ),
    DeclaredCause(
        "too-deep-plain",
        "The network is too deep without skip connections",
        "Without skip connections or normalisation, the signal and the gradient shrink or grow with every layer.",
        Role.SUSPECT,
        {deep_plain: 2.0},
        (network.SHALLOWER, network.INITIALISE),
        family="signal",
        explains=(*SIGNAL_LOSS, "exploding-gradients"),
        witnessed_by={activation_spread: 0.5, overfit_batch: 0.5},
        cleared_by={overfit_batch: 0.5},
        confirmed_by=(network.SHALLOWER,),
        idea="change-architecture",
    ),
    DeclaredCause(
        "dropout-too-high",
        "Dropout is too strong",
        "So many units are dropped that too little signal passes in training.",
        Role.SUSPECT,
        {dropout_rate: 2.0},
        (network.LESS_DROPOUT,),
        explains=("plateau",),
        confirmed_by=(network.LESS_DROPOUT,),
    ),
    DeclaredCause(
        "over-regularized",
        "Regularisation is too strong",
        "The optimizer minimises the penalty rather than the error.",
        Role.SUSPECT,
        {penalty_share: 2.0},
        (network.LESS_PENALTY, network.LESS_DROPOUT),
        explains=("plateau", "vanishing-gradients", "dead-units"),
        confirmed_by=(network.LESS_PENALTY,),
    ),
    DeclaredCause(
        "bottleneck",
        "A layer is too narrow",
        "All information has to pass through a layer with too few units.",
        Role.SUSPECT,
        {bottleneck: 2.0},
        (network.WIDEN,),
        witnessed_by={overfit_batch: 0.5},
        borne_out_by=(network.WIDEN,),
        explains=("high-bias", "plateau", "learning-rate-too-low", "undertrained", "dead-units", "cut-gradient"),
        idea="bigger-network",
    ),
)
