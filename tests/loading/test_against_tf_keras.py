"""Every kind of layer and model that tf_keras (Keras 2) saves gives the same outputs here, to 1e-5."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models import legacy
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.restoring import LoadedModel
from diagnose.loading.options import LoadOptions

tf_keras = pytest.importorskip("tf_keras", reason="tf-keras builds the models to compare with and is not installed")
from tests.loading.tf_keras_layers import LAYERS, L  # noqa: E402 - it needs tf_keras
from tests.loading.tf_keras_models import MODELS, REFUSED  # noqa: E402

ROWS = 3
NONE = LoadOptions()


def series(name: str) -> Callable[[], Any]:
    shape, layers = LAYERS[name]
    return lambda: tf_keras.Sequential([L.Input(shape), *layers()])


# tf_keras cannot save an ellipsis there
UNSAVED = {(name, ".keras") for name in ("concat and stack", "preprocessing of VGG and ResNet", "places")}
CASES = {name: series(name) for name in LAYERS} | MODELS


@pytest.fixture(autouse=True)
def in_this_process(scanned_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that only tf-keras opens is not a success here; other processes and devices would cost time."""
    from tf_keras.src.layers.rnn import gru_lstm_utils

    monkeypatch.setattr(legacy, "installed", lambda: False)
    monkeypatch.setattr(gru_lstm_utils, "function_register", lambda function, *args, **settings: None)


def made(make: Callable[[], Any]) -> Any:
    """A compiled model whose weights are all different, so that no two can change places unseen."""
    tf_keras.backend.clear_session()
    model = make()
    draw = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype.is_floating and weight.shape.is_fully_defined():
            signs = 1 if "variance" in weight.name else draw.choice([-1, 1], weight.shape)
            weight.assign(draw.uniform(0.1, 0.6, weight.shape) * signs)
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization):
            layer.finalize_state()
    model.compile("adam", "mse")
    return model


def rows_for(model: Any) -> Any:
    """Seeded inputs; where whole numbers are meant, some are 0, which masks them."""
    draw = np.random.default_rng(1)
    whole = {"int32", "int64"}
    tokens = any(type(layer).__name__ == "Embedding" for layer in model._flatten_layers())
    inputs = []
    for tensor in model.inputs:
        shape = (ROWS, *(size or 5 for size in tensor.shape[1:]))
        if tokens or tensor.dtype.name in whole:
            inputs.append(draw.integers(0, 4, shape).astype(tensor.dtype.name))
        else:
            inputs.append(draw.normal(size=shape).astype(tensor.dtype.name))
    return inputs if len(inputs) > 1 else inputs[0]


def agree(loaded: LoadedModel, model: Any, atol: float = 1e-5) -> None:
    import keras

    inputs = rows_for(model)
    model.reset_states()
    expected = keras.tree.flatten(model(inputs, training=False))
    given = keras.tree.flatten(loaded.model(inputs, training=False))
    for ours, theirs in zip(given, expected, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_the_outputs_are_those_of_tf_keras(name: str, tmp_path: Path) -> None:
    model = made(CASES[name])
    for suffix in (".h5", ".keras"):
        if (name, suffix) in UNSAVED:
            continue
        model.save(tmp_path / f"model{suffix}")
        agree(load_model(tmp_path / f"model{suffix}", NONE), model)


@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_3_cannot_compute_is_refused_by_name(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    path = tmp_path / "model.h5"
    made(make).save(path)
    with pytest.raises(InputError) as error:
        load_model(path, NONE)
    assert message in str(error.value)


LOSSES = [
    "binary_crossentropy", "bce", "categorical_crossentropy", "categorical_hinge", "cosine_similarity", "hinge",
    "huber", "kl_divergence", "kld", "log_cosh", "logcosh", "mae", "mape", "mean_absolute_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "mse", "msle", "poisson", "sparse_categorical_crossentropy", "squared_hinge",
    tf_keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
    tf_keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    tf_keras.losses.CosineSimilarity(),
    tf_keras.losses.Huber(delta=0.5),
    tf_keras.losses.MeanSquaredError(reduction="sum"),
    tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    tf_keras.losses.BinaryFocalCrossentropy(gamma=1.0),
    tf_keras.losses.CategoricalFocalCrossentropy(alpha=0.5),
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss if isinstance(loss, str) else type(loss).__name__)
def test_the_losses_are_those_of_tf_keras(loss: Any, tmp_path: Path) -> None:
    tf_keras.backend.clear_session()
    model = tf_keras.Sequential([L.Input((3,)), L.Dense(4, activation="softmax")])
    model.compile("adam", loss, metrics=["mae"])
    inputs = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    named = loss if isinstance(loss, str) else loss.name
    targets = np.array([0, 1, 2, 3, 0, 1]) if "sparse" in named else np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1]]
    expected = float(model.compute_loss(y=tf_keras.backend.constant(targets), y_pred=model(inputs)))
    for suffix in (".h5", ".keras"):
        model.save(tmp_path / f"model{suffix}")
        loaded = load_model(tmp_path / f"model{suffix}", NONE).model
        assert float(loaded.compute_loss(y=targets, y_pred=loaded(inputs))) == pytest.approx(expected, abs=1e-5)


OPTIMIZERS = {
    "sgd": lambda: tf_keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: tf_keras.optimizers.Adam(0.01, beta_1=0.8, clipnorm=1.0),
    "adamw": lambda: tf_keras.optimizers.AdamW(0.01, weight_decay=0.02),
    "rmsprop": lambda: tf_keras.optimizers.RMSprop(0.01, rho=0.8, centered=True),
    "adagrad": lambda: tf_keras.optimizers.Adagrad(0.05),
    "adadelta": lambda: tf_keras.optimizers.Adadelta(0.5),
    "adamax": lambda: tf_keras.optimizers.Adamax(0.01),
    "nadam": lambda: tf_keras.optimizers.Nadam(0.01),
    "ftrl": lambda: tf_keras.optimizers.Ftrl(0.01),
    "lion": lambda: tf_keras.optimizers.Lion(0.001),
    "adafactor": lambda: tf_keras.optimizers.Adafactor(0.01),
    "schedule": lambda: tf_keras.optimizers.SGD(tf_keras.optimizers.schedules.CosineDecay(0.1, 10)),
    "legacy decay": lambda: tf_keras.optimizers.legacy.Adam(0.01, decay=0.1),
    "loss scale": lambda: tf_keras.mixed_precision.LossScaleOptimizer(tf_keras.optimizers.SGD(0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_next_rate_is_that_of_tf_keras(name: str, tmp_path: Path) -> None:
    tf_keras.backend.clear_session()
    model = tf_keras.Sequential([L.Input((3,)), L.Dense(1)])
    model.compile(OPTIMIZERS[name](), "mse")
    inputs = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    model.fit(inputs, inputs[:, :1], batch_size=2, epochs=2, verbose=0)
    rate = getattr(model.optimizer, "_learning_rate", 0.1)  # of a schedule: the variable holds the last step's rate
    expected = float(rate(6) if callable(rate) else model.optimizer.learning_rate)
    expected = expected / (1 + 0.1 * 6) if name == "legacy decay" else expected
    # The .keras files of tf_keras leave out the state of its older optimizers, and so the steps made.
    for suffix in (".h5",) if name == "legacy decay" else (".h5", ".keras"):
        model.save(tmp_path / f"model{suffix}")
        training = load_model(tmp_path / f"model{suffix}", NONE).training
        assert training.iterations == 6
        assert training.learning_rate == pytest.approx(expected, rel=1e-5)
        for setting, value in model.optimizer.get_config().items():
            if isinstance(value, float) and setting in training.settings:
                assert training.settings[setting] == pytest.approx(value)
