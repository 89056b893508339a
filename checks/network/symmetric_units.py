from collections.abc import Iterator

from diagnose.checks.further_reading import INITIALIZATION
from diagnose.checks.reading.architecture import hidden_layers, successors
from diagnose.checks.reading.wording import counted, listed, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Layer, Network
from diagnose.registry import check

ALL = 0.99  # share of units with a twin; the layer computes one number many times
MANY = 0.5
FREE = 4  # fan-in; from here on random columns do not reach a cosine of 0.9999 by chance
CONSTANTS = ("Zeros", "Ones", "Constant")


@check("Identical units", family="network", reading=(INITIALIZATION,))
def symmetric_units(network: Network) -> Iterator[Finding]:
    """Looks for layers whose units all compute the same.

    ## What it measures
    The share of columns (filters) of each hidden kernel that equal another one to a cosine of 0.9999, and initialisers
    that give every weight the same value.

    ## Why it matters
    Equal units get equal gradients and stay equal: a layer of a hundred copies has the capacity of one unit. Random
    initial weights exist to prevent this. All-zero kernels pass no gradient either.

    ## How it is decided
    An error if at least 99 % of a hidden layer's units have a twin, a warning from 50 %; a hint if the weights are
    trained and their initialiser is random, since training made them alike then. A constant kernel initialiser is an
    error on an untrained hidden layer, and a hint on a trained one whose units differ.

    ## Known limits
    Kernels with fewer than four inputs per unit are not judged: their columns coincide by chance. Zeros are fine for
    biases, for output layers and for the last layer of a residual branch, which are all exempt.

    ## References
    - Goodfellow, Bengio, Courville 2016, *Deep Learning*, section 8.4 (breaking symmetry)
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    """
    layers = [layer for layer in hidden_layers(network) if _judged(network, layer)]
    twins = {layer.path: layer.twin_units or 0.0 for layer in layers}
    for limit, until, severity in ((ALL, 1.01, Severity.ERROR), (MANY, ALL, Severity.WARNING)):
        found = [path for path, share in twins.items() if limit <= share < until]
        if found:
            began_so = not network.trained or any(_constant_start(layer) for layer in layers if layer.path in found)
            yield Finding(
                severity if began_so else Severity.HINT,
                f"{percent(max(twins[path] for path in found))} of the units are copies of another unit in "
                f"{counted(len(found), 'hidden layer')}: {listed(found)}",
                where=Where(layer=found[0]),
                value=max(twins[path] for path in found),
                threshold=limit,
                evidence=(_bars(twins),),
            )
    yield from _constant([layer for layer in layers if twins[layer.path] < MANY], network.trained)


def _judged(network: Network, layer: Layer) -> bool:
    merges = any(len(following.inbound) > 1 for following in successors(network, layer.path))
    wide = (layer.units or 0) > 1 and (layer.fan_in is None or layer.fan_in >= FREE)
    return wide and layer.trainable and not merges


def _constant_start(layer: Layer) -> bool:
    return (layer.initializer or "").startswith(CONSTANTS)


def _constant(layers: list[Layer], trained: bool) -> Iterator[Finding]:
    constant = [layer for layer in layers if _constant_start(layer)]
    if constant:
        yield Finding(
            Severity.HINT if trained else Severity.ERROR,
            f"the kernels of {counted(len(constant), 'hidden layer')} are initialised with "
            f"{constant[0].initializer}, so all weights are equal: {listed([layer.path for layer in constant])}",
            where=Where(layer=constant[0].path),
            value=float(len(constant)),
            threshold=0.0,
        )


def _bars(twins: dict[str, float]) -> Bars:
    return Bars("Units with a twin, by layer", tuple(twins), tuple(twins.values()), unit="share", threshold=MANY)
