"""The figures of the predictions on dev, and the classes of an output with one position a row."""

from dataclasses import replace

import pytest

from diagnose.describing.errors import _level
from diagnose.describing.predictions import predictions
from diagnose.findings import Curves, Histogram, Interval, Matrix
from diagnose.intervals import wilson
from diagnose.measurements import Evaluation, Group, Reliability, Residuals, SplitScores, Thresholds, Unavailable
from diagnose.subject import Output, Seen, Split, Subject, Task
from tests.checks.builders_training import score

NOTHING = Unavailable("no split", "Pass one.")
ANIMAL = Output("animal", Task.BINARY, "binary_crossentropy", classes=2, class_names=("cat", "dog"))
CONFUSION = ((8.0, 2.0), (5.0, 15.0))
SURE = Reliability((Group(9, 0.6, 0.5, Interval(0.3, 0.7)), Group(21, 0.9, 0.95, Interval(0.8, 1.0))), 0.065)
CHOICES = Thresholds((0.9, 0.6, 0.1), (0.0, 0.2, 1.0), (0.4, 0.75, 1.0), (1.0, 0.88, 0.67), 0.67)
MISSED = Residuals((-1.0, 0.0, 1.0), (3, 4), (Group(3, 1.0, -0.5, None), Group(4, 2.0, 0.5, None)))


def shown(output: Output = ANIMAL, **more: object) -> list[object]:
    judged = replace(score(0.2, classes=2), separation=(0.9, 0.9), **more)
    split = SplitScores("dev", "no", 30, (judged,))
    subject = Subject("model", None, (output,), Split("train", (), (), Seen.YES))
    return list(predictions(subject, Evaluation(NOTHING, split, NOTHING, NOTHING)))


def test_what_does_not_apply_to_the_task_is_left_out() -> None:
    assert [type(one) for one in shown(confusion=CONFUSION)] == [Matrix]
    assert [type(one) for one in shown(confusion=(), residuals=MISSED)] == [Histogram, Curves]


def test_reliability_compares_probability_and_share_right_on_the_split_in_the_title() -> None:
    (drawn,) = shown(confusion=(), reliability=SURE)
    assert isinstance(drawn, Curves)
    assert drawn.title == "Reliability on dev: probability and share right differ by 6.5 points on average"
    own, diagonal = drawn.series
    assert (own.x, own.y, own.role) == ((60.0, 90.0), (50.0, 95.0), "dev")
    assert own.low == (30.0, 80.0) and diagonal.x == diagonal.y


def test_the_error_along_a_sequence_is_in_percent_or_an_rmse() -> None:
    (drawn,) = shown(confusion=(), along=(Group(30, 1.0, 0.5, Interval(0.3, 0.7)), Group(30, 2.0, 0.2, None)))
    assert isinstance(drawn, Curves)
    assert (drawn.title, drawn.y_label, drawn.series[0].y) == (
        "Error rate by position on dev",
        "wrong, %",
        (50.0, 20.0),
    )
    number = Output("price", Task.REGRESSION, "mean_squared_error")
    (drawn,) = shown(number, confusion=(), along=MISSED.groups)
    assert isinstance(drawn, Curves) and drawn.title == "RMSE by position on dev"
    assert shown(confusion=(), along=(Group(30, 1.0, 0.5, None),)) == []


def test_predictions_that_are_all_equally_sure_have_no_reliability_diagram() -> None:
    assert shown(confusion=(), reliability=replace(SURE, groups=SURE.groups[:1])) == []


def test_two_classes_have_a_roc_curve_and_precision_by_recall_with_the_threshold_of_one_half() -> None:
    roc, recall = shown(confusion=(), thresholds=CHOICES)
    assert isinstance(roc, Curves) and isinstance(recall, Curves)
    assert roc.title == "ROC curve on dev, AUC 0.900" and "dog" in roc.y_label and "cat" in roc.x_label
    assert roc.series[0].x == (0.0, 0.0, 20.0, 100.0) and roc.marks[0].x == 20.0
    assert recall.series[0].y == (100.0, 88.0, 67.0) and recall.marks[0].x == 75.0
    assert recall.series[1].y == (67.0, 67.0)


def test_a_figure_names_its_output_among_several() -> None:
    split = SplitScores("dev", "no", 30, (replace(score(0.2), confusion=CONFUSION),) * 2)
    subject = Subject("model", None, (ANIMAL, replace(ANIMAL, name="other")), Split("train", (), (), Seen.YES))
    drawn = predictions(subject, Evaluation(NOTHING, split, NOTHING, NOTHING))
    assert [one.title for one in drawn] == ["Confusion on dev of animal", "Confusion on dev of other"]


def test_classes_of_rows_have_precision_recall_f1_and_what_they_are_taken_for() -> None:
    cat, dog = _level(ANIMAL, "dev", replace(score(0.2), confusion=CONFUSION), None).classes
    assert (cat.name, cat.rows, cat.share, cat.predicted) == ("cat", 10, pytest.approx(1 / 3), pytest.approx(13 / 30))
    assert (cat.recall, cat.precision) == (0.8, pytest.approx(8 / 13))
    assert cat.recall_interval == wilson(8, 10)
    assert cat.dice == pytest.approx(2 * 8 / 23) and cat.iou == pytest.approx(8 / 15)
    assert cat.dice_interval.low < cat.dice < cat.dice_interval.high
    assert (dog.confused, dog.confused_share) == ("cat", 0.25)


def test_a_class_without_rows_is_left_out_and_one_that_is_always_right_is_taken_for_none() -> None:
    only, other = ((5.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 4.0)), replace(score(0.2), confusion=CONFUSION)
    three = replace(ANIMAL, task=Task.MULTICLASS, classes=3, class_names=())
    first, last = _level(three, "dev", replace(other, confusion=only), None).classes
    assert (first.name, last.name) == ("0", "2") and first.confused is None
