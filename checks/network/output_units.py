from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import LOSS_TABLE
from diagnose.checks.reading.objectives import CATEGORICAL, CROSS_ENTROPIES, DISTANCES, DIVERGENCE, HINGES, SPARSE
from diagnose.checks.reading.wording import counted
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Head, Network, TargetStatistics
from diagnose.registry import check

SPARE = 2  # units beyond the classes that are common practice (labels from 1, a unit for "other")
MANY = 2.0  # times the classes; above, the head was probably made for another task


@check("Number of output units", family="network", needs_task=True, reading=(LOSS_TABLE,))
def output_units(network: Network, dataset: Dataset) -> Iterator[Finding]:
    """Compares the number of output units with the labels.

    ## What it measures
    The units of the head, the shape of a target, and the number of classes in the training labels.

    ## Why it matters
    A head with too few units cannot predict every class. If the shapes of head and target differ, broadcasting
    stretches one over the other: each unit is trained on the wrong numbers, and no error is raised.

    ## How it is decided
    Errors: more classes than units under sparse categorical cross-entropy; under any other known loss, a target whose
    number of values differs from the number of units. More than twice as many units as classes: a warning; more than
    two spare units: a hint.

    ## Known limits
    Custom losses may read a head in their own way and are not judged. Spare units cost little; rare classes may be
    absent from the sample.

    ## References
    - keras.io, "Probabilistic losses" (shapes of y_true and y_pred)
    - Humbatova et al. 2020, "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015 (wrong output shape)
    """
    for head, target in zip(network.heads, dataset.train.targets, strict=True):
        if head.output.custom_loss or target.rows == 0 or target.high.size == 0:
            continue
        finding = _sparse(head, target) if head.output.loss in SPARSE else _aligned(head, target)
        if finding is not None:
            yield finding


def _sparse(head: Head, target: TargetStatistics) -> Finding | None:
    if target.layout != "integers" or not (target.low.min() >= 0 and np.isfinite(target.high.max())):
        return None
    distinct, needed = len(target.classes), int(target.high.max()) + 1
    if distinct > head.units:
        return _finding(head, target, Severity.ERROR, f"for {counted(distinct, 'class', 'classes')}", distinct)
    if head.units <= needed + SPARE:
        return None
    severity = Severity.WARNING if head.units > MANY * needed else Severity.HINT
    return _finding(head, target, severity, f"for labels 0 to {needed - 1}", needed)


def _aligned(head: Head, target: TargetStatistics) -> Finding | None:
    if head.output.loss not in CROSS_ENTROPIES | DISTANCES | HINGES:
        return None
    output = tuple(head.shape)
    if len(target.shape) == len(output) and target.shape:
        values, units = target.shape[-1], head.units
    elif len(target.shape) == len(output) - 1:  # (rows,) against (rows, 1) is one value per unit
        values, units = 1, head.units
    else:
        return None
    class_numbers = target.layout == "integers" and head.output.loss in CATEGORICAL | DIVERGENCE
    if values == units or (values == 1 and class_numbers):
        return None  # class numbers for a categorical loss are left to label-format
    return _finding(head, target, Severity.ERROR, f"for {counted(values, 'value')} per target", values)


def _finding(head: Head, target: TargetStatistics, severity: Severity, purpose: str, needed: int) -> Finding:
    return Finding(
        severity,
        f"{head.output.name} has {counted(head.units, 'unit')} {purpose}",
        where=Where(output=head.output.name, layer=head.layer),
        value=float(head.units),
        threshold=float(needed),
        rows=target.rows,
    )
