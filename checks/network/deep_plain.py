from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ADVICE, ARCHITECTURES
from diagnose.checks.reading.architecture import hidden_layers
from diagnose.checks.reading.wording import number
from diagnose.findings import Curves, Finding, Series, Severity, Where
from diagnose.measurements import Backward, Forward, Gradients, Network, Unavailable
from diagnose.registry import check

DEEP = 10  # hidden layers; VGG has up to 18 and needs care, most plain networks have 2 to 8
SIGNAL = 1e-2  # variation between rows at the last hidden layer over the first, at fresh weights
LOST = 1e-4  # nothing of the input arrives
GRADIENT = 1e-3  # relative gradient of the first layer over the last; 0.16 to 1.5 in healthy plain networks


@check("Deep network without skip connections", family="network", reading=(ARCHITECTURES, ADVICE))
def deep_plain(network: Network, forward: Forward | None, backward: Backward | None) -> Iterator[Finding]:
    """Finds long chains of layers with neither skip connections nor normalisation.

    ## What it measures
    The number of hidden layers with weights in a network that neither merges nor normalises; as further evidence,
    signal and gradient at fresh weights.

    ## Why it matters
    A chain multiplies: small losses or gains per layer add up to a lost or exploded signal. Plain networks of more than
    about ten layers train worse than shallower ones, even on the training data.

    ## How it is decided
    More than 10 such layers are a hint. A warning if, at fresh weights, the last hidden layer varies less than 1/100
    (or more than 100 times) as much as the first, or if the first layer's gradient is below 1/1,000 of the last one's;
    an error if that signal is below 1/10,000.

    ## Known limits
    Pretrained and recurrent layers are not counted. With careful initialisation, plain networks of this depth do train.

    ## References
    - He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385
    - Srivastava, Greff, Schmidhuber 2015, "Highway Networks", arXiv:1505.00387
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    """
    chain = [layer for layer in hidden_layers(network) if not layer.pretrained and not layer.recurrent]
    plain = not network.skips and not any(layer.normalises and layer.parameters for layer in network.layers)
    if len(chain) <= DEEP or not plain:
        return
    paths = [layer.path for layer in chain]
    spreads = _spreads(forward, paths)
    signal = spreads[-1] / spreads[0] if len(spreads) > 1 and spreads[0] > 0 else None
    gradient = _gradient_ratio(backward, paths)
    message = f"{len(chain)} hidden layers in a row have no skip connection and no normalisation"
    if signal is not None and not SIGNAL <= signal <= 1 / SIGNAL:
        message += f"; at fresh weights the variation between rows changes by a factor of {number(signal)} over them"
    elif gradient is not None and gradient < GRADIENT:
        message += f"; the first layer's gradient is {number(gradient)} times the last one's"
    yield Finding(
        _severity(signal, gradient),
        message,
        where=Where(layer=paths[0]),
        value=float(len(chain)),
        threshold=float(DEEP),
        rows=_rows(forward),
        evidence=_curves(spreads),
    )


def _severity(signal: float | None, gradient: float | None) -> Severity:
    if signal is not None and signal < LOST:
        return Severity.ERROR
    lost = signal is not None and not SIGNAL <= signal <= 1 / SIGNAL
    vanished = gradient is not None and gradient < GRADIENT
    return Severity.WARNING if lost or vanished else Severity.HINT


def _rows(forward: Forward | None) -> int | None:
    return None if forward is None or isinstance(forward.fresh, Unavailable) else forward.fresh.rows


def _spreads(forward: Forward | None, paths: list[str]) -> list[float]:
    if forward is None or isinstance(forward.fresh, Unavailable):
        return []
    return [
        float(np.sqrt(np.mean(layer.std**2)))
        for layer in forward.fresh.layers
        if layer.path in paths and layer.std.size
    ]


def _gradient_ratio(backward: Backward | None, paths: list[str]) -> float | None:
    gradients = backward.fresh if backward is not None else None
    if not isinstance(gradients, Gradients):
        return None
    known = [layer.relative for layer in gradients.layers if layer.path in paths and np.isfinite(layer.relative)]
    return known[0] / known[-1] if len(known) > 1 and known[-1] > 0 else None


def _curves(spreads: list[float]) -> tuple[Curves, ...]:
    if len(spreads) < 2:
        return ()
    known = [(float(i + 1), spread) for i, spread in enumerate(spreads) if np.isfinite(spread) and spread > 0]
    line = Series("fresh weights", tuple(x for x, _ in known), tuple(y for _, y in known), role="reference")
    return (Curves("Variation between rows, by depth", "hidden layer", "standard deviation", (line,), log_y=True),)
