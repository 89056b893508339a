"""Frozen BatchNormalization that gets values of another size."""

import numpy as np
import pytest

from diagnose.checks.network.frozen_statistics import frozen_statistics
from diagnose.findings import Severity
from diagnose.measurements import Forward, Network
from tests.checks.builders import activations, findings, forward, layer, network, one_pass, severities


def base(spread: float, channels: int = 24, head_first: bool = False, frozen: bool = True) -> tuple[Forward, Network]:
    """A convolution and its normalisation under a head that learns."""
    frozen_ones = [
        layer("base/conv", trainable=False),
        layer("base/norm", kind="BatchNormalization", trainable=not frozen, weighted=False),
    ]
    entering = np.append(np.full(channels - 1, spread), np.nan)
    seen = one_pass(activations("base/norm", channels, kind="BatchNormalization", entering=entering))
    first = [layer("adapter")] if head_first else []
    return forward(seen), network(*first, *frozen_ones)


@pytest.mark.parametrize("spread", [127.0, 1 / 255])
def test_pixels_of_another_range_are_a_warning(spread: float) -> None:
    (found,) = findings(frozen_statistics, *base(spread))
    assert found.severity is Severity.WARNING and found.where.layer == "base/norm"
    assert found.value == pytest.approx(spread)


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_rows_of_another_domain_are_clean(spread: float) -> None:
    assert severities(frozen_statistics, *base(spread)) == []


@pytest.mark.parametrize("changes", [{"channels": 3}, {"head_first": True}, {"frozen": False}])
def test_where_nothing_can_be_said(changes: dict[str, int]) -> None:
    assert severities(frozen_statistics, *base(127.0, **changes)) == []  # type: ignore[arg-type]
