"""From suspicions and verdicts to what the report shows: causes, ordered remedies and one headline."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from diagnose.checks.reading.gaps import POINT
from diagnose.checks.reading.remaining import Remaining
from diagnose.checks.reading.wording import listed, number
from diagnose.diagnosis import Cause, Effect, Remedy, State, Verdict
from diagnose.findings import Finding, Severity
from diagnose.reasoning.causes import Role
from diagnose.reasoning.confidence import confidence
from diagnose.reasoning.engine import Suspicion, confirmed_by
from diagnose.reasoning.payoffs import by_remedy, gain, lowered, payoff
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.reasoning.snippets import Values
from diagnose.subject import Task
from diagnose.trials.train_skill import CLEAR

DAYS, LONGER = 2.0, 1.05  # cost of what takes days, and of a longer training, in trainings
DIRECT = 0.95  # cost of what removes a cause and does nothing else: of nearly equal ones it comes first
SHORTEST = 30  # characters of a clause that can stand in a headline by itself


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
            confidence=confidence(s.cause.role, s.severity, s.state, first=rank == 1, root=s.explained_by is None)
            if s.cause.kind == "disease"
            else None,
            summary=_summary(s, suspicions),
            explains=tuple(dict.fromkeys((*(f.id for f in s.support), *s.also_explains, *explained[s.code]))),
            evidence=tuple(dict.fromkeys(e for f in s.support for e in f.evidence)),
            remedies=tuple(remedy.code for remedy in s.cause.remedies),
        )
        for rank, s in enumerate(suspicions, start=1)
    )


def _summary(suspicion: Suspicion, suspicions: Sequence[Suspicion]) -> str:
    clauses = _clauses(suspicion)[:2]
    if suspicion.against:
        clauses = [*clauses[:1], *(f"refuted: {one.message}" for one in suspicion.against[:2])]
    text = "; ".join(clauses)
    return f"{suspicion.cause.about} {text[:1].upper()}{text[1:]}.{_apart(suspicion, suspicions)}"


def _apart(suspicion: Suspicion, suspicions: Sequence[Suspicion]) -> str:
    """What else may be the cause, as a further sentence; "" if nothing."""
    others = [other.cause.title for other in suspicions if other.code in suspicion.alternatives]
    if not others:
        return ""
    return (
        f" No trial tells it apart from “{listed(others)}”: either repair restores learning, and both together bring no"
        " more."
    )


def _clauses(suspicion: Suspicion) -> list[str]:
    """The evidence for a suspicion in clauses: its findings, then the trials that helped."""
    return [f.message for f in suspicion.support] + [e.message for e in suspicion.effects if e.restores or e.helps]


def assigned(effects: Sequence[Effect], suspicions: Sequence[Suspicion]) -> tuple[Effect, ...]:
    """The effects with the causes that each confirms if it restores learning, suspected causes first."""
    order = {suspicion.code: place for place, suspicion in enumerate(suspicions)}
    found = []
    for effect in effects:
        borne_out = [s.code for s in suspicions if any(effect.remedy == r.code for r in s.cause.borne_out_by)]
        told = dict.fromkeys((*confirmed_by(effect), *borne_out))
        codes = tuple(sorted(told, key=lambda code: order.get(code, len(order))))
        found.append(replace(effect, causes=codes, code=codes[0] if codes else ""))
    return tuple(found)


def remedies(
    suspicions: Sequence[Suspicion],
    steps: Sequence[DeclaredRemedy],
    values: Values,
    tasks: frozenset[Task],
    effects: Sequence[Effect] = (),
    *,
    untried: Mapping[str, str] = MappingProxyType({}),
    needless: Collection[str] = (),
) -> tuple[Remedy, ...]:
    """The remedies, the best first, without those for other tasks and those that are `needless`: they change nothing.

    If something needs repair, these are the remedies of each root cause, which also repair what it explains, of one
    cause first those that were seen to restore learning; then those of explained causes that were seen to restore it
    by themselves: two faults may hide each other. Then come the next `steps` (`reasoning.advising`), which are all
    there is for a sound model: a hint is not a reason to change it. Those that lower the dev error, or are likely to,
    come first, and of them what takes away the most errors per cost; those that did not help come last. `untried` tells
    why a remedy was not tried.
    """
    repairs = [s for s in suspicions if _needs_repair(s) and s.explained_by is None]
    wanted: list[tuple[DeclaredRemedy, Suspicion | None]]
    cures = {effect.remedy for effect in effects if effect.restores}
    wanted = [
        (remedy, suspicion)
        for suspicion in repairs
        for remedy in sorted(suspicion.cause.remedies, key=lambda remedy: remedy.code not in cures)
    ]
    explained = [s for s in suspicions if _needs_repair(s) and s.explained_by is not None]
    wanted += [(remedy, s) for s in explained for remedy in s.cause.remedies if remedy.code in cures]
    directions = [s for s in suspicions if s.cause.kind == "direction"]
    wanted += [(step, _treating(step, suspicions, directions)) for step in steps]
    chosen: dict[str, tuple[DeclaredRemedy, list[Suspicion]]] = {}
    for remedy, by in wanted:
        if (remedy.tasks is None or remedy.tasks & tasks) and remedy.code not in needless:
            chosen.setdefault(remedy.code, (remedy, []))[1].extend([by] if by else [])
    first = {remedy.code for remedy in repairs[0].cause.remedies} & cures if repairs else set()
    direct = {remedy.code for suspicion in repairs for remedy in suspicion.cause.confirmed_by}
    tried = by_remedy(effects)
    leading = _leading(repairs, first, tried)
    return tuple(
        _remedy(remedy, chosen[remedy.code][1], values, tried.get(remedy.code), untried)
        for remedy in _ordered([remedy for remedy, _ in chosen.values()], tried, first, direct, leading)
    )


def _leading(repairs: Sequence[Suspicion], first: Collection[str], tried: Mapping[str, Effect]) -> Collection[str]:
    """The remedies of the first cause that come before all others, whatever those bring, as none can be compared on new
    rows: those that restored learning (`first`), or where none could be tried, all that take no days.
    """
    if first:
        return () if any(tried[code].on_dev for code in first) else first
    if not repairs or repairs[0].cause.role is Role.RESIDUE:
        return ()
    own = {remedy.code for remedy in repairs[0].cause.remedies if not remedy.slow}
    return () if any(remedy.code in tried for remedy in repairs[0].cause.remedies) else own


def _ordered(
    chosen: Sequence[DeclaredRemedy],
    tried: Mapping[str, Effect],
    first: Collection[str],
    direct: Collection[str],
    leading: Collection[str],
) -> list[DeclaredRemedy]:
    """The remedies, the best first; what is equal stays in the given order.

    Args:
        chosen: the remedies.
        tried: the effects that count, by remedy.
        first: the remedies of the first cause that restored learning.
        direct: remedies that remove a cause and do nothing else.
        leading: remedies that come before all others.
    """
    on_dev = {code: effect for code, effect in tried.items() if effect.on_dev}
    brings = {code: lowered(effect) if code in first else gain(effect) for code, effect in on_dev.items()}
    whole = {code: lowered(effect) for code, effect in on_dev.items() if effect.seeds > 1}

    def worth(remedy: DeclaredRemedy) -> float:
        """The share of the errors that it took away in its trials, per cost."""
        cost = DAYS if remedy.slow else LONGER if remedy.goes_on else DIRECT if remedy.code in direct else 1.0
        return (brings.get(remedy.code) or whole.get(remedy.code, 0.0)) / cost

    def failed(code: str) -> bool:
        effect = tried.get(code)
        if effect is None or (effect.on_dev and effect.likely):
            return False
        if not effect.on_dev:  # what gains, if too little to be sure, has not failed
            return effect.restores is False and effect.after - effect.before < CLEAR
        return effect.helps is False or not lowered(effect)

    left = [remedy for remedy in chosen if remedy.code in leading or brings.get(remedy.code)]
    rest = [remedy for remedy in chosen if remedy not in left]
    most = max((worth(remedy) for remedy in rest if not remedy.slow), default=0.0)
    promising = [remedy for remedy in rest if remedy.slow and 0 < most < worth(remedy)]
    left.sort(key=lambda one: (one.code not in leading, -worth(one)))
    rest.sort(key=lambda one: (failed(one.code), one not in promising, one.slow))
    return [*left, *rest]


def _treating(
    step: DeclaredRemedy, suspicions: Sequence[Suspicion], directions: Sequence[Suspicion]
) -> Suspicion | None:
    """The suspicion that a step treats: a direction before a hint of a disease; None for a step without one."""
    return next((s for s in (*directions, *suspicions) if step in s.cause.remedies), None)


def _needs_repair(suspicion: Suspicion) -> bool:
    return suspicion.cause.kind == "disease" and suspicion.severity.rank >= Severity.WARNING.rank


def _remedy(
    remedy: DeclaredRemedy,
    by: Sequence[Suspicion],
    values: Values,
    effect: Effect | None,
    untried: Mapping[str, str],
) -> Remedy:
    tried = effect.values if effect is not None else {}
    return Remedy(
        code=remedy.code,
        action=values.fill(remedy.action, tried),
        why=values.fill(remedy.why, tried),
        snippet=values.fill(remedy.snippet, tried),
        sources=remedy.sources,
        payoff=payoff(remedy, effect, untried),
        cost=remedy.cost,
        causes=tuple(s.code for s in by),
        own_code=remedy.own_code,
    )


def headline(
    state: State,
    suspicions: Sequence[Suspicion],
    gate_findings: Sequence[Finding],
    *,
    left: Remaining | None = None,
    next_step: Effect | None = None,
    missing: str = "",
    course: str = "",
) -> str:
    """One sentence: the problem with the number. Without a problem, what the remaining error consists of, and what the
    `next_step` was seen to bring.

    `missing` is the reason why a check that decides the state could not run, `course` what a training showed.
    """
    first = next((suspicion for suspicion in suspicions if suspicion.state != "refuted"), None)
    if state is State.UNKNOWN:
        return f"The state is unknown: {missing or 'the checks that decide it could not run'}. {course}".rstrip()
    if state is State.HEALTHY:
        brings = _brings(next_step)
        where = where_the_error_is(left, unknown=not brings).removesuffix(".")
        return f"No fault found. {where}{brings}." if where else "No fault found."
    if first is None:
        return "The model is sick."
    others = [s.cause.clause for s in suspicions if s.code in first.alternatives]
    title = ", or ".join([first.cause.title, *others])
    evidence = [finding.message for finding in gate_findings] + _clauses(first)
    return f"{title}: {_clause(evidence[0])}." if evidence else f"{title}."


def _brings(effect: Effect | None) -> str:
    """What the next step brings, as a further clause; "" unless a trial on dev rows showed a gain."""
    if effect is None or not effect.helps or effect.forecast:
        return ""
    share = effect.metric == "dev error"
    before, after = (f"{100 * error:.1f} %" if share else number(error) for error in (effect.before, effect.after))
    lowers = f"the next step lowers the {effect.metric}{f' of {effect.output}' if effect.output else ''}"
    if effect.steps is None:  # from the loaded weights
        return f"; {lowers} to {after}"
    return f"; in trainings of {effect.steps:,} steps {lowers} from {before} to {after}"


def where_the_error_is(left: Remaining | None, *, unknown: bool = True) -> str:
    """The parts of the remaining error with their sizes, in one sentence; "" if it was not evaluated.

    `unknown`: say what is unknown about the rest, too.
    """
    if left is None:
        return ""
    of = "" if left.alone else f" of {left.train.output}"
    train, gap = left.text(left.train), left.gap
    if left.unseen is None or gap is None:
        return f"The train error{of} is {train}; the error on new rows is unknown without a dev set."
    dev = left.text(left.unseen)
    own = f"dev {dev}{of}" if left.task is Task.OWN_LOSS else f"squared dev error{of} ({dev})"
    whole = f"{dev} dev error{of}" if left.task.classifies else own
    if gap.counts and left.amount(gap.size) == left.amount(left.whole):
        return f"All of the {whole} is overfitting."
    parts = [f"{left.amount(gap.size)} overfitting"] if gap.counts else []
    if left.bias_at_least:
        parts.append(f"{'' if left.known else 'at least '}{left.amount(left.bias_at_least)} avoidable bias")
    if left.mismatch is not None and left.mismatch.counts:
        parts.append(f"{left.amount(left.mismatch.size)} data mismatch")
    rest = _unknown_rest(left, bool(parts)) if unknown else ""
    if not parts:
        return f"The dev error{of} is {dev} and the train error {train}: no overfitting was measured{rest}."
    return f"Of the {whole}, {' and '.join(parts)}{rest}."


def _unknown_rest(left: Remaining, some: bool) -> str:
    """What of the error is unknown, if it may matter more than what is known."""
    gap = left.gap.size if left.gap is not None and left.gap.counts else 0.0
    if left.known or left.bias_at_least or left.bias_at_most <= max(gap, POINT):
        return ""
    return f"; whether {'the rest' if some else 'it'} can be avoided is unknown without --target-error"


def _clause(message: str) -> str:
    """The first clause that can stand alone, without brackets; the findings give the rest."""
    bare = re.sub(r" \([^()]*\)", "", message)
    ends = [end.start() for end in re.finditer("[:;] ", bare) if end.start() >= SHORTEST]
    return bare[: ends[0]] if ends else bare
