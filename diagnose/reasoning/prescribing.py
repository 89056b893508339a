"""From suspicions and verdicts to what the report shows: causes, ordered remedies and one headline."""

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

# The list item that each remedy carries out: it is advised only if the verdict on that item is "do".
ITEM_OF = {remedy.code: item for item, remedy in reversed(SNIPPETS.items())}


def filled(lists: Mapping[str, Sequence[Verdict]], values: Values) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts with their snippets filled in."""
    return {
        name: tuple(replace(verdict, snippet=values.fill(verdict.snippet)) for verdict in verdicts)
        for name, verdicts in lists.items()
    }


def causes(suspicions: Sequence[Suspicion]) -> tuple[Cause, ...]:
    """The suspicions as plain data, ranked from 1."""
    explained = {s.code: tuple(t.code for t in suspicions if t.explained_by == s.code) for s in suspicions}
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
            explains=tuple(dict.fromkeys((*(f.id for f in s.support), *s.also_explains, *explained[s.code]))),
            evidence=tuple(dict.fromkeys(e for f in s.support for e in f.evidence)),
            remedies=tuple(remedy.code for remedy in s.cause.remedies),
        )
        for rank, s in enumerate(suspicions, start=1)
    )


def _summary(suspicion: Suspicion) -> str:
    clauses = _clauses(suspicion)[:2]
    if suspicion.against:
        clauses = [*clauses[:1], f"refuted: {suspicion.against[0].message}"]
    text = "; ".join(clauses)
    return f"{suspicion.cause.about} {text[:1].upper()}{text[1:]}."


def _clauses(suspicion: Suspicion) -> list[str]:
    """The evidence for a suspicion in clauses: its findings, then the trials that restored learning."""
    return [f.message for f in suspicion.support] + [e.message for e in suspicion.effects if e.restores]


def assigned(effects: Sequence[Effect], suspicions: Sequence[Suspicion]) -> tuple[Effect, ...]:
    """The effects with the causes that each confirms if it restores learning, suspected causes first."""
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
    """The remedies, the best first, without those for other tasks.

    If something needs repair, these are the remedies of each root cause, which also repair what it explains. Otherwise
    they are the list items with the verdict "do", in the order of the directions: a hint is not a reason to change a
    sound model.
    """
    repairs = [s for s in suspicions if _needs_repair(s) and s.explained_by is None]
    wanted: list[tuple[DeclaredRemedy, Suspicion | None]]
    if repairs:
        wanted = [(remedy, suspicion) for suspicion in repairs for remedy in suspicion.cause.remedies]
    else:
        wanted = list(_advised(suspicions, verdicts))
    chosen: dict[str, tuple[DeclaredRemedy, list[Suspicion]]] = {}
    for remedy, by in wanted:
        if (remedy.tasks is None or remedy.tasks & tasks) and not _changes_nothing(remedy, values):
            chosen.setdefault(remedy.code, (remedy, []))[1].extend([by] if by else [])
    tried = {effect.remedy: effect for effect in effects}
    return tuple(_remedy(remedy, by, values, tried.get(code)) for code, (remedy, by) in chosen.items())


def _changes_nothing(remedy: DeclaredRemedy, values: Values) -> bool:
    return values.default_settings and values.optimizer_class in remedy.changes_nothing_for


def _advised(
    suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[tuple[DeclaredRemedy, Suspicion | None]]:
    answers = {verdict.item: verdict.verdict for items in verdicts.values() for verdict in items}
    directions = [s for s in suspicions if s.cause.kind == "direction"]
    for direction in directions:
        for remedy in direction.cause.remedies:
            if answers.get(ITEM_OF.get(remedy.code, ""), "") == "do":
                yield remedy, direction
    for item, remedy in SNIPPETS.items():
        if answers[item] == "do":
            yield remedy, None


def _needs_repair(suspicion: Suspicion) -> bool:
    return suspicion.cause.kind == "disease" and suspicion.severity.rank >= Severity.WARNING.rank


def _payoff(effect: Effect | None) -> Payoff:
    """The effect of this remedy in its trial."""
    if effect is None:
        return UNMEASURED
    change, start = effect.interval, effect.before
    span = (
        None if change is None else Interval(max(0.0, start + change.low), min(1.0, start + change.high), change.level)
    )
    against = f", against {effect.control}" if effect.control else ""
    after = f" after {effect.steps} steps" if effect.steps else ""
    metric = f"train skill{after}{against}"
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


def headline(state: State, suspicions: Sequence[Suspicion], gate_findings: Sequence[Finding], missing: str = "") -> str:
    """One sentence: the problem, or the source of the remaining error, with the number.

    `missing` is the reason why a check that decides the state could not run.
    """
    first = next((suspicion for suspicion in suspicions if suspicion.state != "refuted"), None)
    if state is State.UNKNOWN:
        return f"The state is unknown: {missing or 'the checks that decide it could not run'}."
    if state is State.HEALTHY:
        if first is None or first.cause.kind == "disease":
            return "The checks found no problem."
        return f"The checks found no problem; most of the remaining error is {first.cause.clause}."
    if first is None:
        return "The model is sick."
    evidence = [finding.message for finding in gate_findings] + _clauses(first)
    return f"{first.cause.title}: {_clause(evidence[0])}." if evidence else f"{first.cause.title}."


def _clause(message: str) -> str:
    """The first clause that can stand alone, without brackets; the findings give the rest."""
    bare = re.sub(r" \([^()]*\)", "", message)
    ends = [end.start() for end in re.finditer("[:;] ", bare) if end.start() >= SHORTEST]
    return bare[: ends[0]] if ends else bare
