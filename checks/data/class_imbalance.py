from collections.abc import Iterator
from math import prod, sqrt

import numpy as np

from diagnose.checks.further_reading import REAL_WORLD, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Bars, Finding, Interval, Severity, Where
from diagnose.intervals import wilson
from diagnose.measurements import Array, Dataset, Evaluation, Head, Network, Score, SplitScores
from diagnose.registry import check
from diagnose.subject import Task

RATIO = 10.0  # rows of the largest class over the smallest; SageMaker Debugger and deepchecks use the same
GAP = 0.10  # recall of the largest class minus that of the smallest; a smaller gap does not matter
LOST = 0.25  # recall of the smallest class; with its whole interval below, the class is lost
TOLD_APART = (
    0.75  # AUC; above, the inputs tell the class apart, so that its low recall is not in the nature of the data
)
Z = 1.96  # 95 %


@check("Imbalanced classes", family="data", needs_task=True, reading=(REAL_WORLD, RECIPE))
def class_imbalance(dataset: Dataset, network: Network, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the class sizes, and how well the model recognises the smallest class.

    ## What it measures
    The number of training rows of the largest class over that of the smallest, and the difference between their recalls
    on dev (else on train), with its interval.

    ## Why it matters
    If one class dominates, a model reaches a high accuracy by ignoring the others.

    ## How it is decided
    A hint if the ratio is above 10, unless the model was evaluated and recognises the smallest class about as well as
    the largest (gap below 0.10, or not significant at 95 %). A warning if the class is lost for its size: its recall is
    below 0.25 with its whole interval, although its rows get a higher probability of it than other rows (AUC above
    0.75), so that the inputs do tell it apart.

    ## Known limits
    An uneven class mix may reflect reality, and accuracy may be the right metric: a share alone is only a hint.
    Multi-label outputs are not judged; outputs with several positions a row are left to position-imbalance.

    ## References
    - Buda, Maki, Mazurowski 2018, "A systematic study of the class imbalance problem in convolutional neural
      networks", arXiv:1710.05381
    """
    for place, head in enumerate(network.heads):
        if head.output.task not in (Task.BINARY, Task.MULTICLASS):
            continue
        target = dataset.train.targets[place]
        if len(target.shape) > 1 or (target.layout == "integers" and prod(target.shape) > 1):
            continue
        counts = {label: count for label, count in zip(target.classes, target.counts, strict=True) if count > 0}
        if len(counts) < 2 or max(counts.values()) <= RATIO * min(counts.values()):
            continue
        ordered = sorted(counts, key=lambda label: counts[label])
        yield from _effect(head, place, ordered, counts, evaluation)


def _effect(
    head: Head, place: int, ordered: list[float], counts: dict[float, int], evaluation: Evaluation | None
) -> Iterator[Finding]:
    ratio = counts[ordered[-1]] / counts[ordered[0]]
    message = f"the largest class of {head.output.name} has {number(ratio)} times the rows of the smallest"
    gap: Interval | None = None
    severity = Severity.HINT
    judged = _judged(evaluation, place)
    if judged is not None:
        split, score = judged
        measured = _recall_gap(score, int(ordered[0]), int(ordered[-1]))
        if measured is not None:
            difference, gap = measured
            if difference < GAP or gap.low <= 0:
                return
            message += f", and its recall on {split} is {100 * difference:.0f} points higher"
            small = int(ordered[0])
            if _lost(score, small):
                severity = Severity.WARNING
                message += f", though the inputs tell the smallest apart (AUC {score.separation[small]:.2f})"
    yield Finding(
        severity,
        message,
        where=Where(output=head.output.name, split="train", label=head.output.class_name(ordered[0])),
        value=ratio,
        threshold=RATIO,
        interval=gap,
        rows=sum(counts.values()),
        evidence=(_bars(head, ordered, counts),),
    )


def _judged(evaluation: Evaluation | None, place: int) -> tuple[str, Score] | None:
    """The score to judge by: on dev if it exists, else on train."""
    for split in (evaluation.dev, evaluation.train) if evaluation is not None else ():
        if isinstance(split, SplitScores) and split.scores[place].confusion:
            return split.split, split.scores[place]
    return None


def _recall_gap(score: Score, small: int, large: int) -> tuple[float, Interval] | None:
    confusion: Array = np.asarray(score.confusion, dtype=np.float64)
    if max(small, large) >= len(confusion) or min(confusion[small].sum(), confusion[large].sum()) == 0:
        return None
    # Agresti and Caffo: add one success and one failure to each side, so that 0 of 5 does not count as certain.
    rows = [confusion[label].sum() + 2 for label in (small, large)]
    recall = [(confusion[label, label] + 1) / n for label, n in zip((small, large), rows, strict=True)]
    se = sqrt(sum(r * (1 - r) / n for r, n in zip(recall, rows, strict=True)))
    centre = float(recall[1] - recall[0])
    raw = [float(confusion[label, label] / confusion[label].sum()) for label in (small, large)]
    return raw[1] - raw[0], Interval(centre - Z * se, centre + Z * se)


def _lost(score: Score, small: int) -> bool:
    """Whether the smallest class has a low recall that its inputs do not explain."""
    if small >= len(score.separation) or not score.separation[small] > TOLD_APART:
        return False
    row = score.confusion[small]
    return wilson(row[small], sum(row)).high < LOST


def _bars(head: Head, ordered: list[float], counts: dict[float, int]) -> Bars:
    shown = ordered[:15] + ordered[-5:] if len(ordered) > 20 else ordered
    return Bars(
        f"Rows per class of {head.output.name} on train",
        tuple(head.output.class_name(label) for label in shown),
        tuple(float(counts[label]) for label in shown),
        unit="rows",
        log=True,
    )
