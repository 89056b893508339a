"""Checks that compare the splits row by row, or by what is learned on one and holds on the other."""

from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.data.dev_unlike_train import dev_unlike_train
from diagnose.checks.data.held_out_signal import held_out_signal
from diagnose.checks.data.labels_not_paired import labels_not_paired
from diagnose.checks.data.near_duplicates import near_duplicates
from diagnose.checks.data.window_too_short import window_too_short
from diagnose.checks.network.output_range import output_range
from diagnose.findings import Interval, Severity
from diagnose.intervals import wilson
from diagnose.measurements import (
    Baseline,
    Close,
    FeatureShift,
    Flattered,
    Lags,
    LearningRate,
    Neighbours,
    OutputLags,
    Shift,
    Slip,
    SplitShift,
    SweepPoint,
    TargetShift,
    Within,
)
from tests.checks import builders as data
from tests.checks import builders_training as b

# --- labels that are not paired --------------------------------------------------------------------------


def within(split: str, error: float, rows: int = 250, constant: float = 0.9) -> Within:
    """A baseline within a split, of an error rate."""
    ahead = constant - error
    half = 2 * np.sqrt(max(error * (1 - error), 0.01) / rows)
    return Within(
        split,
        "ridge",
        error,
        wilson(error * rows, rows),
        1 - error / constant,
        Interval(ahead - half, ahead + half),
        rows,
    )


def held_out(train: float, own: float, dev: float = 0.9, rows: int = 1000) -> Baseline:
    """Baselines that are at the constant's error on dev, with these errors within train and within dev."""
    found = b.baseline(dev, dev, rows=rows, signal=dev < 0.85)
    output = replace(found.outputs[0], within=(within("train", train), within("dev", own, rows // 4)))
    return replace(found, outputs=(output,))


LOST = b.evaluation(b.score(0.02), b.score(0.9))


def test_dev_labels_of_other_rows() -> None:
    (finding,) = b.findings(labels_not_paired, held_out(0.05, 0.9), LOST)
    assert finding.severity is Severity.ERROR
    assert "neither the network nor a baseline predicts those of dev" in finding.message


def test_train_labels_of_other_rows() -> None:
    (finding,) = b.findings(labels_not_paired, held_out(0.9, 0.05), b.evaluation(b.score(0.02), b.score(0.9)))
    assert finding.where.split == "train"
    assert "rows of train tell neither" in finding.message


def test_classes_in_another_order() -> None:
    turned = np.roll(np.asarray(b.confusion(0.02, 1000, 10)), 1, axis=1)
    dev = b.score(0.98, confusion=tuple(map(tuple, turned.tolist())))
    (finding,) = b.findings(labels_not_paired, held_out(0.05, 0.05), b.evaluation(b.score(0.02), dev))
    assert "only 2 % if the classes of dev are renumbered (0 as 1, 1 as 2, 2 as 3 ...)" in finding.message


def slipping(given: Baseline, skill: float, low: float = 0.5) -> Baseline:
    """Baselines that reach this skill on dev once its targets are moved by three rows."""
    (output,) = given.outputs
    return replace(given, outputs=(replace(output, slip=Slip("dev", 3, skill, Interval(low, 0.9))),))


def test_labels_that_slipped_by_some_rows() -> None:
    (finding,) = b.findings(labels_not_paired, slipping(held_out(0.05, 0.05), 0.9), LOST)
    assert "0.9 if each row gets the target 3 rows after it" in finding.message
    assert b.findings(labels_not_paired, slipping(held_out(0.05, 0.05), 0.4), LOST) == ()
    assert b.findings(labels_not_paired, slipping(held_out(0.05, 0.05), 0.9, low=-0.1), LOST) == ()


@pytest.mark.parametrize(
    ("baseline", "evaluation"),
    [
        (held_out(0.9, 0.9), LOST),  # nothing to learn anywhere
        (held_out(0.05, 0.9), b.evaluation(b.score(0.02), b.score(0.3))),  # the network does well on dev
        (held_out(0.05, 0.9, dev=0.3), b.evaluation(b.score(0.02), b.score(0.3))),  # so do the baselines
        (held_out(0.05, 0.05), LOST),  # dev follows a rule of its own: dev-unlike-train
        (held_out(0.05, 0.9, rows=20), LOST),  # too few rows
    ],
)
def test_labels_that_are_paired_or_cannot_be_judged(baseline: Baseline, evaluation: object) -> None:
    assert b.findings(labels_not_paired, baseline, evaluation) == ()


def test_other_inputs_explain_a_failure_on_dev() -> None:
    assert b.findings(labels_not_paired, held_out(0.05, 0.9), LOST, shift(auc=0.99)) == ()


def test_a_signal_within_train_is_a_note() -> None:
    (finding,) = b.findings(held_out_signal, held_out(0.05, 0.9))
    assert finding.severity is Severity.INFO
    assert b.findings(held_out_signal, held_out(0.9, 0.9)) == ()
    assert b.findings(held_out_signal, held_out(0.05, 0.05, dev=0.1)) == ()


@pytest.mark.parametrize(("steps", "found"), [(30, 1), (300, 0)])  # 32 rows a step of 1,000: less than an epoch, ten
def test_memorised_rows_are_no_signal(steps: int, found: int) -> None:
    point = SweepPoint(1e-3, (0.4, 0.5, 0.45), (0.5,) * 3, (False,) * 3)
    rates = LearningRate(1e-3, (), (point,), None, None, None, None, steps, 1000, 32)
    assert len(b.findings(held_out_signal, held_out(0.9, 0.9), rates)) == found


# --- a dev set unlike train -------------------------------------------------------------------------------


def shift(
    auc: float = 0.5,
    null: float = 0.55,
    distance: float = 0.1,
    *,
    beyond: float = 0.0,
    targets: float = 0.05,
    continues: str = "",
    rows: int = 400,
) -> Shift:
    half = 0.02
    found = SplitShift(
        rows=rows,
        rows_train=1000,
        auc=auc,
        auc_interval=Interval(auc - half, min(1.0, auc + half)),
        null_auc=null,
        null_distance=0.15,
        draws=19,
        in_order=False,
        features=(FeatureShift("age", distance, 0.0, (0.0, 1.0), (0.0, 1.0)),),
        targets=(TargetShift("out", targets, 0.1, beyond, (0.0, 2.0), (0.0, 1.0)),),
        continues=continues,
    )
    return Shift({"dev": found})


WORSE = b.evaluation(b.score(0.05), b.score(0.4))


def costly(train: float = 0.06, dev: float = 0.4) -> Baseline:
    found = b.baseline(dev, dev)
    return replace(found, outputs=(replace(found.outputs[0], within=(within("train", train),)),))


def test_other_inputs_that_cost_accuracy() -> None:
    (finding,) = b.findings(dev_unlike_train, shift(auc=0.9, distance=0.6), WORSE, costly())
    assert finding.severity is Severity.WARNING
    assert "and age is distributed differently on dev and on train (distance 0.6" in finding.message
    assert "0.06 on other rows of train and 0.4 on dev" in finding.message


@pytest.mark.parametrize(
    "measured",
    [
        (),
        (WORSE,),  # the gap may be variance
        (WORSE, costly(train=0.38)),  # a baseline has no gap
        (b.evaluation(b.score(0.05), b.score(0.06)), costly()),  # the network has none
    ],
)
def test_other_inputs_without_a_measured_cost_are_a_hint(measured: tuple[object, ...]) -> None:
    assert b.severities(dev_unlike_train, shift(auc=0.9), *measured) == [Severity.HINT]


@pytest.mark.parametrize(
    "found",
    [
        shift(),
        shift(auc=0.7),  # slightly different groups, another year
        shift(auc=0.9, null=0.95),  # a series whose parts differ as much within train
        shift(distance=0.3),
        shift(targets=0.2),
        shift(beyond=0.05),
        shift(auc=0.95, beyond=0.5, rows=20),
    ],
)
def test_splits_that_are_alike(found: Shift) -> None:
    assert b.findings(dev_unlike_train, found, WORSE, costly()) == ()


def test_targets_outside_the_range_of_train() -> None:
    worse = b.evaluation(b.regression(0.99), b.regression(0.2))
    (finding,) = b.findings(dev_unlike_train, shift(beyond=0.8, continues="feature 1"), worse)
    assert finding.severity is Severity.WARNING
    assert (
        "80 % of the targets of out on dev lie outside the range of train (dev 0 to 2, train 0 to 1)" in finding.message
    )
    assert "train is in the order of feature 1" in finding.message
    same = b.evaluation(b.regression(0.99), b.regression(0.99))
    assert b.severities(dev_unlike_train, shift(beyond=0.8), same) == [Severity.HINT]


def test_a_head_that_cannot_reach_the_targets_of_dev() -> None:
    head = data.head(data.regression(), activation="sigmoid", units=1)
    train = data.split(y=data.numbers(0.5, 0.2, low=np.zeros(1), high=np.ones(1)))
    dev = data.split("dev", y=data.numbers(1.5, 0.3, low=np.ones(1), high=np.full(1, 2.1)))
    (finding,) = b.findings(output_range, data.network(heads=[head]), data.dataset(train, dev=dev))
    assert finding.where.split == "dev"
    assert "its targets on dev run from 1 to 2.1" in finding.message


# --- near-duplicates --------------------------------------------------------------------------------------


def close(share: float = 0.0, **changes: object) -> Neighbours:
    found = Close(1000, 4000, True, share, 0.001, 0.0, 10.0)
    return Neighbours({"dev": replace(found, **changes)})  # type: ignore[arg-type]


HARM = {"network": Flattered(0.05, 0.3, Interval(0.2, 0.3))}


def test_near_duplicates_that_flatter_the_error() -> None:
    (finding,) = b.findings(near_duplicates, close(0.4, **HARM))
    assert finding.severity is Severity.WARNING
    assert "the network's error is 0.05 on them and 0.3 on the others" in finding.message
    (finding,) = b.findings(near_duplicates, close(0.4, nearest=Flattered(0.02, 0.4, Interval(0.3, 0.5))))
    assert finding.severity is Severity.WARNING
    assert "nearest-neighbour model on them is 0.02, and 0.4 without the closest rows" in finding.message


def test_series_that_overlap_are_a_hint_if_no_harm_is_measured() -> None:
    assert b.severities(near_duplicates, close(overlapping=1.0)) == [Severity.HINT]
    assert b.severities(near_duplicates, close(overlapping=0.5, **HARM)) == [Severity.WARNING]


@pytest.mark.parametrize(
    ("found", "severities"),
    [
        (close(0.02, **HARM), []),  # natural twins
        (close(0.4, dimension=2.0, **HARM), []),  # rows in a plane come close to each other
        (close(0.4, spatial=False, **HARM), [Severity.HINT]),  # a table
        (close(0.4, network=Flattered(0.28, 0.3, Interval(0.01, 0.03))), [Severity.HINT]),
        (close(overlapping=0.01), []),  # the border of a split in time
    ],
)
def test_rows_that_are_close_by_nature(found: Neighbours, severities: list[Severity]) -> None:
    assert b.severities(near_duplicates, found) == severities


# --- windows that are too short ---------------------------------------------------------------------------


def lags(**changes: object) -> Lags:
    found = OutputLags("out", 0.7, 0.5, 5, 1, 0.3, 0.95, 0.9, Interval(0.6, 0.7), 240)
    return Lags((replace(found, **changes),))  # type: ignore[arg-type]


SHORT = b.evaluation(b.regression(0.35), b.regression(0.3))


def test_a_window_of_one_step() -> None:
    (finding,) = b.findings(window_too_short, lags(), SHORT)
    assert finding.severity is Severity.WARNING
    assert "1 time step explains at most 0.35" in finding.message
    assert b.severities(window_too_short, lags(window=0), SHORT) == [Severity.HINT]


@pytest.mark.parametrize(
    ("found", "evaluation"),
    [
        (lags(autocorrelation=0.05), SHORT),  # rows in random order
        (lags(turns=0.0), SHORT),  # rows sorted by the target
        (lags(gain=Interval(-0.1, 0.4)), SHORT),
        (lags(), b.evaluation(b.regression(0.96), b.regression(0.9))),  # the network knows
        (lags(inputs=0.32, targets=0.95, window=0), SHORT),  # earlier targets are no inputs of a table
    ],
)
def test_rows_that_need_no_earlier_rows(found: Lags, evaluation: object) -> None:
    assert b.findings(window_too_short, found, evaluation) == ()


def test_a_dev_set_that_follows_a_rule_of_its_own_is_unlike_train() -> None:
    (finding,) = b.findings(dev_unlike_train, shift(auc=0.5), held_out(0.05, 0.05), LOST)
    assert (
        finding.severity is Severity.ERROR
        and "within train (skill 0.944) and within dev (skill 0.944)" in finding.message
    )
    for baseline in (held_out(0.05, 0.9), held_out(0.05, 0.05, dev=0.1)):
        assert b.findings(dev_unlike_train, shift(auc=0.5), baseline, LOST) == ()


def test_a_baseline_that_carries_over_to_dev_shows_no_other_rule() -> None:
    """With a class of 1 % of the pixels on 60 rows, the errors do not show that a dice of .54 beats the constant."""
    given = held_out(0.05, 0.05)
    (output,) = given.outputs
    carried = replace(given, outputs=(replace(output, best=replace(output.best, skill=0.544)),))
    assert b.findings(dev_unlike_train, shift(auc=0.5), carried, LOST) == ()


def test_a_split_whose_rows_tell_their_targets_a_little_by_chance_tells_nothing() -> None:
    dev = held_out(0.05, 0.85)  # skill 0.06, and the interval of the best of several baselines is above 0
    assert [f.code for f in b.findings(labels_not_paired, dev, LOST)] == ["labels-not-paired"]
    train = held_out(0.85, 0.05)
    (finding,) = b.findings(labels_not_paired, train, b.evaluation(b.score(0.02), b.score(0.9)))
    assert finding.where.split == "train"
