"""Whether training has killed the units of a layer."""

from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import ACTIVATIONS, RATE
from diagnose.checks.network.dead_units import OUTAGE, ROWS, WASTE
from diagnose.checks.reading.architecture import RECTIFIERS, output_layers
from diagnose.checks.reading.updates import FADED
from diagnose.checks.reading.wording import listed, percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Activations, Forward, History, Network, NotMeasured, Unavailable, need
from diagnose.registry import check


@check("Units killed by training", family="network", reading=(ACTIVATIONS, RATE))
def killed_units(forward: Forward, network: Network | None, history: History | None) -> Iterator[Finding]:
    """Compares the dead units of each ReLU layer at the loaded weights with those at fresh ones.

    ## What it measures
    For every hidden ReLU layer, the share of units whose output is zero on every row of a stratified sample of the
    training data, at the loaded weights and at fresh ones. While a training runs, fresh weights are not examined; then
    it is whether the kernel of the layer moved at the first watched step, and no longer does.

    ## Why it matters
    Units that fired at the start and never fire now were killed by a step of the training: one that was too large for
    the scale of the inputs and weights. A lower learning rate keeps them alive. Units that are dead from the start
    point to the initial weights or biases instead.

    ## How it is decided
    A warning if at least 99 % of a layer are dead at the loaded weights and less than 50 % at fresh ones (in a running
    training: if its kernel moved at first). It only suggests that the learning rate is too high; the sweep of learning
    rates decides, where it was measured.

    ## Known limits
    A strong weight penalty and very large inputs or targets kill units as well, at any learning rate. Fresh weights are
    unknown for fine-tuned layers.

    ## References
    - Lu, Shin, Su, Karniadakis 2019, "Dying ReLU and Initialization", arXiv:1903.06733
    """
    current = need(forward.current)
    if current.rows < ROWS:
        raise NotMeasured(
            f"{current.rows} rows are too few to call a unit dead", f"Pass at least {ROWS} training rows."
        )
    outputs = output_layers(network) if network is not None else frozenset[str]()
    before, now = _dead_before(forward, history), _dead(current)
    killed = [path for path in now if path not in outputs and now[path] >= OUTAGE and before.get(path, 1.0) < WASTE]
    if not killed:
        return
    first = killed[0]
    known = not isinstance(forward.fresh, Unavailable)
    start = f"at fresh weights {percent(before[first])}" if known else "its kernel moved at the first steps"
    yield Finding(
        Severity.WARNING,
        f"training has killed the units of {listed(killed)}: {percent(now[first])} of {first} are dead, and {start}",
        Where(layer=first),
        value=now[first],
        unit="share",
        threshold=OUTAGE,
        rows=current.rows,
    )


def _dead_before(forward: Forward, history: History | None) -> dict[str, float]:
    """The share of units dead at the start, by layer; 0 for layers that moved at the first watched step only."""
    if not isinstance(forward.fresh, Unavailable):
        return _dead(forward.fresh)
    if history is None or isinstance(history.updates, Unavailable) or len(history.updates) < 2:
        return _dead(need(forward.fresh))
    first, last = history.updates[0].ratios, history.updates[-1].ratios
    return {path: 0.0 for path, moved in first.items() if moved > 0 and last.get(path, 0.0) <= FADED * moved}


def _dead(activations: Activations) -> dict[str, float]:
    """The share of units that never fire, by ReLU layer."""
    layers = [x for x in activations.layers if x.activation in RECTIFIERS and x.never.size]
    return {layer.path: float(np.mean(layer.never)) for layer in layers}
