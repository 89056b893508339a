"""How training depends on the learning rate: range tests and a short sweep, several seeds each."""

from dataclasses import dataclass
from math import log10, sqrt

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
from diagnose.measuring.copying import learning_rates
from diagnose.measuring.training import (
    Standing,
    Trainer,
    diverged,
    judging_steps,
    own_loops,
    own_steps,
    own_training,
)
from diagnose.measuring.work import Work

RANGE_STEPS = 100
RANGE_SEEDS = 3
BETA = 0.9  # of the exponential smoothing; 0.98 shifts the minimum to the right by 1.3 to 4
STOP_AT = 4.0  # a range test ends where the smoothed loss is so many times its best
WINDOW = 8  # steps over which a fall is measured
FLAT = 0.05  # a curve that falls by less than this share of its start says nothing
SPANS = {"sgd": (1e-7, 10.0), "adagrad": (1e-6, 10.0), "adadelta": (1e-5, 100.0)}
SPAN = (1e-7, 1.0)  # optimizers that normalise the gradient: a rate of 1 moves every weight by 1
USUAL = {"sgd": 1e-2, "adagrad": 1e-2, "adadelta": 1.0}
USUAL_RATE = 1e-3
SWEEP_STEPS = (200, 600)  # of one sweep training at full size: the user's own number, kept between these
UNKNOWN_STEPS = 300  # where that number is unknown
AS_GOOD = 0.1  # merit: rates this close to the best do about as well
LEARNS = 0.1  # merit below which no rate is said to work
DISAGREE = 0.3  # standard deviation of merit over seeds above which the best rate is a matter of luck
DECADES_APART = 2.0  # a sweep around the user's rate reaches so far; beyond, both places are swept
RISES = 0.1  # share of the fall that the smoothed loss may regain before it counts as rising


@dataclass(frozen=True)
class _Plan:
    range_seeds: int
    seeds: int
    steps: int
    offsets: tuple[float, ...]  # decades around the user's rate


def learning_rate(bench: Bench, measured: Measurements) -> LearningRate | Unavailable:
    """Measure at which learning rates the subject's own training gets anywhere.

    From fresh weights, all else as the user has it: range tests of 100 steps for the orientation, then trainings of
    a few hundred steps at constant rates, half a decade or a decade apart, around the user's own rate and around
    what the range tests found. Judged by the training rows in inference mode.
    """
    if bench.fine_tuned:
        return Unavailable("the model fine-tunes pretrained layers, whose start is unknown", DOES_NOT_APPLY)
    plan = _plan(bench)
    try:
        with own_training(bench) as trainer:
            ranges = tuple(_range_test(bench, trainer, seed) for seed in _seeds(bench, plan.range_seeds))
            own = own_rate(bench)
            rates = _sweep_rates(own, _usable(bench, ranges), plan.offsets)
            starts = {seed: _start(bench, trainer, seed) for seed in _seeds(bench, plan.seeds)}
            sweep = tuple(_sweep_point(bench, trainer, rate, plan.steps, starts) for rate in rates)
            low, high, abstains = judge_sweep(sweep)
            return LearningRate(
                own=own,
                ranges=ranges,
                sweep=sweep,
                low=low,
                high=high,
                best=middle(low, high) if low and high else None,
                abstains=abstains,
                steps=plan.steps,
                rows=trainer.rows,
                batch_size=trainer.batch_size,
            )
    except NotMeasured as reason:
        return Unavailable.of(reason)


def learning_rate_work(bench: Bench, measured: Measurements) -> Work:
    """Return what `learning_rate` takes at the bench's present scale."""
    if bench.fine_tuned:
        return Work()
    plan = _plan(bench)
    trainings = plan.seeds * len(plan.offsets)
    steps = RANGE_STEPS * plan.range_seeds + trainings * plan.steps + (trainings + plan.seeds) * judging_steps(bench)
    return Work(steps=steps, loops=own_loops(bench))


def own_rate(bench: Bench) -> float | None:
    """Return the user's learning rate: of the first step where a schedule was used, None if unknown."""
    if bench.subject.training.schedule is None and bench.subject.training.learning_rate is not None:
        return bench.subject.training.learning_rate
    optimizer = bench.subject.model.optimizer
    return None if optimizer is None else float(learning_rates(optimizer, 1)[0])


def judge_sweep(sweep: tuple[SweepPoint, ...]) -> tuple[float | None, float | None, str | None]:
    """Return the lowest and the highest rate that do about as well as the best, or why it abstains."""
    merits = [merit(point) for point in sweep]
    means = np.array([found.mean() for found in merits])
    best = int(means.argmax())
    if means[best] < LEARNS:
        return None, None, "nothing learns at any rate"
    if merits[best].std() > DISAGREE:
        return None, None, "seeds disagree"
    floor = means[best] - max(AS_GOOD, 2 * float(merits[best].std()))
    good = [bool((found >= floor - AS_GOOD).all() and found.mean() >= floor) for found in merits]
    low = high = best
    while low > 0 and good[low - 1]:
        low -= 1
    while high < len(sweep) - 1 and good[high + 1]:
        high += 1
    return sweep[low].rate, sweep[high].rate, None


def middle(low: float, high: float) -> float:
    """Return the geometric middle of a range of rates, with as few digits as keep it inside."""
    exact = sqrt(low * high)
    rounded = (float(f"{exact:.{digits}g}") for digits in (1, 2, 3))
    return next((rate for rate in rounded if low <= rate <= high), exact)


def range_test(seed: int, rates: Array, losses: Array) -> RangeTest:
    """Read a curve of losses [steps] at rising rates [steps], as far as it got."""
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
    """The middle of the window of rates over which the smoothed loss falls most; the noisy first steps are left out."""
    usable = smoothed[WINDOW:]
    if len(usable) <= WINDOW:
        return None
    fall = usable[:-WINDOW] - usable[WINDOW:]
    steepest = int(np.nanargmax(np.where(np.isfinite(fall), fall, -np.inf)))
    return float(rates[WINDOW + steepest + WINDOW // 2])


def _rises(rates: Array, smoothed: Array, lowest: int, fall: float, stop: int) -> float | None:
    """The rate after the last step at which the loss was still about as low as it ever got."""
    with np.errstate(invalid="ignore"):
        low = np.flatnonzero(smoothed <= smoothed[lowest] + RISES * max(fall, abs(float(smoothed[lowest])) * FLAT))
    after = int(low[-1]) + 1 if low.size else 0
    return float(rates[after]) if after < stop else None


def merit(point: SweepPoint) -> Array:
    """One number per seed, 0 (no better than a constant, or diverged) to 1: the better of error and loss."""
    skill, loss = np.array(point.skill), 1.0 - np.array(point.loss)
    better = np.fmax(np.nan_to_num(skill, nan=0.0), np.nan_to_num(loss, nan=0.0))
    return np.where(point.diverged, 0.0, np.clip(better, 0.0, 1.0))


def _plan(bench: Bench) -> _Plan:
    own = own_steps(bench) or UNKNOWN_STEPS
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
    """The rates of a range test: those of the optimizer's kind, widened so that the user's lies well inside."""
    low, high = SPANS.get(_kind(bench), SPAN)
    own = own_rate(bench)
    return (min(low, own / 100), max(high, own * 100)) if own else (low, high)


def _kind(bench: Bench) -> str:
    optimizer = bench.subject.model.optimizer
    return type(getattr(optimizer, "inner_optimizer", optimizer)).__name__.lower()


def _range_test(bench: Bench, trainer: Trainer, seed: int) -> RangeTest:
    rates = np.geomspace(*_span(bench), RANGE_STEPS)
    trainer.begin(bench.weights(seed), seed)
    course = trainer.run(rates)
    return range_test(seed, rates[: len(course.losses)], course.losses)


def _usable(bench: Bench, ranges: tuple[RangeTest, ...]) -> float:
    """Where to sweep besides the user's own rate: the middle of the steepest falls, else the usual rate."""
    found = [test.steepest for test in ranges if test.steepest is not None]
    if len(found) * 2 <= len(ranges):
        return USUAL.get(_kind(bench), USUAL_RATE)
    return float(10 ** np.median(np.log10(found)))


def _sweep_rates(own: float | None, usable: float, offsets: tuple[float, ...]) -> tuple[float, ...]:
    """Rates to try, rising: around the user's own, and around `usable` where that is far away."""
    if own is None or own <= 0:
        return tuple(usable * 10**offset for offset in offsets)
    distance = log10(usable / own)
    if abs(distance) <= DECADES_APART:
        return tuple(own * 10**offset for offset in offsets)
    there = [distance + step for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    tried = [0.0, distance / 2, *there][: len(offsets) + 1]
    return tuple(own * 10**offset for offset in sorted(tried))


def _start(bench: Bench, trainer: Trainer, seed: int) -> Standing:
    trainer.begin(bench.weights(seed), seed)
    return trainer.judge_train()


def _sweep_point(bench: Bench, trainer: Trainer, rate: float, steps: int, starts: dict[int, Standing]) -> SweepPoint:
    skill, loss, broken = [], [], []
    for seed, before in starts.items():
        trainer.begin(bench.weights(seed), seed)
        course = trainer.run(np.full(steps, rate))
        after = trainer.judge_train()
        broken.append(diverged(course, before, after))
        skill.append(float("nan") if broken[-1] else after.skill)
        loss.append(float("nan") if broken[-1] else after.relative)
    return SweepPoint(rate, tuple(skill), tuple(loss), tuple(broken))
