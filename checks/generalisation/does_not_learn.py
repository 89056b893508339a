"""The first gate: whether the model beats a constant prediction on its training rows."""

import math
from collections.abc import Iterator

from diagnose.checks.further_reading import COURSE, PROJECT
from diagnose.checks.reading.error_levels import error_levels
from diagnose.checks.reading.gaps import error_text
from diagnose.checks.reading.wording import counted, number, percent, skill_text
from diagnose.findings import Finding, Interval, Severity, Where
from diagnose.measurements import Evaluation, Initial, Network, NotMeasured, Score, need
from diagnose.registry import check
from diagnose.subject import Task

LOW_SKILL = 0.25  # the share of the constant's error that the model avoids; sick models lie near 0, healthy ones above
FEW_ROWS = 30  # with fewer, an interval may cover 0 for lack of rows, so only a skill near 0 counts
NO_SKILL = 0.1  # the same limit for few rows
SPREAD = 0.01  # deviation of outputs between rows over their size: below, they have collapsed
NEAR_FLOOR = 0.1  # times the loss: a constant output that has less is near the floor
LITTLE = 0.9  # times the constant's loss: padding at the border alone brings the loss of a mask below it
ROUNDING = 1e-6  # of the value that two losses are compared at; sums in float32 differ by less
APART = 0.25  # balanced accuracy above chance, over what is possible: such a model does separate the classes


@check("No better than a constant prediction", family="generalisation", reading=(COURSE, PROJECT))
def does_not_learn(evaluation: Evaluation, network: Network | None, initial: Initial | None) -> Iterator[Finding]:
    """Compares the loaded weights with the best constant prediction on the training rows.

    ## What it measures
    On train, in inference mode, row by row: the error and the loss of the model, and those of the best constant
    prediction (the most frequent class and the class shares; the mean). Where loss and head name no task: the model's
    own loss, that of the best of a few constant outputs (zeros, ones, the model's mean output, the mean target), and
    that of fresh weights. A loss that compares rows is computed on random batches of the size used in training.

    ## Why it matters
    A model that does not beat a constant on rows it has seen has learned nothing, whatever its training curve looks
    like. Its generalisation cannot be judged before that is repaired.

    ## How it is decided
    An error if neither the paired difference of the errors nor that of the losses is above 0 at 95 %, and skill is
    below 0.25 (below 0.1 with fewer than 30 rows). One of the two is enough to pass: with imbalanced classes the error
    may stay at the constant's while the loss shows learning; where a row has many positions, the loss must be below 90
    % of the constant's to show it. Only a hint if a classifier's mean recall over the classes is clearly above chance,
    as with class weights: the model has learned, and accuracy and loss measure something other than what it was trained
    for. An own loss is judged in the same way, with the share of the way from the constant output's loss to 0 as skill
    (to the lowest loss seen, if that is negative). A warning if it beats the constant, but no training shows: it is not
    below that of fresh weights with any seed. A warning, too, if a loss that compares rows is below that of fresh
    weights and the outputs have not collapsed: one point for all rows is then a low bar that hard negatives may keep a
    sound net from reaching.

    ## Known limits
    A model with some skill on very few rows passes. The check relies on train being what the model was trained on:
    other data gives the same picture. A model that was never trained is not judged, nor is an own loss
    that a constant output brings to its floor, or to a tenth of the loss of the weights and of fresh ones: it rewards
    outputs that are all the same, as the distance of two views of a row does.

    ## References
    - Karpathy 2019, "A Recipe for Training Neural Networks", karpathy.github.io
    - Ng 2018, "Machine Learning Yearning", chapters 20 to 22
    - Agresti, Min 2005, "Simple improved confidence intervals for comparing matched proportions",
      doi:10.1002/sim.1781
    """
    train = need(evaluation.train)
    if network is not None and not network.trained:
        raise NotMeasured("the model was never trained", "Train the model, then examine it again.")
    at_floor = [score for score in train.scores if _constant_is_best(score, initial)]
    for score in train.scores:
        if score in at_floor:
            continue
        if not _learned_nothing(score):
            yield from _no_better_than_fresh(score, initial)
            continue
        balanced = _balanced_accuracy(score)
        yield Finding(
            _severity(score, balanced, initial),
            _message(score) + (f", but its balanced accuracy is {percent(balanced)}" if balanced is not None else ""),
            Where(output=score.output, split="train"),
            value=score.skill if math.isfinite(score.skill) else None,
            unit="skill",
            threshold=LOW_SKILL,
            interval=_of_skill(score),
            rows=score.rows,
            evidence=(error_levels(evaluation, score.output),),
        )

    if at_floor:
        raise NotMeasured(
            f"a constant output ({at_floor[0].constant}) has about the lowest loss there is"
            f" ({number(at_floor[0].constant_error)}), so that of {at_floor[0].output} cannot tell what was learned",
            "Add a metric that tells, or name the task: --task T.",
        )


def _constant_is_best(score: Score, initial: Initial | None) -> bool:
    """Whether a constant output brings an own loss to its floor, or, as far as that is known, near it.

    Then it has a small part of the loss of weights that have been trained, and of fresh weights.
    """
    if score.task is not Task.OWN_LOSS or score.constant_loss <= 0:
        return score.task is Task.OWN_LOSS
    fresh = _fresh(score, initial)
    if not fresh or initial is None or score.loss > max(fresh):
        return False
    of_fresh = initial.expected[initial.outputs.index(score.output)]
    return score.constant_loss < NEAR_FLOOR * score.loss and of_fresh < NEAR_FLOOR * min(fresh)


def _of_skill(score: Score) -> Interval | None:
    """The paired interval as a difference of skill; None without a scale."""
    scale = score.constant_error if score.task.classifies else score.constant_error**2
    ahead = score.beats_constant_error
    if not scale > 0 or not (math.isfinite(ahead.low) and math.isfinite(ahead.high)):
        return None
    return Interval(ahead.low / scale, min(1.0, ahead.high / scale), ahead.level)


def _learned_nothing(score: Score) -> bool:
    if score.constant_error == 0 and score.error == 0:
        return False  # all targets are the same: nothing can be better than a constant
    better = _above_rounding(score.beats_constant_error.low, score.constant_error)
    better = better or _above_rounding(score.beats_constant_loss.low, score.constant_loss)
    if score.positions is not None and score.loss > LITTLE * score.constant_loss:
        better = False  # at so many positions, a loss that is a little lower is certain and means nothing
    low = LOW_SKILL if score.rows >= FEW_ROWS else NO_SKILL
    return not better and not score.skill >= low  # nan counts as no skill


def _above_rounding(gain: float, of: float) -> bool:
    return gain > (ROUNDING * abs(of) if math.isfinite(of) else 0.0)


def _severity(score: Score, balanced: float | None, initial: Initial | None) -> Severity:
    if balanced is not None:
        return Severity.HINT
    fresh = _fresh(score, initial)
    apart = score.outputs is not None and score.outputs.relative >= SPREAD
    learned = score.batches is not None and apart and bool(fresh) and score.loss < min(fresh)
    return Severity.WARNING if learned else Severity.ERROR


def _fresh(score: Score, initial: Initial | None) -> tuple[float, ...]:
    """The own loss of fresh weights by seed; empty if unknown."""
    if score.task is not Task.OWN_LOSS or initial is None or score.output not in initial.outputs:
        return ()
    losses = initial.losses[initial.outputs.index(score.output)]
    return losses if all(map(math.isfinite, losses)) else ()


def _no_better_than_fresh(score: Score, initial: Initial | None) -> Iterator[Finding]:
    """The own loss of fresh weights is a second zero point: random weights may separate rows, too."""
    fresh = _fresh(score, initial)
    if not fresh or score.loss < max(fresh):
        return
    yield Finding(
        Severity.WARNING,
        f"on train the own loss is {number(score.error)}, no better than that of fresh weights with any seed",
        Where(output=score.output, split="train"),
        value=score.loss,
        threshold=max(fresh),
        interval=score.loss_interval,
        rows=score.rows,
    )


def _message(score: Score) -> str:
    if score.task is Task.OWN_LOSS:
        return _own_loss(score)
    own, constant = error_text(score.task, score.error), error_text(score.task, score.constant_error)
    if score.non_finite == score.rows:
        return f"on train every prediction is NaN or infinite; the error of the best constant prediction is {constant}"
    worse = score.beats_constant_error.high < 0 and score.beats_constant_loss.high < 0
    verdict = "worse than" if worse else "no better than"
    return (
        f"train error is {own}, {verdict} the best constant prediction's {constant} (skill {skill_text(score.skill)})"
    )


def _own_loss(score: Score) -> str:
    over = "" if score.batches is None else f" over {counted(score.batches, 'batch', 'batches')}"
    verdict = "worse than" if score.beats_constant_loss.high < 0 else "no better than"
    return (
        f"on train the own loss is {number(score.error)}{over}, {verdict} the {number(score.constant_error)} of a"
        f" constant output ({score.constant}; skill {score.skill:.2f})"
    )


def _balanced_accuracy(score: Score) -> float | None:
    """Balanced accuracy, if it is above chance by `APART` of what is possible and by 2 standard errors; else None."""
    if score.positions is not None:
        macro, classes = score.positions.macro_recall, len(score.positions.classes)
        apart = macro.value - 1 / classes > APART * (1 - 1 / classes)
        return macro.value if apart and macro.interval.low > 1 / classes else None
    counted = [(sum(row), row[number]) for number, row in enumerate(score.confusion) if sum(row) > 0]
    if len(counted) < 2:
        return None
    recalls = [right / rows for rows, right in counted]
    balanced, chance = sum(recalls) / len(recalls), 1 / len(score.confusion)
    variance = sum((r * (1 - r) + 1 / rows) / rows for (rows, _), r in zip(counted, recalls, strict=True))
    above = balanced - chance
    certain = above > 2 * math.sqrt(variance) / len(recalls)
    return balanced if certain and above > APART * (1 - chance) else None
