"""Classes at positions, compared with scikit-learn, and their intervals with a bootstrap of rows."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from diagnose.measuring.positions import positions
from diagnose.measuring.scoring import constant_reference, score
from diagnose.subject import Output, Task

RNG = np.random.default_rng(0)
SEGMENTS = Output("mask", Task.BINARY, "binary_crossentropy", classes=2)


def blobs(rows: int = 120, size: int = 24, width: int = 4):
    """Masks with one square of the rare class in each row."""
    masks = np.zeros((rows, size, size, 1), np.uint8)
    for mask, (x, y) in zip(masks, RNG.integers(0, size - width, (rows, 2)), strict=True):
        mask[x : x + width, y : y + width] = 1
    return masks


def judged(y, p, counted=None):
    return score(SEGMENTS, y, p, constant_reference(SEGMENTS, y, "sigmoid", counted), counted)


def test_measures_by_class_agree_with_scikit_learn():
    truth = RNG.choice(3, (50, 40), p=(0.8, 0.15, 0.05))
    chosen = np.where(RNG.random(truth.shape) < 0.7, truth, RNG.integers(0, 3, truth.shape))
    probability = np.eye(3)[chosen]
    found = positions(truth, chosen, np.zeros_like(truth), probability)
    assert [one.number for one in found.classes] == [0, 1, 2]
    y, p = truth.ravel(), chosen.ravel()
    for name, measure in (("recall", recall_score), ("precision", precision_score), ("dice", f1_score)):
        assert [getattr(one, name).value for one in found.classes] == pytest.approx(list(measure(y, p, average=None)))
    assert [one.iou.value for one in found.classes] == pytest.approx(list(jaccard_score(y, p, average=None)))
    assert found.macro_dice.value == pytest.approx(f1_score(y, p, average="macro"))
    assert found.constant_dice == pytest.approx(f1_score(y, np.zeros_like(y), average="macro", zero_division=0))
    assert found.classes[2].rows == np.count_nonzero((truth == 2).any(axis=1))


def test_rows_are_the_unit_of_the_intervals():
    """Whole rows are right or wrong, so 2,304 pixels of a row say no more than one."""
    y = blobs()
    right = RNG.random(len(y)) < 0.7
    found = judged(y, (y * right[:, None, None, None]).astype(float)).positions
    rare = found.classes[1].recall
    boot = [np.mean(RNG.choice(right, len(right))) for _ in range(2000)]
    low, high = np.quantile(boot, (0.025, 0.975))
    assert (rare.interval.low, rare.interval.high) == pytest.approx((low, high), abs=0.02)
    assert rare.interval.high - rare.interval.low > 0.1


def test_background_everywhere_has_no_skill_and_a_perfect_mask_all_of_it():
    y = blobs()
    nothing, all_of_it = judged(y, np.full(y.shape, 0.01)), judged(y, y.astype(float))
    assert nothing.error < 0.03 and nothing.skill == 0
    assert nothing.positions.classes[1].recall.interval.high < 0.05
    assert all_of_it.skill == 1
    assert judged(y, np.full(y.shape, 0.99)).skill < 0


def test_the_best_threshold_of_a_class_that_is_not_found():
    y = blobs()
    found = judged(y, np.where(y == 1, 0.4, 0.1 + 0.1 * RNG.random(y.shape))).positions.classes[1]
    assert found.recall.value == 0 and found.best_dice == pytest.approx(1)
    assert 0.2 < found.threshold <= 0.4


def test_positions_that_do_not_count_change_nothing():
    y, p = RNG.integers(0, 2, (30, 10)), RNG.random((30, 10, 1))
    counted = np.arange(10) < RNG.integers(4, 10, 30)[:, None]
    first = judged(y, p, counted)
    second = judged(np.where(counted, y, 1 - y), np.where(counted[..., None], p, 1 - p), counted)
    assert first == replace(second, spread=first.spread)
    each = zip(y, p[..., 0], counted, strict=True)
    assert first.error == pytest.approx(np.mean([(a[c] != (b[c] > 0.5)).mean() for a, b, c in each]))
    assert sum(map(sum, first.confusion)) == counted.sum()


def test_labels_of_a_multi_label_output_are_on_or_off():
    output = Output("y", Task.MULTILABEL, "binary_crossentropy", classes=50)
    y = (RNG.random((200, 50)) < 0.03).astype(np.uint8)
    found = score(output, y, np.full(y.shape, 0.03), constant_reference(output, y, "sigmoid"))
    assert [one.number for one in found.positions.classes] == [0, 1]
    assert found.positions.classes[1].recall.value == 0 and found.skill == 0


def test_one_position_a_row_has_a_separation_instead():
    output = Output("y", Task.BINARY, "binary_crossentropy", classes=2)
    y = np.arange(100) % 2
    found = score(output, y, 0.4 * y[:, None] + 0.05, constant_reference(output, y, "sigmoid"))
    assert found.positions is None and found.separation == pytest.approx((1, 1))
    assert found.error == 0.5


def test_labels_beyond_the_units_do_not_break_the_counts():
    output = Output("y", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=3)
    y = RNG.integers(0, 3, (20, 6))
    y[0, 0] = 10**9
    assert score(output, y, RNG.dirichlet([1, 1, 1], (20, 6)), constant_reference(output, y % 3)).positions is not None


def test_predictions_that_are_not_finite_count_for_no_class():
    y = blobs(20)
    broken = np.full(y.shape, np.nan)
    found = judged(y, broken).positions
    assert [one.predicted for one in found.classes] == [0, 0] and found.skill < 0
