"""Whether moving statistics, as of BatchNormalization, fit the weights: what several checks conclude from `Modes`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diagnose.findings import Interval
from diagnose.measurements import Baseline, Conversions, LearningRate, Modes, ModeScores, Score

GAIN = 0.05  # skill; above the differences of nets whose statistics follow the weights
FALL = 0.25  # share of the remaining error that must go, too
GRAVE = 0.25  # skill from which on the statistics are the main problem
BATCH_FALL = 0.5  # share of the remaining error, where only the statistics of the batch itself help
GOOD = 0.25  # least skill with the right statistics: the weights have learned something
BEHIND = 0.25  # skill by which they may trail a baseline; weights further behind have another fault
OUTDONE = 0.4  # the same for the best short training of this model, whose rows are the same and whose steps may be more
SETTLED = 0.01  # share of the initial statistics that is left; the first steps can then not explain a difference
SAME = 0.05  # skill; a conversion of the inputs that does as well explains a difference as well


@dataclass(frozen=True)
class Lag:
    """An output that does better with other statistics, on train: `mode` are those that help, `gain` its skill.

    `cured`: with them the weights do well, so that nothing else has to be wrong.
    """

    mode: Literal["refreshed", "batch"]
    moving: Score
    better: Score
    gain: float
    interval: Interval  # of the gain in skill
    cured: bool


def lag_of(
    modes: Modes, baseline: Baseline | None, conversions: Conversions | None, rates: LearningRate | None
) -> Lag | None:
    """The output that gains most from other statistics than the moving ones; None if none does.

    Args:
        modes: the weights with their moving statistics, and with others.
        baseline, rates: what the rows and this model allow, which tells whether the weights do well.
        conversions: the weights on converted inputs.
    """
    if not isinstance(modes.train, ModeScores):
        return None
    every = [lag for place in range(len(modes.train.moving)) if (lag := _lag(modes.train, place, baseline, rates))]
    found = max(every, key=lambda lag: (lag.mode == "refreshed", lag.gain), default=None)
    if found is None or _fed_differently(modes, conversions, found):
        return None
    return found


def _lag(train: ModeScores, place: int, baseline: Baseline | None, rates: LearningRate | None) -> Lag | None:
    moving = train.moving[place]
    floors = {one.output: one.best.skill - BEHIND for one in (baseline.outputs if baseline is not None else ())}
    floor = max(GOOD, floors.get(moving.output, GOOD), _swept(rates, moving.output) - OUTDONE)
    tried: tuple[tuple[Literal["refreshed", "batch"], Score, Interval, float, float], ...] = (
        ("refreshed", train.refreshed[place], train.refreshed_gain[place], GAIN, FALL),
        ("batch", train.batch[place], train.batch_gain[place], GRAVE, BATCH_FALL),
    )
    for mode, better, gain, least, fall in tried:
        left, before = 1 - better.skill, 1 - moving.skill
        if math.isfinite(left) and before - left >= least and left <= (1 - fall) * before and gain.low > 0:
            scale = moving.constant_error if moving.task.classifies else moving.constant_error**2
            skill = Interval(gain.low / scale, gain.high / scale, gain.level) if scale > 0 else gain
            return Lag(mode, moving, better, before - left, skill, better.skill >= floor)
    return None


def _swept(rates: LearningRate | None, output: str) -> float:
    """The best skill of a short training of this model; 0 if there is none."""
    points = rates.of(output).sweep if rates is not None else ()
    return max((float(np.nan_to_num(point.skill).mean()) for point in points if point.skill), default=0.0)


def _fed_differently(modes: Modes, conversions: Conversions | None, found: Lag) -> bool:
    """Whether the difference is rather one of the inputs: they may be scaled otherwise than in training."""
    if conversions is None or (modes.left is not None and modes.left >= SETTLED):
        return False
    as_good = [
        score.skill >= found.better.skill - SAME
        for _, scores, _ in conversions.tried
        for score in scores
        if score.output == found.moving.output
    ]
    return any(as_good)
