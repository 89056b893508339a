"""The layers for the report: one row each, ordered so that branches stay together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from diagnose.describing.receptive_fields import receptive_fields
from diagnose.diagnosis import Distribution, LayerRow
from diagnose.findings import Finding
from diagnose.measurements import (
    Activations,
    Backward,
    Forward,
    Gradients,
    Layer,
    LayerActivations,
    LayerGradients,
    Network,
)
from diagnose.measurements.magnitudes import EDGES

CAN_DIE = frozenset({"relu", "relu6"})
TAIL = 0.002  # share of the values; a few far ones would squeeze the axis of all layers


def layer_rows(measurements: Mapping[type, object], findings: Sequence[Finding]) -> tuple[LayerRow, ...]:
    """One row per layer of the network; values that were not measured are None."""
    network = measurements.get(Network)
    if not isinstance(network, Network):
        return ()
    current, fresh = _activations(measurements)
    gradient, gradient_fresh = _gradients(measurements)
    fields = receptive_fields(network.layers)
    flags: defaultdict[str, list[str]] = defaultdict(list)
    for finding in findings:
        if finding.where.layer and finding.code not in flags[finding.where.layer]:
            flags[finding.where.layer].append(finding.code)
    rows = []
    for layer in branch_by_branch(network.layers):
        seen, at_start = current.get(layer.path), fresh.get(layer.path)
        arriving, arrived = gradient.get(layer.path), gradient_fresh.get(layer.path)
        rows.append(
            LayerRow(
                path=layer.path,
                kind=layer.kind,
                activation=layer.activation,
                output_shape=layer.output_shape,
                parameters=layer.parameters,
                trainable=layer.trainable,
                initializer=layer.initializer,
                spread_fresh=_finite(at_start.spread) if at_start else None,
                spread=_finite(seen.spread) if seen else None,
                gradient_fresh=_finite(arrived.relative) if arrived else None,
                gradient=_finite(arriving.relative) if arriving else None,
                dead=float(seen.never.mean()) if seen and layer.activation in CAN_DIE and seen.never.size else None,
                saturated=float(seen.saturated.mean()) if seen is not None and seen.saturated is not None else None,
                flags=tuple(flags[layer.path]),
                inbound=layer.inbound,
                receptive_field=fields.get(layer.path, ()),
                activations=_distribution(seen),
                activations_fresh=_distribution(at_start),
                gradients=_distribution(arriving),
                gradients_fresh=_distribution(arrived),
            )
        )
    return tuple(rows)


def branch_by_branch(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers in topological order, each branch followed to its end before the next.

    Among several possible layers, one fed by the latest layer comes first; otherwise the given order is kept.
    """
    known = {layer.path for layer in layers}
    waiting = {layer.path: {path for path in layer.inbound if path in known} for layer in layers}
    ready = [layer for layer in reversed(layers) if not waiting[layer.path]]
    order: list[Layer] = []
    while ready:
        latest = ready.pop()
        order.append(latest)
        freed = [layer for layer in layers if latest.path in waiting[layer.path]]
        for layer in freed:
            waiting[layer.path].discard(latest.path)
        ready += [layer for layer in reversed(freed) if not waiting[layer.path]]
    return tuple(order) if len(order) == len(layers) else tuple(layers)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _distribution(seen: LayerActivations | LayerGradients | None) -> Distribution | None:
    """The shares by size without the bins of both tails, which count in the outer bins."""
    found = seen.magnitudes if seen is not None else None
    if found is None:
        return None
    below = np.cumsum(found.shares)
    inside = np.flatnonzero((below > TAIL) & (below[-1] - below + found.shares > TAIL))
    if not inside.size:
        return Distribution(round(found.zero, 4), 0.0, ())
    first, last = int(inside[0]), int(inside[-1])
    shares = np.array(found.shares[first : last + 1])
    shares[0] += sum(found.shares[:first])
    shares[-1] += sum(found.shares[last + 1 :])
    return Distribution(round(found.zero, 4), math.log10(EDGES[first]), tuple(float(x) for x in shares.round(4)))


def _activations(
    measurements: Mapping[type, object],
) -> tuple[dict[str, LayerActivations], dict[str, LayerActivations]]:
    forward = measurements.get(Forward)
    if not isinstance(forward, Forward):
        return {}, {}
    both = (forward.current, forward.fresh)
    current, fresh = ({a.path: a for a in p.layers} if isinstance(p, Activations) else {} for p in both)
    return current, fresh


def _gradients(measurements: Mapping[type, object]) -> tuple[dict[str, LayerGradients], dict[str, LayerGradients]]:
    backward = measurements.get(Backward)
    if not isinstance(backward, Backward):
        return {}, {}
    both = (backward.current, backward.fresh)
    current, fresh = ({g.path: g for g in p.layers} if isinstance(p, Gradients) else {} for p in both)
    return current, fresh
