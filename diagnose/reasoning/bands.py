"""Healthy ranges for the quantities of the layer map, from the thresholds of the checks that judge them."""

from collections.abc import Iterator, Mapping, Sequence

from diagnose.checks.network.activation_spread import FACTOR, activation_spread
from diagnose.checks.network.dead_units import WASTE, dead_units
from diagnose.checks.optimisation.exploding_gradients import GROWING, exploding_gradients
from diagnose.checks.optimisation.vanishing_gradients import VANISHING, vanishing_gradients
from diagnose.checks.reading.architecture import hidden_layers
from diagnose.diagnosis import Band, LayerRow
from diagnose.measurements import Network


def bands(measurements: Mapping[type, object], rows: Sequence[LayerRow]) -> tuple[Band, ...]:
    """One band for each quantity that can be judged; the first hidden and the last layer set the scale."""
    network = measurements.get(Network)
    return tuple(_bands(network, rows)) if isinstance(network, Network) else ()


def _bands(network: Network, rows: Sequence[LayerRow]) -> Iterator[Band]:
    hidden = {layer.path for layer in hidden_layers(network)}
    spreads = [row.spread_fresh for row in rows if row.path in hidden and row.spread_fresh]
    if spreads:
        basis = f"Spread: within {FACTOR:g} times of the first hidden layer at fresh weights (check activation-spread)."
        yield Band("spread", spreads[0] / FACTOR, spreads[0] * FACTOR, basis, (activation_spread.code,))
    gradients = [row.gradient_fresh for row in rows if row.gradient_fresh]
    if gradients:
        basis = (
            f"Gradient: {VANISHING:g} to {GROWING:g} times the last layer's at fresh weights "
            "(checks vanishing-gradients, exploding-gradients)."
        )
        yield Band(
            "gradient",
            gradients[-1] * VANISHING,
            gradients[-1] * GROWING,
            basis,
            (vanishing_gradients.code, exploding_gradients.code),
        )
    if any(row.dead is not None for row in rows):
        basis = f"Dead units: below {100 * WASTE:.0f} % of a layer (check dead-units)."
        yield Band("dead", 0.0, WASTE, basis, (dead_units.code,))
