from collections.abc import Iterator
from math import prod

from diagnose.checks.further_reading import COURSE
from diagnose.checks.reading.architecture import by_path
from diagnose.checks.reading.wording import counted, number, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Layer, Network
from diagnose.registry import check

HIGH = 0.5  # the usual upper end for hidden layers
CONFUSED = 0.8  # a keep probability of 0.8, passed as a rate by mistake
INPUT = 0.2  # the usual upper end for raw inputs
INPUT_HIGH = 0.5  # half of the input is lost
KEPT = 0.10  # share of the signal that all dropout layers of a plain network keep, at least


@check("High dropout rate", family="network", reading=(COURSE,))
def dropout_rate(network: Network) -> Iterator[Finding]:
    """Checks the rates of all dropout layers.

    ## What it measures
    The rate of every Dropout-like layer and, in networks without skip connections, the share of the signal that all of
    them together keep.

    ## Why it matters
    Keras's `rate` is the share that is dropped; elsewhere, the argument was the share that is kept. A rate of 0.8
    leaves a fifth of the units: more noise than signal in a small network.

    ## How it is decided
    A warning from 0.8 on hidden layers and from 0.5 on raw inputs; a hint above 0.5 and above 0.2. A hint if several of
    them together keep less than 10 %.

    ## Known limits
    Large layers tolerate high rates. Rates inside recurrent and attention layers are not counted.

    ## References
    - Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, "Dropout: A Simple Way to Prevent Neural
      Networks from Overfitting", JMLR 15
    """
    layers = by_path(network)
    dropping = [layer for layer in network.layers if layer.dropout]
    for layer in dropping:
        rate = layer.dropout or 0.0
        raw = _on_input(layer, layers)
        usual, confused = (INPUT, INPUT_HIGH) if raw else (HIGH, CONFUSED)
        if rate > usual:
            yield Finding(
                Severity.WARNING if rate >= confused else Severity.HINT,
                f"{layer.path} drops {percent(rate)} of {'the inputs' if raw else 'its units'}",
                where=Where(layer=layer.path),
                value=rate,
                threshold=usual,
            )
    kept = prod(1 - (layer.dropout or 0.0) for layer in dropping)
    if len(dropping) > 1 and kept < KEPT and network.graph_known and not network.skips:
        yield Finding(
            Severity.HINT,
            f"{counted(len(dropping), 'dropout layer')} together keep only {number(100 * kept)} % of the signal",
            value=kept,
            threshold=KEPT,
            evidence=(_bars(dropping),),
        )


def _on_input(layer: Layer, layers: dict[str, Layer]) -> bool:
    feeding = [layers[path] for path in layer.inbound if path in layers]
    return bool(feeding) and all(source.kind == "InputLayer" for source in feeding)


def _bars(dropping: list[Layer]) -> Bars:
    return Bars(
        "Share dropped by layer",
        tuple(layer.path for layer in dropping),
        tuple(layer.dropout or 0.0 for layer in dropping),
        unit="rate",
        threshold=HIGH,
    )
