"""Estimates the work of trials before it is known which of them run."""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.measurements import Measurements
from diagnose.measuring.bench import Bench
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.settings import Effort
from diagnose.trials.arms import Criterion
from diagnose.trials.joining import Trial
from diagnose.trials.paired import SEEDS, plan_of
from diagnose.trials.plan import TrainingPlan
from diagnose.trials.train_skill import TrainSkill


def how_many_apply(bench: Bench, measured: Measurements, wanted: Iterable[Trial]) -> int:
    """Return the number of trials whose change applies to this model; nothing is built or trained for it."""
    own = plan_of(bench, measured)  # of the usual length: a schedule or an average needs more than one step

    def applies(trial: Trial) -> bool:
        try:
            return isinstance(trial.intervention.change(own), TrainingPlan)
        except Exception:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
            return False

    return sum(map(applies, wanted))


def first_trial(bench: Bench, criterion: type[Criterion] = TrainSkill) -> Work:
    """Return the work of a trial and its control at the smallest size; none if this model cannot be changed."""
    return _work_of(bench, criterion, criterion.sizes[-1], 1)


def all_trials(bench: Bench, criterion: type[Criterion], count: int) -> Work:
    """Return the work of so many trials and their control at full size."""
    return _work_of(bench, criterion, criterion.sizes[0], count)


def likely_trials(planner: Planner, criterion: type[Criterion], count: int) -> Work:
    """Return the work of so many trials and their control, at the size that the budget allows by now."""
    if planner.bench.settings.effort is Effort.QUICK or not count:
        return Work()
    works = {size: _work_of(planner.bench, criterion, size, 1) for size in criterion.sizes}
    size = next((size for size, work in works.items() if planner.fits(work)), criterion.sizes[-1])
    return _work_of(planner.bench, criterion, size, count)


def _work_of(bench: Bench, criterion: type[Criterion], size: float, trials: int) -> Work:
    if bench.fine_tuned:
        return Work()
    steps = criterion.steps(bench, size) + 2 * judging_steps(bench)
    return Work(steps=(1 + trials) * SEEDS * steps, loops=trials)
