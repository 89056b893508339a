"""SavedModels, and files that only tf-keras opens: converted in a process of its own, compared, or refused."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import BuildError, InputError
from diagnose.loading.models import legacy
from diagnose.loading.models.choosing import load_model
from diagnose.loading.models.files import ModelFile, read_model_file
from diagnose.loading.models.restoring import LoadedModel
from diagnose.loading.models.saved_function import RUN_AS_A_WHOLE, wrap
from diagnose.loading.options import LoadOptions

ROOT = Path(__file__).parents[2]
TRUSTED = LoadOptions(trust=True)
OWN = """
import keras

class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],))

    def call(self, inputs):
        return inputs * self.scale
"""
needs_tf_keras = pytest.mark.skipif(
    not legacy.installed(), reason='tf-keras is missing: pip install "keras-diagnose[legacy]"'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what tf-keras and TensorFlow wrote, made by `tests.loading.saved_models`."""
    folder = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "tests.loading.saved_models", str(folder), str(folder / "canary")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (folder / "canary").unlink(missing_ok=True)
    return folder


def refused(path: Path, options: LoadOptions = TRUSTED) -> str:
    with pytest.raises(InputError) as error:
        load_model(path, options)
    text = str(error.value)
    assert "\n" not in text
    return text.replace(f"{path.parent}/", "")


def gives_the_same(loaded: LoadedModel, rows: Path) -> bool:
    with np.load(rows) as arrays:
        x, y = ([arrays[name] for name in arrays.files if name.startswith(kind)] for kind in "xy")
    given = keras.tree.flatten(loaded.model(x if len(x) > 1 else x[0], training=False))
    return all(np.allclose(one, other, atol=1e-6) for one, other in zip(given, y, strict=True))


# --- SavedModels of Keras 2 ----------------------------------------------------------------------


@needs_tf_keras
@pytest.mark.parametrize(("name", "weights"), [("sequential", 8), ("two_inputs", 13)])
def test_layers_of_a_saved_model_come_back(name: str, weights: int, made: Path) -> None:
    loaded = load_model(made / name, TRUSTED)
    assert gives_the_same(loaded, made / f"{name}.npz")
    assert loaded.notes[0].startswith("the SavedModel was converted by tf-keras")
    assert f"its {weights} arrays of weights are equal and the outputs on 8 random rows agree" in loaded.notes[0]
    assert loaded.name == name
    assert loaded.facts["format"] == "saved_model"
    assert loaded.facts["keras"].startswith("2.")
    assert loaded.losses[0].name == "mean_squared_error"
    assert (loaded.training.optimizer, loaded.training.iterations) == ("adam", 3 if name == "sequential" else 0)
    assert loaded.training.learning_rate == pytest.approx(0.01)
    assert not any("TFSM" in type(layer).__name__ for layer in loaded.model.layers)


@needs_tf_keras
def test_layers_of_the_users_own_are_built_from_the_users_file(made: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(OWN)
    loaded = load_model(made / "own_layer", LoadOptions(trust=True, custom_objects=own))
    assert gives_the_same(loaded, made / "own_layer.npz")
    assert [type(layer).__name__ for layer in loaded.model.layers] == ["Scaled", "Dense"]


@needs_tf_keras
def test_without_the_users_file_it_is_run_as_a_whole(made: Path) -> None:
    loaded = load_model(made / "own_layer", TRUSTED)
    assert gives_the_same(loaded, made / "own_layer.npz")
    assert loaded.notes == (
        f'{RUN_AS_A_WHOLE} (layer "scaled" is of the class Scaled, which is not part of Keras 3: '
        "pass --custom-objects FILE.py that defines it)",
    )
    assert loaded.losses[0].name == "mean_squared_error"
    assert loaded.training.optimizer == "adam"


@needs_tf_keras
def test_a_subclassed_model_is_run_as_a_whole(made: Path) -> None:
    loaded = load_model(made / "subclassed", LoadOptions(trust=True, loss="mse"))
    assert gives_the_same(loaded, made / "subclassed.npz")
    assert "Saving the model to HDF5 format requires the model to be a Functional model" in loaded.notes[0]


@needs_tf_keras
def test_the_real_saved_model_gives_what_tensorflow_gives(shared: Path) -> None:
    """0.856 is what its own signature gives; the author's 0.866 belongs to the .keras file, another training."""
    case = shared / "cases" / "churn_abisheak"
    loaded = load_model(case / "model_savedmodel", TRUSTED)
    with np.load(case / "data" / "dev.npz") as dev:
        right = (loaded.model.predict(dev["x"], batch_size=512, verbose=0) > 0.5).ravel() == dev["y"].ravel()
    assert float(np.mean(right)) == pytest.approx(0.856, abs=1e-4)
    assert "its 6 arrays of weights are equal and the outputs on 8 random rows agree" in loaded.notes[0]
    assert (loaded.training.optimizer, loaded.training.iterations) == ("rmsprop", 160_000)
    assert loaded.facts["keras"] == "2.15.0"


# --- SavedModels without layers ------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    keras.utils.set_random_seed(0)
    town, age = keras.Input((2,), name="town"), keras.Input((3,), name="age")
    both = keras.layers.Concatenate()([keras.layers.Dense(4)(town), keras.layers.Dense(2, activation="relu")(age)])
    model = keras.Model([town, age], [keras.layers.Dense(1)(both), keras.layers.Dense(3, activation="softmax")(both)])
    path = tmp_path_factory.mktemp("exported") / "model"
    model.export(path, verbose=False)
    return path, model


def same(model: Any, other: Any) -> bool:
    random = np.random.default_rng(0)
    x = [random.normal(size=(5, 2)).astype("float32"), random.normal(size=(5, 3)).astype("float32")]
    return all(np.allclose(a, b, atol=1e-6) for a, b in zip(model(x), other(x), strict=True))


def test_an_exported_model_is_run_as_a_whole(exported: tuple[Path, Any]) -> None:
    path, model = exported
    loaded = load_model(path, LoadOptions(trust=True, loss="mse"))
    assert same(loaded.model, model)
    assert loaded.notes[0] == f"{RUN_AS_A_WHOLE} (it was saved without its Keras layers)"
    assert [port.shape for port in loaded.signature.inputs] == [(2,), (3,)]
    assert [port.shape for port in loaded.signature.outputs] == [(1,), (3,)]
    assert len(loaded.model.trainable_weights) == len(model.trainable_weights)
    assert loaded.learned


def test_it_is_recognised_by_its_content(
    exported: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = exported
    options = LoadOptions(trust=True, loss="mse")
    assert same(load_model(path / "saved_model.pb", options).model, model)
    shutil.make_archive(str(tmp_path / "m"), "zip", path.parent, path.name)
    assert same(load_model(tmp_path / "m.zip", options).model, model)
    monkeypatch.chdir(path)
    assert load_model(Path(), options).name == path.name


def test_reading_a_saved_model_loads_nothing(exported: tuple[Path, Any], tmp_path: Path) -> None:
    assert read_model_file(exported[0]) == ModelFile(exported[0], "saved_model", "", None, {})
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("m/saved_model.pb", b"")
    assert read_model_file(tmp_path / "m.zip").format == "saved_model"


def test_what_needs_the_user_is_asked_for(exported: tuple[Path, Any]) -> None:
    assert refused(exported[0]).startswith("model: the model file has no loss")


def test_it_runs_on_tensorflow_alone(exported: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert refused(exported[0]) == (
        "model: a SavedModel runs on TensorFlow, but the backend of Keras is jax: set KERAS_BACKEND=tensorflow"
    )


@needs_tf_keras
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none_signature", "none_signature: the SavedModel has no signature to run: save"),
        (
            "two_signature",
            'the SavedModel has the signatures a, b, but none is called "serving_default": save it again',
        ),
        ("no_batch", 'its signature "serving_default" must take one tensor with a batch axis for each input: sa'),
    ],
)
def test_a_signature_that_is_not_clear_is_refused(name: str, expected: str, made: Path) -> None:
    assert expected in refused(made / name)


@needs_tf_keras
def test_the_only_signature_is_run(made: Path) -> None:
    model = wrap(made, made / "one_signature")
    np.testing.assert_allclose(model(np.ones((2, 3), "float32")), 2 * np.ones((2, 3)))


def test_a_damaged_saved_model(exported: tuple[Path, Any], tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(exported[0], copy)
    shutil.rmtree(copy / "variables")
    text = refused(copy, LoadOptions(trust=True, loss="mse"))
    assert text.startswith("model: TensorFlow cannot load this SavedModel (")
    assert text.endswith('save the model as .keras or .h5 with the Keras that made it (model.save("model.keras"))')
    (copy / "saved_model.pb").write_bytes(b"hello")
    assert refused(copy).startswith("model: its saved_model.pb is damaged (DecodeError")


# --- trust ---------------------------------------------------------------------------------------


@needs_tf_keras
def test_nothing_of_it_runs_without_trust(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, canary = made / "writes_on_load", made / "canary"
    expected = "is a SavedModel, which runs code of the file when it is loaded: pass --trust if you trust the file"
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
        for name in ("writes_on_load", "sequential"):
            assert refused(made / name, LoadOptions(loss="mse")) == f"{name} {expected}"
    assert not canary.exists()
    load_model(path, LoadOptions(trust=True, loss="mse"))
    assert canary.exists()  # so it would have shown it


# --- files that Keras 3 cannot build -------------------------------------------------------------


@needs_tf_keras
def test_a_file_that_keras_3_cannot_build_is_opened_by_tf_keras(made: Path) -> None:
    loaded = load_model(made / "pixels.h5", LoadOptions())
    assert gives_the_same(loaded, made / "pixels.npz")
    note, whole = loaded.notes[-2:]
    assert note.startswith('Keras 3 cannot build this model (layer "tf.nn.depth_to_space" ')
    assert "its 4 arrays of weights are equal and the outputs on 8 random rows agree with tf-keras" in note
    assert whole == RUN_AS_A_WHOLE
    assert loaded.facts["format"] == "hdf5"
    assert (loaded.losses[0].name, loaded.training.optimizer) == ("mean_squared_error", "adam")


CALL = {"class_name": "TFOpLambda", "config": {"name": "t", "function": "math.cumsum"}}
WRITES = {"class_name": "TFOpLambda", "config": {"name": "t", "function": "io.write_file"}}
LAMBDA = {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA", None, None]}}
HUGE = {"class_name": "LocallyConnected1D", "config": {"name": "h", "filters": 1 << 30}}


@pytest.mark.parametrize(
    ("layers", "version", "kind", "tried"),
    [
        ([CALL], "2.9.0", InputError, True),
        ([], "2.9.0", BuildError, True),
        ([], "2.9.0", InputError, False),  # what is wrong with it is wrong for tf-keras, too
        ([CALL], "3.1.0", BuildError, False),
        ([WRITES], "2.9.0", BuildError, False),
        ([CALL, LAMBDA], "2.9.0", BuildError, False),
        ([{"class_name": "Mine", "config": {}}], "2.9.0", BuildError, False),
        ([HUGE], "2.9.0", BuildError, False),
    ],
)
def test_only_harmless_files_are_given_to_tf_keras(
    layers: list[Any], version: str, kind: type[InputError], tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy, "installed", lambda: False)
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    file = ModelFile(Path("m.h5"), "hdf5", version, config, {})
    with pytest.raises(InputError) as error:
        legacy.open_whole(file, kind("m.h5: it does not work"))
    hint = f"; tf-keras may open it: {legacy.install()}"
    assert str(error.value) == "m.h5: it does not work" + hint * tried


def test_what_tf_keras_cannot_open_either_keeps_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def fails(*_: Any) -> Iterator[None]:
        raise InputError("m.h5: tf-keras cannot load this model")
        yield

    monkeypatch.setattr(legacy, "installed", lambda: True)
    monkeypatch.setattr(legacy, "converted", fails)
    file = ModelFile(Path("m.h5"), "hdf5", "2.9.0", {"class_name": "Sequential", "config": {"layers": []}}, {})
    with pytest.raises(BuildError, match=r"^m\.h5: Keras cannot build the model$"):
        legacy.open_whole(file, BuildError("m.h5: Keras cannot build the model"))


# --- the process ---------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(legacy, "installed", lambda: True)
    return place


def converting(path: Path) -> None:
    with legacy.converted(path, path):
        pytest.fail("converted")


@needs_tf_keras
def test_a_file_that_tf_keras_cannot_load(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_text("hello")
    with pytest.raises(InputError) as error:
        converting(tmp_path / "m.h5")
    text = str(error.value).replace(f"{tmp_path}/", "")
    assert text.startswith("m.h5: tf-keras cannot load this model (OSError: Unable to ")
    assert text.endswith("): save it as .keras or .h5 with the Keras that made it")
    assert not list(folders.iterdir())


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", "tf-keras cannot load this model (SIGABRT)"),
        ("raise SystemExit(1)", "tf-keras cannot load this model (no reason given)"),
        ("raise SystemExit('a\\nKeyError: b')", "tf-keras cannot load this model (KeyError: b)"),
    ],
)
def test_a_process_that_ends_badly(
    program: str, expected: str, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda _, **settings: run([sys.executable, "-c", program], **settings))
    with pytest.raises(InputError) as error:
        converting(tmp_path)
    assert expected in str(error.value)
    assert not list(folders.iterdir())


def test_a_process_that_takes_too_long(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy, "TIME_LIMIT", 0)
    with pytest.raises(InputError) as error:
        converting(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: tf-keras took more than 0 seconds and was stopped: save the model as .keras or .h5 with the "
        "Keras that made it"
    )
    assert not list(folders.iterdir())


def test_an_interrupt_leaves_nothing_behind(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, cwd: Path, **__: Any) -> None:
        (cwd / "layers.h5").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        converting(tmp_path)
    assert not list(folders.iterdir())


def test_it_has_places_of_its_own_and_no_screen(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **settings: Any) -> subprocess.CompletedProcess[bytes]:
        seen.update(settings, command=command)
        folder = settings["cwd"]
        (folder / "result.json").write_text(json.dumps({"tf_keras": "", "weights": [], "inputs": [], "outputs": []}))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    with legacy.converted(tmp_path, tmp_path) as conversion:
        folder = conversion.samples.parent
    assert seen["command"][1:4] == ["-P", "-m", "diagnose.loading.models.legacy_worker"]
    assert (seen["stdin"], seen["stdout"], seen["stderr"]) == (subprocess.DEVNULL, subprocess.DEVNULL, subprocess.PIPE)
    env = seen["env"]
    assert env["TMPDIR"] == env["KERAS_HOME"] == str(folder)
    assert (env["CUDA_VISIBLE_DEVICES"], env["TF_CPP_MIN_LOG_LEVEL"]) == ("-1", "3")
    assert env["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)
    assert not folder.exists()


# --- the extra -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ([], 'run pip install "keras-diagnose[legacy]"'),
        (["tensorflow"], 'run pip install "keras-diagnose[legacy]"'),
        (
            ["tensorflow-cpu"],
            'run pip install --no-deps "tf-keras==2.18.*" (without its dependencies, since you have tensorflow-cpu)',
        ),
    ],
)
def test_what_to_install(installed: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"tensorflow": installed})
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "2.18.1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"_tf_keras_sequential")
    assert refused(saved) == f"saved: only tf-keras can load this model, and it is not installed: {expected}"
