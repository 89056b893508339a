"""The healthy ward: models without a planted fault, many of which look sick to a careless check.

Append within a family: the order decides the half (`recipe.in_halves`).
"""

import keras
from keras import optimizers

from tests.wards import data, models
from tests.wards import references as ref
from tests.wards.recipe import healthy, make

RESTARTS = make(optimizers.schedules.CosineDecayRestarts, initial_learning_rate=0.01, first_decay_steps=200)

HEALTHY = (
    # Dense nets: z-scores far beyond [-1, 1], a high rate, zero train error, wide or deep by design.
    healthy("digits-mlp", "mlp", ref.DIGITS_MLP, quick=True),
    healthy("digits-sgd-0.1", "mlp", ref.DIGITS_SGD),
    healthy("digits-z-scores", "mlp", ref.DIGITS_MLP, spoil=(make(data.standard),)),
    healthy("digits-all-of-train-right", "mlp", ref.DIGITS_MLP, epochs=60),
    healthy("digits-adam-0.01-sparse-relu", "mlp", ref.DIGITS_MLP, optimizer=ref.adam(0.01)),
    healthy(
        "digits-dropout-half", "mlp", ref.DIGITS_MLP, model=make(models.mlp, hidden=(128, 64), dropout=0.5), epochs=25
    ),
    healthy(
        "digits-deep-batch-norm",
        "mlp",
        ref.DIGITS_MLP,
        model=make(models.mlp, hidden=(64,) * 8, norm=True),
        optimizer=ref.adam(3e-3),
    ),
    healthy(
        "digits-sigmoid-2-layers",
        "mlp",
        ref.DIGITS_MLP,
        model=make(models.mlp, activation="sigmoid"),
        optimizer=ref.adam(5e-3),
    ),
    healthy(
        "digits-gelu-adamw",
        "mlp",
        ref.DIGITS_MLP,
        model=make(models.mlp, activation="gelu"),
        optimizer=make(optimizers.AdamW, learning_rate=2e-3, weight_decay=0.01),
    ),
    healthy("digits-logits", "mlp", ref.DIGITS_MLP, model=make(models.mlp, out="linear"), loss=ref.LOGITS),
    healthy(
        "digits-label-smoothing",
        "mlp",
        ref.DIGITS_MLP,
        spoil=(make(data.one_hot),),
        loss=ref.loss(keras.losses.CategoricalCrossentropy, label_smoothing=0.1),
    ),
    healthy("digits-cosine-restarts", "mlp", ref.DIGITS_MLP, optimizer=make(optimizers.Adam, learning_rate=RESTARTS)),
    healthy("digits-pixels-0-16-adam", "mlp", ref.DIGITS_MLP, data=make(data.digits, top=16.0)),
    healthy("digits-residual-no-norm", "mlp", ref.DIGITS_MLP, model=make(models.residual_mlp), epochs=12),
    # Images: most channels inactive, a Rescaling inside, batch normalisation.
    healthy("digits-cnn", "cnn", ref.DIGITS_CNN),
    healthy("digits-cnn-adam-0.01", "cnn", ref.DIGITS_CNN, optimizer=ref.adam(0.01)),
    healthy(
        "digits-cnn-0-255-rescaled",
        "cnn",
        ref.DIGITS_CNN,
        data=make(data.digits, layout="image", top=255.0),
        model=make(models.cnn, rescale=1 / 255),
    ),
    healthy("digits-cnn-batch-norm", "cnn", ref.DIGITS_CNN, model=make(models.cnn, norm=True, dropout=0.3)),
    healthy("digits-residual", "residual", ref.DIGITS_RESIDUAL),
    healthy("digits-residual-sgd", "residual", ref.DIGITS_RESIDUAL, optimizer=ref.sgd(0.1, momentum=0.9)),
    # Sequences: gates saturate by design, tokens are not numeric inputs.
    healthy("waves-lstm", "rnn", ref.WAVES_LSTM),
    healthy("waves-gru", "rnn", ref.WAVES_GRU),
    healthy("echo-gru-regression", "rnn", ref.ECHO),
    healthy(
        "sentences-gru", "rnn", ref.SENTENCES, model=make(models.rnn, cell="GRU", units=16, embedding=16), epochs=8
    ),
    healthy("waves-cnn-1d", "cnn", ref.WAVES_LSTM, model=make(models.convolutions_1d)),
    healthy("sentences-embedding", "text", ref.SENTENCES),
    healthy("sentences-transformer", "text", ref.SENTENCES_TRANSFORMER),
    healthy("digits-transformer", "transformer", ref.DIGITS_TRANSFORMER),
    healthy(
        "digits-transformer-2-blocks", "transformer", ref.DIGITS_TRANSFORMER, model=make(models.transformer, blocks=2)
    ),
    # Numeric outputs: large targets that the model rescales itself, a robust loss, a code narrower than the input.
    healthy("friedman-regression", "regression", ref.FRIEDMAN, quick=True),
    healthy(
        "friedman-tanh-huber",
        "regression",
        ref.FRIEDMAN,
        model=make(models.mlp, activation="tanh"),
        loss=ref.loss(keras.losses.Huber, delta=2.0),
    ),
    healthy(
        "friedman-large-targets-rescaled",
        "regression",
        ref.FRIEDMAN,
        data=make(data.friedman, standardised=False),
        spoil=(make(data.moved_targets, factor=400.0),),
        model=make(models.mlp, normalise=True, rescale=(2000.0, 5800.0)),
        loss=ref.loss(keras.losses.MeanAbsoluteError),
        optimizer=ref.adam(3e-3),
    ),
    healthy("diabetes-no-better-than-ridge", "regression", ref.DIABETES),
    *(
        healthy(f"{name}-without-hidden-layer", "linear", recipe, model=recipe.model.but(hidden=()), epochs=60)
        for name, recipe in (("cancer", ref.CANCER), ("diabetes", ref.DIABETES), ("wine", ref.WINE))
    ),
    healthy("autoencoder", "autoencoder", ref.AUTOENCODER),
    healthy(
        "autoencoder-tanh-code-8",
        "autoencoder",
        ref.AUTOENCODER,
        data=make(data.reconstruction, code=8),
        model=make(models.autoencoder, activation="tanh"),
    ),
    # Multi-label, several outputs, several inputs, subclassed, pretrained backbone.
    healthy("digits-traits", "multilabel", ref.TRAITS),
    healthy("digits-two-outputs", "structure", ref.TWO_OUTPUTS),
    healthy(
        "digits-two-inputs", "structure", ref.DIGITS_MLP, data=make(data.digit_halves), model=make(models.two_inputs)
    ),
    healthy("digits-subclassed", "structure", ref.DIGITS_MLP, model=make(models.subclassed)),
    healthy("digits-frozen-backbone", "structure", ref.DIGITS_MLP, model=make(models.frozen_backbone)),
    # Tables: little data, few classes, imbalance, a signal that allows at most 55 % accuracy.
    healthy("wine", "tabular", ref.WINE),
    healthy("iris", "tabular", ref.IRIS),
    healthy("breast-cancer", "tabular", ref.CANCER),
    healthy("one-positive-in-five", "tabular", ref.RARE),
    healthy(
        "faint-signal",
        "tabular",
        ref.RARE,
        data=make(data.faint),
        model=make(models.mlp, hidden=(4,), l2=1e-2),
        epochs=15,
    ),
    healthy(
        "one-hot-inputs",
        "tabular",
        ref.RARE,
        data=make(data.codes),
        optimizer=ref.adam(5e-3),
        model=make(models.mlp, hidden=(64,)),
    ),
    healthy(
        "raw-columns-normalised-inside",
        "tabular",
        ref.WINE,
        data=make(data.table, name="wine", standardised=False),
        model=make(models.mlp, hidden=(32,), normalise=True),
    ),
    healthy("xor-4-rows", "tiny", ref.XOR),
    healthy("xor-200-rows", "tiny", ref.XOR_NOISY),
    healthy("moons", "tiny", ref.MOONS),
    healthy("circles", "tiny", ref.CIRCLES),
    healthy("dev-easier-than-train", "tiny", ref.DIGITS_MLP, spoil=(make(data.easier_dev),), epochs=10),
    # Real datasets that are not part of scikit-learn.
    healthy("fashion-cnn", "real", ref.FASHION),
    healthy("mnist-mlp", "real", ref.MNIST),
    healthy("pima", "real", ref.PIMA),
    healthy("adult", "real", ref.ADULT),
    healthy("cars", "real", ref.CARS),
    healthy("reviews-embedding", "real", ref.REVIEWS),
)
