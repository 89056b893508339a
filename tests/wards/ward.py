"""Examines cases and counts how often a right cause is named, and how often a healthy model is accused."""

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from diagnose.intervals import wilson
from tests.wards.data import AbsentError
from tests.wards.recipe import Case
from tests.wards.training import data_of, load, trained, verify

ALARMS = ("warning", "error")


@dataclass(frozen=True)
class Named:
    """One cause named by the examination."""

    code: str
    kind: str  # disease | direction
    severity: str
    state: str
    confidence: float | None
    right: bool
    root: bool  # no other cause brings it about


@dataclass(frozen=True)
class Result:
    """The result of examining one case.

    `untried` is the first cause without any trial, from the same measurements; "" if none is named. `trouble` is the
    traceback, if the examination crashed; `bugs` is what failed in it by a fault of diagnose.
    """

    name: str
    family: str
    half: str
    sick: bool
    verdict: str  # of `verify`: sick | harmless | healthy | unwell; or absent | broken
    why: str
    answers: tuple[str, ...]
    state: str = "-"
    causes: tuple[Named, ...] = ()
    untried: str = ""
    train_seconds: float = 0.0
    seconds: float = 0.0
    timing: dict[str, float] = field(default_factory=dict)
    trouble: str = ""
    bugs: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether its harm or health is verified."""
        return self.verdict in ("sick", "healthy")

    @property
    def rank(self) -> int | None:
        """Rank of the first right cause, from 1; None if there is none."""
        return next((place for place, cause in enumerate(self.causes, 1) if cause.right), None)

    @property
    def alarms(self) -> dict[str, int]:
        """Number of named diseases by severity, without refuted ones."""
        said = [cause.severity for cause in self.causes if cause.kind == "disease"]
        return {severity: said.count(severity) for severity in ALARMS}


def admit(case: Case) -> Result:
    """Train (or load from the cache) and verify one case, without examining it."""
    about = (case.name, case.family, case.half, case.sick)
    answers = tuple(sorted(case.answers))
    try:
        _, record = trained(case.recipe)
        health = verify(case)
    except AbsentError as absent:
        return Result(*about, "absent", str(absent), answers)
    except Exception:  # noqa: BLE001 - a case that crashes is a result
        return Result(*about, "broken", "", answers, trouble=traceback.format_exc())
    return Result(*about, health.verdict, health.why, answers, train_seconds=record.seconds)


def examine(case: Case, save: Path | None = None, **options: Any) -> Result:
    """Admit and examine one case; an error affects only this case. `save`: a folder for its diagnosis."""
    admitted = admit(case)
    if admitted.verdict in ("absent", "broken"):
        return admitted
    start = time.perf_counter()
    try:
        diagnosis = _diagnosis(case, options)
        if save is not None:
            diagnosis.save(save / f"{case.name}.json")
    except Exception:  # noqa: BLE001 - a case that crashes is a result
        return replace(admitted, seconds=time.perf_counter() - start, trouble=traceback.format_exc())
    return replace(
        admitted,
        state=str(diagnosis.state),
        causes=_named(case, diagnosis),
        untried=untried(diagnosis),
        bugs=bugs(diagnosis),
        seconds=time.perf_counter() - start,
        timing=dict(diagnosis.timing),
    )


def _diagnosis(case: Case, options: dict[str, Any]) -> Any:
    import keras

    import diagnose

    keras.backend.clear_session()
    folder, _ = trained(case.recipe)
    data = data_of(case.recipe)
    return diagnose.examine(
        load(folder),
        _rows(data.train),
        _rows(data.dev) if data.dev else None,
        epochs=case.recipe.epochs,
        batch_size=case.recipe.batch_size,
        target_error=case.target_error,
        **options,
    )


def _rows(rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """Several inputs or outputs as lists, as `fit` takes them."""
    return tuple(list(part) if isinstance(part, tuple) else part for part in rows)


def _named(case: Case, diagnosis: Any) -> tuple[Named, ...]:
    causes = sorted((cause for cause in diagnosis.causes if cause.state != "refuted"), key=lambda cause: cause.rank)
    explained = {code for cause in causes for code in cause.explains}
    return tuple(
        Named(c.code, c.kind, str(c.severity), c.state, c.confidence, c.code in case.answers, c.code not in explained)
        for c in causes
    )


def bugs(diagnosis: Any) -> tuple[str, ...]:
    """What failed by a fault of diagnose, as the coverage of an examination admits."""
    from diagnose.measurements import REPORT

    return tuple(f"{gap.what}: {gap.why}" for gap in diagnosis.coverage if gap.how_to_get_it == REPORT)


def untried(diagnosis: Any) -> str:
    """The first cause that the findings of an examination name without its trials; "" if they name none."""
    from diagnose.findings import Examined
    from diagnose.reasoning.engine import suspect

    codes = [outcome.code for outcome in diagnosis.checks if outcome.outcome in ("clean", "findings")]
    found = {code: tuple(one for one in diagnosis.findings if one.check == code) for code in codes}
    suspicions = suspect([Examined(code, findings) for code, findings in found.items()])
    return next((suspicion.code for suspicion in suspicions if suspicion.state != "refuted"), "")


# --- counting -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """k of n, with Wilson's 95 % interval."""

    k: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        if self.n == 0:
            return 0.0, 1.0
        found = wilson(self.k, self.n)
        return found.low, found.high

    @property
    def brief(self) -> str:
        low, high = self.interval
        return f"{self.k} of {self.n} [{low:.0%}, {high:.0%}]" if self.n else "-"

    def __str__(self) -> str:
        low, high = self.interval
        share = f"{self.k / self.n:.0%}" if self.n else "-"
        return f"{self.k} of {self.n} = {share} [{low:.0%}, {high:.0%}]"


def rates(results: Iterable[Result]) -> dict[str, Rate]:
    """The rates of the ward over the verified cases."""
    counted = [result for result in results if result.counts]
    sick, well = [r for r in counted if r.sick], [r for r in counted if not r.sick]

    def share(part: list[Result], test: Any) -> Rate:
        return Rate(sum(bool(test(result)) for result in part), len(part))

    return {
        "sick: right cause first": share(sick, lambda r: r.rank == 1),
        "sick: right cause first, without trials": share(sick, lambda r: r.untried in r.answers),
        "sick: right cause in the first three": share(sick, lambda r: r.rank is not None and r.rank <= 3),
        "sick: said to be sick or to need attention": share(sick, lambda r: r.state in ("sick", "attention")),
        "healthy: some disease at warning or error": share(well, lambda r: sum(r.alarms.values())),
        "healthy: some disease at error": share(well, lambda r: r.alarms["error"]),
        "healthy: said to be sick": share(well, lambda r: r.state == "sick"),
        "healthy: not said to be healthy": share(well, lambda r: r.state != "healthy"),
        "no diagnosis": share(counted, lambda r: r.trouble),
    }


@dataclass(frozen=True)
class PerCause:
    """Counts for one cause code.

    `cases`: sick cases with this code as an answer; `named`: those in which it is named, at any rank; `first`: those
    in which any right answer comes first. `false_first`: sick cases in which it comes first and is wrong.
    `false_alarms`: healthy cases in which it is named at warning or error.
    """

    code: str
    cases: int
    named: int
    first: int
    false_first: int
    false_alarms: int


def per_cause(results: Iterable[Result]) -> tuple[PerCause, ...]:
    """One row per code that is an answer or is named wrongly."""
    counted = [result for result in results if result.counts]
    codes = {code for r in counted for code in r.answers} | {c.code for r in counted for c in r.causes}
    rows = []
    for code in sorted(codes):
        own = [r for r in counted if code in r.answers]
        rows.append(
            PerCause(
                code,
                len(own),
                sum(any(cause.code == code for cause in r.causes) for r in own),
                sum(r.rank == 1 for r in own),
                sum(r.sick and bool(r.causes) and r.causes[0].code == code and r.rank != 1 for r in counted),
                sum(_accused(r, code) for r in counted if not r.sick),
            )
        )
    return tuple(row for row in rows if row.cases or row.false_first or row.false_alarms)


def _accused(result: Result, code: str) -> bool:
    return any(c.code == code and c.kind == "disease" and c.severity in ALARMS for c in result.causes)


# --- showing ------------------------------------------------------------------------------------


def table(results: Iterable[Result]) -> str:
    """One line per case."""
    line = "{:<36} {:<8} {:<8} {:<9} {:>4}  {:<28} {:>4} {:>5}  {}".format
    lines = [line("case", "half", "is", "said", "rank", "first cause", "W/E", "s", "why it is so")]
    for r in results:
        first = f"{r.causes[0].code} ({r.causes[0].severity})" if r.causes else "-"
        alarms = "" if r.sick else f"{r.alarms['warning']}/{r.alarms['error']}"
        rank = str(r.rank or "-") if r.sick else ""
        said = "CRASH" if r.trouble else r.state
        lines.append(line(r.name, r.half, r.verdict, said, rank, first, alarms, f"{r.seconds:.1f}", r.why))
    return "\n".join(lines)


def totals(results: Iterable[Result]) -> str:
    """The rates for each half and for all, and the cases left out."""
    results = list(results)
    lines = []
    for half in ("tuning", "held-out", "all"):
        part = [r for r in results if half in (r.half, "all")]
        if not part:
            continue
        sick = sum(r.sick for r in part if r.counts)
        lines += ["", f"{half}: {sick} sick, {sum(r.counts for r in part) - sick} healthy"]
        lines += [f"  {name:<44} {rate}" for name, rate in rates(part).items()]
    left_out = [f"{r.name} ({r.verdict})" for r in results if not r.counts]
    if left_out:
        lines += ["", f"not counted: {', '.join(left_out)}"]
    seconds = [r.seconds for r in results if r.seconds]
    if seconds:
        lines += ["", f"seconds per examination: median {np.median(seconds):.1f}, largest {max(seconds):.1f}"]
    return "\n".join(lines)


def family_table(results: Iterable[Result]) -> str:
    """One line per family and half: how often it is right and how often it cries wolf, with Wilson's intervals."""
    columns = {
        "right first": "sick: right cause first",
        "right in three": "sick: right cause in the first three",
        "called sick": "healthy: said to be sick",
        "warned": "healthy: some disease at warning or error",
    }
    line = "{:<16} {:<8}  {:<20} {:<20} {:<20} {:<20}".format
    lines = [line("family", "half", *columns)]
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.family, result.half), []).append(result)
    for (family, half), part in sorted(groups.items()):
        found = rates(part)
        lines.append(line(family, half, *(found[name].brief for name in columns.values())).rstrip())
    return "\n".join(lines)


def cause_table(results: Iterable[Result]) -> str:
    """One line per cause code."""
    line = "{:<26} {:>5} {:>5} {:>11} {:>13} {:>15}".format
    lines = [line("cause", "cases", "named", "right first", "wrongly first", "healthy accused")]
    lines += [
        line(row.code, row.cases, row.named, row.first, row.false_first, row.false_alarms) for row in per_cause(results)
    ]
    return "\n".join(lines)
