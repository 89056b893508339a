"""How the user's own learning rate compares with the others in the sweep."""

import math
from dataclasses import dataclass

import numpy as np

from diagnose.checks.reading.gaps import of_output
from diagnose.checks.reading.lines import line
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Interval, Mark, Series, Severity, Where
from diagnose.measurements import (
    Array,
    Baseline,
    Evaluation,
    History,
    LearningRate,
    NotMeasured,
    Unavailable,
)

CLEAR = 0.1  # skill: the smallest difference between two rates that matters; seeds of healthy models differ by less
FAR = 10.0  # times: a sweep locates the usable range only to this factor, so closer rates are not judged
LEARNED = 0.1  # skill: a training that stays below has learned next to nothing
CURED = 0.25  # skill that the best rate must reach, or the rate is not what keeps the model from learning
HALF = 0.5  # share of the best baseline's skill that it must reach, for the same reason
WIDE = 30.0  # times: losses that span more are drawn on a log axis
SAME_RATE = 1.1  # times: rates closer than this are the same rate
LONGER_SWEEP = "Fix the other findings first, or allow a longer sweep: --budget SECONDS."


@dataclass(frozen=True)
class Comparison:
    """The user's own rate and the best one of the sweep; skills are floored at 0, the constant prediction.

    `output` is the output whose skills these are; "" for the only one. A skill of `reachable` counts as 1.
    """

    output: str
    rate: float
    own: Array  # skill per seed
    best_rate: float
    best: Array  # skill per seed
    low: float
    high: float
    reachable: float = 1.0

    @property
    def difference(self) -> float:
        """Mean skill at the best rate minus mean skill at the own rate."""
        return float(self.best.mean() - self.own.mean())

    @property
    def threshold(self) -> float:
        """What the difference must exceed: `CLEAR`, or 2 standard deviations between seeds."""
        return max(CLEAR, 2 * max(deviation(self.own), deviation(self.best)))

    @property
    def interval(self) -> Interval:
        """95 % interval (Student's t) of the difference, from the spread between so few seeds."""
        from scipy.stats import t

        variance = deviation(self.own) ** 2 / len(self.own) + deviation(self.best) ** 2 / len(self.best)
        half = float(t.ppf(0.975, max(1, len(self.own) + len(self.best) - 2))) * math.sqrt(variance)
        return Interval(max(-1.0, self.difference - half), min(1.0, self.difference + half))  # skills are 0 to 1

    @property
    def fails(self) -> bool:
        """Whether training at the own rate learns nothing with any seed."""
        return self.failed == len(self.own)

    @property
    def failed(self) -> int:
        """The number of seeds with which training at the own rate learns nothing."""
        return int((self.own < LEARNED).sum())

    def measured(self, skill: float | None) -> float | None:
        """A skill on the scale of `own` and `best`."""
        return None if skill is None else min(skill / self.reachable, 1.0)


def deviation(skills: Array) -> float:
    """Standard deviation between seeds; 0 for a single one."""
    return float(np.std(skills, ddof=1)) if len(skills) > 1 else 0.0


def compare(rates: LearningRate) -> tuple[Comparison, ...]:
    """Compare the own rate with the best one for all outputs together, by what each output reaches at both.

    Raises:
        NotMeasured: the own rate is unknown or was not swept, or the sweep found no usable range.
    """
    if rates.own is None or rates.own <= 0:
        raise NotMeasured("the model's own learning rate is unknown", "Pass it: --learning-rate X.")
    if rates.abstains is not None:
        raise NotMeasured(f"the learning rate sweep gave no result: {rates.abstains}", LONGER_SWEEP)
    tried = [point for point in rates.sweep if point.skill]
    if rates.low is None or rates.high is None or not tried:
        raise NotMeasured("the learning rate sweep found no usable range", LONGER_SWEEP)
    own = min(tried, key=lambda point: _times(point.rate, rates.own or 1.0))
    if _times(own.rate, rates.own) > SAME_RATE:
        raise NotMeasured("the model's own learning rate was not part of the sweep", LONGER_SWEEP)
    best = max(tried, key=lambda point: float(point.merit.mean()))
    return tuple(
        Comparison(output, rates.own, *_at(view, own.rate, best.rate), rates.low, rates.high, view.reachable)
        for output, view in rates.views.items()
    )


def _at(view: LearningRate, own: float, best: float) -> tuple[Array, float, Array]:
    skills = {point.rate: view.merit(point) for point in view.sweep}
    return skills[own], best, skills[best]


def _times(one: float, other: float) -> float:
    return max(one, other) / min(one, other)


def beyond(far: float, near: float) -> bool:
    """Whether `far` is more than `FAR` times `near`, rounding aside."""
    return far > FAR * near * (1 + 1e-6)


def loaded_skill(evaluation: Evaluation | None, compared: Comparison) -> float | None:
    """The train skill of the loaded weights, by error or by loss, whichever is higher; None if unknown."""
    if evaluation is None or isinstance(evaluation.train, Unavailable):
        return None
    score = evaluation.score("train", compared.output) or evaluation.train.scores[0]
    by_loss = 1.0 - score.loss / score.constant_loss if score.constant_loss > 0 else score.skill
    known = [skill for skill in (score.skill, by_loss) if math.isfinite(skill)]
    return compared.measured(max(known)) if known else None


def reached(evaluation: Evaluation | None, history: History | None, compared: Comparison) -> float | None:
    """The best train skill known at the user's own settings: of the loaded weights, or of the replays."""
    loaded = loaded_skill(evaluation, compared)
    skills = [] if loaded is None else [loaded]
    ends = _replayed(history, compared)
    skills += [float(np.median(ends))] if ends else []
    return max(skills) if skills else None


def _replayed(history: History | None, compared: Comparison) -> list[float]:
    """The train skill of the replays that stayed finite."""
    runs = history.of(compared.output).runs if history is not None else ()
    skills = [compared.measured(run.final_train_skill) for run in runs if math.isfinite(run.final_train_skill)]
    return [skill for skill in skills if skill is not None]


def harms(comparison: Comparison, skill: float | None, baseline: Baseline | None) -> bool:
    """Whether the own rate does clearly worse, the best one does well, and the user's training did not catch up."""
    if comparison.difference <= comparison.threshold or not does_well(comparison, baseline):
        return False
    return skill is None or float(comparison.best.mean()) - skill > comparison.threshold


def does_well(comparison: Comparison, baseline: Baseline | None) -> bool:
    """Whether the best rate of the sweep does, so that something in the user's training keeps the model back."""
    return float(comparison.best.mean()) >= _cured(baseline, comparison.output)


def fits_enough(evaluation: Evaluation | None, baseline: Baseline | None, output: str) -> bool:
    """Whether a better fit of the training rows is not what the model lacks.

    Its train error is clearly below its dev error, and it fits these rows no worse than the best baseline new ones.
    """
    possible = of_output(baseline, output)
    if possible is None or evaluation is None:
        return False
    train, dev = (evaluation.score(split, possible.output) for split in ("train", "dev"))
    if train is None or dev is None:
        return False
    return train.error_interval.high < dev.error_interval.low and train.skill >= possible.best.skill


def gambles(comparison: Comparison, loaded: float | None, history: History | None, baseline: Baseline | None) -> bool:
    """Whether success at the own rate is a matter of the seed, and the user's own training was among the failures.

    The best rate learns with every seed. The spread between seeds is then what is wrong with the own rate, so it does
    not raise the threshold for the difference, and a seed that learns does not clear the rate. Replays that all learn
    do: they follow the user's schedule.
    """
    replayed = _replayed(history, comparison)
    if loaded is None or loaded >= LEARNED or not comparison.failed or (replayed and min(replayed) >= LEARNED):
        return False
    return comparison.difference > CLEAR and float(comparison.best.min()) >= _cured(baseline, comparison.output)


def _cured(baseline: Baseline | None, output: str) -> float:
    """The skill that the best rate must reach."""
    possible = of_output(baseline, output)
    return max(CURED, HALF * possible.best.skill) if possible else CURED


def far_behind(comparison: Comparison, skill: float | None) -> bool:
    """Whether the rate costs much, in the sweep and in the user's training; its distance then does not matter.

    Only if the sweep at this rate comes out where the user's own training did: else something else keeps it back.
    """
    if skill is None or skill < float(comparison.own.min()) - CLEAR:
        return False
    return float(comparison.best.min()) - max(float(comparison.own.max()), skill) >= CURED


def severity(comparison: Comparison, skill: float | None) -> Severity:
    """An error if the user's own training learned nothing at this rate, and neither does the sweep with some seed."""
    fails = comparison.failed > 0 and skill is not None and skill < LEARNED
    return Severity.ERROR if fails else Severity.WARNING


def effect(comparison: Comparison, steps: int) -> str:
    """The effect of the rate, in words."""
    own, best = float(comparison.own.mean()), float(comparison.best.mean())
    of = f" of {comparison.output}" if comparison.output else ""
    seeds = f" ({comparison.failed} of {len(comparison.own)} seeds learn nothing)"
    return (
        f"after {steps} steps, training skill{of} is {own:.2f} at {number(comparison.rate)}"
        f"{seeds if 0 < comparison.failed < len(comparison.own) else ''}"
        f" and {best:.2f} at {number(comparison.best_rate)}"
    )


def finding(severity: Severity, message: str, compared: Comparison, rates: LearningRate) -> Finding:
    """The finding that the own rate is not the best one, for the output that was compared."""
    return Finding(
        severity,
        message,
        Where(output=compared.output or None),
        value=compared.difference,
        unit="skill",
        threshold=compared.threshold,
        interval=compared.interval,
        rows=rates.rows,
        evidence=pictures(rates),
    )


def pictures(rates: LearningRate) -> tuple[Curves, ...]:
    """The sweep and the range tests, with the own rate and the usable range marked."""
    marks = tuple(
        mark
        for mark in (
            Mark("usable", rates.low, rates.high, "healthy") if rates.low is not None else None,
            Mark("yours", rates.own, role="yours") if rates.own is not None else None,
        )
        if mark is not None
    )
    drawn = []
    if rates.sweep:
        title = f"Train skill after {rates.steps} steps from fresh weights, by learning rate"
        lines = tuple(_sweep(view, output) for output, view in rates.views.items())
        # 0 or more: a trial at the same rate may show a skill below 0
        drawn.append(Curves(title, "learning rate", "train skill, 0 or more", lines, marks, True))
    if rates.ranges:
        drawn.append(_range_tests(rates, marks))
    return tuple(drawn)


def _range_tests(rates: LearningRate, marks: tuple[Mark, ...]) -> Curves:
    name = f"loss, {len(rates.ranges)} seeds" if len(rates.ranges) > 1 else "loss"
    lines = tuple(line(name, t.rates[: t.smoothed.size], t.smoothed, "yours") for t in rates.ranges)
    values = [value for line in lines for value in line.y]
    wide = bool(values) and min(values) > 0 and max(values) > WIDE * min(values)
    title = "Learning rate range test: loss at a rising rate"
    return Curves(title, "learning rate", "loss, smoothed", lines, marks, log_x=True, log_y=wide)


def _by_rate(rates: LearningRate) -> list[tuple[float, Array]]:
    """Skills by rising rate; points at the same rate, as the own one beside a swept one, are one point."""
    groups: list[tuple[float, Array]] = []
    for point in sorted((point for point in rates.sweep if point.skill), key=lambda point: point.rate):
        if groups and point.rate < SAME_RATE * groups[-1][0]:
            groups[-1] = groups[-1][0], np.concatenate([groups[-1][1], rates.merit(point)])
        else:
            groups.append((point.rate, rates.merit(point)))
    return groups


def _sweep(rates: LearningRate, output: str) -> Series:
    skills = _by_rate(rates)
    return Series(
        f"skill of {output}" if output else "skill on train",
        tuple(rate for rate, _ in skills),
        tuple(float(skill.mean()) for _, skill in skills),
        tuple(float(skill.min()) for _, skill in skills),
        tuple(float(skill.max()) for _, skill in skills),
        role="train",
    )
