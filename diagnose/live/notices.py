"""What is said while it trains: the causes of the command, found by its own checks, once each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.checks import CHECKS
from diagnose.checks.data.label_order import label_order
from diagnose.checks.generalisation.best_epoch import best_epoch
from diagnose.checks.numerics.non_finite_outputs import non_finite_outputs
from diagnose.checks.numerics.non_finite_training import non_finite_training
from diagnose.checks.numerics.non_finite_weights import non_finite_weights
from diagnose.checks.optimisation.divergence import divergence
from diagnose.checks.optimisation.large_updates import large_updates
from diagnose.checks.optimisation.plateau import plateau
from diagnose.checks.optimisation.small_updates import small_updates
from diagnose.findings import Outcome, Severity, Skipped
from diagnose.reasoning.causes import GATE
from diagnose.reasoning.engine import Seen, Suspicion, gate, suspect
from diagnose.registry import Check

STUCK = (non_finite_training, divergence, plateau)  # the loss shows that training does not get anywhere
FROM_HISTORY = (*STUCK, best_epoch, label_order, small_updates, large_updates)
AT_THE_END = frozenset({"still-improving", "initial-loss", "no-dev-set"})  # say nothing of a training that goes on
NEED_ALL_ROWS = frozenset({"batch-size", "dev-set-size", "missing-classes"})  # the callback keeps a sample
TOLD_ANYWAY = frozenset({"non-finite-training"})  # with step and layer, also where it is the effect of something else
LEFT_BEHIND = (non_finite_weights, non_finite_outputs, divergence, plateau)  # by a loss that is not finite
WORTH_A_NOTE = frozenset({"best-weights-thrown-away", "not-shuffled"})  # told as a hint, too


@dataclass(frozen=True)
class Notice:
    """One cause when it was first seen: after how many steps and epochs, and in which words."""

    code: str
    severity: Severity
    step: int
    epoch: int
    message: str

    def __str__(self) -> str:
        return f"diagnose: step {self.step:,}, epoch {self.epoch}: {self.severity}: {self.message} ({self.code})"


def examined(measurements: Mapping[type, object], whole: bool) -> tuple[Outcome, ...]:
    """Run the checks: those that read nothing but the history, or all that can speak of a training that goes on."""
    checks: Iterable[Check] = CHECKS if whole else FROM_HISTORY
    left_out = AT_THE_END | NEED_ALL_ROWS
    return tuple(check.run(measurements) for check in checks if check.code not in left_out)


def alarming(outcomes: tuple[Outcome, ...]) -> tuple[Suspicion, ...]:
    """The causes worth a line now, those that another one explains included.

    While the model still learns, little skill is no sign of sickness, and no more is any signal inside the net.
    """
    seen = Seen(outcomes)
    if seen.of(non_finite_training):
        outcomes = _without(outcomes, LEFT_BEHIND, "the loss is not finite")
    if _by_the_loss(Seen(outcomes)) is Severity.HINT:
        outcomes = _without(outcomes, GATE, "the model still learns")
    return tuple(suspicion for suspicion in suspect(outcomes, level=level_of(outcomes)) if _tellable(suspicion))


def level_of(outcomes: tuple[Outcome, ...]) -> Severity:
    """How sick the model is, by its skill and by the loss of its training."""
    seen = Seen(outcomes)
    return max(gate(seen), _by_the_loss(seen), key=lambda severity: severity.rank)


def _by_the_loss(seen: Seen) -> Severity:
    """How bad it is that the loss stands still, climbs or is no number; a hint where it does none of it."""
    told = [finding.severity for check in STUCK for finding in seen.of(check)]
    return max([Severity.HINT, *told], key=lambda severity: severity.rank)


def _without(outcomes: tuple[Outcome, ...], checks: Iterable[Check], reason: str) -> tuple[Outcome, ...]:
    codes = {check.code for check in checks}
    return tuple(Skipped(outcome.check, reason) if outcome.check in codes else outcome for outcome in outcomes)


def _tellable(suspicion: Suspicion) -> bool:
    return suspicion.severity.rank >= Severity.WARNING.rank or suspicion.code in WORTH_A_NOTE


def worded(suspicion: Suspicion, origin: str) -> str:
    """Title and first finding; `origin` is where a loss that is not finite came from, empty where unknown."""
    finding = suspicion.support[0]
    began = f", beginning in {origin}" if origin and finding.check == non_finite_training.code else ""
    return f"{suspicion.cause.title}: {finding.message}{began}"
