"""Checks of outputs with many positions a row."""

from dataclasses import replace
from typing import Any

import pytest

from diagnose.checks.data.padding_not_masked import padding_not_masked
from diagnose.checks.data.position_imbalance import position_imbalance
from diagnose.checks.generalisation.class_recall import class_recall
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.findings import Interval, Severity
from diagnose.measurements import Estimate, Padding, PositionClass, Positions
from diagnose.subject import Task
from tests.checks import builders as b

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


def estimate(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, Interval(max(0.0, value - half), min(1.0, value + half)))


def one(number: int, share: float, recall: float, predicted: float, **changes: Any) -> PositionClass:
    """A class in 200 rows whose dice is its recall."""
    given: dict[str, Any] = {"rows": 200, "precision": None, "iou": estimate(recall), "dice": estimate(recall)}
    return PositionClass(number, share, predicted, recall=estimate(recall), **{**given, **changes})


def positions(*classes: PositionClass) -> Positions:
    macro = estimate(sum(found.recall.value for found in classes) / len(classes))
    return Positions(1024, 240, classes, macro, macro, macro, 0.5)


def segmentation(*classes: PositionClass, loss: float = 0.5, **changes: Any) -> Any:
    """Evaluation of a segmentation whose loss is `loss` times that of the constant prediction."""
    given = {"task": Task.BINARY, "loss": loss, "constant_loss": 1.0, "confusion": ((1.0, 0.0), (0.0, 1.0))}
    score = b.score(**{**given, **changes}, positions=positions(*classes))
    return b.evaluation(b.scores("train", score))


BACKGROUND = one(0, 0.986, 1.0, 1.0)


@pytest.mark.parametrize(
    ("rare", "loss", "found"),
    [
        (one(1, 0.014, 0.0, 0.0), 0.99, [ERROR]),  # nothing learned
        (one(1, 0.014, 0.0, 0.0, best_dice=0.45, threshold=0.15), 0.5, [ERROR]),  # a lower threshold finds it
        (one(1, 0.014, 0.0, 0.0, best_dice=0.1, threshold=0.1), 0.8, [WARNING]),  # honest: hard to tell
        (one(1, 0.014, 0.3, 0.005), 0.5, [HINT]),  # hard, but found
        (one(1, 0.014, 0.8, 0.014), 0.1, []),
        (one(1, 0.014, 0.0, 0.0, rows=6), 0.99, []),  # too few rows
    ],
)
def test_a_rare_class_that_is_not_found(rare: PositionClass, loss: float, found: list[Severity]) -> None:
    assert b.severities(position_imbalance, segmentation(BACKGROUND, rare, loss=loss)) == found


def test_the_message_names_the_shares() -> None:
    rare = one(1, 0.014, 0.0, 0.0, best_dice=0.45, threshold=0.15)
    [finding] = b.findings(position_imbalance, segmentation(BACKGROUND, rare))
    assert "98.6 %" in finding.message or "99 %" in finding.message
    assert "class 1 (1.4 % of them, in 200 of 240 rows)" in finding.message
    assert "macro recall 0.50, dice 0.00, and 0.45 at a threshold of 0.15" in finding.message


def test_a_large_class_that_is_not_found_is_left_to_class_recall() -> None:
    assert b.severities(position_imbalance, segmentation(one(0, 0.8, 1.0, 1.0), one(1, 0.2, 0.0, 0.0))) == []


def test_one_lost_tag_among_others_is_a_warning_if_many_rows_have_it() -> None:
    tags = (one(0, 0.9, 0.98, 0.9), one(1, 0.07, 0.8, 0.07))
    assert b.severities(position_imbalance, segmentation(*tags, one(2, 0.01, 0.0, 0.0))) == [WARNING]
    assert b.severities(position_imbalance, segmentation(*tags, one(2, 0.001, 0.0, 0.0, rows=11))) == [HINT]


def test_labels_that_are_ranked_but_never_on_are_at_most_a_warning() -> None:
    rare = one(1, 0.015, 0.0, 0.0, best_dice=0.4, threshold=0.1)
    assert b.severities(position_imbalance, segmentation(BACKGROUND, rare, task=Task.MULTILABEL)) == [WARNING]


def on_dev(rare: PositionClass, learned: float = 0.45, **changes: Any) -> Any:
    """Evaluation of a tagger that finds a rare tag in `learned` of its positions on train, and `rare` on dev."""
    given = {"task": Task.MULTICLASS, "loss": 0.3, "constant_loss": 1.0} | changes
    tags = one(0, 0.98, 0.99, 0.98), one(1, 0.01, 0.95, 0.01)
    on_train = replace(one(2, 0.009, learned, 0.005), recall=estimate(learned, 0.1))
    return b.evaluation(
        b.scores("train", b.score(**given, positions=positions(*tags, on_train))),
        b.scores("dev", b.score(**given, positions=positions(*tags, rare))),
    )


@pytest.mark.parametrize(
    ("rare", "found"),
    [
        (one(2, 0.009, 0.0, 0.0, rows=15, best_dice=0.5, threshold=0.2), [WARNING]),
        (one(2, 0.009, 0.0, 0.0, rows=10, best_dice=0.5, threshold=0.2), [HINT]),  # in 4 % of the rows
        (one(2, 0.009, 0.0, 0.0, rows=15, best_dice=0.1, threshold=0.02), []),  # the inputs do not tell it apart
        (one(2, 0.009, 0.0, 0.0, rows=5, best_dice=0.5, threshold=0.2), []),  # too few rows
        (one(2, 0.009, 0.9, 0.009, rows=15), []),
    ],
)
def test_a_rare_tag_that_is_told_apart_and_never_chosen_on_dev(rare: PositionClass, found: list[Severity]) -> None:
    findings = b.findings(position_imbalance, on_dev(rare))
    assert [finding.severity for finding in findings] == found
    assert all(finding.where.split == "dev" and finding.message.startswith("on dev") for finding in findings)


def test_a_rare_tag_that_is_known_by_heart_is_left_to_variance() -> None:
    rare = one(2, 0.009, 0.0, 0.0, rows=15, best_dice=0.5, threshold=0.2)
    assert b.severities(position_imbalance, on_dev(rare, learned=0.9)) == []
    assert b.severities(position_imbalance, on_dev(rare, task=Task.MULTILABEL)) == []


def test_recall_by_class_counts_rows_that_have_it() -> None:
    assert b.severities(class_recall, segmentation(BACKGROUND, one(1, 0.014, 0.02, 0.0))) == [WARNING]
    assert b.severities(class_recall, segmentation(BACKGROUND, one(1, 0.014, 0.3, 0.0), error=0.014)) == [HINT]
    assert b.severities(class_recall, segmentation(BACKGROUND, one(1, 0.014, 0.8, 0.014))) == []


def test_weighted_positions_that_are_told_apart_are_not_called_untrained() -> None:
    worse = {"beats_constant_error": Interval(-0.2, -0.1), "beats_constant_loss": Interval(-0.4, -0.3), "skill": -2.0}
    wide = segmentation(one(0, 0.986, 0.85, 0.84), one(1, 0.014, 0.9, 0.16), **worse)
    assert b.severities(does_not_learn, wide, b.network()) == [HINT]
    blind = segmentation(one(0, 0.986, 0.85, 0.84), one(1, 0.014, 0.15, 0.16), **worse)
    assert b.severities(does_not_learn, blind, b.network()) == [ERROR]


def test_a_mask_of_one_class_needs_more_than_a_slightly_lower_loss_to_have_learned() -> None:
    certain = {"beats_constant_error": Interval(-0.01, 0.0), "beats_constant_loss": Interval(0.02, 0.04), "skill": 0.0}
    common = one(1, 0.1, 0.0, 0.0)
    assert b.severities(does_not_learn, segmentation(BACKGROUND, common, loss=0.95, **certain), b.network()) == [ERROR]
    assert b.severities(does_not_learn, segmentation(BACKGROUND, common, loss=0.7, **certain), b.network()) == []


# --- padding ---------------------------------------------------------------------------------------


def padded(**changes: Any) -> Any:
    given: dict[str, Any] = {"share": 0.7, "masked": False, "recurrent": True, "positions": True, "label": 0}
    return b.dataset(padding=(Padding("tokens", "y", 500, **{**given, "elsewhere": 0.0, **changes}),))


LEARNED = segmentation(one(0, 0.7, 1.0, 0.7), one(1, 0.2, 0.9, 0.2), one(2, 0.1, 0.9, 0.1))
NOTHING_BUT_PADDING = segmentation(one(0, 0.7, 1.0, 1.0), one(1, 0.2, 0.0, 0.0), one(2, 0.1, 0.0, 0.0))
ONE_TAG_FOR_ALL = segmentation(one(0, 0.7, 1.0, 0.7), one(1, 0.2, 1.0, 0.3), one(2, 0.1, 0.0, 0.0))


@pytest.mark.parametrize(
    ("evaluation", "found"), [(LEARNED, HINT), (ONE_TAG_FOR_ALL, WARNING), (NOTHING_BUT_PADDING, ERROR)]
)
def test_padding_is_as_serious_as_the_harm_at_real_positions(evaluation: Any, found: Severity) -> None:
    [finding] = b.findings(padding_not_masked, padded(), evaluation)
    assert finding.severity is found
    assert "70 % of the positions of tokens are padding" in finding.message


@pytest.mark.parametrize(
    "changes",
    [{"masked": True}, {"share": 0.1}, {"label": None}, {"positions": False, "recurrent": False}],
)
def test_padding_that_does_no_harm_is_clean(changes: dict[str, Any]) -> None:
    assert b.findings(padding_not_masked, padded(**changes), NOTHING_BUT_PADDING) == ()


def test_the_class_of_padding_is_no_weak_class() -> None:
    tags = segmentation(BACKGROUND, one(1, 0.3, 0.0, 0.0))
    assert b.severities(class_recall, tags) == [WARNING]
    assert b.severities(class_recall, tags, padded(label=1)) == []
    assert b.severities(class_recall, tags, padded(label=1, elsewhere=0.2)) == [WARNING]


def test_padding_with_the_class_of_real_positions_is_a_warning_where_other_classes_are_lost() -> None:
    (finding,) = b.findings(padding_not_masked, padded(elsewhere=0.3), ONE_TAG_FOR_ALL)
    assert finding.severity is WARNING and "as at 30 % of the others; class 2 is found in 0 %" in finding.message
    assert b.findings(padding_not_masked, padded(elsewhere=0.3), LEARNED) == ()


def test_a_recurrent_layer_that_reads_the_padding_is_a_hint() -> None:
    assert b.severities(padding_not_masked, padded(positions=False, label=None, elsewhere=None)) == [HINT]
    failed = b.evaluation(b.scores("train", b.chance()))
    assert b.severities(padding_not_masked, padded(positions=False, label=None, elsewhere=None), failed) == [WARNING]
