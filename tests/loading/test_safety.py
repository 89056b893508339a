"""A model file is untrusted: what is refused, by whose name, and that nothing of the file is run."""

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.files import read_model_file
from diagnose.loading.models import load_model
from diagnose.loading.options import LoadOptions
from diagnose.loading.safety import check_config
from tests.loading.old_files import edit_archive, edit_hdf5

Make = Callable[..., Any]
NONE = LoadOptions()


def refused(path: Path, options: LoadOptions = NONE) -> str:
    with pytest.raises(InputError) as error:
        load_model(path, options)
    message = str(error.value)
    assert "\n" not in message
    return message.replace(str(path), "FILE")


def with_layer(path: Path, layer: dict[str, Any]) -> Path:
    """Put a layer of our own writing into a saved Sequential model."""

    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"].insert(1, layer)

    return edit_hdf5(path, change, version="3.15.0") if path.suffix == ".h5" else edit_archive(path, change)


@pytest.fixture(params=["m.keras", "m.h5"])
def saved(request: pytest.FixtureRequest, tmp_path: Path, make_model: Make) -> Path:
    path = tmp_path / request.param
    make_model().save(path)
    return path


def test_a_lambda_layer(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2, name="twice")])
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        assert refused(tmp_path / f"m{suffix}") == (
            'FILE: layer "twice" is a Lambda layer with its code inside the file, which is not run: '
            "pass --lambda twice=FILE.py:FUNCTION, or --trust if you trust the file"
        )


def test_a_lambda_in_old_bytecode_is_never_run(saved: Path) -> None:
    config = {"name": "old", "function": ["4wEAAAAA", None, None], "function_type": "lambda", "arguments": {}}
    path = with_layer(saved, {"class_name": "Lambda", "config": config})
    for options in (NONE, LoadOptions(trust=True)):
        assert refused(path, options) == (
            'FILE: layer "old" is a Lambda layer in the bytecode of an old Python, never run: '
            "pass --lambda old=FILE.py:FUNCTION"
        )


def test_an_old_lambda_may_name_a_function_of_the_users(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    config = {"name": "old", "function": "double", "function_type": "function", "output_shape_type": "raw"}
    path = with_layer(tmp_path / "m.h5", {"class_name": "Lambda", "config": config | {"arguments": {}}})
    assert 'layer "old" calls the function double: pass --custom-objects' in refused(path)
    (tmp_path / "own.py").write_text("def double(x):\n    return 2 * x\n")
    model = load_model(path, LoadOptions(custom_objects=tmp_path / "own.py")).model
    np.testing.assert_array_equal(model.get_layer("old")(np.ones((1, 3))), 2 * np.ones((1, 3)))


def test_a_class_that_keras_does_not_have(saved: Path) -> None:
    layer = {"class_name": "Attention9", "config": {"name": "mine"}, "module": "mine.layers"}
    assert refused(with_layer(saved, layer)) == (
        'FILE: layer "mine" is of the class Attention9, which is not part of Keras 3: '
        "pass --custom-objects FILE.py that defines it"
    )


@pytest.mark.parametrize("kind", ["TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"])
def test_layers_that_run_code_of_the_file(kind: str, saved: Path) -> None:
    message = refused(with_layer(saved, {"class_name": kind, "config": {"name": "x"}, "module": "keras.layers"}))
    assert message == f'FILE: layer "x" is a {kind}, which runs code of the file: pass --trust if you trust the file'


def test_a_known_name_from_a_foreign_module(saved: Path) -> None:
    layer = {
        "class_name": "Dense",
        "config": {"name": "d", "units": 2},
        "module": "evil.layers",
        "registered_name": "a",
    }
    assert "which is not part of Keras 3" in refused(with_layer(saved, layer))


@pytest.mark.parametrize("name", ["get_file", "system", "load_model", "eval"])
def test_functions_outside_the_list(name: str, saved: Path) -> None:
    function = {"class_name": "function", "config": name, "module": "keras.utils", "registered_name": name}
    layer = {
        "class_name": "Dense",
        "config": {"name": "d", "units": 2, "activation": function},
        "module": "keras.layers",
    }
    message = refused(with_layer(saved, layer))
    assert f'layer "d" uses the function {name}, which is not part of Keras' in message


def test_a_vocabulary_outside_the_file(saved: Path) -> None:
    config = {"name": "words", "vocabulary": "/etc/passwd"}
    layer = {"class_name": "StringLookup", "config": config, "module": "keras.layers"}
    assert "reads its vocabulary from /etc/passwd, outside the model" in refused(with_layer(saved, layer))


def test_a_custom_schedule_can_be_replaced(tmp_path: Path, make_model: Make) -> None:
    def change(config: dict[str, Any]) -> None:
        schedule = {"class_name": "WarmUp", "config": {}, "module": "mine", "registered_name": "WarmUp"}
        config["compile_config"]["optimizer"]["config"]["learning_rate"] = schedule

    make_model().save(tmp_path / "m.keras")
    edit_archive(tmp_path / "m.keras", change)
    assert refused(tmp_path / "m.keras").endswith(
        "pass --custom-objects FILE.py that defines it, or --optimizer and --learning-rate"
    )
    options = LoadOptions(optimizer="adam", learning_rate=0.01)
    assert load_model(tmp_path / "m.keras", options).training.learning_rate == pytest.approx(0.01)


def test_an_unknown_loss_asks_for_it(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    edit_hdf5(tmp_path / "m.h5", training=lambda config: config.update(loss="vae_loss"))
    assert refused(tmp_path / "m.h5") == (
        "the loss vae_loss is not part of Keras: "
        "pass --custom-objects FILE.py that defines it, or --loss, for example --loss sparse_categorical_crossentropy"
    )
    assert load_model(tmp_path / "m.h5", LoadOptions(loss="mse")).losses[0].name == "mean_squared_error"


@pytest.mark.parametrize("name", ["deserialize", "get", "serialize"])
def test_a_loss_cannot_name_other_parts_of_keras(name: str, tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    loss = {"class_name": name, "config": {"name": "mse"}}
    edit_hdf5(tmp_path / "m.h5", training=lambda config: config.update(loss=loss))
    assert f"the loss {name} is not part of Keras" in refused(tmp_path / "m.h5")


@pytest.mark.parametrize("link", [h5py.SoftLink("/elsewhere"), h5py.ExternalLink("other.h5", "/x")])
def test_links_inside_hdf5(link: Any, tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["model_weights/linked"] = link
    assert refused(tmp_path / "m.h5") == "FILE is refused: /model_weights/linked is a link to another place or file"


def test_values_kept_in_another_file(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.create_dataset("model_weights/raw", (4,), "f4", external=[("other.bin", 0, 16)])
    assert refused(tmp_path / "m.h5") == "FILE is refused: /model_weights/raw reads its values from another file"


def test_hdf5_that_unpacks_to_far_more_than_it_holds(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.create_dataset("model_weights/big", (1 << 32,), "f4", chunks=True, compression="gzip")
    assert "its arrays unpack to 17,179,8" in refused(tmp_path / "m.h5")


@pytest.mark.parametrize("member", ["../evil.txt", "/abs.txt", "assets/../../x", "C:\\x"])
def test_members_that_point_outside_the_archive(member: str, tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr(member, b"x")
    assert "points outside the archive" in refused(tmp_path / "m.keras")


def test_an_archive_that_is_a_bomb(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.keras")
    with (
        zipfile.ZipFile(tmp_path / "m.keras", "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))
    assert "its member zeros unpacks to 314,572,800 bytes" in refused(tmp_path / "m.keras")


def test_pickled_data_is_never_loaded(tmp_path: Path) -> None:
    from diagnose.loading.arrays import read_npy, read_npz

    canary = tmp_path / "canary"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (canary,))

    objects = np.array([Bomb(), Bomb()], dtype=object)
    np.savez(tmp_path / "d.npz", x=np.zeros(2), y=objects)
    np.save(tmp_path / "d.npy", objects)
    with pytest.raises(InputError, match='its array "y" holds pickled Python objects, which are never loaded'):
        read_npz(tmp_path / "d.npz")
    with pytest.raises(InputError, match="its array holds pickled Python objects, which are never loaded"):
        read_npy(tmp_path / "d.npy")
    (tmp_path / "d.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError):
        read_npy(tmp_path / "d.npy")
    assert not canary.exists()


def test_all_that_keras_saves_of_its_own_is_allowed(tmp_path: Path) -> None:
    """A wide model of many kinds of parts: an allow-list that is too short would be a false alarm."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.RandomFlip()(inputs)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2", kernel_constraint="max_norm")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.ops.relu(x) + keras.ops.mean(x, axis=-1, keepdims=True)
    x = keras.layers.Reshape((64, 4))(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    x = keras.layers.TimeDistributed(keras.layers.Dense(2, activation=keras.activations.gelu))(x)
    x = keras.layers.RNN(keras.layers.StackedRNNCells([keras.layers.GRUCell(2), keras.layers.LSTMCell(2)]))(x)
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=keras.initializers.HeNormal(seed=1))(x))
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(keras.optimizers.AdamW(schedule), keras.losses.LogCosh())
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras", NONE).losses[0].name == "log_cosh"
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5", NONE)
    rows = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(loaded.model(rows, training=False), model(rows, training=False), atol=1e-6)


def test_the_scan_reads_any_json(tmp_path: Path) -> None:
    for config in ({"class_name": 3}, {"class_name": None, "config": []}, [1, {"a": {"class_name": ["x"]}}]):
        with pytest.raises(InputError, match="no name"):
            check_config(tmp_path, config, {}, trust=False)


def test_reading_a_file_builds_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", lambda *_, **__: pytest.fail("built"))
    assert read_model_file(saved).config is not None
