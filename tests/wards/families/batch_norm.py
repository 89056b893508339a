"""Nets with BatchNormalization: two modes, of which only one is trained."""

import keras
from keras import layers

from tests.wards import data
from tests.wards import references as ref
from tests.wards.data import Data
from tests.wards.families.rows import fewer_rows, sorted_rows, times
from tests.wards.models import head, inputs
from tests.wards.recipe import Recipe, healthy, make, sick

LAG = {"moving-statistics-lag", "normalization-misuse"}


def normalised_cnn(
    data: Data,
    *,
    filters: tuple[int, ...] = (16, 32),
    momentum: float = 0.99,
    dropout: float = 0.0,
    shift: bool = False,
    flatten: bool = False,
) -> keras.Model:
    """Convolution, BatchNormalization, ReLU and pooling, repeated. `shift` moves the pictures in training."""
    tensor = source = inputs(data)
    if shift:
        tensor = layers.RandomTranslation(0.1, 0.1, fill_mode="constant")(tensor)
    for channels in filters:
        tensor = layers.Conv2D(channels, 3, padding="same", use_bias=False)(tensor)
        tensor = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(tensor))
        tensor = layers.MaxPooling2D()(tensor)
    tensor = layers.Flatten()(tensor) if flatten else layers.GlobalAveragePooling2D()(tensor)
    if dropout:
        tensor = layers.Dropout(dropout)(tensor)
    return keras.Model(source, head(data)(tensor), name="normalised_cnn")


def normalised_mlp(data: Data, *, hidden: tuple[int, ...] = (32, 32), momentum: float = 0.9) -> keras.Model:
    """BatchNormalization on the raw columns and after each dense layer."""
    tensor = source = inputs(data)
    for units in hidden:
        tensor = layers.Dense(units)(layers.BatchNormalization(momentum=momentum)(tensor))
        tensor = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(tensor))
    return keras.Model(source, head(data)(tensor), name="normalised_mlp")


CNN = Recipe(make(data.digits, layout="image"), make(normalised_cnn, momentum=0.9), ref.adam(5e-3), epochs=10)
SMALL = Recipe(
    make(data.digits, layout="image"),
    make(normalised_cnn, momentum=0.8, flatten=True),
    ref.adam(3e-3),
    epochs=8,
    batch_size=32,
    spoil=(make(fewer_rows, rows=200),),
)
COLUMNS = Recipe(
    make(data.table, name="breast_cancer", standardised=False), make(normalised_mlp), ref.adam(3e-3), epochs=12
)

BATCH_NORM = (
    # The owner sees a high accuracy in the log of `fit` and a low one from `evaluate`.
    sick(
        "batch-norm-lags-after-50-steps",
        "batch-norm",
        SMALL,
        LAG | {"undertrained"},
        model=SMALL.model.but(momentum=0.99),
    ),
    sick("batch-norm-momentum-0.9995", "batch-norm", CNN, LAG, model=CNN.model.but(momentum=0.9995)),
    sick("batch-norm-raw-columns-momentum-0.999", "batch-norm", COLUMNS, LAG, model=COLUMNS.model.but(momentum=0.999)),
    sick("batch-norm-batches-of-two", "batch-norm", COLUMNS, LAG | {"batch-size"}, batch_size=2),
    sick("batch-norm-adam-x200", "batch-norm", CNN, {"learning-rate-too-high"}, optimizer=ref.adam(1.0)),
    sick(
        "batch-norm-rows-by-class",
        "batch-norm",
        CNN,
        {"not-shuffled"},
        spoil=(make(sorted_rows),),
        fitting=make(dict, shuffle=False),
    ),
    sick(
        "batch-norm-dev-not-divided",
        "batch-norm",
        CNN,
        {"inconsistent-preprocessing", "data-mismatch", "dev-unlike-train", "inputs-not-scaled"},
        handed=(make(times, factor=255.0, splits=("dev",)),),
    ),
    # Much that looks odd: batches of eight, pixels up to 255, SGD at 0.5.
    healthy("batch-norm-default-momentum", "batch-norm", CNN, model=CNN.model.but(momentum=0.99), epochs=25),
    healthy("batch-norm-batches-of-eight", "batch-norm", CNN, batch_size=8, epochs=5),
    healthy(
        "batch-norm-momentum-0.995-long",
        "batch-norm",
        CNN,
        model=CNN.model.but(momentum=0.995),
        batch_size=16,
        epochs=15,
    ),
    healthy("batch-norm-pixels-0-255", "batch-norm", CNN, spoil=(make(times, factor=255.0),)),
    healthy("batch-norm-sgd-0.5", "batch-norm", CNN, optimizer=ref.sgd(0.5, momentum=0.9)),
    healthy("batch-norm-raw-columns", "batch-norm", COLUMNS),
)
