"""Trains the arms of trials and compares them, each with the same training without the change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from diagnose.diagnosis import Effect
from diagnose.measurements import REPORT, Measurements, NotMeasured
from diagnose.measuring.copying import FUNCTIONAL, KEPT, REBUILD, brief
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.trials.arms import Arms, Criterion, Here, Key, Planned, Runner
from diagnose.trials.joining import Trial, chooses_again, with_repair
from diagnose.trials.keeping import kept_in
from diagnose.trials.paired import needs_compiling
from diagnose.trials.plan import DoesNotApply, TrainingPlan, phrase, rate_text
from diagnose.trials.workers import ArmsOfTrials, start_of, workers_of

T = TypeVar("T")
C = TypeVar("C", bound=Criterion)
Pair = tuple[Planned, Planned]  # without and with the change

NO_COPY = DoesNotApply("the model cannot be rebuilt, so this change cannot be tried", how=REBUILD)
NO_EDIT = DoesNotApply(KEPT, how=FUNCTIONAL)
RATE_CHOSEN = DoesNotApply("the repair chooses the optimizer or its learning rate")


def _failed(error: Exception) -> NotMeasured:
    return NotMeasured(f"the trial failed: {brief(error)}", REPORT)


class Trials(Generic[C]):
    """Trials that share the plan that all start from, the user's `own` or that with the repair `below`, and the arms
    that are already trained. `size` is the length of a training as a share of the full one.
    """

    def __init__(
        self,
        planner: Planner,
        measured: Measurements,
        own: TrainingPlan,
        size: float,
        criterion: C,
        *,
        below: Trial | None = None,
    ) -> None:
        self._planner = planner
        self._measured = measured
        begun = Planned(criterion.begun, criterion.begun(own))
        self._users = begun.plan
        self._below = below
        self._own = begun if below is None else with_repair(begun, below)
        self.size = size
        self._criterion = criterion
        self._kept = kept_in(planner.where.kept, planner.bench, own, criterion)
        self._arms = Arms(self._runner, self._kept)
        self._pairs: dict[Trial, Pair | DoesNotApply] = {}
        self._used: set[Key] = set()  # arms that a trial needed: others need not pay for them
        self._refused = ""  # why the unchanged training says nothing about the model

    def _runner(self) -> Runner:
        planner, plan = self._planner, self._own.plan
        workers = workers_of(planner, plan.seeds)
        if workers is None:
            return Here(planner.bench, self._criterion)
        return ArmsOfTrials(workers, self._criterion, self._measured, plan.steps)

    def say_what_is_not_kept(self) -> None:
        """Record why finished arms are not kept although there is a file for them."""
        if self._kept.problem:
            self._planner.miss("journal of trials", self._kept.problem, "Delete the file, or choose another --out.")

    def first_fits(self, wanted: Iterable[Trial]) -> bool:
        """Whether the first trial that applies fits into the budget."""
        work = self._first(wanted)
        return work is None or self._planner.fits(work)

    def lend_first(self, wanted: Iterable[Trial]) -> None:
        """Let the first trial go over the budget: without it the first step of the report has no payoff."""
        work = self._first(wanted)
        if work is not None:
            self._planner.lend(work)

    def _first(self, wanted: Iterable[Trial]) -> Work | None:
        """The work of the first trial that applies."""
        pairs = map(self._pair, wanted)
        return next((self._work(pair) for pair in pairs if not isinstance(pair, DoesNotApply)), None)

    def _announce(self, wanted: Iterable[Trial], most: int | None = None) -> None:
        """Tell the planner which trials are due, for the progress."""
        self._expect(islice(self._following(wanted), most))

    def _expect(self, pairs: Iterable[tuple[str, Pair]]) -> None:
        """Tell the planner which arms are due, by the titles of their trials."""
        due = dict(pairs)
        self._planner.expect(tuple(due), lambda titles: self._work(one for title in titles for one in due[title]))

    def _ran(self, title: str, work: Work, action: Callable[[], T]) -> T | None:
        """What an action found if it fits into the budget and does not fail, which is recorded."""
        try:
            return self._planner.run(title, work, action, self.size)
        except Exception as error:  # noqa: BLE001 - a layer may raise anything for settings it does not accept
            missed = error if isinstance(error, NotMeasured) else _failed(error)
            self._planner.miss(title, str(missed), missed.how)
            return None

    def _alone(self, wanted: Sequence[Trial]) -> Iterator[Effect]:
        alone = self._below is None  # what is tried on top of a repair tells nothing of the model as it is
        untried: dict[str, str] = self._planner.untried if alone else {}
        for number, trial in enumerate(wanted, start=1):
            if self._refused:
                untried[trial.remedy] = self._refused
                continue
            pair = self._pair(trial)
            if isinstance(pair, DoesNotApply):
                untried[trial.remedy] = pair.reason
                if pair.needless and alone:
                    self._planner.needless.add(trial.remedy)
                if pair.how:
                    self._planner.miss(trial.title, pair.reason, pair.how)
                continue
            title, work = trial.title, self._work(pair)
            action = partial(self._effect, trial.remedy, pair, self._following(wanted[number:]))
            found = self._ran(title, work, action)
            if found is None:
                untried[trial.remedy] = self._planner.why_missed(title)
            else:
                yield found

    def _pair(self, trial: Trial) -> Pair | DoesNotApply:
        """The arms without and with the change; some changes have to compare all rows, so each is made once."""
        if trial not in self._pairs:
            self._pairs[trial] = self._planned(trial)
        return self._pairs[trial]

    def _planned(self, trial: Trial) -> Pair | DoesNotApply:
        """The same, made anew; an intervention that fails on this model costs one trial."""
        own, intervention = self._own.plan, trial.intervention
        try:
            changed, control = intervention.change(own), intervention.control(own)
        except Exception as error:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
            return DoesNotApply(str(_failed(error)))
        refusal = self._refusal([plan for plan in (changed, control) if isinstance(plan, TrainingPlan)])
        if refusal is not None:
            return refusal
        if isinstance(changed, DoesNotApply):
            return changed
        if isinstance(control, DoesNotApply):
            return control
        return self._own.then(intervention.control, control), self._own.then(
            intervention.change, changed, intervention.cost
        )

    def _refusal(self, plans: Sequence[TrainingPlan]) -> DoesNotApply | None:
        """Why the plans of a trial cannot be trained for this model, or not on top of the repair; None if they can."""
        if any(not plan.keeps_model for plan in plans) and not self._planner.bench.rebuilt:
            return NO_COPY
        if any(plan.edits and plan.factory for plan in plans):
            return NO_EDIT
        own = self._own.plan
        if any(chooses_again(self._users, own, plan) for plan in plans):
            return RATE_CHOSEN
        return None

    def _following(self, wanted: Iterable[Trial]) -> Iterator[tuple[str, Pair]]:
        """The titles and the arms of the trials that apply."""
        for trial in wanted:
            pair = self._pair(trial)
            if not isinstance(pair, DoesNotApply):
                yield trial.title, pair

    def _effect(self, remedy: str, pair: Pair, after: Iterable[tuple[str, Pair]]) -> Effect:
        self._arms.train(pair, partial(self._ahead, pair, after))
        control, changed = pair
        self._used.add(control.key)
        try:
            self._criterion.accept(self._arms[control], control.plan.steps)
        except NotMeasured as reason:
            self._refused = str(reason)
            raise
        found = self._between(remedy, pair)
        self._used.add(changed.key)
        return found

    def _between(self, remedy: str, *pairs: Pair) -> Effect:
        """The effect of a change, from the trained arms without and with it; several pairs differ in their seeds."""
        control, changed = pairs[0]
        looks = tuple(map(self._compared, pairs))
        plan, rate = changed.plan, looks[0][1].rate
        several = len(plan.rates) > 1
        what = phrase(plan.changes[len(self._own.plan.changes) :])
        return self._criterion.effect(
            remedy,
            what + (f" at learning rate {rate_text(rate)}" if several else ""),
            *looks,
            control=control.plan.what if control.plan.changes else "",
            steps=plan.steps,
            values={plan.rate_name: f"{rate_text(rate)}"} if plan.rate_name else {},
            on_top_of=() if self._below is None else (self._below.remedy,),
        )

    def _compared(self, pair: Pair) -> tuple[Any, Any]:
        """The trained arms without and with a change."""
        control, changed = pair
        return self._arms[control], self._arms[changed]

    def _ahead(self, needed: Sequence[Planned], after: Iterable[tuple[str, Pair]], count: int) -> tuple[Planned, ...]:
        """At least `count` new arms of the next trials, as far as the budget allows, to train beside those needed.

        What is found does not depend on it: an arm that no trial needs in the end is left alone.
        """
        found: tuple[Planned, ...] = ()
        for title, following in after:
            if len({one.key for one in found if one not in self._arms} - {one.key for one in needed}) >= count:
                break
            if self._planner.admits(title, self._work((*needed, *found, *following))):
                found += following
        return found

    def _work(self, arms: Iterable[Planned]) -> Work:
        """The work to train arms, each once; none for those that were trained for an earlier trial."""
        new = {one.key: one for one in arms if one.key not in self._used}
        if self._planner.by_clock:  # what is there takes no time; else the plan would depend on the number of workers
            new = {key: one for key, one in new.items() if one not in self._arms}
        return sum((self._work_of(one) for one in new.values()), start_of(self._planner) if new else Work())

    def _work_of(self, one: Planned) -> Work:
        plan = one.plan
        steps = one.cost * len(plan.rates) * len(plan.seeds) * (plan.steps + 2 * judging_steps(self._planner.bench))
        return Work(steps=steps, loops=needs_compiling(plan, self._own.plan))
