"""The situation once the first cause is repaired, as a repaired copy shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from diagnose.diagnosis import Effect
from diagnose.findings import Outcome, Severity
from diagnose.measurements import HISTORY, Continuation, Evaluation, History, Repaired, RowsCurve, Unavailable
from diagnose.reasoning.engine import Seen, gate
from diagnose.reasoning.verdicts import Situation, situation
from diagnose.registry import Check


def once_repaired(
    checks: Sequence[Check],
    outcomes: Sequence[Outcome],
    now: Situation,
    measured: Mapping[type, object],
    effects: Iterable[Effect] = (),
) -> Situation | None:
    """The situation of the repaired copy; None if there is none, if it brings nothing, or if it is not well yet.

    What rests on the scores of the model or on its training is judged anew, without a history: the copy has none.

    Args:
        checks, outcomes, now, measured: the model as it is.
        effects: of trials on top of the repair.
    """
    repaired = measured.get(Repaired)
    if now.repair is None or now.unrepaired or not isinstance(repaired, Repaired):
        return None
    known = {kind: found for kind, found in measured.items() if kind not in (History, Continuation, RowsCurve)}
    known |= {Evaluation: repaired.evaluation, History: Unavailable("the repaired copy has no history", HISTORY)}
    anew = {check.code: check.run(known) for check in checks if {Evaluation, History} & {*check.needs.values()}}
    if gate(Seen(anew.values())).rank >= Severity.WARNING.rank:
        return None
    seen = Seen(anew.get(outcome.check, outcome) for outcome in outcomes)
    return situation((), seen, now.images, known, effects=[replace(effect, on_top_of=()) for effect in effects])
