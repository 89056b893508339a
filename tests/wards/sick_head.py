"""Sick cases with faults in the head: units, activation, loss and labels do not match.

Append within a family: the order decides the half (`recipe.in_halves`).
"""

from tests.wards import data
from tests.wards import references as ref
from tests.wards.recipe import make, sick

SICK_HEAD = (
    # head
    sick(
        "single-unit-softmax",
        "head",
        ref.CANCER,
        {"single-unit-softmax"},
        hard=True,
        model=ref.CANCER.model.but(out="softmax"),
    ),
    sick(
        "single-unit-softmax-xor",
        "head",
        ref.XOR_NOISY,
        {"single-unit-softmax"},
        hard=True,
        model=ref.XOR_NOISY.model.but(out="softmax"),
    ),
    sick(
        "softmax-on-multilabel",
        "head",
        ref.TRAITS,
        {"softmax-on-multilabel"},
        hard=True,
        model=ref.TRAITS.model.but(out="softmax"),
        loss="categorical_crossentropy",
    ),
    sick(
        "linear-without-from-logits",
        "head",
        ref.DIGITS_MLP,
        {"logits-mismatch"},
        hard=True,
        model=ref.DIGITS_MLP.model.but(out="linear"),
    ),
    sick(
        "softmax-and-from-logits",
        "head",
        ref.DIGITS_MLP,
        {"logits-mismatch"},
        model=ref.DIGITS_MLP.model,
        loss=ref.LOGITS,
    ),
    sick(
        "linear-binary-without-from-logits",
        "head",
        ref.CANCER,
        {"logits-mismatch"},
        hard=True,
        model=ref.CANCER.model.but(out="linear"),
    ),
    sick(
        "relu-then-cross-entropy",
        "head",
        ref.DIGITS_MLP,
        {"logits-mismatch", "output-range-mismatch", "unsuitable-activation"},
        hard=True,
        model=ref.DIGITS_MLP.model.but(out="relu"),
    ),
    sick(
        "relu-output-negative-targets",
        "head",
        ref.FRIEDMAN,
        {"output-range-mismatch"},
        hard=True,
        model=ref.FRIEDMAN.model.but(out="relu"),
    ),
    sick(
        "sigmoid-output-targets-0-100",
        "head",
        ref.FRIEDMAN,
        {"output-range-mismatch"},
        hard=True,
        model=ref.FRIEDMAN.model.but(out="sigmoid"),
        spoil=(make(data.moved_targets, factor=20.0, shift=50.0),),
    ),
    sick(
        "tanh-output-targets-beyond-1",
        "head",
        ref.ECHO,
        {"output-range-mismatch"},
        hard=True,
        model=ref.ECHO.model.but(out="tanh"),
        spoil=(make(data.moved_targets, factor=3.0),),
    ),
    sick(
        "sigmoid-and-categorical",
        "head",
        ref.DIGITS_MLP,
        {"wrong-loss", "unsuitable-activation"},
        model=ref.DIGITS_MLP.model.but(out="sigmoid"),
    ),
    sick(
        "softmax-and-squared-error",
        "head",
        ref.DIGITS_SGD,
        {"wrong-loss"},
        spoil=(make(data.one_hot),),
        loss="mean_squared_error",
    ),
    sick(
        "one-sigmoid-for-ten-classes",
        "head",
        ref.DIGITS_MLP,
        {"wrong-output-units", "bad-label-format", "wrong-loss"},
        hard=True,
        model=ref.DIGITS_MLP.model.but(out="sigmoid", out_units=1),
        loss="binary_crossentropy",
    ),
    sick("cross-entropy-for-numbers", "head", ref.FRIEDMAN, {"wrong-loss"}, hard=True, loss="binary_crossentropy"),
)
