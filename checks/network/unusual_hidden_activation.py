from collections.abc import Iterator

from diagnose.checks.further_reading import ACTIVATIONS
from diagnose.checks.reading.architecture import SIGMOIDS, applied_activation, by_path, gates, hidden_layers
from diagnose.checks.reading.wording import listed
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Layer, Network
from diagnose.registry import check

SHARED = frozenset({"softmax", "log_softmax"})
LINEAR_GROWTH = frozenset({"relu", "relu6"})
POSITIVE = frozenset({"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus"})


@check("Unusual activations", family="network", reading=(ACTIVATIONS,))
def unusual_hidden_activation(network: Network) -> Iterator[Finding]:
    """Looks for output activations in hidden layers, and for hidden activations before an output activation.

    ## What it measures
    The activation of every hidden layer, of recurrent cells, and of the layer that feeds a separate softmax
    or sigmoid at the end.

    ## Why it matters
    A softmax in a hidden layer makes its outputs sum to 1, so almost all are close to 0. A hidden sigmoid outputs only
    positive values and passes at most a quarter of the gradient. A ReLU before the last softmax rules out negative
    logits, and a unit at zero gets no gradient.

    ## How it is decided
    A warning for a hidden softmax, and for an activation that cannot be negative before a separate last softmax or
    sigmoid. A hint for a hidden sigmoid, and for a recurrent cell with relu. Layers that weight others (attention,
    gates, mixtures of experts) are exempt.

    ## Known limits
    One or two sigmoid layers train well on easy tasks; many of them have their own check.

    ## References
    - LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.4 (the sigmoid)
    - Le, Jaitly, Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
      arXiv:1504.00941
    """
    hidden = [layer for layer in hidden_layers(network) if not gates(network, layer)]
    shared = [layer for layer in hidden if applied_activation(network, layer) in SHARED]
    if shared:
        yield _finding(Severity.WARNING, shared, "a softmax in a hidden layer, so the outputs sum to 1")
    clipped = _before_the_last_activation(network)
    if clipped:
        yield _finding(
            Severity.WARNING, clipped, f"a {clipped[0].activation} before the last activation, so no logit is negative"
        )
    sigmoids = [x for x in hidden if not x.recurrent and applied_activation(network, x) in SIGMOIDS]
    if sigmoids:
        yield _finding(
            Severity.HINT,
            sigmoids,
            "a sigmoid in a hidden layer, with only positive values and a slope of at most 1/4",
        )
    growing = [layer for layer in hidden if layer.recurrent and layer.activation in LINEAR_GROWTH]
    if growing:
        yield _finding(
            Severity.HINT, growing, f"a {growing[0].activation} in a recurrent cell, which can grow from step to step"
        )


def _before_the_last_activation(network: Network) -> list[Layer]:
    """Output layers with their own activation before a separate softmax or sigmoid."""
    layers = by_path(network)
    found = []
    for head in network.heads:
        last = layers.get(head.layer)
        separate = last is not None and last.activation != head.activation and head.activation in SHARED | {"sigmoid"}
        if last is not None and separate and last.activation in POSITIVE:
            found.append(last)
    return found


def _finding(severity: Severity, layers: list[Layer], what: str) -> Finding:
    return Finding(
        severity,
        f"{listed([layer.path for layer in layers])} {'has' if len(layers) == 1 else 'have'} {what}",
        where=Where(layer=layers[0].path),
        value=float(len(layers)),
        threshold=0.0,
    )
