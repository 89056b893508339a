"""Which single change brings learning back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnose.checks.further_reading import HARD, PROJECT
from diagnose.findings import Bars, Evidence, Finding, Interval, Severity, Table, Where
from diagnose.measurements import Array, Change, Changes, NotMeasured
from diagnose.registry import check

CLEAR = 0.1  # skill: the least gain that matters; seeds of one setting differ by less in 9 of 10 models
LEARNS = 0.25  # skill with the change: clearly above the constant prediction
FAILED = 0.1  # skill without it: nothing was learned


@dataclass(frozen=True)
class Gain:
    """The skill per seed with and without one change; below the constant prediction counts as 0."""

    change: Change
    changed: Array
    unchanged: Array

    @property
    def size(self) -> float:
        return float(self.changed.mean() - self.unchanged.mean())

    @property
    def threshold(self) -> float:
        return max(CLEAR, 2 * max(_deviation(self.changed), _deviation(self.unchanged)))

    @property
    def interval(self) -> Interval:
        se = math.hypot(*(_deviation(skills) / math.sqrt(len(skills)) for skills in (self.changed, self.unchanged)))
        return Interval(self.size - 1.96 * se, self.size + 1.96 * se)

    @property
    def restores(self) -> bool:
        return self.size > self.threshold and float(self.changed.mean()) >= LEARNS


@check("A single change that brings learning back", family="process", reading=(HARD, PROJECT))
def changes_that_help(changes: Changes) -> Iterator[Finding]:
    """Repeats the short training with one thing changed, and sees whether that alone is enough.

    ## What it measures
    The skill on train after short trainings from fresh weights, several seeds each, as the user has it and
    with a single change; below the constant prediction counts as 0.

    ## Why it matters
    A change that alone restores learning confirms its cause: it suffices to explain the failure. It is the
    strongest evidence short of repairing everything and putting one fault back.

    ## How it is decided
    The change gains more than 0.1 skill and more than 2 standard deviations between seeds, and reaches at
    least 0.25; of several changes for one cause the best is told. It is an error where nothing was learned
    without it (skill below 0.1), else a warning. A change that was tried and does not help is a note
    (info). `where.feature` names the cause that the change would confirm.

    ## Known limits
    Where two faults are each enough to prevent learning, no single change helps. Normalisation, another
    optimizer and a lower rate each cure more than one disease, so several changes may help one model: a
    short training cannot say which of them is the fault.

    ## References
    - Cao et al. 2022, "DeepFD: Automated Fault Diagnosis and Localization for Deep Learning Programs", arXiv:2205.01938
    - Zeller 1999, "Yesterday, my program worked. Today, it does not. Why?", doi:10.1145/318774.318946
    """
    gains = [_gain(change) for change in changes.changes if change.skill and change.reference]
    if not gains:
        raise NotMeasured("no change was tried", "Grant more time: --budget SECONDS, or --effort deep.")
    gains.sort(key=lambda gain: (not gain.restores, -gain.size))
    best = {gain.change.code: gain for gain in reversed(gains)}
    evidence = _evidence(gains)
    for gain in gains:
        if gain is best[gain.change.code]:
            yield _finding(gain, changes, evidence)


def _gain(change: Change) -> Gain:
    changed = np.where(change.diverged, 0.0, _floored(change.skill)) if change.diverged else _floored(change.skill)
    return Gain(change, changed, _floored(change.reference))


def _floored(skills: tuple[float, ...]) -> Array:
    return np.asarray(np.maximum(np.nan_to_num(np.asarray(skills, dtype=float), nan=0.0, neginf=0.0), 0.0))


def _deviation(skills: Array) -> float:
    return float(skills.std(ddof=1)) if len(skills) > 1 else 0.0


def _finding(gain: Gain, changes: Changes, evidence: tuple[Evidence, ...]) -> Finding:
    before, after = float(gain.unchanged.mean()), float(gain.changed.mean())
    severity = Severity.ERROR if before < FAILED else Severity.WARNING
    effect = "restores learning" if gain.restores else "does not restore learning"
    return Finding(
        severity if gain.restores else Severity.INFO,
        f"{gain.change.what}: this change alone {effect}: train skill {before:.2f} without and {after:.2f} with it"
        f" after {changes.steps} steps",
        Where(feature=gain.change.code),
        value=gain.size,
        threshold=gain.threshold,
        interval=gain.interval,
        rows=changes.rows,
        evidence=evidence if gain.restores else (),
    )


def _evidence(gains: list[Gain]) -> tuple[Evidence, ...]:
    unchanged = [float(gain.unchanged.mean()) for gain in gains]  # the sweep's references are its own
    rows = tuple(
        (gain.change.code, gain.change.what, float(gain.unchanged.mean()), float(gain.changed.mean()), gain.size)
        for gain in gains
    )
    return (
        Bars(
            "Train skill after one change",
            ("as it is", *(gain.change.what for gain in gains)),
            (float(np.median(unchanged)), *(float(gain.changed.mean()) for gain in gains)),
            "skill",
            (min(unchanged), *(float(gain.changed.min()) for gain in gains)),
            (max(unchanged), *(float(gain.changed.max()) for gain in gains)),
            threshold=LEARNS,
        ),
        Table("Single changes", ("cause", "change", "skill without", "skill with", "gain"), rows),
    )
