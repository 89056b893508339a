"""Remedies for models with several outputs."""

from diagnose.reasoning.remedies.declared import AFRESH, TRAIN, DeclaredRemedy
from diagnose.trials.interventions import outputs

BALANCE_LOSSES = DeclaredRemedy(
    "balance-losses",
    "Weigh the losses of the outputs so that none drowns another",
    "The layers that all outputs share follow the sum of their gradients; so weighed, all parts are of one size.",
    f"import keras\n\n{AFRESH}" + TRAIN.replace("$metrics", ", loss_weights=$loss_weights$metrics"),
    "one line and one training run",
    named_action="Weigh the losses of the outputs with $loss_weights, so that none drowns another",
    trial=outputs.BALANCE_LOSSES,
)
