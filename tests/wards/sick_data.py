"""Sick cases with faults in the data: scales, rows, labels, NaN.

Append within a family: the order decides the half (`recipe.in_halves`).
"""

from tests.wards import data, models
from tests.wards import references as ref
from tests.wards.recipe import make, sick

SICK_DATA = (
    # input-scale
    sick(
        "pixels-0-255-sgd",
        "input-scale",
        ref.DIGITS_SGD,
        {"inputs-not-scaled"},
        quick=True,
        spoil=(make(data.multiplied),),
    ),
    sick(
        "wine-raw-columns",
        "input-scale",
        ref.WINE,
        {"inputs-not-scaled"},
        data=make(data.table, name="wine", standardised=False),
    ),
    sick(
        "one-column-x10000",
        "input-scale",
        ref.WINE,
        {"inputs-not-scaled"},
        spoil=(make(data.multiplied, factor=1e4, column=3),),
    ),
    sick(
        "cancer-raw-columns-sgd",
        "input-scale",
        ref.CANCER_SGD,
        {"inputs-not-scaled"},
        data=make(data.table, name="breast_cancer", standardised=False),
    ),
    sick(
        "fashion-pixels-0-255-sgd",
        "input-scale",
        ref.FASHION_SGD,
        {"inputs-not-scaled"},
        spoil=(make(data.multiplied),),
    ),
    # handed-data
    sick(
        "pixels-0-255-into-a-model-of-0-1",
        "handed-data",
        ref.DIGITS_SGD,
        {"inputs-not-scaled", "inconsistent-preprocessing"},
        hard=True,
        handed=(make(data.multiplied),),
    ),
    sick(
        "dev-scaled-otherwise",
        "handed-data",
        ref.DIGITS_MLP,
        {"inconsistent-preprocessing", "data-mismatch"},
        handed=(make(data.multiplied, factor=1 / 255, splits=("dev",)),),
    ),
    sick(
        "labels-count-from-one",
        "handed-data",
        ref.CANCER,
        {"bad-label-format"},
        hard=True,
        handed=(make(data.labels_from_one),),
    ),
    sick(
        "integers-for-categorical-loss",
        "handed-data",
        ref.DIGITS_MLP,
        {"bad-label-format", "wrong-loss"},
        hard=True,
        loss="categorical_crossentropy",
        spoil=(make(data.one_hot),),
        handed=(make(data.class_numbers),),
    ),
    # other-order
    sick(
        "two-classes-swapped",
        "other-order",
        ref.CANCER,
        {"inverted-labels"},
        hard=True,
        handed=(make(data.labels_reversed),),
    ),
    sick(
        "digits-in-reverse-order",
        "other-order",
        ref.DIGITS_MLP,
        {"inverted-labels"},
        hard=True,
        handed=(make(data.labels_reversed),),
    ),
    # target-scale
    sick(
        "targets-5000",
        "target-scale",
        ref.FRIEDMAN,
        {"targets-not-scaled"},
        spoil=(make(data.moved_targets, factor=2000.0, shift=5000.0),),
    ),
    sick(
        "targets-house-prices",
        "target-scale",
        ref.FRIEDMAN,
        {"targets-not-scaled"},
        spoil=(make(data.moved_targets, factor=8e4, shift=2e5),),
    ),
    # labels
    sick(
        "labels-shuffled",
        "labels",
        ref.DIGITS_MLP,
        {"no-signal", "labels-misaligned", "label-noise"},
        spoil=(make(data.random_targets),),
    ),
    sick(
        "labels-slipped-by-one-row",
        "labels",
        ref.IRIS,
        {"labels-misaligned", "no-signal"},
        spoil=(make(data.rolled_targets),),
    ),
    sick(
        "labels-60-percent-wrong",
        "labels",
        ref.DIGITS_MLP,
        {"label-noise", "high-variance"},
        spoil=(make(data.random_targets, share=0.6),),
    ),
    sick(
        "inputs-are-noise", "labels", ref.CANCER, {"no-signal", "labels-misaligned"}, spoil=(make(data.random_inputs),)
    ),
    sick(
        "inputs-are-noise-regression",
        "labels",
        ref.FRIEDMAN,
        {"no-signal", "labels-misaligned"},
        spoil=(make(data.random_inputs),),
    ),
    sick(
        "reviews-labels-shuffled",
        "labels",
        ref.REVIEWS,
        {"no-signal", "labels-misaligned", "label-noise"},
        spoil=(make(data.random_targets),),
    ),
    # rows
    sick(
        "three-classes-never-seen",
        "rows",
        ref.DIGITS_MLP,
        {"missing-classes", "data-mismatch"},
        spoil=(make(data.without_classes),),
    ),
    sick("not-a-number-in-data", "rows", ref.DIGITS_SGD, {"non-finite-data"}, spoil=(make(data.holes),)),
    sick(
        "one-positive-in-fifty",
        "rows",
        ref.RARE,
        {"class-imbalance", "metric-mismatch"},
        data=make(data.rare, share=0.02, apart=1.6),
    ),
    # numerics
    sick(
        "cancer-nan-weight",
        "numerics",
        ref.CANCER,
        {"non-finite-weights", "non-finite-training"},
        quick=True,
        after=(make(models.poison),),
    ),
    sick(
        "cnn-nan-weight",
        "numerics",
        ref.DIGITS_CNN,
        {"non-finite-weights", "non-finite-training"},
        after=(make(models.poison),),
    ),
    # dev-set
    sick(
        "dev-labels-of-other-rows",
        "dev-set",
        ref.DIGITS_MLP,
        {"labels-not-paired"},
        handed=(make(data.random_targets, splits=("dev",)),),
    ),
    sick(
        "dev-classes-in-another-order",
        "dev-set",
        ref.DIGITS_CNN,
        {"labels-not-paired", "bad-label-format"},
        handed=(make(data.turned_classes),),
    ),
    sick(
        "dev-is-the-end-of-sorted-rows",
        "dev-set",
        ref.FRIEDMAN,
        {"dev-unlike-train", "data-mismatch"},
        spoil=(make(data.sorted_cut),),
    ),
    sick(
        "dev-from-another-camera",
        "dev-set",
        ref.DIGITS_CNN,
        {"dev-unlike-train", "data-mismatch", "inconsistent-preprocessing"},
        handed=(make(data.brighter),),
    ),
    sick(
        "window-of-one-step",
        "dev-set",
        ref.ECHO,
        {"window-too-short", "no-signal"},
        data=make(data.moving_average),
    ),
)
