"""Runs the trials of remedies that fit into the time budget."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from itertools import accumulate, islice
from typing import Any, TypeVar

from diagnose.diagnosis import Effect
from diagnose.measurements import DOES_NOT_APPLY, REPORT, Measurements, NotMeasured
from diagnose.measuring.copying import FUNCTIONAL, KEPT, REBUILD, brief
from diagnose.measuring.planning import MORE_TIME, NO_TRAINING, Planner
from diagnose.measuring.training import judging_steps
from diagnose.measuring.work import Work
from diagnose.settings import Effort
from diagnose.trials.arms import Arms, Criterion, Here, Key, Planned, Runner
from diagnose.trials.dev_error import trainings_beside
from diagnose.trials.joining import (
    AFTER,
    RATES,
    Joint,
    Trial,
    both_changes,
    chooses_again,
    joined,
    member_of,
    members_of,
    on_top,
    with_repair,
)
from diagnose.trials.keeping import kept_in
from diagnose.trials.paired import needs_compiling, plan_of
from diagnose.trials.plan import DoesNotApply, TrainingPlan, phrase, rate_text
from diagnose.trials.train_skill import TrainSkill
from diagnose.trials.workers import ArmsOfTrials, start_of, workers_of

T = TypeVar("T")
Pair = tuple[Planned, Planned]  # without and with the change

TRIALS = "trials of remedies"
TOGETHER = "trial of all remedies together"
LOOKS = ("first look at all changes", "first look at other changes", f"first look at changes {AFTER}")
LUCK, NO_CHANGE = "training with other seeds", "other seeds and no change"
HALVED = 2  # times as many changes are tried with one seed as with all
MOST_OF_PLAN = 1 / 3  # share of the time budget that one change on top of another may take at standard effort
NO_COPY = DoesNotApply("the model cannot be rebuilt, so this change cannot be tried", how=REBUILD)
NO_EDIT = DoesNotApply(KEPT, how=FUNCTIONAL)
RATE_CHOSEN = DoesNotApply("the repair chooses the optimizer or its learning rate")


def try_remedies(
    planner: Planner,
    measured: Measurements,
    wanted: Iterable[Trial],
    criterion: Criterion | None = None,
    most: int | None = None,
    *,
    look: str = LOOKS[0],
    below: Trial | None = None,
) -> tuple[Effect, ...]:
    """Try remedies on copies of the model, in the given order, each against the same training without the change.

    They are judged by the train skill, or by another `criterion`; `most` limits how many are tried, the most promising
    after a first `look`. What eases several causes, so that its success does not tell which it is, comes last. With
    `below`, a repair, both trainings have that change: its effects are on top of it.

    A trial that fails, or does not fit into the time budget, is listed under coverage. `planner.untried` tells why each
    remedy without an effect was not tried, unless on top of a repair: also that it does not apply to this model.
    """
    wanted = tuple(sorted(wanted, key=lambda trial: not trial.confirms))
    if not wanted:
        return ()
    bench = planner.bench
    why = ""
    if bench.settings.effort is Effort.QUICK:
        why = NO_TRAINING
    elif bench.fine_tuned:
        why = "the initial weights of the fine-tuned layers are unknown"
        planner.miss(TRIALS, why, DOES_NOT_APPLY)
    if why:
        planner.untried |= {trial.remedy: why for trial in wanted}
        return ()
    criterion = criterion or TrainSkill()
    sizes = _sizes(planner, wanted, criterion)
    sized = (
        _Trials(
            planner,
            measured,
            plan_of(bench, measured, criterion.steps(bench, size)),
            size,
            criterion,
            look=look,
            below=below,
        )
        for size in sizes
    )
    chosen = next(trials for trials in sized if trials.size == sizes[-1] or trials.first_fits(wanted))
    chosen.lend_first(wanted)
    effects = tuple(chosen.run(wanted, most))
    chosen.say_what_is_not_kept()
    return effects


def _sizes(planner: Planner, wanted: tuple[Trial, ...], criterion: Criterion) -> tuple[float, ...]:
    """The sizes to choose from; if a plan is repeated, its own."""
    given = planner.bench.settings.plan or {}
    known = {given[trial.title] for trial in wanted if trial.title in given}
    return tuple(size for size in criterion.sizes if size in known) or criterion.sizes


def _failed(error: Exception) -> NotMeasured:
    return NotMeasured(f"the trial failed: {brief(error)}", REPORT)


class _Trials:
    """The trials of one examination; they share the plan that all start from, the user's own one or that with the
    repair `below`, and the arms that are already trained."""

    def __init__(
        self,
        planner: Planner,
        measured: Measurements,
        own: TrainingPlan,
        size: float,
        criterion: Criterion,
        *,
        look: str = LOOKS[0],
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
        self._look = look
        self._kept = kept_in(planner.where.kept, planner.bench, own, criterion)
        self._arms = Arms(self._runner, self._kept)
        self._pairs: dict[Trial, Pair | DoesNotApply] = {}
        self._used: set[Key] = set()  # arms that a trial needed: others need not pay for them
        self._others: dict[Key, Any] = {}  # the arms of the same training with other seeds
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

    def run(self, wanted: Sequence[Trial], most: int | None) -> Iterator[Effect]:
        """Try each by itself; where one restores learning, others on top of it, else all together, and all but one.

        What tells no cause comes last. `most` is how many the caller wants.
        """
        self._announce(wanted, most)
        if not self._criterion.joins:
            chosen, dropped = (wanted, ()) if most is None else self._screened(wanted, most)
            yield from dropped
            luck = self._luck(chosen, most)
            tried = self._pooled(list(islice(self._alone(chosen), most)), chosen)
            yield from self._surer(tried, chosen)
            yield from luck
            return
        telling = [trial for trial in wanted if trial.confirms]
        alone: dict[str, Effect] = {}
        for effect in self._alone(telling):
            alone[effect.remedy] = effect
            yield effect
        yield from self._several(telling, alone)
        yield from self._alone([trial for trial in wanted if not trial.confirms])

    def _pooled(self, tried: Sequence[Effect], wanted: Sequence[Trial]) -> Sequence[Effect]:
        """The effects, judged by what all changes tell of how much seeds differ; each beyond its placebo."""
        of_remedy = {trial.remedy: trial for trial in wanted}
        trials = [of_remedy[effect.remedy] for effect in tried]
        pairs = [pair for pair in map(self._pair, trials) if not isinstance(pair, DoesNotApply)]
        self._criterion = self._criterion.pooled([self._compared(pair) for pair in pairs])
        return [
            self._beyond_placebo(trial, pair[1], self._between(trial.remedy, pair))
            for trial, pair in zip(trials, pairs, strict=True)
        ]

    def _surer(self, tried: Sequence[Effect], wanted: Sequence[Trial]) -> Sequence[Effect]:
        """The effects; if none helps for sure, that of the most promising change with twice the seeds.

        A second look gives luck a second chance, which the criterion takes into account.
        """
        unsure = [effect for effect in tried if self._criterion.unsure(effect)]
        if not unsure or any(effect.helps for effect in tried):
            return tried
        first = min(unsure, key=lambda effect: effect.after)
        trial = next(trial for trial in wanted if trial.remedy == first.remedy)
        pair = self._pair(trial)
        if isinstance(pair, DoesNotApply):
            return tried
        more = (pair[0].other_seeds, pair[1].other_seeds)
        title = f"{trial.title} with more seeds"
        self._criterion = self._criterion.looked_twice()
        found = self._ran(title, self._work(more), partial(self._with_more, first.remedy, pair, more))
        if found is None:
            return tried
        surer = self._beyond_placebo(trial, pair[1], found)
        return [surer if effect is first else effect for effect in tried]

    def _with_more(self, remedy: str, pair: Pair, more: Pair) -> Effect:
        self._arms.train(more)
        return self._between(remedy, pair, more)

    def _luck(self, wanted: Sequence[Trial], most: int | None) -> tuple[Effect, ...]:
        """Train without a change and with other seeds, at effort deep; return the effect of that, if there is time.

        All changes are then compared with these trainings as well: what one training without a change has by luck would
        seem to be what all changes bring, or lack.
        """
        planner, pairs = self._planner, [pair for pair in map(self._pair, wanted) if not isinstance(pair, DoesNotApply)]
        if planner.bench.settings.effort is not Effort.DEEP or not pairs:
            return ()
        again = self._again(len(pairs[:most]))
        title = LUCK if self._below is None else f"{LUCK} {AFTER}"
        work = self._work((self._own, *again))
        whole = sum((self._work([changed]) for _, changed in pairs[:most]), work)
        if not planner.fits(whole):
            planner.miss(title, "the time is kept for the changes", MORE_TIME)
            return ()
        found = self._ran(title, work, partial(self._without_change, again))
        return () if found is None else (found,)

    def _again(self, changes: int) -> tuple[Planned, ...]:
        """The trainings without a change and with other seeds, for so many changes."""
        again = accumulate(range(trainings_beside(changes)), lambda one, _: one.other_seeds, initial=self._own)
        return tuple(again)[1:]

    def _without_change(self, again: tuple[Planned, ...]) -> Effect:
        """The effect of no change."""
        effect = self._effect("", (self._own, again[0]), ())
        self._arms.train(again)
        self._others = {one.key: self._arms[one] for one in again}
        self._used.update(self._others)
        return replace(effect, what=NO_CHANGE, helps=None, chance=None)

    def _screened(self, wanted: Sequence[Trial], most: int) -> tuple[Sequence[Trial], tuple[Effect, ...]]:
        """The most promising trials by a training with one seed each, and the effects of the others, of this seed.

        All trials and no effects if they are no more than `most`, or if the budget does not allow both rounds.
        Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943).
        """
        every = {trial: self._pair(trial) for trial in wanted}
        apply = {trial: pair for trial, pair in every.items() if not isinstance(pair, DoesNotApply)}
        pairs = dict(islice(apply.items(), HALVED * most))
        plan = self._planner.bench.settings.plan
        if len(pairs) <= most or (plan and self._look not in plan):
            return wanted, ()
        looks = {trial: (control.first_seed, changed.first_seed) for trial, (control, changed) in pairs.items()}
        control = next(control for control, _ in pairs.values())
        first = self._work((control, *(one for look in looks.values() for one in look)))
        dearest = sorted((self._work([changed]) for _, changed in pairs.values()), key=self._planner.seconds)[-most:]
        if not self._planner.fits(sum(dearest, first)):
            return wanted, ()
        effects = self._ran(self._look, first, partial(self._by_first_seed, control, looks))
        if not effects:
            return wanted, ()
        self._criterion = self._criterion.chosen_among(len(pairs))
        ordered = sorted(effects, key=lambda trial: effects[trial].after)
        others = [trial for trial in wanted if trial not in apply]  # listed with their reasons
        return [*others, *ordered[:most]], tuple(effects[trial] for trial in ordered[most:])

    def _by_first_seed(self, control: Planned, looks: Mapping[Trial, Pair]) -> dict[Trial, Effect]:
        """The effects of one training with each change; {} if trials say nothing about the model."""
        self._arms.train([control])
        try:
            self._criterion.accept(self._arms[control], control.plan.steps)
        except NotMeasured:  # the first trial tells
            return {}
        self._arms.train(tuple(one for look in looks.values() for one in look))
        found = {}
        for trial, look in looks.items():
            with suppress(NotMeasured):  # its own trial tells
                found[trial] = self._between(trial.remedy, look)
        return found

    def _several(self, wanted: Sequence[Trial], alone: Mapping[str, Effect]) -> Iterator[Effect]:
        """More than one change at once; `alone` are the effects of single ones."""
        tried = [trial for trial in wanted if trial.remedy in alone]
        cure = next((trial for trial in tried if alone[trial.remedy].restores), None)
        if cure is None:
            yield from self._together(tuple(wanted))
        else:
            yield from self._on_top_of(cure, tried, alone)

    def _announce(self, wanted: Iterable[Trial], most: int | None) -> None:
        """Tell the planner what is due, for the progress."""
        pairs = ((trial.title, self._pair(trial)) for trial in wanted)
        due = dict(islice(((title, pair) for title, pair in pairs if not isinstance(pair, DoesNotApply)), most))
        self._planner.expect(tuple(due), lambda titles: self._work(one for title in titles for one in due[title]))

    def _on_top_of(self, cure: Trial, tried: Sequence[Trial], alone: Mapping[str, Effect]) -> Iterator[Effect]:
        """What the changes for other causes bring on top of the first cure, and this one on top of them.

        At standard effort these are the other cures and the first suspect; else all, so that suspects can be refuted.
        """
        standard = self._planner.bench.settings.effort is Effort.STANDARD
        others = [trial for trial in tried if not trial.confirms & cure.confirms]
        if standard:
            others = [trial for trial in others if alone[trial.remedy].restores or trial is tried[0]]
        for other in others:
            plan = on_top(self._own.plan, cure, other)
            if plan is None:
                continue
            cost = cure.intervention.cost * other.intervention.cost
            both = Planned(partial(both_changes, first=cure, second=other), plan, cost)
            title, work = f"trial of {other.remedy} on top of {cure.remedy}", self._work([both])
            if standard and not self._planner.spares(work, MOST_OF_PLAN):
                continue
            yield from self._ran(title, work, partial(self._both_ways, both, cure, other, alone)) or ()

    def _both_ways(self, both: Planned, cure: Trial, other: Trial, alone: Mapping[str, Effect]) -> tuple[Effect, ...]:
        """The effect of each of two changes on top of the other; of the cure only if the other is one, too."""
        found = []
        for added, below in ((other, cure), (cure, other)):
            pair = self._pair(below)
            if isinstance(pair, DoesNotApply) or not (below is cure or alone[below.remedy].restores):
                continue
            self._arms.train((pair[1], both))
            found.append(
                self._criterion.effect(
                    added.remedy,
                    alone[added.remedy].what,
                    (self._arms[pair[1]], self._arms[both]),
                    control=alone[below.remedy].what,
                    steps=both.plan.steps,
                    values={},
                    on_top_of=(below.remedy,),
                )
            )
        return tuple(found)

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
            action = partial(self._effect, trial.remedy, pair, wanted[number:])
            found = self._ran(title, work, action)
            if found is None:
                untried[trial.remedy] = self._planner.why_missed(title)
            else:
                yield found

    def _beyond_placebo(self, trial: Trial, changed: Planned, found: Effect) -> Effect:
        """The effect; open, and as likely as the gain over it, if a change of the same size without its reason does as
        well, or could not be trained.
        """
        if not found.likely or trial.intervention.placebo is None:
            return found
        plan = trial.intervention.placebo(self._own.plan)
        if isinstance(plan, DoesNotApply):
            return found
        placebo = self._own.then(trial.intervention.placebo, plan, trial.intervention.cost)

        def compared() -> Effect:
            self._arms.train([placebo])
            return self._between(trial.remedy, (placebo, changed))

        against = self._ran(f"{trial.title} against {plan.what}", self._work([placebo]), compared)
        if against is not None and against.helps:
            return found
        chance = against.chance if against is not None and against.likely else None
        return replace(found, helps=None, chance=chance)

    def _together(self, wanted: tuple[Trial, ...]) -> Iterator[Effect]:
        """The changes without which all others together do not restore learning: faults that hide each other."""
        joint = joined(self._own.plan, wanted) if self._planner.bench.rebuilt else None
        if joint is None:
            return
        work = self._work((self._own, *members_of(joint, wanted)))
        yield from self._ran(TOGETHER, work, partial(self._necessary, joint, wanted)) or ()

    def _necessary(self, joint: Joint, wanted: tuple[Trial, ...]) -> tuple[Effect, ...]:
        every, *without_one = members_of(joint, wanted)
        self._arms.train([self._own, every], lambda count: without_one)
        steps, without, repaired = joint.plan.steps, self._arms[self._own], self._arms[every]
        all_at_once = self._criterion.effect(
            "", joint.plan.what, (without, repaired), control="", steps=steps, values={}
        )
        if not all_at_once.restores:
            return ()
        members = {
            remedy: Planned(member_of(wanted, remedy, repaired.rate), plan)
            for remedy, plan in joint.members(repaired.rate).items()
        }
        self._arms.train(tuple(members.values()))
        found = []
        for remedy, member in members.items():
            found.append(
                self._criterion.effect(
                    remedy,
                    joint.change_of(remedy, repaired.rate),
                    (self._arms[member], repaired),
                    control=member.plan.what,
                    steps=steps,
                    values={RATES[remedy]: rate_text(repaired.rate)} if remedy in RATES else {},
                    on_top_of=tuple(code for code in members if code != remedy),
                )
            )
        return tuple(effect for effect in found if effect.restores)

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

    def _effect(self, remedy: str, pair: Pair, after: Sequence[Trial]) -> Effect:
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
        without, arm = self._compared(*pairs)
        plan = changed.plan
        several = len(plan.rates) > 1
        what = phrase(plan.changes[len(self._own.plan.changes) :])
        return self._criterion.effect(
            remedy,
            what + (f" at learning rate {rate_text(arm.rate)}" if several else ""),
            (without, arm),
            control=control.plan.what if control.plan.changes else "",
            steps=plan.steps,
            values={plan.rate_name: f"{rate_text(arm.rate)}"} if plan.rate_name else {},
            on_top_of=() if self._below is None else (self._below.remedy,),
        )

    def _compared(self, *pairs: Pair) -> tuple[Any, Any]:
        """The trained arms without and with a change, each with the seeds of all pairs."""
        return reduce(operator.add, self._without(pairs)), reduce(operator.add, (self._arms[one] for _, one in pairs))

    def _without(self, pairs: Sequence[Pair]) -> Iterator[Any]:
        """The arms without the change; those that are unchanged share what there is of the same with other seeds."""
        controls = [control for control, _ in pairs]
        unchanged = (self._own.key, *self._others)
        left = [arm for key, arm in self._others.items() if all(key != control.key for control in controls)]
        each = len(left) // len(pairs)
        for number, control in enumerate(controls):
            arm, others = self._arms[control], left[number * each :][:each]
            yield arm.beside(others) if others and control.key in unchanged else arm

    def _ahead(self, pair: Pair, after: Iterable[Trial], count: int) -> tuple[Planned, ...]:
        """At least `count` new arms of the next trials, as far as the budget allows, to train beside those of `pair`.

        What is found does not depend on it: an arm that no trial needs in the end is left alone.
        """
        found: tuple[Planned, ...] = ()
        for trial in after:
            if len({one.key for one in found if one not in self._arms} - {one.key for one in pair}) >= count:
                break
            following = self._pair(trial)
            if isinstance(following, DoesNotApply):
                continue
            if self._planner.admits(trial.title, self._work((*pair, *found, *following))):
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
