"""What a trial brought: the paired difference between two arms, and what counts as a cure."""

import math
from collections.abc import Mapping, Sequence

from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.trials.paired import Arm

CLEAR = 0.1  # skill: the least gain that matters; seeds of one setting differ by less in 9 of 10 models
LEARNS = 0.25  # skill with the change: clearly above the constant prediction
FEWEST = 3  # pairs: of two, Student's interval is wider than anything that can be


def effect(
    remedy: str, what: str, arms: tuple[Arm, Arm], *, control: str, steps: int, values: Mapping[str, str]
) -> Effect:
    """The effect of one trial.

    Args:
        remedy: its code.
        what: what was changed, in words.
        arms: without and with the change, seed by seed the same starts and orders of rows.
        control: what the arm without it is, where that is not the model's own training.
        steps: of one training.
        values: what the remedy's action and snippet name, as it was tried.
    """
    without, changed = arms
    gain = changed.mean - without.mean
    threshold = max(CLEAR, 2 * max(_deviation(without.skill), _deviation(changed.skill)))
    return Effect(
        code="",
        what=what,
        before=without.mean,
        after=changed.mean,
        interval=paired_interval(without.skill, changed.skill),
        direction="sufficient",
        seeds=len(changed.skill),
        remedy=remedy,
        restores=gain > threshold and changed.mean >= LEARNS,
        threshold=threshold,
        control=control,
        steps=steps,
        values=dict(values),
    )


def paired_interval(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """95 % interval (Student's t) of the mean difference between skills of 0 to 1; None below three pairs."""
    from scipy import stats

    pairs = [b - a for a, b in zip(before, after, strict=True)]
    if len(pairs) < FEWEST:
        return None
    mean = sum(pairs) / len(pairs)
    half = float(stats.t.ppf(0.975, len(pairs) - 1)) * _deviation(pairs) / math.sqrt(len(pairs))
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation between seeds."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
