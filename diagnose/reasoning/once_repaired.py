"""The situation and the verdicts once the first cause is repaired, as a repaired copy shows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from diagnose.diagnosis import Effect, Verdict
from diagnose.findings import Outcome, Severity
from diagnose.measurements import HISTORY, Continuation, Evaluation, History, Repaired, RowsCurve, Unavailable
from diagnose.reasoning.engine import Seen, gate
from diagnose.reasoning.payoffs import payoff, promise
from diagnose.reasoning.verdicts import WAYS, Situation, decide, situation
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


def after_repair(lists: Mapping[str, Sequence[Verdict]], repaired: Situation | None) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts, with those that hold once the model is `repaired` (None: unknown)."""
    if repaired is None:
        return {name: tuple(items) for name, items in lists.items()}
    return {name: tuple(_once_repaired(verdict, repaired) for verdict in items) for name, items in lists.items()}


def _once_repaired(verdict: Verdict, repaired: Situation) -> Verdict:
    """The verdict, with what holds after the repair, and what trials showed then.

    Its payoff is then that after the repair, unless it is to be done now.
    """
    found = replace(verdict, after_repair=decide(verdict.item, repaired)[0])
    tried = [repaired.effects[way.code] for way in WAYS[verdict.item] if way.code in repaired.effects]
    if not tried:
        return found
    best = max(tried, key=promise)
    now = "Fix cause 1 first." if verdict.verdict == "dont-yet" else verdict.because
    found = replace(found, because=f"{now} After the repair, {best.message}.")
    if verdict.verdict == "do":
        return found
    way = next(way for way in WAYS[verdict.item] if way.code == best.remedy)
    return replace(found, payoff=payoff(way, best, {}), snippet=way.snippet, cost=way.cost)
