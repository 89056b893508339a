"""Notices during training: each cause once, found by the same checks as the command."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.checks import CHECKS
from diagnose.findings import Examined, Outcome, Severity, Skipped
from diagnose.measurements import History
from diagnose.reasoning.causes import CAUSED_BY_NON_FINITE, GATE, NON_FINITE_LOSS, STUCK
from diagnose.reasoning.engine import Seen, Suspicion, gate, suspect
from diagnose.registry import Check

SPEAKING = {check.code: check.speaks_live for check in CHECKS if check.speaks_live is not None}


@dataclass(frozen=True)
class Notice:
    """A cause when it was first seen: after how many steps and epochs, and the message.

    `taken_back` is the step at which the same checks found nothing any more; None if they still do.
    """

    code: str
    severity: Severity
    step: int
    epoch: int
    message: str
    checks: frozenset[str] = frozenset()  # codes of those that found it
    taken_back: int | None = None

    def __str__(self) -> str:
        text = f"diagnose: step {self.step:,}, epoch {self.epoch}: {self.severity}: {self.message} ({self.code})"
        return text if self.taken_back is None else f"{text}, taken back at step {self.taken_back:,}"

    def refuted(self, outcomes: Iterable[Outcome], suspected: Iterable[str] | None = None) -> bool:
        """Whether every check that found it ran again, and none finds anything or the cause is not `suspected` now."""
        ran = {outcome.check: outcome for outcome in outcomes if isinstance(outcome, Examined)}
        if self.taken_back is not None or not self.checks or not self.checks <= set(ran):
            return False
        gone = suspected is not None and self.code not in suspected
        return gone or not any(ran[check].findings for check in self.checks)


def examined(measurements: Mapping[type, object], whole: bool) -> tuple[Outcome, ...]:
    """Run the checks that report during training: all of them (`whole`), or only those that need just the history."""
    return tuple(check.run(measurements) for check in CHECKS if _speaks(check) and (whole or reads_history(check)))


def while_training(checks: Iterable[Check], measurements: Mapping[type, object]) -> tuple[Outcome, ...]:
    """Run these checks; skip those that only report after training."""
    why, how = "the training is still running", "Read the diagnosis after training."
    return tuple(check.run(measurements) if _speaks(check) else Skipped(check.code, why, how) for check in checks)


def _speaks(check: Check) -> bool:
    return check.speaks_live is not None


def reads_history(check: Check) -> bool:
    """Whether the check needs only the history of a live training."""
    return History in check.needs.values() and check.required <= {History} and "live" in check.origins


def alarming(outcomes: tuple[Outcome, ...]) -> tuple[Suspicion, ...]:
    """The causes to report now, including those that another cause explains.

    While the model still learns, neither low skill nor any signal inside the network makes it sick.
    """
    seen = Seen(outcomes)
    if seen.of(NON_FINITE_LOSS):
        outcomes = _without(
            outcomes, CAUSED_BY_NON_FINITE, "the loss is not finite", "Fix the training, then run it again."
        )
    if _by_the_loss(Seen(outcomes)) is Severity.HINT:
        outcomes = _without(outcomes, GATE, "the model still learns", "Read the diagnosis after training.")
    return tuple(suspicion for suspicion in suspect(outcomes, level=level_of(outcomes)) if _reported(suspicion))


def level_of(outcomes: tuple[Outcome, ...]) -> Severity:
    """How sick the model is, by its skill and its training loss."""
    seen = Seen(outcomes)
    return max(gate(seen), _by_the_loss(seen), key=lambda severity: severity.rank)


def _by_the_loss(seen: Seen) -> Severity:
    """Severity of a loss that stalls, rises or is not finite; a hint if it does none of these."""
    found = [finding.severity for check in STUCK for finding in seen.of(check)]
    return max([Severity.HINT, *found], key=lambda severity: severity.rank)


def _without(outcomes: tuple[Outcome, ...], checks: Iterable[Check], reason: str, how: str) -> tuple[Outcome, ...]:
    codes = {check.code for check in checks}
    return tuple(Skipped(outcome.check, reason, how) if outcome.check in codes else outcome for outcome in outcomes)


def _reported(suspicion: Suspicion) -> bool:
    """Whether its severity is a warning or more, or reaches `speaks_live` of a check that supports it."""
    least = [SPEAKING.get(finding.check, Severity.WARNING) for finding in suspicion.support]
    return suspicion.severity.rank >= min(severity.rank for severity in (Severity.WARNING, *least))


def worded(suspicion: Suspicion, origin: str) -> str:
    """Title and first finding. `origin`: where the first non-finite value appeared, "" if unknown."""
    finding = suspicion.support[0]
    began = f", first seen in {origin}" if origin and finding.check == NON_FINITE_LOSS.code else ""
    return f"{suspicion.cause.title}: {finding.message}{began}"
