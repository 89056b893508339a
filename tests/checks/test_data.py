"""Checks of the data. Each check: sick, at the boundary, and healthy look-alikes."""

import re
from dataclasses import replace

import numpy as np
import pytest

from diagnose.checks.data.class_imbalance import class_imbalance
from diagnose.checks.data.empty_vocabulary import empty_vocabulary
from diagnose.checks.data.fed_unlike_training import fed_unlike_training
from diagnose.checks.data.input_scale import input_scale
from diagnose.checks.data.inverted_labels import inverted_labels
from diagnose.checks.data.label_format import label_format
from diagnose.checks.data.missing_classes import missing_classes
from diagnose.checks.data.no_signal import no_signal
from diagnose.checks.data.non_finite_data import non_finite_data
from diagnose.checks.data.target_scale import target_scale
from diagnose.checks.data.uneven_feature_scales import uneven_feature_scales
from diagnose.findings import Interval, Severity, Skipped
from diagnose.measurements import (
    Baseline,
    Candidate,
    Conversions,
    Dataset,
    Evaluation,
    Forward,
    Initial,
    Network,
    OutputBaseline,
    Score,
)
from diagnose.reports.gauge import gauge
from diagnose.subject import Task
from tests.checks import builders as b

ERROR, WARNING, HINT, INFO = [Severity.ERROR], [Severity.WARNING], [Severity.HINT], [Severity.INFO]


# --- inverted labels -------------------------------------------------------------------------------


def counted(*rows: tuple[float, ...], loss: float = 4.0, task: Task = Task.MULTICLASS) -> Score:
    """Rows of each class by predicted class; by its loss, the model is sure of what it says."""
    counts = np.array(rows)
    error = 1 - float(np.trace(counts) / counts.sum())
    return b.score(error=error, loss=loss, task=task, confusion=rows, constant_error=0.5, constant_loss=0.7)


SWAPPED = counted((10, 490), (495, 5), task=Task.BINARY)


def test_two_classes_that_are_swapped_are_an_error() -> None:
    [finding] = b.findings(inverted_labels, b.evaluation(b.scores("train", SWAPPED)))
    assert finding.severity is Severity.ERROR
    assert "error is 98 %, but 1.5 % if" in finding.message and "(0 as 1, 1 as 0)" in finding.message


def test_a_loss_that_prefers_the_other_class_tells_more_than_the_order_of_the_classes() -> None:
    scores = b.evaluation(b.scores("train", SWAPPED))
    turned = b.network(heads=[b.head(b.output(custom_loss=True, opposed=(0.9, 0.1)))])
    assert turned.heads[0].output.name == SWAPPED.output
    assert b.findings(inverted_labels, scores, turned) == ()
    assert len(b.findings(inverted_labels, scores, b.network(heads=[b.head(b.output())]))) == 1


def test_classes_in_another_order_on_dev_alone_are_found_there() -> None:
    dev = b.scores("dev", counted((2, 40, 3), (50, 1, 0), (0, 0, 60)))
    [finding] = b.findings(inverted_labels, b.evaluation(b.scores("train", counted((90, 5), (5, 90))), dev))
    assert finding.where.split == "dev" and "2 as" not in finding.message


@pytest.mark.parametrize(
    "score",
    [
        counted((450, 50), (40, 460)),  # right
        counted((300, 200), (280, 220)),  # poor
        counted((20, 480), (480, 20), loss=0.75),  # hardly trained: separates the classes by chance, and is not sure
        counted((0, 500), (0, 500)),  # one class for every row
        counted((1, 8), (8, 1)),  # few rows
        counted((400, 90, 10), (300, 180, 20), (10, 20, 470)),  # confuses two classes, one way
        b.score(error=4.0, task=Task.REGRESSION),
    ],
)
def test_models_that_are_right_poor_or_unsure_have_no_inverted_labels(score: Score) -> None:
    assert b.findings(inverted_labels, b.evaluation(b.scores("train", score))) == ()


def test_a_model_that_was_never_trained_separates_classes_by_chance() -> None:
    measured = {Evaluation: b.evaluation(b.scores("train", SWAPPED)), Network: b.network(trained=False)}
    assert isinstance(inverted_labels.run(measured), Skipped)


# --- non-finite data -------------------------------------------------------------------------------


def test_nan_in_inputs_and_targets_is_an_error_each() -> None:
    data = b.dataset(b.split(x=b.inputs(non_finite=3)), dev=b.split("dev", y=b.labels(non_finite=1)))
    found = b.findings(non_finite_data, data)
    assert [(f.severity, f.where.split, f.value) for f in found] == [
        (Severity.ERROR, "train", 3.0),
        (Severity.ERROR, "dev", 1.0),
    ]


def test_a_column_that_stops_at_minus_999_is_a_hint() -> None:
    low, high = np.full(8, -3.0), np.full(8, 90.0)
    low[2] = -999.0
    assert b.severities(non_finite_data, b.dataset(b.split(x=b.inputs(low=low, high=high)))) == HINT


def test_a_symmetric_range_is_not_a_sentinel() -> None:
    x = b.inputs(std=300.0, low=np.full(8, -999.0), high=np.full(8, 999.0))
    assert b.findings(non_finite_data, b.dataset(b.split(x=x))) == ()


# --- scale of the inputs ---------------------------------------------------------------------------


def reaching(mean: object = 0.0, std: object = 1.0, max_abs: float = 4.0, features: int = 8) -> Forward:
    first = b.first_input(mean, std, features, max_abs)
    return b.forward(b.one_pass(b.activations("dense"), first=[first]))


@pytest.mark.parametrize(
    ("mean", "std", "max_abs", "found"),
    [
        (0.0, 1.0, 6.0, []),  # standardised values beyond 1
        (0.3, 0.3, 1.0, []),  # pixels in 0 ... 1
        (0.002, 0.04, 1.0, []),  # one-hot or tf-idf: a tiny spread, but ones among them
        (5.0, 5.0, 16.0, []),  # 0-16 pixels
        (10.0, 6.0, 16.0, HINT),
        (33.0, 78.0, 255.0, WARNING),  # 0-255 pixels
        (1e-3, 1e-3, 0.004, WARNING),  # divided by 255 twice
        (0.0, 1e-3, 0.012, WARNING),
        (1e-3, 1e-2, 0.4, []),  # tf-idf of long texts
        (2e-4, 1e-3, 0.03, []),  # shares of words: rare and small, a few of them common
    ],
)
def test_scale_of_the_inputs(mean: float, std: float, max_abs: float, found: list[Severity]) -> None:
    assert b.severities(input_scale, reaching(mean, std, max_abs)) == found


def test_one_large_column_of_many_is_left_to_the_check_of_uneven_scales() -> None:
    std = np.ones(20)
    std[0] = 300.0
    assert b.findings(input_scale, reaching(0.0, std, 900.0, 20)) == ()
    assert b.severities(uneven_feature_scales, reaching(0.0, std, 900.0, 20)) == WARNING


def test_inputs_that_are_normalised_first_may_have_any_scale() -> None:
    first = b.layer("dense", kind="BatchNormalization", normalises=True, weighted=False, activation=None)
    assert b.findings(input_scale, reaching(0.0, 80.0, 255.0), b.network(first)) == ()


def test_batch_normalisation_after_the_first_layer_removes_the_scale() -> None:
    body = (b.layer("dense", activation="linear"), b.passing("bn", "BatchNormalization", normalises=True))
    assert b.findings(input_scale, reaching(0.0, 80.0, 255.0), b.network(*body)) == ()


def test_token_ids_have_no_scale() -> None:
    embedding = b.layer("dense", kind="Embedding", weighted=False, activation=None)
    assert b.findings(input_scale, reaching(5000.0, 3000.0, 1e4), b.network(embedding)) == ()


def test_fresh_weights_are_used_if_loaded_ones_were_not_run() -> None:
    sick = reaching(0.0, 80.0, 255.0)
    assert b.severities(input_scale, b.forward(fresh=sick.current)) == WARNING


# --- uneven scales ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("large", "found"), [(99.0, []), (101.0, WARNING)])
def test_uneven_scales_begin_at_a_factor_of_a_hundred(large: float, found: list[Severity]) -> None:
    std = np.array([1.0, 1.0, 1.0, large])
    assert b.severities(uneven_feature_scales, reaching(0.0, std, 300.0, 4)) == found


def test_rare_flags_and_constant_columns_have_a_small_spread_by_nature() -> None:
    std = np.array([2.0, 1.0, 0.01, 0.0])
    x = b.inputs(
        np.array([0.0, 0.0, 1e-4, 0.0]),
        std,
        4,
        low=np.array([-6.0, -3.0, 0.0, 0.0]),
        high=np.array([6.0, 3.0, 1.0, 0.0]),
    )
    assert b.findings(uneven_feature_scales, reaching(0.0, std, 6.0, 4), b.dataset(b.split(x=x))) == ()


def test_flattened_border_pixels_may_vary_little() -> None:
    std = np.concatenate([np.full(100, 1e-4), np.full(684, 0.3)])
    assert b.findings(uneven_feature_scales, reaching(0.1, std, 1.0, 784)) == ()


def test_pixels_scaled_to_one_are_not_flags() -> None:
    std = np.concatenate([np.full(40, 0.4), np.full(20, 2e-3)])
    x = b.inputs(0.3, std, 60, low=np.zeros(60), high=np.concatenate([np.ones(40), np.full(20, 0.2)]))
    assert b.findings(uneven_feature_scales, reaching(0.3, std, 1.0, 60), b.dataset(b.split(x=x))) == ()


def test_the_dominating_feature_is_named() -> None:
    std = np.array([1.0, 500.0, 2.0])
    data = b.dataset(b.split(x=b.inputs(0.0, std, 3, feature_names=("age", "balance", "tenure"))))
    [finding] = b.findings(uneven_feature_scales, reaching(0.0, std, 1500.0, 3), data)
    assert finding.where.feature == "balance"


# --- scale of the target ---------------------------------------------------------------------------


def regressor(**changes: object) -> object:
    return b.network(heads=[b.head(b.regression(), activation=changes.pop("activation", "linear"), units=1, **changes)])


@pytest.mark.parametrize(
    ("mean", "std", "found"),
    [
        (0.0, 1.0, []),
        (22.0, 9.0, []),  # house prices in thousands
        (0.72, 0.14, []),  # chances between 0.3 and 1
        (0.0, 99.0, []),
        (5000.0, 2000.0, WARNING),
        (0.0, 0.005, WARNING),
        (152.0, 77.0, WARNING),
        (50.0, 4.0, WARNING),
        ([0.0, 0.0], [0.1, 50.0], WARNING),
    ],
)
def test_scale_of_the_target(mean: object, std: object, found: list[Severity]) -> None:
    data = b.dataset(b.split(y=b.numbers(mean, std)))
    assert b.severities(target_scale, data, regressor()) == found


def test_a_model_that_rescales_its_output_needs_no_scaled_target() -> None:
    last = b.passing("head", "Rescaling", activation="linear", normalises=True)
    network = b.network(b.layer("dense"), last, heads=[b.head(b.regression(), activation="linear", units=1)])
    assert b.findings(target_scale, b.dataset(b.split(y=b.numbers(5000.0, 2000.0))), network) == ()


def test_the_loss_of_fresh_weights_is_quoted() -> None:
    initial = Initial(("y",), ((8e7, 9e7, 1e8),), (4e6,), 1000)
    [finding] = b.findings(target_scale, b.dataset(b.split(y=b.numbers(9000.0, 2000.0))), regressor(), initial)
    assert "22.5 times" in finding.message


def test_a_constant_target_is_not_judged_by_its_scale() -> None:
    assert b.findings(target_scale, b.dataset(b.split(y=b.numbers(7.0, 0.0))), regressor()) == ()


# --- label format ----------------------------------------------------------------------------------


def labelled(target: object) -> Dataset:
    return b.dataset(b.split(y=target))


def with_loss(loss: str, units: int = 10, **changes: object) -> object:
    return b.network(heads=[b.head(b.output(loss=loss, **changes), units=units)])


SPARSE, CATEGORICAL, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"
FROM_ONE = b.labels({float(k): 100 for k in range(1, 11)})
SIGNS = b.labels({-1.0: 500, 1.0: 500})


@pytest.mark.parametrize(
    ("loss", "units", "target", "found"),
    [
        (SPARSE, 10, b.labels(), []),
        (SPARSE, 11, FROM_ONE, []),  # labels from 1 with a spare unit: common and harmless
        (SPARSE, 10, FROM_ONE, ERROR),
        (SPARSE, 3, SIGNS, ERROR),
        (SPARSE, 10, b.labels(non_integer=5), ERROR),
        (SPARSE, 10, b.one_hot(), ERROR),
        (CATEGORICAL, 10, b.one_hot(), []),
        (CATEGORICAL, 10, b.one_hot(layout="probabilities"), []),  # label smoothing, distillation
        (CATEGORICAL, 10, b.labels(), ERROR),
        (CATEGORICAL, 3, b.numbers([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]), ERROR),
        (BINARY, 1, b.labels({0.0: 500, 1.0: 500}), []),
        (BINARY, 1, b.labels({1.0: 500, 2.0: 500}), ERROR),
        (BINARY, 1, SIGNS, ERROR),
        ("hinge", 1, SIGNS, []),
        ("hinge", 1, b.labels({0.0: 500, 1.0: 500}), []),  # Keras converts them
        ("mean_squared_error", 1, b.numbers(50.0, 20.0), []),
    ],
)
def test_label_format(loss: str, units: int, target: object, found: list[Severity]) -> None:
    assert b.severities(label_format, labelled(target), with_loss(loss, units)) == found


def test_converted_labels_are_reported_first() -> None:
    train = b.split(converted=("integer labels were read as one-hot rows",))
    [finding] = b.findings(label_format, b.network(heads=[b.head()]), b.dataset(train))
    assert finding.severity is Severity.HINT and "read as one-hot rows" in finding.message


def test_more_classes_than_units_is_left_to_output_units() -> None:
    assert b.findings(label_format, labelled(b.labels()), with_loss(SPARSE, 5)) == ()


def test_a_custom_loss_is_not_judged() -> None:
    assert b.findings(label_format, labelled(FROM_ONE), with_loss(SPARSE, 10, custom_loss=True)) == ()


# --- classes ---------------------------------------------------------------------------------------


def with_dev(target: object) -> Dataset:
    return b.dataset(b.split(), dev=b.split("dev", y=target))


@pytest.mark.parametrize(
    ("dev", "found"),
    [
        ({}, []),
        ({10.0: 20}, ERROR),
        ({10.0: 5}, WARNING),
    ],
)
def test_classes_that_train_lacks(dev: dict[float, int], found: list[Severity]) -> None:
    every = {float(label): 100 for label in range(10)}
    assert b.severities(missing_classes, with_dev(b.labels(every | dev)), b.network()) == found


@pytest.mark.parametrize(
    ("dev", "found"),
    [
        ({0.0: 50, 9.0: 50}, WARNING),
        ({float(label): 100 for label in range(9)}, WARNING),
        ({float(label): 3 for label in range(9)}, []),  # 27 rows may lack a tenth of the classes by chance
    ],
)
def test_classes_that_dev_lacks(dev: dict[float, int], found: list[Severity]) -> None:
    assert b.severities(missing_classes, with_dev(b.labels(dev)), b.network()) == found


def test_classes_that_were_set_aside_when_loading() -> None:
    data = b.dataset(b.split(), dev=replace(b.split("dev"), unknown_classes=(("owl", 40),)))
    (finding,) = b.findings(missing_classes, data, b.network())
    assert finding.severity is Severity.ERROR
    assert "1 class that train lacks: owl" in finding.message


def test_few_rows_of_a_class_are_a_hint() -> None:
    data = b.dataset(b.split(y=b.labels({0.0: 500, 1.0: 9})))
    assert b.severities(missing_classes, data, b.network()) == HINT


def test_new_values_of_a_regression_target_are_not_classes() -> None:
    network = b.network(heads=[b.head(b.regression(), activation="linear", units=1)])
    assert b.findings(missing_classes, with_dev(b.labels({99.0: 100})), network) == ()


UNEVEN = b.labels({0.0: 1000, 1.0: 50})


def binary(**changes: object) -> object:
    return b.network(heads=[b.head(b.output(task=Task.BINARY, loss=BINARY, classes=2), units=1, **changes)])


def confused(*rows: tuple[float, ...]) -> object:
    return b.evaluation(b.scores("train", b.score(task=Task.BINARY, confusion=rows)))


def test_imbalanced_classes_are_only_a_hint() -> None:
    assert b.severities(class_imbalance, labelled(UNEVEN), binary()) == HINT


def test_imbalanced_classes_with_equal_recall_are_clean() -> None:
    assert b.findings(class_imbalance, labelled(UNEVEN), binary(), confused((960.0, 40.0), (3.0, 47.0))) == ()


def test_the_gap_in_recall_is_reported() -> None:
    [finding] = b.findings(class_imbalance, labelled(UNEVEN), binary(), confused((990.0, 10.0), (40.0, 10.0)))
    assert "79 points higher" in finding.message
    assert finding.interval is not None and finding.interval.low > 0.5


def test_a_factor_of_ten_is_not_yet_imbalanced() -> None:
    assert b.findings(class_imbalance, labelled(b.labels({0.0: 1000, 1.0: 100})), binary()) == ()


def test_a_small_class_is_a_warning_if_it_is_lost_though_the_inputs_tell_it_apart() -> None:
    def judged(right: float, auc: float) -> list[Severity]:
        score = b.score(
            task=Task.BINARY, confusion=((980.0, 20.0), (50.0 - right, right)), separation=(auc, auc), predicted=(1, 0)
        )
        return b.severities(class_imbalance, labelled(UNEVEN), binary(), b.evaluation(b.scores("train", score)))

    assert judged(2.0, 0.9) == [Severity.WARNING]
    assert judged(2.0, 0.6) == HINT  # in the nature of the data
    assert judged(25.0, 0.9) == HINT


# --- conversions -----------------------------------------------------------------------------------


def converted(fed: object, *tried: tuple[str, object, Interval]) -> Conversions:
    return Conversions(1000, (fed,), tuple((name, (score,), gain) for name, score, gain in tried))


RAW = b.score(error=0.043, loss=0.68)


def test_better_probabilities_on_converted_pixels_are_a_warning() -> None:
    better = ("x / 255", b.score(error=0.036, loss=0.12), Interval(0.45, 0.67))
    [finding] = b.findings(fed_unlike_training, converted(RAW, better))
    assert finding.severity is Severity.WARNING
    assert "x / 255" in finding.message and "0.68 to 0.12" in finding.message


def test_a_much_smaller_error_on_converted_inputs_is_an_error() -> None:
    better = ("standardised by column", b.score(error=0.1, loss=0.3), Interval(1.0, 2.0))
    assert b.severities(fed_unlike_training, converted(b.score(error=0.5, loss=1.8), better)) == ERROR


@pytest.mark.parametrize(
    ("score", "gain"),
    [
        (b.score(error=0.04, loss=0.64), Interval(0.02, 0.06)),  # less than 10 %
        (b.score(error=0.04, loss=0.50), Interval(0.01, 0.35)),  # not significant for one of five tries
        (b.score(error=0.06, loss=0.40), Interval(0.20, 0.36)),  # less confident predictions, more of them wrong
        (b.score(error=RAW.error, loss=0.12), Interval(0.45, 0.67)),  # the same predictions, more confident
        (b.chance(), Interval(0.20, 0.36)),  # still nothing learned
    ],
)
def test_conversions_that_prove_nothing(score: object, gain: Interval) -> None:
    assert b.findings(fed_unlike_training, converted(RAW, ("x / 255", score, gain))) == ()


def test_conversions_are_not_judged_for_an_untrained_model() -> None:
    better = ("x / 255", b.score(error=0.036, loss=0.12), Interval(0.45, 0.67))
    assert b.findings(fed_unlike_training, converted(RAW, better), b.network(trained=False)) == ()


# --- no signal -------------------------------------------------------------------------------------


def baseline(signal: bool = False, rows: int = 2000, seen: str = "no", **changes: object) -> Baseline:
    best = Candidate("gradient boosting", 0.5, Interval(0.48, 0.52), 0.69, 0.0, 1.0)
    judged = OutputBaseline(
        "y", (best,), best, 0.485, 0.03, -0.015, Interval(-0.04, 0.01), -0.03, signal, (0.0, 0.03), 0.2, 8000, rows
    )
    return Baseline((replace(judged, **changes),), "dev", seen)


def test_no_signal_is_an_error_where_net_and_baselines_are_at_zero() -> None:
    dev = b.evaluation(b.scores(), b.scores("dev", b.chance()))
    [finding] = b.findings(no_signal, baseline(), dev)
    assert finding.severity is Severity.ERROR
    assert "gradient boosting" in finding.message


def test_the_threshold_of_no_signal_is_the_skill_that_shuffled_labels_reach() -> None:
    """The side of the gauge without an alarm is then above it; a value beyond it by chance has no threshold."""
    dev = b.evaluation(b.scores(), b.scores("dev", b.chance()))
    [finding] = b.findings(no_signal, baseline(), dev)
    assert (finding.value, finding.threshold) == (0.0, 0.03)
    [start] = re.findall(r'class="okb" x="([\d.]+)%"', gauge(finding))
    assert float(start) > 50
    lucky = Candidate("ridge", 0.47, Interval(0.44, 0.5), 0.69, 0.06, 1.0)
    [finding] = b.findings(no_signal, baseline(best=lucky), dev)
    assert finding.threshold is None and gauge(finding) == ""


def test_few_rows_or_no_shuffled_labels_make_it_a_warning() -> None:
    assert b.severities(no_signal, baseline(rows=150)) == WARNING
    assert b.severities(no_signal, baseline(null_skill=None)) == WARNING


def test_a_signal_in_a_baseline_is_a_signal() -> None:
    assert b.findings(no_signal, baseline(signal=True)) == ()


def test_a_network_that_does_better_than_all_baselines_has_found_a_signal() -> None:
    dev = b.evaluation(b.scores(), b.scores("dev", b.score(error=0.3)))
    assert b.findings(no_signal, baseline(), dev) == ()
    assert b.findings(no_signal, baseline(net_skill=0.4)) == ()


def test_memorised_rows_are_not_a_signal() -> None:
    assert b.severities(no_signal, baseline(seen="yes", net_skill=0.9)) == ERROR


def test_an_empty_vocabulary_is_an_error() -> None:
    def network(entries: int | None) -> object:
        return b.network(b.passing("text_vectorization", "TextVectorization", vocabulary=entries), b.layer("dense"))

    (finding,) = b.findings(empty_vocabulary, network(0))
    assert finding.severity is Severity.ERROR and "never adapted" in finding.message
    assert b.findings(empty_vocabulary, network(300)) == b.findings(empty_vocabulary, network(None)) == ()
