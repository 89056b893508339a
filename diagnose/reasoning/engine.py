"""From the outcomes of the checks to ranked causes: one generic engine, no special cases.

1. *Suspect*: every cause adds up the weighted findings of the checks that support it. Witnesses add to the score,
   checks that clear the cause subtract from it. Trials of its remedies confirm or weaken a suspicion; findings that
   contradict it refute it, if they concern every output that it is suspected for, and so do trials in which its
   remedies bring nothing, neither alone nor on top of a repair. A refuted suspicion stays in the result and takes no
   part in the steps below.
2. *Gate*: hard facts and the model's skill decide whether it is sick. Signals name causes in a sick model and are
   hints elsewhere.
3. *Resolve*: one cause of each family wins. Symptoms are explained by the cause that brings them about, residue by
   any other disease; what still gains on top of that cause's repair is a fault of its own.
4. *Rank*: roots before what they explain; then by severity; then facts before confirmed before suspected, and what is
   needed on top of another repair before what is not. Of two confirmed roots that bring nothing on top of each other,
   either may be the fault: they are alternatives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from diagnose.diagnosis import LEARNING, Effect, State
from diagnose.findings import Examined, Finding, Outcome, Severity
from diagnose.reasoning.causes import CAUSES, GATE, DeclaredCause, Role
from diagnose.reasoning.remedies import DeclaredRemedy
from diagnose.registry import Check
from diagnose.trials.train_skill import CLEAR

SEVERITY_WEIGHT = {Severity.INFO: 0.0, Severity.HINT: 0.4, Severity.WARNING: 0.8, Severity.ERROR: 1.0}
CONFIRMED = 1.5  # weight of a trial in which this change alone restored learning
NOT_CONFIRMED = 0.75  # subtracted if the trial ran and did not help
ENOUGH = 0.1  # least score of a suspicion
STATE_ORDER = {"confirmed": 0, "suspected": 1, "inconclusive": 2, "refuted": 3}  # the strongest first


@dataclass(frozen=True)
class Suspicion:
    """A declared cause with its evidence in this subject: findings, and effects of trials.

    `explained_by` is the code of the cause that brings it about (None for a root). `against` are the findings, or the
    effects, that refute it. `alternatives` are the codes of other causes of which it cannot be told apart.
    """

    cause: DeclaredCause
    score: float
    severity: Severity
    state: Literal["suspected", "confirmed", "refuted", "inconclusive"]
    support: tuple[Finding, ...]
    effects: tuple[Effect, ...] = ()
    explained_by: str | None = None
    also_explains: tuple[str, ...] = ()
    against: tuple[Finding | Effect, ...] = ()
    alternatives: tuple[str, ...] = ()

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
        """Whether the check ran and found nothing above a note."""
        outcome = self._by_code.get(check.code)
        return isinstance(outcome, Examined) and all(f.severity is Severity.INFO for f in outcome.findings)

    def examined(self, check: Check) -> bool:
        return isinstance(self._by_code.get(check.code), Examined)

    @property
    def findings(self) -> tuple[Finding, ...]:
        every = (o.findings for o in self._by_code.values() if isinstance(o, Examined))
        return tuple(finding for findings in every for finding in findings)


def suspect(
    outcomes: Iterable[Outcome],
    causes: Sequence[DeclaredCause] = CAUSES,
    level: Severity | None = None,
    effects: Sequence[Effect] = (),
) -> tuple[Suspicion, ...]:
    """All suspected causes, ranked; see the module docstring.

    Args:
        outcomes: of the checks.
        causes: that may be suspected.
        level: how sick the model is, if known otherwise than from the gate.
        effects: of the remedies that were tried.
    """
    seen = Seen(outcomes)
    level = gate(seen) if level is None else level
    suspicions = [
        s
        for cause in causes
        if (s := _suspicion(cause, _relevant(cause, seen, causes, effects), seen, level)) is not None
    ]
    standing = [suspicion for suspicion in suspicions if suspicion.state != "refuted"]
    refuted = [suspicion for suspicion in suspicions if suspicion.state == "refuted"]
    standing = _resolve(_one_winner_a_family(standing, causes), causes)
    ranked = _with_alternatives(_ranked(standing, causes))
    return (*_account_for_all(ranked, seen, causes), *refuted)


def gate(seen: Seen) -> Severity:
    """How sick the model is by its skill: the worst finding of the gate's checks, at least a hint."""
    found = [finding.severity for check in GATE for finding in seen.of(check)]
    return max([Severity.HINT, *found], key=lambda s: s.rank)


def state_of(suspicions: Iterable[Suspicion], seen: Seen, vital: Sequence[Check], cut: bool = False) -> State:
    """The state of the subject; without the `vital` checks it is unknown.

    `cut`: an interrupt or a crash cut what other checks need. What was found sick stays sick; all else is unknown.
    """
    counted = [s for s in suspicions if s.state != "refuted"]
    sick = any(s.severity is Severity.ERROR and s.cause.kind == "disease" for s in counted)
    if sick or gate(seen) is Severity.ERROR:
        return State.SICK
    if cut or any(not seen.examined(check) for check in vital):
        return State.UNKNOWN
    return State.ATTENTION if any(s.severity is Severity.WARNING for s in counted) else State.HEALTHY


def worth_trying(
    suspicions: Sequence[Suspicion], seen: Seen, causes: Sequence[DeclaredCause] = CAUSES
) -> tuple[DeclaredRemedy, ...]:
    """The remedies to try, the most promising first.

    The remedies of the suspected causes come first, in the order of these. A model that the gate shows to be sick may
    have a cause that no check sees, so every remedy that would confirm another cause follows. In any other model only
    causes at warning or error are worth it.
    """
    standing = [suspicion for suspicion in suspicions if suspicion.state != "refuted"]
    others = [remedy for cause in causes for remedy in cause.confirmed_by]
    if gate(seen).rank < Severity.WARNING.rank:
        standing, others = [one for one in standing if one.severity.rank >= Severity.WARNING.rank], []
    suspected = [remedy for suspicion in standing for remedy in suspicion.cause.remedies]
    return tuple(remedy for remedy in dict.fromkeys((*suspected, *others)) if remedy.trial is not None)


def confirmed_by(effect: Effect, causes: Sequence[DeclaredCause] = CAUSES) -> tuple[str, ...]:
    """The codes of the causes that this effect confirms if it restores learning."""
    return tuple(cause.code for cause in causes if any(effect.remedy == r.code for r in cause.confirmed_by))


def confirmable(
    remedy: DeclaredRemedy, suspicions: Sequence[Suspicion], causes: Sequence[DeclaredCause] = CAUSES
) -> frozenset[str]:
    """The codes of the causes that a trial of this remedy may confirm, given what is suspected."""
    borne_out = {one.code for one in suspicions if one.support and remedy in one.cause.borne_out_by}
    return frozenset({cause.code for cause in causes if remedy in cause.confirmed_by} | borne_out)


def _relevant(
    cause: DeclaredCause, seen: Seen, causes: Sequence[DeclaredCause], effects: Sequence[Effect]
) -> list[Effect]:
    """The effects that count for this cause: of its own remedies, and of those for the other facts of its family.

    If no finding supports it, only an effect that confirms no other cause counts: a remedy that fixes several causes
    does not show which of them is present.
    """
    if not any(finding.severity is not Severity.INFO for check in cause.supported_by for finding in seen.of(check)):
        return [effect for effect in effects if confirmed_by(effect, causes) == (cause.code,)]
    relatives = [other for other in causes if cause.role is Role.FACT and cause.family == other.family != ""]
    remedies = {remedy.code for one in (cause, *relatives) for remedy in one.telling}
    return [effect for effect in effects if effect.remedy in remedies]


def _suspicion(cause: DeclaredCause, tried: Sequence[Effect], seen: Seen, level: Severity) -> Suspicion | None:
    support = {check: [f for f in seen.of(check) if f.severity is not Severity.INFO] for check in cause.supported_by}
    tried = [effect for effect in tried if (effect.helps if effect.on_dev else effect.restores) is not None]
    helped = [effect for effect in tried if effect.restores or effect.helps]
    findings = [finding for found in support.values() for finding in found]
    if not findings and not helped:
        return None
    score = sum(cause.supported_by[check] * _loudest(found) for check, found in support.items())
    score += CONFIRMED if helped else -NOT_CONFIRMED if tried else 0.0
    score -= sum(weight for check, weight in cause.cleared_by.items() if seen.clean(check))
    score += sum(weight * _loudest(seen.of(check)) for check, weight in cause.witnessed_by.items())
    if score < ENOUGH or (cause.role is Role.SYMPTOM and level is Severity.HINT):
        return None
    severity = max([*(f.severity for f in findings), *map(_severity, helped)], key=lambda s: s.rank)
    if cause.role in (Role.SUSPECT, Role.SYMPTOM):
        severity = min(severity, level, key=lambda s: s.rank)
    state: Literal["confirmed", "inconclusive", "suspected"] = (
        "confirmed" if helped else "inconclusive" if tried else "suspected"
    )
    ordered = tuple(sorted(findings, key=lambda f: -f.severity.rank))
    found = Suspicion(cause, score, severity, state, ordered, tuple(sorted(tried, key=lambda e: -e.after)))
    against = tuple(finding for check in cause.refuted_by for finding in seen.of(check))
    outputs = {finding.where.output for finding in against}
    if against and (None in outputs or {finding.where.output for finding in findings} <= outputs):
        return replace(found, state="refuted", severity=Severity.HINT, against=against)
    if cause.role in (Role.SUSPECT, Role.SYMPTOM) and (without_gain := _brings_nothing(tried)):
        return replace(found, state="refuted", severity=Severity.HINT, against=without_gain)
    return found


def _brings_nothing(tried: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects if none can be a gain that matters, neither alone nor on top of a repair; () else."""
    both = {effect.direction for effect in tried} == {"sufficient", "necessary"}
    small = all(effect.interval is not None and effect.interval.high < CLEAR for effect in tried)
    return tuple(tried) if both and small else ()


def _on_top_of(suspicion: Suspicion, other: Suspicion) -> list[Effect]:
    """The effects of its repairs on top of those of the other."""
    repairs = {remedy.code for remedy in other.cause.telling}
    return [effect for effect in suspicion.effects if repairs & {*effect.on_top_of}]


def _adds_to(suspicion: Suspicion, other: Suspicion) -> bool:
    """Whether its repair brings more on top of that of the other."""
    return any(effect.restores for effect in _on_top_of(suspicion, other))


def _spares(suspicion: Suspicion, other: Suspicion) -> bool:
    """Whether the repair of the other was tried on top of its own, and brings no more."""
    return bool(_on_top_of(other, suspicion)) and not _adds_to(other, suspicion)


def _gives_way(suspicion: Suspicion, suspicions: Iterable[Suspicion]) -> bool:
    """Whether another confirmed root is needed on top of its repair, and spares it."""
    if suspicion.state != "confirmed":
        return False
    others = (one for one in suspicions if one.state == "confirmed" and one.explained_by is None)
    return any(_adds_to(one, suspicion) and _spares(one, suspicion) for one in others)


def _with_alternatives(ranked: list[Suspicion]) -> list[Suspicion]:
    """The suspicions, each confirmed root with the others of which no trial tells it apart."""
    roots = [one for one in ranked if one.state == "confirmed" and one.explained_by is None]

    def others(one: Suspicion) -> tuple[str, ...]:
        return tuple(o.code for o in roots if o is not one and _spares(o, one) and _spares(one, o))

    return [replace(one, alternatives=others(one)) if one in roots else one for one in ranked]


def _severity(effect: Effect) -> Severity:
    """An error if the model learned nothing without the change; by itself, a lower dev error is a hint."""
    if effect.on_dev:
        return Severity.HINT
    return Severity.ERROR if effect.before < LEARNING else Severity.WARNING


def _loudest(findings: Sequence[Finding]) -> float:
    return max((SEVERITY_WEIGHT[finding.severity] for finding in findings), default=0.0)


def _strength(suspicion: Suspicion, causes: Sequence[DeclaredCause]) -> tuple[int, int, float, int]:
    """Sort key, the strongest first."""
    order = [cause.code for cause in causes].index(suspicion.code)
    return (-suspicion.severity.rank, STATE_ORDER[suspicion.state], -round(suspicion.score, 2), order)


def _one_winner_a_family(suspicions: list[Suspicion], causes: Sequence[DeclaredCause]) -> list[Suspicion]:
    """The strongest of each family stays, and explains the others."""
    winners: dict[str, str] = {}
    for suspicion in sorted(suspicions, key=lambda s: _strength(s, causes)):
        if suspicion.cause.family:
            winners.setdefault(suspicion.cause.family, suspicion.code)
    return [
        s if not s.cause.family or winners[s.cause.family] == s.code else _explained(s, winners[s.cause.family])
        for s in suspicions
    ]


def _resolve(suspicions: list[Suspicion], causes: Sequence[DeclaredCause]) -> list[Suspicion]:
    """Explain every symptom by the strongest cause that brings it about."""
    roots = sorted((s for s in suspicions if s.explained_by is None), key=lambda s: _strength(s, causes))
    return [s if s.explained_by else _explained(s, _explainer(s, roots)) for s in suspicions]


def _explainer(symptom: Suspicion, roots: Sequence[Suspicion]) -> str | None:
    for root in roots:
        if root.code == symptom.code or root.severity.rank < min(symptom.severity.rank, Severity.WARNING.rank):
            continue
        if root.code in symptom.cause.explains and symptom in roots[: roots.index(root)]:
            continue  # of two that bring about each other, the stronger one is the root
        if symptom.code not in root.cause.explains and not (_waits_for_repair(symptom) and _is_disease(root)):
            continue
        if symptom.state == "confirmed" and _root_of(root, roots).state == "inconclusive":
            continue
        needed = any(effect.restores and effect.on_top_of for effect in symptom.effects)
        if needed and (_adds_to(symptom, root) or _adds_to(symptom, _root_of(root, roots))):
            continue  # a fault of its own
        return root.code
    return None


def _root_of(suspicion: Suspicion, roots: Sequence[Suspicion]) -> Suspicion:
    """The first cause of the chain of causes that ends here."""
    by = _explainer(suspicion, roots)
    return suspicion if by is None else _root_of(next(root for root in roots if root.code == by), roots)


def _waits_for_repair(suspicion: Suspicion) -> bool:
    """Whether it can only be judged after any disease is repaired: residue and directions."""
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
        severity, state, score, order = _strength(suspicion, causes)
        return (
            suspicion.explained_by is not None,
            severity,
            direction if not hint else not direction,  # among hints, a direction says more than a signal
            suspicion.cause.role is Role.RESIDUE,
            suspicion.cause.role is not Role.FACT,
            state,
            _gives_way(suspicion, suspicions),
            suspicion.cause.role is Role.SYMPTOM,
            score,
            order,
        )

    return sorted(suspicions, key=key)


def _account_for_all(ranked: list[Suspicion], seen: Seen, causes: Sequence[DeclaredCause]) -> tuple[Suspicion, ...]:
    """Assign every error or warning to a cause: the first root disease, else `unexplained`."""
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
