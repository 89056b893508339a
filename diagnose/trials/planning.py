"""Runs the trials of remedies that fit into the time budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from diagnose.diagnosis import Effect
from diagnose.measurements import DOES_NOT_APPLY, REPORT, Measurements, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import REBUILD, brief
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.trials.effects import effect
from diagnose.trials.paired import Arm, needs_compiling, plan_of, train
from diagnose.trials.plan import DoesNotApply, Intervention, TrainingPlan, rate_text

TRIALS = "trials of remedies"


@dataclass(frozen=True)
class Trial:
    """A remedy to try: its code, and its change of a training plan."""

    remedy: str
    intervention: Intervention


def try_remedies(planner: Planner, measured: Measurements, wanted: Iterable[Trial]) -> tuple[Effect, ...]:
    """Try remedies on copies of the model, in the given order, each against the same training without the change.

    A trial that fails, or does not fit into the time budget, is listed under coverage. `planner.untried` tells why each
    remedy without an effect was not tried: also that it does not apply to this model.
    """
    wanted = tuple(wanted)
    if not wanted:
        return ()
    bench = planner.bench
    if reason := _cannot_change(bench):
        planner.miss(TRIALS, *reason)
        planner.untried |= {trial.remedy: reason[0] for trial in wanted}
        return ()
    return tuple(_Trials(planner, plan_of(bench, measured)).run(wanted))


def _cannot_change(bench: Bench) -> tuple[str, str] | None:
    """Why this model cannot be changed, and what to do about it."""
    if not bench.rebuilt:
        return "the model cannot be rebuilt, so no change can be tried", REBUILD
    if bench.fine_tuned:
        return "the initial weights of the fine-tuned layers are unknown", DOES_NOT_APPLY
    return None


def _failed(error: Exception) -> NotMeasured:
    return NotMeasured(f"the trial failed: {brief(error)}", REPORT)


class _Trials:
    """The trials of one examination; they share the unchanged plan and the arms that are already trained."""

    def __init__(self, planner: Planner, own: TrainingPlan) -> None:
        self._planner = planner
        self._own = own
        self._arms: dict[tuple[str, ...], Arm] = {}  # by their changes

    def run(self, wanted: Iterable[Trial]) -> Iterator[Effect]:
        for trial in wanted:
            changed, control = trial.intervention.change(self._own), trial.intervention.control(self._own)
            refused = [plan.reason for plan in (changed, control) if isinstance(plan, DoesNotApply)]
            if isinstance(changed, DoesNotApply) or isinstance(control, DoesNotApply):
                self._planner.untried[trial.remedy] = refused[0]
                continue
            title, work = f"trial of {trial.remedy}", self._work(changed, control)
            try:
                found = self._planner.run(title, work, partial(self._effect, trial.remedy, changed, control))
            except Exception as error:  # noqa: BLE001 - a layer may raise anything for settings it does not accept
                missed = error if isinstance(error, NotMeasured) else _failed(error)
                self._planner.miss(title, str(missed), missed.how)
                self._planner.untried[trial.remedy] = str(missed)
                continue
            if found is None:
                why = [missed.why for missed in self._planner.missed if missed.what == title]
                self._planner.untried[trial.remedy] = why[-1] if why else "it was interrupted"
            else:
                yield found

    def _effect(self, remedy: str, changed: TrainingPlan, control: TrainingPlan) -> Effect:
        without, arm = self._trained(control), self._trained(changed)
        several = len(changed.rates) > 1
        return effect(
            remedy,
            changed.what + (f" at learning rate {rate_text(arm.rate)}" if several else ""),
            (without, arm),
            control=control.what if control.changes else "",
            steps=changed.steps,
            values={changed.rate_name: f"{rate_text(arm.rate)}"} if changed.rate_name else {},
        )

    def _trained(self, plan: TrainingPlan) -> Arm:
        """Train each plan once: most trials share their control, and two remedies may make the same change."""
        if plan.changes not in self._arms:
            self._arms[plan.changes] = train(self._planner.bench, plan)
        return self._arms[plan.changes]

    def _work(self, changed: TrainingPlan, control: TrainingPlan) -> Work:
        plans = [plan for plan in (control, changed) if plan.changes not in self._arms]
        judged = 2 * judging_steps(self._planner.bench)
        steps = sum(len(plan.rates) * len(plan.seeds) * (plan.steps + judged) for plan in plans)
        return Work(steps=steps, loops=sum(needs_compiling(plan, self._own) for plan in plans))
