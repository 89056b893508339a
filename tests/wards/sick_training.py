"""Sick cases with faults in the training, and cases of high variance.

Append within a family: the order decides the half (`recipe.in_halves`).
"""

from tests.wards import data
from tests.wards import references as ref
from tests.wards.recipe import make, sick

SLOW = {"learning-rate-too-low", "undertrained"}  # the two cannot always be distinguished

SICK_TRAINING = (
    # rate-too-high
    sick("adam-x300", "rate-too-high", ref.DIGITS_MLP, {"learning-rate-too-high"}, optimizer=ref.adam(0.3)),
    sick("sgd-x100", "rate-too-high", ref.DIGITS_SGD, {"learning-rate-too-high"}, optimizer=ref.sgd(10.0)),
    sick("cnn-adam-x100", "rate-too-high", ref.DIGITS_CNN, {"learning-rate-too-high"}, optimizer=ref.adam(0.1)),
    sick("lstm-adam-x100", "rate-too-high", ref.WAVES_LSTM, {"learning-rate-too-high"}, optimizer=ref.adam(0.5)),
    sick(
        "transformer-adam-x50",
        "rate-too-high",
        ref.DIGITS_TRANSFORMER,
        {"learning-rate-too-high"},
        optimizer=ref.adam(0.1),
    ),
    sick("regression-sgd-too-fast", "rate-too-high", ref.FRIEDMAN, {"learning-rate-too-high"}, optimizer=ref.sgd(1.0)),
    sick(
        "two-outputs-adam-x500", "rate-too-high", ref.TWO_OUTPUTS, {"learning-rate-too-high"}, optimizer=ref.adam(0.5)
    ),
    sick("fashion-adam-x100", "rate-too-high", ref.FASHION, {"learning-rate-too-high"}, optimizer=ref.adam(0.2)),
    # rate-too-low
    sick("adam-1e-6", "rate-too-low", ref.DIGITS_MLP, SLOW, optimizer=ref.adam(1e-6)),
    sick("sgd-1e-4", "rate-too-low", ref.DIGITS_SGD, SLOW, quick=True, optimizer=ref.sgd(1e-4)),
    sick("moons-adam-1e-5", "rate-too-low", ref.MOONS, SLOW, optimizer=ref.adam(1e-5)),
    sick("sentences-adam-5e-6", "rate-too-low", ref.SENTENCES, SLOW, optimizer=ref.adam(5e-6)),
    sick("residual-sgd-1e-5", "rate-too-low", ref.DIGITS_RESIDUAL, SLOW, optimizer=ref.sgd(1e-5)),
    # too-short
    sick(
        "one-epoch-of-three-steps",
        "too-short",
        ref.DIGITS_SGD,
        SLOW | {"batch-size"},
        epochs=1,
        batch_size=512,
    ),
    sick("one-epoch-lstm", "too-short", ref.WAVES_LSTM, SLOW | {"batch-size"}, epochs=1, batch_size=128),
    sick(
        "one-epoch-cancer-sgd",
        "too-short",
        ref.CANCER_SGD,
        SLOW | {"batch-size"},
        optimizer=ref.sgd(0.01),
        epochs=1,
        batch_size=128,
    ),
    # optimizer
    sick(
        "momentum-0.9999",
        "optimizer",
        ref.DIGITS_SGD,
        {"poor-optimizer-settings", "learning-rate-too-high"},
        optimizer=ref.sgd(0.1, momentum=0.9999),
    ),
    sick(
        "clipped-to-nothing",
        "optimizer",
        ref.DIGITS_SGD,
        {"poor-optimizer-settings", "learning-rate-too-low"},
        optimizer=ref.sgd(0.1, clipnorm=1e-6),
    ),
    # variance
    sick(
        "forty-rows",
        "variance",
        ref.DIGITS_MLP,
        {"high-variance"},
        spoil=(make(data.first_rows, rows=40),),
        epochs=100,
        model=ref.DIGITS_MLP.model.but(hidden=(256, 256)),
    ),
    sick(
        "three-hundred-columns-of-noise",
        "variance",
        ref.CIRCLES,
        {"high-variance", "useless-features"},
        spoil=(make(data.extra_columns),),
    ),
    sick(
        "fashion-1000-rows",
        "variance",
        ref.FASHION,
        {"high-variance"},
        spoil=(make(data.first_rows, rows=1000),),
        epochs=60,
    ),
    sick(
        "fashion-150-rows",
        "variance",
        ref.FASHION,
        {"high-variance"},
        spoil=(make(data.first_rows, rows=150),),
        epochs=60,
    ),
)
