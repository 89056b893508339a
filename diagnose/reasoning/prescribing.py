"""From suspicions and verdicts to what the report shows: causes, remedies in order, one headline."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from diagnose.diagnosis import Cause, Effect, Payoff, Remedy, State, Verdict
from diagnose.findings import Finding, Interval, Severity
from diagnose.reasoning.engine import Suspicion, confirmed_by
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.reasoning.snippets import Values
from diagnose.reasoning.verdicts import SNIPPETS
from diagnose.subject import Task

SHORTEST = 30  # characters of a clause that can stand in a headline by itself
UNMEASURED = Payoff("dev error", None, None, None, "unknown")

# The item of a list that a remedy stands for: where the verdict on it is "don't yet", the remedy is not offered.
STANDS_FOR = {remedy.code: item for item, remedy in reversed(SNIPPETS.items())}


def filled(lists: Mapping[str, Sequence[Verdict]], values: Values) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts with their snippets filled in."""
    return {
        name: tuple(replace(verdict, snippet=values.fill(verdict.snippet)) for verdict in verdicts)
        for name, verdicts in lists.items()
    }


def causes(suspicions: Sequence[Suspicion]) -> tuple[Cause, ...]:
    """The suspicions as plain data, ranked from 1."""
    brought = {s.code: tuple(t.code for t in suspicions if t.explained_by == s.code) for s in suspicions}
    return tuple(
        Cause(
            code=s.code,
            title=s.cause.title,
            kind=s.cause.kind,
            rank=rank,
            severity=s.severity,
            state=s.state,
            confidence=None,
            summary=_summary(s),
            explains=tuple(dict.fromkeys((*(f.id for f in s.support), *s.also_explains, *brought[s.code]))),
            evidence=tuple(dict.fromkeys(e for f in s.support for e in f.evidence)),
            remedies=tuple(remedy.code for remedy in s.cause.remedies),
        )
        for rank, s in enumerate(suspicions, start=1)
    )


def _summary(suspicion: Suspicion) -> str:
    text = "; ".join(_told(suspicion)[:2])
    return f"{suspicion.cause.about} {text[:1].upper()}{text[1:]}."


def _told(suspicion: Suspicion) -> list[str]:
    """What speaks for a suspicion, in clauses: its findings, then the trials that restored learning."""
    return [f.message for f in suspicion.support] + [e.message for e in suspicion.effects if e.restores]


def assigned(effects: Sequence[Effect], suspicions: Sequence[Suspicion]) -> tuple[Effect, ...]:
    """The effects with the causes that each confirms where it restores learning, what is suspected first."""
    order = {suspicion.code: place for place, suspicion in enumerate(suspicions)}
    found = []
    for effect in effects:
        codes = tuple(sorted(confirmed_by(effect), key=lambda code: order.get(code, len(order))))
        found.append(replace(effect, causes=codes, code=codes[0] if codes else ""))
    return tuple(found)


def remedies(
    suspicions: Sequence[Suspicion],
    verdicts: Mapping[str, Sequence[Verdict]],
    values: Values,
    tasks: frozenset[Task],
    effects: Sequence[Effect] = (),
) -> tuple[Remedy, ...]:
    """What to do, the best first. Nothing is offered that a verdict speaks against, or that is for other tasks.

    Where something is to be repaired: the repair of each root; what the roots bring about goes with them. Where
    nothing is: what the lists say to do, in the order of the directions; a hint is no reason to change a sound model.
    """
    repairs = [s for s in suspicions if _needs_repair(s) and s.explained_by is None]
    wanted: list[tuple[DeclaredRemedy, Suspicion | None]]
    if repairs:
        wanted = [(remedy, suspicion) for suspicion in repairs for remedy in suspicion.cause.remedies]
    else:
        wanted = list(_advised(suspicions, verdicts))
    chosen: dict[str, tuple[DeclaredRemedy, list[Suspicion]]] = {}
    for remedy, by in wanted:
        if remedy.tasks is None or remedy.tasks & tasks:
            chosen.setdefault(remedy.code, (remedy, []))[1].extend([by] if by else [])
    tried = {effect.remedy: effect for effect in effects}
    return tuple(_remedy(remedy, by, values, tried.get(code)) for code, (remedy, by) in chosen.items())


def _advised(
    suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[tuple[DeclaredRemedy, Suspicion | None]]:
    told = {verdict.item: verdict.verdict for items in verdicts.values() for verdict in items}
    directions = [s for s in suspicions if s.cause.kind == "direction"]
    for direction in directions:
        for remedy in direction.cause.remedies:
            if told.get(STANDS_FOR.get(remedy.code, ""), "") == "do":
                yield remedy, direction
    for item, remedy in SNIPPETS.items():
        if told[item] == "do":
            yield remedy, None


def _needs_repair(suspicion: Suspicion) -> bool:
    return suspicion.cause.kind == "disease" and suspicion.severity.rank >= Severity.WARNING.rank


def _payoff(effect: Effect | None) -> Payoff:
    """What this very remedy brought when it was tried."""
    if effect is None:
        return UNMEASURED
    change, start = effect.interval, effect.before
    span = (
        None if change is None else Interval(max(0.0, start + change.low), min(1.0, start + change.high), change.level)
    )
    against = f", against {effect.control}" if effect.control else ""
    metric = f"train skill after {effect.steps} steps{against}"
    return Payoff(metric, start, effect.after, span, "measured")


def _remedy(remedy: DeclaredRemedy, by: Sequence[Suspicion], values: Values, effect: Effect | None) -> Remedy:
    tried = effect.values if effect is not None else {}
    return Remedy(
        code=remedy.code,
        action=values.fill(remedy.action, tried),
        why=values.fill(remedy.why, tried),
        snippet=values.fill(remedy.snippet, tried),
        sources=remedy.sources,
        payoff=_payoff(effect),
        cost=remedy.cost,
        causes=tuple(s.code for s in by),
    )


def headline(state: State, suspicions: Sequence[Suspicion], gate_findings: Sequence[Finding]) -> str:
    """One sentence: what is wrong, or where the remaining error is, with the number."""
    first = suspicions[0] if suspicions else None
    if state is State.UNKNOWN:
        return "The state is unknown: what decides it could not be examined."
    if state is State.HEALTHY:
        if first is None or first.cause.kind == "disease":
            return "Nothing that was checked is wrong."
        return f"Nothing that was checked is wrong; most of the remaining error is {_lower(first.cause.title)}."
    if first is None:
        return "The model is sick."
    told = [finding.message for finding in gate_findings] + _told(first)
    return f"{first.cause.title}: {_clause(told[0])}." if told else f"{first.cause.title}."


def _clause(message: str) -> str:
    """The first clause that says something by itself, without brackets: the findings say the rest."""
    bare = re.sub(r" \([^()]*\)", "", message)
    ends = [end.start() for end in re.finditer("[:;] ", bare) if end.start() >= SHORTEST]
    return bare[: ends[0]] if ends else bare


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
