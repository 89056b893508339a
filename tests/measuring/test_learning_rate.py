"""The learning-rate instrument finds rates that are too low, too high or fine, and abstains if it should."""

import keras
import numpy as np
import pytest

from diagnose.measurements import LearningRate, SweepPoint
from diagnose.measuring.bench import Bench
from diagnose.measuring.learning_rate import _sweep_rates, advised, judge_sweep, learning_rate, range_test
from diagnose.settings import Settings
from tests.measuring.subjects import digits

OPTIMIZERS = keras.optimizers


def measure(optimizer: keras.optimizers.Optimizer, scale: float = 0.25, **options: object) -> LearningRate:
    with Bench(digits(optimizer=optimizer, **options), Settings()) as bench:  # type: ignore[arg-type]
        bench.scale = scale
        found = learning_rate(bench, {})
    assert isinstance(found, LearningRate)
    return found


@pytest.mark.parametrize("optimizer", [OPTIMIZERS.SGD(1e-6), OPTIMIZERS.Adam(1e-7)], ids=["sgd", "adam"])
def test_a_rate_that_is_too_low(optimizer: keras.optimizers.Optimizer) -> None:
    found = measure(optimizer)
    assert found.low is not None
    assert found.own is not None
    assert found.low > 10 * found.own


@pytest.mark.parametrize("optimizer", [OPTIMIZERS.SGD(100.0), OPTIMIZERS.RMSprop(3.0)], ids=["sgd", "rmsprop"])
def test_a_rate_that_is_too_high(optimizer: keras.optimizers.Optimizer) -> None:
    found = measure(optimizer)
    assert found.high is not None
    assert found.own is not None
    assert found.high < found.own / 10


@pytest.mark.parametrize("optimizer", [OPTIMIZERS.SGD(0.3), OPTIMIZERS.Adam(1e-2)], ids=["sgd", "adam"])
def test_a_rate_that_is_fine(optimizer: keras.optimizers.Optimizer) -> None:
    found = measure(optimizer)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.own * 1.001
    assert found.own <= found.high * 1.001


def test_it_abstains_if_nothing_learns_at_any_rate() -> None:
    layers = [keras.layers.Dense(8, activation="relu", kernel_initializer="zeros") for _ in range(2)]
    found = measure(OPTIMIZERS.Adam(1e-3), layers=[*layers, keras.layers.Dense(10, "softmax")])
    assert (found.low, found.high, found.best) == (None, None, None)
    assert found.abstains == "nothing learns at any rate"


def test_the_same_seed_gives_the_same_measurement() -> None:
    first, again = (measure(OPTIMIZERS.SGD(0.1, momentum=0.9), scale=0.1) for _ in range(2))
    assert repr(first.sweep) == repr(again.sweep)
    for one, other in zip(first.ranges, again.ranges, strict=True):
        np.testing.assert_array_equal(one.losses, other.losses)


def test_a_range_test_finds_the_steepest_fall_and_the_minimum() -> None:
    rates = np.geomspace(1e-7, 1.0, 100)
    decades = np.log10(rates)
    losses = 2.3 / (1 + np.exp(6 * (decades + 3))) + np.where(decades > -1, 3.0 * (decades + 1), 0.0)
    found = range_test(0, rates, losses)
    assert found.steepest == pytest.approx(1e-3, rel=2.0)
    assert found.minimum is not None
    assert 1e-3 < found.minimum < 0.5
    assert found.rises is not None
    assert found.rises > found.minimum


def test_a_flat_curve_has_no_steepest_fall() -> None:
    losses = 2.3 + 0.01 * np.random.default_rng(0).normal(size=100)
    found = range_test(0, np.geomspace(1e-7, 1.0, 100), losses)
    assert (found.steepest, found.minimum) == (None, None)


def test_a_range_test_ends_when_the_loss_explodes() -> None:
    losses = np.concatenate([np.linspace(2.3, 1.0, 60), np.geomspace(1.0, 1e6, 40)])
    found = range_test(0, np.geomspace(1e-7, 1.0, 100), losses)
    assert 60 < len(found.losses) < 90
    assert len(found.losses) == len(found.rates) == len(found.smoothed)


def test_good_rates_are_next_to_the_best_and_good_for_every_seed() -> None:
    points = [(1e-4, (0.2, 0.3)), (1e-3, (0.9, 0.88)), (1e-2, (0.95, 0.93)), (1e-1, (0.95, 0.1))]
    sweep = tuple(SweepPoint(rate, skill, (1.0, 1.0), (False, False)) for rate, skill in points)
    assert judge_sweep(sweep) == (1e-3, 1e-2, None)


@pytest.mark.parametrize(("kind", "rate"), [("sgd", 1.0), ("adam", 0.1), ("adadelta", 10.0)])
def test_an_advised_rate_is_never_above_what_is_sane_for_the_optimizer(kind: str, rate: float) -> None:
    assert advised(10.0, 100.0, kind) == rate
    assert advised(1e-3, 1e-2, kind) == pytest.approx(0.003, rel=0.1)


def test_a_rate_that_learns_nothing_is_not_usable_where_the_best_depends_on_the_seed() -> None:
    """As measured: BatchNormalization with SGD in a short sweep."""
    skills = {1e-4: (0.0, 0.0), 1e-3: (0.0, 0.0), 1e-2: (0.06, 0.065), 3e-2: (0.09, 0.2), 1e-1: (0.0, 0.34)}
    sweep = tuple(SweepPoint(rate, found, (1.0, 1.0), (False, False)) for rate, found in skills.items())
    assert judge_sweep(sweep) == (3e-2, 1e-1, None)


def test_a_sweep_that_does_not_reach_the_usable_rate_tries_both() -> None:
    near = _sweep_rates(0.1, 0.01, (-1, -0.5, 0, 0.5, 1))
    far = _sweep_rates(0.1, 1e-3, (-1, -0.5, 0, 0.5, 1))
    assert min(near) == pytest.approx(0.01) and min(far) <= 1e-3 and 0.1 in far


@pytest.mark.parametrize("usable", [1e-5, 30.0])
def test_a_short_sweep_tries_rates_on_both_sides_of_the_usable_one(usable: float) -> None:
    few = _sweep_rates(0.1, usable, (-2, -1, 0, 1))
    assert 0.1 in few and len(few) == 5
    assert min(few) < usable / 2 and max(few) > 2 * usable


def test_it_abstains_if_seeds_disagree_about_the_best_rate() -> None:
    sweep = (SweepPoint(0.1, (0.95, 0.0, 0.9), (1.0, 1.0, 1.0), (False,) * 3),)
    assert judge_sweep(sweep)[2] == "seeds disagree"


@pytest.mark.parametrize(("low", "high", "usable"), [(47.5, 100.0, None), (0.1, 100.0, 1.0), (0.01, 0.1, 0.03)])
def test_rates_that_are_all_beyond_those_of_the_optimizer_are_not_usable(
    low: float, high: float, usable: float | None
) -> None:
    swept = LearningRate(0.01, (), (), low, high, advised(low, high, "sgd"), None, 300, 1000, 32)
    assert swept.usable == usable
