"""How much the error grows from training rows to new ones."""

from collections.abc import Iterator

from diagnose.checks.further_reading import AUGMENTATION, L2, LIMITED_DATA
from diagnose.checks.reading.curves import dev_error_rise, learning_curves, rise_that_counts
from diagnose.checks.reading.error_levels import error_levels
from diagnose.checks.reading.gaps import (
    CO_DOMINANT,
    Gap,
    Optimum,
    beaten_clearly,
    error_text,
    gap_text,
    level,
    of_output,
    optimum,
    scale_of,
    share,
)
from diagnose.checks.reading.wording import whole_or
from diagnose.findings import Evidence, Finding, Severity, Where
from diagnose.measurements import (
    DEV,
    Baseline,
    Evaluation,
    History,
    Network,
    NotMeasured,
    Score,
    SplitScores,
    Unavailable,
    need,
)
from diagnose.registry import check
from diagnose.subject import Seen, Task

LEARNED, NOTHING, ENOUGH = 0.5, 0.05, 100  # skill on train, skill on dev, and rows of dev


@check("Variance", family="generalisation", reading=(LIMITED_DATA, AUGMENTATION, L2))
def variance(
    evaluation: Evaluation, network: Network | None, baseline: Baseline | None, history: History | None
) -> Iterator[Finding]:
    """Measures the gap between the train error and the error on unseen rows of the same kind.

    ## What it measures
    The error on the train-dev set, or without one on the dev set, minus the train error, both in inference mode with
    the loaded weights. Regression: mean squared errors over the variance that predicting the mean leaves.

    ## Why it matters
    A large gap shows that the model has memorised its rows rather than learned the pattern: more data, augmentation and
    regularisation help; a bigger net does not.

    ## How it is decided
    Reported above one point and above 2 standard errors of the difference. Every model has some variance, so it is a
    hint. It is a warning if it makes up a quarter or more of the gap between the best known error and the dev error and
    one of these holds: the dev error exceeds a given target; the skill is at least 0.5 on train and below 0.05 on dev
    (at least 100 rows; for a loss of its own: certainly better than the best constant on train, and worse on dev); a
    baseline is clearly better on the same unseen rows (paired, 95 %, by 10 % of the error and
    0.1 of skill); or the dev error itself ended more than 2 standard errors above its minimum in a recorded training (3
    while it runs; a replay does not count). A train error below the best known error means memorising: the whole gap
    then counts as variance.

    ## Known limits
    Without a train-dev set, a difference between the sources of train and dev is part of the gap. On a split that the
    weights may have been trained on, the gap is too small.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 20 to 23, 27, 40 and 41
    - Howard, Gugger 2020, "Deep Learning for Coders with fastai and PyTorch", chapter 1
    """
    train, dev = need(evaluation.train), need(evaluation.dev)
    unseen = dev if isinstance(evaluation.train_dev, Unavailable) else evaluation.train_dev
    if Seen.YES in (dev.seen, unseen.seen):
        raise NotMeasured(f"the weights were trained on the {unseen.split} set", DEV)
    for number, score in enumerate(train.scores):
        gap = Gap(level(score, scale_of(score)), level(unseen.scores[number], scale_of(score)))
        if not gap.counts:
            continue
        best = optimum(network, baseline, score)
        part = _part(score, dev.scores[number], gap, best)
        reason = ""
        if part is None or part >= CO_DOMINANT:
            reason = _above_target(score, dev.scores[number], best) or _beaten(score, baseline)
            reason = reason or _useless(score, dev.scores[number])
            reason = reason or _rise(history, score, dev.scores[number])
        yield Finding(
            Severity.WARNING if reason else Severity.HINT,
            _message(score, unseen, number, gap, part) + reason,
            Where(output=score.output, split=unseen.split),
            value=gap.size,
            unit="share",
            threshold=gap.threshold,
            interval=gap.interval,
            rows=unseen.scores[number].rows,
            evidence=_evidence(evaluation, score, best, history),
        )


def _part(train: Score, dev: Score, gap: Gap, best: Optimum | None) -> float | None:
    """The share of variance in the gap between the optimum and the dev error; None without an optimum."""
    if best is None:
        return None
    bias = Gap(best.level, gap.lower).size
    mismatch = level(dev, scale_of(train)).value - gap.upper.value
    return share(gap.size, bias, mismatch)


def _above_target(train: Score, dev: Score, best: Optimum | None) -> str:
    """The first reason for more than a hint, as the end of the message; empty if it does not hold."""
    if best is None or not best.given or not Gap(best.level, level(dev, scale_of(train))).counts:
        return ""
    return f", above the target error of {error_text(train.task, best.error)}"


def _beaten(train: Score, baseline: Baseline | None) -> str:
    """The second reason: a baseline is clearly better on unseen rows."""
    better = of_output(baseline, train.output)
    if baseline is None or better is None or baseline.held_out == "train" or not beaten_clearly(better, train.task):
        return ""
    return f", while {better.best.name} has an error of {error_text(train.task, better.best.error)}"


def _useless(train: Score, dev: Score) -> str:
    """A further reason: what was learned on train is worth nothing on dev.

    The skill of an own loss stays low where its floor is out of reach, so the comparisons with the constant count.
    """
    lost = dev.rows >= ENOUGH and dev.skill < NOTHING and train.skill >= LEARNED
    if train.task is Task.OWN_LOSS:
        lost = train.beats_constant_loss.low > 0 > dev.beats_constant_loss.high
    return ", which is no better than the best constant prediction's" if lost else ""


def _rise(history: History | None, train: Score, dev: Score) -> str:
    """The third reason: the dev error went up again."""
    if history is None or history.origin == "replay":
        return ""
    found = dev_error_rise(history.of(train.output), train.task.classifies, history.dev_rows or dev.rows)
    if found is None or not found.deviations > rise_that_counts(history):
        return ""
    return f", and the dev error ended {found.deviations:.1f} standard errors above its minimum"


def _message(train: Score, unseen: SplitScores, number: int, gap: Gap, part: float | None) -> str:
    whole = f", {whole_or(part)} the gap between the best known error and the dev error" if part is not None else ""
    return (
        f"{unseen.split} error is {error_text(train.task, unseen.scores[number].error)} against"
        f" {error_text(train.task, train.error)} on train: variance {gap_text(train.task, gap)}{whole}"
    )


def _evidence(
    evaluation: Evaluation, score: Score, best: Optimum | None, history: History | None
) -> tuple[Evidence, ...]:
    levels: tuple[Evidence, ...] = (error_levels(evaluation, score.output, best),)
    return levels if history is None else (*levels, learning_curves(history))
