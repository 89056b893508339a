from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, OBJECTIVES
from diagnose.checks.reading.architecture import by_path
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Dataset, Head, Initial, Network, TargetStatistics
from diagnose.registry import check
from diagnose.subject import Task

LARGE = 100.0  # root mean square of the target; for 5000 +- 2000 the loss fell by 1.4 % in 30 epochs of Adam at 1e-3
NARROW = 0.01  # standard deviation; the loss is below 1e-4 from the start, and so are its gradients
OFFSET = 10.0  # |mean| / standard deviation: the head must first learn an offset of ten standard deviations
UNEVEN = 100.0  # ratio of the spreads of two target columns under one loss
RESCALES = frozenset({"Rescaling", "Normalization"})  # as the last layer they provide the scale
RELATIVE = frozenset(
    {"mean_absolute_percentage_error", "mean_squared_logarithmic_error", "poisson", "cosine_similarity"}
)


@check("Scale of the regression targets", family="data", needs_task=True, reading=(NOT_WORKING, OBJECTIVES))
def target_scale(dataset: Dataset, network: Network, initial: Initial | None) -> Iterator[Finding]:
    """Checks the size of the numbers that a regression head must produce.

    ## What it measures
    Mean and standard deviation of every target column on train, and, if measured, the loss of fresh weights over that
    of the constant prediction.

    ## Why it matters
    A fresh network outputs values around 0 and 1. To reach 5,000, its last layer must grow a thousandfold with a step
    size made for weights around 0.1. Until then the loss hardly moves, and with plain SGD the gradients are huge.

    ## How it is decided
    A warning for a linear head if a column's root mean square is above 100 or its standard deviation below 0.01, if its
    mean is more than 10 standard deviations away from 0, or if two columns under one loss differ in spread by more than
    a factor of 100.

    ## Known limits
    Exempt are relative losses, heads that are not linear, and models that end in a Rescaling or Normalization layer. A
    bias initialised at the target's mean solves an offset and is not taken into account.

    ## References
    - Bishop 1995, *Neural Networks for Pattern Recognition*, section 8.2
    - Karpathy 2019, "A Recipe for Training Neural Networks" (initialise the final bias well)
    """
    layers = by_path(network)
    for head, target in zip(network.heads, dataset.train.targets, strict=True):
        layer = layers.get(head.layer)
        if _applies(head, target) and not (layer is not None and layer.kind in RESCALES):
            yield from _judge(head, target, _fresh_ratio(head, initial))


def _applies(head: Head, target: TargetStatistics) -> bool:
    return (
        head.output.task is Task.REGRESSION
        and head.activation == "linear"
        and head.output.loss not in RELATIVE
        and target.std.size > 0
        and float(np.max(target.std)) > 0
    )


def _fresh_ratio(head: Head, initial: Initial | None) -> float | None:
    """Loss of fresh weights over that of the constant prediction."""
    if initial is None or head.output.name not in initial.outputs:
        return None
    place = initial.outputs.index(head.output.name)
    expected = initial.expected[place]
    return float(np.median(initial.losses[place])) / expected if expected > 0 else None


def _judge(head: Head, target: TargetStatistics, fresh: float | None) -> Iterator[Finding]:
    reason = _reason(target)
    if reason is None:
        return
    message, value, threshold = reason
    if fresh is not None and fresh > 1:
        message += f"; fresh weights start at {number(fresh)} times the loss of the constant prediction"
    columns = range(min(target.std.size, 20))
    yield Finding(
        Severity.WARNING,
        message,
        where=Where(output=head.output.name, split="train"),
        value=value,
        threshold=threshold,
        rows=target.rows,
        evidence=(
            Table(
                f"Target {head.output.name} on train",
                ("column", "mean", "standard deviation", "smallest", "largest"),
                tuple(
                    (i + 1, *map(float, (target.mean[i], target.std[i], target.low[i], target.high[i])))
                    for i in columns
                ),
            ),
        ),
    )


def _reason(target: TargetStatistics) -> tuple[str, float, float] | None:
    varying = target.std > 0
    std, mean = target.std[varying], np.abs(target.mean[varying])
    largest, smallest, offset = float(std.max()), float(std.min()), float(np.max(mean / std))
    size = float(np.sqrt(np.max(mean**2 + std**2)))
    name = f"target {target.output}"
    if size > LARGE:
        return f"the root mean square of {name} is {number(size)}", size, LARGE
    if largest < NARROW:
        return f"the standard deviation of {name} is only {number(largest)}", largest, NARROW
    if offset > OFFSET:
        return f"the mean of {name} is {number(offset)} standard deviations away from 0", offset, OFFSET
    if largest / smallest > UNEVEN:
        ratio = largest / smallest
        return f"the columns of {name} differ in spread by a factor of {number(ratio)}", ratio, UNEVEN
    return None
