"""The forecast of the error for more rows: right on average, and as sure as it says."""

from itertools import product

import numpy as np
import pytest

from diagnose.measuring.power_law import DISCREPANCY, PowerLaws

ROWS = 1000 * np.array([0.1, 0.2, 0.4, 0.7, 1.0])
SEEDS = 3


def law(offset: float, exponent: float, rows: float | np.ndarray) -> np.ndarray:
    return np.asarray(offset + 0.1 * (np.asarray(rows) / 1000) ** -exponent)


def noisy(errors: np.ndarray, noise: float, draw: np.random.Generator) -> np.ndarray:
    return errors[..., None] * (1 + noise * draw.normal(size=(*errors.shape, SEEDS)))


def test_without_noise_the_curve_comes_back() -> None:
    for offset, exponent in ((0.0, 0.3), (0.0, 0.8), (0.05, 0.5)):
        laws = PowerLaws.fit(ROWS, noisy(law(offset, exponent, ROWS), 0.0, np.random.default_rng(0)))
        assert laws.mean(2000) == pytest.approx(float(law(offset, exponent, 2000)), rel=0.04)
        assert laws.interval(2000).low <= laws.mean(2000) <= laws.interval(2000).high


@pytest.mark.parametrize(("apart", "least", "most"), [(DISCREPANCY, 0.7, 0.9), (0.0, 0.78, 0.95)])
@pytest.mark.parametrize("times", [2, 10])
def test_the_intervals_hold_in_about_80_percent(times: int, apart: float, least: float, most: float) -> None:
    """Of curves that differ from a power law by as much as is assumed; of exact ones more."""
    draw = np.random.default_rng(1)

    def real(offset: float, exponent: float, rows: np.ndarray) -> np.ndarray:
        return law(offset, exponent, rows) * (1 + apart * np.log(rows / ROWS[-1]) * draw.normal(size=rows.shape))

    kinds = [*product((0.02, 0.1), (0.2, 0.4, 0.8), (0.0, 0.03))]
    held = []
    for noise, exponent, offset in kinds * 25:
        span = PowerLaws.fit(ROWS, noisy(real(offset, exponent, ROWS), noise, draw)).interval(1000 * times)
        later = noisy(real(offset, exponent, np.array([1000.0 * times])), noise, draw).mean()
        held.append(span.low <= later <= span.high)
    assert least < np.mean(held) < most


def test_the_interval_is_wider_for_more_rows_and_for_noise() -> None:
    def width(noise: float, rows: float) -> float:
        span = PowerLaws.fit(ROWS, noisy(law(0.02, 0.5, ROWS), noise, np.random.default_rng(3))).interval(rows)
        return span.high - span.low

    assert width(0.1, 2000) > width(0.02, 2000)
    assert width(0.1, 10_000) > width(0.1, 2000)


def test_errors_that_do_not_fall_are_not_forecast_to_fall() -> None:
    flat = PowerLaws.fit(ROWS, noisy(np.full(len(ROWS), 0.2), 0.02, np.random.default_rng(0)))
    assert flat.mean(10_000) == pytest.approx(0.2, rel=0.15)
    assert PowerLaws.fit(ROWS, np.zeros((len(ROWS), SEEDS))).mean(2000) == pytest.approx(0.0, abs=1e-6)
