"""Models and data of other people, kept beside the project: all load, or say what they need."""

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
from diagnose.loading import LoadOptions, load
from diagnose.loading.models.choosing import load_model
from diagnose.subject import Seen, Task

LOADS = {
    "autotrainer_oscillate.h5": ((None, 2), {"loss": "categorical_crossentropy"}),
    "autotrainer_vanish.h5": ((None, 2), {"loss": "categorical_crossentropy"}),
    "chatbot_abdul.h5": ((None, 252), {}),
    "cnc_multi_output.h5": ((None, 10, 18), {}),
    "face_fer_mini_xception.hdf5": ((None, 64, 64, 1), {}),
    "keypoints_dense.model": ((None, 9216), {}),
    "nuclei_gan_generator.h5": ((None, 256, 256, 1), {"loss": "binary_crossentropy"}),
    "spam_lstm.h5": ((None, 100), {}),
    "teachable_rps.h5": ((None, 224, 224, 3), {"loss": "categorical_crossentropy"}),
    "tiny_ad01_autoencoder.h5": ((None, 640), {}),
    "tiny_vww96_mobilenet.h5": ((None, 96, 96, 3), {}),
    "xing_attention.h5": ((None, 24, 3), {"loss": "mse"}),
}
ASKS = {
    "carnd_patrick_2017_08.h5": 'layer "lambda_1" is a Lambda layer in the bytecode of an old Python, never run',
    "vae_savewater1.h5": 'layer "lambda_1" is a Lambda layer in the bytecode of an old Python, never run',
    "ssd7_weights_only.h5": "holds weights only, without the model: pass --architecture FILE.json",
    "keras_nested_container.keras": "is of the class NestedDenseModel, which is not part of Keras 3",
}
CASES = {
    "admission/model.keras": (Task.REGRESSION, "adam", 1000),
    "admission/model.h5": (Task.REGRESSION, "adam", 1000),
    "boston/model.h5": (Task.REGRESSION, "adam", 1632),
    "churn_abisheak/model.keras": (Task.BINARY, "rmsprop", 160_000),
    "churn_rajesh/model.h5": (Task.BINARY, "adam", 3000),
    "mnist_ann/model.keras": (Task.MULTICLASS, "sgd", 2350),
    "mnist_dyingrelu/model.h5": (Task.MULTICLASS, "adam", None),
}


@pytest.mark.parametrize("name", LOADS)
def test_file_loads_with_the_input_it_declares(name: str, shared: Path) -> None:
    shape, options = LOADS[name]
    model = load_model(shared / "cases" / "model_files" / name, LoadOptions(**options)).model
    assert model.input_shape == shape
    assert np.all(np.isfinite(model(np.zeros((1, *shape[1:]), "float32"))[0]))


@pytest.mark.parametrize("name", [*LOADS, *CASES])
def test_outputs_are_those_of_the_keras_that_wrote_it(name: str, shared: Path, tmp_path: Path) -> None:
    if name == "churn_abisheak/model.keras":
        pytest.skip("no Keras loads it; it is tested below against the accuracy that its author saw")
    path = shared / "cases" / ("model_files" if name in LOADS else "") / name
    loaded = load_model(path, LoadOptions(**(LOADS[name][1] if name in LOADS else {})))
    copy = tmp_path / ("model.keras" if path.suffix == ".keras" else "model.h5")
    copy.write_bytes(path.read_bytes())
    if loaded.facts["keras"].startswith("3"):
        theirs = keras.saving.load_model(copy, compile=False)
    else:
        tf_keras = pytest.importorskip("tf_keras", reason="tf-keras computes the outputs to compare with")
        theirs = tf_keras.models.load_model(copy, {"CuDNNLSTM": tf_keras.layers.LSTM}, compile=False)
    shape = (4, *(size or 5 for size in loaded.model.input_shape[1:]))
    draw = np.random.default_rng(0)
    inputs = draw.integers(0, 10, shape) if name == "spam_lstm.h5" else draw.uniform(0, 1, shape).astype("float32")
    for given, expected in zip(_listed(loaded.model(inputs)), _listed(theirs(inputs)), strict=True):
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-5)


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


@pytest.mark.parametrize("name", ASKS)
def test_file_asks_for_what_it_needs(name: str, shared: Path) -> None:
    with pytest.raises(InputError) as error:
        load_model(shared / "cases" / "model_files" / name, LoadOptions(loss="mse"))
    assert ASKS[name] in str(error.value)


def test_old_lambda_layers_load_with_the_users_function(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def scale(x):\n    return x / 127.5 - 1\n")
    path = shared / "cases" / "model_files" / "carnd_patrick_2017_08.h5"
    loaded = load_model(path, LoadOptions(lambdas=(f"lambda_1={tmp_path / 'own.py'}:scale",)))
    assert loaded.model.input_shape == (None, 64, 64, 3)
    assert loaded.training.iterations


def test_a_lambda_of_two_inputs_loads_with_the_users_function(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def middle(args):\n    return args[0]\n")
    path = shared / "cases" / "model_files" / "vae_savewater1.h5"
    loaded = load_model(path, LoadOptions(loss="mse", lambdas=(f"lambda_1={tmp_path / 'own.py'}:middle",)))
    assert loaded.model.input_shape == (None, 28, 28, 1)
    assert loaded.training.learning_rate == pytest.approx(1e-4)


def test_weights_of_seven_stages_load_into_their_architecture(shared: Path, tmp_path: Path) -> None:
    x = inputs = keras.Input((300, 480, 3))
    heads = []
    for stage, filters in enumerate((32, 48, 64, 64, 48, 48, 32), start=1):
        x = keras.layers.Conv2D(filters, 5 if stage == 1 else 3, padding="same", name=f"conv{stage}")(x)
        x = keras.layers.BatchNormalization(name=f"bn{stage}")(x)
        for name, size in (("classes", 8), ("boxes", 16)) if stage > 3 else ():
            heads.append(keras.layers.Conv2D(size, 3, padding="same", name=f"{name}{stage}")(x))
        x = keras.layers.MaxPooling2D(2, padding="same")(keras.layers.ELU()(x))
    (tmp_path / "ssd7.json").write_text(keras.Model(inputs, heads).to_json())
    path = shared / "cases" / "model_files" / "ssd7_weights_only.h5"
    loaded = load_model(path, LoadOptions(loss="mse", architecture=tmp_path / "ssd7.json"))
    with h5py.File(path) as file:
        for layer, weight in (("conv1", "kernel"), ("bn7", "moving_variance"), ("boxes4", "bias")):
            stored = file[layer][layer][f"{weight}:0"]
            np.testing.assert_array_equal(getattr(loaded.model.get_layer(layer), weight), stored)


def test_a_subclassed_model_loads_with_its_class(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('legacy_nested_container')\n"
        "class NestedDenseModel(keras.Model):\n"
        "    def __init__(self, num=3, **settings):\n"
        "        super().__init__(**settings)\n"
        "        self.num = num\n"
        "        self.blocks = [keras.layers.Dense(4, use_bias=False) for _ in range(num)]\n"
        "        self.head = keras.layers.Dense(2)\n"
        "    def call(self, x):\n"
        "        for block in self.blocks:\n"
        "            x = block(x)\n"
        "        return self.head(x)\n"
    )
    path = shared / "cases" / "model_files" / "keras_nested_container.keras"
    loaded = load_model(path, LoadOptions(loss="mse", custom_objects=tmp_path / "own.py"))
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        np.testing.assert_array_equal(loaded.model.head.kernel, file["layers/dense_3/vars/0"])


@pytest.mark.parametrize("name", CASES)
def test_case_becomes_a_subject(name: str, shared: Path) -> None:
    task, optimizer, iterations = CASES[name]
    path = shared / "cases" / name
    subject = load(path, path.parent / "data", LoadOptions())
    assert subject.outputs[0].task is task
    assert (subject.training.optimizer, subject.training.iterations) == (optimizer, iterations)
    assert subject.train.seen is Seen.YES
    assert subject.dev is not None and subject.dev.seen is Seen.NO


@pytest.mark.parametrize(
    ("name", "accuracy"), [("churn_abisheak/model.keras", 0.866), ("mnist_ann/model.keras", 0.9637)]
)
def test_figures_of_the_authors_are_met(name: str, accuracy: float, shared: Path) -> None:
    path = shared / "cases" / name
    subject = load(path, path.parent / "data", LoadOptions())
    assert subject.dev is not None
    given = np.asarray(subject.model.predict(subject.dev.inputs[0], batch_size=512, verbose=0))
    targets = subject.dev.targets[0]
    right = (given > 0.5) == targets if given.shape[1] == 1 else given.argmax(1) == targets.argmax(1)
    assert float(np.mean(right)) == pytest.approx(accuracy, abs=1e-3)


def test_raw_pixels_are_read_as_rows_of_the_model(shared: Path) -> None:
    subject = load(shared / "cases" / "mnist_ann" / "model.keras", shared / "data" / "mnist_784.npz", LoadOptions())
    assert subject.train.inputs[0].max() == 255
    assert subject.train.targets[0].shape == (60_000, 10)
    assert subject.dev is not None and subject.dev.rows == 10_000


def test_photos_by_split_and_class(shared: Path) -> None:
    path = shared / "cases" / "model_files" / "tiny_vww96_mobilenet.h5"
    subject = load(path, shared / "data" / "car_damage_folders", LoadOptions())
    assert subject.train.inputs[0].shape[1:] == (96, 96, 3)
    assert subject.outputs[0].class_names == ("00-damage", "01-whole")
    assert subject.dev is not None


def test_a_table_in_blanks(shared: Path) -> None:
    case = shared / "cases" / "boston"
    subject = load(case / "model.h5", case / "raw" / "housing.data", LoadOptions(target="13"))
    assert subject.train.inputs[0].shape == (506, 13)


def test_programs_feed_their_arrays(shared: Path, make_model: Callable[..., Any]) -> None:
    """Fifty sets of arrays out of other people's programs: each is read into its two splits."""
    from diagnose.loading.data.reading import read_data
    from diagnose.loading.signatures import signature_of

    signature = signature_of(make_model())
    for path in sorted((shared / "data" / "arrays").glob("*.npz")):
        assert set(read_data(path, signature, LoadOptions())) == {"train", "dev"}
