"""What the user did and the one sentence that answers it, through the public functions."""

import gzip
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from diagnose.errors import InputError
from diagnose.loading import LoadOptions, load
from diagnose.loading.data import sources, texts
from diagnose.loading.data.reading import read_data
from diagnose.loading.signatures import Port, Signature
from tests.loading.old_files import edit_archive

pytestmark = pytest.mark.usefixtures("scanned_here")
Make = Callable[..., Any]
X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = np.arange(12) % 2


def message(model: Path, data: Path | None, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        load(model, data, LoadOptions(**options))
    text = str(error.value)
    assert "\n" not in text
    return text.replace(str(model.parent) + "/", "")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_model: Make) -> Path:
    path: Path = tmp_path_factory.mktemp("models") / "m.keras"
    make_model(activation="sigmoid", loss="binary_crossentropy").save(path)
    return path


@pytest.fixture(scope="module")
def classifier(model: Path, make_model: Make) -> Path:
    path = model.with_name("c.keras")
    make_model(units=10, activation="softmax", loss="sparse_categorical_crossentropy").save(path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.savez(tmp_path / "train.npz", x=X, y=Y)
    return tmp_path


def test_model_is_missing(model: Path, data: Path) -> None:
    assert message(model.with_name("none.h5"), data) == "none.h5: there is no such model file"


def test_model_is_a_text_file(tmp_path: Path, data: Path) -> None:
    (tmp_path / "m.h5").write_text("hello")
    expected = "m.h5 is not a Keras model file (neither a .keras archive nor HDF5): pass what model.save wrote"
    assert message(tmp_path / "m.h5", data) == expected


def test_model_is_empty(tmp_path: Path, data: Path) -> None:
    (tmp_path / "m.h5").touch()
    assert message(tmp_path / "m.h5", data) == "m.h5 is empty: pass the .keras or .h5 file that model.save wrote"


def test_model_is_a_git_lfs_pointer(tmp_path: Path, data: Path) -> None:
    (tmp_path / "m.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert "is a Git LFS pointer, not the model itself: fetch it with git lfs pull" in message(tmp_path / "m.h5", data)


def test_model_is_a_folder(tmp_path: Path, data: Path) -> None:
    (tmp_path / "saved").mkdir()
    assert message(tmp_path / "saved", data) == "saved is a folder, not a model file: pass the .keras or .h5 file"
    (tmp_path / "saved" / "saved_model.pb").touch()
    assert "saved is a SavedModel, which runs code of the file when it is loaded: pass --trust" in message(
        tmp_path / "saved", data
    )


def test_model_is_another_archive(tmp_path: Path, data: Path) -> None:
    assert message(data / "train.npz", data) == (
        "train.npz holds NumPy arrays, not a model: pass the .keras or .h5 file"
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_model_is_cut_short(suffix: str, tmp_path: Path, data: Path, make_model: Make) -> None:
    path = tmp_path / f"m{suffix}"
    make_model().save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert "is a damaged" in message(path, data)
    assert message(path, data).endswith("save the model again")


def test_config_is_not_json(tmp_path: Path, data: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("model.weights.h5", "")
    assert "m.keras is damaged: its config.json is not JSON" in message(tmp_path / "m.keras", data)


def test_optimizer_is_unknown(model: Path, data: Path) -> None:
    expected = "--optimizer must be an optimizer of Keras, such as sgd, adam, adamw or rmsprop, got 'adma'"
    assert message(model, data, optimizer="adma") == expected


def test_loss_is_unknown(model: Path, data: Path) -> None:
    assert "the loss crossentropi is not part of Keras" in message(model, data, loss="crossentropi")


def test_task_is_unknown(model: Path, data: Path) -> None:
    expected = "--task must be one of binary, multiclass, multilabel, regression, own-loss, got 'classify'"
    assert message(model, data, task="classify") == expected


def test_target_error_of_no_output(model: Path, data: Path) -> None:
    assert "--target-error must be OUTPUT=X with one of the outputs dense" in message(
        model, data, target_error={"price": 0.1}
    )


def test_custom_objects_are_missing_or_fail(model: Path, data: Path, tmp_path: Path) -> None:
    assert message(model, data, custom_objects=tmp_path / "none.py").endswith("none.py: there is no such file")
    (tmp_path / "own.py").write_text("1 / 0")
    assert "own.py: the file fails with ZeroDivisionError" in message(model, data, custom_objects=tmp_path / "own.py")


@pytest.mark.parametrize("option", ["half", "half=own.py", "=own.py:f"])
def test_lambda_option_is_not_written_so(option: str, model: Path, data: Path) -> None:
    assert message(model, data, lambdas=(option,)) == f"--lambda must be LAYER=FILE.py:FUNCTION, got {option}"


def test_a_lambda_layer_that_is_not_there(tmp_path: Path, data: Path) -> None:
    layers = [keras.layers.Lambda(abs, name="half"), keras.layers.Dense(1)]
    keras.Sequential([keras.Input((3,)), *layers]).save(tmp_path / "m.keras")
    (tmp_path / "own.py").write_text("def f(x):\n    return x / 2\n")
    expected = "--lambda hlaf: there is no Lambda layer of that name in m.keras: it has half"
    assert message(tmp_path / "m.keras", data, lambdas=(f"hlaf={tmp_path}/own.py:f",), loss="mse") == expected


def test_architecture_of_a_whole_model(model: Path, data: Path) -> None:
    expected = "m.keras holds the model itself, not weights only: leave out --architecture"
    assert message(model, data, architecture=data / "a.json") == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_never_waited_for(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "train.npz")
    expected = "train.npz is a broken link, a pipe or a device: pass a file or a folder"
    assert message(model, tmp_path / "pipe").endswith(expected)
    assert message(tmp_path / "pipe" / "train.npz", data).endswith("is a pipe or a device: pass a file or a folder")


def test_what_may_not_be_opened(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(data))

    signature = Signature((Port("x", (3,)),), (Port("y", (1,)),))
    for owner, name in ((Path, "open"), (sources.os, "scandir")):
        with monkeypatch.context() as patch, pytest.raises(InputError) as error:
            patch.setattr(owner, name, refuse)
            read_data(data, signature, LoadOptions())
        assert str(error.value).endswith("cannot be opened (Permission denied): allow reading it")


def test_links_that_lead_back(model: Path, data: Path) -> None:
    for name in ("train", "test", "inner"):
        (data / name).symlink_to(data)
    assert load(model, data, LoadOptions()).train.rows == 12
    (data / "train.npz").unlink()
    assert "is an empty folder" in message(model, data)


# --- data ----------------------------------------------------------------------------------------


def test_no_data(model: Path) -> None:
    assert message(model, None).startswith("there is no data: pass the folder or file")


def test_data_is_missing(model: Path, tmp_path: Path) -> None:
    assert message(model, tmp_path / "none").endswith("none: there is no such data file or folder")


def test_data_is_an_empty_folder(model: Path, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    assert "is an empty folder: put train.npz (with x and y)" in message(model, tmp_path)


def test_nothing_in_the_folder_is_understood(model: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")
    assert "holds no data in a format that diagnose reads (notes.md): put train.npz" in message(model, tmp_path)


def test_arrays_are_named_otherwise(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", foo=X, bar=Y)
    assert "no inputs among foo, bar: name the arrays x and y, or x_train, y_train and so on" in message(
        model, tmp_path
    )


def test_several_files_of_which_none_says_what_it_is(model: Path, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, x=X, y=Y)
    assert "the names a.npz, b.npz do not say which file is which split: name them train, dev and test" in message(
        model, tmp_path
    )


def test_only_dev_rows(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "dev.npz", x=X, y=Y)
    assert "there are rows for dev, but no training rows: name them train" in message(model, tmp_path)


def test_a_damaged_npz(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=Y)
    (tmp_path / "train.npz").write_bytes((tmp_path / "train.npz").read_bytes()[:200])
    assert "cannot be read as .npz" in message(model, tmp_path)


def test_no_targets(model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x_train.npy", X)
    assert message(model, tmp_path).endswith("there are inputs but no targets: add y (labels or values, one per row)")


def test_rows_differ(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=Y[:7])
    assert message(model, tmp_path).endswith(
        "inputs and targets of train must have the same number of rows, got 12 and 7"
    )
    np.savez(tmp_path / "train.npz", x=X[:7], y=Y)
    assert message(model, tmp_path).endswith("got 7 and 12")


def test_no_rows(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X[:0], y=Y[:0])
    assert message(model, tmp_path).endswith("train has no rows")


def test_input_shape_does_not_fit(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=np.zeros((12, 28, 28)), y=Y)
    text = message(model, tmp_path)
    assert "its rows have the shape (28, 28), but the model's input \"" in text
    assert text.endswith("takes (3,): pass the data as the model was fed")


def test_target_shape_does_not_fit(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=np.zeros((12, 4)))
    text = message(model, tmp_path)
    assert 'one target has the shape (4,), but the output "dense' in text
    assert "gives (1,) and its loss binary_crossentropy cannot compare them" in text


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ([0, 10], "the labels go from 0 to 10"),
        ([-1, 9], "the labels go from -1 to 9"),
        ([1, 10], "labels begin at 0: subtract 1"),
    ],
)
def test_labels_are_out_of_range(labels: list[int], hint: str, classifier: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X[:2], y=np.array(labels))
    text = message(classifier, tmp_path)
    assert hint in text
    assert "has 10 units and sparse_categorical_crossentropy takes 0 to 9" in text


def test_text_as_input(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=np.full((12, 3), "a"), y=Y)
    assert "must be numbers (float32), got <U1" in message(model, tmp_path)


def test_a_class_that_train_does_not_have(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X[:2], y=np.array(["a", "b"]))
    np.savez(tmp_path / "dev.npz", x=X[:2], y=np.array(["d", "c"]))
    assert message(model, tmp_path).endswith("the class c is not among the training classes a, b")


def test_which_column_is_the_target(model: Path, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,c,d\n1,2,3,0\n")
    assert message(model, tmp_path).endswith("the target column is unclear: pass --target with one of a, b, c, d")
    expected = "it has no column lable: pass --target with one of a, b, c, d"
    assert message(model, tmp_path, target="lable").endswith(expected)


def test_columns_do_not_fit(model: Path, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,town,label\n1,2,Rome,0\n")
    assert message(model, tmp_path, target="label").endswith(
        "has 2 numeric feature columns and text in town, but the model takes 3 numbers a row: "
        "one number for each of town would give exactly 3: encode them as in training"
    )


@pytest.mark.parametrize(("option", "name"), [("group", "patient"), ("time", "date")])
def test_groups_and_times_that_are_not_there(option: str, name: str, model: Path, data: Path) -> None:
    expected = f"--{option} {name}: there is no column or array of that name"
    assert message(model, data, **{option: name}).endswith(expected)


def test_groups_of_several_values_a_row(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=Y, site=X)
    expected = "--group site must have one value per row, got the shape (12, 3)"
    assert message(model, tmp_path, group="site").endswith(expected)


def test_images_for_a_table(model: Path, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "cats").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "cats" / "1.png")
    assert "holds images, but the model's input" in message(model, tmp_path)


def test_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(path)
    (tmp_path / "data" / "cats").mkdir(parents=True)
    (tmp_path / "data" / "cats" / "1.png").write_bytes(b"no image")
    assert message(path, tmp_path / "data", loss="mse").endswith(
        "1 of 1 files cannot be read as images, the first is cats/1.png: remove them or save them again"
    )


def test_history_without_a_loss(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text("{}")
    assert message(model, data, history=tmp_path / "h.json").startswith(
        "--history has no loss: pass the JSON of history.history"
    )


# --- rarer ones ----------------------------------------------------------------------------------


def test_custom_objects_that_are_not_a_python_file(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("x = 1")
    assert message(model, data, custom_objects=tmp_path / "own.txt").startswith(
        "--custom-objects must be a Python file (.py), got"
    )


def test_the_dev_data_holds_other_splits(model: Path, data: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    text = message(model, data, dev=tmp_path / "other.npz")
    assert text.endswith("other.npz holds train, test, but no rows for dev")


def test_a_file_of_an_unknown_kind(model: Path, tmp_path: Path) -> None:
    (tmp_path / "d.bin").write_bytes(b"\x00\x01\x02")
    text = message(model, tmp_path / "d.bin")
    assert (
        "d.bin is not in a data format that diagnose reads: pass train.npz (with x and y), x_train.npy and y_train.npy"
        in text
    )


def test_a_packed_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"a,b,c,y\n1,2,3,0\n"))
    assert message(model, tmp_path / "d.csv.gz").endswith(
        "d.csv.gz is a packed file: unpack it and pass what is inside"
    )


def test_a_pickle(model: Path, tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({"data": [1]}))
    assert "is a Python pickle, which runs code when it is opened and is never loaded: save arrays with numpy" in (
        message(model, tmp_path / "data_batch_1")
    )


def test_a_split_that_holds_splits(model: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        np.savez(tmp_path / split / "d.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    text = message(model, tmp_path)
    assert text.endswith("train must hold one split, as its name says, got train, test")


def test_two_files_for_one_split(model: Path, tmp_path: Path) -> None:
    for name in ("train.npz", "training.npz"):
        np.savez(tmp_path / name, x=X, y=Y)
    text = message(model, tmp_path)
    assert text.endswith("both hold the train rows: keep one of them")
    assert "train.npz and " in text


def test_an_idx_file_cut_inside_its_header(model: Path, tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03\x00\x00")
    text = message(model, tmp_path)
    assert "train-images-idx3-ubyte is a damaged idx file (" in text
    assert text.endswith("): fetch it again")


def test_lines_beyond_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.txt").write_text("a long text\n")
    (tmp_path / "train_labels.txt").write_text("1\n")
    monkeypatch.setattr(texts, "BYTES", 5)
    signature = Signature((Port("text", (), "string"),), (Port("label", (1,)),))
    with pytest.raises(InputError, match=r"train.txt takes more than 5 bytes: pass a part of it, or read it with --lo"):
        texts.read_lines(tmp_path / "train.txt", tmp_path / "train_labels.txt", signature, LoadOptions())


def test_weights_of_another_number(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=Y, sample_weight=np.ones(5))
    assert message(model, tmp_path).endswith("there are 12 rows but 5 sample weights: pass one weight per row")


def test_targets_that_are_not_numbers(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=X, y=Y.astype("complex64"))
    text = message(model, tmp_path)
    assert 'the targets of "' in text
    assert text.endswith('" must be numbers, got complex64')


def test_a_history_that_cannot_be_read(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text("{")
    assert "h.json: it cannot be read (Expecting property name" in message(model, data, history=tmp_path / "h.json")
    (tmp_path / "list.json").write_text("[1]")
    expected = "--history must be what fit returned, its dict, or a JSON or CSV file of it, got list"
    assert message(model, data, history=tmp_path / "list.json") == expected


def test_compile_settings_that_are_not_an_object(tmp_path: Path, data: Path, make_model: Make) -> None:
    make_model().save(tmp_path / "m.keras")
    edit_archive(tmp_path / "m.keras", lambda config: config.update(compile_config=[1]))
    assert message(tmp_path / "m.keras", data) == "m.keras is damaged: its compile_config is not a JSON object"


def test_a_model_that_was_never_built(tmp_path: Path, data: Path) -> None:
    keras.Sequential([keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    expected = "m.keras: the file does not say the shape of the model's input: build the model before saving it"
    assert message(tmp_path / "m.keras", data, loss="mse") == expected


def test_a_vocabulary_that_hdf5_does_not_keep(tmp_path: Path, data: Path) -> None:
    words = keras.layers.StringLookup(name="words")
    words.adapt(["a", "b"])
    keras.Sequential([keras.Input((1,), dtype="string"), words]).save(tmp_path / "m.h5")
    assert message(tmp_path / "m.h5", data, loss="mse") == (
        'm.h5: the vocabulary of layer "words" is not in the file: '
        "HDF5 does not keep what adapt learned, so save the model as .keras"
    )
