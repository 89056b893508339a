"""Trials judged by what a net learns: each change alone, on top of one that restores learning, and all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from diagnose.diagnosis import Effect
from diagnose.settings import Effort
from diagnose.trials.arms import Planned
from diagnose.trials.joining import RATES, Joint, Trial, both_changes, joined, member_of, members_of, on_top
from diagnose.trials.plan import DoesNotApply, rate_text
from diagnose.trials.running import Trials
from diagnose.trials.train_skill import TrainSkill

TOGETHER = "trial of all remedies together"
MOST_OF_PLAN = 1 / 3  # share of the time budget that one change on top of another may take at standard effort


class Combinations(Trials[TrainSkill]):
    """The trials of what is suspected."""

    def run(self, wanted: Sequence[Trial]) -> Iterator[Effect]:
        """Try each by itself; where one restores learning, others on top of it, else all together, and all but one.

        What tells no cause comes last.
        """
        self._announce(wanted)
        telling = [trial for trial in wanted if trial.confirms]
        alone: dict[str, Effect] = {}
        for effect in self._alone(telling):
            alone[effect.remedy] = effect
            yield effect
        yield from self._several(telling, alone)
        yield from self._alone([trial for trial in wanted if not trial.confirms])

    def _several(self, wanted: Sequence[Trial], alone: Mapping[str, Effect]) -> Iterator[Effect]:
        """More than one change at once; `alone` are the effects of single ones."""
        tried = [trial for trial in wanted if trial.remedy in alone]
        cure = next((trial for trial in tried if alone[trial.remedy].restores), None)
        if cure is None:
            yield from self._together(tuple(wanted))
        else:
            yield from self._on_top_of(cure, tried, alone)

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
