"""Whether the model can memorise a handful of rows."""

from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted, number, percent, skill_text
from diagnose.findings import Finding, Severity, Table
from diagnose.measurements import Attempt, Evaluation, Network, NotMeasured, OverfitBatch, Unavailable
from diagnose.registry import check

LOSS = 0.05  # share of the constant prediction's loss that a learned batch may have left
NEAR_LOSS, NEAR_ERROR = 0.3, 0.15  # an attempt this close lacked steps rather than ability
SKILL = 0.5  # on train: the loaded weights show that the model can learn
TWO = 2  # different rows: one alone is learned as a constant


@check("Cannot overfit one batch", family="process", reading=(RECIPE, NOT_WORKING))
def overfit_batch(overfit: OverfitBatch, network: Network | None, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Trains a fresh copy on at most 16 rows to see whether it can memorise them.

    ## What it measures
    The loss over that of the constant prediction, and the error, on a small balanced batch after up to some hundred
    steps of Adam on that batch alone, at several learning rates, without dropout and penalties.

    ## Why it matters
    A net that cannot memorise 16 rows has a bug or lacks capacity: a wrong loss, a cut graph, a signal that dies on its
    way, a layer that is too narrow. Until it can, more data and tuning are wasted.

    ## How it is decided
    Reported if no attempt brings the loss below 5 % of the constant prediction's (1 % of the variance for regression)
    with at most 5 % of the rows wrong. It is an error if even the best attempt stays far from that and all rows of the
    batch are different. It is a hint if the best attempt came close (30 % of the loss, 15 % wrong), if rows repeat,
    since identical rows may have different labels, if the net has fewer weights than the batch has rows, or is linear
    with fewer inputs than rows, or if the loaded weights have a train skill of at least 0.5.

    ## Known limits
    Nets that need many hundred steps to start (deep recurrent nets, transformers) can fail here and still learn.
    Passing proves little: nets memorise shuffled labels too.

    ## References
    - Karpathy 2019, "A Recipe for Training Neural Networks", karpathy.github.io
    - Zhang et al. 2017, "Understanding deep learning requires rethinking generalization", arXiv:1611.03530
    """
    if not overfit.attempts or overfit.distinct < TWO:
        raise NotMeasured("the batch has no two different rows", "Pass more training rows that differ.")
    if overfit.solved:
        return
    best = min(overfit.attempts, key=lambda attempt: attempt.loss if attempt.loss == attempt.loss else float("inf"))
    excuse = _excuse(overfit, best, network, evaluation)
    yield Finding(
        Severity.HINT if excuse else Severity.ERROR,
        f"a fresh copy of the model cannot memorise {counted(overfit.rows, 'row')}: after {best.steps} steps its loss"
        f" is {number(best.loss)} times that of the constant prediction and {percent(best.error)} {_wrong(network)}"
        f"{excuse}",
        value=best.loss,
        threshold=LOSS,
        rows=overfit.rows,
        evidence=(_attempts(overfit),),
    )


def _excuse(overfit: OverfitBatch, best: Attempt, network: Network | None, evaluation: Evaluation | None) -> str:
    """Another explanation of the failure than a fault, as the end of the message; empty if there is none."""
    if best.loss <= NEAR_LOSS and best.error <= NEAR_ERROR:
        return ", close to success"
    if overfit.distinct < overfit.rows:
        return f", but only {overfit.distinct} rows differ"
    if network is not None and _too_small(network, overfit.rows):
        return ", but it is too small to memorise them all"
    if evaluation is not None and not isinstance(evaluation.train, Unavailable):
        skill = min(score.skill for score in evaluation.train.scores)
        if skill >= SKILL:
            return f", but the loaded weights have a train skill of {skill_text(skill)}"
    return ""


def _too_small(network: Network, rows: int) -> bool:
    weighted = [layer for layer in network.layers if layer.weighted]
    inputs = weighted[0].fan_in if weighted else None
    linear = len(weighted) == 1 and inputs is not None and inputs < rows
    return network.trainable_parameters < rows or linear


def _wrong(network: Network | None) -> str:
    regression = network is not None and not all(head.output.task.classifies for head in network.heads)
    return "of the variance is left" if regression else "of the rows are wrong"


def _attempts(overfit: OverfitBatch) -> Table:
    return Table(
        "Attempts to memorise one batch",
        ("learning rate", "steps", "loss over the constant's", "error"),
        tuple((attempt.rate, attempt.steps, attempt.loss, attempt.error) for attempt in overfit.attempts),
    )
