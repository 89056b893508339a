"""Outputs that are judged by the user's own loss, and losses that broadcast."""

from dataclasses import replace
from typing import Any

import pytest

from diagnose.checks import CHECKS
from diagnose.checks.data.inverted_labels import inverted_labels
from diagnose.checks.generalisation.collapsed_outputs import collapsed_outputs
from diagnose.checks.generalisation.does_not_learn import does_not_learn
from diagnose.checks.generalisation.variance import variance
from diagnose.checks.network.broadcast_loss import broadcast_loss
from diagnose.checks.network.loss_rewards import loss_rewards
from diagnose.findings import Interval, Severity
from diagnose.measurements import Evaluation, Head, Initial, Network, OutputSpread, Score, Unavailable
from diagnose.subject import Output, Task
from tests.checks import builders as b
from tests.checks.builders_training import evaluation, findings, network, regression, severities, skipped

ERROR, WARNING = Severity.ERROR, Severity.WARNING
APART = OutputSpread(units=16, relative=0.4, distance=1.2, rank=6.0, rows=512)
MARGIN = 0.5


def own(loss: float, se: float = 0.01, constant: float = MARGIN, **changed: Any) -> Score:
    """A loss of its own: a triplet loss with this margin."""
    around = Interval(loss - 1.96 * se, loss + 1.96 * se)
    ahead = Interval(constant - loss - 1.96 * se, constant - loss + 1.96 * se)
    base = Score(
        output="out",
        task=Task.OWN_LOSS,
        rows=1000,
        error=loss,
        error_interval=around,
        loss=loss,
        loss_interval=around,
        constant_error=constant,
        constant_loss=constant,
        beats_constant_error=ahead,
        beats_constant_loss=ahead,
        skill=1 - loss / constant if constant else 0.0,
        non_finite=0,
        constant="zeros",
        outputs=APART,
    )
    return replace(base, **changed)


def fresh(*losses: float) -> Initial:
    return Initial(("out",), (losses,), (MARGIN,), 512)


def own_network() -> Network:
    given = network(Task.OWN_LOSS)
    head = replace(given.heads[0], output=Output("out", Task.OWN_LOSS, "triplet", custom_loss=True))
    return replace(given, heads=(head,))


# --- the gate ---------------------------------------------------------------------------------------


def test_a_net_at_the_margin_does_not_learn() -> None:
    (found,) = findings(does_not_learn, evaluation(own(0.5)))
    assert found.severity is ERROR
    assert "on train the own loss is 0.5, no better than the 0.5 of a constant output (zeros" in found.message


def test_a_net_far_below_the_margin_learns() -> None:
    assert severities(does_not_learn, evaluation(own(0.02)), fresh(0.3, 0.31, 0.33)) == []


def test_few_batches_decide_by_the_skill() -> None:
    wide = Interval(-0.2, 1.0)
    few = own(0.1, batches=3, beats_constant_error=wide, beats_constant_loss=wide)
    assert severities(does_not_learn, evaluation(few)) == []


def test_a_net_that_beats_the_constant_but_not_fresh_weights_is_a_warning() -> None:
    (found,) = findings(does_not_learn, evaluation(own(0.35)), fresh(0.3, 0.31, 0.33))
    assert found.severity is WARNING and "no better than that of fresh weights with any seed" in found.message


def test_hard_negatives_may_keep_a_sound_net_above_the_constant() -> None:
    hard = own(0.6, batches=20)
    (found,) = findings(does_not_learn, evaluation(hard), fresh(4.0, 4.1, 4.2))
    assert found.severity is WARNING
    (found,) = findings(does_not_learn, evaluation(replace(hard, batches=None)), fresh(4.0, 4.1, 4.2))
    assert found.severity is ERROR


def test_a_loss_that_a_constant_minimises_tells_nothing() -> None:
    assert "a constant output (zeros) has about the lowest loss there is (0)" in skipped(
        does_not_learn, evaluation(own(0.1, constant=0.0, skill=0.0))
    )


@pytest.mark.parametrize(
    ("loss", "of_fresh", "judged"),
    [
        (0.1, 0.01, False),
        (0.1, 0.3, True),  # one point is much better than these weights, and not than fresh ones
        (0.9, 0.01, True),  # training has made it worse
    ],
)
def test_a_loss_that_a_constant_brings_near_its_floor_tells_nothing(loss: float, of_fresh: float, judged: bool) -> None:
    initial = Initial(("out",), ((0.5, 0.6, 0.7),), (of_fresh,), 512)
    given = (evaluation(own(loss, constant=0.002)), initial)
    if judged:
        assert severities(does_not_learn, *given) == [ERROR]
    else:
        assert "has about the lowest loss there is (0.002)" in skipped(does_not_learn, *given)


def test_only_an_own_loss_is_compared_with_fresh_weights() -> None:
    assert severities(does_not_learn, evaluation(regression(0.5)), fresh(0.0, 0.0, 0.0)) == []


@pytest.mark.parametrize(("told", "found"), [(0.0001, [ERROR]), (0.02, []), (None, [])])
def test_a_model_whose_loss_does_not_need_the_rows_has_collapsed(told: float | None, found: list[Severity]) -> None:
    assert severities(collapsed_outputs, evaluation(own(0.5, outputs=None, told=told))) == found


# --- dev ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dev", "swapped", "severity", "exchanged"),
    [
        (0.65, 0.2, WARNING, [ERROR]),  # worse than a constant, and good with the labels the other way round
        (0.65, 0.7, WARNING, []),
        (0.45, 0.2, Severity.HINT, []),  # better than a constant
    ],
)
def test_an_own_loss_that_is_worse_than_a_constant_on_dev(
    dev: float, swapped: float, severity: Severity, exchanged: list[Severity]
) -> None:
    scores = evaluation(own(0.25, swapped=0.9), own(dev, swapped=swapped))
    (gap,) = findings(variance, own_network(), scores)
    assert gap.severity is severity
    found = findings(inverted_labels, scores, own_network())
    assert [finding.severity for finding in found] == exchanged
    assert all("on dev the own loss is 0.65, above the 0.5 of a constant output" in f.message for f in found)


# --- what a loss rewards ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_label", "constant", "message"),
    [
        ((0.1, 0.5), 0.5, None),
        ((0.5, 0.48), 0.5, None),
        (
            (0.9, 0.2),
            0.5,
            "prefers outputs that mix the labels: it is 0.2 for those, and 0.9 if the rows of each label",
        ),
        ((-0.2, -0.9), 0.5, "prefers outputs that mix the labels"),
        (None, 0.0, "is 0, the lowest that it can be, if all rows have the same output"),
    ],
)
def test_a_loss_is_asked_what_it_prefers(by_label: Any, constant: float, message: str | None) -> None:
    score = own(0.1, constant=constant, batches=20, by_label=by_label)
    found = findings(loss_rewards, own_network(), evaluation(score))
    assert [finding.severity for finding in found] == ([ERROR] if message else [])
    assert message is None or message in found[0].message


def test_a_loss_that_names_no_right_outputs_and_judges_each_row_by_itself_is_not_asked() -> None:
    why = "no output has a loss of its own that can be asked"
    assert skipped(loss_rewards, own_network(), evaluation(own(0.1))) == why


@pytest.mark.parametrize("opposed", [(0.95, 0.05), None])
def test_a_loss_that_prefers_wrong_outputs_has_the_wrong_sign(opposed: tuple[float, float] | None) -> None:
    given = network(Task.MULTICLASS)
    output = replace(given.heads[0].output, loss="dice_score", custom_loss=True, opposed=opposed)
    found = findings(loss_rewards, replace(given, heads=(replace(given.heads[0], output=output),)), b.evaluation())
    assert [finding.severity for finding in found] == ([ERROR] if opposed else [])
    assert not opposed or "prefers wrong outputs: it is 0.05 for those, and 0.95 for right ones" in found[0].message


# --- collapse ---------------------------------------------------------------------------------------


def test_one_point_for_all_rows_has_collapsed() -> None:
    (found,) = findings(collapsed_outputs, evaluation(own(0.5, outputs=replace(APART, relative=1e-6, distance=1e-5))))
    assert found.severity is ERROR and found.value == 1e-6
    assert "the outputs of 512 rows are all but the same" in found.message


@pytest.mark.parametrize(
    "score",
    [
        own(0.02),
        own(0.5),  # no better than a constant, and apart: another fault
        own(0.02, outputs=replace(APART, rank=1.0)),  # two classes need one dimension
        own(0.1, outputs=replace(APART, relative=0.001)),  # a large offset, and a loss that likes it
        own(0.5, rows=10, outputs=replace(APART, relative=0.0, rows=10)),
    ],
)
def test_outputs_that_have_not_collapsed(score: Score) -> None:
    assert severities(collapsed_outputs, evaluation(score)) == []


def test_outputs_with_a_task_are_left_to_constant_predictions() -> None:
    assert skipped(collapsed_outputs, evaluation(regression(0.0))) == "every output has a task, and is judged by it"


# --- what needs a task ------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check for check in CHECKS if check.needs_task], ids=lambda check: check.code)
def test_a_check_that_needs_a_task_is_skipped_with_the_reason(check: Any) -> None:
    assert skipped(check, own_network(), evaluation(own(0.5))) == (
        "needs a task, and neither the loss nor the head names one"
    )


def test_with_several_outputs_the_known_ones_are_judged() -> None:
    other = Head(Output("class", Task.MULTICLASS, "mean_squared_error"), "class", "softmax", 10, (5, 1), (1,))
    both = replace(own_network(), heads=(*own_network().heads, other))
    split = replace(b.scores(), scores=(own(0.5), b.score(output="class")))
    missing = Unavailable("not given", "Give it.")
    (found,) = findings(broadcast_loss, both, Evaluation(split, missing, missing, missing))
    assert found.where.output == "class"


def test_variance_is_a_share_of_the_constant_output_s_loss() -> None:
    (found,) = findings(variance, own_network(), evaluation(own(0.02), own(0.145, se=0.02)))
    assert found.severity is Severity.HINT and found.value == pytest.approx(0.25)
    assert "dev error is loss 0.145 against loss 0.02 on train: variance 25.0 % of the constant output's loss" in (
        found.message
    )


# --- broadcasting -----------------------------------------------------------------------------------


def ending(
    shape: tuple[int, ...], target: tuple[int, ...], loss: str = "mean_squared_error", **changes: Any
) -> Network:
    judged = b.output(loss=loss, task=Task.REGRESSION, classes=None, **changes)
    return b.network(heads=[b.head(judged, activation="linear", units=shape[-1], shape=shape, target_shape=target)])


def learned(skill: float, **changes: Any) -> Evaluation:
    return b.evaluation(b.scores("train", b.score(task=Task.REGRESSION, skill=skill, **changes)))


@pytest.mark.parametrize(
    ("shape", "target", "skill", "severity"),
    [
        ((40, 1), (1,), 0.15, ERROR),
        ((40, 1), (1,), 0.6, WARNING),
        ((40, 1), (), 0.6, ERROR),  # rows against rows
    ],
)
def test_stretched_targets(shape: tuple[int, ...], target: tuple[int, ...], skill: float, severity: Severity) -> None:
    (found,) = b.findings(broadcast_loss, ending(shape, target), learned(skill))
    assert found.severity is severity


@pytest.mark.parametrize(
    ("shape", "target", "loss"),
    [
        ((1,), (), "mean_squared_error"),
        ((1,), (1,), "mean_squared_error"),
        ((3,), (1,), "mean_squared_error"),  # left to the number of units
        ((40, 1), (40,), "mean_squared_error"),
        ((40, 1), (40, 1), "mean_absolute_error"),
        ((28, 28, 1), (28, 28), "mean_squared_error"),
        ((40, 7), (40,), "sparse_categorical_crossentropy"),
    ],
)
def test_shapes_that_are_meant(shape: tuple[int, ...], target: tuple[int, ...], loss: str) -> None:
    assert b.findings(broadcast_loss, ending(shape, target, loss), learned(0.1)) == ()


def test_a_loss_class_over_all_pairs_of_rows() -> None:
    custom = ending((1,), (), "squares", custom_loss=True)
    (found,) = b.findings(broadcast_loss, custom, learned(0.0, broadcast=(2.1, 0.4)))
    assert found.severity is ERROR
    assert "targets of shape (n,) with outputs of shape (n, 1): the loss is 2.1, and 0.4 with" in found.message
    assert b.findings(broadcast_loss, custom, learned(0.0, broadcast=(0.4, 0.4))) == ()
