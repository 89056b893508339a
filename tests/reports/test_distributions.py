"""The histograms of activations and gradients by layer: one row a layer, one axis for all, few bytes."""

import re
from dataclasses import replace

from diagnose.diagnosis import Distribution
from diagnose.reports.distributions import distributions
from tests.reports.sick_model import layer

USUAL = Distribution(0.5, -1.0, (0.1, 0.2, 0.2))
FADED = Distribution(0.0, -7.0, (0.25, 0.5, 0.25))


def rows(count: int = 2) -> tuple:
    one = layer("dense", "Dense", (None, 8), 100, "relu", activations=USUAL, activations_fresh=FADED, gradients=FADED)
    return tuple(replace(one, path=f"stage/block_{place}/dense") for place in range(count))


def test_each_layer_has_a_row_with_both_weights_and_one_axis_for_all() -> None:
    first, second = rows()
    unmeasured = layer("input", "InputLayer", (None, 8), 0, None)
    drawn = distributions((first, replace(second, activations=FADED, gradients=None), unmeasured))
    assert drawn.count("<tr") == 3  # the head, and the two layers that were measured
    assert "as loaded half of them about 0.3 to 3, 50.0 % exact zeros" in drawn
    assert "with fresh weights half of them about 1e−7 to 1e−6" in drawn
    activations = re.findall(r'd="([^"]+)" class="(?:bar|ln)', drawn)[:2] + re.findall(r'd="([^"]+)"', drawn)[3:]
    assert len(activations) == 4 and len(set(activations[1:])) == 1  # the same sizes lie at the same places


def test_exact_zeros_have_a_strip_of_their_own_before_the_axis() -> None:
    [path, *_] = re.findall(r'd="([^"]+)" class="bar', distributions([replace(rows(1)[0], activations_fresh=None)]))
    assert path.startswith("M0 26V0h1V26h1V21h1")  # half of the values: the highest bar, then a gap


def test_without_a_measurement_there_is_nothing() -> None:
    assert distributions([layer("dense", "Dense", (None, 8), 100, "relu")]) == ""


def test_two_hundred_layers_take_few_bytes() -> None:
    full = Distribution(0.1234, -8.0, (0.0375,) * 24)
    whole = {"activations": full, "activations_fresh": full, "gradients": full, "gradients_fresh": full}
    every = [replace(row, **whole) for row in rows(200)]
    assert len(distributions(every).encode()) < 400_000
