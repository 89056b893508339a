"""The error that remains, and the bounds of its parts: avoidable bias and variance.

Without a target error nobody knows how much of the train error can be avoided: none of it, or all of it.
"""

from dataclasses import dataclass

from diagnose.checks.reading.gaps import POINT, Gap, Optimum, error_text, level, optimum, scale_of
from diagnose.measurements import Baseline, Evaluation, Network, Score, SplitScores
from diagnose.subject import Seen, Task


@dataclass(frozen=True)
class Remaining:
    """The error of one output on train and on unseen rows.

    `best` is the target error or the best baseline, None without either. Sizes are error rates (0 to 1) or, for
    regression, shares of the target's variance. `alone`: the model has no other output.
    """

    train: Score
    unseen: Score | None  # of the dev set; None without one that training has not seen
    best: Optimum | None
    alone: bool = True
    train_dev: Score | None = None  # unseen rows from the source of train, if given

    @property
    def task(self) -> Task:
        return self.train.task

    @property
    def known(self) -> bool:
        """Whether the lowest possible error is known, because a target was given."""
        return self.best is not None and self.best.given

    @property
    def gap(self) -> Gap | None:
        """From train to unseen rows of the same source, as far as these are known."""
        fresh = self.train_dev or self.unseen
        if fresh is None:
            return None
        scale = scale_of(self.train)
        return Gap(level(self.train, scale), level(fresh, scale))

    @property
    def mismatch(self) -> Gap | None:
        """From unseen rows of the source of train to those of dev; None without a train-dev set."""
        if self.train_dev is None or self.unseen is None:
            return None
        scale = scale_of(self.train)
        return Gap(level(self.train_dev, scale), level(self.unseen, scale))

    @property
    def bias_at_least(self) -> float:
        """The bias that is certain; 0 if the train error is not clearly above the best known error."""
        if self.best is None:
            return 0.0
        bias = Gap(self.best.level, level(self.train, scale_of(self.train)))
        return bias.size if bias.counts else 0.0

    @property
    def bias_at_most(self) -> float:
        """The bias that is possible: without a target, the whole train error."""
        return self.bias_at_least if self.known else level(self.train, scale_of(self.train)).value

    @property
    def whole(self) -> float:
        """The error on unseen rows, or on train without such rows, on the scale of the sizes."""
        return level(self.unseen or self.train, scale_of(self.train)).value

    @property
    def target_met(self) -> bool:
        """Whether the error on unseen rows is within the target error."""
        return self.known and self.unseen is not None and self.best is not None and self.whole <= self.best.level.value

    def amount(self, size: float) -> str:
        """A part of the error on unseen rows in words: "18.9 points are", "17 % is"."""
        if self.task.classifies:
            return f"{100 * size:.1f} points are"
        return f"{100 * size / self.whole:.0f} % is" if self.whole > 0 else "nothing is"

    def text(self, score: Score) -> str:
        """An error in words: "20.5 %", "RMSE 3.4"."""
        rate = 100 * score.error
        return f"{rate:.1f} %" if self.task.classifies and rate >= POINT * 10 else error_text(self.task, score.error)


def remaining(evaluation: Evaluation | None, network: Network | None, baseline: Baseline | None) -> Remaining | None:
    """The error of the output with the largest known part of it, whatever the order of outputs; None if unknown."""
    if evaluation is None or not isinstance(evaluation.train, SplitScores):
        return None
    dev, train_dev = (
        split if isinstance(split, SplitScores) and split.seen != Seen.YES else None
        for split in (evaluation.dev, evaluation.train_dev)
    )
    known = [
        Remaining(
            score,
            dev.scores[place] if dev is not None else None,
            optimum(network, baseline, score),
            len(evaluation.train.scores) == 1,
            train_dev.scores[place] if train_dev is not None else None,
        )
        for place, score in enumerate(evaluation.train.scores)
    ]
    return max(known, key=lambda one: (_largest(one), one.train.output), default=None)


def _largest(one: Remaining) -> float:
    gap = one.gap
    return max(one.bias_at_least, gap.size if gap is not None and gap.counts else 0.0)
