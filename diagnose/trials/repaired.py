"""The repaired copy: trained as long as the user's own model, and evaluated, to see what is left to do then."""

from __future__ import annotations

from dataclasses import replace

from diagnose.diagnosis import Effect
from diagnose.measurements import DOES_NOT_APPLY, Measurements, NotMeasured, Repaired
from diagnose.measuring.bench import Bench
from diagnose.measuring.evaluation import evaluation
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.trials.dev_error import DevError
from diagnose.trials.joining import Trial
from diagnose.trials.largest import run_largest
from diagnose.trials.paired import plan_of, trainer_for
from diagnose.trials.plan import DoesNotApply

TITLE = "repaired copy"
SIZES = (1.0, 0.5)  # shares of the user's own number of steps


def measure_repaired(planner: Planner, measured: Measurements, trial: Trial, effect: Effect) -> Repaired | None:
    """Train a copy with the change that restored learning; None if that is not possible, which is recorded.

    Args:
        planner, measured: of the examination.
        trial: the change.
        effect: what its trial showed.
    """
    bench, cost = planner.bench, trial.intervention.cost
    return run_largest(
        planner,
        TITLE,
        SIZES,
        lambda size: Work(steps=cost * DevError.steps(bench, size) + 4 * judging_steps(bench), loops=2),
        lambda size: _repaired(bench, measured, trial, effect, DevError.steps(bench, size)),
    )


def _repaired(bench: Bench, measured: Measurements, trial: Trial, effect: Effect, steps: int) -> Repaired:
    own = plan_of(bench, measured, steps)
    plan = trial.intervention.change(own)
    if isinstance(plan, DoesNotApply):
        raise NotMeasured(plan.reason, DOES_NOT_APPLY)
    if plan.train is not own.train:
        raise NotMeasured("the repair changes the rows, so that errors are not compared", DOES_NOT_APPLY)
    tried = effect.values.get(plan.rate_name)
    rates = min(plan.rates, key=lambda rates: abs(float(rates[0]) - float(tried))) if tried else plan.rates[0]
    with trainer_for(bench, replace(plan, seeds=plan.seeds[:1])) as (trainer, starts):
        for seed, start in starts.items():
            trainer.begin(start, seed)
            trainer.run(rates)
            trainer.end()
        subject = replace(bench.subject, model=trainer.model, outputs=plan.outputs)
        with Bench(subject, bench.settings) as copy:
            return Repaired(effect.what, steps, evaluation(copy, {}))
