"""The distributions of the layers: short, and with all of their values."""

import numpy as np
import pytest

from diagnose.describing.layers import _distribution
from diagnose.measurements import LayerGradients, Magnitudes
from diagnose.measurements.magnitudes import BINS


def gradients(zero: float, shares: dict[int, float]) -> LayerGradients:
    bins = tuple(shares.get(place, 0.0) for place in range(BINS))
    return LayerGradients("dense", "Dense", 0.1, 0.1, 0.1, False, Magnitudes(zero, bins))


def test_empty_bins_and_thin_tails_are_left_out_and_their_values_count_in_the_outer_bins() -> None:
    found = _distribution(gradients(0.2, {0: 0.001, 10: 0.399, 11: 0.3, 12: 0.0995, 20: 0.0005}))
    assert found is not None
    assert (found.zero, found.first) == (0.2, -3.0)
    assert found.shares == pytest.approx((0.4, 0.3, 0.1))


def test_a_layer_of_zeros_has_no_bins_and_one_that_was_not_measured_no_distribution() -> None:
    zeros = _distribution(gradients(1.0, {}))
    assert zeros is not None and (zeros.zero, zeros.shares) == (1.0, ())
    assert _distribution(LayerGradients("dense", "Dense", *(np.nan,) * 3, True)) is None
    assert _distribution(None) is None
