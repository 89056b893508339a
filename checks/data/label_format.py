from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.objectives import BINARY, CATEGORICAL, DIVERGENCE, SPARSE
from diagnose.checks.reading.wording import counted, number
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Dataset, Head, Network, SplitStatistics, TargetStatistics
from diagnose.registry import check
from diagnose.subject import Task

ROUNDING = 1e-3  # how far outside 0 ... 1 float noise may put a probability
SHOWN = 12  # labels in the evidence


@check("Labels in the wrong format for the loss", family="data", needs_task=True, reading=(RECIPE, NOT_WORKING))
def label_format(dataset: Dataset, network: Network) -> Iterator[Finding]:
    """Compares the format and range of the labels with what the loss expects.

    ## What it measures
    Shape, smallest and largest value, and integrality of the labels of every split, per output.

    ## Why it matters
    A loss does not validate its labels. Depending on the backend, labels out of range select the wrong unit's
    probability, drive the loss below zero, or leave no trace in a normal-looking curve.

    ## How it is decided
    Errors, by the definition of the losses: for sparse categorical cross-entropy, labels that are not integers, are
    negative, are one-hot rows, or exceed the last unit although there are enough units for the classes; for categorical
    cross-entropy, integers instead of rows, or values outside 0 ... 1; for binary cross-entropy, values outside 0 ...
    1. A hint if the labels could be converted without ambiguity and were: all other results rest on the converted
    labels, while your own `fit` would have rejected or misread the original ones.

    ## Known limits
    Custom losses are not judged. More classes than units is left to the check on output units. Hinge losses accept
    labels 0/1 as well as -1/1: Keras converts them.

    ## References
    - keras.io, "Probabilistic losses"
    - Humbatova et al. 2020, "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015 (wrong labels)
    """
    for converted in dataset.train.converted:
        yield Finding(Severity.HINT, f"on train {converted}", where=Where(split="train"), rows=dataset.train.rows)
    for split in dataset.splits:
        for head, target in zip(network.heads, split.targets, strict=True):
            problem = None if head.output.custom_loss else _problem(head, target)
            if problem is not None:
                yield _finding(head, target, split, problem)


def _problem(head: Head, target: TargetStatistics) -> str | None:
    """The predicate of "the labels ..., which the loss does not accept"; None if they are fine."""
    loss = head.output.loss
    if target.low.size == 0 or target.rows == 0 or head.output.task is Task.REGRESSION:
        return None  # numbers under a cross-entropy: the loss is wrong, not the labels
    if loss in SPARSE:
        return _sparse_problem(head, target)
    if loss in CATEGORICAL | DIVERGENCE:
        return _categorical_problem(head, target)
    return _range_problem(target) if loss in BINARY else None


def _sparse_problem(head: Head, target: TargetStatistics) -> str | None:
    columns = target.shape[-1] if target.shape else 1
    if target.layout in ("one-hot", "probabilities", "multi-hot") and columns > 1:
        return f"are rows of {columns} values, one per class, instead of one integer"
    if target.non_integer:
        return f"include {counted(target.non_integer, 'non-integer value')}"
    low, high = float(target.low.min()), float(target.high.max())
    inside = low >= 0 and high < head.units
    if target.layout != "integers" or inside or len(target.classes) > head.units:
        return None
    return (
        f"run from {number(low)} to {number(high)} ({counted(len(target.classes), 'class', 'classes')}) "
        f"instead of within 0 to {head.units - 1}"
    )


def _categorical_problem(head: Head, target: TargetStatistics) -> str | None:
    if target.layout == "integers" and head.units > 1 and (not target.shape or target.shape[-1] == 1):
        return f"are integers instead of rows of {head.units} values, one per class"
    return _range_problem(target)


def _range_problem(target: TargetStatistics) -> str | None:
    low, high = float(target.low.min()), float(target.high.max())
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return None
    return f"run from {number(low)} to {number(high)} instead of 0 to 1"


def _finding(head: Head, target: TargetStatistics, split: SplitStatistics, problem: str) -> Finding:
    labels = tuple((number(value), count) for value, count in zip(target.classes, target.counts, strict=False))
    table = Table(f"Labels of {head.output.name} on {split.name}", ("label", "rows"), labels[:SHOWN])
    return Finding(
        Severity.ERROR,
        f"the labels of {head.output.name} on {split.name} {problem}, which {head.output.loss} does not accept",
        where=Where(output=head.output.name, split=split.name),
        value=float(target.high.max()),
        rows=target.rows,
        evidence=(table,) if labels else (),
    )
