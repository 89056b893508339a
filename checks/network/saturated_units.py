from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ACTIVATIONS, BACKPROP
from diagnose.checks.reading.architecture import by_path, gates, output_layers
from diagnose.checks.reading.wording import counted, percent
from diagnose.findings import Bars, Finding, Severity, Where
from diagnose.measurements import Activations, Forward, LayerActivations, Network, Unavailable, need
from diagnose.registry import check

ROWS_AFFECTED = 0.80  # share of the rows on which a saturated unit is at its limit
LAYER = 0.50  # share of the layer's units
OUTAGE = 0.99  # hardly any unit passes a gradient


@check("Saturated units", family="network", reading=(ACTIVATIONS, BACKPROP))
def saturated_units(forward: Forward, network: Network) -> Iterator[Finding]:
    """Counts, per tanh and sigmoid layer, the units that are saturated on most rows.

    ## What it measures
    For hidden tanh and sigmoid layers, the share of units with more than 80 % of their values beyond 0.97 in size
    (tanh) or outside 0.03 to 0.97 (sigmoid); at the loaded weights and at fresh ones.

    ## Why it matters
    At its limits such a function is flat: less than 6 % of the gradient passes, so the weights before it learn slowly.

    ## How it is decided
    More than 50 % of a layer's units: a warning; 99 %: an error. Output layers, recurrent layers, and layers that
    weight others (gates, attention) saturate by design and are exempt.

    ## Known limits
    A network that has learned its task well may saturate units for good reason.

    ## References
    - Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    - LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.4
    """
    current = need(forward.current)
    shares, fresh = _shares(current, network), {}
    if not isinstance(forward.fresh, Unavailable):
        fresh = _shares(forward.fresh, network)
    stuck = [path for path, share in shares.items() if share > LAYER]
    if not stuck:
        return
    worst = max(stuck, key=lambda path: shares[path])
    message = f"{percent(shares[worst])} of the units of {worst} are saturated on most rows"
    message += f", {percent(fresh[worst])} already at fresh weights" if fresh.get(worst) else ""
    message += f"; more than half are saturated in {counted(len(stuck), 'layer')} in total" if len(stuck) > 1 else ""
    yield Finding(
        Severity.ERROR if shares[worst] >= OUTAGE else Severity.WARNING,
        message,
        where=Where(layer=worst),
        value=shares[worst],
        unit="share",
        threshold=LAYER,
        rows=current.rows,
        evidence=(
            Bars(
                "Units saturated on most rows, by layer",
                tuple(shares),
                tuple(shares.values()),
                unit="share of the layer",
                threshold=LAYER,
            ),
        ),
    )


def _shares(activations: Activations, network: Network) -> dict[str, float]:
    layers, outputs = by_path(network), output_layers(network)

    def judged(measured: LayerActivations) -> bool:
        layer = layers.get(measured.path)
        if measured.saturated is None or measured.saturated.size == 0 or layer is None or measured.path in outputs:
            return False
        return not layer.recurrent and not gates(network, layer)

    return {
        layer.path: float(np.mean(layer.saturated > ROWS_AFFECTED))
        for layer in activations.layers
        if judged(layer) and layer.saturated is not None
    }
