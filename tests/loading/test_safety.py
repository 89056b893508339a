"""What a model's config may not name: the attack, the message, and that no code of the file is run."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.files import read_model_file
from diagnose.loading.models.safety import check_config
from diagnose.loading.options import LoadOptions
from tests.loading.old_files import edit_archive, edit_hdf5

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
NONE = LoadOptions()
TRUSTED = LoadOptions(trust=True)
DEFINE = "pass --custom-objects FILE.py that defines it"
DAMAGED = "the file is damaged"


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


def layer(name: str, module: str | None = "keras.layers", registered: str | None = None, **config: Any) -> Any:
    return {"class_name": name, "config": {"name": "evil"} | config, "module": module, "registered_name": registered}


def activation(name: Any, module: str = "builtins", registered: str | None = None) -> Any:
    function = {"class_name": "function", "config": name, "module": module, "registered_name": registered}
    return layer("Dense", units=2, activation=function)


def constant(kind: str, **value: Any) -> Any:
    return layer("Dense", units=2, kernel_initializer={"class_name": kind, "config": value})


CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAAA", "defaults": None, "closure": None}}
ATTACKS = {
    "lambda": (
        layer("Lambda", function=CODE),
        "is a Lambda layer with its code inside the file, which is not run: "
        "pass --lambda evil=FILE.py:FUNCTION, or --trust if you trust the file",
    ),
    "old bytecode": (
        layer("Lambda", function=["4wEAAAAA", None, None]),
        "is a Lambda layer in the bytecode of an old Python, never run: pass --lambda evil=FILE.py:FUNCTION",
    ),
    "code as an activation": (
        layer("Dense", units=2, activation=CODE),
        "holds Python code inside the file, which is not run: pass --trust if you trust the file",
    ),
    "code as the user's class": (
        layer("Dense", units=2, activation=CODE | {"registered_name": "Mine"}),
        "holds Python code inside the file, which is not run: pass --trust if you trust the file",
    ),
    **{
        kind: (layer(kind), f"is a {kind}, which runs code of the file: pass --trust if you trust the file")
        for kind in ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
    },
    "class of nobody": (
        layer("Attention9", "mine.layers"),
        f"is of the class Attention9, which is not part of Keras 3: {DEFINE}",
    ),
    "class of another module": (
        layer("Dense", "evil"),
        f"is of the class Dense, which is not part of Keras 3: {DEFINE}",
    ),
    "class of another package of Keras": (
        layer("Dense", "keras_hub.evil"),
        f"is of the class Dense, which is not part of Keras 3: {DEFINE}",
    ),
    "class of Keras's own utilities": (
        layer("Progbar", "keras.utils"),
        f"is of the class Progbar, which is not part of Keras 3: {DEFINE}",
    ),
    "class inside Keras that it does not export": (
        layer("FeatureSpace", "keras.src.layers.preprocessing.feature_space"),
        f"is of the class FeatureSpace, which is not part of Keras 3: {DEFINE}",
    ),
    "class under the name of a registered one": (
        layer("Dense", registered="package>Evil"),
        f"is registered as package>Evil, which is not part of Keras 3: {DEFINE}",
    ),
    "type specification": (
        {"class_name": "__typespec__", "spec_name": "Popen", "module": "subprocess", "config": [], "name": "evil"},
        f"is of the class __typespec__, which is not part of Keras 3: {DEFINE}",
    ),
    "number as class_name": (layer(3), f"has a class name or module that is not text: {DAMAGED}"),  # type: ignore[arg-type]
    "list as module": (layer("Dense", ["os"]), f"has a class name or module that is not text: {DAMAGED}"),  # type: ignore[arg-type]
    **{
        f"function {module}.{name}": (
            activation(name, module),
            f"uses the function {name}, which is not part of Keras: {DEFINE}",
        )
        for module, name in (
            ("builtins", "eval"),
            ("os", "system"),
            ("keras.utils", "get_file"),
            ("keras.saving", "load_model"),
            ("keras.src.utils.file_utils", "get_file"),
            ("keras.activations", "deserialize"),
            ("evil", "relu"),
        )
    },
    "function registered otherwise": (
        activation("relu", registered="package>evil"),
        f"uses the function relu, which is not part of Keras: {DEFINE}",
    ),
    "list as function name": (activation(["relu"]), f"uses a function whose name is not text: {DAMAGED}"),
    "array of objects": (
        constant("__numpy__", value=[1], dtype="O"),
        f"holds an array of the type O, not of numbers: {DAMAGED}",
    ),
    "array of long text": (
        constant("__numpy__", value=["x"], dtype="S1000000000"),
        f"holds an array of the type S1000000000, not of numbers: {DAMAGED}",
    ),
    "vocabulary": (
        layer("StringLookup", vocabulary="/etc/passwd"),
        "reads its vocabulary from /etc/passwd, outside the model: pass --trust if you trust the file",
    ),
    "hidden in a wrapper": (
        layer("TimeDistributed", layer=layer("TFSMLayer") | {"config": {"name": "evil"}}),
        "is a TFSMLayer, which runs code of the file: pass --trust if you trust the file",
    ),
    "hidden in build settings": (
        layer("Dense", units=2) | {"build_config": {"x": layer("Evil", "evil")}},
        f"is of the class Evil, which is not part of Keras 3: {DEFINE}",
    ),
}  # fmt: skip


@pytest.fixture(params=["m.keras", "m.h5"])
def saved(request: pytest.FixtureRequest, tmp_path: Path, make_model: Make) -> Path:
    path = tmp_path / request.param
    make_model().save(path)
    return path


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_config_may_not_name(attack: str, tmp_path: Path) -> None:
    part, problem = ATTACKS[attack]
    config = {"class_name": "Sequential", "config": {"layers": [part]}, "module": "keras"}
    with pytest.raises(InputError) as error:
        check_config(tmp_path, config, {"Mine": object}, trust=False)
    assert str(error.value) == f'{tmp_path}: layer "evil" {problem}'


@pytest.mark.parametrize("attack", ["lambda", "TFSMLayer", "class of another module", "function os.system"])
def test_it_is_refused_in_either_format(attack: str, saved: Path) -> None:
    part, problem = ATTACKS[attack]
    assert refused(with_layer(saved, part)) == f'FILE: layer "evil" {problem}'


@pytest.mark.parametrize(
    "attack",
    [name for name in ATTACKS if name.startswith(("class", "function", "no", "module", "array", "old", "type"))],
)
def test_trust_allows_what_safe_mode_forbids_and_nothing_more(attack: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        check_config(tmp_path, ATTACKS[attack][0], {}, trust=True)


def test_trust_runs_a_lambda(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2, name="twice")])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    assert 'layer "twice" is a Lambda layer with its code inside the file' in refused(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", TRUSTED).model
    np.testing.assert_array_equal(loaded(np.ones((1, 3))), 2 * np.ones((1, 3)))


def test_no_module_is_imported_that_a_config_names(tmp_path: Path, make_model: Make) -> None:
    """Packages that make a file when they are imported lie in reach; a program of its own loads the models."""
    folder = tmp_path / "models"
    folder.mkdir()
    for package in ("evil", "keras_hub"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(
            f"open({str(tmp_path / 'canary')!r}, 'w')\nclass Dense:\n    pass\ndef relu(x):\n    return x\n"
        )
        parts = (layer("Dense", package), activation("relu", package), layer("Dense", package, f"{package}>Dense"))
        for number, part in enumerate(parts):
            path = folder / f"{package}{number}{('.h5', '.keras')[number % 2]}"
            make_model().save(path)
            with_layer(path, part)
    program = (
        f"import sys; sys.path[:0] = {[str(tmp_path), str(Path(__file__).parents[2])]}\n"
        "from pathlib import Path\n"
        "from diagnose.errors import InputError\n"
        "from diagnose.loading.models import hdf5, hdf5_scan\n"
        "from diagnose.loading.models.choosing import load_model\n"
        "from diagnose.loading.options import LoadOptions\n"
        "hdf5._scan_apart = lambda path, shown: hdf5_scan.scan(path)\n"
        f"for path in Path({str(folder)!r}).iterdir():\n"
        "    for trust in (False, True):\n"
        "        try: load_model(path, LoadOptions(trust=trust))\n"
        "        except InputError: print('refused')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.count("refused") == 12
    assert not (tmp_path / "canary").exists()


def test_an_old_lambda_may_name_a_function_of_the_users(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    config = {"name": "old", "function": "double", "function_type": "function", "output_shape_type": "raw"}
    path = with_layer(tmp_path / "m.h5", {"class_name": "Lambda", "config": config | {"arguments": {}}})
    assert 'layer "old" calls the function double: pass --custom-objects' in refused(path)
    (tmp_path / "own.py").write_text("def double(x):\n    return 2 * x\n")
    model = load_model(path, LoadOptions(custom_objects=tmp_path / "own.py")).model
    np.testing.assert_array_equal(model.get_layer("old")(np.ones((1, 3))), 2 * np.ones((1, 3)))


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
        "FILE: the loss vae_loss is not part of Keras: "
        "pass --custom-objects FILE.py that defines it, or --loss, for example --loss sparse_categorical_crossentropy"
    )
    assert load_model(tmp_path / "m.h5", LoadOptions(loss="mse")).losses[0].name == "mean_squared_error"


@pytest.mark.parametrize("name", ["deserialize", "get", "serialize"])
def test_a_loss_cannot_name_other_parts_of_keras(name: str, tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    loss = {"class_name": name, "config": {"name": "mse"}}
    edit_hdf5(tmp_path / "m.h5", training=lambda config: config.update(loss=loss))
    assert f"the loss {name} is not part of Keras" in refused(tmp_path / "m.h5")


def test_compile_settings_that_make_no_sense(tmp_path: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.h5")
    edit_hdf5(
        tmp_path / "m.h5", training=lambda config: config.update(optimizer_config={"class_name": "Adam", "config": 3})
    )
    assert refused(tmp_path / "m.h5").startswith("FILE is damaged: its description of the model makes no sense (")


def test_pickled_data_is_never_loaded(tmp_path: Path) -> None:
    from diagnose.loading.data.arrays import read_npy, read_npz

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
        with pytest.raises(InputError, match="class name or module that is not text"):
            check_config(tmp_path, config, {}, trust=False)


def test_reading_a_file_builds_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", lambda *_, **__: pytest.fail("built"))
    assert read_model_file(saved).config is not None
