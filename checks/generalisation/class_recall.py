"""Whether the model recognises some class much less often than the others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnose.checks.data.padding_not_masked import padding_label
from diagnose.checks.further_reading import REAL_WORLD
from diagnose.checks.generalisation.constant_predictions import ONE_CLASS
from diagnose.checks.reading.classes import class_name
from diagnose.checks.reading.wording import percent
from diagnose.findings import Bars, Finding, Interval, Severity, Where
from diagnose.intervals import wilson
from diagnose.measurements import (
    DOES_NOT_APPLY,
    Dataset,
    Evaluation,
    Network,
    NotMeasured,
    Positions,
    Score,
    Unavailable,
    need,
)
from diagnose.registry import check

RARE = 0.05  # share of rows; smaller classes are left to class-imbalance
FEW_ROWS = 10  # of a class: fewer say nothing about its recall
NEVER = 0.10  # recall; a class whose whole interval lies below is lost
WEAK = 0.5  # times the overall accuracy; a recall below is low
SHOWN = 5  # weakest classes that are reported


@dataclass(frozen=True)
class Recall:
    label: str
    rows: int
    value: float
    interval: Interval


@check("Classes with low recall", family="generalisation", speaks_live=None, needs_task=True, reading=(REAL_WORLD,))
def class_recall(evaluation: Evaluation, network: Network | None, dataset: Dataset | None) -> Iterator[Finding]:
    """Checks the recall of every class, on dev if it exists, else on train.

    ## What it measures
    For each class the share of its rows that are predicted correctly, with a Wilson interval that holds at 95 % for all
    classes together (Bonferroni), and the accuracy over all rows.

    ## Why it matters
    A good overall error can hide a class that is never recognised. More diverse data, or a class weight, helps there.

    ## How it is decided
    A hint for classes with at least 5 % of the rows, and at least 10 rows, that are never predicted correctly or whose
    whole recall interval lies below half of the accuracy; a warning if the whole interval lies below 10 %. Silent if
    the model predicts only one class, which has its own check. Where a row has many positions, rows are the unit: the
    interval is that of their sample, and a class counts if at least 5 % of the rows have it; the class of padding does
    not count, as a loss may leave it out.

    ## Known limits
    It does not know which classes people confuse as well. Multi-label outputs and outputs of more than 30 classes are
    not judged.

    ## References
    - Ng 2018, "Machine Learning Yearning", chapters 14 to 16
    - He, Garcia 2009, "Learning from Imbalanced Data", doi:10.1109/TKDE.2008.239
    """
    scores = need(evaluation.train) if isinstance(evaluation.dev, Unavailable) else evaluation.dev
    judged = [score for score in scores.scores if score.confusion]
    if not judged:
        raise NotMeasured("no output classifies into 2 to 30 classes", DOES_NOT_APPLY)
    for score in judged:
        if score.positions is None and max(score.predicted, default=0.0) >= ONE_CLASS:
            continue
        recalls = (
            _recalls(score, network)
            if score.positions is None
            else _at_positions(
                score.positions, score, network, padding_label(dataset, score.output) if dataset else None
            )
        )
        accuracy = _accuracy(score)
        rows = sum(map(sum, score.confusion)) if score.positions is None else score.positions.rows
        for recall in sorted((r for r in recalls if _weak(r, accuracy, rows)), key=lambda r: r.value)[:SHOWN]:
            yield Finding(
                Severity.WARNING if recall.interval.high < NEVER else Severity.HINT,
                f"{_recognised(recall, scores.split, score.positions)} (all classes: {percent(accuracy)})",
                Where(output=score.output, split=scores.split, label=recall.label),
                value=recall.value,
                unit="share",
                threshold=WEAK * accuracy,
                interval=recall.interval,
                rows=recall.rows,
                evidence=(_bars(recalls, accuracy),),
            )


def _recalls(score: Score, network: Network | None) -> list[Recall]:
    from scipy.stats import norm

    classes = len(score.confusion)
    z = float(norm.ppf(1 - 0.025 / classes))
    counts = [(index, sum(row), row[index]) for index, row in enumerate(score.confusion)]
    return [
        Recall(class_name(network, score.output, index), round(rows), right / rows, wilson(right, rows, z))
        for index, rows, right in counts
        if rows > 0
    ]


def _at_positions(positions: Positions, score: Score, network: Network | None, padding: int | None) -> list[Recall]:
    return [
        Recall(class_name(network, score.output, one.number), one.rows, one.recall.value, one.recall.interval)
        for one in positions.classes
        if one.number != padding
    ]


def _accuracy(score: Score) -> float:
    matrix = np.asarray(score.confusion)
    return float(np.trace(matrix) / matrix.sum()) if matrix.sum() > 0 else 0.0


def _weak(recall: Recall, accuracy: float, rows: float) -> bool:
    if recall.rows < FEW_ROWS or recall.rows < RARE * rows:
        return False
    return recall.value == 0 or recall.interval.high < WEAK * accuracy


def _recognised(recall: Recall, split: str, positions: Positions | None) -> str:
    if positions is not None:
        return f"on {split} class {recall.label} is found at {percent(recall.value)} of its positions"
    right = round(recall.value * recall.rows)
    count = f"only {right:,} of {recall.rows:,}" if right else f"none of {recall.rows:,}"
    return f"{count} {split} rows of class {recall.label} {'are' if right > 1 else 'is'} recognised"


def _bars(recalls: list[Recall], accuracy: float) -> Bars:
    return Bars(
        "Recall by class",
        tuple(recall.label for recall in recalls),
        tuple(recall.value for recall in recalls),
        "share of its rows",
        tuple(recall.interval.low for recall in recalls),
        tuple(recall.interval.high for recall in recalls),
        threshold=WEAK * accuracy,
    )
