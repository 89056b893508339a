"""Scores compared with numbers computed by hand or by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from diagnose.errors import InputError
from diagnose.intervals import paired_interval, wilson
from diagnose.measurements import NotMeasured
from diagnose.measuring.scoring import columns_are_classes, constant_reference, row_errors, row_losses, score
from diagnose.subject import Output, Task

RNG = np.random.default_rng(0)


def binary(loss="binary_crossentropy", **options):
    return Output("out", Task.BINARY, loss, classes=2, **options)


def many(classes=3, loss="sparse_categorical_crossentropy", **options):
    return Output("out", Task.MULTICLASS, loss, classes=classes, **options)


def judged(output, y, p, activation=None):
    return score(output, y, p, constant_reference(output, y, activation))


def test_multiclass_probabilities_agree_with_scikit_learn_for_integers_and_one_hot():
    y = RNG.integers(0, 3, 200)
    p = RNG.dirichlet([1, 1, 1], 200)
    sparse = judged(many(), y, p)
    dense = judged(many(loss="categorical_crossentropy"), np.eye(3)[y], p)
    assert sparse.error == pytest.approx(np.mean(p.argmax(1) != y))
    assert sparse.loss == pytest.approx(log_loss(y, p))
    assert sparse.constant_error == pytest.approx(1 - np.bincount(y).max() / 200)
    assert sparse.constant_loss == pytest.approx(log_loss(y, np.tile(np.bincount(y) / 200, (200, 1))))
    assert sparse.actual == pytest.approx(tuple(np.bincount(y) / 200))
    assert np.sum(sparse.confusion) == 200
    assert sparse.row_sum_error == pytest.approx(0, abs=1e-12)
    assert (dense.error, dense.loss, dense.skill) == pytest.approx((sparse.error, sparse.loss, sparse.skill))


def test_logits_are_recognised_by_the_loss_or_by_their_range():
    y = np.array([0, 1, 2, 1])
    logits = RNG.normal(0, 3, (4, 3))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for from_logits in (True, False):
        result = judged(many(from_logits=from_logits), y, logits)
        assert result.loss == pytest.approx(log_loss(y, p, labels=[0, 1, 2]))
        assert result.row_sum_error is None
    assert judged(many(from_logits=True), y, p, "softmax").loss == pytest.approx(log_loss(y, p, labels=[0, 1, 2]))


def test_sigmoids_with_a_categorical_loss_are_divided_by_their_sum():
    y = np.array([0, 1])
    p = np.array([[0.9, 0.9, 0.0], [0.2, 0.6, 0.0]])
    result = judged(many(), y, p, "sigmoid")
    assert result.loss == pytest.approx(-np.log([0.5, 0.75]).mean())
    assert result.row_sum_error == pytest.approx((0.8 + 0.2) / 2)


@pytest.mark.parametrize(
    ("output", "labels", "predictions", "activation"),
    [
        (binary(), (0, 1), (0.2, 0.7), "sigmoid"),
        (binary(from_logits=True), (0, 1), (-0.1, 0.1), "linear"),
        (binary(), (0, 1), (-3.0, 0.1), "linear"),
        (binary("hinge"), (-1, 1), (-0.1, 0.1), "tanh"),
        (binary("hinge"), (0, 1), (-0.1, 0.1), "linear"),
        (binary("mean_squared_error"), (-1, 1), (-0.1, 0.1), "tanh"),
        (binary("mean_squared_error"), (0, 1), (0.3, 0.7), "linear"),
        (binary("mean_squared_error"), (1, 2), (1.4, 1.6), "linear"),
        (binary(), (1, 2), (0.4, 0.6), "sigmoid"),
        (binary(), (-1, 1), (0.4, 0.6), "sigmoid"),
    ],
)
def test_the_threshold_of_binary_predictions_depends_on_head_and_labels(output, labels, predictions, activation):
    y = np.array([labels[0], labels[1], labels[0], labels[1]])
    p = np.array([predictions[0], predictions[1]] * 2)[:, None]
    assert judged(output, y, p, activation).error == 0
    assert judged(output, y, p[::-1], activation).error == 1


def test_two_softmax_units_with_integer_labels_are_two_classes():
    y = np.array([0, 1, 1])
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    for task in (Task.BINARY, Task.MULTICLASS):
        result = judged(Output("out", task, "sparse_categorical_crossentropy", classes=2), y, p)
        assert result.error == pytest.approx(1 / 3)
        assert result.loss == pytest.approx(-np.log([0.9, 0.6, 0.3]).mean())


def test_labels_without_an_output_unit_count_as_wrong():
    result = judged(many(), np.array([1, 2, 3, 3]), np.eye(3)[[1, 2, 0, 0]])
    assert result.error == 0.5
    assert result.loss == pytest.approx(-np.log(1e-7) / 2)
    one_unit = judged(many(), np.array([0, 1, 2]), np.array([[0.1], [0.9], [0.8]]))
    assert one_unit.error == pytest.approx(1 / 3)


def test_multilabel_error_is_the_share_of_wrong_labels():
    y = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 1]])
    p = np.array([[0.9, 0.1, 0.4], [0.2, 0.2, 0.9], [0.6, 0.6, 0.6]])
    result = judged(Output("tags", Task.MULTILABEL, "binary_crossentropy", classes=3), y, p)
    assert result.error == pytest.approx(1 / 9)
    assert result.loss == pytest.approx(-np.log(np.where(y, p, 1 - p)).mean())
    assert result.constant_error == pytest.approx(2 / 9)
    assert result.actual == pytest.approx((2 / 3, 1 / 3, 1))


def test_regression_is_judged_in_squared_errors_per_row():
    y = RNG.normal(5, 2, (300, 2))
    p = y + RNG.normal(0, 0.5, (300, 2))
    result = judged(Output("y", Task.REGRESSION, "mean_absolute_error"), y, p)
    assert result.error == pytest.approx(np.sqrt(mean_squared_error(y, p)))
    assert result.loss == pytest.approx(mean_squared_error(y, p))
    assert result.constant_error == pytest.approx(np.sqrt(y.var(axis=0).mean()))
    assert result.skill == pytest.approx(1 - mean_squared_error(y, p) / y.var(axis=0).mean())
    assert result.error_interval.low < result.error < result.error_interval.high
    assert result.beats_constant_error.low > 3
    assert result.spread == pytest.approx(1, abs=0.1)


def test_a_column_of_predictions_is_not_broadcast_against_flat_targets():
    y = np.arange(5.0)
    assert judged(Output("y", Task.REGRESSION, "mse"), y, y[:, None]).error == 0


def test_non_finite_predictions_are_counted_as_wrong():
    classes = judged(many(), np.array([0, 1, 2]), np.array([[1, 0, 0], [np.nan] * 3, [0, 0, 1]]))
    assert (classes.non_finite, classes.error) == (1, pytest.approx(1 / 3))
    values = judged(Output("y", Task.REGRESSION, "mse"), np.arange(3.0), np.array([0, np.nan, 2]))
    assert (values.non_finite, values.error, values.skill) == (1, np.inf, -np.inf)
    assert values.beats_constant_error.high == -np.inf
    unlabelled = judged(Output("y", Task.REGRESSION, "mse"), np.array([0, np.nan, 2]), np.array([0.0, 1, 2]))
    assert (unlabelled.rows, unlabelled.error) == (2, 0)
    with pytest.raises(NotMeasured, match="finite target"):
        constant_reference(Output("y", Task.REGRESSION, "mse"), np.array([np.nan]))


def test_the_error_of_a_sequence_is_the_share_of_wrong_positions():
    y = RNG.integers(0, 4, (6, 5))
    p = np.eye(4)[y]
    p[0, :2] = np.roll(p[0, :2], 1, axis=-1)
    output = many(4)
    reference = constant_reference(output, y)
    assert row_errors(output, y, p, reference).tolist() == [0.4, 0, 0, 0, 0, 0]
    assert row_losses(output, y, p, reference)[1:] == pytest.approx(0)
    assert score(output, y[..., None], p, reference).error == pytest.approx(0.4 / 6)


def test_the_loss_of_soft_targets_is_their_cross_entropy():
    y = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    output = many(loss="categorical_crossentropy")
    assert judged(output, y, y).loss == pytest.approx(-(y * np.log(y)).sum(1).mean())
    assert judged(output, y, y).error == 0


def test_the_constant_is_fitted_on_train_and_scored_on_the_same_rows():
    output = binary()
    reference = constant_reference(output, np.array([0, 0, 0, 1]))
    result = score(output, np.array([1, 1, 0, 1]), np.array([0.9, 0.9, 0.1, 0.9]), reference)
    assert result.constant_error == 0.75
    assert result.constant_loss == pytest.approx(-np.log([0.25, 0.25, 0.75, 0.25]).mean())
    assert result.beats_constant_error.low < 0.75 < result.beats_constant_error.high


def test_predictions_with_another_shape_than_targets_are_rejected():
    output = Output("y", Task.REGRESSION, "mse")
    reference = constant_reference(output, np.zeros((4, 2)))
    with pytest.raises(InputError, match="must have 2 numbers per row, as targets, got 3"):
        score(output, np.zeros((4, 2)), np.zeros((4, 3)), reference)


def test_intervals_have_their_nominal_coverage():
    draws = RNG.random((400, 60)) < 0.1
    rates = [wilson(float(draw.sum()), 60) for draw in draws]
    assert np.mean([rate.low <= 0.1 <= rate.high for rate in rates]) > 0.92
    differences = RNG.choice([-1.0, 0, 1], p=[0.05, 0.85, 0.1], size=(400, 80))
    pairs = [paired_interval(row) for row in differences]
    assert np.mean([pair.low <= 0.05 <= pair.high for pair in pairs]) > 0.92
    assert paired_interval(np.zeros(50)).high > 0


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.MULTICLASS, Task.MULTILABEL])
def test_a_shifted_split_has_a_constant_of_its_own(task):
    if task is Task.REGRESSION:
        output, train = Output("out", task, "mean_squared_error"), RNG.normal(0, 1, (200, 1))
        dev, expected = train + 9, train.std()
    elif task is Task.MULTICLASS:
        output, train = many(), np.repeat([0, 1, 2], [80, 10, 10])
        dev, expected = np.repeat([0, 1, 2], [10, 70, 20]), 0.3
    else:
        output, train = Output("out", task, "binary_crossentropy", classes=2), np.tile([[1, 0]], (10, 1))
        dev, expected = np.repeat([[0, 0], [0, 1]], [8, 2], axis=0), 0.1
    guess = np.full((len(dev), 3 if task is Task.MULTICLASS else dev.shape[-1]), 0.3)
    found = score(output, dev, guess, constant_reference(output, train))
    assert found.own_constant_error == pytest.approx(expected)
    assert found.constant_error > expected


def test_hidden_positions_are_no_class_of_their_own():
    y = np.array([[0, 0, 1, 0], [1, 0, 0, 0]])
    hidden = np.array([[True, False, True, False], [True, True, False, False]])
    found = score(many(2), y, np.eye(2)[y], constant_reference(many(2), y, None, hidden), hidden)
    assert (found.error, found.own_constant_error) == (0.0, 0.5)


def test_the_columns_of_labels_for_a_loss_of_ones_own_are_classes_only_if_they_sum_to_one() -> None:
    labels = np.array([[3, 1, 0, 2], [1, 1, 2, 3]])  # four time steps, four classes
    own = Output("out", Task.MULTICLASS, "masked_loss", custom_loss=True, classes=4)
    assert not columns_are_classes(own, labels)
    assert not columns_are_classes(own, np.tile(labels, (1, 5)))
    assert columns_are_classes(own, np.eye(4)[labels])
