"""Builds the `Diagnosis` from measurements, outcomes of checks and effects of trials."""

import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from diagnose import __version__
from diagnose.checks.reading.curves import course
from diagnose.describing.errors import errors_of
from diagnose.describing.facts import describe
from diagnose.describing.figures import figures
from diagnose.describing.layers import layer_rows
from diagnose.diagnosis import CheckOutcome, Coverage, Diagnosis, Effect, Tool
from diagnose.findings import Crashed, Examined, Outcome, Severity, Skipped
from diagnose.measurements import REPORT, History
from diagnose.measuring import Measured
from diagnose.measuring.planning import NO_TRAINING
from diagnose.reasoning import prescribing
from diagnose.reasoning.advising import steps
from diagnose.reasoning.bands import bands
from diagnose.reasoning.causes import GATE, VITAL
from diagnose.reasoning.engine import Seen, state_of, suspect
from diagnose.reasoning.needless import needless
from diagnose.reasoning.once_repaired import after_repair, once_repaired
from diagnose.reasoning.payoffs import by_remedy
from diagnose.reasoning.snippets import values_of
from diagnose.reasoning.verdicts import situation, verdicts
from diagnose.registry import Check
from diagnose.settings import Effort, Settings
from diagnose.subject import Subject


def conclude(
    subject: Subject,
    settings: Settings,
    checks: tuple[Check, ...],
    measured: Measured,
    outcomes: tuple[Outcome, ...],
    *,
    effects: tuple[Effect, ...] = (),
    afterwards: tuple[Effect, ...] = (),
    level: Severity | None = None,
    loading_seconds: float = 0.0,
    command: str = "",
) -> Diagnosis:
    """Reason from outcomes and effects, and build the diagnosis.

    Args:
        subject, settings, checks, measured, outcomes: the input and the results so far.
        effects: effects of the trials.
        afterwards: those of trials on top of the repair of the first cause.
        level: severity of the model's state; None: the checks of the gate determine it.
        loading_seconds, command: recorded in the diagnosis.
    """
    seen = Seen(outcomes)
    suspicions = suspect(outcomes, level=level, effects=effects)
    cut = _cut(checks, measured)
    state = state_of(suspicions, seen, VITAL, cut=bool(cut))
    facts, values = describe(subject, measured.measurements), values_of(subject, measured.measurements)
    now = situation(
        suspicions,
        seen,
        facts.images,
        measured.measurements,
        cut=cut,
        effects=effects,
        untried=measured.untried,
    )
    repaired = once_repaired(checks, outcomes, now, measured.measurements, afterwards)
    lists = prescribing.filled(after_repair(verdicts(now), repaired), values)
    tried = prescribing.assigned(effects, suspicions)
    tasks = frozenset(output.task for output in subject.outputs)
    layers = layer_rows(measured.measurements, seen.findings)
    missing = [o.reason for o in outcomes if isinstance(o, Skipped) and o.check in {check.code for check in VITAL}]
    history = measured.measurements.get(History)
    gate_findings = [finding for check in GATE for finding in seen.of(check)]
    remedies = prescribing.remedies(
        suspicions,
        steps(now, suspicions, lists),
        values,
        tasks,
        tried,
        untried=measured.untried,
        needless=measured.needless | needless(subject, measured.measurements),
    )
    return Diagnosis(
        tool=Tool("keras-diagnose", __version__, versions()),
        subject=facts.subject,
        settings=_recorded(settings, measured, command),
        state=state,
        headline=prescribing.headline(
            state,
            suspicions,
            gate_findings,
            left=now.remaining,
            next_step=by_remedy(tried).get(remedies[0].code) if remedies else None,
            missing=cut or next(iter(missing), ""),
            course=course(history) if isinstance(history, History) else "",
        ),
        errors=errors_of(subject, measured.measurements),
        causes=prescribing.causes(suspicions),
        findings=tuple(sorted(seen.findings, key=lambda f: -f.severity.rank)),
        checks=tuple(_outcome(check, outcome) for check, outcome in zip(checks, outcomes, strict=True)),
        verdicts=lists,
        remedies=remedies,
        effects=(*tried, *afterwards),
        coverage=(*(Coverage(m.what, m.why, m.how) for m in measured.missed), *_not_covered(settings)),
        timing=_timing(loading_seconds, measured, outcomes),
        figures=figures(subject, measured.measurements, settings.samples),
        layers=layers,
        bands=bands(measured.measurements, layers),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _cut(checks: Iterable[Check], measured: Measured) -> str:
    """Why checks lack what an interrupt or a crash cut, as a clause; "" if none does."""
    kinds = {kind for check in checks for kind in check.needs.values()}
    return next((why for kind, why in measured.cut.items() if kind in kinds), "")


def _timing(loading: float, measured: Measured, outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Seconds by instrument, and of loading and checks."""
    spent = {"loading": loading} | {run.name: run.seconds for run in measured.executed}
    return spent | {"checks": sum(outcome.seconds for outcome in outcomes)}


def _recorded(settings: Settings, measured: Measured, command: str) -> dict[str, Any]:
    recorded = asdict(settings)
    recorded["effort"] = settings.effort.value
    recorded["only"], recorded["skip"] = sorted(settings.only), sorted(settings.skip)
    recorded["plan"] = {run.name: run.scale for run in measured.executed}
    if measured.interrupted:
        recorded["interrupted"] = True
    if measured.ended:
        recorded["ended"] = list(measured.ended)
    return recorded | ({"command": command} if command else {})


def _not_covered(settings: Settings) -> tuple[Coverage, ...]:
    if settings.effort is Effort.QUICK:
        return (
            Coverage(
                "everything that needs training",
                NO_TRAINING,
                "Run diagnose with --effort standard.",
            ),
        )
    return ()


def _outcome(check: Check, outcome: Outcome) -> CheckOutcome:
    kind: Literal["clean", "findings", "skipped", "crashed"]
    match outcome:
        case Examined(findings=()):
            kind, reason, how = "clean", "", ""
        case Examined():
            kind, reason, how = "findings", "", ""
        case Skipped(reason=reason, how=how):
            kind = "skipped"
        case Crashed(error=reason):
            kind, how = "crashed", REPORT
    return CheckOutcome(
        code=check.code,
        title=check.title,
        family=check.family,
        outcome=kind,
        reason=reason,
        seconds=outcome.seconds,
        explanation=check.explanation,
        how=how,
        reading=check.reading,
    )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("keras", "tensorflow", "tensorflow-cpu", "numpy", "scipy", "scikit-learn", "pandas"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
