"""Reliability, thresholds and residuals compared with scikit-learn and with numbers computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_curve

from diagnose.intervals import wilson
from diagnose.measuring import confidence
from diagnose.measuring.confidence import (
    STRETCHES,
    described,
    missed_along,
    reliability,
    residuals,
    thresholds,
    wrong_along,
)
from diagnose.measuring.scoring import constant_reference, score
from diagnose.subject import Output, Task

RNG = np.random.default_rng(0)
BINARY = Output("out", Task.BINARY, "binary_crossentropy", classes=2)
NUMBER = Output("out", Task.REGRESSION, "mean_squared_error")


def pair(positive):
    return np.stack([1 - positive, positive], axis=-1)[:, None]


def test_groups_hold_the_predictions_of_one_tenth_of_probability():
    positive = np.array([0.95, 0.97, 0.91, 0.62, 0.68])
    found = reliability(np.array([1, 1, 0, 1, 0])[:, None], pair(positive))
    low, high = found.groups
    assert (low.count, high.count) == (2, 3)
    assert (low.predicted, low.observed) == (pytest.approx(0.65), 0.5)
    assert high.observed == pytest.approx(2 / 3) and high.interval == wilson(2, 3)
    assert found.error == pytest.approx((2 * 0.15 + 3 * (0.9433333 - 2 / 3)) / 5)


def test_positions_that_do_not_count_are_left_out_and_have_no_interval():
    truth = np.array([[1, -1], [0, -1]])
    probability = np.repeat(pair(np.array([0.9, 0.2])), 2, axis=1)
    found = reliability(truth, probability)
    assert [group.count for group in found.groups] == [1, 1]
    assert all(group.interval is None for group in found.groups)
    assert reliability(np.full((2, 2), -1), probability) is None


def test_thresholds_agree_with_scikit_learn_also_for_equal_probabilities():
    truth, positive = RNG.integers(0, 2, 60), RNG.integers(0, 8, 60) / 10
    found = thresholds(truth[:, None], pair(positive))
    false, true, values = roc_curve(truth, positive, drop_intermediate=False)
    assert found.values == pytest.approx(tuple(values[1:]))
    assert found.false_positives == pytest.approx(tuple(false[1:]))
    assert found.recall == pytest.approx(tuple(true[1:]))
    chosen = positive >= found.values[2]
    assert found.recall[2] == pytest.approx(recall_score(truth, chosen))
    assert found.precision[2] == pytest.approx(precision_score(truth, chosen))
    assert found.positives == pytest.approx(truth.mean())


def test_thresholds_need_two_classes_with_rows():
    assert thresholds(np.ones((5, 1), int), pair(np.linspace(0, 1, 5))) is None
    assert thresholds(np.array([[0], [2]]), np.full((2, 1, 3), 1 / 3)) is None
    assert thresholds(np.zeros((2, 2), int), np.full((2, 2, 2), 0.5)) is None


def test_residuals_are_prediction_minus_target_by_prediction():
    given = np.arange(100.0)
    found = residuals((given - np.where(given < 50, 2.0, -1.0))[:, None], given[:, None])
    assert sum(found.counts) == 100 and found.counts[0] == 50 and found.counts[-1] == 50
    assert [group.observed for group in found.groups] == [2.0] * 5 + [-1.0] * 5
    assert found.groups[0].predicted == pytest.approx(4.5)
    assert residuals(given[:, None], given[:, None]) is None
    assert residuals(np.zeros((3, 2)), np.zeros((3, 1))) is None


def test_the_share_wrong_is_counted_by_position_of_a_sequence_without_what_does_not_count():
    truth = np.array([[0, 1, -1], [1, 1, -1], [1, 0, 0], [0, 0, -1]])
    chosen = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]])
    first, second, third = wrong_along(truth, np.eye(2)[chosen])
    assert [group.predicted for group in (first, second, third)] == [1.0, 2.0, 3.0]
    assert (first.observed, second.observed, third.observed) == (0.25, 0.25, 0.0)
    assert third.count == 1 and first.interval == wilson(1, 4)
    assert wrong_along(truth[:, :1], np.eye(2)[chosen[:, :1]]) == ()


def test_long_sequences_are_told_in_stretches_that_have_no_interval():
    truth = np.zeros((5, 100), int)
    found = wrong_along(truth, np.eye(2)[np.arange(100) % 2][None].repeat(5, axis=0))
    assert len(found) == STRETCHES and sum(group.count for group in found) == 500
    assert all(group.interval is None for group in found)


def test_a_forecast_has_an_rmse_by_position():
    truth = np.zeros((200, 3))
    given = RNG.normal(0, (1.0, 2.0, 3.0), (200, 3))
    found = missed_along(truth, given)
    assert [group.observed for group in found] == pytest.approx(np.sqrt(np.square(given).mean(axis=0)))
    assert all(group.interval.low < group.observed < group.interval.high for group in found)
    assert missed_along(truth[:, :1], given[:, :1]) == () and missed_along(truth, given[:, :2]) == ()


@pytest.mark.parametrize(("shape", "expected"), [((60, 4, 3), 4), ((60, 2, 2, 3), 0)], ids=["sequence", "picture"])
def test_positions_of_pictures_have_no_order(shape, expected):
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=3)
    truth = RNG.integers(0, 3, shape[:-1])
    given = RNG.dirichlet((1, 1, 1), shape[:-1])
    reference = constant_reference(output, truth, "softmax")
    rows = (truth, given)
    assert len(described(score(output, *rows, reference), output, rows, reference, None).along) == expected


def test_a_score_is_described_by_what_fits_its_task():
    y, p = RNG.integers(0, 2, 50), RNG.uniform(size=(50, 1))
    reference = constant_reference(BINARY, y, "sigmoid")
    found = described(score(BINARY, y, p, reference), BINARY, (y, p), reference, None)
    assert found.reliability and found.thresholds and found.residuals is None
    x = RNG.normal(size=(50, 1))
    reference = constant_reference(NUMBER, x)
    found = described(score(NUMBER, x, x + p, reference), NUMBER, (x, x + p), reference, None)
    assert found.residuals and found.reliability is None and found.thresholds is None


def test_large_outputs_are_looked_at_in_part(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(confidence, "CELLS", 25)
    y, p = RNG.integers(0, 2, 50), RNG.uniform(size=(50, 1))
    reference = constant_reference(BINARY, y, "sigmoid")
    found = described(score(BINARY, y, p, reference), BINARY, (y, p), reference, None)
    assert sum(group.count for group in found.reliability.groups) == 25


@pytest.mark.parametrize("rows", [3, 43, 10_000])
def test_the_interval_of_none_and_of_all_ends_at_0_and_1(rows):
    """Not at 7e-16, which a table would show."""
    assert wilson(0, rows).low == 0.0 and wilson(rows, rows).high == 1.0
    assert 0 < wilson(1, rows).low < wilson(1, rows).high
