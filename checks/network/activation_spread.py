from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import INITIALIZATION, VANISHING_GRADIENTS
from diagnose.checks.reading.architecture import hidden_layers, normalised_after
from diagnose.checks.reading.wording import counted, number
from diagnose.findings import Curves, Finding, Series, Severity, Where
from diagnose.measurements import Activations, Forward, LayerActivations, Network, Unavailable, need
from diagnose.registry import check

FACTOR = 100.0  # factor by which the spread may change over the depth; He and Glorot stay within 10 over 20 layers
GRAVE = 1e4  # nothing of the input is left, or the loss starts in the millions


@check("Signal strength by depth", family="network", reading=(INITIALIZATION, VANISHING_GRADIENTS))
def activation_spread(forward: Forward, network: Network) -> Iterator[Finding]:
    """Follows how much the activations vary between rows, layer by layer, before any training.

    ## What it measures
    The standard deviation across rows of each hidden layer's output at fresh weights, relative to the first hidden
    layer.

    ## Why it matters
    Each layer multiplies the signal by the scale of its weights. A factor of 0.5 per layer leaves a millionth after
    twenty layers: the last layers see the same values for every row, and gradients shrink as well. A factor of 2
    explodes. Gradients by depth alone cannot show this: forward and backward signal shrink together.

    ## How it is decided
    A warning if some layer varies less than 1/100 or more than 100 times as much as the first; an error at 1/10,000 or
    10,000. Output layers, and layers whose output is normalised directly, are left out.

    ## Known limits
    Fresh weights are not available for pretrained parts. Sigmoid layers shrink the variation by nature.

    ## References
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    - He, Zhang, Ren, Sun 2015, "Delving Deep into Rectifiers", arXiv:1502.01852
    - Schoenholz, Gilmer, Ganguli, Sohl-Dickstein 2017, "Deep Information Propagation", arXiv:1611.01232
    """
    fresh = need(forward.fresh)
    hidden = [layer.path for layer in hidden_layers(network) if not normalised_after(network, layer)]
    profile = _profile(fresh, hidden)
    if len(profile) < 2:
        return
    paths = list(profile)
    first = profile[paths[0]]
    if not (np.isfinite(first) and first > 0):
        return
    ratios = {path: spread / first for path, spread in profile.items()}
    evidence = (_curves(forward, fresh, hidden),)
    for word, outside in (
        ("shrinks to", {p: r for p, r in ratios.items() if r < 1 / FACTOR}),
        ("grows to", _large(ratios)),
    ):
        if outside:
            start, worst = next(iter(outside)), _worst(outside)
            grave = not 1 / GRAVE <= ratios[worst] <= GRAVE
            yield Finding(
                Severity.ERROR if grave else Severity.WARNING,
                f"at fresh weights the variation between rows {word} {number(ratios[worst])} times that of {paths[0]} "
                f"in {worst} ({counted(len(outside), 'layer')} affected, from {start} on)",
                where=Where(layer=start),
                value=ratios[worst],
                threshold=1 / FACTOR if word == "shrinks to" else FACTOR,
                rows=fresh.rows,
                evidence=evidence,
            )


def _large(ratios: dict[str, float]) -> dict[str, float]:
    return {path: ratio for path, ratio in ratios.items() if not ratio <= FACTOR}  # NaN: overflowed on the way


def _worst(ratios: dict[str, float]) -> str:
    """The most extreme layer; an overflow counts as the worst."""
    return max(ratios, key=lambda path: abs(np.log(ratios[path])) if 0 < ratios[path] < np.inf else np.inf)


def _profile(activations: Activations, hidden: list[str]) -> dict[str, float]:
    return {layer.path: _variation(layer) for layer in activations.layers if layer.path in hidden}


def _variation(layer: LayerActivations) -> float:
    return float(np.sqrt(np.mean(layer.std**2))) if layer.std.size else float("nan")


def _curves(forward: Forward, fresh: Activations, hidden: list[str]) -> Curves:
    series = [_series("fresh weights", "reference", fresh, hidden)]
    if not isinstance(forward.current, Unavailable):
        series.append(_series("loaded weights", "yours", forward.current, hidden))
    return Curves("Variation between rows, by depth", "hidden layer", "standard deviation", tuple(series), log_y=True)


def _series(name: str, role: str, activations: Activations, hidden: list[str]) -> Series:
    spreads = list(_profile(activations, hidden).values())
    known = [(float(i + 1), s) for i, s in enumerate(spreads) if np.isfinite(s) and s > 0]
    return Series(name, tuple(x for x, _ in known), tuple(y for _, y in known), role=role)
