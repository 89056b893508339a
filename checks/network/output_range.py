from collections.abc import Iterator
from math import inf

import numpy as np

from diagnose.checks.further_reading import ADVICE, LOSS_TABLE
from diagnose.checks.reading.objectives import BINARY, CROSS_ENTROPIES, train_score
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Head, Network, Score, TargetStatistics
from diagnose.registry import check
from diagnose.subject import Task

RANGES = {  # the values an activation can output
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, inf),
    "exponential": (0.0, inf),
    "elu": (-1.0, inf),
    "selu": (-1.7581, inf),
    "log_softmax": (-inf, 0.0),
    "log_sigmoid": (-inf, 0.0),
}
BEYOND = 0.5  # standard deviations of the target outside the range; less may be a few outliers
OFF = 0.1  # mean |sum - 1| of a softmax over the classes; in half precision rounding makes up to 0.01
FLAT = 1e-9  # least standard deviation, so that a constant target is judged as well
SIGNED = frozenset({"tanh", "hard_tanh", "softsign", "relu", "relu6", "elu", "selu", "leaky_relu"})  # not probabilities
NONNEGATIVE = frozenset({"relu", "relu6", "softplus", "exponential"})


@check("Outputs that cannot reach the targets", family="network", needs_task=True, reading=(LOSS_TABLE, ADVICE))
def output_range(network: Network, dataset: Dataset, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Compares the range of every head's activation with the targets and the loss.

    ## What it measures
    The range of the head's activation, compared with the smallest, largest, mean and standard deviation of a regression
    target on train and on every other split, or with what a cross-entropy expects. Of a softmax, the sums over the
    classes.

    ## Why it matters
    A sigmoid cannot output 50. The error of such rows has a lower bound that no training removes, and the unit
    saturates.

    ## How it is decided
    Regression: an error if the mean plus or minus one standard deviation of a column lies outside the range, and so do
    many rows; a warning if only extremes lie more than half a standard deviation outside. Classification: a head such
    as relu or tanh under a cross-entropy that expects probabilities is an error (a warning for targets between 0 and 1,
    as in autoencoders). A head that cannot be negative under one that expects logits is an error for two classes (no
    probability below one half) and a warning for more. A softmax whose probabilities are finite and do not add up to 1
    within 0.1 on average is an error: it runs over another axis than the classes, as over the rows of an image.

    ## Known limits
    Custom losses are not judged. A Rescaling layer after the activation counts as no activation.

    ## References
    - Bishop 2006, *Pattern Recognition and Machine Learning*, section 4.3.6 (canonical link functions)
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 6.2.2
    """
    for place, head in enumerate(network.heads):
        if head.output.custom_loss or head.activation is None:
            continue
        finding = None
        if head.output.task is Task.REGRESSION and head.output.loss not in CROSS_ENTROPIES:
            found = (_regression(head, split.targets[place], split.name) for split in dataset.splits)
            finding = next((one for one in found if one is not None), None)
        elif head.output.loss in CROSS_ENTROPIES:
            finding = _classification(head) or _other_axis(head, train_score(evaluation, place))
        if finding is not None:
            yield finding


def _regression(head: Head, target: TargetStatistics, split: str) -> Finding | None:
    bottom, top = RANGES.get(head.activation or "", (-inf, inf))
    if target.low.size == 0 or not np.isfinite(target.low).all():
        return None
    std = np.maximum(target.std, FLAT)
    many = bool(np.any(target.mean - std < bottom) or np.any(target.mean + std > top))
    below, above = (bottom - target.low) / std, (target.high - top) / std
    if max(float(below.max()), float(above.max())) <= BEYOND:
        return None
    low_side = float(below.max()) >= float(above.max())
    place = "" if split == "train" else f" on {split}"
    runs = f"{number(float(target.low.min()))} to {number(float(target.high.max()))}"
    return Finding(
        Severity.ERROR if many else Severity.WARNING,
        f"{head.output.name} ends in {head.activation}, which outputs {_range(bottom, top)}, but its targets{place} "
        f"run from {runs}",
        where=Where(output=head.output.name, layer=head.layer, split=split),
        value=float(target.low.min() if low_side else target.high.max()),
        threshold=bottom if low_side else top,
        rows=target.rows,
    )


def _range(bottom: float, top: float) -> str:
    if top == inf:
        return f"at least {number(bottom)}"
    return f"at most {number(top)}" if bottom == -inf else f"{number(bottom)} to {number(top)}"


def _classification(head: Head) -> Finding | None:
    if head.output.from_logits:
        if head.activation not in NONNEGATIVE:
            return None
        return Finding(
            Severity.ERROR if head.output.loss in BINARY else Severity.WARNING,
            f"{head.output.name} ends in {head.activation}, so the logits for {head.output.loss} are never negative",
            where=Where(output=head.output.name, layer=head.layer),
        )
    if head.activation not in SIGNED:
        return None
    return Finding(
        Severity.ERROR if head.output.task.classifies else Severity.WARNING,
        f"{head.output.name} ends in {head.activation}, but {head.output.loss} expects probabilities",
        where=Where(output=head.output.name, layer=head.layer),
    )


def _other_axis(head: Head, score: Score | None) -> Finding | None:
    if head.activation != "softmax" or score is None or score.row_sum_error is None or score.non_finite:
        return None
    off = score.row_sum_error
    if off < OFF:
        return None
    return Finding(
        Severity.ERROR,
        f"the softmax of {head.output.name} runs over another axis than the classes: their probabilities add up to"
        f" 1 ± {number(off)}",
        where=Where(output=head.output.name, layer=head.layer),
        value=off,
        threshold=OFF,
        rows=score.rows,
    )
