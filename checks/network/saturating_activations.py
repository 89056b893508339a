from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ACTIVATIONS, VANISHING_GRADIENTS
from diagnose.checks.reading.architecture import SIGMOIDS, TANHS, applied_activation, hidden_layers, normalised_after
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Backward, Gradients, Layer, Network
from diagnose.registry import check

MANY_SIGMOIDS = 4  # gradient of the first layer over the last: 6e-3 at 4 layers, 2e-4 at 6, 1e-6 at 10
TOO_MANY_SIGMOIDS = 6  # SGD at 0.01 stayed at chance, Adam reached 86 % where ReLU reached 97 %
MANY_TANHS = 10  # with the right initialisation 20 tanh layers did no harm, so the gradient must confirm it
GRADIENT = 1e-3  # relative gradient of the first layer over the last, at fresh weights


@check("Many layers with saturating activations", family="network", reading=(VANISHING_GRADIENTS, ACTIVATIONS))
def saturating_activations(network: Network, backward: Backward | None) -> Iterator[Finding]:
    """Counts the hidden layers with sigmoid-like activations.

    ## What it measures
    The number of hidden layers with a sigmoid or tanh that is not normalised afterwards; as further evidence, the
    gradient of the first such layer over the last at fresh weights.

    ## Why it matters
    The slope of a sigmoid is at most 1/4, so every layer removes at least three quarters of the gradient. After six
    layers the first receives about a thousandth.

    ## How it is decided
    Four or more sigmoid layers: a warning; six or more: an error, unless the measured gradients disagree. Ten or more
    tanh layers: a warning, only if the gradients confirm it (ratio below 1/1,000).

    ## Known limits
    Recurrent layers, whose gates are sigmoids by design, are not counted.

    ## References
    - Hochreiter, Bengio, Frasconi, Schmidhuber 2001, "Gradient flow in recurrent nets: the difficulty of learning
      long-term dependencies"
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    """
    counted = [
        layer for layer in hidden_layers(network) if not layer.recurrent and not normalised_after(network, layer)
    ]
    sigmoids = [layer for layer in counted if applied_activation(network, layer) in SIGMOIDS]
    tanhs = [layer for layer in counted if applied_activation(network, layer) in TANHS]
    ratio = _ratio(backward, sigmoids or tanhs)
    if len(sigmoids) >= MANY_SIGMOIDS:
        grave = len(sigmoids) >= TOO_MANY_SIGMOIDS and (ratio is None or ratio < GRADIENT)
        yield _finding(Severity.ERROR if grave else Severity.WARNING, sigmoids, "sigmoid", ratio, MANY_SIGMOIDS)
    elif len(tanhs) >= MANY_TANHS and ratio is not None and ratio < GRADIENT:
        yield _finding(Severity.WARNING, tanhs, "tanh", ratio, MANY_TANHS)


def _finding(severity: Severity, layers: list[Layer], name: str, ratio: float | None, threshold: int) -> Finding:
    seen = f"; the first one's gradient is {number(ratio)} times the last one's" if ratio is not None else ""
    return Finding(
        severity,
        f"{len(layers)} hidden layers have {name}-like activations without normalisation" + seen,
        where=Where(layer=layers[0].path),
        value=float(len(layers)),
        threshold=float(threshold),
    )


def _ratio(backward: Backward | None, layers: list[Layer]) -> float | None:
    """Relative gradient of the first of these layers over the last, at fresh weights."""
    gradients = backward.fresh if backward is not None else None
    if not isinstance(gradients, Gradients):
        return None
    paths = {layer.path for layer in layers}
    known = [layer.relative for layer in gradients.layers if layer.path in paths and np.isfinite(layer.relative)]
    return known[0] / known[-1] if len(known) > 1 and known[-1] > 0 else None
