from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import INITIALIZATION, NOT_WORKING
from diagnose.checks.reading.architecture import RELU_LIKE, applied_activation, by_path, normalised_after, output_layers
from diagnose.checks.reading.wording import counted, listed, number
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Forward, Layer, Network, need
from diagnose.registry import check

BAND = (0.3, 3.0)  # times the standard deviation that preserves the scale of the signal
GRAVE = (0.03, 10.0)  # outside, a single layer loses or blows up the signal
FEW = 16  # weights; the standard deviation of fewer says little
SCALED = ("Glorot", "He", "Lecun", "Orthogonal", "Identity")  # already scaled by the layer's size


@check("Scale of the initial weights", family="network", reading=(INITIALIZATION, NOT_WORKING))
def kernel_scale(forward: Forward, network: Network) -> Iterator[Finding]:
    """Compares the spread of every fresh kernel with the one that preserves the signal's scale.

    ## What it measures
    The standard deviation of each kernel at fresh weights, over sqrt(2 / fan-in) before ReLU-like
    activations and sqrt(1 / fan-in) before others.

    ## Why it matters
    A layer sums fan-in products. Weights three times too large make its output three times too large, and so on with
    every layer. Weights that are too small let the signal fade in the same way.

    ## How it is decided
    A ratio outside 0.3 to 3 is a warning, outside 0.03 to 10 an error. Layers whose output is normalised are exempt,
    and so are initialisers that scale with the layer's size or are unknown. A small output layer is good practice; only
    a large one counts.

    ## Known limits
    A single hidden layer off by a factor of 4 does little harm; several in a row multiply. Fresh weights are not
    available for pretrained parts.

    ## References
    - He, Zhang, Ren, Sun 2015, "Delving Deep into Rectifiers", arXiv:1502.01852
    - LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.6
    """
    fresh = need(forward.fresh)
    layers, outputs = by_path(network), output_layers(network)
    ratios: dict[str, float] = {}
    for activations in fresh.layers:
        layer = layers.get(activations.path)
        if layer is not None and activations.kernel_std and _judged(network, layer):
            ratios[layer.path] = activations.kernel_std / _preserving(network, layer)
    small = {path: ratio for path, ratio in ratios.items() if ratio < BAND[0] and path not in outputs}
    large = {path: ratio for path, ratio in ratios.items() if ratio > BAND[1]}
    for side, found in enumerate((small, large)):
        if found:
            worst = (min, max)[side](found, key=lambda path: found[path])
            grave = found[worst] < GRAVE[0] if side == 0 else found[worst] > GRAVE[1]
            yield Finding(
                Severity.ERROR if grave else Severity.WARNING,
                f"the initial weights of {counted(len(found), 'layer')} are too {('small', 'large')[side]} to preserve "
                f"the signal's scale, {number(found[worst])} times the right spread in {worst}: {listed(list(found))}",
                where=Where(layer=next(iter(found))),
                value=found[worst],
                threshold=BAND[side],
                evidence=(_bars(ratios),),
            )


def _judged(network: Network, layer: Layer) -> bool:
    enough = layer.fan_in is not None and layer.fan_in * (layer.units or 1) >= FEW
    scaled = layer.initializer is None or layer.initializer.startswith(SCALED)
    return layer.weighted and enough and not scaled and not layer.pretrained and not normalised_after(network, layer)


def _preserving(network: Network, layer: Layer) -> float:
    """The standard deviation of a kernel that preserves the scale of the signal."""
    gain = 2.0 if applied_activation(network, layer) in RELU_LIKE else 1.0
    return sqrt(gain / (layer.fan_in or 1))


def _bars(ratios: dict[str, float]) -> Bars:
    return Bars(
        "Spread of the initial weights over the one that preserves the signal's scale",
        tuple(ratios),
        tuple(map(float, ratios.values())),
        unit="ratio",
        healthy=BAND,
        log=True,
    )
