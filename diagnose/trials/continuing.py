"""The trial of a longer training: goes on from the loaded weights, on a copy of the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diagnose.diagnosis import Effect
from diagnose.measurements import Array, Continuation, History, Measurements, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import learning_rates_at, peak_rate
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps, own_loops, own_training
from diagnose.measuring.work import Work
from diagnose.subject import Task
from diagnose.trials.dev_error import WORTH, DevArm, DevError, of_output, place_of
from diagnose.trials.largest import run_largest
from diagnose.trials.paired import SEEDS

if TYPE_CHECKING:
    from diagnose.checks.reading.remaining import Remaining

TITLE = "training that goes on"
SIZES = (4.0, 2.0, 1.0, 0.5)  # times the usual number of steps
PLACES = (0.125, 0.25, 0.5, 1.0)  # of a training, where the dev error is read
AGAIN = "another training of the same length"
ENDED = 0.01  # share of the highest learning rate so far; a schedule that stays below it is over


def measure_continuation(
    planner: Planner, left: Remaining, remedy: str, measured: Measurements
) -> tuple[Continuation, Effect] | None:
    """Go on training as long as the time budget allows; None if that is not possible, which is recorded.

    Where replays of the user's own training end as low, more steps are not what helps.

    Args:
        planner, measured: of the examination.
        left: the remaining error of the model.
        remedy: the code of the one that trains longer.
    """
    bench = planner.bench
    found = run_largest(
        planner,
        TITLE,
        SIZES,
        lambda size: _work(bench, DevError.steps(bench, size)),
        lambda size: _gone_on(bench, left, remedy, DevError.steps(bench, size), _replayed(measured, left)),
    )
    if found is None:
        planner.untried[remedy] = planner.why_missed(TITLE)
    return found


def _work(bench: Bench, steps: int) -> Work:
    return Work(steps=SEEDS * (steps + len(PLACES) * judging_steps(bench)), loops=own_loops(bench))


def _replayed(measured: Measurements, left: Remaining) -> float | None:
    """The dev error of replays that are as long as the user's training, at their ends; None if unknown."""
    history = measured.get(History)
    if not isinstance(history, History) or history.origin != "replay" or not history.whole:
        return None
    view = history.views.get(left.train.output) or history.views.get("")
    ends = [float(run.dev_error[-1]) for run in view.runs if len(run.dev_error)] if view is not None else []
    return float(np.mean(ends)) if ends and np.isfinite(ends).all() else None


def _gone_on(
    bench: Bench, left: Remaining, remedy: str, steps: int, replayed: float | None
) -> tuple[Continuation, Effect]:
    place = place_of(bench, left)
    rates = _rates(bench, steps)
    ends = np.unique(np.ceil(np.multiply(PLACES, steps)).astype(int))
    with own_training(bench) as trainer:
        weights, optimizer = bench.weights(None), bench.subject.model.optimizer
        trainer.begin(weights, bench.settings.seed)
        loaded, now = trainer.dev_row_errors()[place], of_output(trainer.judge_dev(), place)
        errors = np.empty((len(ends) + 1, SEEDS, len(loaded)))  # by place, the loaded weights first
        errors[0] = loaded
        for number in range(SEEDS):
            trainer.resume(weights, optimizer, bench.settings.seed + number)
            for at, part in enumerate(np.split(rates, ends[:-1]), start=1):
                trainer.run(part)
                errors[at, number] = trainer.dev_row_errors()[place]
    errors[~np.isfinite(errors)] = np.inf  # never chosen
    rows = np.tile(np.arange(len(loaded)), (SEEDS, 1))
    unchanged, changed = (DevArm(each, rows, place, float(rates[0]), (), ()) for each in (errors[0], stopped(errors)))
    effect = DevError(left, 1).effect(
        remedy,
        f"up to {steps:,} more steps from the loaded weights",
        (unchanged, changed),
        control="",
        steps=steps,
        values={},
    )
    if replayed is not None and replayed < effect.before and effect.after > (1 - WORTH) * replayed:
        effect = replace(effect, before=replayed, interval=None, control=AGAIN, helps=False, chance=None)
    constant = {Task.REGRESSION: now.constant_error**2, Task.OWN_LOSS: now.constant_loss}
    scale = constant.get(left.task, now.constant_error)
    fall = float(unchanged.errors.mean() - changed.errors.mean())
    found = Continuation(
        output=effect.output,
        metric=effect.metric,
        what=effect.what,
        before=effect.before,
        after=effect.after,
        skill=fall / scale if scale > 0 else 0.0,
        helps=effect.helps,
    )
    return found, replace(effect, steps=None)  # they are in its name


def _rates(bench: Bench, steps: int) -> Array:
    """The learning rates of the steps after the user's last one.

    Raises:
        NotMeasured: the schedule has come to its end.
    """
    optimizer = bench.subject.model.optimizer
    done = bench.subject.steps or 0
    rates = learning_rates_at(optimizer, range(done, done + steps))
    if rates.max() <= ENDED * peak_rate(optimizer, max(done, 1)):
        raise NotMeasured(
            "the learning rate's schedule has come to its end",
            "Train again with a schedule for more steps.",
        )
    return rates


def stopped(errors: Array) -> Array:
    """The errors [seeds, rows] at the place that is best on the other half of the rows; `errors` are [places, ...]."""
    stopped = np.empty(errors.shape[1:])
    halves = (slice(0, None, 2), slice(1, None, 2))
    for here, there in (halves, halves[::-1]):
        best = errors[:, :, there].mean(axis=2).argmin(axis=0)  # by seed
        stopped[:, here] = errors[best, np.arange(errors.shape[1]), :][:, here]
    return stopped
