"""Gaps between errors, as in Machine Learning Yearning, with their uncertainty.

Error rates can be subtracted, RMSEs cannot: regression errors are compared as mean squared errors over
the variance that the constant prediction leaves on train, so that 1 is "no better than the mean". The user's own
losses are compared over that of the constant output.
"""

import math
from dataclasses import dataclass

from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Interval, Severity
from diagnose.measurements import Baseline, Candidate, Continuation, Network, OutputBaseline, Score
from diagnose.subject import Task

POINT = 0.01  # one percentage point (or 1 % of the variance); smaller gaps are ignored
CO_DOMINANT = 0.25  # share of the whole gap; from here on a part of it is worth attention
PAIRED_RELATIVE = 0.10  # share of the net's own error by which a baseline must be better
NOTABLE = 0.10  # skill by which it must be better, too: a tenth of a small error is no cause for alarm
FAR_BEHIND = 0.25  # skill; a gap above 0.2 to 0.25 caught 43 of 46 faulty models and at most 1 of 28 healthy ones
FEW_ROWS = 30  # rows of a comparison between classifiers; with fewer, one or two rows decide
FEW_NUMBERS = 10  # the same for regression


def lacking(skill: float) -> Severity | None:
    """How serious it is that a net lacks this much skill which the data allows; None if it is not."""
    if skill > FAR_BEHIND:
        return Severity.ERROR
    return Severity.WARNING if skill > NOTABLE else None


def lacking_threshold(severity: Severity) -> float:
    """The skill that must be lacking for a finding of this severity."""
    return FAR_BEHIND if severity is Severity.ERROR else NOTABLE


@dataclass(frozen=True)
class Level:
    """An error on a scale on which errors can be subtracted, its standard error, and its 95 % interval if known."""

    value: float
    se: float
    known: Interval | None = None

    @property
    def interval(self) -> Interval:
        return self.known or Interval(self.value - 1.96 * self.se, self.value + 1.96 * self.se)


@dataclass(frozen=True)
class Gap:
    """How far one error lies above another; the two were measured on independent rows."""

    lower: Level
    upper: Level

    @property
    def size(self) -> float:
        return self.upper.value - self.lower.value

    @property
    def se(self) -> float:
        return math.hypot(self.lower.se, self.upper.se)

    @property
    def threshold(self) -> float:
        """One point, or 2 standard errors if that is more."""
        return max(POINT, 2 * self.se)

    @property
    def counts(self) -> bool:
        """Whether it is above its threshold."""
        return math.isfinite(self.size) and math.isfinite(self.se) and self.size > self.threshold

    @property
    def interval(self) -> Interval:
        """The 95 % interval from those of both levels, so that it never leaves the possible range.

        Source: Zou and Donner 2008, "Construction of confidence limits about effect measures", doi:10.1002/sim.3095.
        """
        low, high = self.lower.interval, self.upper.interval
        below = math.hypot(self.upper.value - high.low, low.high - self.lower.value)
        above = math.hypot(high.high - self.upper.value, self.lower.value - low.low)
        return Interval(self.size - below, self.size + above)


@dataclass(frozen=True)
class Optimum:
    """The lowest error that is known to be possible: a target, or a bound from the best baseline."""

    level: Level
    error: float  # as in `Score.error`
    name: str
    given: bool
    interval: Interval  # of `error`; without width for a target


def scale_of(train: Score) -> float:
    """The error of the constant prediction on train; 1 for classification, whose errors need no scale."""
    if train.task is Task.OWN_LOSS:
        return train.constant_loss if train.constant_loss > 0 else 1.0
    return 1.0 if train.task.classifies or not train.constant_error > 0 else train.constant_error


def level(score: Score, scale: float) -> Level:
    """The error of a split."""
    return _level(score.task, score.error, score.error_interval, scale)


def target_level(network: Network | None, train: Score) -> Level | None:
    """The target error of this output; None if none was given."""
    for head in network.heads if network is not None else ():
        if head.output.name == train.output and head.output.target_error is not None:
            target = head.output.target_error
            return _level(train.task, target, Interval(target, target), scale_of(train))
    return None


def optimum(network: Network | None, baseline: Baseline | None, train: Score) -> Optimum | None:
    """The target error if one was given, else the error of the best baseline, else None."""
    target = target_level(network, train)
    if target is not None:
        error = target.value if train.task.classifies else math.sqrt(target.value) * scale_of(train)
        return Optimum(target, error, "target error", True, Interval(error, error))
    found = of_output(baseline, train.output)
    if found is None or not found.signal:
        return None
    best = found.best
    return Optimum(candidate_level(best, train), best.error, best.name, False, best.error_interval)


def candidate_level(candidate: Candidate, train: Score) -> Level:
    """The error of a baseline on the rows held out for it."""
    return _level(train.task, candidate.error, candidate.error_interval, scale_of(train))


def of_output(baseline: Baseline | None, output: str) -> OutputBaseline | None:
    """The baselines of the output of this name, or, for "", of the only one; None if there are none."""
    known = baseline.outputs if baseline is not None else ()
    only = known[0] if output == "" and len(known) == 1 else None
    return next((found for found in known if found.output == output), only)


def beaten_clearly(baseline: OutputBaseline, task: Task | None) -> bool:
    """Whether the best baseline is better on the same rows, paired at 95 %, by a tenth of the net's error and of skill.

    An unknown task (None) needs as many rows as classification does.
    """
    return beaten(baseline, task) and baseline.best.skill - baseline.net_skill >= NOTABLE


def beaten(baseline: OutputBaseline, task: Task | None) -> bool:
    """Whether the best baseline is better on the same rows, paired at 95 %, by a tenth of the net's error."""
    better = baseline.difference_interval.low > 0 and baseline.relative >= PAIRED_RELATIVE
    return enough_rows(baseline, task) and better


def closed_by(longer: Continuation | None, baseline: OutputBaseline) -> bool:
    """Whether training on from the loaded weights leaves this output no longer clearly behind its best baseline."""
    if longer is None or not longer.helps or not longer.concerns(baseline.output):
        return False
    return baseline.best.skill - baseline.net_skill - longer.skill < NOTABLE


def enough_rows(baseline: OutputBaseline, task: Task | None) -> bool:
    """Whether the comparison has enough rows."""
    return baseline.rows_dev >= (FEW_NUMBERS if task is Task.REGRESSION else FEW_ROWS)


def share(part: float, *others: float) -> float:
    """The share of one part in the sum of all parts; negative parts count as 0."""
    whole = max(part, 0.0) + sum(max(other, 0.0) for other in others)
    return max(part, 0.0) / whole if whole > 0 else 0.0


def error_text(task: Task, error: float) -> str:
    """An error as people read it: "12 %", "RMSE 3.4", "loss 0.021"."""
    if task is Task.OWN_LOSS:
        return f"loss {number(error)}"
    return percent(error) if task.classifies else f"RMSE {number(error)}"


def gap_text(task: Task, gap: Gap) -> str:
    """A gap with its interval: "8.0 points (95 % interval 6.9 to 9.1)"."""
    whole = "the constant output's loss" if task is Task.OWN_LOSS else "the target's variance"
    unit = "points" if task.classifies else f"% of {whole}"
    low, high = 100 * gap.interval.low, 100 * gap.interval.high
    return f"{100 * gap.size:.1f} {unit} (95 % interval {low:.1f} to {high:.1f})"


def _level(task: Task, error: float, interval: Interval, scale: float) -> Level:
    if task.classifies:
        return Level(error, (interval.high - interval.low) / (2 * 1.96), interval)
    if task is Task.OWN_LOSS:
        scaled = Interval(interval.low / scale, interval.high / scale, interval.level)
        return Level(error / scale, (scaled.high - scaled.low) / (2 * 1.96), scaled)
    squared = Interval((interval.low / scale) ** 2, (interval.high / scale) ** 2, interval.level)
    return Level((error / scale) ** 2, (squared.high - squared.low) / (2 * 1.96), squared)
