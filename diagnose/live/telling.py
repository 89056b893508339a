"""What is told while a training runs: each cause once, taken back where it proves wrong."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from diagnose.findings import Crashed, Examined, Outcome, Skipped
from diagnose.live.notices import Notice, alarming, worded
from diagnose.reasoning.engine import Suspicion

MOST_NOTICES = 2  # of one cause: it may come back once after it was taken back

Say = Callable[[str], None]


class Notices:
    """The notices of one training, oldest first."""

    def __init__(self, say: Say) -> None:
        self.all: list[Notice] = []
        self._say = say
        self._explained: dict[str, frozenset[str]] = {}  # cause -> the checks that found the one that explains it
        self._found: dict[str, Outcome] = {}  # of the checks that a standing notice rests on, as they found it

    @property
    def standing(self) -> tuple[Notice, ...]:
        """Those that were not taken back."""
        return tuple(notice for notice in self.all if notice.taken_back is None)

    def reported(self, code: str) -> bool:
        """Whether it was reported and stands, or was reported often enough."""
        same = [notice for notice in self.all if notice.code == code]
        return len(same) >= MOST_NOTICES or any(notice.taken_back is None for notice in same)

    def tell(self, outcomes: tuple[Outcome, ...], step: int, epoch: int, origin: str) -> tuple[str, ...]:
        """Report new causes; return the codes of all that are suspected now and not explained.

        A cause that another one explains is not reported, also later, when less is measured, until the checks that
        found the other one find nothing more.

        Args:
            origin: where the first non-finite value appeared, "" if unknown.
        """
        suspicions = alarming(outcomes)
        self.take_back(outcomes, suspicions, step, epoch)
        self._explained = {code: by for code, by in self._explained.items() if not by <= _clean(outcomes)}
        found_by = {s.code: frozenset(finding.check for finding in s.support) for s in suspicions}
        for suspicion in suspicions:
            by = found_by.get(suspicion.explained_by or "")
            if by and not suspicion.cause.always_reported:
                self._explained[suspicion.code] = by
        left = [suspicion for suspicion in suspicions if suspicion.code not in self._explained]
        for suspicion in left:
            if not self.reported(suspicion.code):
                message = worded(suspicion, origin)
                by = found_by[suspicion.code]
                self.all.append(Notice(suspicion.code, suspicion.severity, step, epoch, message, by))
                self._found |= {outcome.check: outcome for outcome in outcomes if outcome.check in by}
                self._say(str(self.all[-1]))
        return tuple(suspicion.code for suspicion in left)

    def take_back(self, outcomes: tuple[Outcome, ...], suspicions: Iterable[Suspicion], step: int, epoch: int) -> None:
        """Take back what is no longer found, or what all checks together no longer make a cause."""
        suspected = {suspicion.code for suspicion in suspicions if suspicion.state != "refuted"}
        for place, notice in enumerate(self.all):
            if notice.refuted(outcomes, suspected):
                self.all[place] = replace(notice, taken_back=step)
                self._say(
                    f"diagnose: step {step:,}, epoch {epoch}: taken back: {notice.code},"
                    f" reported at step {notice.step:,}, is no longer found"
                )

    def completed(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """The outcomes; where a check could not run, what it had found for a notice that stands."""
        kept = {check for notice in self.standing for check in notice.checks}
        return tuple(
            self._found.get(outcome.check, outcome)
            if isinstance(outcome, Skipped | Crashed) and outcome.check in kept
            else outcome
            for outcome in outcomes
        )


def _clean(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """The codes of the checks that ran and found nothing."""
    return frozenset(o.check for o in outcomes if isinstance(o, Examined) and not o.findings)
