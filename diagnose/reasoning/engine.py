"""From the outcomes of the checks to ranked causes: one generic engine, no special cases.

1. *Suspect*: every cause collects the findings of the checks that support it, weighed; witnesses add to it, and what
   was cleared is taken off.
2. *Gate*: hard facts and the model's skill tell whether it is sick. Signals name causes inside a sick model
   and are hints elsewhere.
3. *Resolve*: of a family one wins; symptoms go to what brings them about; residue goes to anything that is left.
4. *Rank*: roots before what they explain; by severity; facts before confirmed before suspected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from diagnose.diagnosis import State
from diagnose.findings import Examined, Finding, Outcome, Severity
from diagnose.reasoning.causes import CAUSES, GATE, TRIAL, DeclaredCause, Role
from diagnose.registry import Check

SAYS = {Severity.INFO: 0.0, Severity.HINT: 0.4, Severity.WARNING: 0.8, Severity.ERROR: 1.0}
CONFIRMED = 1.5  # weight of an experiment in which this change alone restored learning
NOT_CONFIRMED = 0.75  # taken off where the experiment was made and did not help
ENOUGH = 0.1  # least score of a suspicion
TOLD_BY = {"confirmed": 0, "suspected": 1, "inconclusive": 2, "refuted": 3}  # the strongest first


@dataclass(frozen=True)
class Suspicion:
    """A declared cause with what speaks for it in this subject.

    `explained_by` is the code of the cause that brings it about (None for a root); `findings` are the ids of all
    findings that it accounts for.
    """

    cause: DeclaredCause
    score: float
    severity: Severity
    state: Literal["suspected", "confirmed", "refuted", "inconclusive"]
    support: tuple[Finding, ...]
    explained_by: str | None = None
    also_explains: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.cause.code


class Seen:
    """The outcomes of one run, looked up by check."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._by_code: Mapping[str, Outcome] = {outcome.check: outcome for outcome in outcomes}

    def of(self, check: Check) -> tuple[Finding, ...]:
        outcome = self._by_code.get(check.code)
        return outcome.findings if isinstance(outcome, Examined) else ()

    def clean(self, check: Check) -> bool:
        """It was examined, and nothing above a note was found."""
        outcome = self._by_code.get(check.code)
        return isinstance(outcome, Examined) and all(f.severity is Severity.INFO for f in outcome.findings)

    def examined(self, check: Check) -> bool:
        return isinstance(self._by_code.get(check.code), Examined)

    @property
    def findings(self) -> tuple[Finding, ...]:
        every = (o.findings for o in self._by_code.values() if isinstance(o, Examined))
        return tuple(finding for findings in every for finding in findings)


def suspect(
    outcomes: Iterable[Outcome], causes: Sequence[DeclaredCause] = CAUSES, level: Severity | None = None
) -> tuple[Suspicion, ...]:
    """All suspected causes, ranked; see the module's text. `level`: how sick the model is, where the gate is passed."""
    seen = Seen(outcomes)
    level = gate(seen) if level is None else level
    suspicions = [
        s for cause in causes if (s := _suspicion(cause, _tried(cause, seen, causes), seen, level)) is not None
    ]
    suspicions = _resolve(_one_winner_a_family(suspicions, causes), causes)
    return _account_for_all(_ranked(suspicions, causes), seen, causes)


def gate(seen: Seen) -> Severity:
    """How sick the model is by its skill: the worst finding of the gate's checks, at least a hint."""
    found = [finding.severity for check in GATE for finding in seen.of(check)]
    return max([Severity.HINT, *found], key=lambda s: s.rank)


def state_of(suspicions: Iterable[Suspicion], seen: Seen, vital: Sequence[Check]) -> State:
    """The state of the subject; `vital` are the checks without which nothing can be said."""
    counted = [s for s in suspicions if s.state != "refuted"]
    sick = any(s.severity is Severity.ERROR and s.cause.kind == "disease" for s in counted)
    if sick or gate(seen) is Severity.ERROR:
        return State.SICK
    if any(not seen.examined(check) for check in vital):
        return State.UNKNOWN
    return State.ATTENTION if any(s.severity is Severity.WARNING for s in counted) else State.HEALTHY


def _tried(cause: DeclaredCause, seen: Seen, causes: Sequence[DeclaredCause]) -> list[Finding]:
    """The experiments that bear on this cause: its own, and those on the facts of its family."""
    bearing = {cause.code}
    if cause.role is Role.FACT and cause.family and any(seen.of(check) for check in cause.supported_by):
        bearing |= {other.code for other in causes if other.family == cause.family}
    return [finding for finding in seen.of(TRIAL) if finding.where.feature in bearing]


def _suspicion(cause: DeclaredCause, tried: Sequence[Finding], seen: Seen, level: Severity) -> Suspicion | None:
    support = {check: [f for f in seen.of(check) if f.severity is not Severity.INFO] for check in cause.supported_by}
    helped = [f for f in tried if f.severity is not Severity.INFO]
    findings = [finding for found in support.values() for finding in found] + helped
    if not findings:
        return None
    score = sum(cause.supported_by[check] * _loudest(found) for check, found in support.items())
    score += CONFIRMED if helped else -NOT_CONFIRMED if tried else 0.0
    score -= sum(weight for check, weight in cause.cleared_by.items() if seen.clean(check))
    score += sum(weight * _loudest(seen.of(check)) for check, weight in cause.witnessed_by.items())
    if score < ENOUGH or (cause.role is Role.SYMPTOM and level is Severity.HINT):
        return None
    severity = max((f.severity for f in findings), key=lambda s: s.rank)
    if cause.role in (Role.SUSPECT, Role.SYMPTOM):
        severity = min(severity, level, key=lambda s: s.rank)
    state: Literal["confirmed", "inconclusive", "suspected"] = (
        "confirmed" if helped else "inconclusive" if tried else "suspected"
    )
    ordered = tuple(sorted(findings, key=lambda f: -f.severity.rank))
    return Suspicion(cause, score, severity, state, ordered)


def _loudest(findings: Sequence[Finding]) -> float:
    return max((SAYS[finding.severity] for finding in findings), default=0.0)


def _strength(suspicion: Suspicion, causes: Sequence[DeclaredCause]) -> tuple[int, int, float, int]:
    """Sort key, the strongest first."""
    order = [cause.code for cause in causes].index(suspicion.code)
    return (-suspicion.severity.rank, TOLD_BY[suspicion.state], -round(suspicion.score, 2), order)


def _one_winner_a_family(suspicions: list[Suspicion], causes: Sequence[DeclaredCause]) -> list[Suspicion]:
    """The strongest of each family stays; the others become what it explains."""
    winners: dict[str, str] = {}
    for suspicion in sorted(suspicions, key=lambda s: _strength(s, causes)):
        if suspicion.cause.family:
            winners.setdefault(suspicion.cause.family, suspicion.code)
    return [
        s if not s.cause.family or winners[s.cause.family] == s.code else _explained(s, winners[s.cause.family])
        for s in suspicions
    ]


def _resolve(suspicions: list[Suspicion], causes: Sequence[DeclaredCause]) -> list[Suspicion]:
    """Hand every symptom to the strongest cause that brings it about."""
    roots = sorted((s for s in suspicions if s.explained_by is None), key=lambda s: _strength(s, causes))
    return [s if s.explained_by else _explained(s, _explainer(s, roots)) for s in suspicions]


def _explainer(symptom: Suspicion, roots: Sequence[Suspicion]) -> str | None:
    for root in roots:
        if root.code == symptom.code or root.severity.rank < min(symptom.severity.rank, Severity.WARNING.rank):
            continue
        if symptom.code not in root.cause.explains and not (_remains(symptom) and _is_disease(root)):
            continue
        if symptom.state == "confirmed" and _origin(root, roots).state == "inconclusive":
            continue
        return root.code
    return None


def _origin(suspicion: Suspicion, roots: Sequence[Suspicion]) -> Suspicion:
    """What stands at the beginning of the chain of causes that ends here."""
    by = _explainer(suspicion, roots)
    return suspicion if by is None else _origin(next(root for root in roots if root.code == by), roots)


def _remains(suspicion: Suspicion) -> bool:
    """It waits for the repair of any disease: residue, and where the error is of a model that is to be repaired."""
    return suspicion.cause.role is Role.RESIDUE or suspicion.cause.kind == "direction"


def _is_disease(suspicion: Suspicion) -> bool:
    disease = suspicion.cause.kind == "disease" and suspicion.cause.role is not Role.RESIDUE
    return disease and suspicion.severity.rank >= Severity.WARNING.rank


def _explained(suspicion: Suspicion, by: str | None) -> Suspicion:
    return replace(suspicion, explained_by=by)


def _ranked(suspicions: list[Suspicion], causes: Sequence[DeclaredCause]) -> list[Suspicion]:
    def key(suspicion: Suspicion) -> tuple[object, ...]:
        hint = suspicion.severity.rank <= Severity.HINT.rank
        direction = suspicion.cause.kind == "direction"
        severity, told_by, score, order = _strength(suspicion, causes)
        return (
            suspicion.explained_by is not None,
            severity,
            direction if not hint else not direction,  # among hints, where the error is says more than a signal
            suspicion.cause.role is Role.RESIDUE,
            suspicion.cause.role is not Role.FACT,
            told_by,
            suspicion.cause.role is Role.SYMPTOM,
            score,
            order,
        )

    return sorted(suspicions, key=key)


def _account_for_all(ranked: list[Suspicion], seen: Seen, causes: Sequence[DeclaredCause]) -> tuple[Suspicion, ...]:
    """Give every error or warning a cause: the first disease that explains a sick model, else `unexplained`."""
    known = [s for s in ranked if not (s.code == "unexplained" and s.explained_by)]
    claimed = {finding.id for suspicion in known for finding in suspicion.support}
    loose = [f for f in seen.findings if f.severity.rank >= Severity.WARNING.rank and f.id not in claimed]
    if not loose:
        return tuple(known)
    first = next((i for i, s in enumerate(known) if s.explained_by is None and _is_disease(s)), None)
    if first is not None:
        known[first] = replace(known[first], also_explains=tuple(finding.id for finding in loose))
        return tuple(known)
    rest = next(cause for cause in causes if cause.code == "unexplained")
    severity = min(max((f.severity for f in loose), key=lambda s: s.rank), gate(seen), key=lambda s: s.rank)
    others = [s for s in known if s.code != "unexplained"]
    held = tuple(finding for s in known if s.code == "unexplained" for finding in s.support)
    return (*others, Suspicion(rest, 0.0, severity, "suspected", (*held, *loose)))
