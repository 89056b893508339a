"""Trials judged on the training rows: whether a change restores learning in a model that needs repair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diagnose.checks.reading.gaps import FAR_BEHIND
from diagnose.diagnosis import LEARNING, Effect
from diagnose.findings import Interval
from diagnose.measurements import Array
from diagnose.measuring.bench import Bench
from diagnose.measuring.copying import Weights
from diagnose.measuring.training import Trainer, diverged
from diagnose.trials.paired import carried_out, trainer_for, trial_steps
from diagnose.trials.plan import TrainingPlan

CLEAR = 0.1  # skill: smallest gain that counts; seeds of one setting differ by less in 9 of 10 models
LEARNS = 0.25  # skill with the change: clearly above the constant prediction
FEWEST = 3  # pairs: with two, Student's interval is wider than the range of skill


@dataclass(frozen=True)
class Arm:
    """Result of one plan: train skill by seed, of each output, 0 for the constant prediction and below.

    The skill of a training that diverged is 0. `rate` is the best candidate learning rate, at its first step.
    """

    skills: dict[str, tuple[float, ...]]  # by the output's name
    rate: float

    @property
    def mean(self) -> float:
        """Over outputs and seeds."""
        return float(np.mean(list(self.skills.values())))


@dataclass(frozen=True)
class TrainSkill:
    """Judges trials by the skill on the training rows after short trainings."""

    sizes: ClassVar[tuple[float, ...]] = (1.0, 0.5)
    arm: ClassVar[type] = Arm
    basis = "skill on train"

    @staticmethod
    def steps(bench: Bench, size: float) -> int:
        """The steps of one training."""
        return round(size * trial_steps(bench))

    @staticmethod
    def begun(own: TrainingPlan) -> TrainingPlan:
        """The plan itself."""
        return own

    def train(self, bench: Bench, plan: TrainingPlan) -> Arm:
        """Train every candidate rate from every seed, and return the candidate with the best mean skill.

        Raises:
            NotMeasured: the copy cannot be built, or its training cannot be judged.
        """
        with trainer_for(bench, plan) as (trainer, starts):
            arms = [Arm(_skills(bench, trainer, starts, rates, plan), float(rates[0])) for rates in plan.rates]
        return max(arms, key=lambda arm: arm.mean)

    def accept(self, control: Arm, steps: int) -> None:
        """Do nothing: any training shows whether something is learned."""

    def effect(
        self,
        remedy: str,
        what: str,
        *looks: tuple[Arm, Arm],
        control: str,
        steps: int,
        values: Mapping[str, str],
        on_top_of: tuple[str, ...] = (),
    ) -> Effect:
        """Return the effect of one trial.

        Of several outputs, it is the effect on the one that gains most; learning is not restored if another loses.

        Args:
            remedy: code of the remedy.
            what: the change as a noun phrase.
            looks: one, of the arms without and with the change; each seed has the same start and order of rows in both.
            control: the arm without the change as a noun phrase; "" for the model's own training.
            steps: number of steps of one training.
            values: the values that were tried, by the names that the remedy's action and snippet use.
            on_top_of: the remedies whose changes are in both arms. Without any, a training that does well without the
                change leaves nothing to restore, and shows nothing (None) unless the change does harm.
        """
        ((without, changed),) = looks
        pairs = {name: _Pair(before, changed.skills[name]) for name, before in without.skills.items()}
        output, most = max(pairs.items(), key=lambda item: (item[1].gain, item[0]))
        others_lose = any(-pair.gain > pair.threshold for pair in pairs.values())
        restores = most.gain > most.threshold and _mean(most.changed) >= LEARNS and not others_lose
        nothing_to_restore = not on_top_of and not most.lacks and -most.gain <= most.threshold and not others_lose
        return Effect(
            code="",
            what=what,
            before=_mean(most.without),
            after=_mean(most.changed),
            interval=paired_interval(most.without, most.changed),
            direction="necessary" if on_top_of else "sufficient",
            seeds=len(most.changed),
            remedy=remedy,
            restores=None if nothing_to_restore else restores,
            threshold=most.threshold,
            control=control,
            steps=steps,
            values=dict(values),
            output=output if len(pairs) > 1 else "",
            on_top_of=on_top_of,
        )


@dataclass(frozen=True)
class _Pair:
    """The skills of one output by seed, without and with the change."""

    without: Sequence[float]
    changed: Sequence[float]

    @property
    def gain(self) -> float:
        return _mean(self.changed) - _mean(self.without)

    @property
    def lacks(self) -> bool:
        """Whether the training without the change falls far behind: else there is nothing to restore."""
        return 1 - _mean(self.without) > FAR_BEHIND

    @property
    def threshold(self) -> float:
        """What the gain must exceed."""
        counted = [self.changed] if _ends_gambling(self.without, self.changed) else [self.without, self.changed]
        return max(CLEAR, 2 * max(map(_deviation, counted)))


def _ends_gambling(without: Sequence[float], changed: Sequence[float]) -> bool:
    """Whether most seeds learn nothing without the change, and every seed learns with it.

    The spread between seeds without it is then the fault itself, and a lucky seed does not count against the change.
    """
    failed = sum(skill < LEARNING for skill in without)
    return min(changed) >= LEARNS and 2 * failed > len(without)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def paired_interval(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """Return the 95 % interval (Student's t) of the mean difference of skills (0 to 1); None below three pairs."""
    from scipy import stats

    pairs = [b - a for a, b in zip(before, after, strict=True)]
    if len(pairs) < FEWEST:
        return None
    mean = sum(pairs) / len(pairs)
    half = float(stats.t.ppf(0.975, len(pairs) - 1)) * _deviation(pairs) / math.sqrt(len(pairs))
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation between seeds."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _skills(
    bench: Bench, trainer: Trainer, starts: dict[int, Weights], rates: Array, plan: TrainingPlan
) -> dict[str, tuple[float, ...]]:
    by_seed = []
    for seed, start in starts.items():
        trainer.begin(start, seed)
        before = trainer.judge_train()
        course = carried_out(bench, trainer, plan, rates)
        after = trainer.judge_train()
        lost = diverged(course, before, after) or not np.isfinite(after.skill)
        each = zip(after.by_output or (after,), plan.reachable, strict=True)
        by_seed.append([0.0 if lost else max(one.skill, 0.0) / reachable for one, reachable in each])
    return dict(zip((output.name for output in plan.outputs), zip(*by_seed, strict=True), strict=True))
