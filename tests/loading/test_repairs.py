"""Files of Keras 1, 2 and 3 whose config or weights need a repair."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models import opening
from diagnose.loading.models.choosing import load_model
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import edit_archive, edit_hdf5, first_layer_shape, fitted, same

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
NONE = LoadOptions()


def test_keras_2_first_layer_shape_becomes_an_input_layer(tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = make_model()
    model.save(tmp_path / "m.h5")
    loaded = load_model(edit_hdf5(tmp_path / "m.h5", model=first_layer_shape), NONE)
    assert loaded.model.input_shape == (None, 3)
    assert same(loaded, model, rows)
    assert "the file gives the input's shape with its first layer" in loaded.notes[0]


def test_keras_1_list_of_layers(tmp_path: Path, make_model: Make, rows: Make) -> None:
    def as_list(config: dict[str, Any]) -> None:
        first_layer_shape(config)
        config["config"] = config["config"]["layers"]

    model = make_model()
    model.save(tmp_path / "m.h5")
    loaded = load_model(edit_hdf5(tmp_path / "m.h5", model=as_list, version="2.0.6"), NONE)
    assert same(loaded, model, rows)
    assert "in the old way" in loaded.notes[0]


def test_keras_2_optimizer_arguments(tmp_path: Path, make_model: Make, rows: Make) -> None:
    def old(config: dict[str, Any]) -> None:
        settings = {"lr": 0.1, "decay": 0.5, "momentum": 0.9, "nesterov": False}
        config["optimizer_config"] = {"class_name": "SGD", "config": settings}

    fitted(make_model(optimizer="sgd"), rows, steps=2).save(tmp_path / "m.h5")
    loaded = load_model(edit_hdf5(tmp_path / "m.h5", training=old), NONE)
    assert loaded.training.schedule == "InverseTimeDecay"
    assert loaded.training.iterations == 2
    assert loaded.training.learning_rate == pytest.approx(0.1 / (1 + 0.5 * 2))
    assert loaded.notes == ("decay=0.5 of the optimizer SGD (Keras 2) was read as InverseTimeDecay(0.1, 1, 0.5)",)


def test_keras_2_optimizer_without_decay_keeps_a_plain_rate(tmp_path: Path, make_model: Make) -> None:
    def old(config: dict[str, Any]) -> None:
        settings = {"lr": 0.01, "decay": 0.0, "beta_1": 0.8, "beta_2": 0.9, "epsilon": None, "amsgrad": False}
        config["optimizer_config"] = {"class_name": "Adam", "config": settings}

    make_model().save(tmp_path / "m.h5")
    training = load_model(edit_hdf5(tmp_path / "m.h5", training=old), NONE).training
    assert (training.optimizer, training.schedule) == ("adam", None)
    assert training.learning_rate == pytest.approx(0.01)
    assert training.settings["beta_1"] == pytest.approx(0.8)


def test_arguments_that_keras_3_forgot(tmp_path: Path, rows: Make) -> None:
    def old(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"]:
            layer["config"] |= {"groups": 1} if layer["class_name"] == "DepthwiseConv2D" else {}
            layer["config"] |= {"time_major": False, "implementation": 2} if layer["class_name"] == "LSTM" else {}

    layers = [keras.layers.DepthwiseConv2D(2), keras.layers.Reshape((9, 2)), keras.layers.LSTM(3)]
    model = keras.Sequential([keras.Input((4, 4, 2)), *layers])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    loaded = load_model(edit_hdf5(tmp_path / "m.h5", model=old), NONE)
    assert same(loaded, model, rows)
    assert any("groups of DepthwiseConv2D" in note for note in loaded.notes)


@pytest.mark.parametrize("kind", ["Addons>WeightNormalization", "TensorFlowOpLayer", "RandomFourierFeatures"])
def test_layers_of_other_packages_are_asked_for(kind: str, tmp_path: Path, make_model: Make) -> None:
    def foreign(config: dict[str, Any]) -> None:
        config["config"]["layers"][1].update(class_name=kind, module=None, registered_name=None)

    make_model().save(tmp_path / "m.h5")
    with pytest.raises(InputError, match=f"is of the class {kind}, which is not part of Keras 3: pass --custom-obj"):
        load_model(edit_hdf5(tmp_path / "m.h5", model=foreign), NONE)


def test_weights_in_another_order_are_refused(tmp_path: Path, rows: Make) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(name="norm")])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = list(file["model_weights/norm"].attrs["weight_names"])
        file["model_weights/norm"].attrs["weight_names"] = names[::-1]
    with pytest.raises(InputError, match=r'the weights of layer "norm" are in the order .* but its config needs'):
        load_model(tmp_path / "m.h5", NONE)


def test_what_file_and_config_disagree_on_is_refused(
    tmp_path: Path, make_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model().save(tmp_path / "m.h5")
    make_model(units=2).save(tmp_path / "wide.h5")
    with h5py.File(tmp_path / "m.h5") as file, h5py.File(tmp_path / "wide.h5", "r+") as wide:
        wide.attrs["model_config"] = file.attrs["model_config"]
    with pytest.raises(
        InputError, match=r"have the shapes \[\(4, 2\), \(2,\)\], but its config needs \[\(4, 1\), \(1,\)\]"
    ):
        load_model(tmp_path / "wide.h5", NONE)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "declared_shapes", lambda config: ((None, 7),))
        with pytest.raises(
            InputError, match=r"builds inputs of the shapes \(\(3,\),\), but the file declares \(\(None, 7\),\)"
        ):
            load_model(tmp_path / "m.h5", NONE)
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = list(file["model_weights"].attrs["layer_names"])
        file["model_weights"].attrs["layer_names"] = names[:1]
    with pytest.raises(InputError, match="has weights for 1 layers, but its config has 2 layers with weights"):
        load_model(tmp_path / "m.h5", NONE)


def test_settings_that_an_optimizer_lost_are_said(tmp_path: Path, make_model: Make) -> None:
    def old(config: dict[str, Any]) -> None:
        config["optimizer_config"] = {"class_name": "Nadam", "config": {"lr": 0.1, "schedule_decay": 0.004}}

    make_model().save(tmp_path / "m.h5")
    notes = load_model(edit_hdf5(tmp_path / "m.h5", training=old), NONE).notes
    assert "schedule_decay of the optimizer Nadam is not known to Keras 3 and was left out" in notes


def test_separable_kernels_of_theano_are_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.SeparableConv2D(2, 3, name="one")])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(edit_hdf5(tmp_path / "m.h5", version="2.1.3"), "r+") as file:
        file["model_weights"].attrs["backend"] = b"theano"
    with pytest.raises(
        InputError, match='layer "one" is a SeparableConv2D trained with Theano, whose kernels no version'
    ):
        load_model(tmp_path / "m.h5", NONE)


def test_kernels_of_theano_are_turned(tmp_path: Path, rows: Make) -> None:
    model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.Conv2D(2, 3, name="one"), keras.layers.Flatten()])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(edit_hdf5(tmp_path / "m.h5", version="2.1.3"), "r+") as file:
        file["model_weights"].attrs["backend"] = b"theano"
        kernel = file["model_weights/one"].attrs["weight_names"][0]
        file["model_weights/one"][kernel][...] = np.asarray(file["model_weights/one"][kernel])[::-1, ::-1]
    loaded = load_model(tmp_path / "m.h5", NONE)
    assert same(loaded, model, rows)
    assert "Theano wrote the file: the kernels of its convolutions were turned by 180 degrees" in loaded.notes


def test_a_policy_of_keras_2_gives_the_dtype(tmp_path: Path, make_model: Make) -> None:
    def old(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"][1:]:
            layer["config"]["dtype"] = {
                "class_name": "Policy",
                "config": {"name": "mixed_bfloat16", "loss_scale": None},
            }

    make_model().save(tmp_path / "m.h5")
    model = load_model(edit_hdf5(tmp_path / "m.h5", model=old, version="2.4.0"), NONE).model
    assert {layer.dtype_policy.name for layer in model.layers} == {"mixed_bfloat16"}


def test_cudnn_layers_become_plain_ones(tmp_path: Path, rows: Make) -> None:
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.LSTM(3, return_sequences=True), keras.layers.GRU(3)])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        for name, gates in (("lstm", 4), ("gru", 3)):
            _as_cudnn(file, next(n for n in file["model_weights"] if n.startswith(name)), gates)

    def old(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"][1:]:
            layer["class_name"] = f"CuDNN{layer['class_name']}"

    loaded = load_model(edit_hdf5(tmp_path / "m.h5", model=old, version="2.2.0"), NONE)
    assert same(loaded, model, rows)
    assert any("CuDNNLSTM layers were read as LSTM" in note for note in loaded.notes)


def _as_cudnn(file: Any, layer: str, gates: int) -> None:
    """Write a recurrent layer's arrays in cuDNN's layout: gates transposed, two biases one after the other."""
    group = file["model_weights"][layer]
    names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs["weight_names"]]
    kernel, recurrent, bias = (np.asarray(group[name]) for name in names)
    kernels = [np.reshape(part.T, part.shape) for part in np.hsplit(kernel, gates)]
    recurrents = [part.T for part in np.hsplit(recurrent, gates)]
    biases = np.concatenate([bias, np.zeros_like(bias)]) if gates == 4 else bias.reshape(-1)
    for name, array in zip(names, (np.hstack(kernels), np.hstack(recurrents), biases), strict=True):
        del group[name]
        group[name] = array


def test_one_functional_model_inside_a_sequential_one(tmp_path: Path, rows: Make) -> None:
    """Keras 2 wrote the only output of a model as a list of one."""

    def listed(config: dict[str, Any]) -> None:
        inner = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Functional")
        for key in ("input_layers", "output_layers"):
            inner["config"][key] = [inner["config"][key]]

    inputs = keras.Input((3,))
    inner = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    assert same(load_model(edit_hdf5(tmp_path / "m.h5", model=listed, version="2.4.0"), NONE), model, rows)


def test_backslashes_in_the_weight_groups(tmp_path: Path, make_model: Make, rows: Make) -> None:
    model = make_model()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        weights = archive.read("model.weights.h5")
    broken = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as old, h5py.File(broken, "w") as new:
        for name in old["layers"]:
            old.copy(f"layers/{name}", new, f"layers\\{name}")
    edit_archive(tmp_path / "m.keras", version="2.15.0", **{"model.weights.h5": broken.getvalue()})
    loaded = load_model(tmp_path / "m.keras", NONE)
    assert same(loaded, model, rows)
    assert "backslashes" in loaded.notes[0]


def test_groups_of_keras_2_13_count_layers_twice(tmp_path: Path, rows: Make) -> None:
    def dense() -> Any:
        return [keras.layers.Dense(3), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(3)]

    inner = keras.Sequential([keras.Input((3,)), *dense()])
    model = keras.Sequential([keras.Input((3,)), *dense(), inner, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights, "r+") as file:
        for group in (file["layers/sequential"], file):
            for number in range(3, 0, -1):
                if f"dense_{number}" in group["layers"]:
                    group["layers"].move(f"dense_{number}", f"dense_{2 * number}")
            group.move("layers", "_layer_checkpoint_dependencies")
    edit_archive(tmp_path / "m.keras", version="2.13.1", **{"model.weights.h5": weights.getvalue()})
    loaded = load_model(tmp_path / "m.keras", NONE)
    assert same(loaded, model, rows)
    assert any("named as in Keras 2.12 and 2.13" in note for note in loaded.notes)


def test_channels_first_data_are_turned_where_tensorflow_needs_it(tmp_path: Path) -> None:
    first = {"data_format": "channels_first"}
    turned, plain = [], []
    for kind in (keras.layers.Conv2D, keras.layers.Conv2DTranspose):
        turned.append(kind(3, (3, 2), strides=2, padding="same", activation="relu", **first))
        plain.append(kind(3, (3, 2), strides=2, padding="same", activation="relu"))
    model = keras.Sequential([keras.Input((2, 8, 6)), *turned, keras.layers.Flatten()])
    model.compile("adam", "mse")
    back, forth = keras.layers.Permute((2, 3, 1)), keras.layers.Permute((3, 1, 2))
    equal = keras.Sequential([keras.Input((2, 8, 6)), back, *plain, forth, keras.layers.Flatten()])
    equal.set_weights(model.get_weights())
    inputs = np.random.default_rng(0).normal(size=(3, 2, 8, 6)).astype("float32")
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        loaded = load_model(tmp_path / f"m{suffix}", NONE).model
        np.testing.assert_allclose(loaded(inputs), equal(inputs), atol=1e-6)
        loaded.fit(inputs, np.zeros((3, loaded.output_shape[1])), verbose=0)


def test_weights_are_matched_by_name_not_by_place(tmp_path: Path, rows: Make) -> None:
    inputs = keras.Input((3,))
    one, two = keras.layers.Dense(3, name="one"), keras.layers.Dense(3, name="two")
    model = keras.Model(inputs, two(one(inputs)))
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = list(file["model_weights"].attrs["layer_names"])
        file["model_weights"].attrs["layer_names"] = names[::-1]
    assert same(load_model(tmp_path / "m.h5", NONE), model, rows)


# --- Keras's own layers that it does not export ---------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_scale_of_convnext(suffix: str, tmp_path: Path, rows: Make) -> None:
    from keras.src.applications.convnext import LayerScale

    inputs = keras.Input((3,))
    scaled = LayerScale(0.5, 3, name="convnext_tiny_stage_0_block_0_layer_scale")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(scaled))
    model.compile("adam", "mse")
    model.save(tmp_path / f"m{suffix}")
    assert same(load_model(tmp_path / f"m{suffix}", NONE), model, rows)


def test_a_scale_of_the_users_own_is_asked_for(tmp_path: Path) -> None:
    class LayerScale(keras.layers.Layer):  # type: ignore[misc]
        pass

    keras.Sequential([keras.Input((3,)), LayerScale(), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match="is of the class LayerScale, which is not part of Keras 3: pass --custom-obj"):
        load_model(tmp_path / "m.keras", NONE)
