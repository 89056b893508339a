"""Model files: what is restored, and what is repaired on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.losses import LossWords
from diagnose.loading.models.restoring import has_initial_weights
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import edit_hdf5, fitted, same

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
NONE = LoadOptions()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_loss_and_optimizer_come_back(suffix: str, tmp_path: Path, make_model: Make, rows: Make) -> None:
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.1)
    model = fitted(make_model(units=2, activation="sigmoid", loss=loss, optimizer=optimizer), rows)
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", NONE)
    assert same(loaded, model, rows)
    assert loaded.losses == (LossWords("binary_crossentropy"),)
    assert loaded.model.loss.get_config()["label_smoothing"] == 0.1
    training = loaded.training
    assert (training.optimizer, training.iterations, training.schedule) == ("sgd", 3, None)
    assert training.learning_rate == pytest.approx(0.05)
    assert training.settings["momentum"] == pytest.approx(0.9)
    for ours, theirs in zip(loaded.model.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.learned
    assert loaded.notes == ()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_from_logits_is_kept(suffix: str, tmp_path: Path, make_model: Make) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    make_model(units=4, loss=loss).save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", NONE)
    assert loaded.losses == (LossWords("sparse_categorical_crossentropy", from_logits=True),)


@pytest.mark.parametrize("alias", ["mse", "MSE", "mae"])
def test_short_names_of_losses_in_hdf5(alias: str, tmp_path: Path, make_model: Make) -> None:
    model = make_model(loss=alias)
    model.compile("adam", alias, metrics=[alias])
    model.save(tmp_path / "m.h5")
    expected = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}[alias.lower()]
    assert load_model(tmp_path / "m.h5", NONE).losses == (LossWords(expected),)


def test_a_wrapped_function_is_the_loss(tmp_path: Path, make_model: Make) -> None:
    def wrapped(config: dict[str, Any]) -> None:
        config["loss"] = {
            "class_name": "LossFunctionWrapper",
            "config": {"reduction": "auto", "name": "h", "fn": "huber_loss"},
        }

    make_model().save(tmp_path / "m.h5")
    loaded = load_model(edit_hdf5(tmp_path / "m.h5", training=wrapped), NONE)
    assert loaded.losses == (LossWords("huber"),)


def test_a_schedule_gives_its_present_value(tmp_path: Path, make_model: Make, rows: Make) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    fitted(make_model(optimizer=keras.optimizers.SGD(schedule)), rows).save(tmp_path / "m.keras")
    training = load_model(tmp_path / "m.keras", NONE).training
    assert training.schedule == "ExponentialDecay"
    assert training.learning_rate == pytest.approx(0.1 * 0.5**3)


def test_the_users_options_win(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.keras")
    options = LoadOptions(loss="mae", optimizer="sgd", learning_rate=0.3, batch_size=16, epochs=4)
    loaded = load_model(tmp_path / "m.keras", options)
    training = loaded.training
    assert loaded.losses == (LossWords("mean_absolute_error"),)
    assert (training.optimizer, training.batch_size, training.epochs) == ("sgd", 16, 4)
    assert training.learning_rate == pytest.approx(0.3)


def test_a_learning_rate_alone_replaces_the_files(tmp_path: Path, make_model: Make, rows: Make) -> None:
    fitted(make_model(), rows).save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", LoadOptions(learning_rate=0.25))
    assert loaded.training.learning_rate == pytest.approx(0.25)
    assert float(loaded.model.optimizer.learning_rate) == pytest.approx(0.25)


def test_without_compile_settings_adam_is_assumed_and_said(tmp_path: Path, make_model: Make) -> None:
    keras.Sequential.from_config(make_model().get_config()).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"the model file has no loss .* pass --loss, for example --loss mean_squ"):
        load_model(tmp_path / "m.keras", NONE)
    loaded = load_model(tmp_path / "m.keras", LoadOptions(loss="mse"))
    assert (loaded.training.optimizer, loaded.training.learning_rate) == (None, None)
    assert loaded.notes == ("the file does not say how the model was optimized; copies are trained with Adam at 0.001",)


def test_several_outputs_keep_their_own_losses(tmp_path: Path, rows: Make) -> None:
    inputs = keras.Input((3,))
    outputs = {"b": keras.layers.Dense(1, name="b")(inputs), "a": keras.layers.Dense(2, name="a")(inputs)}
    for model in (keras.Model(inputs, outputs), keras.Model(inputs, list(outputs.values()))):
        model.compile("adam", {"a": "categorical_crossentropy", "b": "mse"}, loss_weights={"a": 0.5, "b": 2.0})
        model.save(tmp_path / "m.keras")
        loaded = load_model(tmp_path / "m.keras", NONE)
        names = [port.name for port in loaded.signature.outputs]
        found = dict(zip(names, zip(loaded.losses, loaded.loss_weights, strict=True), strict=True))
        assert found == {"a": (LossWords("categorical_crossentropy"), 0.5), "b": (LossWords("mean_squared_error"), 2.0)}
        y = {"a": np.eye(2)[[0, 1, 0]], "b": np.zeros((3, 1))}
        targets = y if isinstance(model.output, dict) else [y[name] for name in names]
        expected = model.evaluate(rows(3, 3), targets, verbose=0)
        result = loaded.model.evaluate(rows(3, 3), targets, verbose=0)
        assert np.ravel(result)[0] == pytest.approx(np.ravel(expected)[0])


def test_the_users_file_is_not_written(tmp_path: Path, make_model: Make) -> None:
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        make_model().save(path)
        before = path.read_bytes()
        load_model(path, NONE)
        assert path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"m.keras", "m.h5"}


@pytest.mark.parametrize(("saved", "name"), [("m.h5", "m.model"), ("m.keras", "m.h5"), ("m.h5", "m.keras")])
def test_content_decides_not_the_suffix(saved: str, name: str, tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = make_model()
    model.save(tmp_path / saved)
    (tmp_path / saved).rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / name)
    assert same(load_model(tmp_path / name, NONE), model, rows)


def test_rmsprop_with_its_defaults_may_be_another_optimizer(tmp_path: Path, make_model: Make, rows: Make) -> None:
    fitted(make_model(optimizer="rmsprop"), rows).save(tmp_path / "m.keras")
    assert (
        load_model(tmp_path / "m.keras", NONE).notes[0].startswith("the file names RMSprop with its default settings")
    )


def test_a_model_that_was_never_fitted_counts_as_untrained(tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = make_model()
    assert has_initial_weights(model)
    model.save(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras", NONE).learned
    fitted(model, rows)
    assert not has_initial_weights(model)


def test_weights_only_with_their_architecture(tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = make_model()
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file.attrs["model_config"]
        del file.attrs["training_config"]
    (tmp_path / "m.json").write_text(model.to_json())
    with pytest.raises(InputError, match="holds weights only"):
        load_model(tmp_path / "m.h5", LoadOptions(loss="mse"))
    loaded = load_model(tmp_path / "m.h5", LoadOptions(loss="mse", architecture=tmp_path / "m.json"))
    assert same(loaded, model, rows)
    (tmp_path / "m.json").write_text(json.dumps(model.to_json()))  # encoded twice
    assert same(load_model(tmp_path / "m.h5", LoadOptions(loss="mse", architecture=tmp_path / "m.json")), model, rows)


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (1, "sigmoid", "binary_crossentropy"),
        (4, "softmax", "sparse_categorical_crossentropy"),
        (1, None, "mean_squared_error"),
        (3, None, "mean_squared_error"),  # as many as the input has: an autoencoder
    ],
)
def test_the_example_of_a_loss_fits_the_head(tmp_path: Path, units: int, activation: Any, loss: str) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=f"for example --loss {loss}$"):
        load_model(tmp_path / "m.keras", NONE)


def test_a_missing_loss_is_said_with_a_missing_lambda(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1, name="plus")]).save(tmp_path / "m.keras")
    with pytest.raises(
        InputError, match=r"pass --lambda plus=FILE.py:FUNCTION.*; the file has no loss either, so pass"
    ):
        load_model(tmp_path / "m.keras", NONE)


def test_code_of_a_trusted_lambda_that_fails(tmp_path: Path) -> None:
    scope: dict[str, Any] = {"factor": 2.0}
    exec("double = lambda x: x * factor", scope)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Lambda(scope["double"], name="double")(inputs)))
    model.save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"; if its code fails, pass --lambda double=FILE.py:FUNCTION$"):
        load_model(tmp_path / "m.keras", LoadOptions(loss="mse", trust=True))


def test_functions_called_in_a_functional_model(tmp_path: Path) -> None:
    inputs = keras.Input((3,))
    hidden = keras.activations.relu(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.activations.softmax(keras.ops.maximum(hidden, 0.1)))
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", LoadOptions(loss="mse")).model
    some = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(loaded(some), model(some))


OWN_BLOCK = """
import keras
class Block(keras.layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.dense = keras.layers.Dense(2)
        {blocks}
    def build(self, shape):
        self.dense.build(shape)
        for row in getattr(self, "a", []):
            row[0].built or row[0].build(shape)
    def call(self, x):
        return self.dense(x)
"""


def test_a_registered_class_whose_file_does_not_register_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN_BLOCK.format(blocks=""))
    scope: dict[str, Any] = {"__name__": "training_script"}
    exec(OWN_BLOCK.format(blocks=""), scope)
    block = keras.saving.register_keras_serializable("mine")(scope["Block"])
    model = keras.Sequential([keras.Input((3,)), block()])
    model.save(tmp_path / "m.keras")
    keras.saving.get_custom_objects().pop("mine>Block")
    loaded = load_model(tmp_path / "m.keras", LoadOptions(loss="mse", custom_objects=tmp_path / "own.py")).model
    some = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(loaded(some), model(some))


def _save_without_nested_layers(place: Path, blocks: str) -> tuple[Path, Any]:
    """Save a model as Keras did before it saved lists of lists of layers; its class has such a list."""
    scope: dict[str, Any] = {"__name__": "training_script"}
    exec(OWN_BLOCK.format(blocks=""), scope)
    model = keras.Sequential([keras.Input((3,)), scope["Block"]()])
    model.save(place / "m.keras")
    (place / "own.py").write_text(OWN_BLOCK.format(blocks=blocks))
    return place / "m.keras", model


def test_nested_layers_that_are_saved_elsewhere_in_the_file(tmp_path: Path) -> None:
    path, model = _save_without_nested_layers(tmp_path, "self.a = [[self.dense]]")
    loaded = load_model(path, LoadOptions(loss="mse", custom_objects=tmp_path / "own.py")).model
    some = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(loaded(some), model(some))


def test_nested_layers_that_the_file_does_not_hold(tmp_path: Path) -> None:
    path, _ = _save_without_nested_layers(tmp_path, "self.a = [[keras.layers.Dense(2)]]")
    with pytest.raises(InputError, match=r"the file has no values for the weight .* and 1 more"):
        load_model(path, LoadOptions(loss="mse", custom_objects=tmp_path / "own.py"))


def test_custom_objects_come_from_the_users_file(tmp_path: Path, rows: Make) -> None:
    source = tmp_path / "own.py"
    source.write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
        "def my_loss(y, p):\n"
        "    return keras.ops.mean((y - p) ** 2)\n"
    )
    scope: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), scope)
    model = keras.Sequential([keras.Input((3,)), scope["Twice"](), keras.layers.Dense(1)])
    model.compile("adam", scope["my_loss"])
    model.save(tmp_path / "m.keras")
    keras.saving.get_custom_objects().clear()
    with pytest.raises(InputError, match="is of the class Twice, which is not part of Keras 3: pass --custom-objects"):
        load_model(tmp_path / "m.keras", NONE)
    loaded = load_model(tmp_path / "m.keras", LoadOptions(custom_objects=source))
    assert same(loaded, model, rows)
    assert loaded.losses == (LossWords("my_loss", custom=True),)


def test_a_lambda_layer_takes_the_users_function(tmp_path: Path, rows: Make) -> None:
    (tmp_path / "own.py").write_text("def halve(x):\n    return x / 2\n")
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: x / 2, name="half"), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        model.save(path)
        loaded = load_model(path, LoadOptions(lambdas=(f"half={tmp_path / 'own.py'}:halve",)))
        assert same(loaded, model, rows)
        assert same(load_model(path, LoadOptions(trust=True)), model, rows)


def test_a_folder_as_keras_saves_it_without_zipping(tmp_path: Path, make_model: Make, rows: Make) -> None:
    vectorize = keras.layers.StringLookup(vocabulary=["a", "b"])
    model = make_model()
    model.save(tmp_path / "folder", zipped=False)
    loaded = load_model(tmp_path / "folder", LoadOptions())
    np.testing.assert_array_equal(loaded.model(rows(5, 3)), model(rows(5, 3)))
    assert (loaded.name, loaded.facts["format"]) == ("folder", "keras")
    words = keras.Sequential([keras.Input((1,), dtype="string"), vectorize, keras.layers.Embedding(3, 2)])
    words.compile("sgd", "mse")
    for path in (tmp_path / "words", tmp_path / "words.keras"):
        words.save(path, zipped=path.suffix == ".keras")
        again = load_model(path, LoadOptions()).model
        text = np.array([["b"], ["c"]])
        np.testing.assert_array_equal(again(text), words(text))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("loss", [{"price": "mse"}, [None, "mse"]], ids=["by name", "by place"])
def test_outputs_without_a_loss_are_left_out(loss: Any, suffix: str, tmp_path: Path, rows: Make) -> None:
    inputs = keras.Input((3,))
    seen = keras.layers.Dense(4, name="attention")(inputs)
    model = keras.Model(inputs, [seen, keras.layers.Dense(1, name="price")(seen)])
    model.compile("adam", loss, loss_weights=[1.0, 0.5])
    model.save(tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}", NONE)
    assert [port.name for port in loaded.signature.outputs] == ["price"]
    assert loaded.loss_weights == (0.5,)
    np.testing.assert_allclose(loaded.model(rows(5, 3)), model(rows(5, 3))[1], atol=1e-6)
    assert loaded.notes == ("the outputs attention have no loss and were left out: training does not use them",)


def test_outputs_by_name_without_a_loss_are_left_out(tmp_path: Path, rows: Make) -> None:
    inputs = keras.Input((3,))
    heads = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b", "c")}
    model = keras.Model(inputs, heads)
    model.compile("adam", {"a": "mse", "c": "mae"})
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", NONE)
    assert [one.name for one in loaded.losses] == ["mean_squared_error", "mean_absolute_error"]
    given, expected = loaded.model(rows(5, 3)), model(rows(5, 3))
    assert set(given) == {"a", "c"}
    np.testing.assert_allclose(given["c"], expected["c"], atol=1e-6)


# --- weights alone -------------------------------------------------------------------------------


def architecture(model: Any, folder: Path) -> LoadOptions:
    (folder / "model.json").write_text(model.to_json())
    return LoadOptions(architecture=folder / "model.json", loss="mse")


def test_weights_of_keras_3_with_their_architecture(tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = fitted(make_model(), rows)
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = load_model(tmp_path / "m.weights.h5", architecture(model, tmp_path))
    assert same(loaded, model, rows)
    assert loaded.learned


def test_weights_of_another_architecture(tmp_path: Path, make_model: Make) -> None:
    make_model().save_weights(tmp_path / "m.weights.h5")
    for other in (make_model(units=2), keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])):
        with pytest.raises(InputError, match="its weights are not those of the model in --architecture"):
            load_model(tmp_path / "m.weights.h5", architecture(other, tmp_path))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_optimizer_inside_a_scaled_one_is_the_users(
    suffix: str, tmp_path: Path, make_model: Make, rows: Make
) -> None:
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05, momentum=0.9))
    fitted(make_model(optimizer=scaled), rows).save(tmp_path / f"m{suffix}")
    training = load_model(tmp_path / f"m{suffix}", NONE).training
    assert (training.optimizer, training.iterations) == ("sgd", 3)
    assert training.learning_rate == pytest.approx(0.05)
    assert training.settings["momentum"] == pytest.approx(0.9)


def test_a_layer_at_the_address_of_one_that_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras knows shared objects by address; here all have the same, as by chance those that follow one another."""
    from keras.src.saving import serialization_lib

    layers = keras.layers
    twice = [layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.Bidirectional(layers.GRU(2))]
    model = keras.Sequential([keras.Input((5, 3)), *twice])
    model.compile(loss="mse")
    model.save(tmp_path / "model.keras")
    series = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    monkeypatch.setattr(serialization_lib, "id", lambda written: 7, raising=False)
    with pytest.raises(ValueError, match="orward layer and backward layer"):
        keras.saving.load_model(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", NONE)
    np.testing.assert_allclose(loaded.model(series), model(series), atol=1e-6)
