from collections.abc import Iterator

from diagnose.checks.further_reading import LOSS_TABLE, NOT_WORKING
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Network
from diagnose.registry import check

SOFTMAXES = frozenset({"softmax", "log_softmax"})


@check("Softmax over a single unit", family="network", reading=(LOSS_TABLE, NOT_WORKING))
def single_unit_softmax(network: Network) -> Iterator[Finding]:
    """Looks for a softmax over only one unit.

    ## What it measures
    Activation and number of units of every head.

    ## Why it matters
    A softmax over one unit is 1, whatever its input. The model predicts the same for every row. With TensorFlow the
    loss may still fall, because it is computed from the logits before the softmax.

    ## How it is decided
    A softmax head with one unit is an error: its output cannot vary.

    ## Known limits
    A Softmax layer after an output of several axes may act on an axis other than the last; it is not judged.

    ## References
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 6.2.2 (sigmoid and softmax units)
    - Humbatova et al. 2020, "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015
    """
    kinds = {layer.path: layer.kind for layer in network.layers}
    for head in network.heads:
        other_axis = kinds.get(head.layer) == "Softmax" and len(head.shape) > 1
        if head.activation in SOFTMAXES and head.units == 1 and not other_axis:
            yield Finding(
                Severity.ERROR,
                f"{head.output.name} ends in a softmax over one unit, which is 1 for every row",
                where=Where(output=head.output.name, layer=head.layer),
                value=1.0,
                threshold=2.0,
            )
