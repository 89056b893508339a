"""The instruments that compare the splits, on tiny subjects."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.measurements import Lags, Neighbours, NotMeasured, Shift
from diagnose.measuring.bench import Bench
from diagnose.measuring.lags import lags
from diagnose.measuring.neighbours import neighbours
from diagnose.measuring.shift import shift
from diagnose.settings import Settings
from diagnose.subject import Subject
from tests.measuring.subjects import digits, numbers


def shifted(case: Subject) -> Shift:
    with Bench(case, Settings()) as bench:
        return shift(bench, {})


def test_a_random_split_is_alike() -> None:
    generator = np.random.default_rng(0)
    found = shifted(numbers(generator.normal(size=600), generator.normal(size=(600, 8)))).splits["dev"]
    assert found.auc_interval.low < 0.6
    assert found.features[0].distance < 0.3
    assert found.targets[0].distance < 0.15
    assert not found.in_order
    assert found.continues == ""


def test_other_pixels_on_dev() -> None:
    case = digits()
    assert case.dev is not None
    paler = case.dev.inputs[0] * 0.5 + 0.5
    found = shifted(replace(case, dev=replace(case.dev, inputs=(paler,)))).splits["dev"]
    assert found.auc > 0.95 > found.null_auc
    assert found.features[0].distance > 0.9


def test_sorted_rows_that_were_cut() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
    y = x @ np.array([1.0, -2.0, 0.5])
    order = y.argsort()
    found = shifted(numbers(y[order], x[order])).splits["dev"]
    assert found.targets[0].beyond == 1
    assert found.continues == "target y"


def test_copies_on_both_sides_flatter_the_error() -> None:
    case = digits(epochs=5)
    assert case.dev is not None
    x, y = case.train.inputs[0][:75], case.train.targets[0][:75]
    close = 0.97 * x
    inputs = (np.concatenate([close, case.dev.inputs[0]]),)
    mixed = replace(case.dev, inputs=inputs, targets=(np.concatenate([y, case.dev.targets[0]]),))
    with Bench(replace(case, dev=mixed), Settings()) as bench:
        found = neighbours(bench, {})
    assert isinstance(found, Neighbours)
    assert found.splits["dev"].share == pytest.approx(75 / 225, abs=0.05)
    assert found.splits["dev"].network is not None
    assert found.splits["dev"].nearest is not None
    assert found.splits["dev"].nearest.helped < 0.05


def test_a_target_that_only_earlier_rows_tell() -> None:
    x = np.random.default_rng(0).normal(size=(400, 1)).astype("float32")
    y = np.convolve(x[:, 0], np.ones(3))[:400]
    with Bench(numbers(y, x), Settings()) as bench:
        found = lags(bench, {})
    assert isinstance(found, Lags)
    assert found.outputs[0].own < 0.5
    assert found.outputs[0].inputs > 0.95
    assert found.outputs[0].autocorrelation > 0.5


def test_without_dev_nothing_is_compared() -> None:
    with Bench(digits(dev=False), Settings()) as bench, pytest.raises(NotMeasured, match="no dev split"):
        shift(bench, {})
