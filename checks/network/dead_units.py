from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnose.checks.further_reading import ACTIVATIONS, VANISHING_GRADIENTS
from diagnose.checks.reading.architecture import RECTIFIERS, bypassed, output_layers
from diagnose.checks.reading.wording import listed, number, percent
from diagnose.findings import Bars, Finding, Severity, Table, Where
from diagnose.measurements import Activations, Forward, Network, NotMeasured, Unavailable, need
from diagnose.registry import check

ROWS = 100  # with fewer, "never fires" says nothing
SURE = 1_000  # rows; with fewer, the message names the bound 3 / n on how often a silent unit may fire
OUTAGE = 0.99  # share of a layer's units: nothing gets through
WASTE = 0.50  # the best of several CNNs had 72 % dead channels in a layer, so this alone makes no model sick
SHOWN = 8  # unit numbers per layer in the evidence


@check("Dead units", family="network", reading=(ACTIVATIONS, VANISHING_GRADIENTS))
def dead_units(forward: Forward, network: Network | None) -> Iterator[Finding]:
    """Counts, per ReLU layer, the units that are positive on no training row.

    ## What it measures
    For every ReLU layer, the share of units (channels, over all positions) whose output is zero on every row of a
    stratified sample of the training data; at the loaded weights and, if possible, at fresh ones.

    ## Why it matters
    A unit that never fires passes no gradient, so it cannot recover by itself. A layer of such units cuts the network:
    everything after it outputs the same for every row.

    ## How it is decided
    At least 99 % of a layer that no other path bypasses: an error. At least 50 % of a layer: a warning, for capacity
    that is missing in a model that does badly; good models have such layers too. Half zeros, even 90 %, are normal as
    long as each unit fires on some row.

    ## Known limits
    On n rows, a silent unit may still fire on up to 3 in n (95 %). Fewer than 100 rows are not judged. Leaky and smooth
    activations do not die this way. A layer after a dead one may look alive: it repeats a constant.

    ## References
    - Lu, Shin, Su, Karniadakis 2019, "Dying ReLU and Initialization", arXiv:1903.06733
    - Hanley, Lippman-Hand 1983, "If nothing goes wrong, is everything all right?", JAMA 249 (the rule of three)
    """
    current = need(forward.current)
    if current.rows < ROWS:
        raise NotMeasured(
            f"{current.rows} rows are too few to call a unit dead", f"Pass at least {ROWS} training rows."
        )
    layers = _rectified(current)
    fresh = {} if isinstance(forward.fresh, Unavailable) else {x.path: x for x in _rectified(forward.fresh)}
    outputs = output_layers(network) if network is not None else frozenset[str]()
    cut = [x for x in layers if x.share >= OUTAGE and network is not None and not bypassed(network, x.path)]
    waste = [x for x in layers if x.share >= WASTE and x not in cut and x.path not in outputs]
    if cut:
        message = f"{_how_many(cut[0])} units of {cut[0].path} are dead and no skip connection bypasses it"
        message += f"; the same holds for {listed([layer.path for layer in cut[1:]])}" if len(cut) > 1 else ""
        message += _doubts(fresh.get(cut[0].path), current.rows)
        yield _finding(Severity.ERROR, message, cut[0], OUTAGE, layers, rows=current.rows)
    if waste:
        worst = max(waste, key=lambda layer: layer.share)
        others = [layer.path for layer in waste if layer is not worst]
        message = f"{_how_many(worst)} units of {worst.path} are dead"
        message += f"; at least half are dead in {listed(others)} too" if others else ""
        message += _doubts(fresh.get(worst.path), current.rows)
        yield _finding(Severity.WARNING, message, worst, WASTE, layers, rows=current.rows)


@dataclass(frozen=True)
class _Rectified:
    """One ReLU layer: how many units, the numbers of those that never fire, the share of values above 0."""

    path: str
    units: int
    silent: tuple[int, ...]
    positive: float

    @property
    def share(self) -> float:
        return len(self.silent) / self.units


def _rectified(activations: Activations) -> list[_Rectified]:
    return [
        _Rectified(
            path=layer.path,
            units=int(layer.never.size),
            silent=tuple(int(i) for i in np.flatnonzero(layer.never)),
            positive=float(np.mean(layer.positive)),
        )
        for layer in activations.layers
        if layer.activation in RECTIFIERS and layer.never.size
    ]


def _how_many(layer: _Rectified) -> str:
    dead = len(layer.silent)
    return f"all {dead:,}" if dead == layer.units else f"{dead:,} of {layer.units:,}"


def _doubts(fresh: _Rectified | None, rows: int) -> str:
    """What qualifies the statement: the share at fresh weights, and the uncertainty of few rows."""
    before = f", {percent(fresh.share)} already at fresh weights" if fresh is not None and fresh.silent else ""
    bound = f" (on {rows} rows, so each may still fire on up to {number(300 / rows)} %)" if rows < SURE else ""
    return before + bound


def _finding(
    severity: Severity, message: str, layer: _Rectified, threshold: float, layers: list[_Rectified], *, rows: int
) -> Finding:
    return Finding(
        severity,
        message,
        where=Where(layer=layer.path),
        value=layer.share,
        unit="share",
        threshold=threshold,
        rows=rows,
        evidence=(_bars(layers), _table(layers)),
    )


def _bars(layers: list[_Rectified]) -> Bars:
    paths, shares = tuple(layer.path for layer in layers), tuple(layer.share for layer in layers)
    return Bars("Units that never fire, by layer", paths, shares, unit="share of the layer", threshold=WASTE)


def _table(layers: list[_Rectified]) -> Table:
    rows = tuple(
        (
            layer.path,
            layer.units,
            len(layer.silent),
            ", ".join(map(str, layer.silent[:SHOWN])) + (", ..." if len(layer.silent) > SHOWN else ""),
            layer.positive,
        )
        for layer in layers
        if layer.silent
    )
    return Table("Silent units", ("layer", "units", "never fire", "which (from 0)", "share of values above 0"), rows)
