"""Symptoms: named only if no cause that brings them about is suspected."""

from diagnose.checks.generalisation.collapsed_generator import collapsed_generator
from diagnose.checks.generalisation.collapsed_outputs import collapsed_outputs
from diagnose.checks.generalisation.posterior_collapse import posterior_collapse
from diagnose.checks.network.activation_spread import activation_spread
from diagnose.checks.network.cut_gradient import cut_gradient
from diagnose.checks.network.dead_units import dead_units
from diagnose.checks.network.saturated_units import saturated_units
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.exploding_gradients import exploding_gradients
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.slow_learning import slow_learning
from diagnose.checks.optimisation.unstable_seeds import unstable_seeds
from diagnose.checks.optimisation.vanishing_gradients import vanishing_gradients
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.remedies import data, network, optimisation

SYMPTOMS: tuple[DeclaredCause, ...] = (
    DeclaredCause(
        "cut-gradient",
        "Some weights get no gradient",
        "A part of the network is cut off from the loss.",
        Role.SYMPTOM,
        {cut_gradient: 2.0},
        (network.RECONNECT, network.REVIVE),
        explains=("plateau",),
    ),
    DeclaredCause(
        "dead-units",
        "Many units are dead",
        "ReLU units that are never positive learn nothing and pass nothing on.",
        Role.SYMPTOM,
        {dead_units: 2.0},
        (network.REVIVE, network.INITIALISE, optimisation.LOWER_RATE),
        witnessed_by={cut_gradient: 0.5},
        explains=("cut-gradient", "plateau", "vanishing-gradients", "collapsed-outputs"),
    ),
    DeclaredCause(
        "vanishing-gradients",
        "Gradients vanish on the way to the first layers",
        "The first layers get almost no gradient.",
        Role.SYMPTOM,
        {vanishing_gradients: 2.0},
        (network.RELU, network.NORMALISE_LAYERS, network.SHALLOWER),
        witnessed_by={activation_spread: 0.5, overfit_batch: 0.25},
        explains=("plateau",),
        cleared_by={overfit_batch: 0.5},
    ),
    DeclaredCause(
        "saturated-units",
        "Units are saturated",
        "Most sigmoid or tanh units are in the flat part of their range.",
        Role.SYMPTOM,
        {saturated_units: 2.0},
        (data.SCALE_INPUTS, network.INITIALISE, network.RELU),
        explains=("plateau", "collapsed-outputs"),
    ),
    DeclaredCause(
        "exploding-gradients",
        "Gradients explode",
        "Gradients grow from layer to layer or from step to step.",
        Role.SYMPTOM,
        {exploding_gradients: 2.0},
        (optimisation.CLIP, network.NORMALISE_LAYERS, network.INITIALISE),
        witnessed_by={activation_spread: 0.25, divergence: 0.25},
        explains=("non-finite-training",),
    ),
    DeclaredCause(
        "collapsed-outputs",
        "The outputs have collapsed",
        "Every row has the same output, so the loss stands where a constant would leave it.",
        Role.SYMPTOM,
        {collapsed_outputs: 2.0},
        (optimisation.LOWER_RATE, network.KEEP_APART, network.WEIGH_TERMS),
        explains=("plateau", "dead-units", "vanishing-gradients"),  # units that nothing needs die, too
    ),
    DeclaredCause(
        "generator-collapse",
        "What the model generates has collapsed",
        "A network inside it gives the same row each time, whatever it is fed.",
        Role.SYMPTOM,
        {collapsed_generator: 2.0},
        (network.BALANCE_ADVERSARIES, network.WEIGH_TERMS, optimisation.LOWER_RATE),
    ),
    DeclaredCause(
        "posterior-collapse",
        "The code tells nothing about its row",
        "The divergence of the code is zero, so every row has the same distribution of codes.",
        Role.SYMPTOM,
        {posterior_collapse: 2.0},
        (network.WEIGH_TERMS,),
        witnessed_by={collapsed_outputs: 0.5, collapsed_generator: 0.5},
        explains=("collapsed-outputs", "generator-collapse", "plateau"),
    ),
    DeclaredCause(
        "non-finite-training",
        "The training loss becomes NaN or infinite",
        "Training from fresh weights with these settings blows up.",
        Role.SYMPTOM,
        {non_finite_training: 2.5},
        (optimisation.LOWER_RATE, data.SCALE_INPUTS, optimisation.CLIP),
        always_reported=True,
    ),
    DeclaredCause(
        "plateau",
        "Training is stuck",
        "The training loss stays flat, well above what is possible.",
        Role.SYMPTOM,
        {plateau: 1.0, slow_learning: 0.5, unstable_seeds: 0.5},
        (optimisation.DEFAULT_OPTIMIZER, network.NORMALISE_LAYERS),
    ),
)
