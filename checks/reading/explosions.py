"""Which trainings at the model's own settings blew up."""

from math import isclose

import numpy as np

from diagnose.measurements import Array, History, LearningRate, Run

EXPLODED = 1e3  # times the constant prediction's loss; AUTOTRAINER calls a loss above 1e3 exploded
RISE = 10.0  # times the first loss: a loss that merely starts high (unscaled targets) has not exploded
MAJORITY = 0.5  # share of the trainings; from here on it is a fault rather than bad luck with a seed


def losses_of(run: Run) -> Array:
    """The losses of a run: by step if they were recorded, else by epoch."""
    return run.step_losses if run.step_losses.size else run.train_loss


def exploded(history: History) -> list[Run]:
    """The runs whose loss is not finite, or exceeds 1,000 times the constant's loss and 10 times its own first one."""
    return [run for run in history.runs if _blew_up(run, history.constant_loss)]


def diverged_at_own_rate(learning_rate: LearningRate) -> tuple[int, int]:
    """How many of the short trainings at the model's own rate diverged, and of how many; (0, 0) if there are none."""
    own = learning_rate.own
    points = [point for point in learning_rate.sweep if own is not None and isclose(point.rate, own, rel_tol=1e-3)]
    trainings = [diverged for point in points for diverged in point.diverged]
    return sum(trainings), len(trainings)


def most_explode(history: History | None, learning_rate: LearningRate | None) -> bool:
    """Whether at least half of the runs, or of the short trainings at the model's own rate, blew up."""
    counts = []
    if history is not None:
        counts.append((len(exploded(history)), len(history.runs)))
    if learning_rate is not None:
        counts.append(diverged_at_own_rate(learning_rate))
    return any(count >= MAJORITY * number > 0 for count, number in counts)


def _blew_up(run: Run, constant: float | None) -> bool:
    losses = losses_of(run)
    if run.non_finite_step is not None or np.isinf(losses).any():
        return True
    known = losses[~np.isnan(losses)]
    if known.size == 0:
        return False
    if np.isnan(losses[-1]):  # nan also means unknown, but not at the end of a loss that was known before
        return True
    scale = constant if constant is not None and constant > 0 else abs(float(known[0]))
    return bool(scale > 0 and known.max() > EXPLODED * scale and known.max() > RISE * abs(known[0]))
