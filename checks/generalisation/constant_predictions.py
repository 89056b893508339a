"""Whether the model predicts the same for every row."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import COURSE, PROJECT
from diagnose.checks.reading.classes import class_name
from diagnose.checks.reading.wording import percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Evaluation, Network, Score, SplitScores, Unavailable, need
from diagnose.registry import check
from diagnose.subject import Task

ONE_CLASS = 0.95  # share of rows predicted as one class
ITS_SHARE = 0.80  # share of rows that are of this class: above, predicting it often may be right
FEW_ROWS = 20  # fewer may share a class, or a prediction, by chance
SPREAD = 0.05  # standard deviation of the predictions over that of the targets; explains at most 10 % of the variance
MOST_SHOWN = 30  # classes in the evidence


@check("Constant predictions", family="generalisation", needs_task=True, reading=(COURSE, PROJECT))
def constant_predictions(evaluation: Evaluation, network: Network | None) -> Iterator[Finding]:
    """Checks how the predictions spread over the classes, or over the range of the targets.

    ## What it measures
    On train, and on dev if train is fine: the share of rows predicted as the most predicted class, and the share of
    rows that are of that class; for regression, the standard deviation of the predictions over that of the targets.

    ## Why it matters
    A model that predicts the same for every row has collapsed to what can be known without the inputs: the signal does
    not reach the output, or these inputs differ from those it was trained on.

    ## How it is decided
    An error if at least 95 % of the rows are predicted as one class that makes up less than 80 % of them (at least 20
    rows), or if the predictions have less than 5 % of the targets' standard deviation.

    ## Known limits
    Imbalanced classes (above 80 % of one) and multi-label outputs are not judged.

    ## References
    - Karpathy 2019, "A Recipe for Training Neural Networks", karpathy.github.io
    """
    for scores in (need(evaluation.train), evaluation.dev):
        if isinstance(scores, Unavailable):
            return
        found = [finding for score in scores.scores if (finding := _examined(score, scores, network)) is not None]
        yield from found
        if found:
            return


def _examined(score: Score, scores: SplitScores, network: Network | None) -> Finding | None:
    if score.task in (Task.BINARY, Task.MULTICLASS):
        return _one_class(score, scores, network)
    if score.task is Task.REGRESSION and score.spread is not None and score.spread < SPREAD:
        return Finding(
            Severity.ERROR,
            f"on {scores.split} the predictions have only {percent(score.spread)} of the targets' standard deviation",
            Where(output=score.output, split=scores.split),
            value=score.spread,
            threshold=SPREAD,
            rows=score.rows,
        )
    return None


def _one_class(score: Score, scores: SplitScores, network: Network | None) -> Finding | None:
    if score.rows < FEW_ROWS or not score.predicted or len(score.predicted) != len(score.actual):
        return None
    most = int(np.argmax(score.predicted))
    predicted, actual = score.predicted[most], score.actual[most]
    if predicted < ONE_CLASS or actual >= ITS_SHARE:
        return None
    name = class_name(network, score.output, most)
    shown = range(min(len(score.predicted), MOST_SHOWN))
    return Finding(
        Severity.ERROR,
        f"on {scores.split} {percent(predicted)} of the rows are predicted as class {name},"
        f" which makes up {percent(actual)} of them",
        Where(output=score.output, split=scores.split, label=name),
        value=predicted,
        unit="share",
        threshold=ONE_CLASS,
        rows=score.rows,
        evidence=(
            Bars(
                "Share of rows predicted as each class",
                tuple(class_name(network, score.output, index) for index in shown),
                tuple(score.predicted[index] for index in shown),
                "share of rows",
                threshold=ONE_CLASS,
            ),
        ),
    )
