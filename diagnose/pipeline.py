"""The pipeline: subject -> measurements -> findings -> suspects -> trials of their remedies -> diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from diagnose.errors import InputError
from diagnose.interrupting import interrupts
from diagnose.settings import Effort, Settings
from diagnose.stages import Progress, Stage, silent
from diagnose.where import HERE, Where, where_from

if TYPE_CHECKING:
    from diagnose.diagnosis import Diagnosis, Effect
    from diagnose.journal import Journal
    from diagnose.registry import Check
    from diagnose.subject import Subject


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
    factory: str | Callable[[], Any] | None = None,
    group: str | None = None,
    time: str | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    kept: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Examine a model with its data: what is wrong, how sure that is, and what to do next.

    The model is not changed: weights, optimizer, metrics and all random states are bit-identical afterwards.

    Args:
        model: a built and compiled `keras.Model`, or the path of a `.keras` or `.h5` file.
        train: the rows it was trained on: `(x, y)` or `(x, y, sample_weight)` of arrays (lists or dicts for several
            inputs or outputs), a `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch `DataLoader`, pandas frames,
            or the path of a file or folder.
        dev: rows it was not trained on, in the same forms; needed for variance and all that depends on it.
        test: more rows that it was not trained on, only used to compare dev with test.
        task: "binary", "multiclass", "multilabel", "regression" or "own-loss" (judge by the model's loss), if loss and
            labels do not determine it.
        target: the name of the target column, for tables.
        loss, optimizer, learning_rate: for a model that is not compiled, or whose file does not hold them.
        batch_size, epochs: how the model *was* trained; unknown otherwise, except for what the optimizer stores.
        history: the `History` that `fit` returned, its `.history` dict, or the path of a JSON or CSV file of it.
        target_error: the error to reach, an error rate (0 to 1) or an RMSE in units of the target; by output name
            for several outputs.
        effort: "quick" (no training of any kind), "standard" or "deep".
        budget: time limit in seconds.
        rows: maximum number of rows evaluated per split, or "all".
        seed: seed of all random choices.
        only, skip: codes of checks to run, or to skip.
        no_samples: leave rows and images of the data out of the results.
        plan: `diagnosis.settings["plan"]` of an earlier examination: run the same instruments at the same size,
            without a time limit.
        custom_objects: a Python file that defines the model's own classes and functions.
        lambdas: "LAYER=FILE.py:FUNCTION" for each Lambda layer of a model file.
        architecture: the model's JSON, for a file that holds weights only.
        trust: allow code inside the model file, as Keras's `safe_mode=False` does.
        loader: "FILE.py:FUNCTION" that takes the path `train` and returns the splits.
        factory: a function that returns a fresh model of the same architecture, or "FILE.py:FUNCTION": where no config
            rebuilds the model (a subclassed one), remedies are tried on copies that it makes.
        group, time: the columns (or arrays) that identify rows that belong together, and that order rows in time.
        jobs: number of local processes that train the arms of trials; 1: this one. The result does not depend on it.
        cluster: address of a Dask or Ray cluster that trains them instead: "dask://HOST:PORT" or "ray://HOST:PORT".
        kept: a file in which finished arms of trials are kept; those that it has are not trained again.
        progress: called with the name of each instrument as it starts.

    Returns:
        The `Diagnosis`: `.state`, `.causes`, `.findings`, `.verdicts`, `.remedies`, `.save(path)`.

    Raises:
        InputError: an argument cannot be used; the message says what is wrong, where, and what to pass instead.
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
        factory=factory,
        group=group,
        time=time,
        rows=settings.rows,
        seed=seed,
    )
    where = where_from(jobs, cluster, Path(kept) if kept else None)
    report = silent if progress is None else _names_to(progress)
    report(Stage("loading"))
    start = perf_counter()
    with interrupts() as stop:
        with _unchanged(model), stop.allowed():
            subject = subject_from(model, train, dev, test, options=options)
        return diagnose_subject(subject, settings, report, loading_seconds=perf_counter() - start, where=where)


def _unchanged(model: Any) -> AbstractContextManager[None]:
    """Restore a live model after the block: loading tries it on a few rows."""
    if isinstance(model, str | Path) or not hasattr(model, "_flatten_layers"):
        return nullcontext()
    from diagnose.measuring.state import guard

    return guard(model)


def _names_to(progress: Callable[[str], None]) -> Progress:
    return lambda stage: progress(stage.name)


def target_errors(given: float | Mapping[str, float] | None) -> dict[str, float]:
    """Return target errors by output name; the only output may have the name ""."""
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
    """Validate options and return the settings.

    Raises:
        InputError: an unknown effort or check, or an invalid number of rows.
    """
    from diagnose.checks import CHECKS

    efforts = [e.value for e in Effort]
    if effort not in efforts:
        raise InputError(f"effort must be one of {', '.join(efforts)}, got '{effort}'")
    if isinstance(rows, str) and rows != "all" and not rows.isdigit():
        raise InputError(f"rows must be a number or 'all', got '{rows}'")
    limit = None if rows == "all" else int(rows)
    if limit is not None and limit < 1:
        raise InputError(f"rows must be at least 1 or 'all', got {limit}")
    known = {check.code for check in CHECKS}
    for code in (*only, *skip):
        if code not in known:
            raise InputError(f"there is no check '{code}': see `diagnose list` for the codes")
    return Settings(Effort(effort), budget, limit, seed, frozenset(only), frozenset(skip), samples, dict(plan or {}))


def diagnose_subject(
    subject: Subject,
    settings: Settings,
    progress: Progress = silent,
    *,
    loading_seconds: float = 0.0,
    command: str = "",
    journal: Journal | None = None,
    where: Where = HERE,
) -> Diagnosis:
    """Run the pipeline after loading; see `examine`.

    An interrupt ends what is being measured, and what was measured so far is concluded from.
    """
    from diagnose.concluding import conclude
    from diagnose.measuring import measured_by, planner_for
    from diagnose.reasoning.advising import may_go_on_anyway, may_go_on_instead
    from diagnose.reasoning.remedies import measured_effects
    from diagnose.trials.planning import try_remedies
    from diagnose.trying import (
        asks_for_more,
        gone_on,
        longer_repair,
        trained_on,
        trials_of,
        tried_afterwards,
        tried_on_dev,
        tried_repairs,
        work_of_first_trial,
        work_of_trials,
    )

    checks = chosen(settings)
    with interrupts():
        with planner_for(subject, settings, progress, journal, where=where, spent=loading_seconds) as planner:
            kept, after = partial(work_of_first_trial, planner.bench, checks), partial(work_of_trials, planner, checks)
            measured = planner.measure(needs_of(checks), kept, after)
            progress(Stage("reasoning"))
            outcomes = tuple(check.run(measured) for check in checks)
            longer = trained_on(planner, measured, outcomes) if asks_for_more(checks) else ()
            if longer:
                outcomes = tuple(check.run(measured) for check in checks)
            trials = trials_of(outcomes)
            repairs = try_remedies(planner, measured, trials)
            effects = (*longer, *measured_effects(measured), *repairs)
            on_dev, cure = tried_repairs(planner, measured, trials, effects, outcomes)
            effects += on_dev
            afterwards: tuple[Effect, ...] = ()
            if asks_for_more(checks):
                effects += gone_on(planner, measured, outcomes, effects, may_go_on_instead)
                cure = cure or longer_repair(planner, measured, outcomes, effects)
                effects += tried_on_dev(planner, measured, outcomes, effects)
                if settings.effort is Effort.DEEP:
                    effects += gone_on(planner, measured, outcomes, effects, may_go_on_anyway)
                    if cure is not None:
                        afterwards = tried_afterwards(planner, checks, measured, outcomes, effects, cure=cure)
        progress(Stage("concluding"))
        found = measured_by(planner, measured)
        return conclude(
            subject,
            settings,
            checks,
            found,
            outcomes,
            effects=effects,
            afterwards=afterwards,
            loading_seconds=loading_seconds,
            command=command,
        )


def not_loaded(
    name: str, settings: Settings, why: str, how: str, *, interrupted: bool, ended: tuple[str, ...], command: str = ""
) -> Diagnosis:
    """The diagnosis of a model that could not be loaded: nothing is known, and the reason is said.

    Args:
        name: of the model.
        settings: of the examination.
        why, how: why it was not loaded, as a clause, and what to do about it, as a sentence.
        interrupted: whether the user ended it.
        ended: sentences on the processes that died.
        command: the command line.
    """
    from diagnose.concluding import conclude
    from diagnose.measurements import Unavailable
    from diagnose.measuring import Measured, Missed
    from diagnose.subject import without_rows

    checks = chosen(settings)
    missing: dict[type, object] = {kind: Unavailable(why, how) for kind in needs_of(checks)}
    found = Measured(
        missing, (), (Missed("everything", why, how),), interrupted, cut=dict.fromkeys(missing, why), ended=ended
    )
    outcomes = tuple(check.run(missing) for check in checks)
    return conclude(without_rows(name), settings, checks, found, outcomes, command=command)


def chosen(settings: Settings) -> tuple[Check, ...]:
    """The checks that `only` and `skip` select, in their fixed order."""
    from diagnose.checks import CHECKS

    return tuple(c for c in CHECKS if (not settings.only or c.code in settings.only) and c.code not in settings.skip)


def needs_of(checks: Iterable[Check]) -> frozenset[type]:
    """The measurements that these checks need."""
    return frozenset(kind for check in checks for kind in check.needs.values())
