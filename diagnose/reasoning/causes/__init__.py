"""All causes, with the checks that support and clear them. Declarations only; `engine` reads them.

A cause is supported by checks (weight: how much their findings count) and may be cleared by a check that
found nothing. Checks and remedies are objects, so a misspelt one is an import error."""

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.padding_not_masked import padding_not_masked
from diagnose.checks.data.position_imbalance import position_imbalance
from diagnose.checks.generalisation.behind_baseline import behind_baseline
from diagnose.checks.generalisation.collapsed_generator import collapsed_generator
from diagnose.checks.generalisation.collapsed_outputs import collapsed_outputs
from diagnose.checks.generalisation.constant_predictions import constant_predictions
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.generalisation.posterior_collapse import posterior_collapse
from diagnose.checks.network.frozen_statistics import frozen_statistics
from diagnose.checks.numerics.non_finite_outputs import non_finite_outputs
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.learning_rate_too_high import learning_rate_too_high
from diagnose.checks.optimisation.learning_rate_too_low import learning_rate_too_low
from diagnose.checks.optimisation.overwritten_weights import overwritten_weights
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.unmoved_weights import unmoved_weights
from diagnose.checks.process.overfit_batch import overfit_batch
from diagnose.reasoning.causes.data import DATA
from diagnose.reasoning.causes.declared import DeclaredCause, Role
from diagnose.reasoning.causes.fed import FED
from diagnose.reasoning.causes.generalisation import GENERALISATION
from diagnose.reasoning.causes.head import HEAD
from diagnose.reasoning.causes.modes import MODES
from diagnose.reasoning.causes.network import NETWORK
from diagnose.reasoning.causes.optimisation import OPTIMISATION
from diagnose.reasoning.causes.symptoms import SYMPTOMS

# Of two equally strong causes, the one declared first ranks first.
CAUSES: tuple[DeclaredCause, ...] = (*FED, *HEAD, *MODES, *NETWORK, *OPTIMISATION, *SYMPTOMS, *DATA, *GENERALISATION)

# Findings of these open the gate: they show that the model does much worse than it could, most of them not why.
GATE = (
    does_not_learn,
    behind_baseline,
    constant_predictions,
    collapsed_outputs,
    collapsed_generator,
    posterior_collapse,
    learning_rate_too_high,
    learning_rate_too_low,
    overfit_batch,
    overwritten_weights,
    unmoved_weights,
    frozen_statistics,
    position_imbalance,
    padding_not_masked,
    class_imbalance,
)

# Without these checks the state is unknown.
VITAL = (does_not_learn, non_finite_weights)

# While a training runs, findings of these show that the loss makes no progress.
STUCK = (non_finite_training, divergence, plateau, posterior_collapse)

# NON_FINITE_LOSS finds that the loss is not finite; findings of CAUSED_BY_NON_FINITE are then consequences of that.
NON_FINITE_LOSS = non_finite_training
CAUSED_BY_NON_FINITE = (non_finite_weights, non_finite_outputs, divergence, plateau)

__all__ = ["CAUSED_BY_NON_FINITE", "CAUSES", "GATE", "NON_FINITE_LOSS", "STUCK", "VITAL", "DeclaredCause", "Role"]
