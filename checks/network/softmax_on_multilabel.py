from collections.abc import Iterator

from diagnose.checks.further_reading import LOSS_TABLE
from diagnose.checks.reading.objectives import CATEGORICAL
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Head, Network
from diagnose.registry import check

SEVERAL = 0.01  # share of rows with two or more labels; fewer may be labelling errors


@check("Softmax on multi-label targets", family="network", needs_task=True, reading=(LOSS_TABLE,))
def softmax_on_multilabel(network: Network, dataset: Dataset) -> Iterator[Finding]:
    """Looks for rows with several labels under a head that can predict only one.

    ## What it measures
    The share of training rows with two or more ones in their target, if the head is a softmax or the loss applies one.

    ## Why it matters
    The outputs of a softmax sum to 1. Two labels can get at most half each, three a third: no threshold then separates
    "present" from "absent", and every label pushes the others down.

    ## How it is decided
    An error if more than 1 % of the rows have two or more ones.

    ## Known limits
    Rows of probabilities that sum to 1 (label smoothing, distillation) are legitimate and not counted.

    ## References
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 6.2.2
    - Zhang, Zhou 2014, "A Review on Multi-Label Learning Algorithms", IEEE TKDE 26(8)
    """
    for head, target in zip(network.heads, dataset.train.targets, strict=True):
        if target.many_hot > SEVERAL and head.units > 1 and _competes(head):
            yield Finding(
                Severity.ERROR,
                f"{percent(target.many_hot)} of the rows of {head.output.name} have several labels, "
                "but its softmax outputs sum to 1",
                where=Where(output=head.output.name, layer=head.layer, split="train"),
                value=target.many_hot,
                threshold=SEVERAL,
                rows=target.rows,
            )


def _competes(head: Head) -> bool:
    return head.activation == "softmax" or (head.output.from_logits and head.output.loss in CATEGORICAL)
