"""How training depends on the learning rate: range tests and a short sweep, with several seeds each."""

from dataclasses import dataclass, replace
from math import log10, sqrt
from typing import Any

import numpy as np

from diagnose.measurements import (
    DOES_NOT_APPLY,
    Array,
    LearningRate,
    Measurements,
    NotMeasured,
    RangeTest,
    SweepPoint,
    Unavailable,
)
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import mean_rate, peak_rate
from diagnose.measuring.own_step import judged_by_step
from diagnose.measuring.training import (
    Assessment,
    Trainer,
    diverged,
    judging_steps,
    own_loops,
    own_training,
)
from diagnose.measuring.work import Work
from diagnose.subject import Output, Task

RANGE_STEPS = 100
RANGE_SEEDS = 3
BETA = 0.9  # of the exponential smoothing; 0.98 shifts the minimum too far to the right
STOP_AT = 4.0  # a range test ends if the smoothed loss is this many times its best
WINDOW = 8  # steps over which the slope is measured
FLAT = 0.05  # a curve that falls by less than this share of its start is flat
SPANS = {"sgd": (1e-7, 10.0), "adagrad": (1e-6, 10.0), "adadelta": (1e-5, 100.0)}
SPAN = (1e-7, 1.0)  # optimizers that normalise the gradient: a rate of 1 changes every weight by 1
USUAL = {"sgd": 1e-2, "adagrad": 1e-2, "adadelta": 1.0}  # Keras's defaults, or what is usual where those are too low
USUAL_RATE = 1e-3  # of all others
# The highest rates that are advised: with inputs, targets and weights of usual scale, larger steps overshoot. A sweep
# may find higher ones usable where the loss has a small gradient, but its few steps do not show that they stay so
# (Bengio 2012, "Practical recommendations for gradient-based training of deep architectures", arXiv:1206.5533).
MOST = {"sgd": 1.0, "adagrad": 1.0, "adadelta": 10.0}
MOST_NORMALISED = 0.1  # of optimizers that divide by the gradient's size
SWEEP_STEPS = (200, 600)  # of a sweep training at full size: the user's own number, clipped to this range
UNKNOWN_STEPS = 300  # if that number is unknown
AS_GOOD = 0.1  # merit: rates this close to the best do about as well
LEARNS = 0.1  # merit below which a rate does not work
MEASURE = 0.02  # merit of the best rate below which it is no measure of what can be reached
DISAGREE = 0.3  # standard deviation of merit over seeds above which the best rate is not reliable
RISES = 0.1  # share of the fall by which the smoothed loss must go up again to count as rising


@dataclass(frozen=True)
class _Plan:
    range_seeds: int
    seeds: int
    steps: int
    offsets: tuple[float, ...]  # decades around the user's rate


def learning_rate(bench: Bench, measured: Measurements) -> LearningRate | Unavailable:
    """Measure which learning rates work for the subject's own training.

    From fresh weights, with the user's other settings: range tests of 100 steps, then trainings of a few hundred steps
    at constant rates, half a decade or a decade apart, around the user's rate and around the rate that the range tests
    suggest. Evaluated on training rows in inference mode.
    """
    if bench.fine_tuned:
        return Unavailable("the initial weights of the fine-tuned layers are unknown", DOES_NOT_APPLY)
    plan = _plan(bench)
    try:
        with own_training(bench) as trainer:
            ranges = tuple(_range_test(bench, trainer, seed) for seed in _seeds(bench, plan.range_seeds))
            own = own_rate(bench)
            rates = _sweep_rates(own, _usable(bench, ranges), plan.offsets)
            starts = {seed: _start(bench, trainer, seed) for seed in _seeds(bench, plan.seeds)}
            ends = {rate: _ends(bench, trainer, rate, plan.steps, starts) for rate in rates}
            if judged_by_step(bench):
                ends = _against_the_best(ends)
            sweep = tuple(sweep_point(rate, after) for rate, after in ends.items())
            reachable = reachable_merit(sweep) if _own_loss(bench.subject.outputs) else 1.0
            low, high, abstains = judge_sweep(sweep, reachable)
            found = LearningRate(
                own=own,
                ranges=ranges,
                sweep=sweep,
                low=low,
                high=high,
                best=advised(low, high, _kind(bench)) if low and high else None,
                abstains=abstains,
                steps=plan.steps,
                rows=trainer.rows,
                batch_size=trainer.batch_size,
                reachable=reachable,
                mean=_mean_rate(bench, own),
            )
            return replace(found, by_output=_by_output(found, bench, ends))
    except NotMeasured as missing:
        return Unavailable.of(missing)


def learning_rate_work(bench: Bench, measured: Measurements) -> Work:
    """Return the work of `learning_rate` at the bench's current scale."""
    if bench.fine_tuned:
        return Work()
    plan = _plan(bench)
    trainings = plan.seeds * len(plan.offsets)
    steps = RANGE_STEPS * plan.range_seeds + trainings * plan.steps + (trainings + plan.seeds) * judging_steps(bench)
    return Work(steps=steps, loops=own_loops(bench))


def own_rate(bench: Bench) -> float | None:
    """Return the user's learning rate, with a schedule its highest one (warm-up starts near 0); None if unknown."""
    if bench.subject.training.schedule is None and bench.subject.training.learning_rate is not None:
        return bench.subject.training.learning_rate
    optimizer = bench.subject.model.optimizer
    return None if optimizer is None else peak_rate(optimizer, bench.subject.steps or UNKNOWN_STEPS)


def _mean_rate(bench: Bench, own: float | None) -> float | None:
    """The mean of the user's learning rates over the training; None if it has a schedule and its length is unknown."""
    optimizer, steps = bench.subject.model.optimizer, bench.subject.steps
    if optimizer is None or bench.subject.training.schedule is None:
        return own
    return mean_rate(optimizer, steps) if steps else None


def reachable_merit(sweep: tuple[SweepPoint, ...]) -> float:
    """Return the merit of the best rate, 1 if it is too small for a measure.

    That is what a loss whose floor is out of reach is measured by: the sum of a reconstruction error and a divergence,
    or the cross-entropy of targets between 0 and 1.
    """
    best = max((point.merit for point in sweep), key=lambda merit: float(merit.mean()))
    sure = float(best.mean()) >= MEASURE and float(best.std()) <= DISAGREE * float(best.mean())
    return float(best.mean()) if sure else 1.0


def _own_loss(outputs: tuple[Output, ...]) -> bool:
    return all(output.task is Task.OWN_LOSS for output in outputs)


def judge_sweep(sweep: tuple[SweepPoint, ...], reachable: float = 1.0) -> tuple[float | None, float | None, str | None]:
    """Return the lowest and the highest rate that do about as well as the best, or the reason to abstain.

    A rate that does not work is not usable, however much the best one depends on the seed. `reachable` is the merit
    that counts as 1.
    """
    merits = [np.minimum(point.merit / reachable, 1.0) for point in sweep]
    means = np.array([found.mean() for found in merits])
    best = int(means.argmax())
    if means[best] < LEARNS:
        return None, None, "nothing learns at any rate"
    if merits[best].std() > DISAGREE:
        return None, None, "seeds disagree"
    floor = max(LEARNS, means[best] - max(AS_GOOD, 2 * float(merits[best].std())))
    good = [bool((found >= floor - AS_GOOD).all() and found.mean() >= floor) for found in merits]
    low = high = best
    while low > 0 and good[low - 1]:
        low -= 1
    while high < len(sweep) - 1 and good[high + 1]:
        high += 1
    return sweep[low].rate, sweep[high].rate, None


def middle(low: float, high: float) -> float:
    """Return the geometric mean of a range of rates, rounded to few digits."""
    exact = sqrt(low * high)
    rounded = (float(f"{exact:.{digits}g}") for digits in (1, 2, 3))
    return next((rate for rate in rounded if low <= rate <= high), exact)


def advised(low: float, high: float, kind: str) -> float:
    """Return the middle of the usable range, at most the highest sane rate of the optimizer (a class in lower case)."""
    return min(middle(low, high), MOST.get(kind, MOST_NORMALISED))


def highest_rate(optimizer: Any) -> float:
    """Return the highest sane rate of an optimizer."""
    return MOST.get(kind_of(optimizer), MOST_NORMALISED)


def range_test(seed: int, rates: Array, losses: Array) -> RangeTest:
    """Analyse the losses [steps] of a range test at rising rates [steps]."""
    smoothed = smooth(losses)
    best = np.minimum.accumulate(smoothed)
    ended = np.flatnonzero(~np.isfinite(smoothed) | (smoothed > STOP_AT * np.abs(best) + 1e-12))
    stop = int(ended[0]) + 1 if ended.size else len(losses)
    rates, losses, smoothed = rates[:stop], losses[:stop], smoothed[:stop]
    finite = np.isfinite(smoothed)
    lowest = int(np.argmin(np.where(finite, smoothed, np.inf)))
    start = float(smoothed[0]) if not finite.any() else float(np.median(smoothed[finite][:10]))
    fall = start - float(smoothed[lowest]) if finite.any() else 0.0
    noise = float(np.std(np.diff(losses[finite][:20]))) / sqrt(2) if finite.sum() > 2 else 0.0
    if not fall > max(FLAT * abs(start), 2 * noise * sqrt((1 - BETA) / (1 + BETA))):
        return RangeTest(seed, rates, losses, smoothed, None, None, _rises(rates, smoothed, lowest, fall, stop))
    return RangeTest(
        seed=seed,
        rates=rates,
        losses=losses,
        smoothed=smoothed,
        steepest=_steepest(rates, smoothed),
        minimum=float(rates[lowest]),
        rises=_rises(rates, smoothed, lowest, fall, stop),
    )


def smooth(losses: Array, beta: float = BETA) -> Array:
    """Return the bias-corrected exponential moving average of `losses`."""
    smoothed, average = np.empty_like(losses), 0.0
    for step, loss in enumerate(losses):
        average = beta * average + (1 - beta) * loss
        smoothed[step] = average / (1 - beta ** (step + 1))
    return smoothed


def _steepest(rates: Array, smoothed: Array) -> float | None:
    """The middle of the window in which the smoothed loss falls most, without the noisy first steps."""
    usable = smoothed[WINDOW:]
    if len(usable) <= WINDOW:
        return None
    fall = usable[:-WINDOW] - usable[WINDOW:]
    steepest = int(np.nanargmax(np.where(np.isfinite(fall), fall, -np.inf)))
    return float(rates[WINDOW + steepest + WINDOW // 2])


def _rises(rates: Array, smoothed: Array, lowest: int, fall: float, stop: int) -> float | None:
    """The rate after the last step with a loss close to the lowest one."""
    with np.errstate(invalid="ignore"):
        low = np.flatnonzero(smoothed <= smoothed[lowest] + RISES * max(fall, abs(float(smoothed[lowest])) * FLAT))
    after = int(low[-1]) + 1 if low.size else 0
    return float(rates[after]) if after < stop else None


def _plan(bench: Bench) -> _Plan:
    own = bench.subject.steps or UNKNOWN_STEPS
    most = int(np.clip(own, *SWEEP_STEPS))
    if bench.scale >= 1:
        return _Plan(RANGE_SEEDS, 3, most, (-2, -1, -0.5, 0, 0.5, 1, 2))
    if bench.scale >= 0.5:
        return _Plan(RANGE_SEEDS, 2, min(most, 300), (-2, -1, -0.5, 0, 0.5, 1, 2))
    if bench.scale >= 0.25:
        return _Plan(RANGE_SEEDS, 2, 150, (-1, -0.5, 0, 0.5, 1))
    return _Plan(2, 2, 100, (-2, -1, 0, 1))


def _seeds(bench: Bench, count: int) -> range:
    return range(bench.settings.seed, bench.settings.seed + count)


def _span(bench: Bench) -> tuple[float, float]:
    """The range of rates for the optimizer, extended to two decades around the user's rate."""
    low, high = SPANS.get(_kind(bench), SPAN)
    own = own_rate(bench)
    return (min(low, own / 100), max(high, own * 100)) if own else (low, high)


def _kind(bench: Bench) -> str:
    return kind_of(bench.subject.model.optimizer)


def kind_of(optimizer: Any) -> str:
    """Return the class of an optimizer in lower case."""
    return type(getattr(optimizer, "inner_optimizer", optimizer)).__name__.lower()


def usual_rate(optimizer: Any) -> float:
    """Return the usual learning rate of an optimizer for inputs, targets and weights of usual scale."""
    return USUAL.get(kind_of(optimizer), USUAL_RATE)


def _range_test(bench: Bench, trainer: Trainer, seed: int) -> RangeTest:
    rates = np.geomspace(*_span(bench), RANGE_STEPS)
    trainer.begin(bench.weights(seed), seed)
    course = trainer.run(rates)
    return range_test(seed, rates[: len(course.losses)], course.losses)


def _usable(bench: Bench, ranges: tuple[RangeTest, ...]) -> float:
    """The median rate of the steepest falls, else the usual rate of the optimizer."""
    found = [test.steepest for test in ranges if test.steepest is not None]
    if len(found) * 2 <= len(ranges):
        return usual_rate(bench.subject.model.optimizer)
    return float(10 ** np.median(np.log10(found)))


def _sweep_rates(own: float | None, usable: float, offsets: tuple[float, ...]) -> tuple[float, ...]:
    """Rising rates around the user's own, and around `usable` if these do not reach it."""
    if own is None or own <= 0:
        return tuple(usable * 10**offset for offset in offsets)
    distance = log10(usable / own)
    if offsets[0] <= distance <= offsets[-1]:
        return tuple(own * 10**offset for offset in offsets)
    # The most telling first, because few are tried if time is short. The steepest fall of a range test may lie below
    # the best rate as well as above it, so both sides come before what lies between it and the user's own.
    tried = [0.0, *(distance + step for step in (0.0, 0.5, -0.5, 1.0)), distance / 2, distance - 1.0]
    return tuple(own * 10**offset for offset in sorted(tried[: len(offsets) + 1]))


def _start(bench: Bench, trainer: Trainer, seed: int) -> Assessment:
    trainer.begin(bench.weights(seed), seed)
    return trainer.judge_train()


End = tuple[Assessment, bool]  # of a training: its result, and whether it diverged


def _ends(bench: Bench, trainer: Trainer, rate: float, steps: int, starts: dict[int, Assessment]) -> list[End]:
    found = []
    for seed, before in starts.items():
        trainer.begin(bench.weights(seed), seed)
        course = trainer.run(np.full(steps, rate))
        after = trainer.judge_train()
        found.append((after, diverged(course, before, after)))
    return found


def _against_the_best(ends: dict[float, list[End]]) -> dict[float, list[End]]:
    """The results against one zero point, the best that any of these weights does without telling rows apart."""
    zero = min(after.constant_loss for found in ends.values() for after, _ in found)
    return {rate: [(after.against(zero), broken) for after, broken in found] for rate, found in ends.items()}


def sweep_point(rate: float, ends: list[End]) -> SweepPoint:
    """Return the trainings at one rate from their results."""
    return SweepPoint(
        rate,
        tuple(float("nan") if broken else after.skill for after, broken in ends),
        tuple(float("nan") if broken else after.relative for after, broken in ends),
        tuple(broken for _, broken in ends),
    )


def _by_output(whole: LearningRate, bench: Bench, ends: dict[float, list[End]]) -> dict[str, LearningRate]:
    """The same trainings as each output fared."""
    views = {}
    for place, output in enumerate(bench.subject.outputs if len(bench.subject.outputs) > 1 else ()):
        own = {rate: [(after.by_output[place], broken) for after, broken in found] for rate, found in ends.items()}
        sweep = tuple(sweep_point(rate, found) for rate, found in own.items())
        views[output.name] = replace(
            whole, sweep=sweep, reachable=reachable_merit(sweep) if _own_loss((output,)) else 1.0
        )
    return views
