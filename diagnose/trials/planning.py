"""Runs the trials of remedies that fit into the time budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Protocol

from diagnose.diagnosis import Effect
from diagnose.measurements import DOES_NOT_APPLY, REPORT, Measurements, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import FUNCTIONAL, KEPT, REBUILD, brief
from diagnose.measuring.planning import Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.settings import Effort
from diagnose.trials.joining import RATES, Joint, Trial, joined, on_top
from diagnose.trials.paired import SEEDS, needs_compiling, plan_of
from diagnose.trials.plan import DoesNotApply, TrainingPlan, rate_text
from diagnose.trials.train_skill import TrainSkill

TRIALS = "trials of remedies"
TOGETHER = "trial of all remedies together"
MOST_OF_PLAN = 1 / 3  # share of the time budget that one change on top of another may take at standard effort
NO_COPY = DoesNotApply("the model cannot be rebuilt, so this change cannot be tried", how=REBUILD)
NO_EDIT = DoesNotApply(KEPT, how=FUNCTIONAL)


class Criterion(Protocol):
    """How trials are trained and judged: by what they learn (`TrainSkill`), or on new rows (`DevError`).

    `sizes` are shares of the usual number of steps; the largest with which the first trial fits is used by all.
    `joins`: whether changes that do not help alone are tried together.
    """

    sizes: ClassVar[tuple[float, ...]]
    joins: ClassVar[bool]

    @staticmethod
    def steps(bench: Bench, size: float) -> int: ...
    def train(self, bench: Bench, plan: TrainingPlan) -> Any: ...
    def accept(self, control: Any, steps: int) -> None: ...
    def effect(
        self, remedy: str, what: str, arms: tuple[Any, Any], *, control: str, steps: int, values: Mapping[str, str]
    ) -> Effect: ...


def try_remedies(
    planner: Planner,
    measured: Measurements,
    wanted: Iterable[Trial],
    criterion: Criterion | None = None,
    most: int | None = None,
) -> tuple[Effect, ...]:
    """Try remedies on copies of the model, in the given order, each against the same training without the change.

    They are judged by the train skill, or by another `criterion`; `most` limits how many are tried.

    A trial that fails, or does not fit into the time budget, is listed under coverage. `planner.untried` tells why each
    remedy without an effect was not tried: also that it does not apply to this model.
    """
    wanted = tuple(wanted)
    if not wanted:
        return ()
    bench = planner.bench
    why = ""
    if bench.settings.effort is Effort.QUICK:  # coverage says so for all that needs training
        why = "effort quick does not train"
    elif bench.fine_tuned:
        why = "the initial weights of the fine-tuned layers are unknown"
        planner.miss(TRIALS, why, DOES_NOT_APPLY)
    if why:
        planner.untried |= {trial.remedy: why for trial in wanted}
        return ()
    criterion = criterion or TrainSkill()
    sizes = _sizes(planner, wanted, criterion)
    sized = (
        _Trials(planner, plan_of(bench, measured, criterion.steps(bench, size)), size, criterion) for size in sizes
    )
    chosen = next(trials for trials in sized if trials.size == sizes[-1] or trials.first_fits(wanted))
    chosen.lend_first(wanted)
    return tuple(islice(chosen.run(wanted, most), most))


def how_many_apply(bench: Bench, measured: Measurements, wanted: Iterable[Trial]) -> int:
    """Return the number of trials whose change applies to this model; nothing is built or trained for it."""
    own = plan_of(bench, measured, 1)

    def applies(trial: Trial) -> bool:
        try:
            return isinstance(trial.intervention.change(own), TrainingPlan)
        except Exception:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
            return False

    return sum(map(applies, wanted))


def first_trial(bench: Bench, criterion: type[Criterion] = TrainSkill) -> Work:
    """Return the work of a trial and its control at the smallest size; none if this model cannot be changed."""
    if bench.fine_tuned:
        return Work()
    steps = criterion.steps(bench, criterion.sizes[-1]) + 2 * judging_steps(bench)
    return Work(steps=2 * SEEDS * steps, loops=1)


def _sizes(planner: Planner, wanted: tuple[Trial, ...], criterion: Criterion) -> tuple[float, ...]:
    """The sizes to choose from; if a plan is repeated, its own."""
    given = planner.bench.settings.plan or {}
    known = {given[_title(trial)] for trial in wanted if _title(trial) in given}
    return tuple(size for size in criterion.sizes if size in known) or criterion.sizes


def _title(trial: Trial) -> str:
    return f"trial of {trial.remedy}"


def _failed(error: Exception) -> NotMeasured:
    return NotMeasured(f"the trial failed: {brief(error)}", REPORT)


class _Trials:
    """The trials of one examination; they share the unchanged plan and the arms that are already trained."""

    def __init__(self, planner: Planner, own: TrainingPlan, size: float, criterion: Criterion) -> None:
        self._planner = planner
        self._own = own
        self.size = size
        self._criterion = criterion
        self._arms: dict[tuple[str, ...], Any] = {}  # by their changes
        self._refused = ""  # why the unchanged training says nothing about the model

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
        first = next(filter(self._applies, wanted), None)
        return None if first is None else self._work_of([first])

    def _applies(self, trial: Trial) -> bool:
        return not any(isinstance(plan, DoesNotApply) for plan in self._plans(trial))

    def run(self, wanted: Iterable[Trial], most: int | None) -> Iterator[Effect]:
        """Try each by itself; where one restores learning, others on top of it, else all together, and all but one.

        `most` is how many the caller wants.
        """
        wanted = tuple(wanted)
        alone: dict[str, Effect] = {}
        due = {_title(trial): trial for trial in islice(filter(self._applies, wanted), most)}
        self._planner.expect(tuple(due), lambda titles: self._work_of([due[title] for title in titles]))
        for effect in self._alone(wanted):
            alone[effect.remedy] = effect
            yield effect
        if not self._criterion.joins:
            return
        cures = [trial for trial in wanted if trial.remedy in alone and alone[trial.remedy].restores]
        if cures:
            yield from self._on_top_of(cures[0], [trial for trial in wanted if trial.remedy in alone], alone)
        else:
            yield from self._together(wanted)

    def _on_top_of(self, cure: Trial, tried: list[Trial], alone: Mapping[str, Effect]) -> Iterator[Effect]:
        """What the changes for other causes bring on top of the first cure, and this one on top of them.

        At standard effort these are the other cures and the first suspect; else all, so that suspects can be refuted.
        """
        others = [trial for trial in tried if trial.confirms and not trial.confirms & cure.confirms]
        if self._planner.bench.settings.effort is Effort.STANDARD:
            others = [trial for trial in others if alone[trial.remedy].restores or trial is tried[0]]
        for other in others:
            both = on_top(self._own, cure, other)
            if both is None:
                continue
            work = self._trained_work(both, cure.intervention.cost * other.intervention.cost)
            if self._planner.bench.settings.effort is Effort.STANDARD and not self._planner.spares(work, MOST_OF_PLAN):
                continue
            title = f"trial of {other.remedy} on top of {cure.remedy}"
            try:
                found = self._planner.run(title, work, partial(self._pair, both, cure, other, alone), self.size)
            except Exception as error:  # noqa: BLE001 - changes that work alone may not fit together
                missed = error if isinstance(error, NotMeasured) else _failed(error)
                self._planner.miss(title, str(missed), missed.how)
                continue
            yield from found or ()

    def _pair(self, both: TrainingPlan, cure: Trial, other: Trial, alone: Mapping[str, Effect]) -> tuple[Effect, ...]:
        """The effect of each of two changes on top of the other; of the cure only if the other is one, too."""
        arm = self._trained(both)
        found = []
        for added, below in ((other, cure), (cure, other)):
            if below is cure or alone[below.remedy].restores:
                (changed, _), (control, _) = self._plans(added), self._plans(below)
                assert isinstance(changed, TrainingPlan) and isinstance(control, TrainingPlan)  # both were tried
                effect = self._criterion.effect(
                    added.remedy,
                    alone[added.remedy].what,
                    (self._trained(control), arm),
                    control=alone[below.remedy].what,
                    steps=both.steps,
                    values={},
                )
                found.append(replace(effect, direction="necessary", on_top_of=(below.remedy,)))
        return tuple(found)

    def _alone(self, wanted: Iterable[Trial]) -> Iterator[Effect]:
        for trial in wanted:
            if self._refused:
                self._planner.untried[trial.remedy] = self._refused
                continue
            changed, control = self._plans(trial)
            refused = [plan for plan in (changed, control) if isinstance(plan, DoesNotApply)]
            if isinstance(changed, DoesNotApply) or isinstance(control, DoesNotApply):
                self._planner.untried[trial.remedy] = refused[0].reason
                if refused[0].needless:
                    self._planner.needless.add(trial.remedy)
                if refused[0].how:
                    self._planner.miss(_title(trial), refused[0].reason, refused[0].how)
                continue
            title, work = _title(trial), self._work_of([trial])
            try:
                found = self._planner.run(title, work, partial(self._effect, trial.remedy, changed, control), self.size)
            except Exception as error:  # noqa: BLE001 - a layer may raise anything for settings it does not accept
                missed = error if isinstance(error, NotMeasured) else _failed(error)
                self._planner.miss(title, str(missed), missed.how)
                self._planner.untried[trial.remedy] = str(missed)
                continue
            if found is None:
                self._planner.untried[trial.remedy] = self._planner.why_missed(title)
            else:
                yield found

    def _together(self, wanted: Iterable[Trial]) -> Iterator[Effect]:
        """The changes without which all others together do not restore learning: faults that hide each other."""
        joint = joined(self._own, wanted) if self._planner.bench.rebuilt else None
        if joint is None:
            return
        plans = [self._own, joint.plan, *joint.without.values()]
        work = sum((self._trained_work(plan, 1.0) for plan in plans), Work())
        try:
            found = self._planner.run(TOGETHER, work, partial(self._necessary, joint), self.size)
        except Exception as error:  # noqa: BLE001 - changes that work alone may not fit together
            missed = error if isinstance(error, NotMeasured) else _failed(error)
            self._planner.miss(TOGETHER, str(missed), missed.how)
            return
        yield from found or ()

    def _necessary(self, joint: Joint) -> tuple[Effect, ...]:
        steps, without, repaired = joint.plan.steps, self._trained(self._own), self._trained(joint.plan)
        every = self._criterion.effect("", joint.plan.what, (without, repaired), control="", steps=steps, values={})
        if not every.restores:
            return ()
        found = []
        for remedy, plan in joint.members(repaired.rate).items():
            effect = self._criterion.effect(
                remedy,
                joint.change_of(remedy, repaired.rate),
                (self._trained(plan), repaired),
                control=plan.what,
                steps=steps,
                values={RATES[remedy]: rate_text(repaired.rate)} if remedy in RATES else {},
            )
            others = tuple(code for code in joint.members(repaired.rate) if code != remedy)
            found.append(replace(effect, direction="necessary", on_top_of=others))
        return tuple(effect for effect in found if effect.restores)

    def _plans(self, trial: Trial) -> tuple[TrainingPlan | DoesNotApply, TrainingPlan | DoesNotApply]:
        """The changed plan and its control; an intervention that fails on this model costs one trial."""
        try:
            changed, control = trial.intervention.change(self._own), trial.intervention.control(self._own)
        except Exception as error:  # noqa: BLE001 - a layer of the user's own may lack what every other layer has
            failed = DoesNotApply(str(_failed(error)))
            return failed, failed
        copied = any(isinstance(plan, TrainingPlan) and not plan.keeps_model for plan in (changed, control))
        if any(isinstance(plan, TrainingPlan) and plan.edits and plan.factory for plan in (changed, control)):
            return NO_EDIT, NO_EDIT
        return (NO_COPY, NO_COPY) if copied and not self._planner.bench.rebuilt else (changed, control)

    def _effect(self, remedy: str, changed: TrainingPlan, control: TrainingPlan) -> Effect:
        without = self._trained(control)
        try:
            self._criterion.accept(without, control.steps)
        except NotMeasured as reason:
            self._refused = str(reason)
            raise
        arm = self._trained(changed)
        several = len(changed.rates) > 1
        return self._criterion.effect(
            remedy,
            changed.what + (f" at learning rate {rate_text(arm.rate)}" if several else ""),
            (without, arm),
            control=control.what if control.changes else "",
            steps=changed.steps,
            values={changed.rate_name: f"{rate_text(arm.rate)}"} if changed.rate_name else {},
        )

    def _trained(self, plan: TrainingPlan) -> Any:
        """Train each plan once: most trials share their control, and two remedies may make the same change."""
        if plan.changes not in self._arms:
            self._arms[plan.changes] = self._criterion.train(self._planner.bench, plan)
        return self._arms[plan.changes]

    def _work_of(self, trials: Iterable[Trial]) -> Work:
        """The work of these trials, each plan trained once."""
        arms: dict[tuple[str, ...], Work] = {}
        for trial in trials:
            changed, control = self._plans(trial)
            for plan, cost in ((control, 1.0), (changed, trial.intervention.cost)):
                if isinstance(plan, TrainingPlan):
                    arms.setdefault(plan.changes, self._trained_work(plan, cost))
        return sum(arms.values(), Work())

    def _trained_work(self, plan: TrainingPlan, cost: float) -> Work:
        """The work to train a plan, none if it was trained before; `cost` is that of one step."""
        if plan.changes in self._arms:
            return Work()
        steps = cost * len(plan.rates) * len(plan.seeds) * (plan.steps + 2 * judging_steps(self._planner.bench))
        return Work(steps=steps, loops=needs_compiling(plan, self._own))
