"""From suspicions and verdicts to what the report shows: causes, remedies in order, one headline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from diagnose.diagnosis import Cause, Payoff, Remedy, State, Verdict
from diagnose.findings import Finding, Severity
from diagnose.reasoning.engine import Suspicion
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.reasoning.verdicts import SNIPPETS

UNMEASURED = Payoff("dev error", None, None, None, "unknown")

# The item of a list that a remedy stands for: where the verdict on it is "don't yet", the remedy is not offered.
STANDS_FOR = {remedy.code: item for item, remedy in reversed(SNIPPETS.items())}


@dataclass(frozen=True)
class Values:
    """What snippets are filled in with; see `Template` names in `remedies`."""

    rate: float = 1e-3
    optimizer: str = "Adam"
    loss: str = "mse"
    classes: int = 1

    def fill(self, text: str) -> str:
        names = {"rate": f"{self.rate:.1g}", "optimizer": self.optimizer, "loss": self.loss, "classes": self.classes}
        return Template(text).safe_substitute(names)


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
    told = [f.message for f in suspicion.support][:2]
    text = "; ".join(told)
    return f"{suspicion.cause.about} {text[0].upper()}{text[1:]}."


def remedies(
    suspicions: Sequence[Suspicion], verdicts: Mapping[str, Sequence[Verdict]], values: Values, state: State
) -> tuple[Remedy, ...]:
    """What to do, the best first: the repair of each root in order, then what the lists say to do.

    Nothing is offered that a verdict speaks against.
    """
    against = {v.item for verdict_list in verdicts.values() for v in verdict_list if v.verdict == "dont-yet"}
    favoured = {v.item for verdict_list in verdicts.values() for v in verdict_list if v.verdict == "do"}
    sick = any(_needs_repair(s) for s in suspicions)
    chosen: dict[str, tuple[DeclaredRemedy, list[Suspicion]]] = {}
    for suspicion in suspicions:
        if sick and not _needs_repair(suspicion):
            continue
        for remedy in suspicion.cause.remedies:
            item = STANDS_FOR.get(remedy.code)
            if suspicion.cause.kind == "direction" and item is not None and item not in favoured:
                continue
            if item in against and not (sick and suspicion.cause.kind == "disease"):
                continue
            chosen.setdefault(remedy.code, (remedy, []))[1].append(suspicion)
    if not sick:
        for item, remedy in SNIPPETS.items():
            if item in favoured:
                chosen.setdefault(remedy.code, (remedy, []))
    return tuple(_remedy(remedy, by, values) for remedy, by in _in_order(chosen))


def _in_order(
    chosen: Mapping[str, tuple[DeclaredRemedy, list[Suspicion]]],
) -> list[tuple[DeclaredRemedy, list[Suspicion]]]:
    """First what roots ask for, then what symptoms ask for; each in the order of the causes."""
    return sorted(chosen.values(), key=lambda pair: bool(pair[1]) and all(s.explained_by for s in pair[1]))


def _needs_repair(suspicion: Suspicion) -> bool:
    return suspicion.cause.kind == "disease" and suspicion.severity.rank >= Severity.WARNING.rank


def _remedy(remedy: DeclaredRemedy, by: Sequence[Suspicion], values: Values) -> Remedy:
    return Remedy(
        code=remedy.code,
        action=values.fill(remedy.action),
        why=values.fill(remedy.why),
        snippet=values.fill(remedy.snippet),
        sources=remedy.sources,
        payoff=UNMEASURED,
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
            return "Nothing is wrong that was checked."
        return f"Nothing is wrong that was checked; most of the remaining error is {_lower(first.cause.title)}."
    if first is None:
        return "The model is sick."
    told = next(iter(gate_findings), None) or next(iter(first.support), None)
    return f"{first.cause.title}: {told.message}." if told else f"{first.cause.title}."


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
