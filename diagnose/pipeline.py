"""The flow: subject -> measurements -> findings -> causes and verdicts -> diagnosis."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from diagnose import __version__
from diagnose.diagnosis import CheckOutcome, Coverage, Diagnosis, Effect, Tool
from diagnose.errors import InputError
from diagnose.findings import Crashed, Examined, Outcome, Severity, Skipped
from diagnose.settings import Effort, Settings

if TYPE_CHECKING:
    from diagnose.measuring import Measured
    from diagnose.registry import Check
    from diagnose.subject import Subject

Progress = Callable[[str], None]


def examine(
    model: Any,
    train: Any,
    dev: Any = None,
    test: Any = None,
    *,
    task: str | None = None,
    target: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    history: Any = None,
    target_error: float | Mapping[str, float] | None = None,
    effort: str = "standard",
    budget: float | None = None,
    rows: int | str = 50_000,
    seed: int = 0,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    no_samples: bool = False,
    plan: Mapping[str, float] | None = None,
    custom_objects: str | Path | None = None,
    lambdas: Iterable[str] = (),
    architecture: str | Path | None = None,
    trust: bool = False,
    loader: str | None = None,
    group: str | None = None,
    time: str | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Examine a model with its data and say what is wrong, how sure that is, and what to do next.

    The model is not changed: weights, optimizer, metrics and every random state are bit-identical afterwards.

    Args:
        model: a built and compiled `keras.Model`, or the path of a `.keras` or `.h5` file.
        train: the rows it was trained on: `(x, y)` or `(x, y, sample_weight)` of arrays (lists or dicts for several
            inputs or outputs), a `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch `DataLoader`, pandas frames,
            or the path of a file or folder.
        dev: rows it was not trained on, in the same forms; needed for variance and what rests on it.
        test: further rows, used for nothing but the comparison of dev with test.
        task: "binary", "multiclass", "multilabel" or "regression", where it cannot be told from loss and labels.
        target: the name of the target column, for tables.
        loss, optimizer, learning_rate: where the model was not compiled or its file lost them.
        batch_size, epochs: how the model *was* trained (unknown otherwise, except for what the optimizer knows).
        history: the `History` that `fit` returned, its `.history` dict, or the path of a JSON or CSV file of it.
        target_error: the error to reach, an error rate (0 to 1) or an RMSE in units of the target; by output name
            for several outputs.
        effort: "quick" (no training of any kind), "standard" or "deep".
        budget: cap in seconds.
        rows: rows evaluated per split at most, or "all".
        seed: of every random choice.
        only, skip: codes of checks to run, or to leave out.
        no_samples: leave rows and pictures of the data out of the results.
        plan: `diagnosis.settings["plan"]` of an earlier examination: the same instruments at the same size, whatever
            time they take.
        custom_objects: a Python file that defines the model's own classes and functions.
        lambdas: "LAYER=FILE.py:FUNCTION" for each Lambda layer of a model file.
        architecture: the model's JSON, for a file that holds weights only.
        trust: allow code inside the model file, as Keras's `safe_mode=False` does.
        loader: "FILE.py:FUNCTION" that is given the path `train` and returns the splits.
        group, time: the columns (or arrays) that say which rows belong together, and when they came.
        progress: called with the name of each instrument as it starts.

    Returns:
        The `Diagnosis`: `.state`, `.causes`, `.findings`, `.verdicts`, `.remedies`, `.save(path)`.

    Raises:
        InputError: something passed cannot be used; the message says what, where and what to pass instead.
    """
    from diagnose.loading import LoadOptions, subject_from

    settings = settings_from(
        effort=effort, budget=budget, rows=rows, seed=seed, only=only, skip=skip, samples=not no_samples, plan=plan
    )
    options = LoadOptions(
        task=task,
        target=target,
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        history=history,
        target_error=target_errors(target_error),
        custom_objects=Path(custom_objects) if custom_objects else None,
        lambdas=tuple(lambdas),
        architecture=Path(architecture) if architecture else None,
        trust=trust,
        loader=loader,
        group=group,
        time=time,
        rows=settings.rows,
        seed=seed,
    )
    say = progress or _silent
    say("loading")
    start = perf_counter()
    subject = subject_from(model, train, dev, test, options=options)
    return diagnose_subject(subject, settings, say, loading_seconds=perf_counter() - start)


def _silent(_: str) -> None:
    """No progress is shown."""


def target_errors(given: float | Mapping[str, float] | None) -> dict[str, float]:
    """By output name; "" stands for the only output."""
    if given is None:
        return {}
    return dict(given) if isinstance(given, Mapping) else {"": float(given)}


def settings_from(
    *,
    effort: str,
    budget: float | None,
    rows: int | str,
    seed: int,
    only: Iterable[str],
    skip: Iterable[str],
    samples: bool,
    plan: Mapping[str, float] | None = None,
) -> Settings:
    """Check the options that choose what is examined.

    Raises:
        InputError: an effort, a number of rows or a code of a check that does not exist.
    """
    from diagnose.checks import CHECKS

    efforts = [e.value for e in Effort]
    if effort not in efforts:
        raise InputError(f"effort '{effort}' does not exist: pass one of {', '.join(efforts)}")
    if isinstance(rows, str) and rows != "all" and not rows.isdigit():
        raise InputError(f"rows '{rows}' is not a number: pass a number of rows or 'all'")
    limit = None if rows == "all" else int(rows)
    if limit is not None and limit < 1:
        raise InputError(f"rows {limit} is too few: pass at least 1, or 'all'")
    known = {check.code for check in CHECKS}
    for code in (*only, *skip):
        if code not in known:
            raise InputError(f"there is no check '{code}': see `diagnose list` for the codes")
    return Settings(Effort(effort), budget, limit, seed, frozenset(only), frozenset(skip), samples, dict(plan or {}))


def diagnose_subject(
    subject: Subject,
    settings: Settings,
    progress: Progress = _silent,
    loading_seconds: float = 0.0,
    command: str = "",
) -> Diagnosis:
    """The whole flow after loading; see `examine`."""
    from diagnose.measuring import measure

    checks = chosen(settings)
    needed = frozenset(kind for check in checks for kind in check.needs.values())
    measured = measure(subject, needed, settings, progress)
    progress("reasoning")
    outcomes = tuple(check.run(measured.measurements) for check in checks)
    return conclude(subject, settings, checks, measured, outcomes, loading_seconds=loading_seconds, command=command)


def chosen(settings: Settings) -> tuple[Check, ...]:
    """The checks that `only` and `skip` leave, in their fixed order."""
    from diagnose.checks import CHECKS

    return tuple(c for c in CHECKS if (not settings.only or c.code in settings.only) and c.code not in settings.skip)


def _timing(loading: float, measured: Measured, outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Seconds by instrument, and of the phases around them."""
    spent = {"loading": loading} | {run.name: run.seconds for run in measured.executed}
    return spent | {"checks": sum(outcome.seconds for outcome in outcomes)}


def conclude(
    subject: Subject,
    settings: Settings,
    checks: tuple[Check, ...],
    measured: Measured,
    outcomes: tuple[Outcome, ...],
    *,
    level: Severity | None = None,
    loading_seconds: float = 0.0,
    command: str = "",
) -> Diagnosis:
    """Reason from the outcomes and put the result together; `level`: how sick, where more than the gate tells it."""
    from diagnose.describing.facts import describe
    from diagnose.describing.figures import figures
    from diagnose.describing.layers import layer_rows
    from diagnose.reasoning import prescribing
    from diagnose.reasoning.bands import bands
    from diagnose.reasoning.causes import GATE, VITAL
    from diagnose.reasoning.engine import Seen, state_of, suspect
    from diagnose.reasoning.verdicts import situation, verdicts

    seen = Seen(outcomes)
    suspicions = suspect(outcomes, level=level)
    state = state_of(suspicions, seen, VITAL)
    facts = describe(subject, measured.measurements)
    lists = prescribing.filled(verdicts(situation(suspicions, seen, images=facts.images)), facts.values)
    tried = effects(measured.measurements)
    layers = layer_rows(measured.measurements, seen.findings)
    gate_findings = [finding for check in GATE for finding in seen.of(check)]
    return Diagnosis(
        tool=Tool("keras-diagnose", __version__, versions()),
        subject=facts.subject,
        settings=_recorded(settings, measured, command),
        state=state,
        headline=prescribing.headline(state, suspicions, gate_findings),
        causes=prescribing.causes(suspicions),
        findings=tuple(sorted(seen.findings, key=lambda f: -f.severity.rank)),
        checks=tuple(_outcome(check, outcome) for check, outcome in zip(checks, outcomes, strict=True)),
        verdicts=lists,
        remedies=prescribing.remedies(suspicions, lists, facts.values, tried),
        effects=tried,
        coverage=(*measured.coverage, *_not_covered(settings)),
        timing=_timing(loading_seconds, measured, outcomes),
        figures=figures(subject, measured.measurements, settings.samples),
        layers=layers,
        bands=bands(measured.measurements, layers),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def effects(measurements: Mapping[type, object]) -> tuple[Effect, ...]:
    """What single changes brought, where they were tried: train skill, 0 for the constant prediction."""
    from diagnose.describing.intervals import mean_difference
    from diagnose.measurements import Changes

    tried = measurements.get(Changes)
    if not isinstance(tried, Changes):
        return ()
    return tuple(
        Effect(
            code=change.code,
            what=change.what,
            before=_mean(_floored(change.reference)),
            after=_mean(_floored(change.skill)),
            interval=mean_difference(_floored(change.skill), _floored(change.reference)),
            direction="sufficient",
            seeds=len(change.skill),
        )
        for change in tried.changes
    )


def _floored(skills: tuple[float, ...]) -> tuple[float, ...]:
    """A training that diverged, or ended below the constant prediction, reached nothing."""
    return tuple(skill if skill > 0 else 0.0 for skill in skills)


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _recorded(settings: Settings, measured: Measured, command: str) -> dict[str, Any]:
    recorded = asdict(settings)
    recorded["effort"] = settings.effort.value
    recorded["only"], recorded["skip"] = sorted(settings.only), sorted(settings.skip)
    recorded["plan"] = {run.name: run.scale for run in measured.executed}
    if measured.interrupted:
        recorded["interrupted"] = True
    return recorded | ({"command": command} if command else {})


def _not_covered(settings: Settings) -> tuple[Coverage, ...]:
    if settings.effort is Effort.QUICK:
        return (
            Coverage(
                "everything that needs training",
                "effort quick trains nothing",
                "run with --effort standard",
            ),
        )
    return ()


def _outcome(check: Check, outcome: Outcome) -> CheckOutcome:
    from diagnose.measurements import REPORT

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
    """Of Python and of every library that a number may depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("keras", "tensorflow", "tensorflow-cpu", "numpy", "scipy", "scikit-learn", "pandas"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
