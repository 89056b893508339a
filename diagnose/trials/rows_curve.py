"""The learning curve over rows, and the effect of more rows that it forecasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnose.checks.reading.remaining import Remaining
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import DOES_NOT_APPLY, Array, Forecast, Measurements, NotMeasured, RowsCurve
from diagnose.measuring.bench import Bench
from diagnose.measuring.planning import Planner
from diagnose.measuring.power_law import PowerLaws
from diagnose.measuring.training import Assessment, judging_steps, own_loops
from diagnose.measuring.work import Work
from diagnose.settings import Effort
from diagnose.trials.dev_error import METRICS, DevError, helps, of_output, place_of, stands_for
from diagnose.trials.joining import AFTER, Trial
from diagnose.trials.largest import run_largest
from diagnose.trials.paired import SEEDS, carried_out, plan_of, trainer_for
from diagnose.trials.plan import DoesNotApply, TrainingPlan, unchanged

TITLE = "learning curve over rows"
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)  # of the training rows
FEWEST = 20  # rows in the smallest part
TIMES = (2, 10)  # as many rows


def measure_rows_curve(
    planner: Planner, measured: Measurements, left: Remaining, remedy: str, *, below: Trial | None = None
) -> tuple[RowsCurve, Effect] | None:
    """Train on parts of the rows, as long as the time budget allows; None if that is not possible, which is recorded.

    `left` is the remaining error of the model; the curve is that of its output. `remedy` is the code of the one that
    adds rows. With `below`, a repair, all trainings have that change.
    """
    bench, curve = planner.bench, None
    title = TITLE if below is None else f"{TITLE} {AFTER}"
    change = below.intervention.change if below is not None else unchanged

    def plan(size: float) -> TrainingPlan | DoesNotApply:
        return change(plan_of(bench, measured, DevError.steps(bench, size)))

    if bench.fine_tuned and bench.settings.effort is not Effort.QUICK:
        planner.miss(title, "the initial weights of the fine-tuned layers are unknown", DOES_NOT_APPLY)
    else:
        curve = run_largest(
            planner,
            title,
            DevError.sizes,
            lambda size: work_of(bench, size, below),
            lambda size: _curve(bench, left, plan(size)),
        )
    if curve is not None:
        return curve, _on_top_of(below, plan(1.0), _effect_of(curve, remedy))
    if below is None:
        planner.untried[remedy] = planner.why_missed(title)
    return None


def _on_top_of(below: Trial | None, plan: TrainingPlan | DoesNotApply, effect: Effect) -> Effect:
    """The effect, with the repair that all its trainings have, if there is one."""
    if below is None or isinstance(plan, DoesNotApply):
        return effect
    return replace(effect, control=plan.what, on_top_of=(below.remedy,))


def _effect_of(curve: RowsCurve, remedy: str) -> Effect:
    """The forecast for twice the rows, as the effect of a remedy."""
    twice, now = curve.forecasts[0], float(curve.fitted[-1])
    change = Interval(twice.interval.low - now, twice.interval.high - now, twice.interval.level)
    return Effect(
        code="",
        what=f"twice the rows ({twice.rows:,})",
        before=now,
        after=twice.error,
        interval=change,
        direction="sufficient",
        seeds=curve.errors.shape[1],
        remedy=remedy,
        steps=curve.steps,
        output=curve.output,
        metric=curve.metric,
        helps=helps(change, now),
        chance=_chance(now, twice.error, twice.interval),
        forecast=True,
    )


def _chance(now: float, error: float, interval: Interval) -> float | None:
    """The probability of an error below the one `now`, as if that of the forecast were normal."""
    from scipy.stats import norm

    deviation = (interval.high - interval.low) / (2 * float(norm.ppf(0.5 + interval.level / 2)))
    return float(norm.cdf((now - error) / deviation)) if deviation > 0 else None


def work_of(bench: Bench, size: float = 1.0, below: Trial | None = None) -> Work:
    """The work of a curve of trainings of this size, a share of the full one."""
    cost, loops = (1.0, own_loops(bench)) if below is None else (below.intervention.cost, 1)
    each = cost * DevError.steps(bench, size) + judging_steps(bench)
    return Work(steps=len(SHARES) * SEEDS * each, loops=loops)


def _curve(bench: Bench, left: Remaining, plan: TrainingPlan | DoesNotApply) -> RowsCurve:
    if isinstance(plan, DoesNotApply):
        raise NotMeasured(plan.reason, DOES_NOT_APPLY)
    place, seeds, steps = place_of(bench, left), plan.seeds, plan.steps
    with trainer_for(bench, plan) as (trainer, starts):
        rows: Array = np.unique(np.round(np.multiply(SHARES, trainer.rows)).astype(int))
        if rows[0] < FEWEST or len(rows) < len(SHARES):
            raise NotMeasured("there are too few training rows for parts of them", DOES_NOT_APPLY)

        def trained(seed: int, count: int) -> Assessment:
            order = np.random.default_rng([seed, 3]).permutation(trainer.rows)
            trainer.begin(starts[seed], seed, among=order[:count])
            carried_out(bench, trainer, plan, plan.rates[0])
            return trainer.judge_dev()

        ends = [(trained(seed, trainer.rows), trainer.judge_train()) for seed in seeds]
        dev, train = zip(*ends, strict=True)
        stands_for(left, place, train, dev, steps)  # before the rest is trained
        parts = [[of_output(trained(seed, count), place).error for seed in seeds] for count in rows[:-1]]
        errors = np.array([*parts, [of_output(one, place).error for one in dev]])
        dev_rows = trainer.dev_rows
    if not np.isfinite(errors).all():
        raise NotMeasured("a training on a part of the rows ends with numbers that are not finite", DOES_NOT_APPLY)
    laws = PowerLaws.fit(rows, errors)
    return RowsCurve(
        output="" if left.alone else left.train.output,
        metric=METRICS.get(left.task, "dev error"),
        rows=rows,
        errors=errors,
        fitted=np.array([laws.mean(count) for count in rows]),
        dev_rows=dev_rows,
        steps=steps,
        forecasts=tuple(
            Forecast(int(times * rows[-1]), laws.mean(times * rows[-1]), laws.interval(times * rows[-1]))
            for times in TIMES
        ),
    )
