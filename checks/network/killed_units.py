"""Whether training has killed the units of a layer."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ACTIVATIONS, RATE
from diagnose.checks.network.dead_units import OUTAGE, ROWS, WASTE
from diagnose.checks.reading.architecture import RECTIFIERS, output_layers
from diagnose.checks.reading.wording import listed, percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Activations, Forward, Network, NotMeasured, need
from diagnose.registry import check


@check("Units killed by training", family="network", reading=(ACTIVATIONS, RATE))
def killed_units(forward: Forward, network: Network | None) -> Iterator[Finding]:
    """Compares the dead units of each ReLU layer at the loaded weights with those at fresh ones.

    ## What it measures
    For every hidden ReLU layer, the share of units whose output is zero on every row of a stratified sample of the
    training data, at the loaded weights and at fresh ones.

    ## Why it matters
    Units that fired at the start and never fire now were killed by a step of the training: one that was too large for
    the scale of the inputs and weights. A lower learning rate keeps them alive. Units that are dead from the start
    point to the initial weights or biases instead.

    ## How it is decided
    A warning if at least 99 % of a layer are dead at the loaded weights and less than 50 % at fresh ones. It only
    suggests that the learning rate is too high; the sweep of learning rates decides, where it was measured.

    ## Known limits
    A strong weight penalty and very large inputs or targets kill units as well, at any learning rate. Fresh weights are
    unknown for fine-tuned layers.

    ## References
    - Lu, Shin, Su, Karniadakis 2019, "Dying ReLU and Initialization", arXiv:1903.06733
    """
    current, fresh = need(forward.current), need(forward.fresh)
    if current.rows < ROWS:
        raise NotMeasured(
            f"{current.rows} rows are too few to call a unit dead", f"Pass at least {ROWS} training rows."
        )
    outputs = output_layers(network) if network is not None else frozenset[str]()
    before, now = _dead(fresh), _dead(current)
    killed = [
        path for path, share in now.items() if path not in outputs and share >= OUTAGE and before.get(path, 1.0) < WASTE
    ]
    if not killed:
        return
    first = killed[0]
    yield Finding(
        Severity.WARNING,
        f"training has killed the units of {listed(killed)}: {percent(now[first])} of {first} are dead, and at fresh"
        f" weights {percent(before[first])}",
        Where(layer=first),
        value=now[first],
        threshold=OUTAGE,
        rows=current.rows,
    )


def _dead(activations: Activations) -> dict[str, float]:
    """The share of units that never fire, by ReLU layer."""
    layers = [x for x in activations.layers if x.activation in RECTIFIERS and x.never.size]
    return {layer.path: float(np.mean(layer.never)) for layer in layers}
