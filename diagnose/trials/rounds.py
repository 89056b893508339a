"""Trials judged on new rows, in rounds: a first look at more changes than get all seeds, and a second at the best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import accumulate, islice
from typing import Any

from diagnose.diagnosis import Effect
from diagnose.measurements import Measurements, NotMeasured
from diagnose.measuring.planning import MORE_TIME, Planner
from diagnose.measuring.work import NO_WORK, Work
from diagnose.settings import Effort
from diagnose.trials.arms import Key, Planned
from diagnose.trials.dev_error import DevError, trainings_beside
from diagnose.trials.joining import AFTER, Trial
from diagnose.trials.plan import DoesNotApply, TrainingPlan
from diagnose.trials.running import Pair, Trials

LOOKS = ("first look at all changes", "first look at other changes", f"first look at changes {AFTER}")
LUCK, NO_CHANGE = "training with other seeds", "other seeds and no change"
MORE_SEEDS = "more seeds for what may help"
HALVED = 2  # times as many changes are tried with one seed as with all


class Rounds(Trials[DevError]):
    """The trials of one round."""

    def __init__(
        self,
        planner: Planner,
        measured: Measurements,
        own: TrainingPlan,
        size: float,
        criterion: DevError,
        *,
        below: Trial | None = None,
        most: int,
        look: str = LOOKS[0],
        keep: Work = NO_WORK,
    ) -> None:
        """See `Trials`; `most` changes are tried with all seeds, after a first `look` at more of them. `keep` is the
        work that comes after them, for which more seeds leave the time.
        """
        super().__init__(planner, measured, own, size, criterion, below=below)
        self._most = most
        self._look = look
        self._keep = keep
        self._others: dict[Key, tuple[Any, ...]] = {}  # arms of the same training with other seeds, by its key

    def run(self, wanted: Sequence[Trial]) -> Iterator[Effect]:
        """Try each by itself, or the most promising ones; then what may help with more seeds."""
        self._announce(wanted, self._most)
        chosen, dropped = self._screened(wanted)
        yield from dropped
        luck = self._luck(chosen)
        tried = self._pooled(list(islice(self._alone(chosen), self._most)), chosen)
        yield from self._surer(tried, chosen)
        yield from luck

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
        """The effects; those that may help with twice the seeds, as far as there is time.

        A second look gives luck a second chance, which the criterion takes into account.
        """
        trials = {trial.remedy: trial for trial in wanted}
        promising = [trials[effect.remedy] for effect in self._promising(tried)]
        firsts = [pair for _, pair in self._following(promising)]
        more = [
            (f"{trial.title} with more seeds", (control.looked_again, changed.looked_again))
            for trial, (control, changed) in zip(promising, firsts, strict=True)
        ]
        if not more:
            return tried
        self._expect(more)
        beside = self._beside(self._own.looked_again, len(more)) if self._deep else ()
        self._criterion = self._criterion.looked_twice()
        surer: dict[str, Effect] = {}
        for number, (trial, first, (title, again)) in enumerate(zip(promising, firsts, more, strict=True), start=1):
            plan, work = self._planner.bench.settings.plan, self._work((*again, *beside))
            if plan and title not in plan:
                continue
            if not self._planner.fits(self._keep + work):
                self._planner.miss(MORE_SEEDS, "the time is kept for what follows", MORE_TIME)
                break
            action = partial(self._with_more, trial.remedy, (first, again), beside, more[number:])
            found = self._ran(title, work, action)
            if found is not None:
                surer[trial.remedy] = self._beyond_placebo(trial, first[1], found)
        return [surer.get(effect.remedy, effect) for effect in tried]

    def _promising(self, tried: Sequence[Effect]) -> Sequence[Effect]:
        """The effects of what may help, the most promising first: at effort deep of all, else of one that may bring
        much, where none helps for sure.
        """
        if self._deep:
            return sorted(filter(self._criterion.may_help, tried), key=lambda effect: effect.after)
        unsure = [] if any(effect.helps for effect in tried) else filter(self._criterion.unsure, tried)
        return sorted(unsure, key=lambda effect: effect.after)[:1]

    def _with_more(
        self, remedy: str, looks: tuple[Pair, Pair], beside: Sequence[Planned], after: Iterable[tuple[str, Pair]]
    ) -> Effect:
        """The effect over both looks; the second one is trained, and `beside` it the same without a change."""
        needed = (*looks[1], *beside)
        self._arms.train(needed, partial(self._ahead, needed, after))
        self._others[self._own.looked_again.key] = tuple(self._arms[one] for one in beside)
        self._used.update(one.key for one in needed)
        return self._between(remedy, *looks)

    @property
    def _deep(self) -> bool:
        return self._planner.bench.settings.effort is Effort.DEEP

    def _luck(self, wanted: Sequence[Trial]) -> tuple[Effect, ...]:
        """Train without a change and with other seeds, at effort deep; return the effect of that, if there is time.

        All changes are then compared with these trainings as well: what one training without a change has by luck would
        seem to be what all changes bring, or lack.
        """
        planner = self._planner
        pairs = [pair for _, pair in islice(self._following(wanted), self._most)]
        if not self._deep or not pairs:
            return ()
        title = LUCK if self._below is None else f"{LUCK} {AFTER}"
        again = self._beside(self._own, len(pairs))
        unchanged = (self._own, *again)
        if not planner.fits(self._work((*unchanged, *(changed for _, changed in pairs)))):
            planner.miss(title, "the time is kept for the changes", MORE_TIME)
            return ()
        found = self._ran(title, self._work(unchanged), partial(self._without_change, again))
        return () if found is None else (found,)

    @staticmethod
    def _beside(own: Planned, changes: int) -> tuple[Planned, ...]:
        """The trainings without a change and with other seeds than `own`, for so many changes."""
        again = accumulate(range(trainings_beside(changes)), lambda one, _: one.other_seeds, initial=own)
        return tuple(again)[1:]

    def _without_change(self, again: tuple[Planned, ...]) -> Effect:
        """The effect of no change."""
        effect = self._effect("", (self._own, again[0]), ())
        self._arms.train(again)
        self._others[self._own.key] = tuple(self._arms[one] for one in again)
        self._used.update(one.key for one in again)
        return replace(effect, what=NO_CHANGE, helps=None, chance=None)

    def _compared(self, pair: Pair) -> tuple[Any, Any]:
        """The trained arms without and with a change; the first with what there is of the same with other seeds."""
        without, changed = super()._compared(pair)
        return without.beside(self._others.get(pair[0].key, ())), changed

    def _screened(self, wanted: Sequence[Trial]) -> tuple[Sequence[Trial], tuple[Effect, ...]]:
        """The most promising trials by a training with one seed each, and the effects of the others, of this seed.

        All trials and no effects if there are no more than wanted, or if the budget does not allow both rounds.
        Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943).
        """
        most = self._most
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
            self._used.add(placebo.key)
            return self._between(trial.remedy, (placebo, changed))

        against = self._ran(f"{trial.title} against {plan.what}", self._work([placebo]), compared)
        if against is not None and against.helps:
            return found
        chance = against.chance if against is not None and against.likely else None
        return replace(found, helps=None, chance=chance)
