"""Trials judged on new rows: what a change brings to a model that needs no repair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from diagnose.checks.reading.gaps import POINT, scale_of
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.intervals import SeedSpread, chance_below, seed_ratio, trainings_interval
from diagnose.measurements import REPORT, Array, NotMeasured
from diagnose.measuring.bench import Bench
from diagnose.measuring.replay import usual_length
from diagnose.measuring.training import Assessment, Numbers
from diagnose.subject import Task
from diagnose.trials.folds import in_folds
from diagnose.trials.paired import carried_out, trainer_for
from diagnose.trials.plan import TrainingPlan

if TYPE_CHECKING:
    from diagnose.checks.reading.remaining import Remaining

FAR = 1.25  # times the model's error: from here on a short training says nothing about the model
SAME_GAP = 0.5  # share of the model's gap between train and dev that the training must show
EVEN = 0.5  # chance
WORTH = 0.1  # share of the error; a change that can bring less does not help
METRICS = {Task.REGRESSION: "dev RMSE", Task.OWN_LOSS: "dev loss"}  # all others: an error rate
LONGER_TRAINING = "Allow more time: --budget SECONDS, or --effort deep."


@dataclass(frozen=True)
class DevArm:
    """Result of one plan: the errors of the dev rows after the training, [seeds, rows], of the output at `place`.

    They are shares of wrong labels, squared errors, or losses; `rows` are the numbers of these rows, [seeds, rows].
    `rate` is the learning rate of the first step. `train` and `dev` are the assessments after the training, one per
    seed. `others` are the errors of the same training with other seeds, on the same rows.
    """

    errors: Array
    rows: Numbers
    place: int
    rate: float
    train: tuple[Assessment, ...]
    dev: tuple[Assessment, ...]
    others: tuple[Array, ...] = ()

    @property
    def mean(self) -> float:
        """Over rows and all seeds."""
        return float(np.mean([self.errors, *self.others]))

    def beside(self, others: Sequence[DevArm]) -> DevArm:
        """The arm with those of the same training with other seeds."""
        return replace(self, others=tuple(other.errors for other in others))

    def compared_with(self, changed: Array) -> Array:
        """The errors [seeds, rows] with which those of a changed training with the same seeds are compared.

        They are a mean over the training with the same seed, which starts from the same weights and meets the same
        batches, and those with other seeds, which do not. The more the changed one has in common with the first beyond
        what any two seeds have, the more that one counts: then its luck is the same (common random numbers; the
        weight has the smallest variance).
        """
        if not self.others:
            return self.errors
        shared = float(np.mean([_shared(changed, self.errors, other) for other in self.others]))
        count = len(self.others)
        own = (1 + count * shared) / (1 + count)
        mixed: Array = own * self.errors + (1 - own) * np.mean(self.others, axis=0)
        return mixed


@dataclass(frozen=True)
class DevError:
    """Judges trials by the error on dev rows after trainings from fresh weights, with and without the change.

    `left` is the remaining error of the model, which the unchanged training has to come near; `tries` is the number of
    changes that are compared, and `earlier` that of those before them; the intervals are corrected for both
    (Bonferroni), and for a second look. With `folds`, each seed holds out other rows of train and dev together.
    `spread` is what several changes tell of how much seeds differ; None: each is judged by its own seeds.
    """

    left: Remaining
    tries: int
    earlier: int = 0
    looks: int = 1
    folds: bool = False
    spread: SeedSpread | None = None
    sizes: ClassVar[tuple[float, ...]] = (1.0, 0.5, 0.25)
    arm: ClassVar[type] = DevArm

    @property
    def basis(self) -> str:
        """What an arm depends on."""
        return f"errors on dev of {self.left.train.output}" + (" in folds" if self.folds else "")

    def begun(self, own: TrainingPlan) -> TrainingPlan:
        """The user's own training as it is judged."""
        return in_folds(own) if self.folds else own

    @staticmethod
    def steps(bench: Bench, size: float) -> int:
        """The steps of one training: those of the user's own training, or of a replay."""
        return max(1, round(size * usual_length(bench)))

    def chosen_among(self, tries: int) -> DevError:
        """The same for changes that were chosen among so many."""
        return replace(self, tries=tries)

    def looked_twice(self) -> DevError:
        """The same for a second look, with more seeds."""
        return replace(self, looks=2)

    def pooled(self, arms: Sequence[tuple[DevArm, DevArm]]) -> DevError:
        """The same with what all these arms, without and with a change, tell of how much seeds differ."""
        several = [(_apart(*each), each[0].rows) for each in arms if min(each[0].errors.shape) > 1]
        seeds = {len(values) for values, _ in several}
        if len(seeds) != 1:
            return self
        return replace(self, spread=SeedSpread.of([seed_ratio(*each) for each in several], seeds.pop() - 1))

    @staticmethod
    def unsure(effect: Effect) -> bool:
        """Whether it may be a gain that matters, which more seeds would show."""
        return effect.helps is None and effect.interval is not None and effect.after <= (1 - WORTH) * effect.before

    @staticmethod
    def may_help(effect: Effect) -> bool:
        """Whether it is rather a gain than a loss, but not sure."""
        return not effect.helps and effect.chance is not None and effect.chance > EVEN

    def train(self, bench: Bench, plan: TrainingPlan) -> DevArm:
        """Train the plan from every seed.

        Raises:
            NotMeasured: the copy cannot be built, or the errors of single rows are unknown.
        """
        place = place_of(bench, self.left)
        errors, rows, train, dev = [], [], [], []
        with trainer_for(bench, plan) as (trainer, starts):
            for number, (seed, start) in enumerate(starts.items()):
                among, unseen = plan.split_of(number)
                trainer.begin(start, seed, among, unseen)
                carried_out(bench, trainer, plan, plan.rates[0])
                errors.append(trainer.dev_row_errors()[place])
                rows.append(np.arange(len(errors[0])) if unseen is None else unseen)
                train.append(trainer.judge_train())
                dev.append(trainer.judge_dev())
        found = np.stack(errors)
        if not np.isfinite(found).all():
            raise NotMeasured(f"{plan.what}: the training ends with numbers that are not finite", REPORT)
        return DevArm(found, np.stack(rows), place, float(plan.rates[0][0]), tuple(train), tuple(dev))

    def accept(self, control: DevArm, steps: int) -> None:
        """Check that the unchanged training stands for the model.

        Raises:
            NotMeasured: it stays far behind the model, or it does not overfit as the model does.
        """
        stands_for(self.left, control.place, control.train, control.dev, steps)

    def effect(
        self,
        remedy: str,
        what: str,
        *looks: tuple[DevArm, DevArm],
        control: str,
        steps: int,
        values: Mapping[str, str],
        on_top_of: tuple[str, ...] = (),
    ) -> Effect:
        """The difference of the error on the same dev rows, over rows and seeds of all `looks`: pairs of arms without
        and with the change, each pair with other seeds.

        Before the change, it is that of all trainings without it; after it, that much less or more.
        """
        apart = np.concatenate([_apart(*arms) for arms in looks])
        rows = np.concatenate([without.rows for without, _ in looks])
        before = float(np.mean([without.mean for without, _ in looks]))
        lowest = -math.inf if self._task is Task.OWN_LOSS else 0.0
        after = max(before + float(apart.mean()), lowest)
        tries = self.looks * max(self.earlier + self.tries, 1)
        change = trainings_interval(apart, 1 - 0.05 / tries, rows, self.spread)
        change = in_units(self._task, before, change)
        if self._task is Task.REGRESSION:
            before, after = math.sqrt(before), math.sqrt(after)
        return Effect(
            code="",
            what=what,
            before=before,
            after=after,
            interval=change if len(apart) > 1 else None,
            direction="necessary" if on_top_of else "sufficient",
            seeds=len(apart),
            remedy=remedy,
            control=control,
            steps=steps,
            values=dict(values),
            output="" if self.left.alone else self.left.train.output,
            metric=METRICS.get(self._task, "dev error"),
            helps=helps(change, before),
            chance=chance_below(apart, rows, self.spread) if min(apart.shape) > 1 else None,
            on_top_of=on_top_of,
            folds=self.folds,
        )

    @property
    def _task(self) -> Task:
        return self.left.task


def trainings_beside(changes: int) -> int:
    """The number of trainings with other seeds, beside the first, with which so many changes are compared.

    All in all the square root of the number of changes pays (Dunnett 1955, doi:10.1080/01621459.1955.10501294).
    """
    return max(round(math.sqrt(changes)) - 1, 1)


def _apart(without: DevArm, changed: DevArm) -> Array:
    """The differences of the errors that a change makes, [seeds, rows]."""
    return changed.errors - without.compared_with(changed.errors)


def _shared(changed: Array, own: Array, other: Array) -> float:
    """How much of the luck of a training (0 to 1) a changed one with the same seed shares, by the errors of the rows.

    `other` is the same training as `own` with another seed, which shares nothing of it.
    """
    apart = float(np.square(own - other).mean())
    nearer = float(np.square(changed - other).mean() - np.square(changed - own).mean())
    return min(max(nearer / apart, 0.0), 1.0) if apart else 1.0


def in_units(task: Task, before: float, change: Interval, scale: float = 1.0) -> Interval:
    """An interval of the change of a level as one of the error, in the unit of the target.

    Args:
        task: of the output; the levels of a regression are squared, and its error is an RMSE.
        before: the level before the change, 0 or more.
        change: of the level.
        scale: what the levels were divided by before they were squared; 1: nothing.
    """
    if task is not Task.REGRESSION:
        return Interval(scale * change.low, scale * change.high, change.level)
    low, high = (math.sqrt(max(before + end, 0.0)) - math.sqrt(before) for end in (change.low, change.high))
    return Interval(scale * low, scale * high, change.level)


def stands_for(
    left: Remaining, place: int, train: tuple[Assessment, ...], dev: tuple[Assessment, ...], steps: int
) -> None:
    """Check that trainings of `steps` steps stand for the model, whose remaining error is `left`.

    Args:
        left: the remaining error of the model, of the output at `place`.
        place: number of the output.
        train, dev: the trainings at their ends, one per seed.
        steps: of one training.

    Raises:
        NotMeasured: they stay far behind the model, or do not overfit as the model does.
    """
    unseen, seen = (float(np.mean([_level(left, of_output(one, place)) for one in ends])) for ends in (dev, train))
    if unseen > FAR * left.whole + POINT:
        raise NotMeasured(f"trainings of {steps:,} steps stay behind the model", LONGER_TRAINING)
    if left.gap is not None and left.gap.counts and unseen - seen < SAME_GAP * left.gap.size:
        raise NotMeasured(f"trainings of {steps:,} steps do not overfit as the model does", LONGER_TRAINING)


def _level(left: Remaining, found: Assessment) -> float:
    """An error on the scale of `Remaining.whole`: that of the model's own rows, as dev may have another spread."""
    error = found.error / scale_of(left.train)
    return error**2 if left.task is Task.REGRESSION else error


def place_of(bench: Bench, left: Remaining) -> int:
    """The number of the output whose remaining error is `left`."""
    return [output.name for output in bench.subject.outputs].index(left.train.output)


def of_output(found: Assessment, place: int) -> Assessment:
    """The assessment of the output at `place`."""
    return found.by_output[place] if found.by_output else found


def helps(change: Interval, before: float) -> bool | None:
    """Whether a change of the error is a gain; False if it cannot be one that matters, None if that is open."""
    if change.high < 0:
        return True
    return False if change.low > -WORTH * before else None
